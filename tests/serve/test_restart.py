"""PostgreSQL goes away and comes back: what is refused meanwhile and how, and that nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from engine.db import open_database
from tests.restarting import Restarting, restarting
from tests.serve.stage import Stage, errors

ROOT = "http://works"


@pytest.fixture(scope="module")
def server() -> Iterator[Restarting]:
    with restarting() as made:
        yield made


@pytest.fixture
async def stage(server: Restarting) -> AsyncIterator[Stage]:
    database = await open_database(f"{server.url}?schema=s{uuid4().hex[:12]}")
    try:
        made = await Stage.build(database)
        yield made
        await made.close()
    finally:
        await database.close()


def short(stage: Stage) -> dict[str, Any]:
    """A sheet of which a day holds any number."""
    return stage.sheet(lines=[{"worker": stage.ids["赵"], "hours": "0"}])


async def sheets(stage: Stage) -> int:
    return int((await stage.database.read("SELECT count(*) FROM works__sheet"))[0][0])


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT])
async def test_while_it_is_away_everything_says_so_and_afterwards_all_goes_on(
    server: Restarting, stage: Stage, how: signal.Signals
) -> None:
    wang = await stage.door("wang")
    sheet = (await wang.post("/sheet", json=short(stage))).json()
    change = {"if-match": "*"}
    asked: dict[str, Callable[[], Any]] = {
        "one": lambda: wang.get(f"/sheet/{sheet['id']}"),
        "list": lambda: wang.get("/sheet"),
        "create": lambda: wang.post("/sheet", json=short(stage)),
        "key": lambda: wang.post("/sheet", json=short(stage), headers={"idempotency-key": uuid4().hex}),
        "update": lambda: wang.patch(f"/sheet/{sheet['id']}", json={"sheet_date": "2026-03-04"}, headers=change),
        "export": lambda: wang.get("/sheet/export"),
        "me": lambda: wang.get(f"{ROOT}/api/v1/me"),
        "login": lambda: wang.post(f"{ROOT}/api/v1/login", json={"name": "wang", "password": "wrong-password"}),
        "events": lambda: wang.get(f"{ROOT}/api/v1/system/events"),
        "health": lambda: wang.get(f"{ROOT}/health"),
        "page": lambda: wang.get(f"{ROOT}/"),
    }
    server.stop(how)
    for name, ask in asked.items():
        stage.tenant.forget_people()
        async with asyncio.timeout(5):
            answer = await ask()
        assert (name, answer.status_code, answer.headers.get("retry-after")) == (name, 503, "2"), answer.text
        if name != "page":
            assert answer.headers["content-type"] == "application/problem+json"
            assert errors(answer)[0][0] == "server.lost"
    server.start()
    allowed = {"create": 201, "key": 201, "login": 401}
    for name in set(asked) - {"events"}:
        answer = await asked[name]()
        assert (name, answer.status_code) == (name, allowed.get(name, 200)), answer.text


async def test_a_restart_between_two_requests_is_not_noticed(server: Restarting, stage: Stage) -> None:
    wang = await stage.door("wang")
    await asyncio.gather(*(wang.get("/sheet") for _ in range(20)))  # many warm connections
    server.stop()
    server.start()
    answers = await asyncio.gather(*(wang.post("/sheet", json=short(stage)) for _ in range(20)))
    assert Counter(a.status_code for a in answers) == {201: 20}
    assert {a.status_code for a in await asyncio.gather(*(wang.get("/sheet") for _ in range(20)))} == {200}


async def test_under_load_no_key_is_done_twice_and_nothing_acknowledged_is_lost(
    server: Restarting, stage: Stage
) -> None:
    wang = await stage.door("wang")
    seen: Counter[int] = Counter()
    made: dict[str, str] = {}
    over = asyncio.Event()

    async def client(name: int) -> None:
        number = 0
        while not over.is_set():
            key, number = f"{name}-{number}", number + 1
            while True:  # as a client would: the same key until there is an answer
                async with asyncio.timeout(20):
                    answer = await wang.post("/sheet", json=short(stage), headers={"idempotency-key": key})
                seen[answer.status_code] += 1
                if answer.status_code != 503 and "api.in-flight" not in answer.text:
                    break
                await asyncio.sleep(0.05)
            assert answer.status_code == 201, answer.text
            made[key] = answer.json()["id"]

    clients = [asyncio.create_task(client(n)) for n in range(8)]
    chance = random.Random(7)
    for _ in range(3):
        await asyncio.sleep(chance.uniform(0.3, 0.8))
        await asyncio.to_thread(server.stop)
        await asyncio.sleep(chance.uniform(0.0, 0.4))
        await asyncio.to_thread(server.start)
    await asyncio.sleep(0.5)
    over.set()
    await asyncio.gather(*clients)
    there = [str(row[0]) for row in await stage.rows("works__sheet", "id")]
    assert seen[503] > 0
    assert seen[201] > 5
    assert sorted(there) == sorted(made.values())
    assert len(set(there)) == len(made)


@pytest.mark.parametrize("committed", [True, False])
async def test_a_commit_without_an_answer_is_settled_by_its_key(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    wang = await stage.door("wang")
    whole = asyncpg.Connection.execute
    broken = 0

    async def execute(self: Any, sql: str, *more: Any, **named: Any) -> Any:
        nonlocal broken
        if sql != "COMMIT":
            return await whole(self, sql, *more, **named)
        broken += 1
        done = await whole(self, "COMMIT" if committed or broken > 1 else "ROLLBACK")
        if broken > 1:
            return done
        raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    monkeypatch.setattr(asyncpg.Connection, "execute", execute)
    before = await sheets(stage)
    broken = 0
    answer = await wang.post("/sheet", json=short(stage), headers={"idempotency-key": "k"})
    assert (answer.status_code, await sheets(stage)) == (201, before + 1)
    broken = 0
    answer = await wang.post("/sheet", json=short(stage))
    assert (answer.status_code, errors(answer)[0][0]) == (503, "server.unsettled")
    assert answer.headers["retry-after"] == "2"
    assert await sheets(stage) == before + 1 + committed


async def test_a_long_unanswering_database_is_not_ready(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("engine.serve.server.doors._HEALTH_SECONDS", 0.05)
    monkeypatch.setattr(type(stage.database), "read", never)
    wang: httpx.AsyncClient = await stage.door("wang")
    answer = await wang.get(f"{ROOT}/health")
    assert (answer.status_code, errors(answer)[0][0]) == (503, "server.lost")
