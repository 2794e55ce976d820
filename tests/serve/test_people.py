"""Who may sign in, as administrators see and change it: the doors, the page, the last administrator."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from engine.serve import OneTenant, asgi
from engine.serve.people.called import people_names
from engine.serve.system import logins
from engine.serve.wire.fault import Refusal
from tests.serve.stage import Stage, errors

SYSTEM = "http://works/api/v1/system"


async def test_everybody_without_a_login_is_given_one(stage: Stage) -> None:
    for name in ("new", "newer"):
        stage.ids[name] = await stage.make("user", name=name)
    await stage.make("user", name="left", enabled=False)
    boss = await stage.door("boss")
    given = (await boss.post(f"{SYSTEM}/people/passwords")).json()["items"]
    assert [one["name"] for one in given] == ["new", "newer"]
    assert (await boss.post(f"{SYSTEM}/people/passwords")).json()["items"] == []
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works") as client:
        entered = await client.post("/api/v1/login", json={"name": "new", "password": given[0]["password"]})
        assert entered.status_code == 200
        headers = {"authorization": f"Bearer {entered.json()['token']}"}
        assert errors(await client.get("/api/v1/works/sheet", headers=headers)) == [("auth.must-change", "")]


async def test_who_is_disabled_is_out_and_may_come_back(stage: Stage) -> None:
    boss, zhao = await stage.door("boss"), await stage.door("zhao")
    assert (await zhao.get("/sheet")).status_code == 200
    assert (await boss.post(f"{SYSTEM}/people/{stage.ids['zhao']}/disable")).status_code == 204
    assert (await zhao.get("/sheet")).status_code == 401
    listed = (await boss.get(f"{SYSTEM}/people?q=zhao")).json()["items"]
    assert [(one["name"], one["disabled"]) for one in listed] == [("zhao", True)]
    assert (await boss.post(f"{SYSTEM}/people/{stage.ids['zhao']}/enable")).status_code == 204
    stage.doors.pop("zhao")
    assert (await (await stage.door("zhao")).get("/sheet")).status_code == 200


async def test_the_last_administrator_stays(stage: Stage) -> None:
    boss = await stage.door("boss")
    for what in ("disable", "no-administrator"):
        refused = await boss.post(f"{SYSTEM}/people/{stage.ids['boss']}/{what}")
        assert (refused.status_code, errors(refused)) == (409, [("people.last-administrator", "")])
    assert (await boss.post(f"{SYSTEM}/people/{stage.ids['li']}/administrator")).status_code == 204
    both = [logins.disable(stage.tenant, stage.ids[name]) for name in ("boss", "li")]
    done = await asyncio.gather(*both, return_exceptions=True)
    assert [type(one) for one in done].count(Refusal) == 1, "of two at once one stays"


@pytest.mark.parametrize("name", ["wang", "li", "zhao"])
async def test_only_administrators(stage: Stage, name: str) -> None:
    door = await stage.door(name)
    user = stage.ids["wang"]
    asked: list[tuple[str, str]] = [("GET", "people"), ("POST", "people/passwords")]
    asked += [("POST", f"people/{user}/{what}") for what in ("disable", "enable", "administrator", "no-administrator")]
    for method, path in asked:
        assert (await door.request(method, f"{SYSTEM}/{path}")).status_code == 403


async def test_the_page(stage: Stage) -> None:
    await stage.make("user", name="new")
    boss = await stage.door("boss")
    token = boss.headers["authorization"].removeprefix("Bearer ")
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    cookies = {"dougong": token, "language": "en"}
    async with httpx.AsyncClient(transport=transport, base_url="http://works", cookies=cookies) as client:
        page = await client.get("/system/people")
        assert "Give them temporary passwords" in page.text
        csrf = page.text.partition('name="_csrf" value="')[2].partition('"')[0]

        async def press(**sent: Any) -> httpx.Response:
            return await client.post("/system/people", data={"_csrf": csrf, **sent})

        assert 'id="sheet"' in (await press(_do="give")).text
        assert 'id="sheet"' not in (await client.get("/system/people")).text
        assert 'id="sheet"' in (await press(_do="password", user=stage.ids["wang"])).text
        assert (await press(_do="disable", user=stage.ids["wang"])).status_code == 303
        last = await press(_do="disable", user=stage.ids["boss"])
        assert (last.status_code, "last administrator" in last.text) == (409, True)
        assert "wang" not in (await client.get("/system/people?q=zhao")).text.partition('<ul class="held">')[2]


async def test_names_are_asked_for_as_they_are_needed(stage: Stage) -> None:
    names = await people_names(stage.tenant, stage.tenant.app, [stage.ids["li"], None, stage.ids["li"]])
    assert {one["display"] for one in names.values()} == {"li"}
    before = len(stage.database.reads)
    await people_names(stage.tenant, stage.tenant.app, [stage.ids["li"]])
    assert len(stage.database.reads) == before
