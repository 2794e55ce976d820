"""A document as it was, to whoever may see it now; and what every code of a refusal means."""

from __future__ import annotations

import httpx

from engine.problem import KNOWN
from engine.serve import OneTenant, asgi
from tests.serve.stage import Stage, errors

THEN, LATER = "2026-03-05T00:30:00Z", "2026-03-05T01:00:00Z"


async def test_a_document_is_put_together_as_it_was(stage: Stage) -> None:
    wang = await stage.door("wang")
    first = (await wang.post("/sheet", json=stage.sheet())).json()
    at = f"/sheet/{first['id']}"
    stage.later(3600)
    line = first["lines"][0]["id"]
    lines = [{"id": line, "$delete": True}, {"worker": stage.ids["钱"], "hours": "2"}]
    changed = await wang.patch(at, json={"sheet_date": "2026-03-04", "lines": lines}, headers={"if-match": "*"})
    assert changed.status_code == 200, changed.text
    second = changed.json()
    boss = await stage.door("boss")
    for moment, now, rev in ((THEN, first, 1), (LATER, first, 1), ("2026-03-05T01:30:00Z", second, 2)):
        then = (await boss.get(at, params={"as_of": moment})).json()
        whole = (await boss.get(at)).json() if rev == 2 else None
        assert then["_as_of"]["rev"] == rev
        assert (then["sheet_date"], len(then["lines"])) == (now["sheet_date"], 1)
        assert then["lines"][0]["worker"] == now["lines"][0]["worker"]
        assert then["lines"][0]["hours"] == now["lines"][0]["hours"]
        assert then["project"] == {"id": stage.ids["A"], "display": "甲"}
        if whole is not None:
            same = ("sheet_date", "due", "amount", "fee", "state", "persons", "late", "liability")
            assert {k: then[k] for k in same} == {k: whole[k] for k in same}
    day = (await boss.get(at, params={"as_of": "2026-03-05"})).json()
    assert day["_as_of"]["rev"] == 2
    early = await boss.get(at, params={"as_of": "2026-03-05T00:29:59Z"})
    assert (early.status_code, errors(early)) == (404, [("api.not-yet", "")])
    for bad in ("yesterday", "2026-03-05T01:00:00", "2026-13-01", "99999-01-01T00:00:00Z"):
        assert errors(await boss.get(at, params={"as_of": bad})) == [("api.parameter", "")], bad
    assert errors(await boss.get(at, params={"as_of": THEN, "fields": "due"})) == [("api.parameter", "")]


async def test_from_the_bin_and_back(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = (await boss.post("/sheet", json=stage.sheet())).json()
    at = f"/sheet/{made['id']}"
    stage.later(60)
    await boss.delete(at, headers={"if-match": "*"})
    assert (await boss.get(at, params={"as_of": THEN})).status_code == 404
    stage.later(60)
    await boss.post(f"{at}/restore")
    binned = (await boss.get(at, params={"as_of": "2026-03-05T00:31:30Z"})).json()
    assert (binned["_as_of"]["deleted"], binned["_as_of"]["action"], len(binned["lines"])) == (True, "delete", 1)
    back = (await boss.get(at, params={"as_of": "2026-03-05T00:32:00Z"})).json()
    assert (back["_as_of"]["deleted"], len(back["lines"])) == (False, 1)


async def test_what_a_role_hides_is_hidden_then_too(stage: Stage) -> None:
    wang, li, zhao = [await stage.door(name) for name in ("wang", "li", "zhao")]
    made = (await wang.post("/sheet", json=stage.sheet(contact="13800000000"))).json()
    at = f"/sheet/{made['id']}?as_of={THEN}"
    mine, theirs, whole = (await wang.get(at)).json(), (await li.get(at)).json(), (await zhao.get(at)).json()
    assert "amount" not in mine
    assert "amount" not in mine["lines"][0]
    assert whole["amount"] == theirs["amount"] == "240.00"
    assert whole["contact"] == "13800000000"
    assert theirs["contact"] != "13800000000"
    other = (await (await stage.door("boss")).post("/sheet", json=stage.sheet(project=stage.ids["B"]))).json()
    for door in (wang, li):
        assert (await door.get(f"/sheet/{other['id']}?as_of={THEN}")).status_code == 404
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works/api/v1/works") as nobody:
        assert (await nobody.get(at)).status_code == 401


async def test_every_code_is_explained_to_anybody(stage: Stage) -> None:
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works") as nobody:
        refused = (await nobody.get("/api/v1/me")).json()
        assert refused["type"] == "/api/v1/problems/auth.needed"
        assert len(KNOWN) > 200
        for code, known in KNOWN.items():
            told = (await nobody.get(f"/api/v1/problems/{code}")).json()
            assert (told["code"], told["status"], told["says"]["zh"]) == (code, known.status, known.zh)
        check = (await nobody.get("/api/v1/problems/check.day_24")).json()
        assert (check["status"], check["type"]) == (422, "/api/v1/problems/check.day_24")
        none = await nobody.get("/api/v1/problems/no.such")
        assert (none.status_code, none.json()["code"]) == (404, "api.no-problem")
        wrong = await nobody.post("/api/v1/problems/api.syntax")
        assert (wrong.status_code, wrong.json()["code"]) == (405, "api.method")
