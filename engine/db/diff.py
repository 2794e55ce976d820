"""Tables as they are and as they shall be → what has to change. Nothing that holds values ever goes.

A column that is not wanted any more is *retired*: it stays, may be empty, and nothing refers to it. Should another one
of its name be wanted that cannot hold its values, it moves aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.fieldtypes.storage import quote, short
from engine.plan.table import Column, ForeignKey, Index, Table, TableCheck

Fit = Literal["same", "wider", "narrower", "none"]
_AS_TEXT = frozenset({"integer", "decimal", "date", "time"})


@dataclass(frozen=True, slots=True)
class Renames:
    """Old name → new one: of tables, and of columns by the table's new name."""

    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableChange:
    """``before`` is None for a new table. ``moved``: column as it is called now → its name afterwards, of every column
    that stays; ``fresh``: columns that hold nothing yet; ``aside``: those that moved out of the way."""

    after: Table
    before: Table | None = None
    moved: Mapping[str, str] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()

    def column_before(self, name: str) -> Column | None:
        """What holds the values of a column now, under its name of now."""
        if self.before is None:
            return None
        came = next((old for old, new in self.moved.items() if new == name), None)
        return next((c for c in self.before.columns if c.name == came), None)


@dataclass(frozen=True, slots=True)
class Difference:
    """``after`` is every table there will be, those that are wanted no more included."""

    changes: tuple[TableChange, ...]
    after: tuple[Table, ...]


def fit(old: Column, new: Column) -> Fit:
    """Whether a column's values can be held by another kind of column."""
    if old.kind == new.kind:
        return "same" if old.scale == new.scale else "wider" if old.scale < new.scale else "narrower"
    if old.kind == "integer" and new.kind == "decimal":
        return "wider"
    if old.kind == "decimal" and new.kind == "integer":
        return "narrower"
    return "wider" if new.kind == "text" and old.kind in _AS_TEXT else "none"


def difference(have: Sequence[Table], want: Sequence[Table], renames: Renames | None = None) -> Difference:
    renames = renames or Renames()
    known = {renames.tables.get(table.name, table.name): table for table in have}
    changes, after = [], []
    for wanted in want:
        before = known.pop(wanted.name, None)
        change = TableChange(wanted) if before is None else _change(before, wanted, renames)
        after.append(change.after)
        if before is None or not same(change.after, before):
            changes.append(change)
    for table in known.values():
        left = renamed(table, renames)
        after.append(left)
        if left.name != table.name:
            changes.insert(0, TableChange(left, table, {c.name: c.name for c in table.columns}))
    return Difference(tuple(changes), tuple(after))


def wanting(have: Sequence[Table], want: Sequence[Table]) -> bool:
    """Whether what there is does not serve what is wanted."""
    return bool(difference(have, want).changes)


def _change(before: Table, wanted: Table, renames: Renames) -> TableChange:
    there = renamed(before, renames)
    moved = {old.name: new.name for old, new in zip(before.columns, there.columns, strict=True)}
    names = {c.name for c in there.columns} | {c.name for c in wanted.columns}
    wants = {c.name: c for c in wanted.columns}
    aside = []
    columns = []
    for old, now in zip(before.columns, there.columns, strict=True):
        want = wants.get(now.name)
        if want is None:
            columns.append(replace(now, nullable=True))
        elif fit(now, want) == "none":
            name = _free(now.name, names)
            names.add(name)
            moved[old.name] = name
            aside.append(name)
            columns.append(replace(now, name=name, nullable=True))
        else:
            columns.append(want)
            del wants[now.name]
    columns += wants.values()
    after = replace(wanted, columns=tuple(columns))
    return TableChange(after, before, moved, tuple(wants), tuple(aside))


def _free(name: str, taken: Iterable[str]) -> str:
    known, n = set(taken), 2
    while short(f"{name}__{n}") in known:
        n += 1
    return short(f"{name}__{n}")


def same(one: Table, other: Table) -> bool:
    """Whether two tables are the same, in whatever order their parts are told."""
    return _unordered(one) == _unordered(other)


def _unordered(table: Table) -> object:
    return (
        table.name,
        frozenset(table.columns),
        table.primary_key,
        frozenset(table.foreign_keys),
        frozenset((c.name, c.sqlite, c.postgresql) for c in table.checks),
        frozenset(table.indexes),
    )


def renamed(table: Table, renames: Renames) -> Table:
    """The table with every name in it as it will be, except those of its constraints and indexes."""
    name = renames.tables.get(table.name, table.name)
    columns = renames.columns.get(name, {})

    def of(column: str) -> str:
        return columns.get(column, column)

    return replace(
        table,
        name=name,
        columns=tuple(replace(c, name=of(c.name)) for c in table.columns),
        primary_key=tuple(of(c) for c in table.primary_key),
        foreign_keys=tuple(
            ForeignKey(k.name, of(k.column), renames.tables.get(k.table, k.table), k.on_delete)
            for k in table.foreign_keys
        ),
        checks=tuple(
            TableCheck(c.name, reworded(c.sqlite, columns), reworded(c.postgresql, columns), c.check)
            for c in table.checks
        ),
        indexes=tuple(
            Index(i.name, tuple(of(c) for c in i.columns), i.unique, reworded(i.where, columns)) for i in table.indexes
        ),
    )


_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def reworded(sql: str, columns: Mapping[str, str]) -> str:
    """SQL over one table with its columns called otherwise."""
    given = {quote(old): quote(new) for old, new in columns.items()}
    return _TOKEN.sub(lambda found: given.get(found[0], found[0]), sql) if given else sql
