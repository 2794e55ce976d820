"""Rows of cells → lines of typed values → documents. All that is wrong is told, row by row, not the first thing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.fieldtypes import REGISTRY, Refused
from engine.fieldtypes.codes import CODES as VALUE_CODES
from engine.intake.cells import Cell, Inexact, Row, Unreadable, rows_of
from engine.intake.cleaning import cleaned, plain
from engine.intake.codes import CODES
from engine.label import Label
from engine.plan.app import ImportColumn, ImportPlan
from engine.plan.entity import Entity, Field
from engine.problem import Problem, Where, problem

MOST_ROWS = 20_000
MOST_WRONG = 2_000
_MOST_COLUMNS = 16_384
"""As many as a workbook has; beyond them no header is looked for."""
_HEAD = 15
"""Rows among which the header is looked for: files of people begin with titles."""
_TOTALS = frozenset(["合计", "小计", "总计", "本页合计", "本页小计", "累计", "total", "subtotal", "grandtotal"])
_BEFORE_TOTAL = 3
"""Columns in one of which the word of a row of totals stands."""
_TOKENS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "a": "%p"}
_TOKEN = re.compile("|".join(sorted(_TOKENS, key=len, reverse=True)))


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong with a row (0: with the file), and under which header. ``params`` may be Labels."""

    code: str
    row: int = 0
    header: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)

    def told(self, file: str) -> Problem:
        params = {k: v.to("en") if isinstance(v, Label) else v for k, v in self.params.items()}
        return problem(CODES[self.code], Where(file, self.row, 1 if self.row else 0), **params)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the file, typed. ``keys`` are the references that are still names: field → text."""

    number: int
    values: Mapping[str, Any]
    keys: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Document:
    """What rows make: one row, or all that are alike in the fields a mapping groups by. ``lines`` are what the rows say
    of the lines field; without one there are none."""

    head: Line
    lines: tuple[Line, ...] = ()

    @property
    def rows(self) -> tuple[int, ...]:
        return tuple(line.number for line in self.lines) or (self.head.number,)


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole file read. ``left_out``: rows that are no data (a header again, totals), with their words; ``totals``:
    the sum of each column that adds up; ``headers``: (field, header) as the file has them; ``cells``: every row as it
    came, for who has to mend it."""

    documents: tuple[Document, ...] = ()
    wrong: tuple[Wrong, ...] = ()
    rows: int = 0
    left_out: tuple[tuple[int, str], ...] = ()
    totals: Mapping[str, Decimal] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    cells: Mapping[int, Sequence[Cell]] = field(default_factory=dict)

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(line for made in self.documents for line in (made.lines or (made.head,)))


def read_file(
    path: Path,
    plan: ImportPlan,
    entity: Entity,
    lines: Entity | None = None,
    seen: Callable[[int], None] = lambda n: None,
) -> Reading:
    try:
        content = path.read_bytes()
    except OSError:
        return Reading(wrong=(Wrong("import.no-file", params={"file": path.name}),))
    return read_content(content, plan, entity, lines, seen)


def read_content(
    content: bytes,
    plan: ImportPlan,
    entity: Entity,
    lines: Entity | None = None,
    seen: Callable[[int], None] = lambda n: None,
) -> Reading:
    """Reads and types every row; ``lines``: the entity of the mapping's lines field; ``seen`` is told how many rows
    have been read."""
    reader = _Reader(plan, entity, lines)
    try:
        made = reader.read(rows_of(content, plan.encoding, plan.page), seen)
    except Unreadable as found:
        return Reading(wrong=(*reader.wrong, Wrong(found.code, found.row, params=found.params)))
    return made


class _Reader:
    def __init__(self, plan: ImportPlan, entity: Entity, lines: Entity | None) -> None:
        self.plan = plan
        self.of = {
            c.field: lines.fields[c.field] if lines is not None and c.field in lines.fields else entity.fields[c.field]
            for c in plan.columns
        }
        self.below = frozenset(c.field for c in plan.columns if lines is not None and c.field in lines.fields)
        self.wrong: list[Wrong] = []
        self._first: dict[tuple[Any, ...], int] = {}

    def read(self, rows: Iterator[Row], seen: Callable[[int], None]) -> Reading:
        header, places, rest = self._begin(rows)
        lines: list[Line] = []
        left_out: list[tuple[int, str]] = []
        cells: dict[int, Sequence[Cell]] = {}
        named = [plain(one) for one in header]
        for number, row in rest:
            if (word := _no_data(row, named)) is not None:
                left_out.append((number, word))
                continue
            cells[number] = row
            if len(cells) > MOST_ROWS:
                raise Unreadable("import.many-rows", 0, {"limit": MOST_ROWS})
            if (len(row) != len(header) and any(_text(cell) for cell in row[len(header) :])) or len(row) < len(header):
                self._say("import.width", number, got=len(row), want=len(header))
            elif (line := self._line(number, row, places)) is not None:
                lines.append(line)
            if len(cells) % 200 == 0:
                seen(len(cells))
        seen(len(cells))
        totals = self._totals(lines)
        self._check_totals(totals, len(cells))
        documents = self._documents(lines)
        return Reading(documents, tuple(self.wrong), len(cells), tuple(left_out), totals, tuple(header), cells)

    def _begin(self, rows: Iterator[Row]) -> tuple[list[str], list[tuple[ImportColumn, int]], Iterator[Row]]:
        """The header is the row among the first in which most of the wanted columns stand."""
        head = [row for _, row in zip(range(_HEAD), rows, strict=False)]
        if not head:
            raise Unreadable("import.empty", 1, {})
        wanted = {plain(h) for column in self.plan.columns for h in column.headers}
        at = max(range(len(head)), key=lambda n: (len(wanted & _titles(head[n][1])), -n))
        number, cells = head[at]
        header = [_text(cell) for cell in cells[:_MOST_COLUMNS]]
        while header and not header[-1]:
            header.pop()
        return header, self._places(number, header), _chain(head[at + 1 :], rows)

    def _places(self, number: int, header: list[str]) -> list[tuple[ImportColumn, int]]:
        named = [plain(one) for one in header]
        places, broken = [], len(self.wrong)
        for column in self.plan.columns:
            wanted = [plain(h) for h in column.headers]
            found = next((h for h in wanted if h in named), None)
            if found is not None:
                if named.count(found) > 1:
                    self._say("import.same-column", number, header=header[named.index(found)])
                places.append((column, named.index(found)))
            elif column.headers and column.constant is None:
                self._say(
                    "import.no-column",
                    number,
                    field=self.of[column.field].title,
                    headers=" / ".join(column.headers),
                    found=", ".join(one for one in header if one),
                )
        if len(self.wrong) > broken:
            last = self.wrong.pop()
            raise Unreadable(last.code, last.row, dict(last.params))
        return places

    def _line(self, number: int, cells: Sequence[Cell], places: list[tuple[ImportColumn, int]]) -> Line | None:
        before = len(self.wrong)
        values: dict[str, Any] = {c.field: c.constant for c in self.plan.columns if c.constant is not None}
        keys: dict[str, str] = {}
        for column, place in places:
            cell = cells[place]
            text = cleaned(cell, column.clean) if isinstance(cell, str) else cell
            if text == "":
                if column.required:
                    self._say("import.required", number, column.headers[0])
            elif isinstance(cell, Inexact):
                self._say("import.digits", number, column.headers[0], value=cell)
            else:
                self._take(column, text, number, values, keys)
        if len(self.wrong) > before or self._repeated(number, values, keys):
            return None
        return Line(number, values, keys)

    def _take(self, column: ImportColumn, cell: Cell, row: int, values: dict[str, Any], keys: dict[str, str]) -> None:
        known = self.of[column.field]
        kind = REGISTRY[known.spec.type]
        header = column.headers[0]
        try:
            if isinstance(cell, date | time):
                if kind.kind in ("date", "month", "datetime", "time"):
                    values[column.field] = kind.coerce(_moment(cell, kind.kind), known.spec)
                    return
                cell = str(cell)
            text = column.map.get(cell, cell)
            if kind.kind == "uuid":
                keys[column.field] = text
            elif column.date:
                moment = datetime.strptime(text, _strptime(column.date))
                values[column.field] = kind.coerce(_moment(moment, kind.kind), known.spec)
            else:
                values[column.field] = kind.parse(text, known.spec)
        except ValueError:
            self._say("import.date", row, header, value=cell, pattern=column.date or str(known.spec.type))
        except Refused as refused:
            self._say("import.value", row, header, reason=_reason(refused))

    def _repeated(self, number: int, values: Mapping[str, Any], keys: Mapping[str, str]) -> bool:
        if not self.plan.key or self.plan.lines:
            return False
        key = tuple(values.get(f, keys.get(f)) for f in self.plan.key)
        first = self._first.setdefault(key, number)
        if first == number:
            return False
        title, value = _joined(self.of[f].title for f in self.plan.key), ", ".join(str(k) for k in key)
        self._say("import.duplicate", number, key=title, line=first, value=value)
        return True

    def _totals(self, lines: Sequence[Line]) -> dict[str, Decimal]:
        adding = [n for n, known in self.of.items() if _adds_up(known)]
        given = {n: [line.values[n] for line in lines if line.values.get(n) is not None] for n in adding}
        return {n: sum((Decimal(one) for one in found), Decimal(0)) for n, found in given.items()}

    def _check_totals(self, totals: Mapping[str, Decimal], rows: int) -> None:
        for name, want in self.plan.totals.items():
            got = totals.get(name, Decimal(0))
            if got != Decimal(want):
                self._say("import.total", 0, field=self.of[name].title if name in self.of else name, got=got, want=want)
        if self.plan.rows is not None and rows != self.plan.rows:
            self._say("import.rows", 0, got=rows, want=self.plan.rows)

    def _documents(self, lines: Sequence[Line]) -> tuple[Document, ...]:
        if not self.plan.lines:
            return tuple(Document(line) for line in lines)
        together: dict[tuple[Any, ...], list[Line]] = {}
        for line in lines:
            key = tuple(line.values.get(f, line.keys.get(f)) for f in self.plan.group or self.plan.key)
            together.setdefault(key, []).append(line)
        made = (self._document(found) for found in together.values())
        return tuple(one for one in made if one is not None)

    def _document(self, lines: list[Line]) -> Document | None:
        """One document of rows that belong together; what they say of the document itself must be the same."""
        first, heads = lines[0], [self._part(line, False) for line in lines]
        for line, head in zip(lines, heads, strict=True):
            told, said = {**head.values, **head.keys}, {**heads[0].values, **heads[0].keys}
            if differing := [n for n in told.keys() | said.keys() if told.get(n) != said.get(n)]:
                title = _joined(self.of[n].title for n in sorted(differing))
                self._say("import.unlike", line.number, fields=title, line=first.number)
                return None
        return Document(heads[0], tuple(self._part(line, True) for line in lines))

    def _part(self, line: Line, below: bool) -> Line:
        def mine(told: Mapping[str, Any]) -> dict[str, Any]:
            return {n: v for n, v in told.items() if (n in self.below) == below}

        return Line(line.number, mine(line.values), mine(line.keys))

    def _say(self, code: str, row: int, header: str = "", **params: Any) -> None:
        if len(self.wrong) >= MOST_WRONG:
            raise Unreadable("import.many-wrong", 0, {"limit": MOST_WRONG})
        self.wrong.append(Wrong(code, row, header, {"header": header, **params} if header else params))


def _chain(head: Sequence[Row], rest: Iterator[Row]) -> Iterator[Row]:
    yield from head
    yield from rest


def _titles(cells: Sequence[Cell]) -> set[str]:
    return {plain(_text(cell)) for cell in cells[:_MOST_COLUMNS]}


def _text(cell: Cell) -> str:
    return cell.strip() if isinstance(cell, str) else str(cell)


def _no_data(cells: Sequence[Cell], header: list[str]) -> str | None:
    """The word by which a row is known to be no data: the header once more, or a row of totals."""
    told = [plain(_text(cell)) for cell in cells[: max(len(header), _BEFORE_TOTAL)]]
    if told[: len(header)] == header:
        return _text(cells[0])
    first = next((n for n, one in enumerate(told) if one), 0)
    if told and first < _BEFORE_TOTAL and told[first].rstrip(":") in _TOTALS:
        return _text(cells[first])
    return None


def _moment(value: date | time, kind: str) -> date | time:
    """What a workbook or a pattern holds, as the field wants it: a date with a time is a date, if it is midnight."""
    if isinstance(value, datetime):
        return value.date() if kind in ("date", "month") else value.time() if kind == "time" else value
    if isinstance(value, date) and kind == "datetime":
        return datetime(value.year, value.month, value.day)
    return value


def _adds_up(known: Field) -> bool:
    return REGISTRY[known.spec.type].kind in ("integer", "decimal") and known.spec.type not in ("percent", "price")


def _joined(titles: Any) -> Label:
    found: list[Label] = list(titles)
    return Label("、".join(one.to("zh") for one in found), ", ".join(one.to("en") for one in found))


def _reason(refused: Refused) -> Label:
    code = VALUE_CODES[refused.code.code]
    shown = {name: str(value) for name, value in refused.params.items()}
    return Label(code.zh.format_map(shown), code.en.format_map(shown))


def _strptime(pattern: str) -> str:
    return _TOKEN.sub(lambda m: _TOKENS[m[0]], pattern.replace("%", "%%"))
