"""Entries by the million: those that are there, copied by the database itself under other ids.

Triggers and indexes are put aside meanwhile and made again as they were; kept sums are filled afterwards.
"""

from __future__ import annotations

import sqlite3
from urllib.parse import urlsplit

import psycopg

from benchmarks import report

TABLE = "bench__labor_entry"


def multiply(url: str, copies: int) -> None:
    """Each entry ``copies`` times, itself included."""
    report.note(f"{url.partition(':')[0]}: {copies} of each entry")
    if url.startswith("sqlite"):
        _sqlite(urlsplit(url).path, copies)
    else:
        _postgres(url, copies)


def _sqlite(path: str, copies: int) -> None:
    with sqlite3.connect(path, isolation_level=None) as connection:
        names = [row[0] for row in connection.execute(f"SELECT name FROM pragma_table_info('{TABLE}')")]
        aside = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ? AND type IN ('trigger', 'index')"
            " AND sql IS NOT NULL ORDER BY type",
            (TABLE,),
        ).fetchall()
        for pragma in ("synchronous = OFF", "cache_size = -400000", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN IMMEDIATE")
        for kind, name, _ in aside:
            connection.execute(f'DROP {kind} "{name}"')
        taken = ", ".join(_copied(name, "t.\"{}\"", "substr(t.id, 1, 24) || printf('f%011x', k.n)") for name in names)
        listed = ", ".join(f'"{name}"' for name in names)
        connection.execute(
            f"WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < {copies - 1})"
            f' INSERT INTO "{TABLE}" ({listed}) SELECT {taken} FROM k CROSS JOIN "{TABLE}" AS t'
        )
        for *_, sql in aside:
            connection.execute(sql)
        connection.execute("COMMIT")
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _postgres(url: str, copies: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s", (TABLE,)
        ).fetchall()
        names = [str(row[0]) for row in found]
        indexes = connection.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = %s::regclass AND NOT indisprimary",
            (TABLE,),
        ).fetchall()
        moved = "(left(t.id::text, 24) || 'f' || lpad(to_hex(k.n), 11, '0'))::uuid"
        taken = ", ".join(_copied(name, 't."{}"', moved) for name in names)
        listed = ", ".join(f'"{name}"' for name in names)
        statements = [
            "SET session_replication_role = replica",
            "SET maintenance_work_mem = '256MB'",
            *(f"DROP INDEX {name}" for name, _ in indexes),
            f'INSERT INTO "{TABLE}" ({listed}) SELECT {taken}'
            f' FROM generate_series(1, {copies - 1}) AS k(n) CROSS JOIN "{TABLE}" AS t',
            *(definition for _, definition in indexes),
            f'VACUUM ANALYZE "{TABLE}"',
        ]
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


def _copied(name: str, same: str, moved: str) -> str:
    return moved if name == "id" else same.format(name)
