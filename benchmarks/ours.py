"""(b): our side. Installs the pack in an empty database, fills its tables with the data set, opens a session."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg
from psycopg import sql

from benchmarks import dataset
from benchmarks.multiply import multiply
from engine.db import rollups
from engine.fieldtypes.storage import bind
from engine.plan.statement import Dialect
from engine.plan.table import Table
from engine.serve.people.auth import open_session, set_password
from engine.studio.tenant.opening import opened

PACK = Path(__file__).parent / "pack"
CLERK_ID = dataset.identity(4, 0)
RESTRICTED_ID = dataset.identity(4, 1)
ADMINISTRATOR_ID = dataset.identity(4, 2)
SYSTEM = {
    "rev": 1,
    "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    "created_by": CLERK_ID,
    "updated_at": datetime(2026, 1, 1, tzinfo=UTC),
    "updated_by": CLERK_ID,
}


def rows(count: int) -> Iterator[tuple[str, Iterable[Mapping[str, Any]]]]:
    """Entity by entity, in the order of references."""
    people = {CLERK_ID: dataset.CLERK, RESTRICTED_ID: dataset.RESTRICTED, ADMINISTRATOR_ID: dataset.ADMINISTRATOR}
    yield "user", [{"id": one, "login": login, "name": f"资料员 {login}"} for one, login in people.items()]
    yield "project", [asdict(p) for p in dataset.projects()]
    yield "worker", [asdict(w) for w in dataset.workers()]
    held = [(CLERK_ID, p) for p in dataset.clerks_projects()]
    held += [(RESTRICTED_ID, p) for p in dataset.restricted_projects()]
    yield (
        "member",
        [
            {"id": dataset.identity(5, n), "user": user, "project": project, "role": "clerk"}
            for n, (user, project) in enumerate(held)
        ],
    )
    yield "labor_entry", (asdict(e) for e in dataset.entries(count))


def driver_rows(table: Table, dialect: Dialect, found: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for row in found:
        whole = SYSTEM | row
        yield tuple(
            None if whole.get(c.name) is None else bind(c.kind, c.scale, dialect, whole[c.name]) for c in table.columns
        )


def fill_sqlite(path: str, tables: Mapping[str, Table], count: int) -> None:
    with sqlite3.connect(path) as connection:
        for entity, found in rows(count):
            table = tables[entity]
            names = ", ".join(f'"{c.name}"' for c in table.columns)
            marks = ", ".join("?" for _ in table.columns)
            connection.executemany(
                f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', driver_rows(table, "sqlite", found)
            )
        connection.execute("ANALYZE")
    connection.close()


def fill_postgres(url: str, tables: Mapping[str, Table], count: int) -> None:
    parts = urlsplit(url)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    schema = query.pop("schema", "public")
    with psycopg.connect(parts._replace(query=urlencode(query)).geturl(), autocommit=True) as connection:
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        for entity, found in rows(count):
            table = tables[entity]
            names = sql.SQL(", ").join(sql.Identifier(c.name) for c in table.columns)
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
            with connection.cursor().copy(statement) as copy:
                for row in driver_rows(table, "postgresql", found):
                    copy.write_row(row)
        connection.execute("VACUUM ANALYZE")


def fill_tables(url: str, dialect: Dialect, tables: Sequence[Table], count: int) -> None:
    by_entity = {t.entity.removeprefix("bench."): t for t in tables if t.entity}
    if dialect == "sqlite":
        fill_sqlite(urlsplit(url).path, by_entity, count)
    else:
        fill_postgres(url, by_entity, count)


async def fill(url: str, count: int, copies: int = 1) -> dict[str, Any]:
    """``copies`` of each of ``count`` entries. Gives everybody's token, by name."""
    async with opened(PACK, url, make=True) as made:
        app, database = made.tenant.app, made.tenant.database
        await asyncio.to_thread(fill_tables, url, database.dialect, app.tables, count)
        if copies > 1:
            await asyncio.to_thread(multiply, url, copies)
        for log in app.logs:  # else its first seconds were spent on folding what was loaded
            await rollups.fill(database, log)
        tokens = {}
        for user, name in (
            (CLERK_ID, dataset.CLERK),
            (RESTRICTED_ID, dataset.RESTRICTED),
            (ADMINISTRATOR_ID, dataset.ADMINISTRATOR),
        ):
            await set_password(database, user, name, "benchmark", admin=user == ADMINISTRATOR_ID)
            tokens[name] = await open_session(made.tenant, user)
        return tokens


if __name__ == "__main__":
    json.dump(asyncio.run(fill(sys.argv[1], *map(int, sys.argv[2:]))), sys.stdout)
