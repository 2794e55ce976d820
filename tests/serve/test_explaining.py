"""Why somebody may or may not, and looking with somebody else's eyes: told by what decides, and nothing more."""

from __future__ import annotations

import httpx
import pytest

from engine.serve import OneTenant, asgi, open_session
from tests.serve.stage import Stage, errors


async def sheets(stage: Stage) -> tuple[str, str]:
    if "new" not in stage.ids:
        stage.ids["new"] = await stage.make("user", name="new")
        await stage._may_sign_in(stage.ids["new"], "new")
    wang, head = await stage.door("wang"), await stage.door("zhao")
    mine = (await wang.post("/sheet", json=stage.sheet())).json()["id"]
    other = (await head.post("/sheet", json=stage.sheet(project=stage.ids["B"]))).json()["id"]
    return mine, other


async def test_a_person_is_told_which_rule_of_his_holds_and_who_wrote_it(stage: Stage) -> None:
    mine, _ = await sheets(stage)
    told = (await (await stage.door("wang")).get(f"/sheet/{mine}/explain")).json()
    read = told["operations"]["read"]
    assert read["allowed"]
    assert [(r["role"], r["rule"], r["holds"]) for r in read["rules"]] == [("foreman", "created_by = me", True)]
    assert read["rules"][0]["where"].startswith("serve/works.yaml:")
    assert "others" not in read
    assert not told["operations"]["delete"]["allowed"]
    assert told["operations"]["delete"]["rules"] == []
    assert told["state"] == {"name": "draft", "title": "草稿", "editable": True}
    assert [(m["name"], m["allowed"]) for m in told["moves"]] == [("submit", True), ("void", False)]
    assert [m["state"] for m in told["moves"]] == [True, False]


async def test_the_words_are_those_of_what_decides(stage: Stage) -> None:
    """For everyone and every operation on both records: allowed as the doors allow it."""
    both = await sheets(stage)
    boss = await stage.door("boss")
    for name in ("wang", "li", "zhao", "new"):
        door = await stage.door(name)
        for record in both:
            told = (await boss.get(f"/sheet/{record}/explain?person={stage.ids[name]}")).json()["operations"]
            seen = await door.get(f"/sheet/{record}")
            assert told["read"]["allowed"] == (seen.status_code == 200), (name, record)
            changed = await door.patch(f"/sheet/{record}", json={"due": "2026-12-31"}, headers={"if-match": "*"})
            assert told["update"]["allowed"] == (changed.status_code == 200), (name, record, changed.text)


async def test_a_document_that_is_not_editable_is_said_to_be_so(stage: Stage) -> None:
    mine, _ = await sheets(stage)
    await (await stage.door("wang")).post(f"/sheet/{mine}/actions/submit", json={"reason": "r"})
    head = await stage.door("zhao")
    told = (await head.get(f"/sheet/{mine}/explain")).json()
    assert told["operations"]["update"] == {
        "allowed": False,
        "locked": True,
        "rules": [{**told["operations"]["update"]["rules"][0], "holds": True, "rule": True}],
    }
    assert told["waiting"] == [{"step": "Manager", "person": "li"}]


async def test_fields_are_told_as_they_are_seen(stage: Stage) -> None:
    mine, _ = await sheets(stage)
    boss = await stage.door("boss")

    async def seen(name: str) -> dict[str, str]:
        told = (await boss.get(f"/sheet/{mine}/explain?person={stage.ids[name]}")).json()
        return {f["field"]: f["seen"] for f in told["fields"]}

    assert await seen("wang") == {"amount": "hidden", "contract": "hidden", "contact": "whole", "remark": "whole"}
    assert await seen("li") == {"amount": "whole", "contract": "whole", "contact": "part", "remark": "whole"}


async def test_nobody_is_told_of_what_he_may_not_see(stage: Stage) -> None:
    mine, other = await sheets(stage)
    wang, li, new = await stage.door("wang"), await stage.door("li"), await stage.door("new")
    assert (await wang.get(f"/sheet/{other}/explain")).status_code == 404
    assert (await li.get(f"/sheet/{other}/explain")).status_code == 404
    assert (await new.get(f"/sheet/{mine}/explain")).status_code in (403, 404)
    assert (await new.get("/sheet/explain")).status_code == 403
    hidden = (await wang.get(f"/sheet/{mine}/explain")).json()["fields"]
    assert {f["field"] for f in hidden} == {"contact", "remark"}
    for place in (f"/sheet/{mine}/explain", "/sheet/explain"):
        refused = await wang.get(f"{place}?person={stage.ids['li']}")
        assert (refused.status_code, errors(refused)) == (403, [("access.administrator", "")])
    boss = await stage.door("boss")
    assert (await boss.get(f"/sheet/explain?person={stage.ids['A']}")).status_code == 404
    assert (await boss.get("/sheet/explain?persons=x")).status_code == 400


async def test_rules_of_an_entity(stage: Stage) -> None:
    told = (await (await stage.door("wang")).get("/sheet/explain")).json()
    assert [(o, told["operations"][o]["ever"]) for o in ("create", "read", "update", "delete")] == [
        ("create", True),
        ("read", True),
        ("update", True),
        ("delete", False),
    ]
    assert told["person"]["roles"][1] == {
        "role": "foreman",
        "title": "Foreman",
        "everywhere": False,
        "places": {"projects": 2},
    }


async def test_with_somebody_elses_eyes_one_sees_what_he_sees_and_does_nothing(stage: Stage) -> None:
    mine, other = await sheets(stage)
    boss = await stage.door("boss")
    eyes = {"dougong-view-as": stage.ids["wang"]}
    assert (await boss.get(f"/sheet/{other}")).status_code == 200
    assert (await boss.get(f"/sheet/{other}", headers=eyes)).status_code == 404
    seen = await boss.get(f"/sheet/{mine}", headers=eyes)
    assert seen.status_code == 200
    assert "amount" not in seen.json()
    for method, place, body in (
        ("PATCH", f"/sheet/{mine}", {"due": "2026-12-31"}),
        ("POST", "/sheet", stage.sheet()),
        ("DELETE", f"/sheet/{mine}", None),
        ("POST", f"/sheet/{mine}/actions/submit", {}),
    ):
        done = await boss.request(method, place, json=body, headers={**eyes, "if-match": "*"})
        assert (done.status_code, errors(done)) == (403, [("access.looking", "")]), place
    private = await boss.get("../system/me/sessions", headers=eyes)
    assert private.status_code in (403, 404)
    li = await stage.door("li")
    assert (await li.get(f"/sheet/{other}", headers=eyes)).status_code == 404  # only an administrator's header counts
    assert (await li.get(f"/sheet/{mine}", headers={"dougong-view-as": stage.ids["zhao"]})).json()["contact"] is None


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_pages(stage: Stage, language: str) -> None:
    mine, other = await sheets(stage)
    wang = stage.ids["wang"]
    token = await open_session(stage.tenant, stage.ids["boss"], "page")
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works") as boss:
        boss.cookies = httpx.Cookies({"dougong": token, "language": language})
        for place in ("role=foreman", f"person={wang}", "role=nobody", "person=x"):
            page = await boss.get(f"/system/rights?{place}")
            assert page.status_code == (404 if place == "person=x" else 200), place
        page = await boss.get(f"/system/rights?person={wang}")
        assert "created_by = me" in page.text
        csrf = page.text.partition('name="_csrf" value="')[2].partition('"')[0]
        why = await boss.get(f"/r/works/sheet/{mine}/why?person={wang}")
        assert "created_by = me" in why.text
        assert "works.yaml:" in why.text
        opened = await boss.post("/system/rights/eyes", data={"person": wang, "_csrf": csrf})
        assert opened.status_code == 303, opened.text
        home = await boss.get("/")
        assert "/system/eyes-closed" in home.text
        assert "/system/rights" not in home.text.replace("/system/rights/eyes", "")
        assert (await boss.get("/system/rights")).status_code == 403
        assert (await boss.get("/system/me")).status_code == 403
        assert (await boss.get(f"/r/works/sheet/{mine}")).status_code == 200
        assert (await boss.get(f"/r/works/sheet/{other}")).status_code == 404
        refused = await boss.post(f"/r/works/sheet/{mine}", data={"_csrf": csrf, "_rev": "1"})
        assert refused.status_code == 403
        assert (await boss.post("/system/eyes-closed", data={"_csrf": csrf})).status_code == 303
        assert (await boss.get("/system/rights")).status_code == 200
    audit = await stage.tenant.database.read("SELECT act FROM _audit WHERE act LIKE '%eyes%' OR act = 'view-as'")
    assert {row[0] for row in audit} >= {"view-as"}


async def test_pages_of_rights_are_for_administrators(stage: Stage) -> None:
    token = await open_session(stage.tenant, stage.ids["zhao"], "page")
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works", cookies={"dougong": token}) as head:
        assert (await head.get("/system/rights")).status_code == 403
        page = await head.get("/")
        csrf = page.text.partition('name="_csrf" value="')[2].partition('"')[0]
        opened = await head.post("/system/rights/eyes", data={"person": stage.ids["wang"], "_csrf": csrf})
        assert opened.status_code == 403
