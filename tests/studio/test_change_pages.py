"""Pages of changes without a script: a plan is shown, then taken; what is wrong stands at its line and column."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from engine.db import Body, Call
from engine.plan.statement import Dialect
from engine.serve import OneTenant, asgi, open_session
from tests.studio.shop import WHOEVER, Shop, filled
from tests.studio.test_doors import OVERLAY, REQUIRED
from tests.studio.test_planned import SCENARIO


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
        assert re.search(r'href="/r/shop/item/[0-9a-f-]{36}">x</a>', barred.text), barred.text[-3000:]
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


async def test_of_a_long_plan_what_asks_for_no_attention_is_folded(shop: Shop) -> None:
    await filled(shop)
    many = "".join(f"      more_{n}: {{type: text}}\n" for n in range(14))
    async with browser(shop) as client:
        page = await send(client, "/system/changes", group="0", name="acme.yaml", text=OVERLAY + many)
        open_, _, folded = page.text.partition("<summary>15 more that are safe</summary>")
        assert "shop.item.more_3" in folded
        assert "<b>~ table shop__item</b>" in open_
        assert "shop.item.more_3" not in open_[open_.index("<h2>The plan") :]
        seen = {name: hidden(page.text, name) for name in ("_revision", "_digest")}
        wanted = {"group": "0", "name": "acme.yaml", "text": OVERLAY + many, **seen}
        assert "this is revision 2" in (await send(client, "/system/changes", **wanted)).text
        shown = (await client.get("/system/revisions?before=1&after=2")).text
        assert "<summary>16 changes</summary>" in shown


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


async def brought(client: httpx.AsyncClient, text: str, **more: str) -> httpx.Response:
    """As a form with a file is sent."""
    token = hidden((await client.get("/system/bundle")).text, "_csrf")
    file = {"file": ("shop.bundle", text.encode(), "application/octet-stream")}
    return await client.post("/system/bundle", data={"_csrf": token, **more}, files=file)


async def test_a_bundle_is_downloaded_looked_at_and_taken(shop: Shop, tmp_path: Path) -> None:
    production = shop.another(tmp_path)
    await filled(production)
    shop.fields()["day"] = {"type": "date"}
    shop.pack["version"] = "1.1.0"
    await filled(shop)
    async with browser(shop) as client:
        out = await send(client, "/system/bundle", _do="export")
        assert out.headers["content-disposition"] == 'attachment; filename="shop.bundle"'
        bundle = out.text
    async with browser(production) as client:
        plan = await brought(client, bundle)
        assert plan.status_code == 200, plan.text[-2000:]
        assert "shop.item.day" in plan.text
        assert "shop 1.1.0" in plan.text  # what is in it
        values = {name: hidden(plan.text, name) for name in ("_revision", "_digest", "file")}
        done = await send(client, "/system/bundle", note="release 1.1", **values)
        assert "this is revision 2" in done.text, done.text[-2000:]
        assert (await send(client, "/system/bundle", _do="export")).text == bundle
        for text, says in (
            (bundle[:-9], "is no bundle"),
            (bundle.replace("Item", "Itme"), "not as it was written"),
            ("", ""),
        ):
            wrong = await brought(client, text)
            assert (wrong.status_code in (200, 400, 422), says in wrong.text) == (True, True), wrong.text[-2000:]
        assert (await send(client, "/system/bundle", file=WHOEVER)).status_code in (400, 404, 422)
        await send(client, "/system/changes", group="0", name="acme.yaml", text=OVERLAY)
        typed = await send(client, "/system/changes", group="0", name="acme.yaml", text=OVERLAY)
        seen = {name: hidden(typed.text, name) for name in ("_revision", "_digest")}
        assert (
            "this is revision 3"
            in (await send(client, "/system/changes", group="0", name="acme.yaml", text=OVERLAY, **seen)).text
        )
    shop.fields()["hour"] = {"type": "integer"}
    await shop.apply()
    async with browser(shop) as client:
        newer = (await send(client, "/system/bundle", _do="export")).text
    async with browser(production) as client:
        refused = await brought(client, newer)
        assert (refused.status_code, "overlay acme.yaml" in refused.text) == (409, True), refused.text[-2000:]
        assert "Apply this plan" not in refused.text
        over = {"file": hidden(refused.text, "file"), "over_changes": "true"}
        plan = await send(client, "/system/bundle", **over)
        seen = {name: hidden(plan.text, name) for name in ("_revision", "_digest")}
        assert "this is revision 4" in (await send(client, "/system/bundle", **over, **seen)).text


async def test_a_bundle_is_taken_from_administrators_of_this_system_alone(shop: Shop) -> None:
    await filled(shop)
    async with browser(shop) as client:
        bundle = (await send(client, "/system/bundle", _do="export")).text
        forged = await client.post("/system/bundle", data={"_csrf": "wrong", "_do": "export"})
        assert forged.status_code == 403
        forged = await client.post("/system/bundle", data={"_csrf": "wrong"}, files={"file": ("a", bundle.encode())})
        assert forged.status_code == 403
        chinese = {"cookie": client.headers["cookie"].replace("=en", "=zh")}
        assert "下载配置包" in (await client.get("/system/bundle", headers=chinese)).text
    async with shop.served() as (tenant, _):
        assert await tenant.database.read("SELECT 1 FROM _file") == []
        await tenant.database.write(lambda: _plain(tenant.database.dialect))
        token = await open_session(tenant, WHOEVER, "page")
        transport = httpx.ASGITransport(app=asgi(OneTenant(tenant)), raise_app_exceptions=False)
        for cookie, status in ((f"dougong={token}", 403), ("dougong=nobody", 303)):
            headers = {"cookie": cookie, "origin": "http://shop"}
            async with httpx.AsyncClient(transport=transport, base_url="http://shop", headers=headers) as client:
                assert (await client.get("/system/bundle")).status_code == status
                for how in ({"data": {"_do": "export"}}, {"files": {"file": ("a", bundle.encode())}}):
                    answer = await client.post("/system/bundle", **how)  # type: ignore[arg-type]
                    assert (answer.status_code, bundle[:20] in answer.text) == (status, False)
        assert await tenant.database.read("SELECT 1 FROM _file") == []


async def test_a_bundle_that_changes_nothing_is_noted(shop: Shop) -> None:
    """Whoever came here by hand to what it says takes the next one as if this one had been brought."""
    await filled(shop)
    shop.fields()["day"] = {"type": "date"}
    await shop.apply()
    async with browser(shop) as client:
        bundle = (await send(client, "/system/bundle", _do="export")).text
        plan = await brought(client, bundle)
        assert "already as the bundle has it" in plan.text, plan.text[-2000:]
        assert "Apply this plan" not in plan.text
        values = {name: hidden(plan.text, name) for name in ("_revision", "_digest", "file")}
        done = await send(client, "/system/bundle", **values)
        assert "noted that this bundle is here" in done.text, done.text[-2000:]
        assert "this is revision" not in done.text
    async with shop.served() as (tenant, _):
        (value,) = (await tenant.database.read("SELECT value FROM _setting WHERE name = '$bundle'"))[0]
        assert json.loads(bundle)["sha256"] in str(value)


async def test_a_bundle_is_not_taken_from_administrators_of_another_system(shop: Shop, tmp_path: Path) -> None:
    other = shop.another(tmp_path)
    await filled(other)
    await filled(shop)
    async with browser(other) as hers, browser(shop) as his:
        bundle = (await send(hers, "/system/bundle", _do="export")).text
        plan = await brought(hers, bundle)
        waiting = hidden(plan.text, "file")
        taken = await send(his, "/system/bundle", file=waiting)
        assert (taken.status_code, "The plan" in taken.text) == (404, False), taken.text[-2000:]
        token = hidden((await his.get("/system/bundle")).text, "_csrf")
        for cookie in (hers.headers["cookie"], ""):
            his.headers["cookie"] = cookie
            assert (await his.get("/system/bundle")).status_code == 303
            for how in (
                {"data": {"_do": "export", "_csrf": token}},
                {"data": {"file": waiting, "_csrf": token}},
                {"data": {"_csrf": token}, "files": {"file": ("a", bundle.encode())}},
            ):
                answer = await his.post("/system/bundle", **how)  # type: ignore[arg-type]
                assert (answer.status_code, bundle[:20] in answer.text) == (303, False)


def _plain(dialect: Dialect) -> Body[None]:
    yield Call("UPDATE _login SET admin = " + ("0" if dialect == "sqlite" else "false"))


async def test_a_scenario_that_breaks_is_told_in_the_readers_language(shop: Shop) -> None:
    shop.pack["tests"] = SCENARIO
    await filled(shop)
    text = OVERLAY.replace("colour: {type: text}", "price: {max: 0.04}")
    async with browser(shop) as client:
        for language, says in (("zh", "被拒绝："), ("en", "was refused:")):
            client.headers["cookie"] = client.headers["cookie"].rpartition("=")[0] + f"={language}"
            page = await send(client, "/system/changes", group="0", name="acme.yaml", text=text)
            assert says in page.text, page.text[-2500:]
