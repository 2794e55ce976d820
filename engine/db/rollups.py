"""Kept sums in a database: made, filled, folded, verified. Each step may be taken on a live system, by any process.

What the tables are to be comes whole with the plan; ``_rollup`` says which of them are there and since when they are
filled. A table's name carries a digest of what it holds, so a revision that keeps other sums has other tables: those
of the revision before stay right, and readable, until ``forget`` removes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence, Set
from typing import Any

from engine.db import filling
from engine.db.call import Body, Call, Database, Rows, say
from engine.fieldtypes.storage import literal, quote
from engine.plan.rollup import ChangeLog
from engine.plan.statement import Dialect

_LOCK_WAIT = "SET LOCAL lock_timeout = '300ms'"
"""Writers queue behind whoever waits for a table's lock; the database's client tries again."""


async def settle(database: Database, logs: Sequence[ChangeLog], epoch: int = 0, wait: bool = True) -> frozenset[str]:
    """Makes what is missing and fills it; gives the tables that may be read. Taking it twice changes nothing.

    A log's triggers are there before its rollups are filled, so a change is in the records that are counted or still in
    the log, never in neither. ``epoch``: of the metadata that wants them. Without ``wait`` what another process is
    counting is left to it.
    """
    made = {str(row[0]) for row in await database.read("SELECT name FROM _rollup")} if logs else set()
    for log in logs:
        if not made.issuperset((log.table, *(rollup.table for rollup in log.rollups))):
            await database.write(lambda log=log: _make(database.dialect, log), epoch)  # type: ignore[misc]
    ready = await filled(database)
    for log in logs:
        missing = [r.table for r in log.rollups if r.table not in ready]
        if missing:
            await fill(database, log, missing, epoch, wait)
    return await filled(database)


async def filled(database: Database) -> frozenset[str]:
    rows = await database.read("SELECT name FROM _rollup WHERE filled IS NOT NULL AND name <> log")
    return frozenset(str(row[0]) for row in rows)


async def fill(
    database: Database, log: ChangeLog, only: Sequence[str] = (), epoch: int = 0, wait: bool = True, **how: int
) -> None:
    """Counts the records anew, see ``filling``. What is pending is folded before, as long as that may be done."""
    await fold_all(database, [log])
    await filling.fill(database, log, only, epoch, wait, **how)


async def fold(database: Database, log: ChangeLog) -> int:
    """Adds the oldest changes of a log to its rollups; how many they were. One transaction, of bounded length."""
    if not await database.read(f"SELECT 1 FROM {quote(log.table)} LIMIT 1"):
        return 0
    return await database.write(lambda: _fold(database.dialect, log))


async def fold_all(database: Database, logs: Iterable[ChangeLog]) -> int:
    """One question says which logs there is anything in: most often there is nothing."""
    known, total = list(logs), 0
    if not known:
        return 0
    asked = " UNION ALL ".join(
        f"SELECT {n} AS n WHERE EXISTS (SELECT 1 FROM {quote(log.table)})" for n, log in enumerate(known)
    )
    for log in [known[int(row[0])] for row in await database.read(asked)]:
        while count := await fold(database, log):
            total += count
    return total


async def sweep(database: Database, logs: Iterable[ChangeLog]) -> None:
    """Removes groups nothing is in any more."""
    for log in logs:
        await database.write(lambda log=log: _sweep(database.dialect, log))  # type: ignore[misc]


async def verify(database: Database, logs: Iterable[ChangeLog]) -> dict[str, int]:
    """Rollup → groups that differ from what the records say at one moment; all that are filled are named."""
    out: dict[str, int] = {}
    ready = await filled(database)
    for log in logs:
        for rollup in (r for r in log.rollups if r.table in ready):
            out[rollup.name] = int((await database.read(rollup.verify))[0][0])
    return out


async def forget(database: Database, logs: Iterable[ChangeLog], live: Iterable[str]) -> None:
    """Removes what none of these need, and no table that rests: ``live`` are those that do not. Whoever still reads it
    finds that it is gone, and groups the records."""
    keep, used = _names(logs), set(live)
    if _unwanted(await database.read(_KEPT), keep, used):
        await database.write(lambda: _forget(database.dialect, keep, used))


def before_change(logs: Sequence[ChangeLog], live: Iterable[str], anew: Iterable[str] = ()) -> Body[None]:
    """Part of the transaction that changes tables, before it does: removes what the new revision (``logs``, over
    ``live`` tables) does not keep. Triggers would forbid changing the columns they look at; on SQLite they would go
    with a table that is made ``anew``. What is kept of one that is, or whose values are called otherwise, goes too, and
    is counted again. Sums of tables that only rest stay: nobody writes to those, so they are right when they are back.
    """
    lost = set(anew)
    yield from _removing(_names(log for log in logs if not lost & set(log.tables)), {*live, *lost})


def before_purge(logs: Sequence[ChangeLog], tables: Iterable[str]) -> Body[None]:
    """Part of the transaction in which ``tables`` that rest, or columns of them, go for good: what rests with them goes
    too. ``logs`` are of those in use."""
    yield from _removing(_names(logs), set(tables))


def after_change(dialect: Dialect, logs: Sequence[ChangeLog], swapped: Iterable[str] = ()) -> Body[None]:
    """Makes what the new revision keeps and is not there. SQLite fills it now where there are few records; the rest is
    for ``settle``. A table that took another one's place (``swapped``) has the same rows, and gets its triggers."""
    known = {str(name): filled for name, filled in (yield Call("SELECT name, filled IS NOT NULL FROM _rollup"))}
    moved = set(swapped)
    for log in logs:
        if log.table in known and moved & set(log.tables):
            for trigger in (s for s in (*log.drop, *log.create) if s.startswith(("DROP TRIGGER", "CREATE TRIGGER"))):
                yield Call(trigger)
    for log in logs:
        tables = [rollup.table for rollup in log.rollups]
        if not known.keys() >= {log.table, *tables}:
            yield from _making(dialect, log)
        missing = dialect == "sqlite" and not all(known.get(table) for table in tables)
        if missing and not (yield from filling.has_many(log)):
            yield from filling.at_once(dialect, log)


def _make(dialect: Dialect, log: ChangeLog) -> Body[None]:
    if dialect == "postgresql":
        yield Call(_LOCK_WAIT)
    yield from _making(dialect, log)


def _making(dialect: Dialect, log: ChangeLog) -> Body[None]:
    if (yield _noted(dialect, log.table, log, log.drop, log.tables)):
        for statement in log.create:
            yield Call(statement)
    for rollup in log.rollups:
        if (yield _noted(dialect, rollup.table, log, (f"DROP TABLE IF EXISTS {quote(rollup.table)}",))):
            # SQLite's is made when it is filled: whoever believes that it is would read too little.
            for statement in rollup.create if dialect == "postgresql" else ():
                yield Call(statement)


def _forget(dialect: Dialect, keep: Set[str], live: Set[str]) -> Body[None]:
    if dialect == "postgresql":
        yield Call(_LOCK_WAIT)
    yield from _removing(keep, live)


def _removing(keep: Set[str], live: Set[str]) -> Body[None]:
    gone = _unwanted((yield Call(_KEPT)), keep, live)
    for _, statements in gone:
        for statement in statements:
            yield Call(statement)
    if gone:
        names = [name for name, _ in gone]
        yield Call(f"DELETE FROM _rollup WHERE name IN ({', '.join(map(literal, names))})")
        yield from filling.given_up(names)


_KEPT = "SELECT name, log, removal FROM _rollup ORDER BY name DESC"


def _names(logs: Iterable[ChangeLog]) -> set[str]:
    return {name for log in logs for name in (log.table, *(rollup.table for rollup in log.rollups))}


def _unwanted(known: Rows, keep: Set[str], live: Set[str]) -> list[tuple[str, list[str]]]:
    """(name, statements that remove it)"""
    return [
        (str(name), _removal(how)["by"])
        for name, log, how in known
        if name not in keep and (not (hangs := _hangs(known, log)) or hangs & live)
    ]


def _hangs(known: Rows, log: str) -> set[str]:
    """The tables that a log's triggers are on."""
    return {table for name, _, how in known if name == log for table in _removal(how)["on"]}


def _removal(told: Any) -> Any:
    made = json.loads(told) if isinstance(told, str) else told
    return made if isinstance(made, dict) else {"by": made, "on": []}  # noted before tables could rest


def _noted(dialect: Dialect, name: str, log: ChangeLog, by: Sequence[str], on: Sequence[str] = ()) -> Call:
    """A row when the table was not there; whoever notes it first makes it."""
    asked = "INSERT INTO _rollup (name, log, entity, removal) VALUES (:1, :2, :3, :4) ON CONFLICT (name) DO NOTHING"
    return say(dialect, f"{asked} RETURNING name", name, log.table, log.entity, json.dumps({"by": by, "on": on}))


def _fold(dialect: Dialect, log: ChangeLog) -> Body[int]:
    """Another revision may keep more from the same log, or somebody may be counting: then it is not ours to empty."""
    sqlite = dialect == "sqlite"
    if sqlite and (yield from filling.under_way(log)):
        return 0
    if not sqlite:
        yield Call(log.fold[0])
    ready = yield from _ready(dialect, log)
    if ready is None:
        return 0
    if not sqlite:
        return int((yield Call(log.fold[1]))[0][0])
    bound = (yield Call(log.bound))[0][0]
    if bound is None:
        return 0
    for rollup, statement in zip(log.rollups, log.fold, strict=False):
        if rollup.table in ready:
            yield Call(statement, (bound,))
    *_, empty, count = log.fold
    yield Call(empty, (bound,))
    return int((yield Call(count))[0][0])


def _ready(dialect: Dialect, log: ChangeLog) -> Body[frozenset[str] | None]:
    """Which of a log's rollups are filled; None when some are kept that we do not know."""
    told = "SELECT name, filled IS NOT NULL FROM _rollup WHERE log = :1 AND name <> log"
    found = {str(row[0]): bool(row[1]) for row in (yield say(dialect, told, log.table))}
    if not set(found) <= {r.table for r in log.rollups}:
        return None
    return frozenset(name for name, whole in found.items() if whole)


def _sweep(dialect: Dialect, log: ChangeLog) -> Body[None]:
    if dialect == "postgresql":
        yield Call(log.fold[0])
    ready = (yield from _ready(dialect, log)) or frozenset()
    for rollup in log.rollups:
        if dialect == "postgresql" or rollup.table in ready:
            yield Call(rollup.sweep)
