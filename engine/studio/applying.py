"""A plan → the tables and the revision it leads to, in one transaction; the last good revision serves until then."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

from engine.ask import Ask
from engine.compile import backfill
from engine.db import Body, Call, Database, Held, Stale, Violation, rollups
from engine.db.diff import TableChange
from engine.db.steps import index_sql, rebuilt
from engine.fieldtypes.storage import quote
from engine.plan.change import Line
from engine.plan.table import Index
from engine.problem import Problem, Problems, Where, problem
from engine.serve import audit, rows
from engine.serve.bind import call
from engine.serve.tenancy import Tenant
from engine.studio import renaming
from engine.studio.codes import CODES
from engine.studio.planning import Planned
from engine.studio.planting import Planter
from engine.tenants import identity, revision
from engine.tenants.revision import Revision

_ROUNDS = 8
"""Owner and lines that depend on each other are as deep as this at most."""
_LARGE = 20_000
"""Rows from which on an index is built beside the writers, before the change itself."""


async def applied(made: Planned, database: Database, by: str = "", note: str = "", despite: bool = False) -> Revision:
    """Raises Problems when the plan is refused, overtaken by another one, or the database refuses it; then nothing has
    changed. ``despite`` scenarios that would not hold: the revision says so, and why (``note``)."""
    plan = made.plan
    if plan.drift:
        raise Problems([problem(CODES["plan.drift"], what="; ".join(plan.drift))])
    if plan.barred:
        count = sum(bool(line.against) for line in plan.lines if line.kind != "scenario")
        raise Problems([problem(CODES["plan.refused"], count=count)])
    if plan.broken and not despite:
        raise Problems([_unheld(line) for line in plan.broken])
    if plan.broken and not note:
        raise Problems([problem(CODES["plan.despite"])])
    if plan.empty:
        return made.have
    planter = await _planter(made, database)
    try:
        await _ahead(made, database)
        now = await database.change(lambda: _body(made, planter, by, note))
    except Held:
        raise Problems([problem(CODES["plan.held"])]) from None
    except Violation as found:
        raise Problems([problem(CODES["plan.violated"], what=str(found))]) from found
    with suppress(Stale):  # the next change has come already, and counts for itself
        await rollups.settle(database, made.app.logs)
    return now


def _unheld(line: Line) -> Problem:
    file, _, at = line.where.partition(":")
    row, _, column = at.partition(":")
    where = Where(file, int(row or 0), int(column or 0))
    return problem(CODES["plan.scenario"], where, name=line.path, what="; ".join(line.offenders))


async def _planter(made: Planned, database: Database) -> Planter:
    source = made.source
    tenant = Tenant(source.name, made.app, database, Ask(), zone=source.zone, language=source.language)
    await tenant.load_settings()
    return Planter(tenant, made.catalog)


def _body(made: Planned, planter: Planter, by: str, note: str) -> Body[Revision]:
    now = yield from revision.newest()
    if now.number != made.have.number:
        said = problem(CODES["plan.overtaken"], now=now.number, planned=made.have.number)
        raise Problems([said])
    dialect, logs = made.app.dialect, made.app.logs
    anew = [c.after.name for c in made.difference.changes if rebuilt(c, made.fills)]
    yield from rollups.before_change(dialect, logs, anew)
    for statement in made.statements():
        yield Call(statement)
    if made.app.dialect == "sqlite":
        yield from _referring(made)
    yield from rollups.after_change(dialect, logs)
    yield from renaming.calls(made)
    yield from _computed(made, planter)
    yield from identity.keep(made.app.dialect, made.matching.changed)
    changes = json.dumps([line.plain() for line in made.plan.lines], ensure_ascii=False)
    number, tables = made.have.number + 1, made.difference.after
    yield from revision.keep(made.app.dialect, number, made.app, made.source.told(), tables, by, note, changes)
    despite = {"despite": [line.path for line in made.plan.broken]} if made.plan.broken else {}
    told = audit.at_terminal("apply", {"revision": number, **({"note": note} if note else {}), **despite})
    yield rows.insert("_audit", [told], made.app.dialect)
    new = set(made.matching.added)
    yield from planter.plant([row for row in made.catalog.seeds if row.entity in new])
    return replace(now, number=number, digest=made.app.digest, tables=tables, epoch=now.epoch + 1)


def _computed(made: Planned, planter: Planter) -> Body[None]:
    """Records that were there before a computed field get its value."""
    moment = planter.tenant.moment()
    filling = backfill.statements(made.catalog, made.computed, made.app.dialect)
    for _ in range(_ROUNDS):
        changed = False
        for statement in filling:
            changed |= bool((yield call(statement, moment, {})))
        if not changed:
            return


def _referring(made: Planned) -> Body[None]:
    """Tables that were made anew went by unchecked."""
    for change in made.difference.changes:
        if change.before is not None and rebuilt(change, made.fills):
            broken = yield Call(f"PRAGMA foreign_key_check({quote(change.after.name)})")
            if broken:
                raise Violation("foreign", table=change.after.name)


async def _ahead(made: Planned, database: Database) -> None:
    """Indexes of large tables, on PostgreSQL: building them there does not hold up writers. One that is left behind by
    a change that then fails is found there by the next one."""
    if database.dialect == "sqlite":
        return
    for change in made.difference.changes:
        wanted = [i for i in change.after.indexes if _buildable(i, change)]
        if not wanted or change.before is None:
            continue
        rows = (await database.read(f"SELECT count(*) FROM {quote(change.before.name)}"))[0][0]
        for index in wanted if rows >= _LARGE else ():
            drop = f"DROP INDEX IF EXISTS {quote(index.name)}"
            await database.outside(drop)
            try:
                await database.outside(index_sql(change.after.name, index, "CONCURRENTLY "))
            except Exception:
                with suppress(Exception):
                    await database.outside(drop)  # else it stays behind invalid
                raise


def _buildable(index: Index, change: TableChange) -> bool:
    before = change.before
    if before is None or before.name != change.after.name:
        return False
    kept = {old for old, new in change.moved.items() if old == new}
    there = {i.name for i in before.indexes}
    stable = {c.name for c in before.columns if c in change.after.columns}
    return set(index.columns) <= kept & stable and not index.where.count('"') and index.name not in there
