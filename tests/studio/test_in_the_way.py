"""What stands in a change's way is asked before anything is touched, and named as people find it today."""

from __future__ import annotations

from typing import Any

import pytest

from engine.plan.change import Line, Plan
from engine.studio.change.telling import Told
from tests.studio.shop import Shop, filled, listed, post

NEW = {"type": "text", "required": True, "default": "z"}


async def plan_of(shop: Shop) -> Plan:
    async with shop.database() as database:
        return (await shop.plan(database)).plan


async def guarded(shop: Shop) -> list[Line]:
    return [line for line in (await plan_of(shop)).lines if line.risk == "guarded"]


@pytest.mark.parametrize(
    ("fields", "more", "kind", "against"),
    [
        ({"fresh": NEW}, {"unique": {"u": ["fresh"]}}, "unique", 2),
        ({"fresh": NEW}, {"unique": {"u": ["fresh", "code"]}}, "unique", 0),
        ({"fresh": {"type": "text"}}, {"unique": {"u": {"fields": ["fresh", "kind"], "nulls": "same"}}}, "unique", 2),
        ({"fresh": {"type": "text", "compute": "code"}}, {"unique": {"u": ["fresh"]}}, "unique", 0),
        (
            {"fresh": {"type": "integer", "required": True, "default": 3}},
            {"checks": {"few": {"that": "fresh < 3", "message": "few"}}},
            "checked",
            2,
        ),
        (
            {"fresh": {"type": "date"}},
            {"checks": {"few": {"that": "count < 2 OR fresh IS NOT NULL", "message": "few"}}},
            "checked",
            1,
        ),
        ({"note": {"type": "choice", "options": {"q": "Q"}}}, {}, "choices", 1),
        ({"note": {"type": "choice", "options": {"n": "N"}}}, {}, "choices", 0),
        ({"count": {"type": "choice", "options": {"a": "A"}}}, {}, "choices", 1),
        (
            {"price": {"type": "decimal", "scale": 6}},
            {"checks": {"p": {"that": "price < 2", "message": "p"}}},
            "checked",
            1,
        ),
    ],
)
async def test_what_a_new_column_will_hold_is_asked_too(
    shop: Shop, fields: dict[str, Any], more: dict[str, Any], kind: str, against: int
) -> None:
    await filled(shop)
    async with shop.served() as (_, door):
        (x, y) = await listed(door)
        await door.patch(f"/item/{y['id']}", json={"kind": "a"}, headers={"if-match": "*"})
    shop.fields().update(fields)
    shop.entities["item"].update(more)
    lines = await guarded(shop)
    assert [(line.kind, line.against) for line in lines] == [(kind, against)]
    named = {f"shop/item/{one['id']}" for one in (x, y)}
    assert (len(lines[0].records), {*lines[0].records} <= named) == (against, True)
    if not against:
        assert (await shop.apply()).number == 2
        await shop.settled()


async def test_a_set_of_references_to_something_else(shop: Shop) -> None:
    await filled(shop)
    shop.fields("sale")["extras"]["to"] = "sale"
    (line,) = await guarded(shop)
    assert (line.kind, line.path, line.against, line.rows) == ("refers", "shop.sale.extras", 1, 1)
    async with shop.served() as (_, door):
        (sale,) = await listed(door, "sale")
    assert line.records == (f"shop/sale/{sale['id']}",)


async def test_records_are_found_where_they_are_until_the_change(shop: Shop) -> None:
    await filled(shop)
    shop.entities["thing"] = {**shop.entities.pop("item"), "was": "item"}
    for name in ("item", "extras"):
        shop.fields("sale")[name]["to"] = "thing"
    shop.fields("thing")["note"]["required"] = True
    assert [line.records[0].rpartition("/")[0] for line in await guarded(shop)] == ["shop/item"]
    del shop.fields("thing")["note"]["required"]
    await shop.apply()
    shop.fields("thing")["note"]["required"] = True
    (line,) = await guarded(shop)
    assert line.records[0].startswith("shop/thing/")
    assert line.lock.en
    async with shop.served() as (_, door):
        assert (await door.get(f"http://shop/api/v1/{line.records[0]}")).json()["code"] == "x"


async def test_the_document_of_an_approval_that_stands_at_a_step_is_named(shop: Shop) -> None:
    shop.pack["roles"] = {"clerk": {"title": "Clerk"}}
    shop.pack["workflows"] = {
        "flow": {
            "of": "sale",
            "states": {"draft": {"initial": True, "editable": True}, "asked": {}, "done": {"effective": True}},
            "transitions": {"ask": {"from": "draft", "to": "asked", "approval": True}},
            "steps": {"office": {"assign": "admin"}, "boss": {"assign": "admin"}},
            "approved": {"to": "done"},
            "rejected": {"to": "draft"},
        }
    }
    async with shop.served() as (_, door):
        sale = await post(door, "sale")
        answer = await door.post(f"/sale/{sale['id']}/actions/ask", json={})
        assert answer.status_code == 200, answer.text
    del shop.pack["workflows"]["flow"]["steps"]["office"]
    (line,) = await guarded(shop)
    assert (line.kind, line.against, line.records) == ("steps", 1, (f"shop/sale/{sale['id']}",))
    assert f"in the way: {sale['id']}" in Told(await plan_of(shop)).told("en")


@pytest.mark.parametrize(
    ("field", "more", "named"),
    [
        ("price", {"max": "2"}, ["y"]),
        ("price", {"min": "1.25", "max": "2.5"}, []),
        ("count", {"min": 4}, ["x"]),
        ("code", {"min_length": 2}, ["x", "y"]),
        ("note", {"max_length": 10}, []),
        ("note", {"min_length": 3}, ["y"]),
        ("note", {"type": "phone", "min_length": 2}, ["y"]),
    ],
)
async def test_records_outside_narrower_bounds_are_named_and_kept(
    shop: Shop, field: str, more: dict[str, Any], named: list[str]
) -> None:
    await filled(shop)
    shop.fields()[field].update(more)
    lines = await guarded(shop)
    assert [(line.path, line.against, line.rows) for line in lines] == [(f"shop.item.{field}", 0, len(named))] * bool(
        named
    )
    assert [one[0] for line in lines for one in line.offenders] == named
    if named:
        told = Told(await plan_of(shop)).told("en")
        assert f"these: {named[0]} (" in told
        assert "Refused" not in told
    assert (await shop.apply()).number == 2
    await shop.settled()
    assert len(await shop.items()) == 2
    shop.fields()[field] = {**shop.fields()[field], "title": "Other"}
    assert await guarded(shop) == []


async def test_what_cannot_be_taken_back_says_so(shop: Shop) -> None:
    await filled(shop)
    shop.fields()["kind"]["options"] = {"c": {"title": "C", "was": ["a", "b"]}}
    shop.fields()["count"] = {"type": "text"}
    shop.fields()["price"]["scale"] = 6
    lines = (await plan_of(shop)).lines
    back = {line.path: line.reversible for line in lines if line.kind in ("recoded", "widened")}
    assert back == {"shop.item.kind": False, "shop.item.count": True, "shop.item.price": True}
    told = Told(await plan_of(shop)).told("en")
    assert told.count("cannot be taken back") == 1
    shop.fields()["kind"]["options"] = {"c": {"title": "C", "was": ["a"]}, "b": "B"}
    assert {line.reversible for line in (await plan_of(shop)).lines if line.kind == "recoded"} == {True}
    shop.fields()["kind"]["options"] = {"b": {"title": "B", "was": ["a"]}}
    assert {line.reversible for line in (await plan_of(shop)).lines if line.kind == "recoded"} == {False}
