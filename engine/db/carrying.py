"""A tenant's data out of its database and into another one: all of it, as it was at one moment, while others write.

SQLite: its own backup of the whole file. PostgreSQL: what the schema is made of, asked of the catalogue, and the rows
as COPY gives them, in one REPEATABLE READ transaction; no program of the server's is needed. Rows go in before what
would look at each of them (keys, checks, indexes, triggers), and all of it in one transaction.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote as in_uri

from engine.db.call import FROZEN
from engine.db.lease import Lease
from engine.db.postgres import PostgresDatabase
from engine.db.sealing import sealed
from engine.fieldtypes.storage import quote

LAYOUT = "layout.json"
_PIECE = 1024 * 1024
_OURS = "= current_schema()::regnamespace"
_TABLES = f"""
SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid, true), CASE WHEN a.attcollation <> t.typcollation THEN l.collname::text END,
       a.attidentity <> '' OR a.attgenerated <> ''
  FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
  LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relnamespace {_OURS} AND c.relkind = 'r' ORDER BY c.relname, a.attnum
"""
_KEYS = f"""
SELECT c.relname::text, array_agg(a.attname::text ORDER BY k.n)
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
  CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum
 WHERE i.indisprimary AND c.relnamespace {_OURS} GROUP BY c.relname
"""
_CONSTRAINTS = f"""
SELECT c.relname::text, k.conname::text, pg_get_constraintdef(k.oid, true)
  FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
 WHERE c.relnamespace {_OURS} AND k.contype IN ('p', 'u', 'c', 'f')
 ORDER BY array_position(ARRAY['p', 'u', 'c', 'f']::"char"[], k.contype), c.relname, k.conname
"""
_INDEXES = f"""
SELECT pg_get_indexdef(i.indexrelid, 0, true) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
 WHERE c.relnamespace {_OURS} AND i.indisvalid
   AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u'))
 ORDER BY c.relname
"""
_FUNCTIONS = f"""
SELECT pg_get_functiondef(p.oid), quote_ident(n.nspname)
  FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
 WHERE p.pronamespace {_OURS} AND p.proname <> '{FROZEN}' ORDER BY p.proname
"""
_TRIGGERS = f"""
SELECT pg_get_triggerdef(t.oid, true) FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
 WHERE c.relnamespace {_OURS} AND NOT t.tgisinternal AND t.tgname <> '{FROZEN}' ORDER BY c.relname, t.tgname
"""
_OTHERS = (
    f"SELECT c.relname::text FROM pg_class AS c WHERE c.relnamespace {_OURS} AND c.relkind IN ('v', 'm', 'S', 'p', 'f')"
)
_MOMENT = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
    # Whoever changes tables waits, so that what the catalogue says is what the rows are.
    " SELECT pg_advisory_xact_lock_shared(hashtextextended(current_schema(), 4711))"
)


@dataclass(frozen=True, slots=True)
class Counted:
    rows: int
    digest: str


Put = Callable[[str], AbstractContextManager[Any]]
"""Gives a place to write bytes to, by name."""
Get = Callable[[str], AbstractContextManager[BinaryIO]]


class Unknown(Exception):
    """Something is in the schema that we did not put there and would not carry."""


async def pour(database: PostgresDatabase, put: Put) -> dict[str, Counted]:
    """What the schema holds: ``layout.json``, and ``tables/<name>.copy`` for each table, ordered by its key."""
    out: dict[str, Counted] = {}
    async with database.lend() as lease, lease.transaction(_MOMENT):
        made = await _layout(lease)
        with put(LAYOUT) as place:
            place.write(json.dumps(made, ensure_ascii=False, indent=1).encode())
        for table in made["tables"]:
            with put(f"tables/{table['name']}.copy") as place:
                out[table["name"]] = await _poured(lease, table, place)
    return out


async def counted(database: PostgresDatabase) -> dict[str, Counted]:
    """The same of the rows, kept nowhere."""

    class Nowhere:
        def write(self, data: bytes) -> None: ...

    async with database.lend() as lease, lease.transaction(_MOMENT):
        made = await _layout(lease)
        return {table["name"]: await _poured(lease, table, Nowhere()) for table in made["tables"]}


async def _poured(lease: Lease, table: Mapping[str, Any], place: Any) -> Counted:
    digest, rows = hashlib.sha256(), 0

    async def write(data: bytes) -> None:
        nonlocal rows
        digest.update(data)
        rows += data.count(b"\n")  # those inside texts are escaped
        place.write(data)

    columns = ", ".join(quote(column["name"]) for column in table["columns"])
    order = ", ".join(quote(column) for column in table["key"])
    await lease.copy_out(f"SELECT {columns} FROM {quote(table['name'])} ORDER BY {order or columns}", write)
    return Counted(rows, digest.hexdigest())


async def _layout(lease: Lease) -> dict[str, Any]:
    if others := [row[0] for row in await lease.fetch(_OTHERS)]:
        raise Unknown(f"{', '.join(sorted(others))} is neither a table nor an index")
    keys = {name: list(columns) for name, columns in await lease.fetch(_KEYS)}
    tables: dict[str, dict[str, Any]] = {}
    for name, column, kind, full, default, collation, computed in await lease.fetch(_TABLES):
        if computed:
            raise Unknown(f"the column {name}.{column} is computed by the database")
        table = tables.setdefault(name, {"name": name, "key": keys.get(name, []), "columns": []})
        table["columns"].append(
            {"name": column, "type": kind, "full": full, "default": default, "collation": collation}
        )
    functions = [re.sub(rf"(FUNCTION ){re.escape(schema)}\.", r"\1", text, count=1)
                 for text, schema in await lease.fetch(_FUNCTIONS)]  # fmt: skip
    return {
        "tables": list(tables.values()),
        "constraints": [list(row) for row in await lease.fetch(_CONSTRAINTS)],
        "indexes": [row[0] for row in await lease.fetch(_INDEXES)],
        "functions": functions,
        "triggers": [row[0] for row in await lease.fetch(_TRIGGERS)],
    }


async def fill(database: PostgresDatabase, get: Get) -> None:
    """Into an empty schema; all of it or nothing."""
    with get(LAYOUT) as place:
        made = json.loads(place.read())
    async with database.lend() as lease, lease.transaction():
        for table in made["tables"]:
            await lease.execute(f"CREATE TABLE {quote(table['name'])} ({', '.join(map(_column, table['columns']))})")
        for table in made["tables"]:
            with get(f"tables/{table['name']}.copy") as place:
                columns = [column["name"] for column in table["columns"]]
                await lease.copy_in(table["name"], columns, _pieces(place))
        for table, name, text in made["constraints"]:
            await lease.execute(f"ALTER TABLE {quote(table)} ADD CONSTRAINT {quote(name)} {text}")
        for text in (*made["indexes"], *made["functions"], *made["triggers"]):
            await lease.execute(text)
        for one in sealed("postgresql"):
            await lease.execute(one.sql)


def _column(column: Mapping[str, Any]) -> str:
    collation = f" COLLATE {quote(column['collation'])}" if column["collation"] else ""
    default = f" DEFAULT {column['default']}" if column["default"] is not None else ""
    return f"{quote(column['name'])} {column['type']}{collation}{' NOT NULL' if column['full'] else ''}{default}"


async def _pieces(place: BinaryIO) -> AsyncIterator[bytes]:
    while piece := place.read(_PIECE):
        yield piece


# SQLite


async def copy_file(source: str, to: Path) -> None:
    """The whole database as it is at one moment; those who write go on."""

    def copied() -> None:
        had = sqlite3.connect(f"file:{in_uri(source)}?mode=ro", uri=True, timeout=10)
        with closing(had), closing(sqlite3.connect(to)) as made:
            had.backup(made)
            made.execute("PRAGMA journal_mode=DELETE")  # one file, and nothing beside it

    await asyncio.to_thread(copied)


async def whole_file(path: Path) -> str:
    """What is wrong with a database in a file; nothing when it is whole."""

    def looked() -> str:
        try:
            with closing(sqlite3.connect(f"file:{in_uri(str(path))}?mode=ro&immutable=1", uri=True)) as own:
                found = [str(row[0]) for row in own.execute("PRAGMA quick_check(3)")]
        except sqlite3.DatabaseError as error:
            return str(error)
        return "" if found == ["ok"] else "; ".join(found)

    return await asyncio.to_thread(looked)


async def counted_file(path: str) -> dict[str, Counted]:
    def looked() -> dict[str, Counted]:
        with closing(sqlite3.connect(f"file:{in_uri(path)}?mode=ro", uri=True, timeout=10)) as own:
            own.execute("BEGIN")
            asked = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            return {name: _counted_table(own, name) for (name,) in own.execute(asked).fetchall()}

    return await asyncio.to_thread(looked)


def _counted_table(own: sqlite3.Connection, name: str) -> Counted:
    described = own.execute("SELECT name, pk FROM pragma_table_info(?)", (name,)).fetchall()
    columns = ", ".join(quote(column) for column, _ in described)
    key = ", ".join(quote(column) for column, place in sorted(described, key=lambda row: int(row[1])) if place)
    digest, rows = hashlib.sha256(), 0
    for row in own.execute(f"SELECT {columns} FROM {quote(name)} ORDER BY {key or columns}"):
        digest.update(repr(row).encode())
        rows += 1
    return Counted(rows, digest.hexdigest())
