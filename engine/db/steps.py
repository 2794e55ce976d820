"""What has to change → statements, per database. PostgreSQL alters. SQLite adds columns; what a table says of its rows
and not of how they lie, that they are filled, checked and refer to something, is written anew where SQLite keeps it;
when more is asked the table is made anew, since it can do nothing else to one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.db.call import Violation
from engine.db.converting import converted
from engine.db.diff import TableChange, fit
from engine.db.install import definitions
from engine.fieldtypes.storage import column_type, literal, quote, short
from engine.plan.statement import Dialect
from engine.plan.table import ForeignKey, Index, Table

Fills = Mapping[tuple[str, str], str]
"""(table, column) → an SQL literal for the rows that are there, of a new column that may not be empty."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What has been made ahead, beside those who write. (table, column), as they will be called: ``fresh`` ones are
    there, ``other`` ones have their values in a second column; ``indexes`` over those by their names; ``swaps``: table
    → the statements by which one that was filled beside it takes its place."""

    fresh: frozenset[tuple[str, str]] = frozenset()
    other: frozenset[tuple[str, str]] = frozenset()
    indexes: frozenset[str] = frozenset()
    swaps: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __or__(self, more: Ready) -> Ready:
        swaps = {**self.swaps, **more.swaps}
        return Ready(self.fresh | more.fresh, self.other | more.other, self.indexes | more.indexes, swaps)


NOTHING = Ready()


def new_name(name: str) -> str:
    """What is made ahead to take this one's place."""
    return f"_new_{name}"


def statements(changes: Sequence[TableChange], dialect: Dialect, fills: Fills, ready: Ready = NOTHING) -> list[str]:
    """In the order in which they can run, in one transaction (on SQLite with references unchecked)."""
    return list(_sqlite(changes, fills, ready) if dialect == "sqlite" else _postgresql(changes, fills, ready))


def rebuilt(change: TableChange, fills: Fills) -> bool:
    """Whether SQLite has to make the table anew: its rows will lie otherwise, or hold something else."""
    before, after = change.before, change.after
    if before is None:
        return False
    kept = {c.name: c for c in before.columns}
    fresh = set(change.fresh)
    return (
        any(replace(kept[c.name], nullable=c.nullable) != c for c in after.columns if c.name not in fresh)
        or any(not c.nullable for c in after.columns if c.name in fresh)
        or any((after.name, c.name) in fills for c in after.columns)
        or before.primary_key != after.primary_key
    )


def redefined(change: TableChange, fills: Fills) -> bool:
    """Whether SQLite has to be told anew what the rows of a table must be like, which stay as they are."""
    before, after = change.before, change.after
    if before is None or rebuilt(change, fills):
        return False
    fresh = set(change.fresh)
    filled = {c.name for c in after.columns if not c.nullable}
    return (
        filled != {c.name for c in before.columns if not c.nullable}
        or set(before.foreign_keys) != {k for k in after.foreign_keys if k.column not in fresh}
        or {(c.name, c.sqlite) for c in before.checks}
        != {(c.name, c.sqlite) for c in after.checks if not _about(c.sqlite, fresh)}
    )


def doubts(change: TableChange) -> Iterator[tuple[Violation, str]]:
    """Questions that find a row which breaks what its table has been told anew: SQLite takes it on trust."""
    before, after, table = change.before, change.after, quote(change.after.name)
    assert before is not None

    def some(violation: Violation, where: str) -> tuple[Violation, str]:
        return violation, f"SELECT 1 FROM {table} AS t WHERE {where} LIMIT 1"

    for column in after.columns:
        was = change.column_before(column.name)
        if was is not None and was.nullable and not column.nullable:
            wrong = Violation("notnull", table=after.name, columns=[column.name])
            yield some(wrong, f"typeof(t.{quote(column.name)}) = 'null'")  # by now SQLite believes that none IS NULL
    held = {check.sqlite for check in before.checks}
    for check in after.checks:
        if check.sqlite and check.sqlite not in held:
            yield some(Violation("check", name=check.name), f"NOT ({check.sqlite})")
    for key in after.foreign_keys:
        if key not in before.foreign_keys:
            points = f"t.{quote(key.column)}"
            there = f"SELECT 1 FROM {quote(key.table)} AS o WHERE o.id = {points}"
            wrong = Violation("foreign", table=after.name, columns=[key.column])
            yield some(wrong, f"{points} IS NOT NULL AND NOT EXISTS ({there})")


def _about(sql: str, columns: set[str]) -> bool:
    return any(quote(c) in sql for c in columns)


def _sqlite(changes: Sequence[TableChange], fills: Fills, ready: Ready) -> Iterator[str]:
    yield from definitions([c.after for c in changes if c.before is None], "sqlite")
    for change in changes:
        if change.before is None:
            continue
        if change.after.name in ready.swaps:
            yield from ready.swaps[change.after.name]
        elif rebuilt(change, fills):
            yield from _anew(change, fills)
        else:
            yield from _added(change)
            if redefined(change, fills):
                yield from _told_anew(change.after)


def _told_anew(table: Table) -> Iterator[str]:
    """As SQLite's documentation of ALTER TABLE describes it for what does not touch the rows. A table that is made and
    dropped lets everybody else read the definitions again."""
    (definition,) = definitions([replace(table, indexes=())], "sqlite")
    yield "PRAGMA writable_schema = ON"
    yield f"UPDATE sqlite_master SET sql = {literal(definition)} WHERE type = 'table' AND name = {literal(table.name)}"
    yield "PRAGMA writable_schema = RESET"
    yield f"CREATE TABLE {quote(new_name(table.name))} (id)"
    yield f"DROP TABLE {quote(new_name(table.name))}"


def _anew(change: TableChange, fills: Fills) -> Iterator[str]:
    assert change.before is not None
    table = change.after
    beside = replace(table, name=f"{table.name}__new", indexes=())
    yield definitions([beside], "sqlite")[0]
    names, given = copying(change, fills)
    yield f"INSERT INTO {quote(beside.name)} ({names}) SELECT {given} FROM {quote(table.name)}"
    yield f"DROP TABLE {quote(table.name)}"
    yield f"ALTER TABLE {quote(beside.name)} RENAME TO {quote(table.name)}"
    yield from _indexes(table, table.indexes, "sqlite")


def copying(change: TableChange, fills: Fills) -> tuple[str, str]:
    """The columns of the table as it will be, and what each gets of a row as it is."""
    given = []
    for column in change.after.columns:
        old = change.column_before(column.name)
        fill = fills.get((change.after.name, column.name))
        if old is None:
            given.append(fill or "NULL")
        else:
            recoded = change.recoded.get(column.name)
            value = recoded.format("") if recoded else converted(old, column, quote(column.name), "sqlite")
            given.append(f"COALESCE({value}, {fill})" if fill else value)
    return ", ".join(quote(c.name) for c in change.after.columns), ", ".join(given)


def _added(change: TableChange) -> Iterator[str]:
    assert change.before is not None
    table, before = change.after, change.before
    last = change.fresh[-1:]
    for name in change.fresh:
        column = next(c for c in table.columns if c.name == name)
        words = [quote(name), column_type(column.kind, column.scale, "sqlite")]
        words += [
            f"CONSTRAINT {quote(c.name)} CHECK ({c.sqlite})"
            for c in table.checks
            if _about(c.sqlite, {name}) and (name in last or not _about(c.sqlite, set(change.fresh) - {name}))
        ]
        words += [_references(k) for k in table.foreign_keys if k.column == name]
        yield f"ALTER TABLE {quote(table.name)} ADD COLUMN {' '.join(words)}"
    for index in before.indexes:
        if index not in table.indexes:
            yield f"DROP INDEX {quote(index.name)}"
    yield from _indexes(table, [i for i in table.indexes if i not in before.indexes], "sqlite")


def _references(key: ForeignKey) -> str:
    tail = f" ON DELETE {key.on_delete.upper()}" if key.on_delete != "restrict" else ""
    return f"CONSTRAINT {quote(key.name)} REFERENCES {quote(key.table)} (id){tail}"


def _indexes(table: Table, indexes: Sequence[Index], dialect: Dialect) -> Iterator[str]:
    for index in indexes:
        yield index_sql(table.name, index)


def index_sql(table: str, index: Index, how: str = "") -> str:
    """``how``: what stands after INDEX."""
    columns = ", ".join(quote(c) for c in index.columns)
    where = f" WHERE {index.where}" if index.where else ""
    unique = "UNIQUE " if index.unique else ""
    return f"CREATE {unique}INDEX {how}{quote(index.name)} ON {quote(table)} ({columns}){where}"


def _postgresql(changes: Sequence[TableChange], fills: Fills, ready: Ready) -> Iterator[str]:
    old = [c for c in changes if c.before is not None]
    for change in old:
        yield from _dropped(change, ready)
    for change in old:
        yield from _columns(change, fills, ready)
    yield from definitions([c.after for c in changes if c.before is None], "postgresql")
    for change in old:
        yield from _constraints(change, ready)


def _columns(change: TableChange, fills: Fills, ready: Ready) -> Iterator[str]:
    table = change.after
    alter = f"ALTER TABLE {quote(table.name)}"
    for column in table.columns:
        was = change.column_before(column.name)
        kind = column_type(column.kind, column.scale, "postgresql")
        if (table.name, column.name) in ready.fresh:
            continue
        if was is None:
            fill = fills.get((table.name, column.name))
            tail = f"{f' DEFAULT {fill}' if fill else ''}{'' if column.nullable else ' NOT NULL'}"
            yield f"{alter} ADD COLUMN {quote(column.name)} {kind}{tail}"
            if fill:
                yield f"{alter} ALTER COLUMN {quote(column.name)} DROP DEFAULT"
            continue
        if (table.name, column.name) in ready.other:
            yield f"{alter} DROP COLUMN {quote(column.name)}"
            yield f"{alter} RENAME COLUMN {quote(new_name(column.name))} TO {quote(column.name)}"
            yield f"COMMENT ON COLUMN {quote(table.name)}.{quote(column.name)} IS NULL"
            if not column.nullable and was.nullable == column.nullable:
                yield f"{alter} ALTER COLUMN {quote(column.name)} SET NOT NULL"
        elif fit(was, column) != "same":
            using = converted(was, column, quote(column.name), "postgresql")
            yield f"{alter} ALTER COLUMN {quote(column.name)} TYPE {kind} USING {using}"
        if was.nullable and not column.nullable and (fill := fills.get((table.name, column.name))):
            name = quote(column.name)
            yield f"UPDATE {quote(table.name)} SET {name} = {fill} WHERE {name} IS NULL"
        if was.nullable != column.nullable:
            yield f"{alter} ALTER COLUMN {quote(column.name)} {'DROP' if column.nullable else 'SET'} NOT NULL"


def _held(table: Table) -> dict[object, tuple[str, str]]:
    """What constraints and indexes say → (what it is, its name)."""
    out: dict[object, tuple[str, str]] = {}
    out |= {("k", replace(k, name="")): ("constraint", k.name) for k in table.foreign_keys}
    out |= {("c", c.postgresql): ("constraint", c.name) for c in table.checks if c.postgresql}
    return out | {("i", replace(i, name="")): ("index", i.name) for i in table.indexes}


def _both(change: TableChange) -> tuple[dict[object, tuple[str, str]], dict[object, tuple[str, str]]]:
    """What there is, and what shall be."""
    assert change.before is not None
    return _held(change.before), _held(change.after)


def _converting(change: TableChange, ready: Ready) -> set[str]:
    """Columns of another type, and those whose values lie in a second column."""
    return {
        c.name
        for c in change.after.columns
        if (was := change.column_before(c.name))
        and (fit(was, c) != "same" or (change.after.name, c.name) in ready.other)
    }


def _dropped(change: TableChange, ready: Ready) -> Iterator[str]:
    have, want = _both(change)
    converting = _converting(change, ready)
    for told, (what, name) in have.items():
        if told not in want or _touches(told, converting):
            table = quote(change.after.name)
            yield (
                f"DROP INDEX {quote(name)}" if what == "index" else f"ALTER TABLE {table} DROP CONSTRAINT {quote(name)}"
            )
        elif want[told][1] != name:
            table, after = quote(change.after.name), quote(want[told][1])
            yield (
                f"ALTER INDEX {quote(name)} RENAME TO {after}"
                if what == "index"
                else f"ALTER TABLE {table} RENAME CONSTRAINT {quote(name)} TO {after}"
            )


def _touches(told: object, columns: set[str]) -> bool:
    """A column of another kind: what speaks of it is made anew."""
    return any(quote(c) in str(told) or f"'{c}'" in str(told) for c in columns)


def _constraints(change: TableChange, ready: Ready) -> Iterator[str]:
    have, want = _both(change)
    converting = _converting(change, ready)
    alter = f"ALTER TABLE {quote(change.after.name)}"
    for check in change.after.checks:
        key = ("c", check.postgresql)
        if check.postgresql and (key not in have or _touches(key, converting)):
            yield f"{alter} ADD CONSTRAINT {quote(check.name)} CHECK ({check.postgresql})"
    for key_ in change.after.foreign_keys:
        told = ("k", replace(key_, name=""))
        if told not in have or _touches(told, converting):
            tail = f" ON DELETE {key_.on_delete.upper()}" if key_.on_delete != "restrict" else ""
            target = f"FOREIGN KEY ({quote(key_.column)}) REFERENCES {quote(key_.table)} (id){tail}"
            yield f"{alter} ADD CONSTRAINT {quote(key_.name)} {target}"
    for index in change.after.indexes:
        named = ("i", replace(index, name=""))
        if index.name in ready.indexes:
            yield f"ALTER INDEX {quote(short(new_name(index.name)))} RENAME TO {quote(index.name)}"
            yield f"COMMENT ON INDEX {quote(index.name)} IS NULL"
        elif named not in have or _touches(named, converting):
            yield index_sql(change.after.name, index, "IF NOT EXISTS ")
            yield f"COMMENT ON INDEX {quote(index.name)} IS NULL"
    assert want is not None
