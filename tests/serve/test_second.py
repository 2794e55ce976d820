"""Second steps: codes by the clock against the standard's own values, replay, guessing, recovery, who must have one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from engine.problem import Problems
from engine.serve import OneTenant, asgi, set_password
from engine.serve.people import second, totp
from engine.serve.tenant.policy import Policy
from engine.studio.tenant.ways import of_environment
from tests.serve.stage import Stage, errors

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # of RFC 6238, appendix B
STEP = "/api/v1/system/second-step"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"),
     (2000000000, "69279037"), (20000000000, "65353130")],
)  # fmt: skip
def test_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    assert totp.code(SECRET, seconds // 30, 8) == code


def test_a_code_counts_around_its_time_and_once() -> None:
    made = totp.code(SECRET, 100)
    assert [totp.found(SECRET, made, step * 30, 0) for step in (98, 99, 100, 101, 102)] == [None, 100, 100, 100, None]
    assert totp.found(SECRET, f"{made[:3]} {made[3:]}", 3000, 99) == 100
    assert totp.found(SECRET, made, 3000, 100) is None
    for wrong in ("", "12", "１２３４５６", "abcdef", made + "0"):
        assert totp.found(SECRET, wrong, 3000, 0) is None


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    await set_password(stage.database, stage.ids["zhao"], "zhao", "correct horse")
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works") as made:
        yield made


async def enter(client: httpx.AsyncClient, code: str | None = None) -> httpx.Response:
    sent = {"name": "zhao", "password": "correct horse"} | ({"code": code} if code is not None else {})
    return await client.post("/api/v1/login", json=sent)


def headers(entered: httpx.Response) -> dict[str, str]:
    return {"authorization": f"Bearer {entered.json()['token']}"}


def now(stage: Stage, secret: str) -> str:
    return totp.code(secret, int(stage.tenant.clock().timestamp()) // 30)


async def enrolled(stage: Stage, client: httpx.AsyncClient) -> tuple[str, list[str]]:
    me = headers(await enter(client))
    begun = await client.post(STEP, headers=me)
    assert begun.status_code == 201, begun.text
    secret = begun.json()["secret"]
    assert begun.json()["address"].startswith("otpauth://totp/")
    assert (await enter(client)).status_code == 200, "not asked for before a code was shown"
    wrong = await client.post(f"{STEP}/confirm", json={"code": "000000"}, headers=me)
    assert errors(wrong) == [("second.wrong", "/code")]
    done = await client.post(f"{STEP}/confirm", json={"code": now(stage, secret)}, headers=me)
    assert done.status_code == 200, done.text
    stage.later(60)
    return secret, done.json()["recovery"]


async def test_signing_in_takes_the_code_and_each_code_once(stage: Stage, client: httpx.AsyncClient) -> None:
    secret, _ = await enrolled(stage, client)
    assert errors(await enter(client)) == [("second.needed", "/code")]
    assert errors(await enter(client, "000000")) == [("second.wrong", "/code")]
    code = now(stage, secret)
    assert (await enter(client, code)).status_code == 200
    assert errors(await enter(client, code)) == [("second.wrong", "/code")], "replayed"
    stage.later(30)
    assert errors(await enter(client, code)) == [("second.wrong", "/code")], "replayed while it would still count"
    assert (await enter(client, now(stage, secret))).status_code == 200
    wrong = await client.post("/api/v1/login", json={"name": "zhao", "password": "no", "code": now(stage, secret)})
    assert errors(wrong) == [("auth.wrong", "")]


async def test_guessing_codes_pauses(stage: Stage, client: httpx.AsyncClient) -> None:
    secret, _ = await enrolled(stage, client)
    for n in range(5):
        assert errors(await enter(client, f"00000{n}")) == [("second.wrong", "/code")]
    assert errors(await enter(client, now(stage, secret))) == [("auth.locked", "")]
    stage.later(16 * 60)
    assert (await enter(client, now(stage, secret))).status_code == 200


async def test_a_recovery_code_counts_once_and_is_kept_as_a_digest(stage: Stage, client: httpx.AsyncClient) -> None:
    _, codes = await enrolled(stage, client)
    assert len(set(codes)) == second.RECOVERY
    kept = str(await stage.rows("_second", "recovery"))
    assert all(code not in kept and code.replace("-", "") not in kept for code in codes)
    entered = await enter(client, codes[3].upper())
    assert entered.status_code == 200
    assert errors(await enter(client, codes[3])) == [("second.wrong", "/code")]
    assert (await client.get(STEP, headers=headers(entered))).json() == {"on": True, "recovery_left": 9}
    assert (await enter(client, codes[4])).status_code == 200


async def test_it_is_given_up_with_the_password_or_taken_by_an_administrator(
    stage: Stage, client: httpx.AsyncClient
) -> None:
    secret, _ = await enrolled(stage, client)
    me = headers(await enter(client, now(stage, secret)))
    assert errors(await client.post(STEP, headers=me)) == [("second.held", "")]
    assert errors(await client.post(f"{STEP}/end", json={"password": "x"}, headers=me)) == [
        ("auth.password-old", "/password")
    ]
    assert (await client.post(f"{STEP}/end", json={"password": "correct horse"}, headers=me)).status_code == 204
    assert (await enter(client)).status_code == 200
    stage.later(60)
    await enrolled(stage, client)
    address = f"http://works/api/v1/system/people/{stage.ids['zhao']}/second-step"
    assert (await (await stage.door("wang")).delete(address)).status_code == 403
    assert (await (await stage.door("boss")).delete(address)).status_code == 204
    assert (await enter(client)).status_code == 200


async def test_roles_that_ask_for_it(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.tenant.policy = Policy(second_step=("head",))
    me = headers(await enter(client))
    refused = await client.get("/api/v1/works/sheet", headers=me)
    assert (refused.status_code, errors(refused)) == (403, [("second.must", "")])
    assert (await (await stage.door("wang")).get("/sheet")).status_code == 200, "a foreman need not"
    secret, _ = await enrolled(stage, client)
    again = headers(await enter(client, now(stage, secret)))
    assert (await client.get("/api/v1/works/sheet", headers=again)).status_code == 200


async def test_the_page_asks_for_the_code(stage: Stage, client: httpx.AsyncClient) -> None:
    secret, _ = await enrolled(stage, client)
    sent = {"name": "zhao", "password": "correct horse"}
    assert 'name="code"' not in (await client.get("/login")).text
    asked = await client.post("/login", data=sent)
    assert (asked.status_code, 'name="code"' in asked.text) == (401, True)
    done = await client.post("/login", data={**sent, "code": now(stage, secret)})
    assert done.status_code == 303


async def test_numbers_for_ways_in_are_settings(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.tenant.policy = Policy(tries_name=1, pause_minutes=3, api_days=2, api_idle_days=1, password_shortest=20)
    for _ in range(2):
        await client.post("/api/v1/login", json={"name": "zhao", "password": "guess"})
    assert errors(await enter(client)) == [("auth.locked", "")]
    stage.later(4 * 60)
    me = headers(await enter(client))
    short = {"old": "correct horse", "new": "short battery"}
    assert errors(await client.post("/api/v1/system/password", json=short, headers=me)) == [
        ("auth.password-length", "/new")
    ]
    stage.later(25 * 3600)
    stage.tenant.forget_people()
    assert (await client.get("/api/v1/me", headers=me)).status_code == 401


def test_settings_of_the_environment() -> None:
    given = {"DOUGONG_TRIES_NAME": "3", "DOUGONG_SECOND_STEP": "admin, accountant", "DOUGONG_PAGE_HOURS": ""}
    assert of_environment(given) == replace(Policy(), tries_name=3, second_step=("admin", "accountant"))
    wrong: dict[str, Any] = {"DOUGONG_TRIES_NAME": "0", "DOUGONG_API_DAYS": "many"}
    with pytest.raises(Problems) as found:
        of_environment(wrong)
    assert [p.code for p in found.value.problems] == ["policy.value", "policy.value"]


async def test_the_page_sets_it_up(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.tenant.policy = Policy(second_step=("everyone",))
    sent = {"name": "zhao", "password": "correct horse"}
    assert (await client.post("/login", data=sent)).status_code == 303
    client.cookies.set("language", "en")
    assert (await client.get("/")).headers["location"] == "/system/me"
    page = await client.get("/system/me")
    csrf = page.text.partition('name="_csrf" value="')[2].partition('"')[0]
    begun = await client.post("/system/me", data={"_csrf": csrf, "_do": "second-begin"})
    secret = begun.text.partition('<code class="secret">')[2].partition("<")[0]
    wrong = await client.post("/system/me", data={"_csrf": csrf, "_do": "second-confirm", "code": "000000"})
    assert (wrong.status_code, 'id="code-wrong"' in wrong.text, secret in wrong.text) == (401, True, False)
    done = await client.post("/system/me", data={"_csrf": csrf, "_do": "second-confirm", "code": now(stage, secret)})
    assert (done.status_code, done.text.count('<code class="secret">')) == (200, second.RECOVERY)
    assert (await client.get("/")).status_code == 200
    ended = {"_csrf": csrf, "_do": "second-end", "password": "correct horse"}
    assert (await client.post("/system/me", data=ended)).status_code == 303
