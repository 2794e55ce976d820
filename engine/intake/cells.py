"""A file's content → numbered rows of cells: texts of CSV (UTF-8, GB18030), typed values of workbooks."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineError, load_workbook

Cell = str | date | datetime | time
MOST_UNPACKED = 256 * 1024 * 1024
"""Bytes that the parts of a workbook may have when they are unpacked."""
_MOST_PARTS = 5_000
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXACT = 10**15
"""A workbook keeps numbers as binary fractions: whole ones above this have lost digits already."""
_SEPARATORS = (",", "\t", ";")
Row = tuple[int, list[Cell]]


@dataclass(frozen=True, slots=True)
class Unreadable(Exception):
    """The file as a whole cannot be read: a code of this room, where, and what its sentence needs."""

    code: str
    row: int
    params: dict[str, Any]


class Inexact(str):
    """What is left of a number that was too long for a workbook's cell."""


def rows_of(content: bytes, encoding: str = "", page: str = "") -> Iterator[Row]:
    """Rows that hold anything, with their number in the file (a text row's is the line it begins on)."""
    if content.startswith((_ZIP, _OLE)):
        yield from _workbook(content, page)
    else:
        yield from _text(content, encoding)


def _text(content: bytes, encoding: str) -> Iterator[Row]:
    text = _decoded(content, encoding)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable("import.quote", number, {"reason": error}) from error
        if any(cell.strip() for cell in cells):
            yield number, list(cells)


def _decoded(content: bytes, encoding: str) -> str:
    for one in dict.fromkeys(("utf-8-sig", encoding or "utf-8-sig", "gb18030")):
        try:
            return content.decode(one)
        except (UnicodeDecodeError, LookupError):
            continue
    raise Unreadable("import.encoding", 0, {})


def _separator(text: str) -> str:
    """The one that stands most often in the first lines; a comma where none stands out."""
    head = text[:10_000]
    return max(_SEPARATORS, key=lambda one: (head.count(one), one == ","))


def _workbook(content: bytes, page: str) -> Iterator[Row]:
    _require_harmless(content)
    try:
        with load_workbook(io.BytesIO(content)) as book:
            names = book.sheet_names
            if page and page not in names:
                raise Unreadable("import.no-page", 0, {"page": page, "found": ", ".join(names)})
            if not names:
                raise Unreadable("import.empty", 1, {})
            found = book.get_sheet_by_name(page or names[0]).to_python(skip_empty_area=False)
    except (CalamineError, zipfile.BadZipFile, ValueError, OSError) as error:
        raise Unreadable("import.workbook", 0, {"reason": str(error)[:200]}) from error
    for number, cells in enumerate(found, 1):
        told = [_cell(cell) for cell in cells]
        if any(not isinstance(cell, str) or cell.strip() for cell in told):
            yield number, told


def _require_harmless(content: bytes) -> None:
    """A few kilobytes may say that they unpack to gigabytes: what the list of parts says is believed, and is all that
    the reader unpacks."""
    if not content.startswith(_ZIP):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise Unreadable("import.workbook", 0, {"reason": str(error)[:200]}) from error
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise Unreadable("import.too-large", 0, {"limit": f"{MOST_UNPACKED // 1024 // 1024} MB"})


def _cell(value: Any) -> Cell:
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer():
            return Inexact(f"{value:.15g}") if abs(value) >= _EXACT else str(int(value))
        case float():
            return format(value, ".15g") if "e" not in repr(value) else format(value, "f")
        case timedelta():
            return str(value)
        case str() | datetime() | date() | time():
            return value
        case _:
            return str(value)
