"""Pages of changes without a script: a plan is shown, then taken; what is wrong stands at its line and column."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from engine.serve import OneTenant, asgi, open_session
from tests.studio.shop import WHOEVER, Shop, filled
from tests.studio.test_doors import OVERLAY, REQUIRED


@asynccontextmanager
async def browser(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    async with shop.served() as (tenant, _):
        token = await open_session(tenant, WHOEVER, "page")
        transport = httpx.ASGITransport(app=asgi(OneTenant(tenant)), raise_app_exceptions=False)
        headers = {"cookie": f"dougong={token}; language=en", "origin": "http://shop"}
        async with httpx.AsyncClient(transport=transport, base_url="http://shop", headers=headers) as client:
            yield client


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, page[-3000:]
    return found[1]


async def send(client: httpx.AsyncClient, place: str, **values: str) -> httpx.Response:
    page = await client.get(place)
    assert page.status_code == 200
    return await client.post(place, data={"_csrf": hidden(page.text, "_csrf"), **values})


async def test_an_overlay_is_typed_planned_and_applied(shop: Shop) -> None:
    await filled(shop)
    async with browser(shop) as client:
        broken = await send(
            client, "/system/changes", group="0", name="acme.yaml", text=OVERLAY.replace("type: text", "type: txet")
        )
        assert broken.status_code == 422
        assert "acme.yaml:7:" in broken.text
        assert "type: txet" in broken.text  # what was typed stays
        barred = await send(client, "/system/changes", group="0", name="acme.yaml", text=REQUIRED)
        assert re.search(r'href="/r/shop/item/[0-9a-f-]{36}">x ', barred.text), barred.text[-3000:]
        assert "Apply this plan" not in barred.text
        parted = {"group": ["0", "0"], "name": ["acme/overlay.yaml", "acme/more.yaml"]}
        texts = OVERLAY.split("entities:")
        token = hidden((await client.get("/system/changes")).text, "_csrf")
        both = {"_csrf": token, **parted, "text": [texts[0], f"entities:{texts[1]}"]}
        assert "acme/more.yaml:4:7" in (await client.post("/system/changes", data=both)).text
        plan = await send(client, "/system/changes", group="0", name="acme.yaml", text=OVERLAY)
        assert "shop.item.colour" in plan.text
        seen = {name: hidden(plan.text, name) for name in ("_revision", "_digest")}
        wanted = {"group": "0", "name": "acme.yaml", "text": OVERLAY, "note": "colours", **seen}
        done = await send(client, "/system/changes", **wanted)
        assert "this is revision 2" in done.text
        old = await send(client, "/system/changes", **wanted)
        assert old.status_code == 409
        shown = (await client.get("/system/revisions?before=1&after=2")).text
        assert "<ins>+      colour: {type: text}</ins>" in shown
        assert "colours" in shown
        named = OVERLAY.replace("colour: {type: text}", "colour: {type: text, help: which}")
        again = await send(client, "/system/changes", group="0", name="acme.yaml", text=named)
        assert "Overlays that speak of it: overlay acme <code>acme.yaml:7</code>" in again.text
        back = await send(client, "/system/revisions", revision="1")
        seen = {name: hidden(back.text, name) for name in ("_revision", "_digest")}
        assert "this is revision 3" in (await send(client, "/system/revisions", revision="1", **seen)).text
        stranger = await client.post("/system/revisions", data={"revision": "2", "_csrf": "wrong"})
        assert stranger.status_code == 403


async def test_a_switch_takes_effect_at_once_where_it_is_safe(shop: Shop) -> None:
    shop.pack["features"] = {"notes": {"title": "Notes"}}
    shop.fields()["note"]["feature"] = "notes"
    await filled(shop)
    async with browser(shop) as client:
        page = await client.get("/system/switches")
        assert "Item · note (1)" in page.text
        done = await send(client, "/system/switches", switch="shop.notes", on="false")
        assert done.status_code == 200
        assert "this is revision 2" in done.text
        assert (await send(client, "/system/switches", switch="shop.nots", on="true")).status_code == 404
