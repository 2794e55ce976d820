"""References that were written must point at living records.

Asked after the rows are written: the foreign key has locked the record by then, so of two sessions that refer to it
and send it to the bin, exactly one passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from engine.db import Body, Call
from engine.db.call import Rows
from engine.fieldtypes.storage import among, quote
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.statement import Dialect
from engine.serve.document.decode import Change
from engine.serve.document.store import Doc, Op, World
from engine.serve.tenant.bind import id_array
from engine.serve.tenant.rows import placeholder
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import Fault, Refusal, fault

Place = tuple[str, str, str, str]
"""(target entity, id, pointer, field)"""


def places(app: App, entity: Entity, change: Change, pointer: str) -> Iterator[tuple[Entity, Place]]:
    """Every reference a change writes, and where it stands in the body."""
    for name, value in change.values.items():
        known = entity.fields[name]
        if value is None or known.target not in app.entities:
            continue
        if known.kind == "uuid":
            yield entity, (known.target, value, f"{pointer}/{name}", name)
        elif known.spec.type == "refs":
            for n, one in enumerate(value):
                yield entity, (known.target, one, f"{pointer}/{name}/{n}", name)
    for name, lines in change.lines.items():
        child = app.entities[entity.fields[name].target]
        for line in lines.lines:
            if not line.delete:
                yield from places(app, child, line.change, f"{pointer}/{name}/{line.at}")


def require_living(world: World, entity: Entity, docs: Iterable[Doc]) -> Body[None]:
    """One statement for all references of all documents; refuses with every one that leads nowhere."""
    found = [p for d in docs for p in places(world.app, entity, d.op.change, d.op.pointer)]
    if not found:
        return
    rows = yield _living(world.app, _wanted(found))
    faults = _missing(found, _met(found, rows))
    if faults:
        raise Refusal(faults, 422)


def _wanted(found: Iterable[tuple[Entity, Place]]) -> dict[str, dict[str, None]]:
    wanted: dict[str, dict[str, None]] = {}
    for _, (target, record, _, _) in found:
        wanted.setdefault(target, {})[record] = None
    return wanted


def _met(found: Iterable[tuple[Entity, Place]], rows: Rows) -> set[tuple[str, str]]:
    targets = sorted(_wanted(found))
    return {(targets[int(row[0])], row[1]) for row in rows}


def _missing(found: Iterable[tuple[Entity, Place]], living: set[tuple[str, str]]) -> list[Fault]:
    return [
        fault("api.no-reference", pointer, title=entity.fields[name].title)
        for entity, (target, record, pointer, name) in found
        if (target, record) not in living
    ]


def _living(app: App, wanted: Mapping[str, Mapping[str, None]]) -> Call:
    targets = sorted(wanted)
    sql = _sql(tuple(app.entities[t].table for t in targets), app.dialect)
    return Call(sql, tuple(id_array(list(wanted[t])) for t in targets), columns=2)


@lru_cache(maxsize=2_000)
def _sql(tables: tuple[str, ...], dialect: Dialect) -> str:
    return " UNION ALL ".join(
        f"SELECT {n} AS n, id FROM {quote(table)}"
        f" WHERE {among(dialect, 'id', placeholder(dialect, n + 1))} AND deleted_at IS NULL"
        for n, table in enumerate(tables)
    )


async def explain(tenant: Tenant, app: App, ops: Iterable[Op]) -> list[Fault]:
    """Which references of refused operations lead nowhere: a foreign key's own refusal seldom says."""
    found = [p for op in ops for p in places(app, app.entities[op.entity], op.change, op.pointer)]
    asked = _living(app, _wanted(found)) if found else None
    rows = await tenant.database.read(asked.sql, asked.values) if asked else []
    return _missing(found, _met(found, rows))
