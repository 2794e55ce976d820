"""Why somebody may or may not: each rule that speaks, the role that has it, whether it holds here, and who wrote it.

A person asks about himself, on records he may see; an administrator about anybody, on any record. Nothing here decides:
what is told is asked of the same statements that decide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.plan import sight
from engine.plan.entity import Entity
from engine.plan.machine import Machine, Transition
from engine.plan.question import Question
from engine.serve.document import facts, rights
from engine.serve.document.facts import machine_of
from engine.serve.people import auth
from engine.serve.people.called import people_names
from engine.serve.query import reading, request
from engine.serve.tenant.bind import ADMIN, Me, call, id_array
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.fault import refuse, yaml_of
from engine.serve.wire.parsing import parameters_of

OPERATIONS = ("create", "read", "update", "delete", "export", "act")
"""The first is of no record that is there already."""
Told = dict[str, Any]


async def person_of(here: Here) -> Me:
    """Whom it is asked about: the caller, or whoever an administrator names as ``person``."""
    wanted = parameters_of(here.asked, "person").get("person", "")
    if not wanted or wanted == here.me.user:
        return here.me
    if not here.me.admin:
        raise refuse("access.administrator")
    found = await auth.as_person(here.tenant, wanted) if looks_like_id(wanted) else None
    if found is None:
        raise refuse("access.no-person", "/person")
    return found


async def of_entity(here: Here, entity: Entity, me: Me) -> Told:
    """What somebody's roles give on the records of an entity, as rules."""
    root = rights.root_of(here.app, entity)
    told = {operation: _rules(here, root, me, operation) for operation in OPERATIONS}
    return {
        "entity": entity.path,
        "person": await told_person(here, me),
        "operations": {name: {"ever": rights.may_ever(here.app, me, root, name), **one} for name, one in told.items()},
        "fields": _fields(here, entity, me),
    }


async def of_record(here: Here, entity: Entity, record: str, me: Me) -> Told:
    """The same on one record: whether each rule holds on it, what its state allows, and whose move it is."""
    root = rights.root_of(here.app, entity)
    document = await _document(here, root, record)
    machine = machine_of(here.app, root)
    state = machine.states.get(str(document.get(machine.field))) if machine is not None else None
    operations = {}
    for operation in OPERATIONS[1:]:
        told = _rules(here, root, me, operation)
        for rule in told["rules"]:
            rule["holds"] = await _holds(here, root, me, operation, record, rule["role"])
        allowed = me.admin or any(rule["holds"] for rule in told["rules"])
        locked = operation in ("update", "delete") and state is not None and not state.editable
        operations[operation] = {"allowed": allowed and not locked, "locked": locked, **told}
    if root.kind == "ledger":
        for operation in ("update", "delete"):
            operations[operation] |= {"allowed": False, "locked": True}
    reads = [rule["role"] for rule in operations["read"]["rules"] if rule["holds"]]
    return {
        "entity": entity.path,
        "record": record,
        "person": await told_person(here, me),
        "state": {"name": state.name, "title": state.title.to(here.language), "editable": state.editable}
        if state is not None
        else None,
        "operations": operations,
        "fields": _fields(here, entity, me, reads),
        **await _moves(here, root, machine, document, record, me),
    }


async def told_person(here: Here, me: Me) -> Told:
    names = await people_names(here.tenant, here.app, (me.user,))
    return {
        "id": me.user,
        "display": names.get(me.user or "", {}).get("display") or me.name,
        "administrator": me.admin,
        "roles": [
            {
                "role": role,
                "title": role_title(here, role),
                "everywhere": role in me.everywhere,
                "places": {name.partition(".")[2]: len(ids) for name, ids in me.places.items() if _of(name, role)},
            }
            for role in me.roles
        ],
    }


def _of(place: str, role: str) -> bool:
    return place.partition(".")[0] == role


def role_title(here: Here, role: str) -> str:
    known = here.app.roles.get(role)
    return known.title.to(here.language) if known is not None else role


def _rules(here: Here, root: Entity, me: Me, operation: str) -> Told:
    """The rules of the person's roles; an administrator is also told which other roles have one."""
    given = root.access.get(operation, {})
    mine = [role for role in given if role in me.roles]
    told: Told = {"rules": [rule(here, root, operation, role) for role in mine]}
    if here.me.admin:
        told["others"] = [rule(here, root, operation, role) for role in given if role not in me.roles]
    return told


def rule(here: Here, root: Entity, operation: str, role: str) -> Told:
    return {
        "role": role,
        "title": role_title(here, role),
        "rule": root.access[operation][role],
        "where": yaml_of(root.access_at.get(role, "")),
    }


def _fields(here: Here, entity: Entity, me: Me, admitting: list[str] | None = None) -> list[Told]:
    """Fields that some role does not see whole or does not change: what this person sees of them.
    ``admitting``: the roles that admit him to the one record it is about."""
    out = []
    for field in entity.fields.values():
        seen = rights.seen(here.app, me, entity, field)
        if not (field.restricted or field.readonly_for) or (seen.hidden and not here.me.admin):
            continue
        if admitting is not None and not me.admin:
            seen = sight.sight(field, admitting)
        shut = admitting is not None and not admitting and not me.admin
        how = "hidden" if shut else "whole" if seen.plain else ""
        if not how and seen.whole:
            how = "rows" if admitting is None else "whole"
        out.append(
            {
                "field": field.name,
                "title": field.title.to(here.language),
                "seen": how or ("part" if seen.part else "hidden"),
                "hidden_from": list(field.hidden_from) if here.me.admin else _mine(field.hidden_from, me),
                "masked_for": list(field.masked_for) if here.me.admin else _mine(field.masked_for, me),
                "readonly_for": list(field.readonly_for) if here.me.admin else _mine(field.readonly_for, me),
            }
        )
    return out


def _mine(roles: tuple[str, ...], me: Me) -> list[str]:
    return [role for role in roles if role in me.roles]


async def _document(here: Here, root: Entity, record: str) -> Mapping[str, Any]:
    """What decides besides rules, whoever asks: he has been let see the record, or is an administrator."""
    asked = here.tenant.asker.records(here.app, Question(root.path, one=True, roles=(ADMIN,)))
    made = call(asked.statement, here.moment(), {"id": record})
    found = await here.tenant.database.read(made.sql, made.values)
    if not found or found[0][0] is None:
        raise refuse("api.not-found", entity=root.title)
    document: Mapping[str, Any] = json.loads(found[0][0])
    return document


async def _holds(here: Here, root: Entity, me: Me, operation: str, record: str, role: str) -> bool:
    return await replace(here, me=me).admits(root, operation, record, (role,))


async def _moves(
    here: Here, root: Entity, machine: Machine | None, document: Mapping[str, Any], record: str, me: Me
) -> Told:
    if machine is None:
        return {"moves": [], "waiting": []}
    acting = facts.acting(machine, here.app, here.tenant.asker, me)
    asked = call(
        facts.statement(machine, here.app.dialect, acting),
        here.tenant.moment(me),
        {"id": record, "roots": id_array([record])},
    )
    known = facts.read(machine, (await here.tenant.database.read(asked.sql, asked.values))[0])
    asked_of = [task.user for task in (known.case.tasks if known.case is not None else ())]
    names = await people_names(here.tenant, here.app, asked_of)
    waiting = [
        {"step": step.title.to(here.language), "person": names.get(task.user or "", {}).get("display", "")}
        for task in (known.case.tasks if known.case is not None else ())
        if task.state == "open" and (step := next((s for s in machine.steps if s.name == task.step), None))
    ]
    moves = [_move(here, machine, move, known, me, document) for move in machine.transitions.values() if not move.auto]
    return {"moves": moves, "waiting": waiting}


def _move(
    here: Here, machine: Machine, move: Transition, known: facts.Facts, me: Me, document: Mapping[str, Any]
) -> Told:
    right_state = document.get(machine.field) in move.sources
    mine = known.may_make(move, me, document)
    holds = known.holds.get(move.name, True)
    return {
        "name": move.name,
        "title": move.title.to(here.language),
        "allowed": right_state and mine and holds,
        "state": right_state,
        "person": mine,
        "condition": holds,
        "by": [role_title(here, role) for role, _place in move.by.roles],
        "where": yaml_of(move.where),
    }


async def _entity(here: Here, at: At) -> Answer:
    me = await person_of(here)
    if not here.me.admin and not any(rights.may_ever(here.app, me, at.entity, o) for o in OPERATIONS):
        raise refuse("access.denied", operation=rights.WORDS["read"], entity=at.entity.title)
    return Answer(200, as_json(await of_entity(here, at.entity, me)))


async def _record(here: Here, at: At) -> Answer:
    return Answer(200, as_json(await on(here, at, await person_of(here))))


async def on(here: Here, at: At, me: Me) -> Told:
    """About a record that the caller may see; what he may not is not there."""
    asking = request.one(here.app, here.me, at.entity, at.id, [("fields", "id")])
    await reading.get_text(here, at.entity, asking, plain=True)
    return await of_record(here, at.entity, at.id, me)


DOORS = (
    Door("records.rules", ("GET",), "{module}/{entity}/explain", _entity),
    Door("records.explain", ("GET",), "{module}/{entity}/{id}/explain", _record),
)
