"""What a plan says besides tables: scenarios that would not hold, overlays it touches, who gains and loses what."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.db import open_database
from engine.problem import Problems
from engine.studio.change import changing
from engine.studio.change.planning import planned
from engine.studio.scenarios.at_hand import at_hand
from engine.studio.source.build import source_of
from engine.studio.source.project import find_project
from tests.studio.shop import Shop, filled, listed, post, taken

SCENARIO = {
    "cheap": {
        "title": "A nail costs five cents",
        "steps": {
            "nail": {
                "create": "item",
                "with": {"code": "nail", "price": "0.05"},
                "expect": {"fields": {"price": "0.0500"}},
            }
        },
    }
}
PEOPLE: dict[str, Any] = {
    "user": {"title": "User", "display": "{name}", "fields": {"name": {"type": "text"}}},
    "post": {
        "fields": {
            "user": {"type": "ref", "to": "user", "required": True},
            "role": {"type": "choice", "options": {"clerk": "Clerk", "boss": "Boss"}},
        }
    },
}


async def test_a_scenario_that_would_break_refuses_the_apply(shop: Shop) -> None:
    shop.pack["tests"] = SCENARIO
    await filled(shop)
    shop.fields()["price"]["max"] = "0.04"
    async with shop.database() as database:
        made = await shop.plan(database)
        (line,) = made.plan.broken
        assert (line.kind, line.path, line.against, line.risk) == ("scenario", "shop.cheap", 1, "guarded")
        assert line.where.startswith("shop/module.yaml:")
        assert "0.04" in line.offenders[0]
        for language, says in (("zh", "被拒绝："), ("en", "was refused:")):
            assert says in line.named(language)[0]
        assert made.plan.refused
        assert not made.plan.barred
        for told, code in (({}, "plan.scenario"), ({"despite": True}, "plan.despite")):
            with pytest.raises(Problems) as caught:
                await taken(made, database, **told)
            assert [(p.code, str(p.where) == line.where) for p in caught.value.problems] == [
                (code, code == "plan.scenario")
            ]
        assert (await taken(made, database, note="the law says so", despite=True)).number == 2
        told = json.loads((await database.read("SELECT changes FROM _revision WHERE n = 2"))[0][0])
        assert [one["path"] for one in told if one["kind"] == "scenario"] == ["shop.cheap"]
        (detail,) = (await database.read("SELECT detail FROM _audit WHERE act = 'command.apply'"))[0]
        assert json.loads(detail)["despite"] == ["shop.cheap"]


async def test_scenarios_that_hold_are_in_nobodys_way(shop: Shop) -> None:
    shop.pack["tests"] = SCENARIO
    await filled(shop)
    shop.fields()["price"]["max"] = "0.06"
    assert all(kind != "scenario" for kind, _, _ in await shop.told())
    assert (await shop.apply()).number == 2


async def test_who_gains_and_who_loses_what(shop: Shop) -> None:
    shop.pack |= {
        "roles": {"clerk": {"title": "Clerk"}, "boss": {"title": "Boss"}},
        "people": {"users": "user", "assignments": {"post": {"of": "post", "user": "user", "role": "role"}}},
    }
    shop.entities.update(PEOPLE)
    shop.entities["item"]["access"] = {"clerk": {"read": True, "hide": ["note"]}, "boss": {"read": True}}
    async with shop.served() as (_, door):
        for name, role in (("an", "clerk"), ("bo", "clerk"), ("di", "boss")):
            user = await post(door, "user", name=name)
            await post(door, "post", user=user["id"], role=role)
    shop.entities["item"]["access"] = {"clerk": {"read": "kind = 'a'", "hide": ["price"]}}
    async with shop.database() as database:
        plan = (await shop.plan(database)).plan
    told = {
        line.says.en: (line.people, [(r.path.rpartition(".")[2], r.may, r.before, r.after) for r in line.rights])
        for line in plan.lines
        if line.kind == "rights"
    }
    assert told == {
        "Clerk (clerk)": (
            2,
            [
                ("item", "read", "all", "kind = 'a'"),
                ("price", "see", "all", ""),
                ("price", "change", "all", ""),
                ("note", "see", "", "all"),
                ("note", "change", "", "all"),
            ],
        ),
        "Boss (boss)": (1, [("item", "read", "all", "")]),
    }
    text = changing.Told(plan).told("en")
    assert (
        "rights    shop.item — Clerk (clerk) (safe; 2 people)\n    read: all → kind = 'a'\n    see price: all → none"
        in text
    )
    assert "查看: 全部 → 无" in changing.Told(plan).told("zh")
    found = [one for one in json.loads(changing.Told(plan).json())["changes"] if one["kind"] == "rights"]
    assert {(one["people"], len(one["rights"])) for one in found} == {(2, 5), (1, 1)}


async def test_a_role_that_is_called_otherwise_gains_and_loses_nothing(shop: Shop) -> None:
    roles: dict[str, Any] = {"clerk": {"title": "Clerk"}, "boss": {"title": "Boss"}}
    shop.pack |= {
        "roles": roles,
        "people": {"users": "user", "assignments": {"post": {"of": "post", "user": "user", "role": "role"}}},
    }
    shop.entities.update(deepcopy(PEOPLE))
    access: dict[str, Any] = {"clerk": {"read": "kind = 'a'"}, "boss": {"read": True}}
    shop.entities["item"]["access"] = access
    async with shop.served() as (_, door):
        for name in ("an", "bo"):
            user = await post(door, "user", name=name)
            await post(door, "post", user=user["id"], role="clerk")
    roles["agent"] = roles.pop("clerk")
    options = shop.fields("post")["role"]["options"]
    options["agent"] = {"title": "Agent", "was": [*options][:1]}
    del options["clerk"]
    shop.fields()["sort"] = {**shop.fields().pop("kind"), "was": "kind"}
    access["agent"] = {"read": "sort = 'a'"}
    del access["clerk"]
    async with shop.database() as database:
        assert [one for one in (await shop.plan(database)).plan.lines if one.kind == "rights"] == []
    access["agent"]["read"] = True
    async with shop.database() as database:
        (line,) = [one for one in (await shop.plan(database)).plan.lines if one.kind == "rights"]
    told = [(r.role, r.may, r.before, r.after) for r in line.rights]
    assert (line.people, told) == (2, [("agent", "read", "kind = 'a'", "all")])


def write(path: Path, whole: Any) -> None:
    path.write_text(json.dumps(whole, indent=1), encoding="utf-8")


@pytest.fixture
def layered(tmp_path: Path) -> Path:
    """A project with an overlay over the shop."""
    shop = Shop(tmp_path / "shop", "")
    shop.write()
    write(tmp_path / "app.yaml", {"app": "acme", "title": "Acme", "packs": ["shop"], "overlays": ["acme.yaml"]})
    fields = {"note": {"title": "Remark"}, "shelf": {"type": "text"}}
    write(
        tmp_path / "acme.yaml",
        {
            "overlay": "acme",
            "grammar": 1,
            "title": "Acme",
            "extends": {"shop": "^1.0"},
            "entities": {"shop.item": {"fields": fields}},
        },
    )
    return tmp_path


async def test_a_plan_names_the_overlays_it_touches(layered: Path) -> None:
    url = f"sqlite://{layered}/acme.db"
    shop = Shop(layered / "shop", url)
    async with Shop(layered, url).opened():
        pass
    shop.fields()["note"]["max_length"] = 200
    shop.fields()["price"]["max"] = "9"
    shop.write()
    plan = await _planned(layered, url)
    touched = {line.path: [(o.layer, o.where) for o in line.overlays] for line in plan.lines}
    lines = (layered / "acme.yaml").read_text().split("\n")
    note = next(n for n, line in enumerate(lines, 1) if '"note"' in line)
    assert touched["shop.item.price"] == []
    assert ("overlay acme", f"{layered.name}/acme.yaml:{note + 1}") in touched["shop.item.note"]
    assert f"overlays: acme {layered.name}/acme.yaml:{note + 1}" in changing.Told(plan).told("en")


async def _planned(folder: Path, url: str) -> Any:
    database = await open_database(url)
    try:
        return (await planned(source_of(find_project(folder)), database)).plan
    finally:
        await database.close()


async def test_rights_of_what_comes_and_goes(shop: Shop) -> None:
    shop.pack["roles"] = {"clerk": {"title": "Clerk"}}
    await filled(shop)
    shop.entities["box"] = {"title": "Box", "fields": {"name": {"type": "text"}}, "access": {"clerk": {"read": True}}}
    async with shop.database() as database:
        lines = (await shop.plan(database)).plan.lines
        assert [(r.may, r.before, r.after) for one in lines for r in one.rights] == [("read", "", "all")]
    await shop.apply()
    del shop.entities["box"]
    async with shop.database() as database:
        lines = (await shop.plan(database)).plan.lines
        assert [(r.may, r.before, r.after) for one in lines for r in one.rights] == [("read", "all", "")]
        assert len(await listed_of(shop)) == 2


async def listed_of(shop: Shop) -> list[dict[str, Any]]:
    async with shop.served() as (_, door):
        return await listed(door)


@pytest.mark.parametrize(
    "name",
    ["/etc/hostname", "../../../../../../etc/hostname", "etc/hostname", "pyproject.toml", "shop/module.yaml"],
)
async def test_a_scenario_reads_no_file_outside(shop: Shop, name: str) -> None:
    shop.fields()["scan"] = {"type": "files"}
    step = {"create": "item", "with": {"code": "x", "scan": [name]}}
    shop.pack["tests"] = {"spy": {"title": "Spy", "steps": {"one": step}}}
    await filled(shop)
    shop.pack["title"] = "Store"
    async with shop.database() as database:
        (line,) = [one for one in (await shop.plan(database)).plan.lines if one.kind == "scenario"]
    assert "not played" in line.says.en


async def test_a_scenario_finds_what_lies_beside_it(shop: Shop) -> None:
    """In the pack that was read from there, by its own place in it; another file by that name is another outcome."""
    shop.fields()["scan"] = {"type": "files", "accept": ["picture"]}
    step = {"create": "item", "with": {"code": "x", "scan": ["files/x.png"]}}
    shop.write()
    (shop.folder / "tests" / "files").mkdir(parents=True)
    spy = {"tests": {"spy": {"title": "Spy", "steps": {"one": step}}}}
    (shop.folder / "tests" / "spy.yaml").write_text(json.dumps(spy))
    picture = shop.folder / "tests" / "files" / "x.png"
    Image.new("RGB", (2, 2)).save(picture)
    await filled(shop)
    shop.pack["title"] = "Store"
    shop.write()

    async def scenarios() -> list[tuple[str, int]]:
        async with shop.database() as database:
            lines = (await shop.plan(database)).plan.lines
            return [(one.says.en, one.against) for one in lines if one.kind == "scenario"]

    assert await scenarios() == []
    picture.write_text("no picture")
    ((said, against),) = await scenarios()
    assert against == 1, said
    picture.unlink()
    ((said, against),) = await scenarios()
    assert (against, "not played" in said) == (0, True)


def test_where_a_scenario_looks_for_a_file(tmp_path: Path) -> None:
    inner = tmp_path / "crm" / "packs" / "crm"
    (inner / "tests" / "files").mkdir(parents=True)
    (inner / "tests" / "files" / "a.txt").write_text("a")
    (tmp_path / "secret.txt").write_text("s")
    (inner / "tests" / "link.txt").symlink_to(tmp_path / "secret.txt")
    scenario = str(inner / "tests" / "s.yaml")
    assert at_hand("files/a.txt", scenario, [inner]) == inner / "tests" / "files" / "a.txt"
    assert at_hand("files/a.txt", "crm/tests/s.yaml", [inner]) == inner / "tests" / "files" / "a.txt"
    assert at_hand("tests/files/a.txt", scenario, [inner]) == inner / "tests" / "files" / "a.txt"
    for name in ("link.txt", "../../secret.txt", "../../../../secret.txt", str(tmp_path / "secret.txt")):
        assert at_hand(name, scenario, [inner]) is None
    assert at_hand("files/a.txt", "crm/tests/../../s.yaml", [inner]) is None
    assert at_hand("基坑降水3.5米" * 40, scenario, [inner]) is None  # longer than a file's name may be
    assert at_hand("a\0b.txt", scenario, [inner]) is None


async def test_a_long_text_with_a_dot_in_it_is_no_file(shop: Shop) -> None:
    step = {"create": "item", "with": {"code": "x", "note": "基坑降水3.5米" * 20}}
    shop.pack["tests"] = {"long": {"title": "Long", "steps": {"one": step}}}
    await filled(shop)
    shop.pack["title"] = "Store"
    async with shop.database() as database:
        assert [one for one in (await shop.plan(database)).plan.lines if one.kind == "scenario"] == []
