"""A file's content → numbered rows of cells: texts of CSV (UTF-8, GB18030), typed values of workbooks."""

from __future__ import annotations

import csv
import io
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

Cell = str | date | datetime | time
_PATIENCE = 60.0
"""Seconds for a workbook, more than its reader gives itself of the processor's."""
_RAISED = 1
"""What a Python that stopped at an exception says when it goes: ours is at fault, no file."""
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
    answer = io.BytesIO(_apart(content, page))
    while True:
        number, told = pickle.load(answer)
        if number:
            yield number, [_cell(cell) for cell in told]
        elif told is None:
            return
        else:
            code, params = told
            raise Unreadable(code, 1 if code == "import.empty" else 0, params)


def _apart(content: bytes, page: str) -> bytes:
    """By a file, not as a module: the package around it would be imported along, which takes longer than most reads."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("workbook.py"))]
    try:
        done = subprocess.run(
            command, input=pickle.dumps((content, page)), capture_output=True, check=False, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired as late:
        raise Unreadable("import.too-heavy", 0, {}) from late
    if done.returncode == _RAISED:
        raise RuntimeError(f"the reader of workbooks: {done.stderr.decode(errors='replace')[-2_000:]}")
    if done.returncode:  # the system has ended it, or native code itself: there was no memory, or no time left
        raise Unreadable("import.too-heavy", 0, {})
    return done.stdout


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
