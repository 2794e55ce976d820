"""The loops of a server process that look after one tenant. Each may stop at any moment and loses nothing by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

from engine.db import Bell, Database, rollups
from engine.plan.born import Born
from engine.plan.rollup import ChangeLog
from engine.work import peer, relay, sealer
from engine.work.loops import EVERY, Loops
from engine.work.peer import Told
from engine.work.webhooks import DELAYS, Admits, Courier

SWEEP = 1.0
"""Seconds between two looks at what another process may have done."""
RESTING = 10.0
"""The same of a tenant that nobody uses."""
GATHERING = 0.05
"""Seconds in which the events of a busy time gather, passed on together; the first goes at once."""
_HOUR = 3_600.0
_KEPT = 300.0
"""Seconds between two notes of the loops of a tenant that rests: each is a write."""


@dataclass(slots=True)
class Background:
    """``committed`` is rung by whoever wrote; ``published`` is rung when the stream has grown, here or elsewhere.
    ``flush`` writes what others have put off (reads that are to be audited)."""

    database: Database
    committed: Bell
    published: Bell
    born: Callable[[], Born]
    """What the revision that is served now calls entities."""
    flush: Callable[[], Awaitable[None]] | None = None
    logs: Callable[[], Sequence[ChangeLog]] = tuple
    """The change logs of the revision that is served now."""
    private: bool = False
    """Webhooks may go to private and local addresses."""
    delays: tuple[float, ...] = DELAYS
    holder: str = field(default_factory=lambda: str(uuid4()))
    """In whose name leases are held; of processes alive at the same time no two have the same."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    courier: Courier | None = None
    admits: Admits | None = None
    """What a subscription with a condition wants of what it is owed."""
    resting: Callable[[], bool] = lambda: False
    """Whether nobody uses the tenant now: the loops then do only what is rung for, and ``look`` the rest, at once."""
    loops: Loops = field(default_factory=Loops)
    head: int = -1
    """The last place in the stream that we know of."""

    def _courier(self) -> Courier:
        async def send(url: str, headers: dict[str, str], body: bytes) -> Told:
            return await peer.send(url, headers, body, self.private)

        return Courier(self.database, send, self.holder, self.born, self.delays, admits=self.admits)

    async def once(self) -> int | None:
        """One turn of everything, for a tenant that nobody uses: when the next delivery is due (Unix milliseconds)."""
        courier = self._courier()
        await relay.publish(self.database)
        await courier.look()
        if self.flush is not None:
            await self.flush()
        await sealer.seal(self.database)
        await rollups.fold_all(self.database, self.logs())
        await relay.forget(self.database, time.time_ns() // 1_000_000)
        await rollups.sweep(self.database, self.logs())
        await courier.stop()
        return await self.due()

    async def look(self) -> None:
        """What the loops would look for, one after another: of a tenant that rests."""
        with self.loops.turn("relay"):
            await self._publish()
        with self.loops.turn("courier"):
            if self.courier is not None:
                await self.courier.look()
        with self.loops.turn("sealer"):
            await self._sealed(_KEPT)
        with self.loops.turn("folder"):
            await rollups.fold_all(self.database, self.logs())

    def _wait(self) -> float:
        return RESTING if self.resting() else SWEEP

    async def due(self) -> int | None:
        asked = (
            "SELECT min(d.due) FROM _delivery AS d JOIN _webhook AS w ON w.id = d.webhook"
            " WHERE d.state = 'waiting' AND w.state = 'active'"
        )
        first = (await self.database.read(asked))[0][0]
        return int(first) if first is not None else None

    async def start(self) -> None:
        self.courier = self._courier()
        loops = (self._relay, self._deliver, self._seal, self._fold, self._forget)
        self.tasks = [asyncio.create_task(one()) for one in loops]

    async def stop(self) -> None:
        """Ends the loops, lets deliveries on their way arrive, and writes what was put off."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        with suppress(Exception):
            if self.courier is not None:
                await self.courier.stop()
            if self.flush is not None:
                await self.flush()

    async def _relay(self) -> None:
        heard = 0
        while True:
            before, heard = heard, await self.committed.wait(heard, self._wait())
            if heard == before and self.resting():
                continue
            with self.loops.turn("relay") as went:
                await self._publish()
            await asyncio.sleep(GATHERING if went.well else SWEEP)

    async def _publish(self) -> None:
        await relay.publish(self.database)
        now = await relay.head(self.database)
        if now != self.head:
            self.head = now
            self.published.ring()

    async def _deliver(self) -> None:
        assert self.courier is not None
        heard = 0
        while True:
            before, heard = heard, await self.published.wait(heard, self._wait())
            if heard == before and self.resting():
                continue
            with self.loops.turn("courier") as went:
                await self.courier.look()
            await asyncio.sleep(0.02 if went.well else SWEEP)

    async def _seal(self) -> None:
        while True:
            await asyncio.sleep(self._wait())
            if self.resting():
                continue
            with self.loops.turn("sealer"):
                await self._sealed()

    async def _sealed(self, every: float = EVERY) -> None:
        if self.flush is not None:
            await self.flush()
        await sealer.seal(self.database)
        await self.loops.keep(self.database, every)

    async def _fold(self) -> None:
        """Figures are exact without it; it keeps what they have to look at short."""
        while True:
            await asyncio.sleep(self._wait())
            if self.resting():
                continue
            with self.loops.turn("folder"):
                await rollups.fold_all(self.database, self.logs())

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(_HOUR)
            with self.loops.turn("sweeper"):
                await relay.forget(self.database, time.time_ns() // 1_000_000)
                await rollups.sweep(self.database, self.logs())
