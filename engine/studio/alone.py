"""One change at a time: whoever changes a tenant holds a lease, and says now and then that he lives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from engine.db import Body, Call, Database, Held

SECONDS = 10.0
"""How long one that died is waited for."""
_LOOK = 0.1


@asynccontextmanager
async def alone(database: Database) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Waits for whoever is at it. Raises Held when he goes on for longer than a dead one would be waited for; what is
    given raises it when we have been taken for dead."""
    holder, until = uuid4().hex, time.monotonic() + 2 * SECONDS
    while not await _taken(database, holder):
        if time.monotonic() > until:
            raise Held
        await asyncio.sleep(_LOOK)
    said = time.monotonic()

    async def alive() -> None:
        nonlocal said
        if time.monotonic() - said > SECONDS / 5:
            if not await _taken(database, holder):
                raise Held
            said = time.monotonic()

    try:
        yield alive
    finally:
        with suppress(Exception):
            await database.write(lambda: _left(database, holder))


async def _taken(database: Database, holder: str) -> bool:
    now = time.time()
    mark = "?" if database.dialect == "sqlite" else "$"

    def body() -> Body[bool]:
        rows = yield Call(
            f"INSERT INTO _lease (name, holder, until, n) VALUES ('change', {mark}1, {mark}2, 0) ON CONFLICT (name) DO"
            " UPDATE SET holder = excluded.holder, until = excluded.until"
            f" WHERE _lease.until < {mark}3 OR _lease.holder = excluded.holder RETURNING name",
            (holder, int((now + SECONDS) * 1000), int(now * 1000)),
        )
        return bool(rows)

    return await database.write(body)


def _left(database: Database, holder: str) -> Body[None]:
    mark = "?" if database.dialect == "sqlite" else "$"
    yield Call(f"UPDATE _lease SET until = 0 WHERE name = 'change' AND holder = {mark}1", (holder,))
