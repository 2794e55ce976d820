"""Back to any revision: who is who was known then, whatever it has been called since and whether `was` says so."""

from __future__ import annotations

import pytest

from engine.problem import Problems
from engine.studio.change.planning import planned
from engine.studio.source.build import source_from
from engine.tenants import revision
from tests.studio.shop import Shop, filled, listed, post


async def test_back_over_renames_that_the_pack_does_not_remember(shop: Shop) -> None:
    await filled(shop)
    fields = shop.fields()
    fields["remark"] = {**fields.pop("note"), "was": "note"}
    await shop.apply()
    del fields["remark"]["was"]
    await shop.apply()
    fields["words"] = {**fields.pop("remark"), "was": "remark"}
    fields["note"] = {"type": "date"}
    await shop.apply()
    entities = shop.entities
    entities["thing"] = {**entities.pop("item"), "was": "item"}
    for name in ("item", "extras"):
        shop.fields("sale")[name]["to"] = "thing"
    await shop.apply()
    entities["item"] = {"fields": {"code": {"type": "text"}}}
    await shop.apply()
    async with shop.served() as (_, door):
        await post(door, "thing", code="z", words="w", note="2026-01-01")
        await post(door, "item", code="other")
    assert (await shop.revert(1)).number == 7
    assert {row["code"]: row["note"] for row in await shop.items()} == {"x": None, "y": "n", "z": "w"}
    async with shop.served() as (_, door):
        (sale,) = await listed(door, "sale")
        assert (sale["item"]["display"], len(sale["extras"])) == ("x", 1)
    await shop.revert(6)
    await shop.settled()
    found = {row["code"]: (row["words"], row["note"]) for row in await shop.items("thing")}
    assert found == {"x": (None, None), "y": ("n", None), "z": ("w", "2026-01-01")}
    assert [row["code"] for row in await shop.items()] == ["other"]


async def test_back_to_what_was_retired_and_came_back_otherwise(shop: Shop) -> None:
    await filled(shop)
    fields = shop.fields()
    del fields["note"]
    await shop.apply()
    fields["note"] = {"type": "integer"}
    await shop.apply()
    async with shop.served() as (_, door):
        await post(door, "item", code="z", note=5)
    await shop.revert(1)
    assert {row["code"]: row["note"] for row in await shop.items()} == {"x": None, "y": "n", "z": None}
    await shop.revert(3)
    assert {row["code"]: row["note"] for row in await shop.items()} == {"x": None, "y": None, "z": 5}


async def test_back_from_text_to_the_numbers_it_was(shop: Shop) -> None:
    fields = shop.fields()
    fields |= {"day": {"type": "date"}, "at": {"type": "time"}}
    shop.entities["item"] |= {
        "unique": {"count": ["count"]},
        "checks": {"few": {"that": "count < 100 OR price < 100", "message": "few"}},
    }
    shop.pack["aggregations"] = {
        "stock": {
            "of": "item",
            "by": {"count": "count"},
            "measures": {"sum": "SUM(price)"},
            "rollups": {"n": ["count"]},
        },
    }
    async with shop.served() as (_, door):
        await post(door, "item", code="x", count=-3, price="-0.5", day="2024-02-29", at="08:30")
        await post(door, "item", code="y", price="99999999999.9999")
    had = await shop.items()
    del shop.entities["item"]["checks"], shop.pack["aggregations"]
    for name in ("count", "price", "day", "at"):
        fields[name] = {"type": "text"}
    await shop.apply()
    async with shop.served() as (_, door):
        z = await post(door, "item", code="z", count="abc", price="7", day="2026-02-30", at="8:30")
        told = (await listed(door))[0]
        assert [told[n] for n in ("count", "price", "day", "at")] == ["-3", "-0.5000", "2024-02-29", "08:30"]
    with pytest.raises(Problems) as caught:
        await shop.revert(1)
    assert {p.code for p in caught.value.problems} == {"plan.refused"}
    async with shop.database() as database:
        text = await revision.source_of(database, 1)
        lines = (await planned(source_from(text or ""), database, switched=True, back=1)).plan.lines
    found = {line.path: (line.kind, line.offenders) for line in lines if line.against}
    assert found == {f"shop.item.{n}": ("narrowed", (f"z ({z['id']})",)) for n in ("count", "price", "day", "at")}
    async with shop.served() as (_, door):
        mended = {"count": "12", "price": "7.0000", "day": "2026-02-28", "at": "08:30"}
        await door.patch(f"/item/{z['id']}", json=mended, headers={"if-match": "*"})
    assert (await shop.revert(1)).number == 3
    now = await shop.items()
    assert [{k: row[k] for k in ("code", "count", "price", "day", "at")} for row in now[:2]] == [
        {k: row[k] for k in ("code", "count", "price", "day", "at")} for row in had
    ]
    assert (now[2]["count"], now[2]["price"]) == (12, "7.0000")
    async with shop.served() as (_, door):
        assert (await door.post("/item", json={"code": "w", "count": 12})).status_code == 409
        assert (await door.post("/item", json={"code": "w", "count": 100, "price": 100})).status_code == 422
        past = await door.get(f"/item/{z['id']}/history")
        assert ["abc", "12"] in [one["change"].get("count") for one in past.json()["items"]]
        page = await door.get(f"http://shop/r/shop/item/{z['id']}")
        assert "abc" in page.text, page.text


async def test_text_that_was_retired_is_no_number_unless_it_is_gone_back_to(shop: Shop) -> None:
    await filled(shop)
    fields = shop.fields()
    fields["count"] = {"type": "text"}
    await shop.apply()
    del fields["count"]
    await shop.apply()
    fields["count"] = {"type": "integer"}
    await shop.apply()
    assert [row["count"] for row in await shop.items()] == [None, None]
    await shop.revert(1)
    assert [row["count"] for row in await shop.items()] == [3, None]
