"""A posting of lines becomes one of groups, and comes back, on a ledger with entries: nothing counts twice."""

from __future__ import annotations

from typing import Any

import httpx

from engine.serve.tenant.tenancy import Tenant
from tests.studio.shop import Shop, post

BY_LINE: dict[str, Any] = {
    "of": "sale_line",
    "while": "sale.place = 'x'",
    "into": "book",
    "set": {"name": "=name", "net": "=amount", "month": "2026-03"},
}
BY_GROUP: dict[str, Any] = {
    "of": "sale",
    "while": "place = 'x'",
    "each": "sale_line BY name WHERE sale = this.id",
    "into": "book",
    "set": {"name": "=name", "net": "=SUM(sale_line.amount)", "month": "2026-03"},
}


async def held(tenant: Tenant) -> dict[str, tuple[int, int]]:
    """Name → (what its entries come to, entries that stand), in the storage of the database."""
    stands = "_mirrors IS NULL AND NOT EXISTS (SELECT 1 FROM shop__book AS m WHERE m._mirrors = b.id)"
    rows = await tenant.database.read(
        f"SELECT name, SUM(net), SUM(CASE WHEN {stands} THEN 1 ELSE 0 END) FROM shop__book AS b GROUP BY name"
    )
    unit = 100 if tenant.database.dialect == "sqlite" else 1
    return {str(row[0]): (int(row[1] / unit), int(row[2])) for row in rows}


async def changed(shop: Shop, tenant: Tenant, posting: dict[str, Any]) -> None:
    shop.pack["postings"] = {"booked": posting}
    await shop.apply()
    assert tenant.learn is not None
    await tenant.learn()


async def test_a_posting_of_lines_becomes_one_of_groups_and_comes_back(shop: Shop) -> None:
    shop.fields("sale")["place"] = {"type": "text"}
    shop.fields("sale_line")["amount"] = {"type": "money"}
    shop.entities["book"] = {"ledger": {"period": "month"}, "fields": {}}
    shop.fields("book").update(name={"type": "text"}, net={"type": "money"}, month={"type": "month"})
    shop.pack["postings"] = {"booked": BY_LINE}
    lines = [{"name": n, "amount": a} for n, a in (("a", "1"), ("a", "2"), ("b", "4"))]
    async with shop.served() as (tenant, door):
        one = await post(door, "sale", place="x", lines=lines)
        assert await held(tenant) == {"a": (3, 2), "b": (4, 1)}
        await changed(shop, tenant, BY_GROUP)
        await touched(door, one, lines=[{"name": "c", "amount": "8"}])
        assert await held(tenant) == {"a": (3, 1), "b": (4, 1), "c": (8, 1)}
        await changed(shop, tenant, BY_LINE)
        await touched(door, one, lines=[])
        assert await held(tenant) == {"a": (3, 2), "b": (4, 1), "c": (8, 1)}
        await changed(shop, tenant, BY_GROUP)
        await touched(door, one, place="y")
        assert await held(tenant) == {"a": (0, 0), "b": (0, 0), "c": (0, 0)}
    await shop.settled()


async def touched(door: httpx.AsyncClient, one: dict[str, Any], **values: Any) -> None:
    answer = await door.patch(f"/sale/{one['id']}", json=values, headers={"if-match": "*"})
    assert answer.status_code == 200, answer.text
