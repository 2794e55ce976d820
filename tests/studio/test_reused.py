"""A name that is given anew: who it belonged to is known by what packs say, in one step or in many."""

from __future__ import annotations

import pytest

from tests.studio.shop import Shop, filled, post


async def test_a_name_is_given_anew_in_the_step_that_frees_it(shop: Shop) -> None:
    """As a system meets it that leaves out versions in between."""
    await filled(shop)
    fields = shop.fields()
    fields["remark"] = {**fields.pop("note"), "was": "note"}
    fields["note"] = {"type": "text"}
    assert await shop.told() == [("added", "shop.item.note", 0), ("renamed", "shop.item.remark", 0)]
    await shop.apply()
    await shop.settled()
    assert {row["code"]: (row["remark"], row["note"]) for row in await shop.items()} == {
        "x": (None, None),
        "y": ("n", None),
    }
    fields["note"]["title"] = "Other"
    assert await shop.told() == []
    async with shop.served() as (_, door):
        await post(door, "item", code="z", note="new", remark="old")
    await shop.revert(1)
    assert {row["code"]: row["note"] for row in await shop.items()} == {"x": None, "y": "n", "z": "old"}


@pytest.mark.parametrize("which", ["field", "entity"])
async def test_who_bears_a_name_anew_stays_when_its_first_bearer_goes(shop: Shop, which: str) -> None:
    await filled(shop)
    if which == "field":
        fields = shop.fields()
        fields["remark"] = {**fields.pop("note"), "was": "note"}
        fields["note"] = {"type": "text"}
    else:
        shop.entities["thing"] = {**shop.entities.pop("item"), "was": "item"}
        shop.entities["item"] = {"fields": {"code": {"type": "text"}, "note": {"type": "text"}}}
        for name in ("item", "extras"):
            shop.fields("sale")[name]["to"] = "thing"
    await shop.apply()
    async with shop.served() as (_, door):
        await post(door, "item", code="z", note="new")
    if which == "field":
        del shop.fields()["remark"]
    else:
        del shop.entities["thing"], shop.entities["sale"], shop.entities["sale_line"]
    assert {kind for kind, _, _ in await shop.told()} == {"retired"}
    await shop.apply()
    await shop.settled()
    found = {row["code"]: row["note"] for row in await shop.items()}
    assert found == ({"x": None, "y": None, "z": "new"} if which == "field" else {"z": "new"})


async def test_what_comes_back_does_not_take_what_bears_its_first_name(shop: Shop) -> None:
    await filled(shop)
    fields = shop.fields()
    fields["remark"] = {**fields.pop("note"), "was": "note"}
    fields["note"] = {"type": "text"}
    await shop.apply()
    async with shop.served() as (_, door):
        await post(door, "item", code="z", note="new", remark="old")
    remark = fields.pop("remark")
    await shop.apply()
    fields["remark"] = remark
    assert [one for one in await shop.told() if one[0] != "refreshed"] == [("restored", "shop.item.remark", 0)]
    await shop.apply()
    found = {row["code"]: (row["remark"], row["note"]) for row in await shop.items()}
    assert found == {"x": (None, None), "y": ("n", None), "z": ("old", "new")}
