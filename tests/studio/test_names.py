"""What is called otherwise is where it was: a rename writes no definition, the database keeps the names of birth."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.compile.names import columns_of, owner_of, table_of
from engine.db import Database
from engine.paths import examples_dir
from engine.problem import Problems
from engine.studio.scenarios.stages import stages
from engine.studio.source.build import Source, source_of
from engine.studio.source.matching import claims
from engine.studio.source.project import find_project
from tests.studio.shop import Shop, filled, listed, post

_DEFINED = {
    "sqlite": "SELECT name, sql FROM sqlite_master ORDER BY name",
    "postgresql": (
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
        " WHERE table_schema = current_schema() UNION ALL SELECT tablename, indexname, indexdef, '' FROM pg_indexes"
        " WHERE schemaname = current_schema() UNION ALL SELECT conrelid::regclass::text, conname,"
        " pg_get_constraintdef(oid), '' FROM pg_constraint WHERE connamespace = current_schema()::regnamespace"
        " UNION ALL SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), '' FROM pg_trigger"
        " WHERE NOT tgisinternal ORDER BY 1, 2, 3"
    ),
}
KEPT: dict[str, Any] = {
    "of": "item",
    "by": {"kind": "kind"},
    "measures": {"items": "COUNT(id)", "price": "SUM(price)"},
    "rollups": {"kinds": ["kind"]},
}


async def defined(database: Database) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await database.read(_DEFINED[database.dialect])]


def rich(shop: Shop) -> None:
    """Whatever speaks of a column: keys, checks, references, what is computed, found, sorted, summed."""
    item = shop.entities["item"]
    item |= {"display": "{code} {note}", "search": ["code", "note"], "unique": {"note": {"fields": ["note"]}}}
    item["checks"] = {"dear": {"that": "price >= 0", "message": "{code} costs less than nothing"}}
    item["fields"]["twice"] = {"type": "decimal", "scale": 4, "compute": "price * 2"}
    shop.pack["aggregations"] = {"stock": KEPT}


def otherwise(shop: Shop) -> None:
    """The entity, its key, two fields that change their names with each other, the owner of lines, a set."""
    entities = shop.entities
    item = entities["thing"] = {**entities.pop("item"), "was": "item"}
    fields = item["fields"]
    fields["id_code"] = {**fields.pop("code"), "was": "code"}
    note, count = fields.pop("note"), fields.pop("count")
    fields["note"], fields["count"] = {**count, "was": "count"}, {**note, "was": "note"}
    fields["cost"] = {**fields.pop("price"), "was": "price"}
    fields["twice"]["compute"] = "cost * 2"
    item |= {"key": ["id_code"], "display": "{id_code} {count}", "search": ["id_code", "count"]}
    item["unique"] = {"note": {"fields": ["count"]}}
    item["checks"] = {"dear": {"that": "cost >= 0", "message": "{id_code} costs less than nothing"}}
    order = entities["purchase"] = {**entities.pop("sale"), "was": "sale"}
    order["fields"]["item"]["to"] = "thing"
    order["fields"]["more"] = {**order["fields"].pop("extras"), "to": "thing", "was": "extras"}
    entities["sale_line"]["owned_by"] = "purchase"
    shop.pack["aggregations"] = {
        "stock": {**KEPT, "of": "thing", "measures": {"items": "COUNT(id)", "price": "SUM(cost)"}}
    }


async def test_a_rename_writes_no_definition_and_computes_nothing_anew(shop: Shop) -> None:
    rich(shop)
    await filled(shop)
    await shop.settled()
    async with shop.database() as database:
        before = await defined(database)
    otherwise(shop)
    told = await shop.told()
    assert {kind for kind, _, _ in told} == {"renamed"}, told
    renamed = {path for kind, path, _ in told if kind == "renamed"}
    assert renamed == {
        *("shop.thing", "shop.thing.id_code", "shop.thing.note", "shop.thing.count", "shop.thing.cost"),
        *("shop.purchase", "shop.purchase.more"),
    }
    await shop.apply()
    async with shop.database() as database:
        assert await defined(database) == before
    async with shop.served() as (_, door):
        things = {one["id_code"]: one for one in await listed(door, "thing")}
        assert {code: (one["cost"], one["count"], one["note"], one["twice"]) for code, one in things.items()} == {
            "x": ("1.2500", None, 3, "2.5000"),
            "y": ("2.5000", "n", None, "5.0000"),
        }
        past = (await door.get(f"/thing/{things['y']['id']}/history")).json()["items"]
        assert past[-1]["change"]["count"][1] == "n"
        assert "note" not in past[-1]["change"]
        (order,) = await listed(door, "purchase")
        whole = (await door.get(f"/purchase/{order['id']}?expand=lines")).json()
        assert [line["name"] for line in whole["lines"]] == ["one", "two"]
        assert len(whole["more"]) == 1
        await post(door, "thing", id_code="z", cost="1", count="w")
        found = await door.get("/thing", params={"q": "w", "sort": "-cost", "cost": "1"})
        assert [one["id_code"] for one in found.json()["items"]] == ["z"]
        refused = await door.post("/thing", json={"id_code": "q", "cost": "1", "count": "w"})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (409, "/count")
        refused = await door.post("/thing", json={"id_code": "q", "cost": "-1"})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "check.dear")
        figures = (await door.get("/figures/stock?by=kind&measures=items,price")).json()
        assert figures["served"] == "rollup"
        assert sum(row["items"] for row in figures["rows"]) == 3


async def test_what_is_born_later_takes_no_name_that_holds_something(shop: Shop) -> None:
    """``note`` is text, then another one's name, then a whole number, and none of them loses what it held."""
    await filled(shop)
    fields = shop.fields()
    fields["remark"] = {**fields.pop("note"), "was": "note"}
    await shop.apply()
    fields["note"] = {"type": "integer"}
    shop.entities["old_item"] = {"title": "Old", "fields": {"name": {"type": "text"}}}
    await shop.apply()
    async with shop.served() as (_, door):
        await post(door, "item", code="z", note=7, remark="r")
    del fields["note"]
    await shop.apply()
    fields["note"] = {"type": "ref", "to": "item"}
    await shop.apply()
    async with shop.served() as (_, door):
        assert {one["code"]: (one["remark"], one["note"]) for one in await listed(door)} == {
            "x": (None, None),
            "y": ("n", None),
            "z": ("r", None),
        }
    fields["note"] = {"type": "integer"}
    await shop.apply()
    async with shop.served() as (_, door):
        assert {one["code"]: one["note"] for one in await listed(door)} == {"x": None, "y": None, "z": 7}


async def test_what_is_retired_goes_along_with_its_entity(shop: Shop) -> None:
    await filled(shop)
    note = shop.fields().pop("note")
    await shop.apply()
    shop.entities["thing"] = {**shop.entities.pop("item"), "was": "item"}
    for name in ("item", "extras"):
        shop.fields("sale")[name]["to"] = "thing"
    await shop.apply()
    shop.fields("thing")["note"] = note
    assert await shop.told() == [("restored", "shop.thing.note", 0)]
    await shop.apply()
    async with shop.served() as (_, door):
        assert {one["code"]: one["note"] for one in await listed(door, "thing")} == {"x": None, "y": "n"}


def shifted(source: Source) -> Source:
    """The same system in a database that calls everything otherwise."""
    catalog, layout = source.catalog(), {}
    for entity in catalog.entities.values():
        layout[entity.path] = f"t_{table_of(catalog, entity.path)}"
        for column in columns_of(catalog, entity):
            if column.field is not None or column.called == owner_of(entity):
                layout[f"{entity.path}.{column.called}"] = f"c_{column.name}"
    return Source(**{name: getattr(source, name) for name in Source.__slots__} | {"layout": layout})


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
async def test_the_stories_hold_whatever_the_database_calls_things(
    database: str, request: pytest.FixtureRequest
) -> None:
    server = "" if database == "sqlite" else str(request.getfixturevalue("postgres_server"))
    project = find_project(examples_dir() / "contractor")
    source = shifted(source_of(project))
    catalog = source.catalog()
    failures = []
    async with stages(source, catalog, server, project.places) as made:
        for path, scenario in catalog.scenarios.items():
            failures += [f"{path}: {f.step}: {f.says}" for f in await made.play(scenario) if scenario.steps]
    served = source.app("postgresql" if server else "sqlite")
    assert all(entity.table.startswith("t_") for entity in served.entities.values())
    assert failures == []


@pytest.mark.parametrize(
    ("now", "before", "found"),
    [
        ({"b": ["a"]}, {"a": []}, {"b": "a"}),
        ({"b": ["a"]}, {"b": ["a"]}, {}),
        ({"a": []}, {"b": ["a"]}, {"a": "b"}),
        ({"a": ["b"], "b": ["a"]}, {"a": [], "b": []}, {"a": "b", "b": "a"}),
        ({"a": ["b"], "b": ["a"]}, {"a": ["b"], "b": ["a"]}, {}),
        ({"a": [], "b": []}, {"a": ["b"], "b": ["a"]}, {"a": "b", "b": "a"}),
        ({"b": ["a"], "c": ["b"]}, {"a": [], "b": []}, {"b": "a", "c": "b"}),
        ({"a": ["b"], "b": []}, {"a": [], "b": []}, {}),
        ({"b": ["a"], "c": ["a"]}, {"a": []}, {"b": "a"}),
        ({"b": ["x"]}, {"b": []}, {}),
        ({"a": ["b", "a"], "b": ["a", "b"]}, {"a": ["b"], "b": ["a"]}, {"a": "b", "b": "a"}),
        ({"a": ["b", "a"], "b": ["a"]}, {"a": [], "b": ["a"]}, {"a": "b", "b": "a"}),
        ({"b": ["a"], "a": [], "c": ["a", "b"]}, {"a": ["b"], "b": ["a"]}, {"c": "a"}),
        ({"a": ["c", "a"], "d": ["c", "a"], "c": []}, {"a": ["c", "a"], "c": ["a"]}, {"d": "c"}),
        ({"c": ["b", "a"], "a": []}, {"a": []}, {"c": "a"}),  # a revision in between was left out
        ({"a": ["b"], "c": ["a"], "b": ["c"]}, {"b": ["a"], "a": ["b"], "c": []}, {"a": "b", "c": "a", "b": "c"}),
        ({"c": ["b"], "b": ["a"]}, {"b": ["a"], "a": []}, {"c": "b", "b": "a"}),
        ({"b": ["q"], "c": ["b"]}, {"b": ["q"]}, {"c": "b"}),
        (
            {"a": ["b", "a"], "b": ["c", "a"], "c": ["a"]},
            {"a": [], "b": ["a"], "c": ["a"]},
            {"a": "b", "b": "c", "c": "a"},
        ),
    ],
)
def test_who_is_said_to_be_called_otherwise(
    now: dict[str, list[str]], before: dict[str, list[str]], found: dict[str, str]
) -> None:
    assert claims(now, before) == found


async def test_a_choice_is_called_otherwise_and_back(shop: Shop) -> None:
    shop.fields()["marks"] = {"type": "choices", "options": {"p": "P", "q": "Q", "r": "R"}}
    await filled(shop)
    async with shop.served() as (_, door):
        await post(door, "item", code="m", kind="b", marks=["r", "p"])
    shop.fields()["kind"]["options"] = {"x": {"title": "A", "was": ["a"]}, "b": "B"}
    shop.fields()["marks"]["options"] = {"q": "Q", "s": {"title": "P", "was": ["p"]}, "r": "R"}
    async with shop.database() as database:
        made = await shop.plan(database)
    told = {line.path: (line.risk, line.rows) for line in made.plan.lines if line.kind == "recoded"}
    assert told == {"shop.item.kind": ("online", 1), "shop.item.marks": ("online", 1)}
    await shop.apply()
    async with shop.served() as (_, door):
        rows = {one["code"]: (one["kind"], one["marks"]) for one in await listed(door)}
        assert rows == {"x": ("x", None), "y": ("b", None), "m": ("b", ["s", "r"])}
        assert [one["code"] for one in (await door.get("/item?kind=x")).json()["items"]] == ["x"]
    assert await shop.told() == []
    await shop.revert(1)
    assert {one["code"]: (one["kind"], one["marks"]) for one in await shop.items()} == {
        "x": ("a", None),
        "y": ("b", None),
        "m": ("b", ["p", "r"]),
    }


async def test_back_over_choices_whose_earlier_names_the_pack_does_not_remember(shop: Shop) -> None:
    item = shop.fields()
    item["marks"] = {"type": "choices", "options": {"p": "P", "q": "Q"}}
    await filled(shop)
    async with shop.served() as (_, door):
        await post(door, "item", code="m", kind="b", marks=["p", "q"])
    item["kind"]["options"] = {"c": {"title": "A", "was": ["a"]}, "b": "B"}
    item["marks"]["options"] = {"r": {"title": "P", "was": ["p"]}, "q": "Q"}
    await shop.apply()
    item["sort"] = {**item.pop("kind"), "was": "kind"}
    del item["sort"]["options"]["c"]["was"]
    await shop.apply()
    item["sort"]["options"] = {"d": {"title": "A", "was": ["c"]}, "b": "B"}
    item["marks"]["options"] = {"s": {"title": "P", "was": ["r"]}, "q": "Q"}
    await shop.apply()
    item["sort"]["options"]["d"] = "A"
    item["sort"]["options"]["e"] = "E"
    await shop.apply()
    async with shop.served() as (_, door):
        z = await post(door, "item", code="z", sort="e")
    with pytest.raises(Problems, match=r"plan\.refused"):
        await shop.revert(1)
    async with shop.served() as (_, door):
        await door.patch(f"/item/{z['id']}", json={"sort": "d"}, headers={"if-match": "*"})
    await shop.revert(1)
    assert {one["code"]: (one["kind"], one["marks"]) for one in await shop.items()} == {
        "x": ("a", None),
        "y": ("b", None),
        "m": ("b", ["p", "q"]),
        "z": ("a", None),
    }
    await shop.revert(5)
    found = {one["code"]: (one["sort"], one["marks"]) for one in await shop.items()}
    assert found["x"] == ("d", None)
    assert found["m"] == ("b", ["s", "q"])


async def test_two_choices_that_become_one_are_held_once(shop: Shop) -> None:
    shop.fields()["marks"] = {"type": "choices", "options": {"p": "P", "q": "Q", "r": "R", "t": "T"}}
    await filled(shop)
    async with shop.served() as (_, door):
        for code, marks in {"m": ["p", "q", "r"], "n": ["q", "t"], "o": ["r"], "p": []}.items():
            await post(door, "item", code=code, marks=marks)
    shop.fields()["marks"]["options"] = {"q": "Q", "s": {"title": "P or R", "was": ["p", "r"]}, "t": "T"}
    await shop.apply()
    found = {one["code"]: one["marks"] for one in await shop.items()}
    assert (found["m"], found["n"], found["o"], found["p"] or []) == (["s", "q"], ["q", "t"], ["s"], [])


async def test_a_choice_that_becomes_several_is_for_people_to_decide(shop: Shop) -> None:
    await filled(shop)
    kinds = {"a1": {"title": "A1", "was": ["a"]}, "a2": {"title": "A2", "was": ["a"]}, "b": "B"}
    shop.fields()["kind"]["options"] = {**kinds, "a": "A"}
    await shop.apply()
    shop.fields()["kind"]["options"] = kinds
    async with shop.database() as database:
        (line,) = [line for line in (await shop.plan(database)).plan.lines if line.kind == "choices"]
        assert (line.risk, line.against, line.says.en) == (
            "guarded",
            1,
            "choices become several (a → a1 | a2), for people to decide; records that hold one of them",
        )
    async with shop.served() as (_, door):
        (one,) = [row for row in await listed(door) if row["kind"] == "a"]
        await door.patch(f"/item/{one['id']}", json={"kind": "a2"}, headers={"if-match": "*"})
    await shop.apply()
    assert {row["code"]: row["kind"] for row in await shop.items()} == {"x": "a2", "y": "b"}


@dataclass
class Two(Shop):
    """A second pack beside the first."""

    other: dict[str, Any] = field(default_factory=lambda: {**BESIDE, "entities": {}})

    def write(self) -> None:
        app = {"app": "two", "title": "Two", "packs": ["shop", "store"]}
        for place, whole in (("shop/module", self.pack), ("store/module", self.other), ("app", app)):
            (self.folder / place).parent.mkdir(exist_ok=True, parents=True)
            (self.folder / f"{place}.yaml").write_text(json.dumps(whole), encoding="utf-8")


BESIDE: dict[str, Any] = {"module": "store", "grammar": 1, "version": "1.0.0", "title": "Store"}


async def test_an_entity_moves_to_another_pack_and_back(shop: Shop) -> None:
    two = Two(shop.folder, shop.url)
    item = two.pack["entities"] = {"item": two.entities["item"]}
    async with two.served() as (_, door):
        await post(door, "item", code="x", note="n")
    async with two.database() as database:
        before = await defined(database)
    two.pack["entities"], two.other["entities"] = {}, {"item": {**item["item"], "was": "shop.item"}}
    assert await two.told() == [("renamed", "store.item", 0)]
    await two.apply()
    async with two.database() as database:
        assert await defined(database) == before
    async with two.served() as (_, door):
        (one,) = (await door.get("http://test/api/v1/store/item")).json()["items"]
        assert (one["code"], one["note"]) == ("x", "n")
        assert len((await door.get(f"http://test/api/v1/store/item/{one['id']}/history")).json()["items"]) == 1
    await two.revert(1)
    async with two.served() as (_, door):
        assert [row["code"] for row in await listed(door)] == ["x"]


F: dict[str, Any] = {"type": "text", "feature": "f"}
BOX: dict[str, Any] = {"title": "Box", "fields": {"name": {"type": "text"}}}


async def hidden(shop: Shop) -> None:
    """A feature that holds something, and is off."""
    shop.pack["features"] = {"f": {"title": "F"}}
    shop.fields().update({name: dict(F) for name in ("memo", "a", "b", "c", "e")})
    shop.entities.update({name: {**deepcopy(BOX), "feature": "f"} for name in ("box", "bag", "tub")})
    async with shop.served() as (_, door):
        await post(door, "item", code="x", **{name: f"old {name}" for name in ("memo", "a", "b", "c", "e")})
        for name in ("box", "bag", "tub"):
            await post(door, name, name=f"a {name}")
    await shop.switch("shop.f", False)


def hidden_otherwise(shop: Shop) -> None:
    """What is off leaves its names to what is new, changes them with each other, and hands them on."""
    fields, entities = shop.fields(), shop.entities
    for name in ("memo", "a", "b", "c", "e"):
        del fields[name]
    box, bag, tub = (entities.pop(name) for name in ("box", "bag", "tub"))
    fields |= {"memo": {"type": "text"}, "remark": {**F, "was": "memo"}}
    fields |= {"a": {**F, "was": "b"}, "b": {**F, "was": "a"}, "c": {**F, "was": "e"}, "d": {**F, "was": "c"}}
    entities |= {"box": deepcopy(BOX), "crate": {**box, "was": "box"}}
    entities |= {"bag": {**tub, "was": "tub"}, "sack": {**bag, "was": "bag"}}


async def names_of(shop: Shop, entity: str) -> list[str]:
    return [row["name"] for row in await shop.items(entity)]


async def test_what_is_off_keeps_its_values_whatever_takes_its_name(shop: Shop) -> None:
    await hidden(shop)
    hidden_otherwise(shop)
    assert sorted(await shop.told()) == [("added", "shop.box", 0), ("added", "shop.item.memo", 0)]
    await shop.apply()
    await shop.settled()
    async with shop.served() as (_, door):
        (x,) = await listed(door)
        assert x["memo"] is None
        await door.patch(f"/item/{x['id']}", json={"memo": "new memo"}, headers={"if-match": "*"})
        assert await listed(door, "box") == []
        await post(door, "box", name="new box")
    for _ in range(2):
        await shop.switch("shop.f", True)
        (x,) = await shop.items()
        assert {name: x[name] for name in ("memo", "remark", "a", "b", "c", "d")} == {
            "memo": "new memo",
            "remark": "old memo",
            "a": "old b",
            "b": "old a",
            "c": "old e",
            "d": "old c",
        }
        assert await names_of(shop, "box") == ["new box"]
        assert await names_of(shop, "crate") == ["a box"]
        assert await names_of(shop, "bag") == ["a tub"]
        assert await names_of(shop, "sack") == ["a bag"]
        await shop.switch("shop.f", False)
    await shop.revert(1)
    (x,) = await shop.items()
    assert {name: x[name] for name in ("memo", "a", "b", "c", "e")} == {
        name: f"old {name}" for name in ("memo", "a", "b", "c", "e")
    }
    assert [await names_of(shop, name) for name in ("box", "bag", "tub")] == [["a box"], ["a bag"], ["a tub"]]


async def test_back_to_where_it_was_off(shop: Shop) -> None:
    await hidden(shop)
    hidden_otherwise(shop)
    await shop.apply()
    await shop.revert(2)
    await shop.switch("shop.f", True)
    (x,) = await shop.items()
    assert {name: x[name] for name in ("memo", "a", "b", "c", "e")} == {
        name: f"old {name}" for name in ("memo", "a", "b", "c", "e")
    }
    assert [await names_of(shop, name) for name in ("box", "bag", "tub")] == [["a box"], ["a bag"], ["a tub"]]


async def test_what_is_off_takes_the_name_of_what_goes(shop: Shop) -> None:
    await hidden(shop)
    shop.fields()["memo"] = {"type": "text"}
    shop.fields()["remark"] = {**F, "was": "memo"}
    shop.entities.update(crate={**shop.entities["box"], "was": "box"}, box=deepcopy(BOX))
    await shop.apply()
    async with shop.served() as (_, door):
        (x,) = await listed(door)
        await door.patch(f"/item/{x['id']}", json={"memo": "new memo"}, headers={"if-match": "*"})
        await post(door, "box", name="new box")
    del shop.fields()["remark"]
    shop.fields()["memo"] = {**F, "was": ["remark", "memo"]}
    shop.entities["box"] = {**shop.entities.pop("crate"), "was": ["crate", "box"]}
    await shop.apply()
    await shop.switch("shop.f", True)
    assert (await shop.items())[0]["memo"] == "old memo"
    assert await names_of(shop, "box") == ["a box"]
    await shop.revert(3)
    assert (await shop.items())[0]["memo"] == "new memo"
    assert await names_of(shop, "box") == ["new box"]


async def test_what_is_switched_off_and_called_otherwise_in_one_step(shop: Shop) -> None:
    await hidden(shop)
    await shop.switch("shop.f", True)
    hidden_otherwise(shop)
    shop.pack["features"]["f"]["default"] = False
    told = await shop.told()
    assert ("retired", "shop.item.memo", 0) in told
    assert ("added", "shop.item.memo", 0) in told
    await shop.apply()
    shop.fields()["remark"] = {"type": "text", "was": "memo"}
    shop.entities["crate"].pop("feature")
    await shop.apply()
    (x,) = await shop.items()
    assert (x["memo"], x["remark"]) == (None, "old memo")
    assert [await names_of(shop, name) for name in ("box", "crate")] == [[], ["a box"]]


async def test_an_entity_that_is_new_has_nothing_of_the_one_that_bore_its_name(shop: Shop) -> None:
    """Whichever of them the pack says first."""
    shop.entities["box"] = deepcopy(BOX)
    async with shop.served() as (_, door):
        await post(door, "box", name="a box")
    shop.entities["crate"] = {**deepcopy(BOX), "was": "box"}
    assert sorted(await shop.told()) == [("added", "shop.box", 0), ("renamed", "shop.crate", 0)]
    await shop.apply()
    await shop.settled()
    assert [await names_of(shop, name) for name in ("box", "crate")] == [[], ["a box"]]


@pytest.mark.parametrize("reverted", [True, False])
async def test_lines_that_were_an_entity_of_their_own_are_lines_again(shop: Shop, reverted: bool) -> None:
    await filled(shop)
    lines = shop.fields("sale").pop("lines")
    del shop.entities["sale_line"]["owned_by"]
    await shop.apply()
    if reverted:
        await shop.revert(1)
    shop.fields("sale")["lines"] = lines
    shop.entities["sale_line"]["owned_by"] = "sale"
    if not reverted:
        await shop.apply()
        await shop.settled()
    async with shop.served() as (_, door):
        (sale,) = await listed(door, "sale")
        whole = (await door.get(f"/sale/{sale['id']}?expand=lines")).json()
    assert [line["name"] for line in whole["lines"]] == ["one", "two"]
