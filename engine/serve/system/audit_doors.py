"""Reading the audit: filtered for people, whole and with its chain for whoever keeps a copy."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from engine.serve.people import audit
from engine.serve.query.export import harmless
from engine.serve.tenant import rows
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import parameters_of
from engine.serve.wire.shapes import ID, TEXT, WHOLE, items, thing, words

NAMES = ("n", "id", "at", "by", "act", "entity", "record", "detail", "address", "hash")
_COLUMNS = ", ".join(f'"{name}"' for name in NAMES)
FILTERS = ("by", "act", "entity", "record", "from", "to")
PAGE = 100
_PIECE = 2_000


async def found(here: Here, given: Mapping[str, str], before: str = "", limit: int = PAGE) -> list[dict[str, Any]]:
    """The newest rows that fit; ``before`` is the id of the last one seen."""
    await audit.flush(here.tenant)
    terms, values = _terms(here, given)
    if before:
        if not looks_like_id(before):
            raise refuse("api.cursor")
        values.append(before)
        terms.append(f"id < {rows.placeholder(here.tenant.database.dialect, len(values))}")
    where = f" WHERE {' AND '.join(terms)}" if terms else ""
    sql = f"SELECT {_COLUMNS} FROM _audit{where} ORDER BY id DESC LIMIT {limit}"
    return [as_told(row) for row in await here.tenant.database.read(sql, values)]


def as_told(row: tuple[Any, ...]) -> dict[str, Any]:
    one = dict(zip(NAMES, row, strict=True))
    for name in ("id", "by", "record"):
        one[name] = str(one[name]) if one[name] is not None else None
    return one


def _terms(here: Here, given: Mapping[str, str]) -> tuple[list[str], list[Any]]:
    terms: list[str] = []
    values: list[Any] = []
    for name, text in given.items():
        value: Any = text
        if name in ("by", "record"):
            if not looks_like_id(text):
                raise refuse("api.parameter", name=name, got=text[:40], expected="an id", expected_zh="编号")
        elif name in ("from", "to"):
            value = _start_of(text, name)
        values.append(value)
        mark = rows.placeholder(here.tenant.database.dialect, len(values))
        column, operator = {"from": ("at", ">="), "to": ("at", "<")}.get(name, (name, "="))
        terms.append(f'"{column}" {operator} {mark}')
    return terms, values


def _start_of(text: str, name: str) -> int:
    """Of a day, in milliseconds; ``to`` is the end of its day."""
    try:
        day = date.fromisoformat(text) + timedelta(days=name == "to")
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise refuse(
            "api.parameter", name=name, got=text[:40], expected="2026-03-05", expected_zh="2026-03-05"
        ) from None


def filters_of(here: Here, more: tuple[str, ...] = ()) -> dict[str, str]:
    given = parameters_of(here.asked, *FILTERS, *more)
    return {name: value.replace("\0", "") for name, value in given.items() if value}


async def _list(here: Here, _at: At) -> Answer:
    given = filters_of(here, ("cursor",))
    cursor = given.pop("cursor", "")
    items = await found(here, given, cursor)
    return Answer(200, as_json({"items": items, "next": items[-1]["id"] if len(items) == PAGE else None}))


async def _export(here: Here, _at: At) -> Answer:
    given = filters_of(here, ("format",))
    wanted = given.pop("format", "ndjson")
    if wanted not in ("ndjson", "csv"):
        told = "ndjson | csv"
        raise refuse("api.parameter", name="format", got=wanted[:40], expected=told, expected_zh=told)
    terms = _terms(here, given)  # what is wrong with them is said before the answer begins
    await audit.flush(here.tenant)
    name = f'attachment; filename="audit.{wanted}"'.encode()
    media = b"application/x-ndjson" if wanted == "ndjson" else b"text/csv; charset=utf-8"
    return Answer(200, headers=((b"content-disposition", name),), media=media, stream=_all(here, terms, wanted))


async def _all(here: Here, asked: tuple[list[str], list[Any]], wanted: str) -> AsyncIterator[bytes]:
    """Sealed rows from the first to the last, with number and hash: they can be verified where they are kept."""
    terms, values = asked
    last = 0
    if wanted == "csv":
        yield b"\xef\xbb\xbf" + _line(NAMES)
    while True:
        mark = rows.placeholder(here.tenant.database.dialect, len(values) + 1)
        where = " AND ".join([*terms, f"n > {mark}"])
        sql = f"SELECT {_COLUMNS} FROM _audit WHERE {where} ORDER BY n LIMIT {_PIECE}"
        got = [as_told(row) for row in await here.tenant.database.read(sql, (*values, last))]
        if got and wanted == "csv":
            yield b"".join(_line([one[name] for name in NAMES]) for one in got)
        elif got:
            yield "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in got).encode()
        if len(got) < _PIECE:
            return
        last = got[-1]["n"]


def _line(values: Any) -> bytes:
    out = io.StringIO()
    told = ["" if value is None else str(value) for value in values]
    csv.writer(out).writerow([harmless(text) for text in told])
    return out.getvalue().encode()


_DAY = {"type": "string", "format": "date"}
_FILTERS = {name: {"by": ID, "record": ID, "from": _DAY, "to": _DAY}.get(name, TEXT) for name in FILTERS}
DOORS = (
    Door(
        "audit.list",
        ("GET",),
        "system/audit",
        _list,
        who="auditor",
        says="Who saw and changed what, newest first",
        query={**_FILTERS, "cursor": ID},
        gives=items(thing("id", "at", "act", id=ID, at=WHOLE, act=TEXT), next={"type": ["string", "null"]}),
        audited="read-audit",
    ),
    Door(
        "audit.export",
        ("GET",),
        "system/audit/export",
        _export,
        who="auditor",
        says="The audit with its chain, as a file",
        query={**_FILTERS, "format": words("ndjson", "csv")},
        media=("application/x-ndjson", "text/csv"),
        audited="export-audit",
    ),
)
