"""Sorting and the keyset cursor: where a page ends and the next begins, the same on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.ask import display
from engine.ask.build import Build
from engine.ask.codes import CODES
from engine.ask.rows import Cell, Rows
from engine.fieldtypes.storage import json_value, quote
from engine.problem import Problems, problem

_UNSORTABLE = ("json", "lines")


@dataclass(frozen=True, slots=True)
class Key:
    """One sort key. Empty values come last whichever way it goes, unless it is walked backwards."""

    sql: str
    kind: str
    scale: int
    descending: bool
    nullable: bool
    first: bool = False
    """Empty values come first: the order is walked backwards."""

    def order(self, sql: str) -> str:
        way = " DESC" if self.descending else ""
        return f"{sql}{way} NULLS {'FIRST' if self.first else 'LAST'}" if self.nullable else f"{sql}{way}"

    def turned(self) -> Key:
        return replace(self, descending=not self.descending, first=not self.first)


def keys(rows: Rows, sort: Sequence[str]) -> tuple[Key, ...]:
    """The keys of a sort with ``id`` added in the direction of the last, so that an index can be walked either way."""
    out: list[Key] = []
    descending = False
    for text in sort:
        descending = text.startswith("-")
        path = text[1:] if descending else text
        if path == "id":
            break
        if path == "display":
            out.append(_display(rows, descending))
            continue
        out.append(_key(rows, rows.cell(path), path, descending))
    return (*out, Key(f"{rows.base}.id", "uuid", 0, descending, False))


def _display(rows: Rows, descending: bool) -> Key:
    """By what a record is shown as: its stored companion where there is one."""
    if rows.build.facts.column(rows.entity, "_sort"):
        return Key(f"{rows.base}.{quote('_sort')}", "text", 0, descending, True)
    return Key(display.of_record(rows, rows.base, rows.entity), "text", 0, descending, False)


def _key(rows: Rows, cell: Cell, path: str, descending: bool) -> Key:
    if cell.kind in _UNSORTABLE:
        raise Problems([problem(CODES["ask.unsortable"], name=path)])
    alias = cell.sql.partition(".")[0]
    if cell.kind == "uuid" and cell.field.target and cell.path[-1] != "id":
        # People sort references by what they read, not by their ids.
        alias, target = rows.target(cell)
        if rows.build.facts.column(target, "_sort"):
            return Key(f"{alias}.{quote('_sort')}", "text", 0, descending, True)
    elif cell.kind == "text" and rows.build.facts.column(cell.entity, "_sort") and _leads(cell):
        return Key(f"{alias}.{quote('_sort')}", "text", 0, descending, True)
    return Key(cell.sql, cell.kind, cell.scale, descending, cell.nullable)


def _leads(cell: Cell) -> bool:
    """Whether the field is what its record's display begins with: then people expect their own order (pinyin)."""
    first = cell.entity.display.parts[:1]
    return bool(first) and isinstance(first[0], tuple) and first[0][0] == cell.path[-1] and "CASE" not in cell.sql


@dataclass(frozen=True, slots=True)
class Arm:
    """A run of the sorted rows that an index can give: in one the first key has a value, in the next it is empty."""

    conditions: tuple[str, ...]
    keys: tuple[Key, ...]
    """The last ones of all keys: the first is left out where it is empty."""

    @property
    def order(self) -> str:
        return ", ".join(key.order(key.sql) for key in self.keys)

    def merged(self, count: int) -> str:
        """The same order over runs whose ``count`` keys are called ``k0``, ``k1``, …"""
        first = count - len(self.keys)
        return ", ".join(key.order(f"k{n}") for n, key in enumerate(self.keys, first))


def arms(rows: Rows, sorted_by: Sequence[Key], nulls: Sequence[bool]) -> tuple[Arm, ...]:
    """How to walk the rows in order, from the start or (``nulls``: whether the cursor's value of a key is empty) from
    after a cursor. Empty values last is an order few indexes have, so where the database cannot walk one that way
    the rows with a value and those without are asked for one after the other."""
    build = rows.build
    first = sorted_by[0]
    if first.first:
        return _backwards(sorted_by, _values(build, sorted_by, nulls))
    if not nulls and (not first.nullable or build.dialect == "sqlite" or not first.descending):
        return (Arm((), tuple(sorted_by)),)
    values = _values(build, sorted_by, nulls) if nulls else None
    if not first.nullable:
        return (Arm((_after(sorted_by, values or ()),), tuple(sorted_by)),)
    given = (replace(first, nullable=False), *sorted_by[1:])
    out = []
    if values is None or values[0] is not None:
        after = (_after(given, values),) if values else ()
        out.append(Arm((f"{first.sql} IS NOT NULL", *after), given))
    after = (_after(sorted_by[1:], values[1:]),) if values and values[0] is None else ()
    out.append(Arm((f"{first.sql} IS NULL", *after), tuple(sorted_by[1:])))
    return tuple(out)


def _backwards(sorted_by: Sequence[Key], values: Sequence[str | None]) -> tuple[Arm, ...]:
    """The same from a cursor back to the start: those without a value come before those with one."""
    first = sorted_by[0]
    if not first.nullable:
        return (Arm((_after(sorted_by, values),), tuple(sorted_by)),)
    given = (replace(first, nullable=False), *sorted_by[1:])
    if values[0] is not None:
        return (Arm((f"{first.sql} IS NOT NULL", _after(given, values)), given),)
    empty = Arm((f"{first.sql} IS NULL", _after(sorted_by[1:], values[1:])), tuple(sorted_by[1:]))
    return (empty, Arm((f"{first.sql} IS NOT NULL",), given))


def _values(build: Build, sorted_by: Sequence[Key], nulls: Sequence[bool]) -> tuple[str | None, ...]:
    fits = len(nulls) == len(sorted_by)
    if not fits or any(is_null and not key.nullable for key, is_null in zip(sorted_by, nulls, strict=True)):
        raise Problems([problem(CODES["ask.cursor"])])
    return tuple(
        None if is_null else build.input(f"c{n}", key.kind, key.scale)
        for n, (key, is_null) in enumerate(zip(sorted_by, nulls, strict=True))
    )


def _after(sorted_by: Sequence[Key], values: Sequence[str | None]) -> str:
    """SQL true for rows that come after the cursor."""
    one_way = len({key.descending for key in sorted_by}) == 1
    if one_way and not any(key.nullable for key in sorted_by):
        left = ", ".join(key.sql for key in sorted_by)
        right = ", ".join(v for v in values if v is not None)
        return f"({left}) {'<' if sorted_by[0].descending else '>'} ({right})"
    chained = _chain(sorted_by, values)
    first, value = sorted_by[0], values[0]
    if value is not None and not first.nullable:
        # Says nothing new, but an index can be entered by it.
        return f"{first.sql} {'<=' if first.descending else '>='} {value} AND {chained}"
    return chained


def _chain(sorted_by: Sequence[Key], values: Sequence[str | None]) -> str:
    """Later in the first key, or equal there and later in the second, and so on."""
    out: list[str] = []
    equal: list[str] = []
    for key, value in zip(sorted_by, values, strict=True):
        if value is None:
            if key.first:
                out.append(" AND ".join((*equal, f"{key.sql} IS NOT NULL")))
            equal.append(f"{key.sql} IS NULL")
            continue
        beyond = f"{key.sql} {'<' if key.descending else '>'} {value}"
        later = f"({beyond} OR {key.sql} IS NULL)" if key.nullable and not key.first else beyond
        out.append(" AND ".join((*equal, later)))
        equal.append(f"{key.sql} = {value}")
    return f"({' OR '.join(f'({term})' for term in out)})"


def cursor_json(rows: Rows, key: Key, sql: str) -> str:
    """A key's value for the cursor: exact, in a form that ``storage.bind`` takes back."""
    if key.kind == "time":
        return sql if rows.build.dialect == "sqlite" else f"({sql})::text"
    return json_value(key.kind, key.scale, rows.build.dialect, sql)
