"""What comes with a record besides its fields: what may be done next, who decided what, what changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from engine.db import Body, Violation
from engine.fieldtypes.storage import among, encode_list, quote
from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.machine import Machine
from engine.plan.question import Filter, Question
from engine.plan.statement import Param, Statement
from engine.plan.viewer import Action
from engine.problem import Problems
from engine.serve.document import facts, rights
from engine.serve.people import standing
from engine.serve.tenant import rows
from engine.serve.tenant.bind import ADMIN, Me, Moment, call, id_array
from engine.serve.tenant.combine import Combined
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import Fault, Refusal, fault

_KEPT = 4_000


def machine_of(app: App, entity: Entity) -> Machine | None:
    return app.machines.get(entity.machine) if entity.machine else None


def record_statement(
    tenant: Tenant, app: App, entity: Entity, question: Question, me: Me, plain: bool = False
) -> Statement | None:
    """One record; of an entity with a workflow also what the workflow knows of it, so that one statement suffices.
    Whoever has a task on a document may read it, whatever else he may. None: nothing is his to read."""
    machine = None if plain else machine_of(app, entity)
    approvals = machine_of(app, entity)
    tasked = approvals is not None and bool(approvals.steps) and not rights.may_always(app, me, entity, "read")
    key = ("record", question, plain)
    kept = tenant.kept(app)
    made: Statement | str | None = kept.get(key)
    if made is None:
        if len(kept) > _KEPT:
            kept.clear()
        made = kept[key] = _record_statement(tenant, app, entity, question, me, machine, tasked)
    return made if isinstance(made, Statement) else None


def _record_statement(
    tenant: Tenant, app: App, entity: Entity, question: Question, me: Me, machine: Machine | None, tasked: bool
) -> Statement | str:
    combined = Combined(app.dialect)
    texts = []
    if rights.may_ever(app, me, entity, "read"):
        asked = tenant.asker.records(app, question)
        if machine is None and not tasked:
            return asked.statement
        texts.append(f"({combined.embed(asked.statement)})")
    if tasked:
        whole = Question(**{**_slots(question), "roles": (ADMIN,), "fields": _visible(app, me, entity, question)})
        everything = tenant.asker.records(app, whole)
        record = combined.bind(Param("input", "id", "uuid"))
        held = standing.is_mine(app.dialect, *(combined.bind(p) for p in standing.PARAMS))
        cast = "::uuid" if app.dialect == "postgresql" else ""
        mine = f"EXISTS (SELECT 1 FROM _task WHERE root = {record}{cast} AND {held})"
        texts.append(f"CASE WHEN {mine} THEN ({combined.embed(everything.statement)}) END")
    if not texts:
        return ""
    moves = []
    if machine is not None:
        moves = facts.columns(machine, combined, facts.acting(machine, app, tenant.asker, me))
    first = texts[0] if len(texts) == 1 else f"COALESCE({', '.join(texts)})"
    return combined.finish([first, *moves])


def _slots(question: Question) -> dict[str, Any]:
    return {name: getattr(question, name) for name in Question.__slots__}


def _visible(app: App, me: Me, entity: Entity, question: Question) -> tuple[str, ...]:
    """A signer sees what his roles would show whole on a record they admit him to."""
    kept = [f.name for f in entity.fields.values() if (s := rights.seen(app, me, entity, f)).plain or s.whole]
    return question.fields if question.fields or len(kept) == len(entity.fields) else tuple(kept)


def with_actions(app: App, entity: Entity, me: Me, row: Sequence[Any], language: str) -> str:
    """The record's JSON text with ``actions`` (and ``_steps``: which steps wait) added."""
    text = str(row[0])
    machine = machine_of(app, entity)
    if machine is None or len(row) == 1:
        return text
    found = facts.read(machine, row[1:])
    document = json.loads(text)
    allowed = facts.actions(machine, found, me, document)
    more: dict[str, Any] = {"actions": [told(one, language) for one in allowed]}
    if found.case is not None:
        step = found.case.step_of(machine)
        more["_steps"] = [found.case.step] if found.case.step else []
        if step is not None and step.edit and found.case.task_of(me, document) is not None:
            more["_editable"] = list(step.edit)
    else:
        more["_steps"] = []
    return f"{text[:-1]},{json.dumps(more, ensure_ascii=False, separators=(',', ':'))[1:]}"


def title_of(app: App, entity: Entity, name: str) -> Label:
    machine = machine_of(app, entity)
    if machine is not None and name in machine.transitions:
        return machine.transitions[name].title
    return facts.DECISIONS[name]


def told(one: Action, language: str) -> dict[str, Any]:
    out: dict[str, Any] = {"name": one.name, "title": one.title.to(language), "kind": one.kind, "reason": one.reason}
    if one.require:
        out["require"] = list(one.require)
    return out


def read_in(tenant: Tenant, app: App, entity: Entity, record: str, moment: Moment, language: str) -> Body[str | None]:
    """The record as its writer may see it, inside the transaction that wrote it."""
    me = moment.me
    question = Question(entity.path, one=True, roles=me.roles)
    try:
        statement = record_statement(tenant, app, entity, question, me)
    except Problems:
        return None
    if statement is None:
        return None
    columns = 1 if machine_of(app, entity) is None else 0
    found = yield call(statement, moment, {"id": record, "roots": id_array([record])}, columns)
    if not found or found[0][0] is None:
        return None
    return with_actions(app, entity, me, found[0], language)


_NAMES_KEPT = 20_000


async def people_names(tenant: Tenant, app: App, wanted: Iterable[Any]) -> dict[str, dict[str, str]]:
    """What these people are called; each is asked for once, until the App is swapped or somebody writes a person."""
    kept = tenant.names
    if kept is None or len(kept) > _NAMES_KEPT:
        kept = tenant.names = {}
    missing = [one for one in dict.fromkeys(str(w) for w in wanted if w) if one not in kept]
    for n in range(0, len(missing), 1000):
        for user, name in await _named(tenant, app, missing[n : n + 1000]):
            kept[user] = {"id": user, "display": name}
    return kept


async def _named(tenant: Tenant, app: App, ids: list[str]) -> list[tuple[str, str]]:
    """As the pack displays them; who is in no list of people, by the name he logs in with."""
    mark = rows.placeholder(app.dialect, 1)
    wanted = among(app.dialect, '"user"', mark)
    sql = f'SELECT "user", name FROM _login WHERE {wanted}'
    found: dict[Any, str] = dict(await tenant.database.read(sql, (id_array(ids),)))
    users = app.entities.get(app.people.users)
    if users is not None:
        question = Question(users.path, fields=("display",), filters=(Filter("id", "in"),), roles=(ADMIN,))
        asked = tenant.asker.records(app, question)
        inputs = {"f0": encode_list("uuid", 0, app.dialect, tuple(ids)), "limit": 1000}
        made = call(asked.statement, tenant.moment(), inputs)
        text = (await tenant.database.read(made.sql, made.values))[0][0]
        found |= {item["id"]: item["display"] or "" for item in json.loads(text)["items"]}
    return [(str(user), name) for user, name in found.items()]


def people_entities(tenant: Tenant, app: App) -> frozenset[str]:
    """Entities whose records say who holds which role: a write to them ends what is remembered of people."""
    kept: frozenset[str] | None = tenant.kept(app).get("people")
    if kept is None:
        texts = [assignment.statement.sql for assignment in app.people.assignments]
        tables = {quote(e.table): e for e in app.entities.values()}
        kept = frozenset(
            rights.root_of(app, e).path for name, e in tables.items() if any(name in text for text in texts)
        ) | {app.people.users}
        tenant.kept(app)["people"] = kept
    return kept


def of_violation(app: App, entity: Entity, found: Violation) -> Refusal:
    """A constraint's refusal in the words of the fields it is about."""
    table = next((t for t in app.tables if t.name == found.table), None)
    columns = found.columns
    if found.kind == "unique":
        for candidate in app.tables if table is None else (table,):
            index = next((i for i in candidate.indexes if i.name == found.name), None)
            if index is not None:
                table, columns = candidate, index.columns
    if found.kind == "foreign":
        for candidate in app.tables:
            key = next((k for k in candidate.foreign_keys if k.name and k.name == found.name), None)
            if key is not None:
                table, columns = candidate, (key.column,)
    about = app.entities.get(table.entity, entity) if table is not None else entity
    called = {f.column: f.name for f in about.fields.values() if f.column}
    names = [called.get(column, column) for column in columns]
    titles = [about.fields[name].title if name in about.fields else Label(name, name) for name in names]
    shown = Label("、".join(t.to("zh") for t in titles), ", ".join(t.to("en") for t in titles))
    pointer = f"/{names[0]}" if len(names) == 1 and about.path == entity.path else ""
    if found.kind == "unique":
        return Refusal((fault("api.not-unique", pointer, fields=shown),), 409)
    if found.kind == "foreign":
        return Refusal((fault("api.no-reference", pointer, title=shown if titles else about.title),), 422)
    if found.kind == "check":
        told = _too_long(app, entity, found.name) or _own_check(app, entity, found.name)
        if told is not None:
            return Refusal((told,), 422)
    if found.kind == "notnull" and titles:
        return Refusal((fault("field.required", pointer, title=titles[0]),), 422)
    return Refusal((fault("api.constraint", pointer, name=found.name or found.table),), 422)


def _own_check(app: App, entity: Entity, name: str) -> Fault | None:
    """A check of the pack that the table itself holds: its words have no values in them."""
    for table in app.tables:
        held = next((c for c in table.checks if c.name == name and c.check), None)
        if held is not None:
            check = app.entities[table.entity].checks[held.check]
            zh, en = ("".join(str(p) for p in m.parts) for m in (check.message.zh, check.message.en))
            pointer = check.pointer if table.entity == entity.path else ""
            return Fault(f"check.{check.name}", Label(zh, en), pointer, check=check.name)
    return None


def _too_long(app: App, entity: Entity, name: str) -> Fault | None:
    """SQLite keeps decimals as whole numbers of 64 bits: of many digits after the point few are left before it."""
    for other in (entity, *app.entities.values()):
        for known in other.fields.values():
            if name == f"{other.table}_{known.column}_whole":
                pointer = f"/{known.name}" if other is entity else ""
                return fault("value.digits", pointer, digits=18 - known.scale, got=known.title.to("en"))
    return None
