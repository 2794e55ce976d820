"""The table of doors: nobody gets through one that does not say so; what streams is closed when its reader leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from engine.serve import OneTenant, asgi, open_session
from engine.serve.server import http, registry
from engine.serve.server.doors import fixed_doors
from engine.serve.server.front import UNGUARDED
from engine.serve.tenant.door import At, Door, Router
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer
from tests.serve.stage import Stage, errors

FOR_NOBODY = {"page.asset", "page.login", "page.language"}
FIXED = {"/health", "/api/v1/login", "/api/v1/logout", "/api/v1/me", "/api/v1/openapi.json", "/api/v1/problems/{code}"}


def filled(door: Door, stage: Stage) -> str:
    values = {"module": "works", "entity": "sheet", "id": stage.ids["A"], "action": "submit", "lines": "lines"}
    values |= {"number": "1"}
    return "/".join(values.get(p[1:-1], "x") if p.startswith("{") else p for p in door.path.split("/"))


def test_every_door_has_a_name_of_its_own() -> None:
    doors = [*registry.API.doors, *registry.PAGES.doors]
    assert len({door.name for door in doors}) == len(doors)
    ways = [(method, door.path) for door in registry.API.doors for method in door.methods]
    assert len(set(ways)) == len(ways)


def test_who_may_come_unknown_is_written_down_here() -> None:
    assert {d.name for d in (*registry.API.doors, *registry.PAGES.doors) if d.who == "nobody"} == FOR_NOBODY


async def test_the_fixed_doors_are_these(stage: Stage) -> None:
    assert {route.path for route in fixed_doors(OneTenant(stage.tenant), UNGUARDED).routes} == FIXED  # type: ignore[attr-defined]


async def test_nobody_gets_in(stage: Stage) -> None:
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works") as nobody:
        for door in registry.API.doors:
            for method in door.methods:
                answer = await nobody.request(method, f"/api/v1/{filled(door, stage)}")
                assert answer.status_code == 401, door.name
        for door in registry.PAGES.doors:
            for method in door.methods if door.who != "nobody" else ():
                answer = await nobody.request(method, f"/{filled(door, stage)}")
                assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login"), door.name


async def test_every_page_opens_for_an_administrator(stage: Stage) -> None:
    """With nothing in it: an empty page is a page too."""
    token = await open_session(stage.tenant, stage.ids["boss"], "page")
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works", cookies={"dougong": token}) as boss:
        for door in registry.PAGES.doors:
            if "GET" in door.methods and door.path.startswith("system/"):
                for language in ("zh", "en"):
                    answer = await boss.get(
                        f"/{filled(door, stage)}", headers={"cookie": f"dougong={token}; language={language}"}
                    )
                    assert answer.status_code == 200, (door.name, answer.text[:300])
        for door in registry.PAGES.doors:
            for method in door.methods:
                answer = await boss.request(
                    method, f"/{filled(door, stage)}", data={"_csrf": "wrong"} if method == "POST" else None
                )
                assert answer.status_code < 500, (door.name, answer.text[:300])


async def test_an_unknown_name_is_answered_with_the_nearest(stage: Stage) -> None:
    """By each of the engine's own doors that say what they take, in a body or in the address."""
    boss = await stage.door("boss")
    asked = 0
    for door in registry.SYSTEM:
        place = f"http://works/api/v1/{filled(door, stage)}"
        for known in [*(door.takes["properties"] if door.takes is not None else ())][:1]:
            answer = await boss.request(door.methods[0], place, json={f"{known}z": 1})
            assert errors(answer) == [("api.unknown-parameter", f"/{known}z")], door.name
            assert f"did you mean {known}?" in answer.json()["hint"], door.name
            asked += 1
        for known in [*door.query][:1]:
            answer = await boss.request(door.methods[0], f"{place}?{known}{known}=1")
            assert errors(answer) == [("api.unknown-parameter", "")], door.name
            assert f"did you mean {known}?" in answer.json()["hint"], door.name
            refused = await boss.request(door.methods[0], f"{place}?{known}=%ff")
            assert errors(refused) == [("api.parameter", "")], door.name
            asked += 1
    assert asked > 15


@pytest.fixture
def doors_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    def put(*doors: Door) -> None:
        monkeypatch.setattr(http.registry, "API", Router((*doors, *registry.API.doors)))

    return put


async def test_administrators_alone(stage: Stage, doors_of: Any) -> None:
    async def hello(_here: Here, _at: At) -> Answer:
        return Answer(200, b"{}")

    doors_of(Door("test.secret", ("GET",), "system/secret", hello, who="administrator"))
    boss, clerk = await stage.door("boss"), await stage.door("wang")
    assert (await boss.get("http://works/api/v1/system/secret")).status_code == 200
    refused = await clerk.get("http://works/api/v1/system/secret")
    assert (refused.status_code, errors(refused)) == (403, [("access.administrator", "")])


async def test_what_streams_in_is_cut_off_at_its_limit(stage: Stage, doors_of: Any) -> None:
    async def count(here: Here, _at: At) -> Answer:
        assert here.asked.chunks is not None
        size = 0
        async for piece in here.asked.chunks:
            size += len(piece)
        return Answer(200, str(size).encode())

    door = Door("test.in", ("POST",), "system/in", count, who="anyone", streams=True, most=10)
    doors_of(door, replace(door, name="test.in.large", path="system/large", most=20_000_000))
    boss = await stage.door("boss")
    assert (await boss.post("http://works/api/v1/system/in", content=b"x" * 10)).text == "10"
    assert (await boss.post("http://works/api/v1/system/in", content=b"x" * 11)).status_code == 413
    assert (await boss.post("http://works/api/v1/system/large", content=b"x" * 9_000_000)).text == "9000000"


async def test_what_streams_out_ends_when_its_reader_leaves(stage: Stage, doors_of: Any) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"tick\n"
                await asyncio.sleep(0)
        finally:
            closed.set()

    async def ticking(_here: Here, _at: At) -> Answer:
        return Answer(200, stream=endless(), media=b"text/plain")

    doors_of(Door("test.out", ("GET",), "system/out", ticking, who="anyone"))
    token = (await stage.door("boss")).headers["authorization"].encode()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/system/out",
        "query_string": b"",
        "headers": [(b"authorization", token), (b"host", b"works")],
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        while len(sent) < 5:
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await asyncio.wait_for(asgi(OneTenant(stage.tenant))(scope, receive, send), 10)
    assert closed.is_set()
    assert [m["body"] for m in sent[1:4]] == [b"tick\n"] * 3
