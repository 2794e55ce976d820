"""Rights for a time: support that ends by itself, auditors who read the audit and nothing else; seen by administrators,
and in the audit."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.serve import open_session, set_password
from engine.serve.server import registry
from tests.serve.stage import Stage, errors
from tests.serve.test_account import NEW, outside
from tests.serve.test_registry import filled
from tests.serve.test_web import browser, csrf

SUPPORT = {"name": "vendor-chen", "what": "support", "hours": 2, "reason": "工单：报表打不开"}
AUDITOR = {"name": "auditor-lin", "what": "auditor", "reason": "年度审计"}
GRANTS = "http://works/api/v1/system/grants"


async def given(stage: Stage, body: dict[str, Any]) -> tuple[httpx.AsyncClient, str]:
    """(somebody who came with his one-time password and chose his own, the id of his grant)"""
    boss = await stage.door("boss")
    made = await boss.post(GRANTS, json=body)
    assert made.status_code == 201, made.text
    told = made.json()
    client = outside(stage)
    answer = await client.post("/api/v1/login", json={"name": body["name"], "password": told["password"]})
    assert answer.status_code == 200, answer.text
    client.headers["authorization"] = f"Bearer {answer.json()['token']}"
    assert errors(await client.get("/api/v1/works/worker")) == [("auth.must-change", "")]
    changed = await client.post("/api/v1/system/password", json={"old": told["password"], "new": NEW})
    assert changed.status_code == 204, changed.text
    return client, str(told["id"])


async def acts(stage: Stage) -> list[str]:
    boss = await stage.door("boss")
    return [one["act"] for one in (await boss.get("http://works/api/v1/system/audit")).json()["items"]]


async def test_support_sees_everything_changes_nothing_and_ends_by_itself(stage: Stage) -> None:
    chen, _ = await given(stage, SUPPORT)
    assert (await chen.get("/api/v1/works/worker?count=exact")).json()["total"] == 3
    assert (await chen.get("/api/v1/system/audit")).status_code == 200
    refused = await chen.post("/api/v1/works/worker", json={"name": "周"})
    assert errors(refused) == [("auth.read-only", "")]
    stage.later(2 * 3600 + 1)
    stage.tenant.forget_people()
    assert (await chen.get("/api/v1/works/worker")).status_code == 401
    again = await outside(stage).post("/api/v1/login", json={"name": SUPPORT["name"], "password": NEW})
    assert errors(again) == [("auth.wrong", "")]


async def test_support_that_may_write_rules_nobody(stage: Stage) -> None:
    """What administrators alone may do would outlive the grant."""
    chen, _ = await given(stage, {**SUPPORT, "write": True})
    made = await chen.post("/api/v1/works/worker", json={"name": "周"})
    assert made.status_code == 201
    tried = 0
    for door in registry.API.doors:
        if door.who == "administrator" and door.scope == "write":
            for method in door.methods:
                tried += 1
                place = filled(door, stage) if door.name != "people.set" else "system/people/x/disable"
                answer = await chen.request(method, f"/api/v1/{place}", json={})
                assert errors(answer) == [("access.support", "")], door.name
    assert tried > 5
    token = (await chen.post("/api/v1/system/tokens", json={"name": "x", "scopes": ["write"]})).json()["token"]
    late = outside(stage, headers={"authorization": f"Bearer {token}"})
    assert (await late.get("/api/v1/works/worker")).status_code == 200
    stage.later(2 * 3600 + 1)
    stage.tenant.forget_people()
    assert (await late.get("/api/v1/works/worker")).status_code == 401


async def test_an_auditor_reads_the_audit_and_nothing_else(stage: Stage) -> None:
    lin, _ = await given(stage, AUDITOR)
    for place in ("audit", "audit/export", "audit/export?format=csv"):
        assert (await lin.get(f"/api/v1/system/{place}")).status_code == 200, place
    open_ = {"audit.list", "audit.export", "account.sessions", "account.password", "account.end", "account.end-all"}
    for door in registry.API.doors:
        own = door.name in open_ or door.name.startswith("second.")  # the second step of his own log-in
        for method in set(door.methods) if not own and door.fits is None else ():
            answer = await lin.request(method, f"/api/v1/{filled(door, stage)}", json={})
            told = [code for code, _ in errors(answer)] if method != "HEAD" else ["access.auditor"]
            assert (answer.status_code, told[0] in ("access.auditor", "access.administrator")) == (403, True), door.name
    assert (await lin.get(f"/api/v1/system/files/{stage.ids['A']}/small")).status_code == 403
    assert (await lin.put(f"/api/v1/works/sheet/{stage.ids['A']}/lines", json=[])).status_code == 403
    page = outside(stage)
    await page.post("/login", data={"name": AUDITOR["name"], "password": NEW})
    for place, status in (
        ("/system/audit", 200),
        ("/", 200),
        ("/system/me", 200),
        ("/docs", 403),
        ("/m/works/worker", 403),
    ):
        assert (await page.get(place)).status_code == status, place
    assert "/system/webhooks" not in (await page.get("/")).text
    described = (await lin.get("/api/v1/openapi.json")).json()["paths"]
    assert not [path for path in described if path.startswith("/api/v1/works/")]
    assert "read-audit" in await acts(stage)


async def test_grants_are_seen_by_administrators_ended_and_audited(stage: Stage) -> None:
    chen, id_ = await given(stage, SUPPORT)
    boss, clerk = await stage.door("boss"), await stage.door("wang")
    (told,) = (await boss.get(GRANTS)).json()["items"]
    assert {name: told[name] for name in ("name", "what", "reason", "running", "write", "by")} == {
        "name": "vendor-chen", "what": "support", "reason": SUPPORT["reason"], "running": True, "write": False,
        "by": stage.ids["boss"],
    }  # fmt: skip
    assert not any("hash" in name or "password" in name for name in told)
    for client in (clerk, chen):
        assert errors(await client.post(GRANTS, json=SUPPORT))[0][0] in ("access.administrator", "auth.read-only")
    assert errors(await clerk.get(GRANTS)) == [("access.administrator", "")]
    assert (await boss.delete(f"{GRANTS}/{id_}")).status_code == 204
    assert (await chen.get("/api/v1/works/worker")).status_code == 401
    for gone in (id_, "x", stage.ids["A"]):
        assert errors(await boss.delete(f"{GRANTS}/{gone}")) == [("grant.none", "")]
    assert {"grant.support", "grant.ended"} <= set(await acts(stage))
    (row,) = (await boss.get("http://works/api/v1/system/audit?act=grant.support")).json()["items"]
    assert (row["by"], SUPPORT["reason"] in str(row["detail"])) == (stage.ids["boss"], True)


async def test_a_second_grant_takes_the_place_of_the_first(stage: Stage) -> None:
    chen, first = await given(stage, {**SUPPORT, "write": True})
    await given(stage, SUPPORT)
    assert (await chen.get("/api/v1/works/worker")).status_code == 401
    boss = await stage.door("boss")
    running = {one["id"]: one["running"] for one in (await boss.get(GRANTS)).json()["items"]}
    assert (running[first], sum(running.values()), len(running)) == (False, 1, 2)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"what": "boss"}, "/what"),
        ({"hours": 73}, "/hours"),
        ({"hours": 0}, "/hours"),
        ({"hours": True}, "/hours"),
        ({"reason": " "}, "/reason"),
        ({"write": "yes"}, "/write"),
        ({"what": "auditor", "write": True}, "/write"),
        ({"admin": True}, "/admin"),
    ],
)
async def test_grants_that_are_not_given(stage: Stage, body: dict[str, Any], pointer: str) -> None:
    boss = await stage.door("boss")
    assert [at for _, at in errors(await boss.post(GRANTS, json={**SUPPORT, **body}))] == [pointer]


@pytest.mark.parametrize("name", ["zhao", "boss"])
async def test_a_log_in_of_somebody_else_is_not_taken_over(stage: Stage, name: str) -> None:
    await set_password(stage.database, stage.ids[name], name, "correct horse", admin=name == "boss")
    boss = await stage.door("boss")
    assert errors(await boss.post(GRANTS, json={**SUPPORT, "name": name})) == [("grant.name", "/name")]


async def test_the_page_gives_shows_and_ends(stage: Stage) -> None:
    token = await open_session(stage.tenant, stage.ids["boss"], "page")
    async with browser(stage, cookies={"dougong": token}, headers={"accept-language": "en"}) as page:
        form = {"_csrf": await csrf(page), "_do": "give", **SUPPORT, "hours": "2", "write": "true"}
        wrong = await page.post("/system/grants", data={**form, "hours": "²"})
        assert (wrong.status_code, 'id="hours-wrong"' in wrong.text) == (400, True)
        made = await page.post("/system/grants", data=form)
        password = made.text.partition('class="secret">')[2].partition("<")[0]
        entered = await outside(stage).post("/api/v1/login", json={"name": SUPPORT["name"], "password": password})
        assert entered.status_code == 200
        shown = (await page.get("/system/grants")).text
        assert SUPPORT["reason"] in shown
        assert password not in shown
        grant = shown.partition('name="grant" value="')[2].partition('"')[0]
        assert (await page.post("/system/grants", data={**form, "_do": "end", "grant": grant})).status_code == 303
        again = await page.post("/system/grants", data={**form, "_do": "end", "grant": grant})
        assert again.status_code == 404
        assert 'name="grant"' not in (await page.get("/system/grants")).text
    async with browser(stage, cookies={"dougong": await open_session(stage.tenant, stage.ids["wang"], "page")}) as page:
        assert (await page.get("/system/grants")).status_code == 403
