"""Does the database hold what the revision says: live tables, columns and indexes against the shape that was kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.db.beside import UNDER_WAY, ours
from engine.db.call import Database
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
        " JOIN pg_attribute AS a ON a.attrelid = c.oid WHERE c.relnamespace = current_schema()::regnamespace"
        " AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"
        f" AND col_description(c.oid, a.attnum) IS DISTINCT FROM {literal(UNDER_WAY)}"
    ),
}
_INDEXES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'",
    "postgresql": (
        "SELECT c.relname::text FROM pg_class AS c JOIN pg_index AS i ON i.indexrelid = c.oid"
        " WHERE c.relnamespace = current_schema()::regnamespace AND i.indisvalid AND NOT i.indisprimary"
    ),
}
_SPELT = {"timestamptz": "timestamp with time zone", "time": "time without time zone"}


async def drift(database: Database, shape: Sequence[Table]) -> list[str]:
    """What hands other than ours have done, in words; nothing when the database is as it was left."""
    columns: dict[str, dict[str, tuple[str, bool]]] = {}
    for table, column, kind, full in await database.read(_COLUMNS[database.dialect]):
        columns.setdefault(table, {})[column] = (str(kind), bool(full))
    indexes = {row[0] for row in await database.read(_INDEXES[database.dialect])}
    return list(_told(columns, indexes, shape, database.dialect))


def _told(
    live: dict[str, dict[str, tuple[str, bool]]], indexes: set[str], shape: Sequence[Table], dialect: Dialect
) -> Iterator[str]:
    for table in shape:
        there = live.pop(table.name, None)
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
        for index in table.indexes:
            if index.name not in indexes:
                yield f"index {index.name} is missing"
    for name in live:
        if name.startswith(("_log_", "_sum_")):  # kept sums: they follow from records, and look after themselves
            continue
        if ours(name):  # of a change that is under way, or died: the next one takes it away
            continue
        yield f"table {name} is not ours"


def _words(kind: str, full: bool) -> str:
    return f"{kind}{' not null' if full else ''}"


def _spelt(kind: str, scale: int, dialect: Dialect) -> str:
    told = column_type(kind, scale, dialect).partition(" COLLATE")[0]
    return told.upper() if dialect == "sqlite" else _SPELT.get(told, told)


def sample(table: str, where: str, key: str, most: int) -> str:
    """A statement: the rows a guard is about, by id and the column people know them by."""
    shown = f"CAST({key} AS text)" if key else literal("")
    return f"SELECT CAST(id AS text), {shown} FROM {table} AS t WHERE {where} ORDER BY id LIMIT {most}"
