"""Back to any revision: who is who was known then, whatever it has been called since and whether `was` says so."""

from __future__ import annotations

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
