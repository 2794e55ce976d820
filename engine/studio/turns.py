"""One change at a time: who is at it, in whichever process, and how far. A row of ``_lease`` that its holder renews;
if he dies, the next one has it half a minute later. Nothing depends on it but good manners: of two changes that meet
all the same, the second is overtaken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from engine.db import Body, Database, Lost
from engine.plan.metadata import Running
from engine.problem import Problems, problem
from engine.serve.ids import uuid7
from engine.studio.codes import CODES
from engine.work.statements import say

_NAME = "changing"
_LIFE = 30_000
"""Milliseconds that a turn lasts without being renewed."""
_BEAT = 2.0
"""Seconds from one to the next."""
_TAKE = (
    "INSERT INTO _lease (name, holder, until, n) VALUES (:1, :2, :3, 0) ON CONFLICT (name) DO UPDATE SET"
    " holder = excluded.holder, until = excluded.until WHERE _lease.until < :4 RETURNING n"
)
_RENEW = "UPDATE _lease SET holder = :1, until = :2 WHERE name = :3 AND holder = :4"
Stage = Literal["planning", "applying", "posting"]


@dataclass(slots=True)
class Turn:
    database: Database
    running: Running
    token: str
    kept: str = ""

    async def stage(self, name: Stage) -> None:
        self.running = Running(self.running.by, name, self.running.since)
        await self.renew()

    def tell(self, _step: str, what: str, done: int, of: int) -> None:
        """Told to others with the next beat."""
        self.running = replace(self.running, what=what, done=done, of=of)

    async def renew(self, life: int = _LIFE) -> None:
        told, before = self.told(), self.kept
        values = (told, _now() + life, _NAME, before)

        def body() -> Body[None]:
            yield say(self.database.dialect, _RENEW, *values)

        await self.database.write(body)
        self.kept = told

    def told(self) -> str:
        return json.dumps({**asdict(self.running), "token": self.token}, ensure_ascii=False)


def _now() -> int:
    return time.time_ns() // 1_000_000


async def running(database: Database) -> Running | None:
    found = await database.read(f"SELECT holder, until FROM _lease WHERE name = '{_NAME}'")
    if not found or int(found[0][1]) < _now():
        return None
    kept = json.loads(found[0][0])
    kept.pop("token", None)
    return Running(**kept)


@asynccontextmanager
async def turn(database: Database, by: str) -> AsyncIterator[Turn]:
    """Raises Problems while somebody else is at it."""
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    mine = Turn(database, Running(by, "planning", since), uuid7())
    mine.kept = mine.told()
    values = (_NAME, mine.kept, _now() + _LIFE, _now())

    def take() -> Body[bool]:
        return bool((yield say(database.dialect, _TAKE, *values)))

    if not await database.write(take):
        other = await running(database)
        raise Problems(
            [problem(CODES["plan.running"], by=other.by if other else "", since=other.since if other else "")]
        )
    beating = asyncio.create_task(_beat(mine))
    try:
        yield mine
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        with contextlib.suppress(Lost):  # it ends by itself
            await mine.renew(-1)


async def _beat(mine: Turn) -> None:
    while True:
        await asyncio.sleep(_BEAT)
        with contextlib.suppress(Lost):
            await mine.renew()
