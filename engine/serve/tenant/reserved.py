"""Numbers that a process holds ahead, when its App is another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from engine.fieldtypes.storage import literal
from engine.plan.app import App
from engine.plan.entity import LineWrite


def kept(blocks: Mapping[str, list[int]], before: App, after: App) -> dict[str, list[int]]:
    """Those of fields that are numbered as they were: what was text in between may hold the others by now."""
    if not blocks:
        return {}
    alike = set(_asked(before)) & set(_asked(after))
    return {key: block for key, block in blocks.items() if _of(key, alike)}


def _of(counter: str, asked: Iterable[str]) -> bool:
    column = literal(counter.partition("|")[0])
    return any(column in sql for sql in asked)


def _asked(app: App) -> Iterator[str]:
    """The questions for counters."""
    for entity in app.entities.values():
        if entity.write is not None:
            yield from (number.statement.sql for number in entity.write.root.numbers)
            yield from _of_lines(entity.write.lines)


def _of_lines(lines: Iterable[LineWrite]) -> Iterator[str]:
    for line in lines:
        yield from (number.statement.sql for number in line.write.numbers)
        yield from _of_lines(line.lines)
