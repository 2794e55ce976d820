"""Running numbers: the counter's row is taken last in the order of locks and held to the end, so none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from engine.db import Body, Call
from engine.fieldtypes.storage import encode_rows, row_source
from engine.plan.entity import LineWrite, Number, TableWrite, Write
from engine.plan.statement import Dialect
from engine.serve.bind import Moment, call, id_array
from engine.serve.rows import placeholder
from engine.serve.store import Doc

_COUNTS = (("key", "text", 0), ("next", "integer", 0))


def _writes(write: TableWrite, lines: tuple[LineWrite, ...]) -> Iterator[TableWrite]:
    yield write
    for line in lines:
        yield from _writes(line.write, line.lines)


def assign(write: Write, moment: Moment, docs: list[Doc]) -> Body[None]:
    """Gives numbers to the documents whose moment it is; whoever has one keeps it."""
    for table in _writes(write.root, write.lines):
        for number in table.numbers:
            due = [doc.id for doc in docs if number.at == "create" or "submit" in doc.stages]
            if due and number.assign is not None and docs[0].op.kind != "delete":
                yield from _assign(number, moment, due)


def _assign(number: Number, moment: Moment, ids: list[str]) -> Body[None]:
    told = id_array(ids)
    wanting = yield call(number.statement, moment, {"roots": told, "ids": told})
    if not wanting:
        return
    counts: dict[str, int] = {}
    for _, key, *_ in wanting:
        counts[key] = counts.get(key, 0) + 1
    asked = [{"key": key, "next": counts[key]} for key in sorted(counts)]
    found = yield Call(_take_sql(moment.dialect), (encode_rows(_COUNTS, asked, moment.dialect),))
    last = {key: int(value) for key, value in found}
    upcoming = {key: last[key] - count for key, count in counts.items()}
    given = []
    for record, key, before, digits, after in wanting:
        upcoming[key] += 1
        given.append({"id": record, number.field: f"{before}{upcoming[key]:0{int(digits)}d}{after}"})
    columns = (("id", "uuid", 0), (number.field, "text", 0))
    assert number.assign is not None
    yield call(number.assign, moment, {"rows": encode_rows(columns, given, moment.dialect)})


@cache
def _take_sql(dialect: Dialect) -> str:
    source = row_source(_COUNTS, dialect, placeholder(dialect, 1))
    return (
        f'INSERT INTO "_sequence" ("key", "next") SELECT i."key", i."next" FROM {source} WHERE true ORDER BY 1'
        ' ON CONFLICT ("key") DO UPDATE SET "next" = "_sequence"."next" + excluded."next" RETURNING "key", "next"'
    )
