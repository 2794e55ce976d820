"""Tables as they are and as they shall be → what has to change. Nothing that holds values ever goes.

A column that is not wanted any more is *retired*: it stays, may be empty, and refers to nothing. Its index stays too,
so that it is back in a moment; one that would refuse something goes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.fieldtypes.storage import quote
from engine.plan.table import Column, Table

Fit = Literal["same", "wider", "narrower", "none"]
MOST_COLUMNS = 1_500
"""Of a table: SQLite holds 2,000, PostgreSQL 1,600, those that went included."""
_AS_TEXT = frozenset({"integer", "decimal", "date", "time"})


@dataclass(frozen=True, slots=True)
class TableChange:
    """``before`` is None for a new table; ``fresh``: columns that are not there yet. ``recoded``: column → SQL of what
    it shall hold of a row, ``{0}`` before its columns, where values are called otherwise."""

    after: Table
    before: Table | None = None
    fresh: tuple[str, ...] = ()
    recoded: Mapping[str, str] = field(default_factory=dict)

    def column_before(self, name: str) -> Column | None:
        """A column as it is now."""
        return next((c for c in self.before.columns if c.name == name), None) if self.before is not None else None


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
    if "text" not in (old.kind, new.kind) or not {old.kind, new.kind} & _AS_TEXT:
        return "none"
    return "wider" if new.kind == "text" else "narrower"


def difference(have: Sequence[Table], want: Sequence[Table]) -> Difference:
    known = {table.name: table for table in have}
    changes, after = [], []
    for wanted in want:
        before = known.pop(wanted.name, None)
        if before == wanted:
            after.append(before)
            continue
        change = TableChange(wanted) if before is None else _change(before, wanted)
        after.append(change.after)
        if before is None or not same(change.after, before):
            changes.append(change)
    return Difference(tuple(changes), (*after, *known.values()))


def wanting(have: Sequence[Table], want: Sequence[Table]) -> bool:
    """Whether what there is does not serve what is wanted."""
    return bool(difference(have, want).changes)


def _change(before: Table, wanted: Table) -> TableChange:
    wants = {c.name: c for c in wanted.columns}
    columns = [wants.pop(c.name) if c.name in wants else replace(c, nullable=True) for c in before.columns]
    gone = {c.name for c in before.columns} - {c.name for c in wanted.columns}
    named = {index.name for index in wanted.indexes}
    resting = (i for i in before.indexes if not (i.unique or i.where) and gone & set(i.columns) and i.name not in named)
    indexes = (*wanted.indexes, *resting)
    return TableChange(replace(wanted, columns=(*columns, *wants.values()), indexes=indexes), before, tuple(wants))


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


_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


def reworded(sql: str, names: Mapping[str, str]) -> str:
    """SQL that calls tables or columns otherwise."""
    return with_values(sql, {old: quote(new) for old, new in names.items()})


def with_values(sql: str, values: Mapping[str, str]) -> str:
    """SQL with something else in the place of columns."""
    given = {quote(name): value for name, value in values.items()}
    return _TOKEN.sub(lambda found: given.get(found[0], found[0]), sql) if given else sql
