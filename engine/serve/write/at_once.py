"""A record written by one statement, where the compiler says that this will do (``plan.entity.AtOnce``).

To the statement are added the rights of whoever writes, and the record as he is told of it. It only ever says that all
is well: whatever is not (a version, a right, a check, a reference, a unique key) undoes everything, and the way that
asks one after the other says what it is. So both refuse the same, in the same words and order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.db import Body, Violation
from engine.fieldtypes.storage import compact, encode_rows, quote
from engine.plan.app import App
from engine.plan.entity import AtOnce, Entity, Write
from engine.plan.question import Asker, Question
from engine.plan.statement import Statement, looks_further
from engine.problem import Problems
from engine.serve.document import rights
from engine.serve.document.store import Done, Op, World
from engine.serve.tenant.bind import Me, call
from engine.serve.tenant.combine import Combined, places_once
from engine.serve.tenant.ids import uuid7
from engine.serve.tenant.tenancy import Tenant
from engine.serve.write import companions, history


class Otherwise(Exception):
    """It is not to be written so; nothing was."""


@dataclass(frozen=True, slots=True)
class Ready:
    """One way of writing records of an entity, for people who hold the same roles."""

    entity: Entity
    write: Write
    statement: Statement


def ready(tenant: Tenant, app: App, op: Op, me: Me) -> Ready | None:
    """How this is written by one statement; None where it is not."""
    entity = app.entities[op.entity]
    write = entity.write
    if write is None or write.at_once is None or op.kind not in ("create", "update") or op.state or op.rules.trusted:
        return None
    key = ("at once", op.entity, op.kind, me.roles)
    kept = tenant.kept(app)
    if key not in kept:
        made = _statement(app, tenant.asker, entity, write.at_once, op.kind, me)
        kept[key] = Ready(entity, write, made) if made is not None else None
    found: Ready | None = kept[key]
    return found


def _statement(app: App, asker: Asker, entity: Entity, plan: AtOnce, kind: str, me: Me) -> Statement | None:
    """None: what decides is not the record alone, or what is told of it shows others of its kind."""
    if not rights.may_ever(app, me, entity, kind) or rights.fixed(app, me, entity, kind):
        return None
    combined = Combined(app.dialect)
    base, _, source = combined.embed(plan.create if kind == "create" else plan.update).rpartition(" FROM ")
    allowed: dict[str, None] = {}
    for rows, operation in _asked(kind):
        if rights.may_always(app, me, entity, operation):
            continue
        asked = asker.access(app, entity.path, operation, me.roles, rows)
        if asked is None or looks_further(asked.sql):
            return None
        allowed[f"EXISTS ({combined.embed(asked)})"] = None
    told = "NULL"
    if rights.may_ever(app, me, entity, "read"):
        try:
            shown = asker.records(app, Question(entity.path, one=True, roles=me.roles, of="w")).statement
        except Problems:
            return None
        if any(quote(table) in shown.sql for table in _written(app, entity)):
            return None
        told = f"({combined.embed(shown)})"
    return combined.whole(places_once(f"{base}, {' AND '.join(allowed) or 'TRUE'}, {told} FROM {source}"))


def _asked(kind: str) -> tuple[tuple[str, str], ...]:
    """Of which rows it is asked what one may do with them; as in ``write``."""
    return (("w", "create"),) if kind == "create" else (("b", "read"), ("b", "update"), ("w", "update"))


def _written(app: App, entity: Entity) -> Iterator[str]:
    """The tables that a write of its records changes: the statement does not see that yet."""
    yield entity.table
    for log in app.logs:
        if log.entity == entity.path:
            yield from (log.table, *(rollup.table for rollup in log.rollups))


def written(world: World, ready: Ready, op: Op) -> Body[Done]:
    """The body of the transaction."""
    moment, root = world.moment, ready.write.root
    record = op.id or op.change.id or uuid7()
    inputs = {
        "id": record,
        "rows": encode_rows(root.inputs, [{"id": record, **op.change.values}], moment.dialect),
        "revs": None if op.rev is None else compact(op.rev),
        "history": uuid7(),
        "event": uuid7(),
        "audit": uuid7(),
        "at": int(moment.now.timestamp() * 1000),
    }
    try:
        found = yield call(ready.statement, moment, inputs)
    except Violation as refused:
        raise Otherwise from refused
    if not found or not found[0][1] or not found[0][3]:
        raise Otherwise
    rev, _, document, _, told = found[0]
    if document is not None:
        yield from companions.keep(world, ready.entity, root, [history.parsed(document)])
    return Done(record, int(rev), {}, op.kind == "create", told=told)
