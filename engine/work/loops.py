"""What the loops say of themselves, for people: when each last did its work in any process, how often it failed, why.

Kept beside the leases, a row for each loop, seldom written; nothing is decided by it.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from engine.db import Body, Database, say

EVERY = 15.0
"""Seconds between two notes of one process."""
_KEEP = (
    "INSERT INTO _lease (name, holder, until, n) VALUES (:1, :2, :3, :4) ON CONFLICT (name) DO UPDATE SET"
    " until = excluded.until, n = _lease.n + excluded.n,"
    " holder = CASE WHEN excluded.n > 0 THEN excluded.holder ELSE _lease.holder END"
)
_log = logging.getLogger("dougong.work")


@dataclass(slots=True)
class Ran:
    at: int = 0
    failed: int = 0
    said: str = ""


@dataclass(slots=True)
class Loops:
    """One process's. ``turn`` goes around one turn of a loop; a loop outlives whatever happens to it."""

    ran: dict[str, Ran] = field(default_factory=dict)
    kept: float = 0.0

    def turn(self, name: str) -> Turn:
        return Turn(self.ran.setdefault(name, Ran()))

    async def keep(self, database: Database, every: float = EVERY) -> None:
        """Writes what happened since the last time, when that is so many seconds ago."""
        if time.monotonic() - self.kept < every:
            return
        self.kept = time.monotonic()
        told = {name: Ran(one.at, one.failed, one.said) for name, one in self.ran.items() if one.at or one.failed}

        def body() -> Body[None]:
            for name, one in sorted(told.items()):  # always in one order: processes do it at once
                yield say(database.dialect, _KEEP, f"loop:{name}", one.said, one.at, one.failed)

        await database.write(body)
        for name, one in told.items():
            self.ran[name].failed -= one.failed


class Turn:
    def __init__(self, ran: Ran) -> None:
        self.well = True
        self._ran = ran

    def __enter__(self) -> Turn:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if error is not None and not isinstance(error, Exception):
            return False
        if error is None:
            self._ran.at = time.time_ns() // 1_000_000
            return True
        self.well = False
        self._ran.failed += 1
        self._ran.said = f"{type(error).__name__}: {error}"[:300]
        _log.warning("background work paused: %s", error)
        return True
