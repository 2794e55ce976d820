"""Lists taken away: the same question as the list asks, page after page, as CSV, as a workbook, or as JSON lines.

Memory does not grow with the rows. Pages are read one after the other: what others change meanwhile is there as it was
or as it is, and no row is there twice unless its place in the order moved.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote as percent
from zoneinfo import ZoneInfo

import xlsxwriter

from engine.plan.entity import Entity
from engine.serve.document import rights
from engine.serve.document.facts import machine_of
from engine.serve.query import reading, request
from engine.serve.query.request import Asking
from engine.serve.tenant.door import At
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import pairs_of
from renderer.values import Leaf, cell, leaf, value_at

_PAGE = 1000
_PIECE = 256 * 1024
_SHEET_ROWS = 1_048_575
EXACT = 15
"""Digits that a workbook's numbers keep; a longer one is written as text."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MEDIA = {
    "csv": b"text/csv; charset=utf-8",
    "xlsx": b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": b"application/x-ndjson",
}
_NOT_HERE = ("limit", "cursor", "count", "expand", "bin")

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    path: str
    title: str
    leaf: Leaf | None


async def door(here: Here, at: At) -> Answer:
    """``?format=csv|xlsx|ndjson`` beside the parameters of the list."""
    entity = at.entity
    rights.require(here.app, here.me, entity, "read")
    rights.require(here.app, here.me, entity, "export")
    pairs = pairs_of(here.asked.query)
    kind = next((value for name, value in pairs if name == "format"), "csv")
    if kind not in MEDIA:
        told = " | ".join(MEDIA)
        raise refuse("api.parameter", name="format", got=kind[:40], expected=told, expected_zh=told)
    for name, _ in pairs:
        if name in _NOT_HERE:
            raise refuse("api.unknown-parameter", name=name, nearest="")
    asking = request.listing(here.app, here.me, entity, [(n, v) for n, v in pairs if n != "format"])
    columns = _columns(here, entity, asking.question.fields)
    question = replace(asking.question, fields=tuple(c.path for c in columns), export=True)
    pages = _pages(here, replace(asking, question=question, inputs={**asking.inputs, "limit": _PAGE}))
    first = await anext(pages)  # what is wrong with the question is told as a problem, before anything is sent
    make = {"csv": _csv, "xlsx": _xlsx, "ndjson": _ndjson}[kind]
    name = f"{entity.title.to(here.language)} {here.moment().today.isoformat()}.{kind}"
    return Answer(200, headers=attached(name), media=MEDIA[kind], stream=make(here, columns, _from(first, pages)))


def attached(name: str) -> tuple[tuple[bytes, bytes], ...]:
    """To be saved under that name, which ends in its kind."""
    plain = f"export.{name.rpartition('.')[2]}"
    told = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{percent(name)}"
    return ((b"content-disposition", told.encode()), (b"cache-control", b"no-store"))


def _columns(here: Here, entity: Entity, fields: tuple[str, ...]) -> list[Column]:
    """Those asked for; else those of the entity's list; else all of its own."""
    app, language = here.app, here.language
    hidden = rights.hidden(app, here.me, entity)
    page = next((p for p in app.lists.values() if p.entity == entity.path), None)
    titles = dict(zip(page.columns, page.column_titles, strict=False)) if page is not None else {}
    own = [n for n, f in entity.fields.items() if f.origin != "lines" and n not in ("position", "deleted_at")]
    wanted = fields or tuple(page.columns if page is not None else own)
    machine = machine_of(app, entity)
    if not fields and machine is not None and machine.field not in wanted:
        wanted = (*wanted, machine.field)
    out = []
    for path in dict.fromkeys(wanted):
        if path.partition(".")[0] in hidden:
            continue
        found = leaf(app, entity, path)
        title = titles[path].to(language) if path in titles else found.field.title.to(language) if found else path
        out.append(Column(path, title, found))
    return out


async def _pages(here: Here, asking: Asking) -> AsyncIterator[list[Item]]:
    """Every page of the question, each one statement; the first also when it is empty."""
    question, inputs = asking.question, dict(asking.inputs)
    while True:
        data = json.loads((await reading.read(here, question, inputs))[0][0])
        yield data["items"]
        after = data["next"]
        if after is None:
            return
        question = replace(question, after=tuple(value is None for value in after))
        inputs |= {f"c{n}": value for n, value in enumerate(after)}


async def _from(first: list[Item], rest: AsyncIterator[list[Item]]) -> AsyncIterator[list[Item]]:
    yield first
    async for page in rest:
        yield page


async def _ndjson(here: Here, columns: list[Column], pages: AsyncIterator[list[Item]]) -> AsyncIterator[bytes]:
    async for page in pages:
        lines = [json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in page]
        if lines:
            yield ("\n".join(lines) + "\n").encode()


async def _csv(here: Here, columns: list[Column], pages: AsyncIterator[list[Item]]) -> AsyncIterator[bytes]:
    """With a byte order mark, by which spreadsheets know UTF-8; what they would take for a formula is made a text."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    out.write("\ufeff")
    writer.writerow([harmless(column.title) for column in columns])
    async for page in pages:
        writer.writerows([_plain(here, column, value_at(item, column.path)) for column in columns] for item in page)
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()


def _plain(here: Here, column: Column, value: Any) -> str:
    """Numbers as numbers are written; all else as people read it."""
    if value is None or value == "":
        return ""
    field = column.leaf.field if column.leaf is not None else None
    if field is not None and field.kind in ("decimal", "integer") and not isinstance(value, Mapping):
        return str(value)
    return harmless(cell(here.app, column.leaf, value, here.language, here.tenant.zone).text)


def harmless(text: str) -> str:
    """A text that a spreadsheet shows instead of running it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


async def _xlsx(here: Here, columns: list[Column], pages: AsyncIterator[list[Item]]) -> AsyncIterator[bytes]:
    """Written to a file beside, row by row, in a thread; then sent. Texts are texts, never formulas or links."""
    handle, path = tempfile.mkstemp(suffix=".xlsx")
    os.close(handle)
    try:
        book = _Book(here, columns, path)
        async for page in pages:
            await asyncio.to_thread(book.add, page)
        await asyncio.to_thread(book.close)
        with open(path, "rb") as file:  # noqa: PTH123 - a local file of our own
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece
    finally:
        os.unlink(path)  # noqa: PTH108


class _Book:
    def __init__(self, here: Here, columns: list[Column], path: str) -> None:
        self._here, self._columns = here, columns
        self._book = xlsxwriter.Workbook(path, {"constant_memory": True, "in_memory": False})
        made = self._book.add_format
        self._bold = made({"bold": True, "bottom": 1})
        self._formats = {
            "money": made({"num_format": "#,##0.00"}),
            "percent": made({"num_format": "0.00%"}),
            "date": made({"num_format": "yyyy-mm-dd"}),
            "datetime": made({"num_format": "yyyy-mm-dd hh:mm"}),
        }
        self._sheet()

    def _sheet(self) -> None:
        self._page = self._book.add_worksheet()
        self._page.freeze_panes(1, 0)
        for n, column in enumerate(self._columns):
            self._page.set_column(n, n, max(12, min(40, 2 * len(column.title) + 2)))
            self._page.write_string(0, n, column.title, self._bold)
        self._row = 0

    def add(self, items: Iterable[Item]) -> None:
        for item in items:
            if self._row >= _SHEET_ROWS:
                self._sheet()
            self._row += 1
            for n, column in enumerate(self._columns):
                self._write(n, column, value_at(item, column.path))

    def _write(self, n: int, column: Column, value: Any) -> None:
        if value is None or value == "":
            return
        field = column.leaf.field if column.leaf is not None else None
        kind = field.kind if field is not None and not isinstance(value, Mapping) else ""
        if kind in ("decimal", "integer") and field is not None and digits(str(value)) <= EXACT:
            form = self._formats.get("percent" if field.spec.type == "percent" else field.spec.type)
            self._page.write_number(self._row, n, float(value), form)
        elif kind == "date":
            self._page.write_datetime(self._row, n, date.fromisoformat(value), self._formats["date"])
        elif kind == "datetime":
            moment = datetime.fromisoformat(value).astimezone(ZoneInfo(self._here.tenant.zone)).replace(tzinfo=None)
            self._page.write_datetime(self._row, n, moment, self._formats["datetime"])
        else:
            text = cell(self._here.app, column.leaf, value, self._here.language, self._here.tenant.zone).text
            self._page.write_string(self._row, n, text[:32_767])

    def close(self) -> None:
        self._book.close()


def digits(text: str) -> int:
    return len(Decimal(text).as_tuple().digits)
