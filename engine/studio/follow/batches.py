"""Much work over one table, in batches that hold nobody up for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.db import Body, Call, Database
from engine.fieldtypes.storage import quote
from engine.label import Label
from engine.plan.statement import Dialect

BATCH_SECONDS = 0.1
"""What a batch may take, as near as can be guessed from the last."""
FIRST, MOST = 500, 50_000
PAUSE = {"sqlite": 0.12, "postgresql": 0.02}
"""Between two batches. Writers of other processes look for SQLite's lock every tenth of a second."""
BESIDE = Label("分批进行，不影响读写；切换时片刻等待", "in batches beside those who work, who wait a moment at the end")
Progress = Callable[[str, str, int, int], None]
"""(step, what, done, of how many)"""
Batch = Callable[[str, int], Body[tuple[Any, int]]]
"""Takes (after, how many), gives (last, how many): it is over when there are none."""


_ROUNDS = 8
"""Owner and lines that depend on each other are as deep as this at most."""


def until_still(calls: Sequence[Call]) -> Body[None]:
    """Statements that compute from what each other wrote, and give the ids they changed: until nothing changes."""
    for _ in range(_ROUNDS if calls else 0):
        changed = False
        for one in calls:
            changed |= bool((yield one))
        if not changed:
            return


async def last_of(database: Database, table: str) -> str:
    """The greatest id of a table; empty when there is none."""
    found = await database.read(f"SELECT id FROM {quote(table)} ORDER BY id DESC LIMIT 1")
    return str(found[0][0]) if found else ""


async def through(
    dialect: Dialect,
    run: Callable[[Callable[[], Body[Any]]], Awaitable[Any]],
    batch: Batch,
    seen: Callable[[int], None] = lambda done: None,
    end: str = "",
) -> None:
    """``end``: the last of those there were when it began. Whoever goes on writing would always be a little ahead."""
    after, count, done = "", FIRST, 0
    if dialect == "postgresql":
        after = "00000000-0000-0000-0000-000000000000"
    while True:
        seen(done)
        began = time.monotonic()
        last, found = await run(lambda a=after, n=count: batch(a, n))  # type: ignore[misc]
        took = max(time.monotonic() - began, 0.001)
        if not found or (end and str(last) >= end):
            return
        after, done = str(last), done + int(found)
        count = min(MOST, max(50, int(count * min(2.0, BATCH_SECONDS / took))))
        await asyncio.sleep(PAUSE[dialect])
