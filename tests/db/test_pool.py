"""One budget of connections for all tenants of a process."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from engine.db import Bell, Budget, open_database
from engine.db.postgres import PostgresDatabase


def connections(url: str) -> int:
    with psycopg.connect(url) as own:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        found = own.execute(asked).fetchone()
        assert found is not None
        return int(found[0])


async def test_many_tenants_share_few_connections(postgres_url: str) -> None:
    budget = Budget(4)
    tenants = [await open_database(f"{postgres_url}?schema=t{n}", budget=budget) for n in range(8)]
    most, asked = 0, asyncio.Event()
    try:

        async def ask(n: int) -> str:
            database = tenants[n % 8]
            rows = await database.read("SELECT current_schema()::text, pg_sleep(0.005)")
            return str(rows[0][0])

        async def watch() -> None:
            nonlocal most
            while not asked.is_set():
                most = max(most, budget.open, await asyncio.to_thread(connections, postgres_url))
                await asyncio.sleep(0.01)

        watching = asyncio.create_task(watch())
        assert await asyncio.gather(*(ask(n) for n in range(200))) == [f"t{n % 8}" for n in range(200)]
        asked.set()
        await watching
        assert 3 <= most <= 4
    finally:
        for database in tenants:
            await database.close()
    assert budget.open == 0
    for _ in range(100):  # the server ends what was closed in its own time
        if not (left := await asyncio.to_thread(connections, postgres_url)):
            break
        await asyncio.sleep(0.02)
    assert left == 0


async def test_who_gives_up_leaves_nothing_behind(postgres_url: str) -> None:
    budget = Budget(1)
    one, two = [await open_database(f"{postgres_url}?schema={name}", budget=budget) for name in ("one", "two")]
    try:
        busy = asyncio.create_task(one.read("SELECT pg_sleep(0.4)"))
        await asyncio.sleep(0.05)
        waiting = asyncio.create_task(two.read("SELECT 1"))
        await asyncio.sleep(0.05)
        waiting.cancel()
        busy.cancel()  # its connection is in the middle of something
        await asyncio.gather(waiting, busy, return_exceptions=True)
        assert (await two.read("SELECT 2"))[0][0] == 2
        assert (await one.read("SELECT 3"))[0][0] == 3
        assert budget.open == 1
    finally:
        await one.close()
        await two.close()
    assert budget.open == 0


async def test_a_tenant_that_is_closed_is_closed(postgres_url: str) -> None:
    database = await PostgresDatabase.open(postgres_url, "gone", budget=Budget(2))
    await database.close()
    with pytest.raises(Exception, match="does not answer"):
        await database.read("SELECT 1")


async def test_who_is_cancelled_while_he_is_given_one_is_cancelled(postgres_url: str) -> None:
    budget = Budget(1)
    database = await open_database(postgres_url, budget=budget)
    try:
        held = asyncio.create_task(database.read("SELECT pg_sleep(0.1)"))
        await asyncio.sleep(0.02)
        waiting = asyncio.create_task(database.read("SELECT 1"))
        await asyncio.sleep(0.02)
        turn, _ = budget._waiting[0]
        turn.add_done_callback(lambda _: waiting.cancel())
        await held
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await database.read("SELECT 2"))[0][0] == 2
    finally:
        await database.close()
    assert budget.open == 0


async def test_who_is_cancelled_as_the_bell_rings_is_cancelled() -> None:
    bell = Bell()
    for before in (True, False):
        waiting = asyncio.create_task(bell.wait(bell.rung, 60))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if before:
            bell.ring()
            await asyncio.sleep(0)
            waiting.cancel()
        else:
            waiting.cancel()
            bell.ring()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await bell.wait(bell.rung, 0.01) == bell.rung
