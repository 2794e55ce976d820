"""Numbers that records hold already are not given again, whatever the field was before."""

from __future__ import annotations

from typing import Any

import httpx

from engine.serve.tenant.tenancy import Tenant
from tests.studio.shop import Shop, listed, post

ANY = {"if-match": "*"}
NUMBER: dict[str, Any] = {"type": "number", "pattern": "N-{0000}"}


async def test_text_that_becomes_numbers_is_counted_on(shop: Shop) -> None:
    fields = shop.fields("sale")
    fields["no"] = {"type": "text"}
    async with shop.served() as (_, door):
        for no in ("N-0001", "N-0007", "N-0012", "N-x", "M-0099", "N-", "N-99999999999999999999", None):
            made = await post(door, "sale", no=no)
            if no == "N-0012":  # it may be back any day
                assert (await door.delete(f"/sale/{made['id']}", headers=ANY)).is_success
    fields["no"] = NUMBER
    await shop.apply()
    await shop.settled()
    async with shop.served() as (_, door):
        assert [(await post(door, "sale"))["no"] for _ in range(2)] == ["N-0013", "N-0014"]


async def test_each_counter_goes_on_after_what_it_would_give(shop: Shop) -> None:
    fields = shop.fields("sale")
    fields |= {"day": {"type": "date"}, "no": {"type": "text"}}
    async with shop.served() as (_, door):
        x, y = [(await post(door, "item", code=code))["id"] for code in "xy"]
        for item, day, no in (
            (x, "2026-01-31", "x/202601-03-S"),
            (x, "2026-02-01", "x/202602-11-S"),
            (x, "2026-02-02", "x/202601-77-S"),
            (y, "2026-02-01", "y/202602-05-S"),
            (y, "2026-02-01", "y/202602-50"),
        ):
            await post(door, "sale", item=item, day=day, no=no)
    fields["no"] = {"type": "number", "pattern": "{item.code}/{day:yyyyMM}-{00}-S", "per": ["item", "month"]}
    await shop.apply()
    async with shop.served() as (_, door):
        made = [(x, "2026-01-01"), (x, "2026-02-28"), (y, "2026-02-28"), (y, "2026-03-01")]
        assert [(await post(door, "sale", item=item, day=day))["no"] for item, day in made] == [
            "x/202601-04-S",
            "x/202602-12-S",
            "y/202602-06-S",
            "y/202603-01-S",
        ]


async def learnt(tenant: Tenant) -> None:
    assert tenant.learn is not None
    await tenant.learn()


async def typed(shop: Shop, tenant: Tenant, door: httpx.AsyncClient) -> None:
    """Two numbers are given, then they are text, and a third is typed."""
    assert [(await post(door, "sale"))["no"] for _ in range(2)] == ["N-0001", "N-0002"]
    shop.fields("sale")["no"] = {"type": "text"}
    await shop.apply()
    await learnt(tenant)
    await post(door, "sale", no="N-0003")


async def test_what_was_typed_while_they_were_text_is_not_given(shop: Shop) -> None:
    fields = shop.fields("sale")
    fields["no"] = NUMBER
    async with shop.served() as (tenant, door):
        await typed(shop, tenant, door)
        await post(door, "sale", no="N-0060")
        await shop.revert(1)
        await learnt(tenant)
        assert [(await post(door, "sale"))["no"] for _ in range(2)] == ["N-0061", "N-0062"]
        held = [one["no"] for one in await listed(door, "sale")]
        assert len(set(held)) == len(held) == 6


async def test_numbers_that_were_reserved_before_are_not_given(shop: Shop) -> None:
    """A process that serves holds some of its own; where it did not change it keeps them."""
    fields = shop.fields("sale")
    fields["no"] = NUMBER
    async with shop.served() as (tenant, door):
        await typed(shop, tenant, door)
        fields["no"] = NUMBER
        await shop.apply()
        await learnt(tenant)
        made = await post(door, "sale")
        assert made["no"] > "N-0003"
        assert made["number"] < "S-0050"
