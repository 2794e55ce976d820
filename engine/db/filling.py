"""Kept sums counted from the records of a system in use.

PostgreSQL reads one moment of the records while writers go on: what the log held at that moment is in the records it
sees, and what came later stays in the log. So does SQLite where there are many records: they are counted as they were
at one moment, their groups are written in batches to a table beside, and the last transaction takes out of the log
what had been written to it by that moment and gives the table its name. Until then nobody folds that log, the table
is not there, and whoever would read it groups the records.

One process at a time counts for a log: it holds a lease, as whoever folds knows. If it dies, what it has counted is
nobody's; the next one begins anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

from engine.db.call import Body, Call, Database, Stale, say
from engine.db.holding import beating, now, take, until
from engine.db.sqlite import SqliteDatabase
from engine.fieldtypes.storage import bind, compact, literal, quote
from engine.plan.rollup import ChangeLog, Rollup
from engine.plan.statement import Dialect

MANY = 20_000
"""Records from which on SQLite counts them beside those who write."""
SECONDS = 10.0
"""How long one that died is waited for."""
FIRST, MOST = 500, 20_000
"""Groups in a batch: of the first, and of any."""
_BATCH_SECONDS, _PAUSE = 0.1, 0.12
"""What a batch may take; the time between two. Writers of other processes look for SQLite's lock every tenth of a
second."""
_LOOK = 0.1
_NAMES = "SELECT name FROM _rollup WHERE log = :1 AND name <> log"
_FILLED = f"{_NAMES} AND filled IS NOT NULL"
_LEAVE = "DELETE FROM _lease WHERE name = :1 AND holder = :2"
_RENEW = "UPDATE _lease SET until = :1 WHERE name = :2 AND holder = :3 RETURNING n"


class Overtaken(Exception):
    """We were taken for dead, or what was counted is nothing any more."""


async def fill(
    database: Database, log: ChangeLog, only: Collection[str] = (), epoch: int = 0, wait: bool = True,
    many: int = MANY, most: int = MOST,
) -> None:  # fmt: skip
    """Counts the records anew into every rollup of one entity, which also mends them. ``only``: into these tables, as
    far as the database can, and whoever is at it already is waited for, or (without ``wait``) left to it. ``many``
    records are counted beside writers, ``most`` groups of them written at once."""
    while True:
        async with _turn(database, log) as mine:
            if mine:
                with contextlib.suppress(Overtaken):
                    await _Filling(database, log, tuple(only), mine, epoch, most).run(many)
                    return
        if not wait:
            return
        await asyncio.sleep(_LOOK)
        if only and set(only) <= await _names(database, log, _FILLED):
            return


def at_once(dialect: Dialect, log: ChangeLog) -> Body[None]:
    """All of it in this transaction: on SQLite writers wait meanwhile."""
    if dialect == "postgresql":
        # The lock keeps folders out, and is taken before the moment is: LOCK does not begin it.
        yield Call("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield Call(log.fold[0])
    else:
        yield from given_up([log.table])
    yield Call(f"DELETE FROM {quote(log.table)}")
    for rollup in log.rollups:
        if dialect == "postgresql":
            yield Call(f"DELETE FROM {quote(rollup.table)}")
        else:
            yield Call(f"DROP TABLE IF EXISTS {quote(rollup.table)}")
            for statement in rollup.create:
                yield Call(statement)
        yield Call(rollup.fill)
    yield from _noted(dialect, log, log.rollups)


def has_many(log: ChangeLog, many: int = MANY) -> Body[bool]:
    found = yield Call(f"SELECT count(*) FROM (SELECT 1 FROM {quote(log.tables[0])} LIMIT {many})")
    return int(found[0][0]) >= many


def under_way(log: ChangeLog) -> Body[bool]:
    """SQLite, for whoever folds: whether somebody counts. One that was not heard of for long counts no more."""
    yield Call("DELETE FROM _lease WHERE name = ?1 AND until < ?2", (_lease(log.table), now()))
    return bool((yield Call("SELECT 1 FROM _lease WHERE name = ?1", (_lease(log.table),))))


def given_up(logs: Iterable[str]) -> Body[None]:
    """Whoever counts for one of these logs is told that it was in vain."""
    yield Call(f"DELETE FROM _lease WHERE name IN ({', '.join(literal(_lease(log)) for log in logs)})")


@asynccontextmanager
async def _turn(database: Database, log: ChangeLog) -> AsyncIterator[str]:
    """In whose name we count; empty: somebody else does."""
    dialect, name, mine = database.dialect, _lease(log.table), str(uuid4())

    if not await database.write(lambda: take(dialect, name, mine, SECONDS)):
        yield ""
        return

    async def renew() -> None:
        await database.write(lambda: _one(say(dialect, _RENEW, until(SECONDS), name, mine)))

    async def leave() -> None:
        await database.write(lambda: _one(say(dialect, _LEAVE, name, mine)))

    async with beating(renew, leave, SECONDS):
        yield mine


def _one(call: Call) -> Body[None]:
    yield call


@dataclass(slots=True)
class _Filling:
    database: Database
    log: ChangeLog
    only: Sequence[str]
    mine: str
    epoch: int
    most: int
    size: int = FIRST

    @property
    def rollups(self) -> list[Rollup]:
        return [r for r in self.log.rollups if not self.only or r.table in self.only]

    async def run(self, many: int) -> None:
        database, log = self.database, self.log
        if self.only and set(self.only) <= await _names(database, log, _FILLED):
            return  # by whoever was at it before
        if database.dialect == "postgresql":
            await database.write(lambda: at_once("postgresql", log))
        elif not await database.write(lambda: self._small(many), self.epoch):
            await self._count(cast(SqliteDatabase, database))

    def _small(self, many: int) -> Body[bool]:
        if (yield from has_many(self.log, many)):
            return False
        yield from self._ours()
        yield from at_once("sqlite", self.log)
        return True

    async def _count(self, database: SqliteDatabase) -> None:
        await database.write(self._begin, self.epoch)
        async with database.moment() as still:
            reach = int((await still.read(f"SELECT COALESCE(MAX(_seq), 0) FROM {quote(self.log.table)}"))[0][0])
            for rollup in self.rollups:
                assert rollup.beside is not None
                self.size = min(FIRST, self.most)
                async for groups in still.pages(rollup.beside.count, lambda: self.size):
                    began = time.monotonic()
                    given = compact(groups)
                    await database.write(lambda r=rollup, g=given: self._put(r, g), self.epoch)  # type: ignore[misc]
                    took = max(time.monotonic() - began, 0.001)
                    self.size = min(self.most, max(50, int(self.size * min(2.0, _BATCH_SECONDS / took))))
                    await asyncio.sleep(_PAUSE)
        await database.write(lambda: self._end(reach), self.epoch)

    def _ours(self) -> Body[None]:
        held = yield say("sqlite", _RENEW, until(SECONDS), _lease(self.log.table), self.mine)
        known = {str(row[0]) for row in (yield say("sqlite", _NAMES, self.log.table))}
        if not {r.table for r in self.rollups} <= known:
            raise Stale
        if not held:
            raise Overtaken

    def _begin(self) -> Body[None]:
        yield from self._ours()
        for rollup in self.rollups:
            assert rollup.beside is not None
            yield Call(f"DROP TABLE IF EXISTS {quote(rollup.beside.table)}")
            for statement in rollup.beside.create:
                yield Call(statement.replace("{tag}", self.mine[:8]))

    def _put(self, rollup: Rollup, groups: str) -> Body[None]:
        assert rollup.beside is not None
        yield from self._ours()
        yield Call(rollup.beside.insert, (groups,))

    def _end(self, reach: int) -> Body[None]:
        """What the log held at the moment of counting is in the new tables; the others take it in now."""
        yield from self._ours()
        log, made = self.log, self.rollups
        ready = {str(row[0]) for row in (yield say("sqlite", _FILLED, log.table))}
        for rollup, add in zip(log.rollups, log.fold, strict=False):
            if rollup.table in ready and rollup not in made:
                yield Call(add, (reach,))
        yield Call(f"DELETE FROM {quote(log.table)} WHERE _seq <= ?1", (reach,))
        for rollup in made:
            assert rollup.beside is not None
            yield Call(f"DROP TABLE IF EXISTS {quote(rollup.table)}")
            yield Call(f"ALTER TABLE {quote(rollup.beside.table)} RENAME TO {quote(rollup.table)}")
        yield from _noted("sqlite", log, made)
        yield from given_up([log.table])


def _noted(dialect: Dialect, log: ChangeLog, rollups: Sequence[Rollup]) -> Body[None]:
    at = bind("datetime", 0, dialect, datetime.now(UTC))
    names = ", ".join(literal(name) for name in (log.table, *(r.table for r in rollups)))
    yield say(dialect, f"UPDATE _rollup SET filled = :1 WHERE name IN ({names})", at)


async def _names(database: Database, log: ChangeLog, sql: str) -> set[str]:
    asked = say(database.dialect, sql, log.table)
    return {str(row[0]) for row in await database.read(asked.sql, asked.values)}


def _lease(log: str) -> str:
    return f"filling:{log}"
