"""What was written while something was away, when that is back."""

from __future__ import annotations

from typing import Any

from tests.studio.shop import Shop, listed, post

STATES: dict[str, Any] = {
    "of": "sale",
    "feature": "f",
    "states": {"draft": "Draft", "signed": {"title": "Signed", "effective": True}},
    "transitions": {"sign": {"title": "Sign", "from": "draft", "to": "signed"}},
}
ANY = {"if-match": "*"}


async def test_records_made_while_a_workflow_was_away_are_in_its_first_state(shop: Shop) -> None:
    shop.pack["features"] = {"f": {"title": "F"}}
    shop.pack["workflows"] = {"signing": STATES}
    async with shop.served() as (_, door):
        sale = await post(door, "sale")
        answer = await door.post(f"/sale/{sale['id']}/actions/sign", headers=ANY)
        assert answer.status_code == 200, answer.text
        await post(door, "sale")
    await shop.switch("shop.f", False)
    async with shop.served() as (_, door):
        third = await post(door, "sale")
    await shop.switch("shop.f", True)
    async with shop.served() as (_, door):
        assert [one["state"] for one in await listed(door, "sale")] == ["signed", "draft", "draft"]
        answer = await door.post(f"/sale/{third['id']}/actions/sign", headers=ANY)
        assert answer.json()["state"] == "signed", answer.text
