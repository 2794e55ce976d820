"""A plan → the tables and the revision it leads to, in one transaction; the last good revision serves until then."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from engine.ask import Ask
from engine.compile import backfill
from engine.db import Body, Call, Database, Held, Stale, Violation, rollups
from engine.db.beside import cleared
from engine.db.diff import TableChange, fit
from engine.db.steps import Ready, doubts, rebuilt, redefined
from engine.fieldtypes.storage import quote
from engine.plan.change import Line
from engine.plan.table import Table
from engine.problem import Problem, Problems, Where, problem
from engine.serve.people import audit
from engine.serve.tenant import rows
from engine.serve.tenant.bind import call
from engine.serve.tenant.tenancy import Tenant
from engine.studio.change import guarding, numbering, rejoining
from engine.studio.change.planning import Planned
from engine.studio.change.unfolding import Unfolding
from engine.studio.codes import CODES
from engine.studio.follow import recoding, refreshing, waking
from engine.studio.follow.batches import Progress, until_still
from engine.studio.follow.owing import follow, owe
from engine.studio.follow.turns import Turn
from engine.studio.tenant.planting import Planter
from engine.tenants import identity, revision
from engine.tenants.revision import Revision

Beside = Callable[[Mapping[str, Any]], Body[None]]
"""What is written together with a revision, given what the audit is to know of it."""


async def applied(
    made: Planned,
    turn: Turn,
    note: str = "",
    despite: bool = False,
    tell: Progress = lambda *_: None,
    beside: Beside | None = None,
) -> Revision:
    """``turn`` is ours to change the database, and says who we are. Raises Problems when the plan is refused, overtaken
    by another one, or the database refuses it; then nothing has changed. ``despite`` scenarios that would not hold: the
    revision says so, and why (``note``). ``tell`` is told how far the long part is. Without a ``beside`` the audit says
    that it was done at a terminal. What is left to be done afterwards is owed: see ``settling``."""
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
    database = turn.database
    await turn.stage("applying")
    try:
        await cleared(database)
        if await _number(database) != made.have.number:
            raise Problems([_overtaken(made, await _number(database))])
        now = await _changed(made, turn, note, tell, beside or at_terminal(database))
    except Held:
        raise Problems([problem(CODES["plan.held"])]) from None
    except Violation as found:
        raise Problems([problem(CODES["plan.violated"], what=str(found))]) from found
    with suppress(Stale):  # the next change has come already, and counts for itself
        await rollups.settle(database, made.app.logs)
    return now


async def _changed(made: Planned, turn: Turn, note: str, tell: Progress, beside: Beside) -> Revision:
    database = turn.database
    planter = await _planter(made, database)

    def far(step: str, what: str, done: int, of: int) -> None:
        turn.tell(step, what, done, of)
        tell(step, what, done, of)

    ahead = Unfolding(made, database, planter.tenant.moment(), far, turn.still)
    try:
        await ahead.begin()
        far("switch", "", 0, 0)
        now = await database.change(lambda: _body(made, planter, ahead, turn.running.by, note, beside))
    except BaseException:
        with suppress(Exception):
            await cleared(database)
        raise
    await ahead.clean()
    return now


async def _number(database: Database) -> int:
    return int((await database.read("SELECT max(n) FROM _revision"))[0][0])


def _overtaken(made: Planned, now: int) -> Problem:
    return problem(CODES["plan.overtaken"], now=now, planned=made.have.number)


def _unheld(line: Line) -> Problem:
    file, _, at = line.where.partition(":")
    row, _, column = at.partition(":")
    where = Where(file, int(row or 0), int(column or 0))
    return problem(CODES["plan.scenario"], where, name=line.path, what="; ".join(line.offenders))


async def _planter(made: Planned, database: Database) -> Planter:
    return Planter(await tenant_of(made, database), made.catalog)


async def tenant_of(made: Planned, database: Database, epoch: int = 0) -> Tenant:
    """The tenant that a plan makes, as long as nobody serves it."""
    source, app = made.source, replace(made.app, epoch=epoch)
    tenant = Tenant(source.name, app, database, Ask(), zone=source.zone, language=source.language)
    await tenant.load_settings()
    return tenant


def at_terminal(database: Database) -> Beside:
    def told(detail: Mapping[str, Any]) -> Body[None]:
        yield rows.insert("_audit", [audit.at_terminal("apply", detail)], database.dialect)

    return told


def _body(made: Planned, planter: Planter, ahead: Unfolding, by: str, note: str, beside: Beside) -> Body[Revision]:
    now, epoch = yield from revision.newest()
    if now != made.have.number:
        raise Problems([_overtaken(made, now)])
    dialect, logs = made.app.dialect, made.app.logs
    ready = ahead.ready
    number, text, tables = made.have.number + 1, made.source.told(), made.difference.after
    yield from guarding.asked_again(made.guards)
    yield from ahead.switch()
    anew = [c.after.name for c in made.difference.changes if _other_rows(c, made, ready)]
    yield from rollups.before_change(logs, identity.tables_of(made.app), anew)
    for statement in made.statements(ready):
        yield Call(statement)
    if made.app.dialect == "sqlite":
        yield from _unchecked(made, ready)
    yield from rollups.after_change(dialect, logs, ready.swaps)
    made_anew = {c.after.name for c in made.difference.changes if dialect == "sqlite" and rebuilt(c, made.fills)}
    yield from recoding.calls(made.old, made.catalog, made.matching, dialect, ready, tables, made_anew)
    yield from rejoining.calls(made.old, made.catalog, made.matching, dialect)
    yield from numbering.calls(made.old, made.catalog, made.matching, dialect, planter.tenant.moment())
    yield from follow(dialect, made.matching.after, made.catalog)
    yield from _computed(made, planter, ahead.computed)
    yield from identity.keep(made.app.dialect, made.matching.changed)
    changes = json.dumps([line.plain() for line in made.plan.lines], ensure_ascii=False)
    yield from revision.keep(made.app.dialect, number, made.app, text, tables, by, note, changes)
    despite = {"despite": [line.path for line in made.plan.broken]} if made.plan.broken else {}
    yield from beside({"revision": number, **({"note": note} if note else {}), **despite})
    if made.also is not None:
        yield from made.also(number)
    yield from owe(
        dialect,
        [*waking.owing(made.plan.lines), *refreshing.owing(made.catalog, made.plan.lines, made.matching.restored)],
    )
    new = set(made.matching.added)
    yield from planter.plant([row for row in made.catalog.seeds if row.entity in new])
    return Revision(number, made.app.digest, text, tables, epoch + 1)


def _other_rows(change: TableChange, made: Planned, ready: Ready) -> bool:
    """Whether what is kept of the table's rows has to be counted anew: on SQLite it is made here, or its values differ;
    on PostgreSQL they are called otherwise."""
    if any((change.after.name, name) in ready.other for name in change.recoded):
        return True
    if made.app.dialect == "postgresql":
        return False
    if change.after.name not in ready.swaps:
        return rebuilt(change, made.fills)
    return bool(change.recoded) or any(
        (was := change.column_before(c.name)) and fit(was, c) != "same" for c in change.after.columns
    )


def _computed(made: Planned, planter: Planter, ahead: set[str]) -> Body[None]:
    """Records that were there before a computed field get its value, where they do not have it yet."""
    moment = planter.tenant.moment()
    wanted = {path: names for path, names in made.computed.items() if path not in ahead}
    filling = backfill.statements(made.catalog, wanted, made.app.dialect)
    yield from until_still([call(statement, moment, {}) for statement in filling])


def _unchecked(made: Planned, ready: Ready) -> Body[None]:
    """What SQLite has let pass: references of tables that were made anew, though in one that was filled beside the old
    one stand the same rows; and everything that a table was told anew."""
    for change in made.difference.changes:
        if change.before is None:
            continue
        swapped = change.after.name in ready.swaps
        for violation, asked in doubts(change) if redefined(change, made.fills) and not swapped else ():
            if (yield Call(asked)):
                raise violation
        if rebuilt(change, made.fills) and not (swapped and _points(change.before) == _points(change.after)):
            broken = yield Call(f"PRAGMA foreign_key_check({quote(change.after.name)})")
            if broken:
                raise Violation("foreign", table=change.after.name)


def _points(table: Table) -> set[str]:
    """What a table's references point at."""
    return {key.table for key in table.foreign_keys}
