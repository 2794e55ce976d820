"""The page of the bin: who may throw away sees it and brings back; nobody else does."""

from __future__ import annotations

import httpx

from engine.serve import OneTenant, asgi, open_session
from engine.serve.people.auth import who
from tests.serve.stage import Stage

BIN = "/r/works/sheet/bin"


async def test_what_was_thrown_away_comes_back_from_its_page(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = (await boss.post("/sheet", json=stage.sheet())).json()
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works") as client:
        heads: dict[str, dict[str, str]] = {}
        tokens: dict[str, str] = {}
        for name in ("zhao", "wang", "li"):
            token = await open_session(stage.tenant, stage.ids[name], "page")
            me = await who(stage.tenant, token)
            assert me is not None
            heads[name], tokens[name] = {"cookie": f"dougong={token}; language=en"}, me.csrf
        empty = await client.get(BIN, headers=heads["zhao"])
        assert (empty.status_code, "Nothing is in the bin." in empty.text) == (200, True)
        assert f'href="{BIN}"' in (await client.get("/m/works/sheets", headers=heads["zhao"])).text
        assert f'href="{BIN}"' not in (await client.get("/m/works/sheets", headers=heads["wang"])).text
        await boss.delete(f"/sheet/{made['id']}", headers={"if-match": "*"})
        shown = await client.get(BIN, headers=heads["zhao"])
        assert made["id"] in shown.text
        assert "Bring back" in shown.text
        for name in ("wang", "li"):
            assert (await client.get(BIN, headers=heads[name])).status_code == 403
            form = {"_csrf": tokens[name], "id": made["id"]}
            assert (await client.post(BIN, data=form, headers=heads[name])).status_code in (403, 404), name
        assert (await client.get(BIN)).headers["location"].startswith("/login")
        form = {"_csrf": tokens["zhao"], "id": made["id"]}
        back = await client.post(BIN, data=form, headers=heads["zhao"])
        assert (back.status_code, back.headers["location"]) == (303, f"/r/works/sheet/{made['id']}?saved=1")
        again = await client.post(BIN, data=form, headers=heads["zhao"])
        assert (again.status_code, "not in the bin" in again.text) == (409, True)
        assert (await client.post(BIN, data={**form, "id": "x"}, headers=heads["zhao"])).status_code == 404
    assert (await boss.get(f"/sheet/{made['id']}")).status_code == 200
