"""``dougong verify`` and ``dougong repair``: are kept sums what the records say, and counting them anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.db import rollups
from engine.studio.tenant.opening import opened


def verify(target: Path, url: str) -> dict[str, int]:
    """Rollup → groups that differ from the records."""
    return asyncio.run(_verify(target, url))


def repair(target: Path, url: str) -> dict[str, int]:
    """The same; then those are counted anew, while others go on writing."""
    return asyncio.run(_repair(target, url))


async def _verify(target: Path, url: str) -> dict[str, int]:
    async with opened(target, url) as app:
        return await rollups.verify(app.tenant.database, app.tenant.app.logs)


async def _repair(target: Path, url: str) -> dict[str, int]:
    async with opened(target, url) as app:
        database, logs = app.tenant.database, app.tenant.app.logs
        found = await rollups.verify(database, logs)
        for log in logs:
            if any(found[rollup.name] for rollup in log.rollups):
                await rollups.fill(database, log)
        return found
