"""Much work over one table, in batches that hold nobody up for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from engine.db import Body
from engine.plan.statement import Dialect

BATCH_SECONDS = 0.1
"""What a batch may take, as near as can be guessed from the last."""
FIRST, MOST = 500, 50_000
_PAUSE = {"sqlite": 0.12, "postgresql": 0.02}
"""Between two batches. Writers of other processes look for SQLite's lock every tenth of a second."""
Progress = Callable[[str, str, int, int], None]
"""(step, what, done, of how many)"""
Batch = Callable[[str, int], Body[tuple[Any, int]]]
"""Takes (after, how many), gives (last, how many): it is over when there are none."""


async def through(
    dialect: Dialect,
    run: Callable[[Callable[[], Body[Any]]], Awaitable[Any]],
    batch: Batch,
    seen: Callable[[int], None] = lambda done: None,
) -> None:
    after, count, done = "", FIRST, 0
    if dialect == "postgresql":
        after = "00000000-0000-0000-0000-000000000000"
    while True:
        seen(done)
        began = time.monotonic()
        last, found = await run(lambda a=after, n=count: batch(a, n))  # type: ignore[misc]
        took = max(time.monotonic() - began, 0.001)
        if not found:
            return
        after, done = str(last), done + int(found)
        count = min(MOST, max(50, int(count * min(2.0, BATCH_SECONDS / took))))
        await asyncio.sleep(_PAUSE[dialect])
