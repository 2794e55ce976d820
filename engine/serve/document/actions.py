"""What comes with a record besides its fields: what may be done next, who decided what, what changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from engine.db import Body
from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.machine import Machine
from engine.plan.question import Question
from engine.plan.statement import Param, Statement
from engine.plan.viewer import Action
from engine.problem import Problems
from engine.serve.document import facts, rights
from engine.serve.document.facts import machine_of
from engine.serve.people import standing
from engine.serve.tenant.bind import ADMIN, Me, Moment, call, id_array
from engine.serve.tenant.combine import Combined
from engine.serve.tenant.tenancy import Tenant

_KEPT = 4_000


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
