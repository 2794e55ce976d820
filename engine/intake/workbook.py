"""A workbook's cells, read by a process of its own: a few hundred bytes may ask for more memory than there is, and who
is refused it in native code is ended, not told.

Asked through its input, ``(content, page)``; it answers pickles: ``(number, cells)`` of each row that holds anything,
at last ``(0, None)``, or ``(0, (code, params))`` of what an import says. It imports nothing of ours, so that it begins
in the time of a request.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, load_workbook

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

ZIP = b"PK\x03\x04"
MOST_UNPACKED = 256 * 1024 * 1024
"""Bytes that the parts of a workbook may have when they are unpacked."""
MOST_ROWS, MOST_CELLS = 100_000, 4_000_000
"""Of rows that hold anything, empty cells between and beside theirs counted."""
MOST_TEXT = 64_000_000
"""Characters: what many cells share is a text of each where it is handed over."""
_MOST_PARTS = 5_000
_MEMORY = 1536 * 1024 * 1024
_SECONDS = 30


class Refused(Exception):
    """``args``: a code of the room this stands in, and what its sentence needs."""


def main() -> None:
    _bound()
    content, page = pickle.load(sys.stdin.buffer)
    out = sys.stdout.buffer
    said = None
    try:
        for row in _rows(content, page):
            out.write(pickle.dumps(row))
    except Refused as refused:
        said = refused.args
    except MemoryError:
        said = ("import.too-heavy", {})
    out.write(pickle.dumps((0, said)))


def _bound() -> None:
    with contextlib.suppress(OSError):  # where there is little left, not the server has to go
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    if resource is not None:
        for what, most in (
            (resource.RLIMIT_AS, _MEMORY),
            (resource.RLIMIT_CPU, _SECONDS),
            (resource.RLIMIT_CORE, 0),
        ):
            with contextlib.suppress(OSError, ValueError):  # what is bounded more narrowly stays so
                resource.setrlimit(what, (most, most))


def _rows(content: bytes, page: str) -> Iterator[tuple[int, list[Any]]]:
    """A row is as wide as its sheet."""
    rows = cells = text = 0
    for number, row in enumerate(_sheet(content, page), 1):
        if row.count("") < len(row) and any(not isinstance(cell, str) or cell.strip() for cell in row):
            rows, cells = rows + 1, cells + len(row)
            text += sum(len(cell) for cell in row if isinstance(cell, str))
            if rows > MOST_ROWS or cells > MOST_CELLS or text > MOST_TEXT:
                raise Refused("import.too-heavy", {})
            yield number, row


def _sheet(content: bytes, page: str) -> list[list[Any]]:
    try:
        _require_harmless(content)
        with load_workbook(io.BytesIO(content)) as book:
            names = book.sheet_names
            if page and page not in names:
                raise Refused("import.no-page", {"page": page, "found": ", ".join(names)})
            if not names:
                raise Refused("import.empty", {})
            return book.get_sheet_by_name(page or names[0]).to_python(skip_empty_area=False)
    except (CalamineError, zipfile.BadZipFile, ValueError, OSError) as error:
        raise Refused("import.workbook", {"reason": str(error)[:200]}) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # native code's own, which is no Exception and has no home
            raise
        raise Refused("import.workbook", {"reason": str(error)[:200]}) from error


def _require_harmless(content: bytes) -> None:
    """A few kilobytes may say that they unpack to gigabytes: what the list of parts says is believed, and is all that
    the reader unpacks."""
    if not content.startswith(ZIP):
        return
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        parts = packed.infolist()
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise Refused("import.too-large", {"limit": f"{MOST_UNPACKED // 1024 // 1024} MB"})


if __name__ == "__main__":
    main()
