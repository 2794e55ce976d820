"""What was written while something was away, when that is back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx

from engine.db import rollups
from engine.serve.tenant.tenancy import Tenant
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


def with_lines(shop: Shop) -> None:
    """Lines with lines of their own, behind a feature, and what is kept of them."""
    shop.pack["features"] = {"f": {"title": "F"}}
    shop.entities["part"] = {"owned_by": "sale_line", "feature": "f", "fields": {"weight": {"type": "integer"}}}
    shop.entities["sale_line"]["feature"] = "f"
    shop.fields("sale")["lines"]["feature"] = "f"
    shop.fields("sale_line")["amount"] = {"type": "money"}
    shop.fields("sale_line")["parts"] = {"type": "lines", "of": "part"}
    shop.fields("sale")["total"] = {"type": "money", "compute": "SUM(lines.amount)", "feature": "f"}
    measures = {"total": "SUM(amount)", "n": "COUNT(id)"}
    kept = {"of": "sale_line", "by": {"name": "name"}, "measures": measures, "rollups": {"names": ["name"]}}
    shop.pack["aggregations"] = {"amounts": {**kept, "feature": "f"}}


def sold(amount: str) -> list[dict[str, Any]]:
    return [{"name": "a", "amount": amount, "parts": [{"weight": 1}, {"weight": 2}]}, {"name": "b", "amount": "1.00"}]


async def sales(door: httpx.AsyncClient) -> dict[str, tuple[str, list[tuple[str, int]]]]:
    """Number → total, and name and number of parts of each line."""
    parts = Counter(part["sale_line"]["id"] for part in await listed(door, "part"))
    answer = await door.get("/sale?expand=lines&limit=100")
    assert answer.status_code == 200, answer.text
    return {
        one["number"]: (one["total"], [(line["name"], parts[line["id"]]) for line in one["lines"]])
        for one in answer.json()["items"]
    }


async def amounts(tenant: Tenant, door: httpx.AsyncClient) -> dict[str, tuple[str, int]]:
    """From what is kept of the lines."""
    tenant.sums = await rollups.filled(tenant.database)
    assert not any((await rollups.verify(tenant.database, tenant.app.logs)).values())
    answer = (await door.get("/figures/amounts?by=name&measures=total,n")).json()
    assert answer["served"] == "rollup", answer
    return {row["name"]: (row["total"], row["n"]) for row in answer["rows"]}


async def turned(door: httpx.AsyncClient, sale: str, *how: str) -> None:
    for one in how:
        at = f"/sale/{sale}"
        answer = await (door.delete(at, headers=ANY) if one == "delete" else door.post(f"{at}/restore", headers=ANY))
        assert answer.status_code in (200, 204), answer.text


async def without_first(door: httpx.AsyncClient, sale: str) -> None:
    """Somebody takes out its first line."""
    line = (await door.get(f"/sale/{sale}?expand=lines")).json()["lines"][0]
    answer = await door.patch(f"/sale/{sale}", json={"lines": [{"id": line["id"], "$delete": True}]}, headers=ANY)
    assert answer.status_code == 200, answer.text


ALL = [("a", 2), ("b", 0)]


async def test_lines_follow_documents_that_went_and_came_without_them(shop: Shop) -> None:
    with_lines(shop)
    async with shop.served() as (_, door):
        first, second, third, fourth = [(await post(door, "sale", lines=sold(f"{n}0.00")))["id"] for n in range(1, 5)]
        await without_first(door, third)
        for one in (first, third, fourth):
            await turned(door, one, "delete")
    await shop.switch("shop.f", False)
    async with shop.served() as (_, door):
        await turned(door, first, "restore")
        await turned(door, second, "delete")
        await turned(door, third, "restore")
        await turned(door, fourth, "restore", "delete")
    await shop.switch("shop.f", True)
    async with shop.served() as (tenant, door):
        # what was taken out of the third by hand stays so
        assert await sales(door) == {"S-0001": ("11.00", ALL), "S-0003": ("1.00", [("b", 0)])}
        assert await amounts(tenant, door) == {"a": ("10.00", 1), "b": ("2.00", 2)}
        await turned(door, second, "restore")
        await turned(door, fourth, "restore")
        await turned(door, first, "delete")
        whole = {"S-0002": ("21.00", ALL), "S-0003": ("1.00", [("b", 0)]), "S-0004": ("41.00", ALL)}
        assert await sales(door) == whole
        assert await amounts(tenant, door) == {"a": ("60.00", 2), "b": ("3.00", 3)}
    await shop.settled()
    await shop.switch("shop.f", False)
    async with shop.served() as (_, door):
        await turned(door, second, "delete")
    for on in (True, False):  # what the change itself put into the bin comes out of it too
        await shop.switch("shop.f", on)
    async with shop.served() as (_, door):
        await turned(door, second, "restore")
    await shop.switch("shop.f", True)
    async with shop.served() as (tenant, door):
        assert await sales(door) == whole
        assert await amounts(tenant, door) == {"a": ("60.00", 2), "b": ("3.00", 3)}


async def test_lines_of_lines_follow_alone(shop: Shop) -> None:
    with_lines(shop)
    del shop.entities["sale_line"]["feature"], shop.fields("sale")["lines"]["feature"]
    shop.fields("sale_line")["parts"]["feature"] = "f"
    async with shop.served() as (_, door):
        sale, other = [(await post(door, "sale", lines=sold("10.00")))["id"] for _ in range(2)]
        await turned(door, sale, "delete")
    await shop.switch("shop.f", False)
    async with shop.served() as (_, door):
        await turned(door, sale, "restore")
        await without_first(door, other)
    await shop.switch("shop.f", True)
    async with shop.served() as (_, door):
        assert [lines for _, lines in (await sales(door)).values()] == [ALL, [("b", 0)]]
        assert len(await listed(door, "part")) == 2


async def test_lines_that_a_plan_retired_follow_when_it_is_taken_back(shop: Shop) -> None:
    async with shop.served() as (_, door):
        gone, back = [(await post(door, "sale", lines=[{"name": n}]))["id"] for n in ("a", "b")]
        await turned(door, back, "delete")
    del shop.entities["sale_line"], shop.fields("sale")["lines"]
    await shop.apply()
    async with shop.served() as (_, door):
        await turned(door, back, "restore")
        await turned(door, gone, "delete")
    await shop.revert(1)
    async with shop.served() as (_, door):
        assert [one["name"] for one in await listed(door, "sale_line")] == ["b"]
        await turned(door, gone, "restore")
        assert [one["name"] for one in await listed(door, "sale_line")] == ["a", "b"]
