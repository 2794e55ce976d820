"""What stands before the doors: true addresses, limits, other sites, bodies too deep, too large or too slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from engine.problem import Problems
from engine.serve import OneTenant, asgi, open_session, set_password
from engine.serve.server.front import UNGUARDED, Front, Pace, address_of, networks, origins
from engine.serve.tenant.policy import Policy
from engine.studio.server.run import FrontSettings
from tests.serve.stage import Stage, errors

WRITES = {"if-match": "*", "content-type": "application/json"}


@asynccontextmanager
async def before(
    stage: Stage, name: str = "", front: Front = UNGUARDED, peer: str = "192.0.2.1"
) -> AsyncIterator[httpx.AsyncClient]:
    made = asgi(OneTenant(stage.tenant), front=front)
    transport = httpx.ASGITransport(app=made, raise_app_exceptions=False, client=(peer, 7))
    headers = {"accept-language": "en"}
    if name:
        headers["authorization"] = f"Bearer {await open_session(stage.tenant, stage.ids[name])}"
    async with httpx.AsyncClient(transport=transport, base_url="http://works", headers=headers) as client:
        yield client


async def test_nothing_is_limited_unless_said(stage: Stage) -> None:
    async with before(stage, "boss") as boss:
        for _ in range(150):
            assert (await boss.get("/api/v1/me")).status_code == 200


async def test_a_person_and_a_token_each_have_their_pace(stage: Stage) -> None:
    front = Front(pace=Pace(person="3/hour"))
    async with before(stage, "boss", front) as boss:
        answers = [await boss.get(p) for p in ("/api/v1/works/worker", "/api/v1/me", "/api/v1/works/worker")]
        assert [a.status_code for a in answers] == [200, 200, 200]
        made = None
        for place in ("/api/v1/works/worker", "/api/v1/me"):
            refused = await boss.get(place)
            assert (refused.status_code, errors(refused)) == (429, [("api.too-often", "")])
            assert refused.headers["content-type"] == "application/problem+json"
            assert 1 <= int(refused.headers["retry-after"]) <= 3600
        assert (await boss.get("/health")).status_code == 200
        token = await open_session(stage.tenant, stage.ids["wang"])
        other = await boss.get("/api/v1/me", headers={"authorization": f"Bearer {token}"})
        assert (other.status_code, made) == (200, None)


async def test_pages_are_counted_too(stage: Stage) -> None:
    token = await open_session(stage.tenant, stage.ids["boss"], "page")
    async with before(stage, front=Front(pace=Pace(person="1/hour"))) as client:
        first, second = [await client.get("/", headers={"cookie": f"dougong={token}"}) for _ in range(2)]
    assert (first.status_code, second.status_code) == (200, 429)
    assert second.headers["content-type"].startswith("text/html")


async def test_an_address_has_its_pace_also_for_nobody(stage: Stage) -> None:
    front = Front(pace=Pace(address="2/hour"), proxies=networks("192.0.2.1"))
    async with before(stage, front=front) as nobody:
        mine = {"x-forwarded-for": "203.0.113.9"}
        assert [(await nobody.get("/api/v1/me", headers=mine)).status_code for _ in range(3)] == [401, 401, 429]
        assert (await nobody.get("/api/v1/me", headers={"x-forwarded-for": "203.0.113.10"})).status_code == 401


@pytest.mark.parametrize(
    ("peer", "told", "proxies", "address"),
    [
        ("192.0.2.1", "203.0.113.9", "", "192.0.2.1"),
        ("192.0.2.9", "203.0.113.9", "192.0.2.1", "192.0.2.9"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.0/24", "203.0.113.9"),
        ("192.0.2.1", "1.1.1.1, 203.0.113.9, 192.0.2.7", "192.0.2.0/24", "203.0.113.9"),
        ("192.0.2.1", "nonsense", "192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9:4711", "192.0.2.1", "203.0.113.9"),
        ("::1", "[2001:db8::7]:80", "::1", "2001:db8::7"),
        ("192.0.2.1", "", "192.0.2.1", "192.0.2.1"),
    ],
)
def test_only_named_proxies_say_who_called(peer: str, told: str, proxies: str, address: str) -> None:
    scope = {"client": (peer, 7), "headers": [(b"x-forwarded-for", told.encode())]}
    assert address_of(scope, networks(proxies)) == address


async def test_a_session_is_noted_with_its_own_address(stage: Stage) -> None:
    await set_password(stage.tenant.database, stage.ids["wang"], "wang", "correct horse battery")
    async with before(stage, front=Front(proxies=networks("192.0.2.1"))) as client:
        body = {"name": "wang", "password": "correct horse battery"}
        made = await client.post("/api/v1/login", json=body, headers={"x-forwarded-for": "203.0.113.9"})
        head = {"authorization": f"Bearer {made.json()['token']}"}
        found = (await client.get("/api/v1/system/sessions", headers=head)).json()["items"]
        assert [one["address"] for one in found if one["this"]] == ["203.0.113.9"]


async def test_behind_a_proxy_guesses_pause_their_own_address(stage: Stage) -> None:
    stage.tenant.policy = Policy(tries_address=2)
    one, other = {"x-forwarded-for": "203.0.113.9"}, {"x-forwarded-for": "203.0.113.10"}
    async with before(stage, front=Front(proxies=networks("192.0.2.1"))) as client:
        for n, status in enumerate((401, 401, 429)):
            last = await client.post("/api/v1/login", json={"name": f"n{n}", "password": "x"}, headers=one)
            assert last.status_code == status
        free = await client.post("/api/v1/login", json={"name": "m", "password": "x"}, headers=other)
        assert free.status_code == 401


async def test_other_sites_may_not_unless_named(stage: Stage) -> None:
    asked = {"origin": "https://a.example", "access-control-request-method": "PATCH"}
    asked["access-control-request-headers"] = "authorization,if-match,idempotency-key"
    async with before(stage, "boss") as boss:
        plain = await boss.get("/api/v1/me", headers={"origin": "https://a.example"})
        assert "access-control-allow-origin" not in plain.headers
        assert "access-control-allow-origin" not in (await boss.options("/api/v1/me", headers=asked)).headers
    front = Front(origins=origins("https://a.example/, https://b.example:8443"))
    async with before(stage, "boss", front) as boss:
        allowed = await boss.options("/api/v1/works/worker", headers=asked)
        assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, "https://a.example")
        assert "PATCH" in allowed.headers["access-control-allow-methods"]
        told = await boss.get("/api/v1/me", headers={"origin": "https://a.example"})
        assert told.headers["access-control-allow-origin"] == "https://a.example"
        assert "access-control-allow-credentials" not in told.headers
        other = await boss.get("/api/v1/me", headers={"origin": "https://c.example"})
        assert "access-control-allow-origin" not in other.headers
        page = await boss.get("/login", headers={"origin": "https://a.example"})
        assert "access-control-allow-origin" not in page.headers


async def test_bodies_are_not_too_deep_at_any_door(stage: Stage) -> None:
    deep = "[" * 30 + "]" * 30
    async with before(stage, "boss") as boss:
        made = (await boss.post("/api/v1/works/sheet", json=stage.sheet())).json()["id"]
        for method, place, body in (
            ("POST", "works/sheet", f'{{"lines": {deep}}}'),
            ("POST", "works/sheet/query", f'{{"q": {deep}}}'),
            ("POST", "works/sheet/aggregate", f'{{"by": {deep}}}'),
            ("POST", "works/sheet/check", f'{{"lines": {deep}}}'),
            ("POST", "works/sheet/bulk", f'{{"items": {deep}}}'),
            ("PATCH", f"works/sheet/{made}", f'{{"lines": {deep}}}'),
            ("PUT", f"works/sheet/{made}/lines", deep),
            ("POST", f"works/sheet/{made}/actions/submit", f'{{"with": {deep}}}'),
            ("POST", "system/webhooks", f'{{"kinds": {deep}}}'),
            ("POST", "login", f'{{"name": {deep}}}'),
        ):
            refused = await boss.request(method, f"/api/v1/{place}", content=body, headers=WRITES)
            assert (refused.status_code, errors(refused)) == (400, [("api.too-deep", "")]), place


async def test_what_comes_in_pieces_is_not_too_large_at_any_door(stage: Stage) -> None:
    async def much() -> AsyncIterator[bytes]:
        for _ in range(90):
            yield b" " * 65_536

    async with before(stage, "boss") as boss:
        for place in ("works/sheet", "works/sheet/query", "login", "system/tokens"):
            refused = await boss.post(f"/api/v1/{place}", content=much(), headers=WRITES)
            assert (refused.status_code, errors(refused)) == (413, [("api.too-large", "")]), place


@pytest.mark.parametrize("place", ["/api/v1/works/worker", "/api/v1/system/files", "/api/v1/login", "/login"])
async def test_a_body_that_stands_still_is_not_waited_for(stage: Stage, place: str) -> None:
    token = await open_session(stage.tenant, stage.ids["boss"])
    scope = {
        "type": "http",
        "method": "POST",
        "path": place,
        "raw_path": place.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "server": ("works", 80),
        "headers": [(b"authorization", f"Bearer {token}".encode()), (b"host", b"works"), (b"content-length", b"90")],
    }
    sent: list[MutableMapping[str, Any]] = []
    pieces = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> MutableMapping[str, Any]:
        for one in pieces:
            return one
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    made = asgi(OneTenant(stage.tenant), front=Front(seconds=0.2))
    if place == "/api/v1/system/files":
        stage.tenant.files = Swallowing()  # type: ignore[assignment]
    await asyncio.wait_for(made(scope, receive, send), 10)
    assert sent[0]["status"] == 408
    assert dict(sent[0]["headers"])[b"connection"] == b"close"


class Swallowing:
    async def put(self, pieces: AsyncIterator[bytes]) -> None:
        async for _ in pieces:
            pass


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"proxies": "10.0.0.1/8"}, "--trusted-proxies"),
        ({"origins": "a.example"}, "--cors-origins"),
        ({"person": "often"}, "--person-limit"),
        ({"address": "3 per eon"}, "--address-limit"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, str], option: str) -> None:
    with pytest.raises(Problems, match=option):
        FrontSettings(**settings).made()  # type: ignore[arg-type]
