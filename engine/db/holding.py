"""A name that one process at a time holds: a row of ``_lease``, renewed as long as its holder lives. If he dies, the
next one has it so many seconds after his last beat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from engine.db.call import Body, Lost, say
from engine.plan.statement import Dialect

_TAKE = (
    "INSERT INTO _lease (name, holder, until, n) VALUES (:1, :2, :3, 0) ON CONFLICT (name) DO UPDATE SET"
    " holder = excluded.holder, until = excluded.until WHERE _lease.until < :4 RETURNING n"
)


def now() -> int:
    """Milliseconds, as ``until`` is told in."""
    return time.time_ns() // 1_000_000


def until(seconds: float) -> int:
    return now() + round(1000 * seconds)


def take(dialect: Dialect, name: str, holder: str, seconds: float) -> Body[bool]:
    """Whether it is his now: nobody had it, or whoever had it was not heard of for long."""
    return bool((yield say(dialect, _TAKE, name, holder, until(seconds), now())))


@asynccontextmanager
async def beating(
    renew: Callable[[], Awaitable[None]], leave: Callable[[], Awaitable[None]], seconds: float
) -> AsyncIterator[None]:
    """Renews it five times while it lasts, and leaves it in the end; what cannot be said ends by itself."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(seconds / 5)
            with suppress(Lost):
                await renew()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with suppress(Lost):
            await leave()
