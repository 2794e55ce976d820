"""The SQLite database: transactions by generator, group commit, refusals in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.db import Body, Call, Database, Lost, Violation, install, open_database
from engine.db.system import TABLES


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await open_database(f"sqlite://{tmp_path}/t.db")
    await install(opened, TABLES)
    yield opened
    await opened.close()


def add(key: str, fail: bool = False) -> Body[int]:
    rows = yield Call("INSERT INTO _guard (key, n) VALUES (?1, 1) RETURNING n", (key,))
    if fail:
        raise ValueError(key)
    return int(rows[0][0])


async def keys(database: Database) -> list[str]:
    return [row[0] for row in await database.read("SELECT key FROM _guard ORDER BY key")]


async def test_many_writes_share_commits_and_a_failed_one_leaves_the_others(database: Database) -> None:
    results = await asyncio.gather(
        *(database.write(lambda n=n: add(f"k{n:03}", fail=n % 7 == 0)) for n in range(100)),  # type: ignore[misc]
        return_exceptions=True,
    )
    assert [type(r) for r in results] == [ValueError if n % 7 == 0 else int for n in range(100)]
    assert await keys(database) == [f"k{n:03}" for n in range(100) if n % 7]


async def test_a_unique_violation_names_table_and_columns(database: Database) -> None:
    await database.write(lambda: add("a"))
    with pytest.raises(Violation) as caught:
        await database.write(lambda: add("a"))
    assert (caught.value.kind, caught.value.table, caught.value.columns) == ("unique", "_guard", ("key",))


async def test_a_long_read_goes_to_the_pool_and_still_answers(database: Database) -> None:
    sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000) SELECT max(x) FROM n"
    assert await database.read(sql) == [(300000,)]


async def test_a_read_that_nobody_waits_for_any_more_ends(database: Database) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    for _ in range(6):  # more than can be asked at a time
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await database.read(endless)
    async with asyncio.timeout(20):
        assert await database.read(endless.replace("FROM n)", "FROM n WHERE x < 300000)")) == [(300000,)]


async def test_reads_cannot_write(database: Database) -> None:
    with pytest.raises(Lost, match="read-only"):
        await database.read("INSERT INTO _guard (key, n) VALUES ('x', 1)")


async def test_a_missing_folder_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(Lost, match=r"t\.db cannot be opened"):
        await open_database(f"sqlite://{tmp_path}/no/such/t.db")


async def test_another_kind_of_file_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_text("hello, this is no database at all, only a long text" * 40)
    with pytest.raises(Lost, match=r"t\.db is not a database"):
        await open_database(f"sqlite://{tmp_path}/t.db")


async def test_an_unknown_kind_of_database_is_refused() -> None:
    with pytest.raises(Lost, match="'mysql' is not a database we speak"):
        await open_database("mysql://x/y")
