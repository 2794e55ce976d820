"""Lines of what goes out of sight, and of what comes back, say how many rows are concerned."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from engine.plan.change import Line
from engine.studio.change import counting
from engine.studio.change.telling import Told
from tests.studio.shop import Shop, filled, listed, post
from tests.studio.test_change_pages import browser, send


async def lines(shop: Shop, kind: str) -> dict[str, Line]:
    async with shop.database() as database:
        found = (await shop.plan(database)).plan.lines
        return {line.path: line for line in found if line.kind == kind}


def amounts(found: dict[str, Line]) -> dict[str, tuple[str, str]]:
    return {path: (line.amount("en"), line.amount("zh")) for path, line in found.items()}


async def test_what_is_retired_and_restored_says_how_many_rows_are_concerned(shop: Shop) -> None:
    await filled(shop)
    async with shop.served() as (_, door):
        gone = await post(door, "item", code="z", note="in the bin")
        await door.delete(f"/item/{gone['id']}", headers={"if-match": "*"})
    kept = {name: shop.fields().pop(name) for name in ("note", "price", "count")}
    sale, line = shop.entities.pop("sale"), shop.entities.pop("sale_line")
    shop.fields()["fresh"] = {"type": "text"}
    wanted = {
        "shop.item.note": ("1 row", "1 行"),
        "shop.item.price": ("2 rows", "2 行"),
        "shop.item.count": ("1 row", "1 行"),
        "shop.sale": ("1 row", "1 行"),
        "shop.sale_line": ("2 rows", "2 行"),
    }
    assert amounts(await lines(shop, "retired")) == wanted
    await shop.apply()
    async with browser(shop) as client:
        page = await send(client, "/system/revisions", revision="1")
        assert re.search(r"restored shop.item.price<.*?safe · 2 rows · can be taken back", page.text, re.DOTALL)
    del shop.fields()["fresh"]
    shop.entities["thing"] = {**shop.entities.pop("item"), "was": "item"}
    assert amounts(await lines(shop, "retired")) == {"shop.item.fresh": ("", "")}
    shop.fields("thing").update(kept)
    sale["fields"]["item"]["to"] = sale["fields"]["extras"]["to"] = "thing"
    shop.entities.update(sale=sale, sale_line=line)
    back = {path.replace("item", "thing"): told for path, told in wanted.items()}
    assert amounts(await lines(shop, "restored")) == back
    await shop.apply()
    await shop.settled()
    async with shop.served() as (_, door):
        assert {one["code"] for one in await listed(door, "thing")} == {"x", "y"}


async def test_only_the_newest_rows_of_large_tables_are_looked_at(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "NEWEST", (3,))
    await filled(shop)
    async with shop.served() as (_, door):
        for n in range(3):
            await post(door, "item", code=f"n{n}", price="1", **({"count": 1} if n else {}))
    for name in ("note", "price", "count"):
        del shop.fields()[name]
    told = amounts(await lines(shop, "retired"))
    assert told == {
        "shop.item.note": ("none of the newest 3 rows", "最新 3 行中没有"),
        "shop.item.price": ("at least 3 rows", "至少 3 行"),
        "shop.item.count": ("at least 2 rows, of the newest 3", "至少 2 行（只看了最新 3 行）"),
    }
    async with shop.database() as database:
        plan = Told((await shop.plan(database)).plan)
    assert "hidden, kept, restorable (safe; at least 2 rows, of the newest 3)" in plan.told("en")
    assert "(安全；至少 2 行（只看了最新 3 行）)" in plan.told("zh")
    found: dict[str, Any] = {one["path"]: (one["rows"], one["newest"]) for one in json.loads(plan.json())["changes"]}
    assert found["shop.item.count"] == (2, 3)


async def test_nothing_is_asked_when_nothing_goes_or_comes_back(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(shop)
    shop.fields()["fresh"] = {"type": "text"}
    monkeypatch.setattr(counting, "_looking", None)
    assert [*await lines(shop, "added")] == ["shop.item.fresh"]
