"""Other people's files → typed rows: pure reading, no database. All problems are named by line, not the first one."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.fieldtypes import REGISTRY, Refused
from engine.plan.app import ImportColumn, ImportPlan
from engine.plan.entity import Entity
from engine.problem import Problem, Problems, Where, problem
from engine.work.codes import CODES

_TOKENS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "a": "%p"}
_TOKEN = re.compile("|".join(sorted(_TOKENS, key=len, reverse=True)))
_CELL_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the file, typed. ``number`` is the line of the file it begins on; ``keys`` are the references that
    are still names: field → text."""

    number: int
    values: Mapping[str, Any]
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole file read: its rows in order, and what is wrong with it."""

    lines: tuple[Line, ...]
    problems: tuple[Problem, ...]


def read_file(path: Path, plan: ImportPlan, entity: Entity, seen: Callable[[int], None] = lambda n: None) -> Reading:
    """Reads and types every row; ``seen`` is told how many rows have been read. Raises Problems when the file as a
    whole cannot be read; what is wrong with single rows is in the answer."""
    reader = _Reader(path, plan, entity)
    lines = []
    for line in reader.lines():
        lines.append(line)
        if len(lines) % 200 == 0:
            seen(len(lines))
    seen(len(lines))
    reader.check_totals(lines)
    return Reading(tuple(lines), tuple(reader.problems))


class _Reader:
    def __init__(self, path: Path, plan: ImportPlan, entity: Entity) -> None:
        self.path = path
        self.plan = plan
        self.entity = entity
        self.problems: list[Problem] = []
        self._first_line: dict[tuple[Any, ...], int] = {}

    def lines(self) -> Iterator[Line]:
        rows = csv.reader(io.StringIO(self._text(), newline=""), strict=True)
        header: list[str] | None = None
        places: list[tuple[ImportColumn, int]] = []
        number = 1
        while True:
            number = rows.line_num + 1
            try:
                cells = next(rows)
            except StopIteration:
                break
            except csv.Error as error:
                self._say("import.quote", number, reason=error)
                raise Problems(self.problems) from error
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [_plain(cell) for cell in cells]
                places = self._places(header, cells)
            elif len(cells) != len(header):
                self._say("import.width", number, got=len(cells), want=len(header))
            else:
                line = self._line(number, cells, places)
                if line is not None:
                    yield line
        if header is None:
            self._say("import.empty", 1)
            raise Problems(self.problems)

    def check_totals(self, lines: list[Line]) -> None:
        for field, want in self.plan.totals.items():
            got = sum((Decimal(line.values[field]) for line in lines if line.values.get(field) is not None), Decimal(0))
            if got != Decimal(want):
                self._say("import.total", 0, field=field, got=got, want=want)
        if self.plan.rows is not None and len(lines) != self.plan.rows:
            self._say("import.rows", 0, got=len(lines), want=self.plan.rows)

    def _text(self) -> str:
        try:
            raw = self.path.read_bytes()
        except OSError:
            self._say("import.no-file", 0, file=self.path.name)
            raise Problems(self.problems) from None
        for encoding in ("utf-8-sig", "gb18030"):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                continue
        self._say("import.encoding", 0)
        raise Problems(self.problems)

    def _places(self, header: list[str], cells: list[str]) -> list[tuple[ImportColumn, int]]:
        for name in {h for h in header if h and header.count(h) > 1}:
            self._say("import.same-column", 1, header=name)
        places = []
        for column in self.plan.columns:
            wanted = [_plain(h) for h in column.headers]
            found = next((header.index(h) for h in wanted if h in header), None)
            if found is not None:
                places.append((column, found))
            elif column.headers and column.constant is None:
                self._say(
                    "import.no-column",
                    1,
                    field=self._title(column.field),
                    headers=" / ".join(column.headers),
                    found=", ".join(c.strip() for c in cells if c.strip()),
                )
        if self.problems:
            raise Problems(self.problems)
        return places

    def _line(self, number: int, cells: list[str], places: list[tuple[ImportColumn, int]]) -> Line | None:
        before = len(self.problems)
        values: dict[str, Any] = {c.field: c.constant for c in self.plan.columns if c.constant is not None}
        keys: dict[str, str] = {}
        for column, place in places:
            text = _clean(cells[place], column)
            if text == "":
                if column.required:
                    self._say("import.required", number, header=column.headers[0])
                continue
            self._take(column, text, number, values, keys)
        if len(self.problems) > before or self._repeated(number, values, keys):
            return None
        return Line(number, values, keys)

    def _take(self, column: ImportColumn, text: str, number: int, values: dict[str, Any], keys: dict[str, str]) -> None:
        field = self.entity.fields[column.field]
        kind = REGISTRY[field.spec.type]
        text = column.map.get(text, text)
        if kind.kind == "uuid":
            keys[column.field] = text
            return
        try:
            if column.date:
                moment = datetime.strptime(text, _strptime(column.date))
                values[column.field] = kind.coerce(
                    moment.date() if kind.kind in ("date", "month") else moment, field.spec
                )
            else:
                values[column.field] = kind.parse(text, field.spec)
        except ValueError:
            self._say("import.date", number, header=column.headers[0], value=text, pattern=column.date)
        except Refused as refused:
            reason = problem(refused.code, **refused.params)
            self._say("import.value", number, header=column.headers[0], reason=reason.says)

    def _repeated(self, number: int, values: Mapping[str, Any], keys: Mapping[str, str]) -> bool:
        if not self.plan.key:
            return False
        key = tuple(values.get(f, keys.get(f)) for f in self.plan.key)
        first = self._first_line.setdefault(key, number)
        if first == number:
            return False
        named = ", ".join(self._title(f) for f in self.plan.key)
        self._say("import.duplicate", number, key=named, line=first, value=", ".join(str(k) for k in key))
        return True

    def _title(self, field: str) -> str:
        return self.entity.fields[field].title.to("en") or field

    def _say(self, code: str, at: int, **params: Any) -> None:
        self.problems.append(problem(CODES[code], Where(self.path.name, at, 1 if at else 0), **params))


def _plain(text: str) -> str:
    """A header as it is compared: full width made half, blanks and line breaks gone, case ignored."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


def _strptime(pattern: str) -> str:
    return _TOKEN.sub(lambda m: _TOKENS[m[0]], pattern.replace("%", "%%"))


def _no_thousands(text: str) -> str:
    return text.replace(",", "").replace("，", "")


def _half_width(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _one_line(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text)


def _dash_is_empty(text: str) -> str:
    return "" if text in ("-", "—", "/", "N/A", "n/a", "无") else text


CLEANING: Mapping[str, Callable[[str], str]] = {
    "thousands": _no_thousands,
    "half_width": _half_width,
    "one_line": _one_line,
    "dash_is_empty": _dash_is_empty,
}
"""Named rules that a mapping may ask for, applied in the order it names them."""


def _clean(cell: str, column: ImportColumn) -> str:
    text = cell.replace("\r\n", "\n").replace("\xa0", " ").strip()[:_CELL_LIMIT]
    for rule in column.clean:
        text = CLEANING[rule](text)
    return text
