"""One at a time: who is changing a tenant, in whichever process, by command or in a page, and how far he is. A row of
``_lease`` that its holder renews; if he dies, the next one has it ten seconds later. Nothing depends on it but good
manners: of two changes that meet all the same, the second is overtaken."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from engine.db import Body, Database, Held, say
from engine.db.holding import beating, now, take, until
from engine.plan.metadata import Running
from engine.problem import Problems, problem
from engine.serve.tenant.ids import uuid7
from engine.studio.codes import CODES

CHANGING, SETTLING = "changing", "settling"
SECONDS = 10.0
"""How long one that died is waited for."""
PATIENCE = 2 * SECONDS
_LOOK = 0.1
_RENEW = "UPDATE _lease SET holder = :1, until = :2 WHERE name = :3 AND holder = :4 RETURNING n"
Stage = Literal["planning", "applying", "posting"]


@dataclass(slots=True)
class Turn:
    database: Database
    running: Running
    token: str
    name: str = CHANGING
    kept: str = ""
    lost: bool = False

    async def stage(self, name: Stage) -> None:
        self.running = Running(self.running.by, name, self.running.since)
        await self.renew()

    def tell(self, _step: str, what: str, done: int, of: int) -> None:
        """Told to others with the next beat."""
        self.running = replace(self.running, what=what, done=done, of=of)

    def still(self) -> None:
        """Raises Held when we have been taken for dead, and somebody else is at it."""
        if self.lost:
            raise Held

    async def renew(self, seconds: float | None = None) -> None:
        told, before = self.told(), self.kept
        by = until(SECONDS if seconds is None else seconds)

        def body() -> Body[bool]:
            return bool((yield say(self.database.dialect, _RENEW, told, by, self.name, before)))

        self.lost |= not await self.database.write(body)
        self.kept = told

    def told(self) -> str:
        return json.dumps({**asdict(self.running), "token": self.token}, ensure_ascii=False)


async def running(database: Database) -> Running | None:
    """Who changes the tenant now."""
    found = await database.read(f"SELECT holder, until FROM _lease WHERE name = '{CHANGING}'")
    if not found or int(found[0][1]) < now():
        return None
    kept = json.loads(found[0][0])
    kept.pop("token", None)
    return Running(**kept)


@asynccontextmanager
async def turn(database: Database, by: str, name: str = CHANGING, patience: float = 0.0) -> AsyncIterator[Turn]:
    """Raises Problems when somebody else is at it, and still is after so many seconds."""
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    mine = Turn(database, Running(by, "planning", since), uuid7(), name)
    mine.kept = mine.told()
    last = time.monotonic() + patience
    while not await _taken(mine):
        if time.monotonic() >= last:
            other = await running(database)
            raise Problems(
                [problem(CODES["plan.running"], by=other.by if other else "", since=other.since if other else "")]
            )
        await asyncio.sleep(_LOOK)
    async with beating(mine.renew, lambda: mine.renew(-1), SECONDS):
        yield mine


async def _taken(mine: Turn) -> bool:
    return await mine.database.write(lambda: take(mine.database.dialect, mine.name, mine.kept, SECONDS))
