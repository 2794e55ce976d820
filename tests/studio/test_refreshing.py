"""What is kept beside fields follows its definition: what records are found and sorted by, and formulas."""

from __future__ import annotations

from typing import Any

from engine.studio.change.applying import tenant_of
from engine.studio.follow import following
from engine.studio.follow.settling import settle
from tests.studio.shop import Shop, filled, listed, post, taken

FLOW: dict[str, Any] = {
    "of": "item",
    "states": {"draft": {"initial": True, "editable": True}, "done": {"effective": True}},
    "transitions": {"finish": {"from": "draft", "to": "done"}},
}


async def found(shop: Shop, words: str) -> list[str]:
    async with shop.served() as (_, door):
        answer = await door.get("/item", params={"q": words})
        assert answer.status_code == 200, answer.text
        return sorted(row["code"] for row in answer.json()["items"])


async def test_what_records_are_found_and_sorted_by_follows_the_display(shop: Shop) -> None:
    async with shop.served() as (_, door):
        await post(door, "item", code="x1", note="Zebra")
        await post(door, "item", code="x2", note="Apple")
    assert (await found(shop, "zebra"), await found(shop, "x1")) == ([], ["x1"])
    shop.entities["item"]["display"] = "{note}"
    told: list[tuple[str, str]] = []
    async with shop.database() as database:
        made = await shop.plan(database)
        assert [(line.kind, line.path, line.rows) for line in made.plan.lines if line.kind == "refreshed"] == [
            ("refreshed", "shop.item", 2)
        ]
        now = await taken(made, database, settled=False)
        await settle(await tenant_of(made, database, now.epoch), lambda step, what, *_: told.append((step, what)))
        assert await database.read("SELECT name FROM _lease WHERE name LIKE 'refresh:%'") == []
        rows = await database.read("SELECT _sort, code FROM shop__item ORDER BY _sort")
        assert [row[1] for row in rows] == ["x2", "x1"]
    assert ("refresh", "shop.item") in told
    assert await found(shop, "zebra") == ["x1"]


async def test_a_formula_that_is_another_one_is_computed_but_for_documents_in_force(shop: Shop) -> None:
    shop.fields()["twice"] = {"type": "decimal", "scale": 4, "compute": "price * 2"}
    shop.pack["workflows"] = {"flow": FLOW}
    await filled(shop)
    async with shop.served() as (_, door):
        (one,) = [row for row in await listed(door) if row["code"] == "x"]
        assert (await door.post(f"/item/{one['id']}/actions/finish", json={})).status_code == 200
    shop.fields()["twice"]["compute"] = "price * 3"
    await shop.apply()
    await shop.settled()
    assert {row["code"]: row["twice"] for row in await shop.items()} == {"x": "2.5000", "y": "7.5000"}


async def test_what_is_computed_from_it_follows(shop: Shop) -> None:
    """Lines, their sum, and a line's share of it; what no formula leads to stays as it was taken."""
    shop.fields()["twice"] = {"type": "decimal", "scale": 4, "compute": "price * 2"}
    shop.fields("sale_line")["size"] = {"type": "integer", "compute": "LENGTH(name)"}
    shop.fields("sale_line")["half"] = {"type": "decimal", "scale": 2, "compute": "sale.total / 2"}
    shop.fields("sale")["total"] = {"type": "integer", "compute": "SUM(lines.size)"}
    shop.fields("sale")["price"] = {"type": "decimal", "scale": 4, "compute": "item.twice"}
    await filled(shop)
    async with shop.served() as (_, door):
        (sale,) = await listed(door, "sale")
        (item,) = [row for row in await listed(door) if row["code"] == "x"]
        await door.patch(f"/item/{item['id']}", json={"price": "7"}, headers={"if-match": "*"})
    shop.fields("sale_line")["size"]["compute"] = "LENGTH(name) * 10"
    await shop.apply()
    await shop.settled()
    async with shop.served() as (_, door):
        now = (await door.get(f"/sale/{sale['id']}?expand=lines")).json()
    assert [(line["size"], line["half"]) for line in now["lines"]] == [(30, "30.00"), (30, "30.00")]
    assert (now["total"], now["price"], now["rev"]) == (60, "2.5000", sale["rev"])


async def test_what_was_left_undone_is_done_by_whoever_serves(shop: Shop) -> None:
    await filled(shop)
    shop.entities["item"]["display"] = "{note}"
    async with shop.database() as database:
        await taken(await shop.plan(database), database, settled=False)
    assert await found(shop, "n") == []
    async with shop.served() as (tenant, _):
        assert await following.owing(tenant) is False
    assert await found(shop, "n") == ["y"]


async def test_what_is_owed_follows_who_is_renamed_before_it_is_settled(shop: Shop) -> None:
    shop.fields()["twice"] = {"type": "decimal", "scale": 4, "compute": "price * 2"}
    await filled(shop)
    shop.fields()["twice"]["compute"] = "price * 3"
    shop.entities["item"]["display"] = "{note}"
    async with shop.database() as database:
        await taken(await shop.plan(database), database, settled=False)
    fields = shop.fields()
    fields["thrice"] = {**fields.pop("twice"), "was": "twice"}
    shop.entities["thing"] = {**shop.entities.pop("item"), "was": "item"}
    for name in ("item", "extras"):
        shop.fields("sale")[name]["to"] = "thing"
    async with shop.database() as database:
        await taken(await shop.plan(database), database, settled=False)
        owed = await database.read("SELECT name, holder FROM _lease WHERE name LIKE 'refresh:%'")
        assert [tuple(row) for row in owed] == [("refresh:shop.thing", '["shop.thing.thrice"]')]
    async with shop.served() as (tenant, door):
        assert await following.owing(tenant) is False
        assert {row["code"]: row["thrice"] for row in await listed(door, "thing")} == {"x": "3.7500", "y": "7.5000"}
        answer = await door.get("/thing", params={"q": "n"})
        assert [row["code"] for row in answer.json()["items"]] == ["y"]
    await shop.settled()


async def test_what_is_owed_waits_for_who_is_not_there_and_is_done_when_he_is_back(shop: Shop) -> None:
    for name in ("twice", "thrice"):
        shop.fields()[name] = {"type": "decimal", "scale": 4, "compute": "price"}
    shop.fields()["thrice"]["compute"] = "price + 1"
    await filled(shop)
    shop.fields()["twice"]["compute"] = "price * 2"
    shop.fields()["thrice"]["compute"] = "price * 3"
    shop.entities["item"]["display"] = "{note}"
    async with shop.database() as database:
        await taken(await shop.plan(database), database, settled=False)
    thrice = shop.fields().pop("thrice")
    async with shop.database() as database:
        await taken(await shop.plan(database), database, settled=False)
    gone = {name: shop.entities.pop(name) for name in ("item", "sale", "sale_line")}
    shop.entities["box"] = {"fields": {"name": {"type": "text"}}}
    await shop.apply()
    async with shop.database() as database:
        owed = {str(row[0]) for row in await database.read("SELECT name FROM _lease WHERE name LIKE '%refresh:%'")}
    assert owed == {"later:refresh:shop.item"}
    async with shop.served() as (tenant, _):
        assert await following.owing(tenant) is False
    shop.entities.update(gone)
    await shop.apply()
    await shop.settled()
    assert {row["code"]: row["twice"] for row in await shop.items()} == {"x": "2.5000", "y": "5.0000"}
    assert await found(shop, "n") == ["y"]
    shop.fields()["thrice"] = thrice
    await shop.apply()
    assert {row["code"]: row["thrice"] for row in await shop.items()} == {"x": "3.7500", "y": "7.5000"}
    async with shop.database() as database:
        assert await database.read("SELECT name FROM _lease WHERE name LIKE '%refresh:%'") == []


async def test_a_computed_field_comes_back_to_what_was_written_while_it_was_away(shop: Shop) -> None:
    shop.fields()["twice"] = {"type": "decimal", "scale": 4, "compute": "price * 2"}
    shop.fields("sale_line")["size"] = {"type": "integer", "compute": "LENGTH(name)"}
    shop.fields("sale")["total"] = {"type": "integer", "compute": "SUM(lines.size)"}
    shop.pack["workflows"] = {"flow": FLOW}
    await filled(shop)
    gone = [(name, field, shop.fields(name).pop(field)) for name, field in (
        ("item", "twice"), ("sale_line", "size"), ("sale", "total"),
    )]  # fmt: skip
    await shop.apply()
    async with shop.served() as (_, door):
        (x, y) = await listed(door)
        for one, price in ((x, "3"), (y, "4")):
            await door.patch(f"/item/{one['id']}", json={"price": price}, headers={"if-match": "*"})
        z = await post(door, "item", code="z", price="5")
        for one in (x, z):
            assert (await door.post(f"/item/{one['id']}/actions/finish", json={})).status_code == 200
        (sale,) = await listed(door, "sale")
        lines = (await door.get(f"/sale/{sale['id']}?expand=lines")).json()["lines"]
        change = {"lines": [{"id": lines[0]["id"], "name": "longer"}]}
        assert (await door.patch(f"/sale/{sale['id']}", json=change, headers={"if-match": "*"})).status_code == 200
    for name, field, noun in gone:
        shop.fields(name)[field] = noun
    assert {path for kind, path, _ in await shop.told() if kind == "refreshed"} == {
        "shop.item.twice", "shop.sale_line.size", "shop.sale.total",
    }  # fmt: skip
    await shop.apply()
    await shop.settled()
    found = {row["code"]: row["twice"] for row in await shop.items()}
    assert found == {"x": "2.5000", "y": "8.0000", "z": "10.0000"}  # x is in force and holds something
    assert [row["total"] for row in await shop.items("sale")] == [len("longer") + len("two")]
