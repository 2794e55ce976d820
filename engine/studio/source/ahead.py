"""What a switch would lead to, made before it is pressed: every system that is one switch away from what is served.

A process of its own (``python -m engine.studio.source.ahead``), which steps back for others, reads and compiles them
and leaves them on disk; each process that serves takes them from there. Nothing depends on it: what was not made ahead
is made when it is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import cache
from engine.paths import ENGINE
from engine.plan.statement import Dialect
from engine.problem import Problems
from engine.studio.source.build import Source, source_from
from engine.studio.source.switching import listed, switched

_SMALL = 60_000
"""Characters of text. Less is read and compiled in the time of a request."""
_IN_MEMORY = 12
_LOOKS = 0.3
_PATIENCE = 60.0
"""Seconds after which whoever said that he makes it must have been killed."""
_log = logging.getLogger("dougong.serve")


@dataclass(slots=True)
class Ahead:
    """Of one tenant, in one process. The newest text counts: what an older one would lead to is not made any more."""

    task: asyncio.Task[None] | None = None
    content: str = ""

    def begin(self, source: Source, dialect: Dialect) -> None:
        """Once for a text, however often it is asked for."""
        if self.content == source.content():
            return
        if self.task is not None:
            self.task.cancel()
        self.task, self.content = None, source.content()
        if sum(len(text) for pack in source.packs for text in pack.values()) >= _SMALL:
            self.task = asyncio.create_task(_prepared(source, dialect))


async def _prepared(source: Source, dialect: Dialect) -> None:
    try:
        away = await asyncio.to_thread(lambda: list(_one_away(source)))
        if any(not one.kept(dialect).exists() for one in away):
            await _once(source, dialect)
        await asyncio.to_thread(source.catalog)  # what a plan begins at
        for one in away[:_IN_MEMORY]:
            if one.kept(dialect).exists():
                await asyncio.to_thread(one.catalog)
                await asyncio.to_thread(one.app, dialect)
        cache.set_aside()
    except (OSError, Problems) as error:
        _log.warning("what can be switched was not made ahead: %s", error)


async def _once(source: Source, dialect: Dialect) -> None:
    """By one of the processes that serve it; the others wait until it is there."""
    claim = source.kept(dialect).with_suffix(".ahead")
    if not _claimed(claim):
        while claim.exists() and not _left(claim):
            await asyncio.sleep(_LOOKS)
        return
    try:
        await _elsewhere(source, dialect)
    finally:
        claim.unlink(missing_ok=True)


def _claimed(claim: Path) -> bool:
    if _left(claim):
        claim.unlink(missing_ok=True)
    claim.parent.mkdir(parents=True, exist_ok=True)
    try:
        claim.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _left(claim: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return time.time() - claim.stat().st_mtime > _PATIENCE
    return False


async def _elsewhere(source: Source, dialect: Dialect) -> None:
    asked = json.dumps({"source": source.told(), "dialect": dialect}).encode()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, cwd=ENGINE.parent
    )
    try:
        await child.communicate(asked)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        raise


def _one_away(source: Source) -> Iterator[Source]:
    for one in listed(source):
        with contextlib.suppress(Problems):  # others need it
            yield switched(source, one.name, not one.on)


def main() -> None:
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)
    asked: dict[str, Any] = json.load(sys.stdin)
    for one in _one_away(source_from(asked["source"])):
        with contextlib.suppress(Problems):
            one.app(asked["dialect"])
            one.catalog()


if __name__ == "__main__":
    main()
