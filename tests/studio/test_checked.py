"""Checks that no table enforces are asked of the records there are, when they come or change."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from engine.plan.change import Line
from engine.studio.change import checking
from engine.studio.change.planning import planned
from engine.studio.change.telling import Told
from tests.studio.shop import Shop, filled, listed, post
from tests.studio.test_planned import PEOPLE


async def checked(shop: Shop) -> list[Line]:
    async with shop.database() as database:
        return [line for line in (await shop.plan(database)).plan.lines if line.kind == "checked"]


def check(that: str, **more: Any) -> dict[str, Any]:
    return {"one": {"that": that, "message": "no", **more}}


ALONE = "COUNT(item WHERE kind = this.kind) <= 1"


@pytest.mark.parametrize(
    ("entity", "checks", "broken"),
    [
        ("item", check(ALONE, lock=["kind"]), ["x", "y"]),
        ("item", check(ALONE, lock=["kind"], when="note = 'n'"), ["y"]),
        ("item", check("COUNT(sale WHERE item = this.id) = 0", at="submit"), ["x"]),
        ("item", check("NOT EXISTS(sale WHERE item = this.id)", at="approve", level="warning"), ["x"]),
        ("item", {"one": {"none": "sale", "where": "item = this.id", "message": "no"}}, ["x"]),
        ("item", {"one": {"none": "sale", "where": "item = this.id AND number = ''", "message": "no"}}, []),
        ("item", check("price <= settings.most", override=["admin"]), ["y"]),
        ("item", check("created_at > NOW()", at="submit"), ["x", "y"]),
        ("sale", check("item.price < 1.25"), ["S-0001"]),
        ("sale", check("item.price <= 1.25"), []),
        ("sale", check("COUNT(lines) > 2"), ["S-0001"]),
        ("sale_line", check("sale.item.kind = 'b'"), ["one", "two"]),
    ],
)
async def test_records_that_break_a_new_check_are_named_and_kept(
    shop: Shop, entity: str, checks: dict[str, Any], broken: list[str]
) -> None:
    shop.pack["settings"] = {"most": {"title": "Most", "type": "decimal", "scale": 2, "default": 2}}
    await filled(shop)
    async with shop.served() as (_, door):
        (_, y) = await listed(door)
        await door.patch(f"/item/{y['id']}", json={"kind": "a"}, headers={"if-match": "*"})
        gone = await post(door, "item", code="z", kind="a")
        await door.delete(f"/item/{gone['id']}", headers={"if-match": "*"})
    shop.entities[entity]["checks"] = checks
    found = await checked(shop)
    assert [(line.path, line.risk, line.against, line.rows) for line in found] == [
        (f"shop.{entity}", "guarded", 0, len(broken))
    ] * bool(broken)
    assert sorted(one.rpartition(" (")[0] for line in found for one in line.offenders) == broken
    assert all(record.startswith(f"shop/{entity}/") for line in found for record in line.records)
    assert (await shop.apply()).number == 2
    await shop.settled()
    assert len(await shop.items()) == 2
    shop.entities[entity]["title"] = "Other"
    assert await checked(shop) == []


async def test_it_says_when_they_are_judged_and_that_it_only_warns(shop: Shop) -> None:
    await filled(shop)
    shop.entities["sale"]["checks"] = check("item.price > 9", at="submit", level="warning")
    async with shop.database() as database:
        plan = Told((await shop.plan(database)).plan)
    assert plan.code == 2
    assert (
        "! checked   shop.sale — check one (a warning): records that break it keep what they have, and are judged when"
        " they are submitted (guarded; 1 row)\n    these: S-0001 (" in plan.told("en")
    )
    assert "检查 one（仅提醒）：不满足的记录保留原样，提交时检查" in plan.told("zh")


async def test_what_the_records_will_hold_is_asked(shop: Shop) -> None:
    """Other scales, names, choices, values of new fields, tables that are not there yet."""
    await filled(shop)
    shop.fields()["cost"] = {"type": "decimal", "scale": 6, "was": "price"}
    del shop.fields()["price"]
    shop.fields()["kind"]["options"] = {"c": {"title": "C", "was": ["a"]}, "b": "B"}
    shop.fields()["rank"] = {"type": "integer", "required": True, "default": 3}
    shop.fields()["fresh"] = {"type": "text"}
    shop.entities["mark"] = {"fields": {"item": {"type": "ref", "to": "item"}}}
    shop.entities["sale"]["checks"] = {
        name: {"that": that, "message": "no"}
        for name, that in (
            ("cost", "item.cost < 1.25"),
            ("same", "item.cost = 1.25"),
            ("kind", "item.kind <> 'c'"),
            ("rank", "item.rank < 3"),
            ("fresh", "item.fresh IS NOT NULL"),
            ("empty", "item.fresh = 'x'"),
            ("marked", "EXISTS(mark WHERE item = this.item)"),
        )
    }
    found = {line.says.en.split(":")[0]: line.rows for line in await checked(shop)}
    assert found == {f"check {name}": 1 for name in ("cost", "kind", "rank", "fresh", "marked")}
    await shop.apply()
    await shop.settled()


async def test_one_that_says_the_same_is_not_asked_again(shop: Shop) -> None:
    shop.entities["sale"]["checks"] = check("item.price < 9")
    await filled(shop)
    shop.fields()["cost"] = {**shop.fields().pop("price"), "was": "price"}
    shop.entities["sale"]["checks"] = check("item.cost<9", override=["admin"], reason=True)
    assert await checked(shop) == []
    shop.entities["sale"]["checks"] = check("item.cost < 1")
    assert [line.rows for line in await checked(shop)] == [1]


@pytest.mark.parametrize(
    ("that", "why"),
    [
        ("item.price < 1 OR me IS NULL", "who saves it"),
        ("item.later < 'a'", "only there after the change"),
    ],
)
async def test_what_cannot_be_asked_is_said(shop: Shop, that: str, why: str) -> None:
    shop.entities.update(PEOPLE)
    shop.pack |= {
        "roles": {"clerk": {"title": "Clerk"}, "boss": {"title": "Boss"}},
        "people": {"users": "user", "assignments": {"post": {"of": "post", "user": "user", "role": "role"}}},
    }
    await filled(shop)
    shop.fields()["later"] = {"type": "text", "compute": "code"}
    shop.entities["sale"]["checks"] = check(that)
    (line,) = await checked(shop)
    assert (line.risk, line.rows) == ("safe", 0)
    assert why in line.says.en
    assert line.where.startswith("shop/module.yaml:")
    assert (await shop.apply()).number == 2


async def test_what_takes_too_long_is_said_and_ends(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "SECONDS", 0.3)
    await filled(shop)
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
    numbers = {
        "sqlite": "printf('0198b000-0000-7000-8000-%012d', i)",
        "postgresql": "('0198b000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid",
    }
    async with shop.database() as database:
        moment = "created_at, updated_at"
        await database.run_script(
            [
                f'INSERT INTO "shop__item" (id, rev, {moment}, code) {rows}'
                f" SELECT {numbers[database.dialect]}, 1, {moment}, 'c' || i FROM n,"
                f" (SELECT {moment} FROM shop__item LIMIT 1) AS w"
            ]
        )
    many = "COUNT(item WHERE note <> this.code OR code < this.code) < 0"
    shop.entities["item"]["checks"] = check(many, lock=["kind"])
    began = time.monotonic()
    (line,) = await checked(shop)
    assert time.monotonic() - began < 60
    assert "takes too long" in line.says.en
    async with shop.database() as database:
        made = await shop.plan(database)
        await asyncio.sleep(0.1)
        if database.dialect == "postgresql":
            running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
            assert (await database.read(running))[0][0] == 0
        assert not made.plan.refused
        monkeypatch.setattr(checking, "AT_ONCE", 0.0)  # of a switch
        switched = await planned(made.source, database, switched=True, played=False)
        assert [line.says for line in switched.plan.lines if line.kind == "checked"] == [line.says]
