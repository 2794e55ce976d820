"""Metadata changes on a live system: what is planned, what is refused, what is kept, who notices."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.db import Call
from engine.paths import modules_dir
from engine.problem import Problems
from engine.serve.server import http
from engine.studio.change.planning import installed
from engine.studio.source import switching
from engine.studio.source.build import source_from, source_of
from engine.studio.source.project import find_project
from tests.studio.shop import Shop, filled, listed, post, taken

ROOT = Path(__file__).resolve().parents[2]


async def refusal(shop: Shop) -> str:
    with pytest.raises(Problems) as caught:
        await shop.apply()
    return str(caught.value.problems[0].code)


async def test_nothing_to_change_is_an_empty_plan(shop: Shop) -> None:
    await filled(shop)
    await shop.settled()
    shop.pack["title"] = "Store"
    assert await shop.told() == []
    assert (await shop.apply()).number == 2
    await shop.settled()


async def test_additions_renames_and_wider_types_keep_every_value(shop: Shop) -> None:
    await filled(shop)
    fields = shop.fields()
    fields["remark"] = {**fields.pop("note"), "was": "note"}
    fields["count"] = {"type": "decimal", "scale": 2}
    fields["price"]["scale"] = 6
    fields["paid"] = {"type": "boolean", "required": True, "default": False}
    fields["day"] = {"type": "date"}
    shop.entities["box"] = {"title": "Box", "fields": {"item": {"type": "ref", "to": "item"}}}
    assert await shop.told() == [
        ("added", "shop.item.paid", 0),
        ("added", "shop.item.day", 0),
        ("added", "shop.box", 0),
        ("renamed", "shop.item.remark", 0),
        ("widened", "shop.item.price", 0),
        ("widened", "shop.item.count", 0),
    ]
    assert (await shop.apply()).number == 2
    await shop.settled()
    kept = {
        row["code"]: [row[n] for n in ("price", "kind", "count", "remark", "paid", "day")] for row in await shop.items()
    }
    assert kept == {
        "x": ["1.250000", "a", "3.00", None, False, None],
        "y": ["2.500000", "b", None, "n", False, None],
    }


async def test_a_renamed_entity_takes_its_records_lines_numbers_and_history_along(shop: Shop) -> None:
    await filled(shop)
    entities = shop.entities
    order = entities.pop("sale")
    order["fields"]["no"] = {**order["fields"].pop("number"), "was": "number"}
    entities["purchase"] = {**order, "was": "sale"}
    entities["sale_line"]["owned_by"] = "purchase"
    entities["sale_line"]["fields"]["label"] = {**entities["sale_line"]["fields"].pop("name"), "was": "name"}
    await shop.apply()
    await shop.settled()
    async with shop.served() as (_, door):
        (found,) = await listed(door, "purchase")
        one = (await door.get(f"/purchase/{found['id']}?expand=lines")).json()
        assert [line["label"] for line in one["lines"]] == ["one", "two"]
        assert len(one["extras"]) == 1
        assert one["no"] == "S-0001"
        told = (await door.get(f"/purchase/{found['id']}/history")).json()["items"]
        assert any("no" in entry["change"] for entry in told if entry["entity"] == "shop.purchase")
        assert any("label" in entry["change"] for entry in told)
        again = await post(door, "purchase", lines=[{"label": "three"}])
        assert (await door.get(f"/purchase/{again['id']}")).json()["no"] == "S-0002" or "postgres" in shop.url
    await shop.revert(1)
    async with shop.served() as (_, door):
        assert {len(row) > 0 for row in await listed(door, "sale")} == {True}
        assert {row["number"] for row in await listed(door, "sale")} >= {"S-0001"}


async def test_what_is_removed_is_retired_and_comes_back_with_its_values(shop: Shop) -> None:
    await filled(shop)
    before = await shop.items()
    note, count = shop.fields().pop("note"), shop.fields().pop("count")
    sale = {name: shop.entities.pop(name) for name in ("sale", "sale_line")}
    assert await shop.told() == [
        ("retired", "shop.item.count", 0),
        ("retired", "shop.item.note", 0),
        ("retired", "shop.sale", 0),
        ("retired", "shop.sale_line", 0),
    ]
    await shop.apply()
    await shop.settled()
    async with shop.served() as (_, door):
        assert "note" not in (await listed(door))[0]
        assert (await door.get("/sale")).status_code == 404
        await post(door, "item", code="z")
    shop.fields().update(note=note, count=count)
    shop.entities.update(sale)
    await shop.apply()
    await shop.settled()
    after = await shop.items()
    assert [row for row in after if row["code"] != "z"] == before
    async with shop.served() as (_, door):
        (found,) = await listed(door, "sale")
        lines = (await door.get(f"/sale/{found['id']}?expand=lines")).json()["lines"]
        assert [line["name"] for line in lines] == ["one", "two"]


async def test_a_name_that_a_retired_one_held_is_free_for_another_kind(shop: Shop) -> None:
    await filled(shop)
    text = shop.fields().pop("note")
    await shop.apply()
    shop.fields()["note"] = {"type": "ref", "to": "item"}
    await shop.apply()
    assert {row["code"]: row["note"] for row in await shop.items()} == {"x": None, "y": None}
    shop.fields()["note"] = text
    await shop.apply()
    assert {row["code"]: row["note"] for row in await shop.items()} == {"x": None, "y": "n"}


def iter_of(*calls: Call) -> Any:
    for call in calls:  # noqa: UP028 - a tuple cannot be sent the rows
        yield call


@pytest.mark.parametrize(
    ("change", "kind", "against"),
    [
        ({"note": {"type": "text", "required": True}}, "required", 1),
        ({"fresh": {"type": "text", "required": True}}, "required", 2),
        ({"price": {"type": "decimal", "scale": 1}}, "narrowed", 1),
        ({"kind": {"type": "choice", "options": {"b": "B"}}}, "choices", 1),
        ({"note": {"type": "date"}}, "narrowed", 1),
        ({"note": {"type": "boolean"}}, "replaced", 1),
    ],
)
async def test_what_records_stand_against_is_refused_with_their_names(
    shop: Shop, change: dict[str, Any], kind: str, against: int
) -> None:
    await filled(shop)
    shop.fields().update(change)
    async with shop.database() as database:
        plan = (await shop.plan(database)).plan
    (line,) = [one for one in plan.lines if one.against]
    assert (line.kind, line.against, line.risk) == (kind, against, "guarded")
    assert all(name[0] in "xy" for name in line.offenders)
    assert plan.refused
    assert await refusal(shop) == "plan.refused"
    async with shop.served() as (tenant, door):
        assert (len(await listed(door)), tenant.app.epoch) == (2, 1)


async def test_unique_over_records_that_are_the_same(shop: Shop) -> None:
    async with shop.served() as (_, door):
        first = await post(door, "item", code="x", note="n")
        await post(door, "item", code="x", note="n")
        await post(door, "item", code="z", note="n")
    shop.entities["item"]["unique"] = {"code": ["code", "note"]}
    assert ("unique", "shop.item", 2) in await shop.told()
    assert await refusal(shop) == "plan.refused"
    del shop.entities["item"]["unique"]
    async with shop.served() as (_, door):
        gone = await door.delete(f"/item/{first['id']}", headers={"if-match": '"1"'})
        assert gone.status_code == 204
    shop.entities["item"]["unique"] = {"code": ["code", "note"]}
    await shop.apply()
    await shop.settled()
    async with shop.served() as (_, door):
        assert (await door.post("/item", json={"code": "z", "note": "n"})).status_code in (409, 422)


async def test_states_that_records_still_hold(shop: Shop) -> None:
    states = {"draft": {"initial": True, "editable": True}, "done": {}, "lost": {}}
    moves = {"finish": {"from": "draft", "to": "done"}, "lose": {"from": "draft", "to": "lost"}}
    await filled(shop)
    shop.pack["workflows"] = {"flow": {"of": "item", "states": states, "transitions": moves}}
    await shop.apply()
    await shop.settled()
    assert {row["state"] for row in await shop.items()} == {"draft"}
    async with shop.database() as database:
        await database.write(lambda: iter_of(Call("UPDATE shop__item SET state = 'lost' WHERE code = 'y'")))
    del states["lost"], moves["lose"]
    assert [one for one in await shop.told() if one[2]] == [("states", "shop.flow", 1)]
    assert await refusal(shop) == "plan.refused"


async def test_of_two_applies_at_once_one_is_told_that_it_was_overtaken(shop: Shop) -> None:
    await filled(shop)
    shop.fields()["day"] = {"type": "date"}
    async with shop.database() as one, shop.database() as other:
        plans = [await shop.plan(one), await shop.plan(other)]
        done = await asyncio.gather(taken(plans[0], one), taken(plans[1], other), return_exceptions=True)
    failed = [d for d in done if isinstance(d, Problems)]
    assert [p.code for f in failed for p in f.problems] == ["plan.overtaken"]
    await shop.settled()


@pytest.mark.parametrize("what", ["choice", "decimals", "state"])
async def test_records_written_since_the_plan_was_made_are_in_its_way(shop: Shop, what: str) -> None:
    shop.pack["workflows"] = {
        "flow": {
            "of": "sale",
            "states": {"draft": {"initial": True, "editable": True}, "kept": {}, "done": {"effective": True}},
            "transitions": {"keep": {"from": "draft", "to": "kept"}, "finish": {"from": "kept", "to": "done"}},
        }
    }
    await filled(shop)
    async with shop.served() as (_, door), shop.database() as database:
        (sale,) = await listed(door, "sale")
        one = [row for row in await listed(door) if row["kind"] == "b"]
        await door.patch(f"/item/{one[0]['id']}", json={"kind": "a"}, headers={"if-match": "*"})
        flow: Any = shop.pack["workflows"]["flow"]
        if what == "choice":
            shop.fields()["kind"]["options"] = {"a": "A"}
        elif what == "decimals":
            shop.fields()["price"]["scale"] = 2
        else:
            del flow["states"]["kept"], flow["transitions"]["keep"]
            flow["transitions"]["finish"]["from"] = "draft"
        made = await shop.plan(database)
        assert not made.plan.refused
        await post(door, "item", code="later", price="0.0001", kind="b")
        assert (await door.post(f"/sale/{sale['id']}/actions/keep", json={})).status_code == 200
        with pytest.raises(Problems) as caught:
            await taken(made, database)
        assert [p.code for p in caught.value.problems] == ["plan.since"]
        assert (await shop.plan(database)).plan.refused
        assert len(await listed(door)) == 3


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from engine.db import open_database
from engine.studio.change import applying
from engine.studio.follow import recoding, turns
from engine.studio.source.build import source_from, source_of
from engine.studio.change.planning import installed
from engine.studio.change.planning import planned
from engine.studio.source.project import find_project

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)
    yield

recoding.calls, turns.SECONDS = killed, 2.0

async def main():
    database = await open_database(sys.argv[2])
    made = await planned(source_of(find_project(Path(sys.argv[1]))), database)
    assert made.statements()
    async with turns.turn(database, "", patience=turns.PATIENCE) as mine:
        await applying.applied(made, mine)

asyncio.run(main())
"""


async def test_killed_in_the_midst_leaves_the_last_good_revision(shop: Shop) -> None:
    await filled(shop)
    before = await shop.items()
    whole = shop.fields()["note"]
    shop.fields()["count"] = {"type": "decimal", "scale": 2}
    shop.fields()["paid"] = {"type": "boolean", "required": True, "default": True}
    shop.write()
    command = [sys.executable, "-c", _KILLED, str(shop.folder), shop.url]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    assert whole is shop.fields()["note"]
    async with shop.served() as (tenant, door):
        assert (await listed(door), tenant.app.epoch) == (before, 1)
    await shop.apply()
    await shop.settled()


async def test_hands_that_were_there_before_us_are_told_and_nothing_is_applied(shop: Shop) -> None:
    await filled(shop)
    async with shop.database() as database:
        await database.run_script(["ALTER TABLE shop__item ADD COLUMN mine text"])
        shop.fields()["day"] = {"type": "date"}
        assert list((await shop.plan(database)).plan.drift) == ["column shop__item.mine is not ours"]
    assert await refusal(shop) == "plan.drift"


_BY_HAND = {
    "index": ("DROP INDEX {index}", "index {index} is missing"),
    "other index": ('DROP INDEX {index}; CREATE INDEX {index} ON shop__item ("note")', "index {index} is another one"),
    "constraint": (
        "ALTER TABLE shop__sale DROP CONSTRAINT {key}",
        "constraint shop__sale.{key} is missing",
    ),
}


@pytest.mark.parametrize("what", _BY_HAND)
async def test_what_other_hands_took_away_is_named(shop: Shop, what: str) -> None:
    if what == "constraint" and shop.url.startswith("sqlite"):
        pytest.skip("SQLite cannot drop one; another text is another table")
    await filled(shop)
    async with shop.database() as database:
        tables = {table.name: table for table in (await installed(database)).tables}
        named = {"index": tables["shop__item"].indexes[0].name, "key": tables["shop__sale"].foreign_keys[0].name}
        done, told = (text.format(**named) for text in _BY_HAND[what])
        await database.run_script(done.split("; "))
        assert list((await shop.plan(database)).plan.drift) == [told]


async def test_another_text_of_a_check_is_named(shop: Shop) -> None:
    shop.entities["item"]["checks"] = {"few": {"that": "count < 10", "message": "few"}}
    await filled(shop)
    fields = shop.fields()
    fields["number"] = {**fields.pop("count"), "was": "count"}
    shop.entities["item"]["checks"]["few"]["that"] = "number < 10"
    await shop.apply()
    await shop.settled()
    async with shop.database() as database:
        item = next(table for table in (await installed(database)).tables if table.name == "shop__item")
        name = next(check.name for check in item.checks if "10" in check.postgresql)
        alter = f"ALTER TABLE shop__item DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK"
        by_hand = [
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = replace(sql, '10', '99') WHERE name = 'shop__item'",
            "PRAGMA writable_schema = RESET",
        ] if database.dialect == "sqlite" else [f'{alter} ("count" < 99)']  # fmt: skip
        for statement in by_hand:
            await database.run_script([statement])
        (told,) = (await shop.plan(database)).plan.drift
        assert told.startswith(f"check shop__item.{name} is ")
        assert told.endswith("another one")


async def test_a_process_a_revision_behind_writes_and_reads_by_what_holds(shop: Shop) -> None:
    await filled(shop)
    async with shop.served() as (tenant, door):
        fields = shop.fields()
        fields["remark"] = {**fields.pop("note"), "was": "note"}
        fields["paid"] = {"type": "boolean", "required": True, "default": True}
        await shop.apply()
        assert tenant.app.epoch == 1
        made = await post(door, "item", code="z")
        assert (made["paid"], made["remark"], tenant.app.epoch) == (True, None, 2)
        shop.entities["thing"] = {**shop.entities.pop("item"), "was": "item"}
        shop.entities["sale"]["fields"]["item"]["to"] = "thing"
        shop.entities["sale"]["fields"]["extras"]["to"] = "thing"
        await shop.apply()
        assert tenant.app.epoch == 2
        assert len(await listed(door, "sale")) == 1
        assert (await door.get("/thing")).status_code in (200, 404)
        assert tenant.learn is not None
        await tenant.learn()
        assert {row["code"] for row in await listed(door, "thing")} == {"x", "y", "z"}


async def test_no_request_fails_while_the_system_changes(shop: Shop) -> None:
    await filled(shop)
    async with shop.served() as (_, door):
        ended = False
        told: list[str] = []

        async def busy(n: int) -> list[int]:
            seen: list[int] = []
            while not ended:
                answers = [
                    await door.get("/item"),
                    await door.post("/item", json={"code": f"{n}-{len(seen)}"}),
                ]
                seen += [a.status_code for a in answers]
                told.extend(a.text for a in answers if a.status_code > 201)
            return seen

        async def changing() -> None:
            nonlocal ended
            try:
                for n in range(4):
                    shop.fields()[f"f{n}"] = {"type": "text"}
                    shop.fields()[f"n{n}"] = {"type": "integer", "required": True, "default": n}
                    await shop.apply()
                    was = shop.fields().pop(f"f{n}")
                    shop.fields()[f"g{n}"] = {**was, "was": f"f{n}"}
                    await shop.apply()
            finally:
                ended = True

        *found, _ = await asyncio.gather(busy(1), busy(2), busy(3), changing())
        seen = [code for one in found for code in one or ()]
        assert set(seen) == {200, 201}, told
        assert len(seen) > 8
    await shop.settled()


async def test_changes_that_come_as_fast_as_they_are_learnt_fail_nobody(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine learning takes as long as the next change: each gives a request its patience anew."""
    monkeypatch.setattr(http, "_PATIENCE", 0.3)
    await filled(shop)
    async with shop.served() as (tenant, door):
        learn, left = tenant.learn, 4
        assert learn is not None

        async def slowly() -> bool:
            nonlocal left
            known = await learn()
            if left:
                left -= 1
                shop.fields()[f"f{left}"] = {"type": "text"}
                await shop.apply()
            await asyncio.sleep(0.2)
            return known

        tenant.learn = slowly
        shop.fields()["first"] = {"type": "text"}
        await shop.apply()
        assert (await door.post("/item", json={"code": "late"})).status_code == 201
        assert (left, tenant.app.epoch) == (0, 6)


async def test_reverting_gives_back_what_was_with_what_has_been_written_since(shop: Shop) -> None:
    await filled(shop)
    fields = shop.fields()
    fields["remark"] = {**fields.pop("note"), "was": "note"}
    del fields["count"]
    await shop.apply()
    async with shop.served() as (_, door):
        await post(door, "item", code="z", remark="new")
    assert (await shop.revert(1)).number == 3
    async with shop.served() as (_, door):
        found = {row["code"]: (row["note"], row["count"]) for row in await listed(door)}
    assert found == {"x": (None, 3), "y": ("n", None), "z": ("new", None)}


async def test_a_new_computed_field_is_computed_for_the_records_that_are_there(shop: Shop) -> None:
    await filled(shop)
    shop.fields()["twice"] = {"type": "decimal", "scale": 4, "compute": "price * 2"}
    shop.fields("sale_line")["length"] = {"type": "integer", "compute": "LENGTH(name)"}
    shop.fields("sale")["letters"] = {"type": "integer", "compute": "SUM(lines.length)"}
    assert [one for one in await shop.told() if one[0] == "computed"] == [
        ("computed", "shop.item.twice", 0),
        ("computed", "shop.sale.letters", 0),
        ("computed", "shop.sale_line.length", 0),
    ]
    await shop.apply()
    await shop.settled()
    assert {row["code"]: row["twice"] for row in await shop.items()} == {"x": "2.5000", "y": "5.0000"}
    assert [row["letters"] for row in await shop.items("sale")] == [6]


async def test_what_is_switched_off_is_hidden_and_comes_back_with_its_data(shop: Shop) -> None:
    shop.pack["features"] = {"notes": {"title": "Notes"}, "boxes": {"title": "Boxes", "default": False}}
    shop.fields()["note"]["feature"] = "notes"
    shop.entities["box"] = {"title": "Box", "feature": "boxes", "fields": {"name": {"type": "text"}}}
    shop.pack["seeds"] = {"box": {"first": {"name": "first"}}}
    await filled(shop)
    async with shop.served() as (tenant, door):
        assert (await door.get("/box")).status_code == 404
        await shop.switch("shop.notes", on=False)
        await shop.switch("shop.boxes", on=True)
        assert tenant.learn is not None
        await tenant.learn()
        assert all("note" not in row for row in await listed(door))
        assert [row["name"] for row in await listed(door, "box")] == ["first"]
        await shop.settled()  # what was switched stays so when the packs are applied
        await shop.switch("shop.notes", on=True)
        await tenant.learn()
        assert {row["code"]: row["note"] for row in await listed(door)} == {"x": None, "y": "n"}


async def test_a_feature_that_a_pack_gives_up_is_no_longer_switched(shop: Shop) -> None:
    shop.pack["features"] = {"sizes": {"title": "Sizes"}, "other": {"title": "Other"}}
    shop.fields()["size"] = {"type": "integer", "feature": "sizes"}
    async with shop.served() as (_, door):
        await post(door, "item", code="a", size=7)
    await shop.switch("shop.sizes", on=False)
    del shop.pack["features"]["sizes"]
    del shop.fields()["size"]["feature"]
    await shop.apply()
    await shop.settled()
    assert [row["size"] for row in await shop.items()] == [7]
    async with shop.database() as database:
        assert dict(source_from((await installed(database)).source).switches) == {}


async def test_a_feature_is_not_on_without_those_it_requires(shop: Shop) -> None:
    shop.pack["features"] = {
        "sizes": {"title": "Sizes"},
        "weights": {"title": "Weights", "requires": ["sizes"]},
        "scales": {"title": "Scales", "requires": ["weights"]},
    }
    for name in ("size", "weight", "scale"):
        shop.fields()[name] = {"type": "integer", "feature": f"{name}s"}
    async with shop.served():
        pass

    async def on() -> list[str]:
        async with shop.database() as database:
            return [one.name for one in switching.listed(source_from((await installed(database)).source)) if one.on]

    assert await on() == ["shop", "shop.sizes", "shop.weights", "shop.scales"]
    await shop.switch("shop.sizes", on=False)
    assert await on() == ["shop"]
    assert {"size", "weight", "scale"}.isdisjoint((await shop.items() or [{}])[0])
    with pytest.raises(Problems) as caught:
        await shop.switch("shop.scales", on=True)
    assert [p.code for p in caught.value.problems] == ["switch.lacks"]
    await shop.switch("shop.sizes", on=True)
    assert await on() == ["shop", "shop.sizes", "shop.weights", "shop.scales"]


async def test_a_module_that_others_need_is_not_switched_off(shop: Shop) -> None:
    await filled(shop)
    with pytest.raises(Problems) as caught:
        await shop.switch("shop.nots", on=True)
    assert [p.code for p in caught.value.problems] == ["switch.unknown"]
    assert [
        (s.name, s.on, s.needed_by) for s in switching.listed(source_of(find_project(modules_dir() / "day-labor")))
    ][:2] == [("base", True, ("cost-center", "day-labor")), ("cost-center", True, ())]
    with pytest.raises(Problems) as caught:
        switching.switched(source_of(find_project(modules_dir() / "day-labor")), "base", on=False)
    assert [p.code for p in caught.value.problems] == ["switch.needed"]
