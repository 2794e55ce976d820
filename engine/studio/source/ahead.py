"""What a switch would lead to, made before it is pressed: whoever looks at the switches will press one of them.

A process of its own (``python -m engine.studio.source.ahead``), which steps back for others, reads and compiles each
system that is one switch away, and leaves it on disk; the server that asked takes it from there. Nothing depends on
it: what was not made ahead is made when it is asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

from engine.paths import ENGINE
from engine.plan.statement import Dialect
from engine.problem import Problems
from engine.studio.source.build import Source, source_from
from engine.studio.source.switching import listed, switched

_SMALL = 60_000
"""Characters of text. Less is read and compiled in the time of a request."""
_IN_MEMORY = 12
_log = logging.getLogger("dougong.serve")
_under_way: dict[tuple[str, Dialect], asyncio.Task[None]] = {}


def begin(source: Source, dialect: Dialect) -> None:
    """Once for a text, however often it is asked for; one text at a time."""
    key = (source.content(), dialect)
    if key in _under_way or sum(len(text) for pack in source.packs for text in pack.values()) < _SMALL:
        return
    before = [task for task in _under_way.values() if not task.done()]
    if not before:
        _under_way.clear()
    _under_way[key] = asyncio.create_task(_made(source, dialect, before))


async def _made(source: Source, dialect: Dialect, before: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*before, return_exceptions=True)
    away = await asyncio.to_thread(lambda: list(_one_away(source)))
    try:
        if any(not one.kept(dialect).exists() for one in away):
            await _elsewhere(source, dialect)
        await asyncio.to_thread(source.catalog)  # what a plan begins at
        for one in away[:_IN_MEMORY]:
            if one.kept(dialect).exists():
                await asyncio.to_thread(one.catalog)
                await asyncio.to_thread(one.app, dialect)
    except (OSError, Problems) as error:
        _log.warning("what can be switched was not made ahead: %s", error)


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
