"""Does the database hold what the revision says: live tables, columns and indexes against the shape that was kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.db.beside import UNDER_WAY, ours
from engine.db.call import Database
from engine.db.sealing import BROKEN
from engine.fieldtypes.storage import column_type, literal
from engine.plan.statement import Dialect
from engine.plan.table import Table

_COLUMNS = {
    "sqlite": (
        'SELECT m.name, c.name, upper(c.type), c."notnull" OR c.pk > 0'
        " FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
    ),
    "postgresql": (
        "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_class AS c"
        " JOIN pg_attribute AS a ON a.attrelid = c.oid LEFT JOIN pg_description AS d"
        " ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum"
        " WHERE c.relnamespace = current_schema()::regnamespace"
        " AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
        f" AND d.description IS DISTINCT FROM {literal(UNDER_WAY)}"
    ),
}
_INDEXES = {
    "sqlite": (
        'SELECT m.name, i.name, i."unique", i.partial,'
        " (SELECT json_group_array(c.name) FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) AS c)"
        " FROM sqlite_master AS m, pragma_index_list(m.name) AS i WHERE m.type = 'table' AND i.origin = 'c'"
    ),
    "postgresql": (
        "SELECT t.relname::text, c.relname::text, i.indisunique, i.indpred IS NOT NULL,"
        " json_agg(a.attname ORDER BY k.n)"
        " FROM pg_class AS t JOIN pg_index AS i ON i.indrelid = t.oid JOIN pg_class AS c ON c.oid = i.indexrelid"
        " CROSS JOIN LATERAL unnest(i.indkey[:i.indnkeyatts - 1]) WITH ORDINALITY AS k(at, n)"
        " LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.at AND k.at > 0"
        " WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r' AND i.indisvalid"
        " AND NOT i.indisprimary GROUP BY 1, 2, 3, 4"
    ),
}
_CONSTRAINTS = {
    "sqlite": (
        "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
        " UNION ALL SELECT m.name, 'to ' || f.\"table\" || ' by ' || f.\"from\""
        " FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f WHERE m.type = 'table'"
    ),
    "postgresql": (
        "SELECT c.relname::text, k.conname::text FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid"
        " WHERE k.connamespace = current_schema()::regnamespace AND k.contype IN ('c', 'f') AND k.convalidated"
    ),
}
_SPELT = {"timestamptz": "timestamp with time zone", "time": "time without time zone"}


@dataclass(frozen=True, slots=True)
class _Live:
    """What the database holds: table → column → (type, whether it is filled); table → its constraints, by name
    (PostgreSQL), or the text it was made by and what refers where (SQLite); index → (table, columns, unique,
    partial); (table, check) of those whose words are others (PostgreSQL)."""

    columns: dict[str, dict[str, tuple[str, bool]]]
    constraints: dict[str, set[str]]
    indexes: dict[str, tuple[str, tuple[str, ...], bool, bool]]
    reworded: frozenset[tuple[str, str]]


async def drift(database: Database, shape: Sequence[Table]) -> list[str]:
    """What hands other than ours have done, in words; nothing when the database is as it was left. Of a partial index
    only that it is."""
    reworded = await database.read(BROKEN) if database.dialect == "postgresql" else []
    live = _Live({}, {}, {}, frozenset((str(table), str(name)) for table, name in reworded))
    for table, column, kind, full in await database.read(_COLUMNS[database.dialect]):
        live.columns.setdefault(table, {})[column] = (str(kind), bool(full))
    for table, name in await database.read(_CONSTRAINTS[database.dialect]):
        live.constraints.setdefault(table, set()).add(str(name))
    for table, name, unique, partial, columns in await database.read(_INDEXES[database.dialect]):
        names = tuple(str(one) for one in json.loads(columns))
        live.indexes[str(name)] = (str(table), names, bool(unique), bool(partial))
    return list(_told(live, shape, database.dialect))


def _told(live: _Live, shape: Sequence[Table], dialect: Dialect) -> Iterator[str]:
    for table in shape:
        there = live.columns.pop(table.name, None)
        if there is None:
            yield f"table {table.name} is missing"
            continue
        for column in table.columns:
            found = there.pop(column.name, None)
            kind = _spelt(column.kind, column.scale, dialect)
            full = not column.nullable or column.name in table.primary_key
            if found is None:
                yield f"column {table.name}.{column.name} is missing"
            elif found != (kind, full):
                yield f"column {table.name}.{column.name} is {_words(*found)}, not {_words(kind, full)}"
        for name in there:
            yield f"column {table.name}.{name} is not ours"
        yield from _constraints(table, live, dialect)
        for index in table.indexes:
            stands = live.indexes.get(index.name)
            if stands is None:
                yield f"index {index.name} is missing"
            elif stands != (table.name, index.columns, index.unique, bool(index.where)):
                yield f"index {index.name} is another one"
    for name in live.columns:
        if name.startswith(("_log_", "_sum_")):  # kept sums: they follow from records, and look after themselves
            continue
        if ours(name):  # of a change that is under way, or died: the next one takes it away
            continue
        yield f"table {name} is not ours"


def _constraints(table: Table, found: _Live, dialect: Dialect) -> Iterator[str]:
    live = found.constraints.get(table.name, set())
    if dialect == "postgresql":
        names = [c.name for c in table.checks if c.postgresql] + [k.name for k in table.foreign_keys]
        for name in names:
            if name not in live:
                yield f"constraint {table.name}.{name} is missing"
            elif (table.name, name) in found.reworded:
                yield f"check {table.name}.{name} is another one"
        return
    text = _bare(" ".join(sorted(live)))
    for check in table.checks:
        if check.sqlite and _bare(check.sqlite) not in text:
            yield f"check {table.name}.{check.name} is missing or another one"
    for key in table.foreign_keys:
        if f"to {key.table} by {key.column}" not in live:
            yield f"constraint {table.name}.{key.name} is missing"


@lru_cache(maxsize=4_096)
def _bare(sql: str) -> str:
    """Without what an ALTER TABLE spells anew."""
    return re.sub(r"[\s\"]", "", sql).lower()


def _words(kind: str, full: bool) -> str:
    return f"{kind}{' not null' if full else ''}"


@lru_cache(maxsize=256)
def _spelt(kind: str, scale: int, dialect: Dialect) -> str:
    told = column_type(kind, scale, dialect).partition(" COLLATE")[0]
    return told.upper() if dialect == "sqlite" else _SPELT.get(told, told)


def sample(table: str, where: str, key: str, most: int, row: str = "id", counted: bool = False) -> str:
    """A statement: the rows a guard is about, by the column that says which and the one people know them by;
    ``counted``: with how many there are in front."""
    shown = f"CAST({key} AS text)" if key else literal("")
    count = "count(*) OVER (), " if counted else ""
    found = f"SELECT {count}CAST(t.{row} AS text), {shown} FROM {table} AS t WHERE {where}"
    return f"{found} {'ORDER BY id' if row == 'id' else 'GROUP BY 1 ORDER BY 1'} LIMIT {most}"
