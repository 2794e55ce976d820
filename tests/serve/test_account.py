"""One's own account: passwords, sessions, tokens; who is let in no more; how often may be guessed."""

from __future__ import annotations

import asyncio
from typing import Any

import argon2
import httpx
import pytest

from engine.db import Body
from engine.serve import OneTenant, asgi, set_password
from engine.serve.people import passwords
from engine.serve.tenant import rows
from tests.kept import AS_SERVED
from tests.serve.stage import Stage, errors

OLD, NEW = "correct horse", "battery staple 9"


def outside(stage: Stage, **more: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://works", **more)


async def signed_in(stage: Stage, password: str = OLD, name: str = "zhao") -> httpx.AsyncClient:
    client = outside(stage)
    answer = await client.post("/api/v1/login", json={"name": name, "password": password})
    assert answer.status_code == 200, answer.text
    client.headers["authorization"] = f"Bearer {answer.json()['token']}"
    return client


@pytest.fixture
async def zhao(stage: Stage) -> httpx.AsyncClient:
    await set_password(stage.database, stage.ids["zhao"], "zhao", OLD)
    return await signed_in(stage)


async def test_a_new_password_ends_the_other_sessions(stage: Stage, zhao: httpx.AsyncClient) -> None:
    other = await signed_in(stage)
    assert (await zhao.post("/api/v1/system/password", json={"old": OLD, "new": NEW})).status_code == 204
    assert (await zhao.get("/api/v1/me")).status_code == 200
    assert (await other.get("/api/v1/me")).status_code == 401
    refused = await outside(stage).post("/api/v1/login", json={"name": "zhao", "password": OLD})
    assert errors(refused) == [("auth.wrong", "")]
    await signed_in(stage, NEW)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"old": "wrong horse", "new": NEW}, [("auth.password-old", "/old")]),
        ({"old": OLD, "new": OLD}, [("auth.password-same", "/new")]),
        ({"old": OLD, "new": "short"}, [("auth.password-length", "/new")]),
        ({"old": OLD, "new": "x" * 201}, [("auth.password-length", "/new")]),
        ({"old": OLD, "new": "qwertyuiop"}, [("auth.password-guessed", "/new")]),
        ({"old": OLD, "new": "aaaaaaaaaaaa"}, [("auth.password-guessed", "/new")]),
        ({"old": OLD}, [("api.parameter", "/new")]),
        ({"old": OLD, "new": NEW, "user": "boss"}, [("api.unknown-parameter", "/user")]),
    ],
)
async def test_passwords_that_are_not_taken(
    stage: Stage, zhao: httpx.AsyncClient, sent: dict[str, str], said: list[tuple[str, str]]
) -> None:
    assert errors(await zhao.post("/api/v1/system/password", json=sent)) == said
    await signed_in(stage)


async def test_whoever_was_given_a_password_chooses_his_own_first(stage: Stage) -> None:
    await set_password(stage.database, stage.ids["zhao"], "zhao", OLD, must_change=True)
    zhao = await signed_in(stage)
    assert (await zhao.get("/api/v1/me")).json()["must_change"] is True
    for method, path in (("GET", "/api/v1/works/sheet"), ("POST", "/api/v1/system/tokens")):
        assert errors(await zhao.request(method, path)) == [("auth.must-change", "")], path
    page = outside(stage)
    await page.post("/login", data={"name": "zhao", "password": OLD})
    for place in ("/", "/m/works/sheet", "/docs"):
        assert (await page.get(place)).headers["location"] == "/system/me", place
    assert (await page.get("/system/me")).status_code == 200
    assert (await zhao.post("/api/v1/system/password", json={"old": OLD, "new": NEW})).status_code == 204
    assert (await zhao.get("/api/v1/works/sheet")).status_code == 200


async def test_sessions_are_listed_and_ended(stage: Stage, zhao: httpx.AsyncClient) -> None:
    other, li = await signed_in(stage), await stage.door("li")
    items = (await zhao.get("/api/v1/system/sessions")).json()["items"]
    assert [(s["kind"], s["this"]) for s in items].count(("api", True)) == 1
    assert not any("token" in s or "csrf" in s for s in items)
    there = next(s["id"] for s in items if not s["this"])
    for place in (f"/api/v1/system/sessions/{there}", "/api/v1/system/sessions/x"):
        assert errors(await li.delete(f"http://works{place}")) == [("auth.no-session", "")]
    assert (await zhao.delete(f"/api/v1/system/sessions/{there}")).status_code == 204
    assert (await other.get("/api/v1/me")).status_code == 401
    third = await signed_in(stage)
    assert (await third.delete("/api/v1/system/sessions")).status_code == 204
    assert [(await c.get("/api/v1/me")).status_code for c in (zhao, third)] == [401, 401]
    assert (await li.get("http://works/api/v1/me")).status_code == 200


async def test_sessions_end_when_nobody_uses_them(stage: Stage, zhao: httpx.AsyncClient) -> None:
    for days in range(1, 9):
        stage.later(24 * 3600)
        stage.tenant.forget_people()
        assert (await zhao.get("/api/v1/me")).status_code == 200, days  # used every day
    stage.later(8 * 24 * 3600)
    stage.tenant.forget_people()
    assert (await zhao.get("/api/v1/me")).status_code == 401


async def test_a_token_does_what_it_was_made_for(stage: Stage, zhao: httpx.AsyncClient) -> None:
    made = await zhao.post("/api/v1/system/tokens", json={"name": "报表", "days": 30})
    assert made.status_code == 201, made.text
    reading = outside(stage, headers={"authorization": f"Bearer {made.json()['token']}"})
    assert (await reading.get("/api/v1/works/sheet")).status_code == 200
    assert (await reading.post("/api/v1/works/sheet/query", json={})).status_code == 200
    for answer in (
        await reading.post("/api/v1/works/project", json={"code": "T", "name": "T"}),
        await reading.delete(f"/api/v1/works/project/{stage.ids['A']}", headers={"if-match": "*"}),
        await reading.post("/api/v1/system/password", json={"old": OLD, "new": NEW}),
    ):
        assert errors(answer) == [("auth.read-only", "")]
    made = await zhao.post("/api/v1/system/tokens", json={"name": "导入", "scopes": ["write"]})
    writing = outside(stage, headers={"authorization": f"Bearer {made.json()['token']}"})
    assert (await writing.post("/api/v1/works/project", json={"code": "T", "name": "T"})).status_code == 201
    for method, place, body in (
        ("POST", "password", {"old": OLD, "new": NEW}),
        ("POST", "tokens", {"name": "more"}),
        ("DELETE", "sessions", None),
    ):
        refused = await writing.request(method, f"/api/v1/system/{place}", json=body)
        assert errors(refused) == [("auth.token", "")], place
    stage.later(31 * 24 * 3600)
    stage.tenant.forget_people()
    assert (await reading.get("/api/v1/me")).status_code == 401
    assert all(made.json()["token"] not in row for row in await stage.rows("_session", "token"))


async def test_a_token_leaves_out_roles(stage: Stage) -> None:
    """Li is manager at A and head: a token for the manager sees nothing as head, and none can be for a foreman."""
    await stage.make("post", user=stage.ids["li"], role="head")
    li = await stage.door("li")
    sheet = (await (await stage.door("boss")).post("/sheet", json=stage.sheet(project=stage.ids["B"]))).json()["id"]
    stage.tenant.forget_people()
    assert (await li.get(f"/sheet/{sheet}")).status_code == 200  # as head
    wrong = await li.post("http://works/api/v1/system/tokens", json={"name": "x", "scopes": ["role:foreman"]})
    assert errors(wrong) == [("auth.scope", "/scopes/0")]
    made = await li.post("http://works/api/v1/system/tokens", json={"name": "x", "scopes": ["read", "role:manager"]})
    narrow = outside(stage, headers={"authorization": f"Bearer {made.json()['token']}"})
    assert (await narrow.get(f"/api/v1/works/sheet/{sheet}")).status_code == 404
    assert (await narrow.get("/api/v1/me")).json()["roles"] == ["everyone", "manager"]


@pytest.mark.parametrize("bad", [{"name": ""}, {"name": 1}, {"name": "x", "days": 0}, {"name": "x", "days": 400},
                                 {"name": "x", "days": True}, {"name": "x", "scopes": ["admin"]},
                                 {"name": "x", "scopes": "read"}, {"name": "x", "more": 1}, []])  # fmt: skip
async def test_tokens_that_are_not_made(stage: Stage, zhao: httpx.AsyncClient, bad: Any) -> None:
    assert (await zhao.post("/api/v1/system/tokens", json=bad)).status_code in (400, 422)
    assert [s for s in (await zhao.get("/api/v1/system/sessions")).json()["items"] if s["kind"] == "token"] == []


async def test_administrators_give_passwords_and_end_sessions(stage: Stage, zhao: httpx.AsyncClient) -> None:
    boss, li = await stage.door("boss"), await stage.door("li")
    place = f"http://works/api/v1/system/people/{stage.ids['zhao']}"
    for answer in (await li.post(f"{place}/password"), await li.delete(f"{place}/sessions")):
        assert errors(answer) == [("access.administrator", "")]
    assert (await boss.delete(f"{place}/sessions")).status_code == 204
    assert (await zhao.get("/api/v1/me")).status_code == 401
    given = (await boss.post(f"{place}/password")).json()["password"]
    assert (await (await signed_in(stage, given)).get("/api/v1/me")).json()["must_change"] is True
    for nobody in (stage.ids["A"], "x"):
        refused = await boss.post(f"http://works/api/v1/system/people/{nobody}/password")
        assert errors(refused) == [("auth.no-login", "")]


async def test_who_left_is_let_in_no_more(stage: Stage, zhao: httpx.AsyncClient) -> None:
    boss = await stage.door("boss")
    gone = await boss.patch(f"/user/{stage.ids['zhao']}", json={"enabled": False}, headers={"if-match": "*"})
    assert gone.status_code == 200, gone.text
    assert (await zhao.get("/api/v1/me")).status_code == 401
    refused = await outside(stage).post("/api/v1/login", json={"name": "zhao", "password": OLD})
    assert errors(refused) == [("auth.wrong", "")]
    await boss.patch(f"/user/{stage.ids['zhao']}", json={"enabled": True}, headers={"if-match": "*"})
    await signed_in(stage)


async def test_guessing_at_once_is_guessing(stage: Stage, zhao: httpx.AsyncClient) -> None:
    """Thirty tries at the same moment are five tries and a pause, whether or not there is such a name."""
    for name in ("zhao", "nobody"):
        tries = [outside(stage).post("/api/v1/login", json={"name": name, "password": f"p{n}"}) for n in range(30)]
        statuses = [answer.status_code for answer in await asyncio.gather(*tries)]
        assert (statuses.count(401), statuses.count(429)) == (5, 25), name
    locked = await outside(stage).post("/api/v1/login", json={"name": "zhao", "password": OLD})
    assert errors(locked) == [("auth.locked", "")]


async def test_pauses_grow_until_the_right_password(stage: Stage, zhao: httpx.AsyncClient) -> None:
    async def attempt(password: str) -> int:
        return (await outside(stage).post("/api/v1/login", json={"name": "zhao", "password": password})).status_code

    assert [await attempt("guess") for _ in range(7)] == [401] * 5 + [429] * 2
    stage.later(16 * 60)
    assert [await attempt("guess"), await attempt(OLD)] == [401, 429]
    stage.later(16 * 60)
    assert await attempt(OLD) == 429  # the second pause is twice as long
    stage.later(16 * 60)
    assert [await attempt(OLD), await attempt("guess"), await attempt(OLD)] == [200, 401, 200]


async def test_the_same_work_whether_or_not_there_is_such_a_name(
    stage: Stage, zhao: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    real = passwords._verify
    monkeypatch.setattr(passwords, "_verify", lambda kept, given: looked.append(kept[:20]) or real(kept, given))
    for name in ("zhao", "nobody", ""):
        before = len(looked)
        await outside(stage).post("/api/v1/login", json={"name": name, "password": "guess"})
        assert len(looked) == before + 1, name
    assert len(set(looked)) == 1  # the same algorithm and the same parameters


async def test_the_page(stage: Stage, zhao: httpx.AsyncClient) -> None:
    page = outside(stage, headers={"user-agent": "Mozilla/5.0 (Linux; Android 14) Chrome/130"})
    await page.post("/login", data={"name": "zhao", "password": OLD})
    shown = (await page.get("/system/me")).text
    assert "Chrome · Android" in shown
    csrf = shown.partition('name="_csrf" value="')[2].partition('"')[0]
    bad = await page.post("/system/me", data={"_csrf": csrf, "_do": "password", "old": OLD, "new": NEW, "again": "x"})
    assert (bad.status_code, "两次输入的密码不一致" in bad.text) == (422, True)
    made = await page.post("/system/me", data={"_csrf": csrf, "_do": "token", "name": "报表", "days": "30"})
    token = made.text.partition('class="secret">')[2].partition("<")[0]
    assert (await outside(stage, headers={"authorization": f"Bearer {token}"}).get("/api/v1/me")).status_code == 200
    assert token not in (await page.get("/system/me")).text
    assert (await page.post("/system/me", data={"_do": "end-all"})).status_code == 403
    out = await page.post("/system/me", data={"_csrf": csrf, "_do": "end-all"})
    assert out.headers["location"] == "/login"
    assert (await zhao.get("/api/v1/me")).status_code == 401


def test_guessing_takes_work() -> None:
    """As served, where no test makes it less."""
    assert AS_SERVED.type is argon2.Type.ID
    assert (AS_SERVED.time_cost >= 2, AS_SERVED.memory_cost >= 19 * 1024) == (True, True)


async def test_a_hash_made_with_less_work_is_made_anew(stage: Stage, zhao: httpx.AsyncClient) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(OLD)

    def body() -> Body[None]:
        yield rows.update("_login", stage.tenant.database.dialect, {"name": "zhao"}, {"hash": weak})

    await stage.tenant.database.write(body)
    await signed_in(stage)
    ((kept,),) = [row for row in await stage.rows("_login", "hash") if row[0] != "!"]
    assert kept != weak
    assert not passwords.weak(kept)


async def test_a_log_in_does_not_outlive_a_change_of_password(
    stage: Stage, zhao: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password is changed when the old one has been looked at and its session is not there yet."""
    real = passwords.right
    changed = False

    async def slow(kept: str | None, password: str) -> bool:
        nonlocal changed
        right = await real(kept, password)
        if not changed:
            changed = True
            done = await zhao.post("/api/v1/system/password", json={"old": OLD, "new": NEW})
            assert done.status_code == 204
        return right

    before = len(await stage.rows("_session", "id"))
    monkeypatch.setattr(passwords, "right", slow)
    late = await outside(stage).post("/api/v1/login", json={"name": "zhao", "password": OLD})
    assert (late.status_code, errors(late)) == (401, [("auth.wrong", "")])
    assert len(await stage.rows("_session", "id")) == before
    await signed_in(stage, NEW)


async def test_of_two_changes_of_a_password_one_is_done(stage: Stage, zhao: httpx.AsyncClient) -> None:
    other = await signed_in(stage)
    asked = enumerate((zhao, other))
    answers = await asyncio.gather(
        *(who.post("/api/v1/system/password", json={"old": OLD, "new": f"{NEW}{n}"}) for n, who in asked)
    )
    assert sorted(answer.status_code for answer in answers) in ([204, 401], [204, 422])
    winner = next(n for n, answer in enumerate(answers) if answer.status_code == 204)
    await signed_in(stage, f"{NEW}{winner}")
