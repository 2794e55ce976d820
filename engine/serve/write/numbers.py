"""Running numbers. Where gaps are not allowed the counter's row is taken last in the order of locks and held to the
end. Elsewhere a process reserves numbers in blocks, in a transaction of its own, so that writers do not queue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from engine.db import Body, Call
from engine.fieldtypes.storage import encode_rows, row_source
from engine.plan.entity import LineWrite, Number, TableWrite, Write
from engine.plan.statement import Dialect
from engine.serve.document.store import Doc, World
from engine.serve.tenant.bind import call, id_array
from engine.serve.tenant.rows import placeholder

BLOCK = 50
_COUNTS = (("key", "text", 0), ("next", "integer", 0))


def _writes(write: TableWrite, lines: tuple[LineWrite, ...]) -> Iterator[TableWrite]:
    yield write
    for line in lines:
        yield from _writes(line.write, line.lines)


class Exhausted(Exception):
    """No block holds enough numbers: ``wanted`` of each counter. Reserve them and begin again."""

    def __init__(self, wanted: Mapping[str, int]) -> None:
        self.wanted = wanted
        super().__init__(", ".join(wanted))


def reserve(wanted: Mapping[str, int], dialect: Dialect) -> Body[dict[str, list[int]]]:
    """The body of a transaction that takes a block of each counter."""
    asked = [{"key": key, "next": max(wanted[key], BLOCK)} for key in sorted(wanted)]
    found = yield Call(_take_sql(dialect), (encode_rows(_COUNTS, asked, dialect),))
    return {key: [int(last) - max(wanted[key], BLOCK) + 1, int(last)] for key, last in found}


def assign(world: World, write: Write, docs: list[Doc]) -> Body[None]:
    """Gives numbers to the documents whose moment it is; whoever has one keeps it."""
    for table in _writes(write.root, write.lines):
        for number in table.numbers:
            due = [doc.id for doc in docs if number.at == "create" or "submit" in doc.stages]
            if due and number.assign is not None and docs[0].op.kind != "delete":
                yield from _assign(world, number, due)


def _assign(world: World, number: Number, ids: list[str]) -> Body[None]:
    moment = world.moment
    told = id_array(ids)
    wanting = yield call(number.statement, moment, {"roots": told, "ids": told})
    if not wanting:
        return
    counts: dict[str, int] = {}
    for _, key, *_ in wanting:
        counts[key] = counts.get(key, 0) + 1
    if number.gapless or world.blocks is None:
        asked = [{"key": key, "next": counts[key]} for key in sorted(counts)]
        found = yield Call(_take_sql(moment.dialect), (encode_rows(_COUNTS, asked, moment.dialect),))
        upcoming = {key: int(value) - counts[key] for key, value in found}
    else:
        upcoming = _from_blocks(world.blocks, counts)
    given = []
    for record, key, before, digits, after in wanting:
        upcoming[key] += 1
        given.append({"id": record, number.field: f"{before}{upcoming[key]:0{int(digits)}d}{after}"})
    columns = (("id", "uuid", 0), (number.field, "text", 0))
    assert number.assign is not None
    yield call(number.assign, moment, {"rows": encode_rows(columns, given, moment.dialect)})


def short_of(blocks: Mapping[str, list[int]], counts: Mapping[str, int]) -> dict[str, int]:
    """The counters whose block does not hold enough."""
    return {key: n for key, n in counts.items() if key not in blocks or blocks[key][1] - blocks[key][0] + 1 < n}


def _from_blocks(blocks: dict[str, list[int]], counts: Mapping[str, int]) -> dict[str, int]:
    """The number before the first one given, by counter."""
    if short := short_of(blocks, counts):
        raise Exhausted(short)
    before = {key: blocks[key][0] - 1 for key in counts}
    for key, n in counts.items():
        blocks[key][0] += n
    return before


@cache
def _take_sql(dialect: Dialect) -> str:
    source = row_source(_COUNTS, dialect, placeholder(dialect, 1))
    return (
        f'INSERT INTO "_sequence" ("key", "next") SELECT i."key", i."next" FROM {source} WHERE true ORDER BY 1'
        ' ON CONFLICT ("key") DO UPDATE SET "next" = "_sequence"."next" + excluded."next" RETURNING "key", "next"'
    )
