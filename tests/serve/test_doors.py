"""The shell: signing in, sessions, forgery, size and shape of requests, what the house says when it is ill."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.db import Lost
from engine.serve import OneTenant, asgi, set_password
from tests.serve.stage import Stage, errors


def outside(stage: Stage, **more: Any) -> httpx.AsyncClient:
    """Somebody who has not signed in."""
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://works", **more)


@pytest.fixture
async def client(stage: Stage) -> Any:
    await set_password(stage.database, stage.ids["zhao"], "zhao", "correct horse")
    async with outside(stage) as made:
        yield made


async def test_signing_in_and_out(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health")).json() == {"status": "ok"}
    assert (await client.get("/api/v1/me")).status_code == 401
    for body in (
        {"name": "zhao", "password": "wrong"},
        {"name": "nobody", "password": "x"},
        {"name": "\0", "password": ""},
    ):
        assert errors(await client.post("/api/v1/login", json=body)) == [("auth.wrong", "")]
    for bad in ({"name": "zhao"}, {"name": 1, "password": 2}, {"name": "a", "password": "b", "c": 1}):
        assert (await client.post("/api/v1/login", json=bad)).status_code == 400
    token = (await client.post("/api/v1/login", json={"name": "zhao", "password": "correct horse"})).json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    me = (await client.get("/api/v1/me", headers=headers)).json()
    assert (me["name"], me["roles"]) == ("zhao", ["everyone", "head"])
    assert "create" in me["can"]["works.period"]
    assert (await client.get("/api/v1/openapi.json", headers=headers)).json()["openapi"].startswith("3.1")
    assert (await client.post("/api/v1/logout", headers=headers)).status_code == 204
    assert (await client.get("/api/v1/me", headers=headers)).status_code == 401


async def test_a_door_that_is_tried_too_often_stays_shut_for_a_while(stage: Stage, client: httpx.AsyncClient) -> None:
    for _ in range(5):
        await client.post("/api/v1/login", json={"name": "zhao", "password": "guess"})
    locked = await client.post("/api/v1/login", json={"name": "zhao", "password": "correct horse"})
    assert (locked.status_code, errors(locked)) == (429, [("auth.locked", "")])
    stage.later(16 * 60)
    assert (await client.post("/api/v1/login", json={"name": "zhao", "password": "correct horse"})).status_code == 200


async def test_tokens_are_kept_as_digests(stage: Stage, client: httpx.AsyncClient) -> None:
    token = (await client.post("/api/v1/login", json={"name": "zhao", "password": "correct horse"})).json()["token"]
    assert all(token not in row for row in await stage.rows("_session", "token"))


async def test_a_page_signs_in_with_a_cookie_that_other_sites_cannot_use(client: httpx.AsyncClient) -> None:
    first = await client.get("/")
    assert (first.status_code, first.headers["location"]) == (303, "/login")
    sent = {"name": "zhao", "password": "correct horse", "next": "//evil.example"}
    done = await client.post("/login", data=sent)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    cookie = done.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    body = {"project": None}
    for headers in ({}, {"x-csrf-token": "nonsense"}, {"origin": "http://evil.example"}):
        refused = await client.post("/api/v1/works/period", json=body, headers=headers)
        assert (refused.status_code, errors(refused)) == (403, [("auth.csrf", "")])
    page = await client.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    forged = await client.post("/r/works/period/new", data={"month": "2026-03"})
    assert forged.status_code == 403


@pytest.mark.parametrize(
    "path", ["/api/v1", "/api", "/api/v2/works/sheet", "/api/v1/works", "/api/v1//", "/api/v1/../x"]
)
async def test_addresses_that_are_not(stage: Stage, path: str) -> None:
    boss = await stage.door("boss")
    answer = await boss.get(f"http://works{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_methods_that_are_not(stage: Stage) -> None:
    boss = await stage.door("boss")
    for method, path, allowed in (
        ("PUT", "/sheet", "GET, HEAD, POST"),
        ("POST", f"/worker/{stage.ids['赵']}", "GET, HEAD, PATCH, DELETE"),
        ("GET", "/sheet/query", "POST"),
        ("DELETE", "/figures/cost", "GET, POST"),
    ):
        answer = await boss.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed), path
    assert (await boss.head("/sheet")).text == ""


async def test_bodies_that_are_not(stage: Stage) -> None:
    boss = await stage.door("boss")
    json = {"content-type": "application/json"}
    for content, headers, status in (
        (b"{", json, 400),
        (b"", json, 400),
        (b"[1]", json, 400),
        (b'{"a": NaN}', json, 400),
        (b"[" * 200_000, json, 400),
        (b"name=x", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b"x" * 5_000_000, json, 413),
    ):
        answer = await boss.post("/worker", content=content, headers=headers)
        assert answer.status_code == status, content[:20]
        assert answer.json()["errors"]


async def test_a_body_without_a_length_is_cut_off(stage: Stage) -> None:
    boss = await stage.door("boss")

    async def endless() -> Any:
        while True:
            yield b" " * 1_000_000

    answer = await boss.post("/worker", content=endless(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


async def test_a_caller_who_leaves_gets_no_answer_and_makes_no_noise(stage: Stage) -> None:
    boss = await stage.door("boss")
    headers = [(k.encode(), v.encode()) for k, v in boss.headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/api/v1/works/worker", "query_string": b"", "headers": headers}
    said: list[Any] = []

    async def left() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        said.append(message)

    await asgi(OneTenant(stage.tenant))(scope, left, send)
    assert said == []


async def test_too_many_lines(stage: Stage) -> None:
    boss = await stage.door("boss")
    lines = [{"worker": stage.ids["赵"]}] * 5001
    assert errors(await boss.post("/sheet", json=stage.sheet(lines=lines))) == [("api.too-many-lines", "/lines")]


async def test_a_database_that_is_gone_is_said(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = await stage.door("boss")
    await boss.get("/worker")

    async def gone(*_: Any) -> Any:
        raise Lost("the disk is full", "free some space")

    monkeypatch.setattr(stage.database, "read", gone)
    answer = await boss.get("/worker")
    assert (answer.status_code, answer.json()["hint"]) == (503, "free some space")


async def test_our_own_faults_tell_nothing_but_a_reference(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = await stage.door("boss")
    await boss.get("/worker")

    async def broken(*_: Any) -> Any:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(stage.database, "read", broken)
    answer = await boss.get("/worker")
    assert answer.status_code == 500
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("asked", "zh", "en"),
    [
        ({"where": "nmae = 'x'"}, ("此处没有 `nmae`", "是否想写 `name`？"), ("did you mean `name`?",)),
        ({"where": "name = 24h"}, ("写作 `24`；不写单位",), ("write `24`; units are not written",)),
        ({"where": "IF(TRUE, 1, 2) = 1"}, ("写作 CASE WHEN",), ("write CASE WHEN",)),
        ({"nmae": "x"}, ("是否想写 name？",), ("did you mean name?",)),
    ],
)
async def test_a_question_that_cannot_be_asked_is_told_in_the_askers_language(
    stage: Stage, asked: dict[str, str], zh: tuple[str, ...], en: tuple[str, ...]
) -> None:
    for language, words in (("zh-CN", zh), ("en", en)):
        answer = await (await stage.door("boss")).get("/worker", params=asked, headers={"accept-language": language})
        assert answer.status_code == 400
        (one,) = answer.json()["errors"]
        told = f"{one['message']} {one.get('hint', '')}"
        for word in words:
            assert word in told


async def test_pages_of_a_list_by_cursor(stage: Stage) -> None:
    boss = await stage.door("boss")
    await boss.post("/worker/bulk", json={"items": [{"name": f"w{n:02}"} for n in range(25)]})
    seen, cursor = [], ""
    while True:
        page = (
            await boss.get("/worker", params={"limit": 10, "sort": "-name", **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [i["name"] for i in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert len(seen) == 28
    assert [n for n in seen if n.startswith("w")] == [f"w{n:02}" for n in reversed(range(25))]
    wrong = await boss.get("/worker", params={"limit": 10, "sort": "-name", "cursor": "WyJ4IiwgW11d"})
    assert errors(wrong) == [("api.cursor", "")]


async def test_long_questions_go_in_a_body(stage: Stage) -> None:
    boss = await stage.door("boss")
    found = await boss.post(
        "/worker/query", json={"name[in]": ["赵", "钱"], "sort": "name", "limit": 5, "count": "exact"}
    )
    assert found.json()["total"] == 2
    wrong = await boss.post("/worker/query", json={"nmae": "x", "limit": {}})
    assert wrong.status_code == 400
