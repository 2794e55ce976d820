"""The PostgreSQL database: the same promises as SQLite's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.db import Body, Call, Database, Lost, Violation, install, open_database
from engine.db.system import TABLES


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    opened = await open_database(postgres_url)
    await install(opened, TABLES)
    yield opened
    await opened.close()


def count_up(key: str) -> Body[int]:
    """Two statements that deadlock or race unless the row lock holds."""
    yield Call("INSERT INTO _guard (key, n) VALUES ($1, 0) ON CONFLICT (key) DO NOTHING", (key,))
    rows = yield Call("SELECT n FROM _guard WHERE key = $1 FOR UPDATE", (key,))
    rows = yield Call("UPDATE _guard SET n = $2 WHERE key = $1 RETURNING n", (key, rows[0][0] + 1))
    return int(rows[0][0])


def two(first: str, second: str) -> Body[None]:
    yield Call("UPDATE _guard SET n = n + 1 WHERE key = $1", (first,))
    yield Call("SELECT pg_sleep(0.05)")
    yield Call("UPDATE _guard SET n = n + 1 WHERE key = $1", (second,))


async def test_a_lock_serialises_writers(database: Database) -> None:
    results = await asyncio.gather(*(database.write(lambda: count_up("a")) for _ in range(20)))
    assert sorted(results) == list(range(1, 21))


async def test_a_deadlock_is_retried_and_both_succeed(database: Database) -> None:
    await database.write(lambda: count_up("a"))
    await database.write(lambda: count_up("b"))
    await asyncio.gather(database.write(lambda: two("a", "b")), database.write(lambda: two("b", "a")))
    rows = await database.read("SELECT key, n FROM _guard ORDER BY key")
    assert [tuple(row) for row in rows] == [("a", 3), ("b", 3)]


async def test_raising_in_a_body_rolls_back(database: Database) -> None:
    def body() -> Body[None]:
        yield Call("INSERT INTO _guard (key, n) VALUES ('x', 1)")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.write(body)
    assert await database.read("SELECT key FROM _guard") == []


async def test_a_unique_violation_names_the_constraint(database: Database) -> None:
    def body() -> Body[None]:
        yield Call("INSERT INTO _guard (key, n) VALUES ('x', 1), ('x', 1)")

    with pytest.raises(Violation) as caught:
        await database.write(body)
    assert (caught.value.kind, caught.value.name) == ("unique", "_guard_pkey")


async def test_a_server_that_is_not_there_is_said_in_words() -> None:
    with pytest.raises(Lost, match="PostgreSQL does not answer"):
        await open_database("postgresql://postgres@127.0.0.1:1/postgres")


async def test_a_database_that_is_not_there_is_said_in_words(postgres_server: str) -> None:
    with pytest.raises(Lost, match="does not exist"):
        await open_database(postgres_server.rpartition("/")[0] + "/nowhere")
