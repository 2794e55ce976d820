"""Who gets other things to do: steps and moves of workflows, and appointments that are made otherwise."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from engine.plan.change import Line
from engine.studio.change.planning import planned
from engine.studio.change.telling import Told
from engine.studio.source.build import source_of
from engine.studio.source.project import find_project
from tests.studio.shop import Shop, post
from tests.studio.test_planned import PEOPLE, write

FLOW: dict[str, Any] = {
    "of": "sale",
    "states": {"draft": {"initial": True, "editable": True}, "asked": {}, "done": {"effective": True}},
    "transitions": {"ask": {"from": "draft", "to": "asked", "approval": True}},
    "steps": {"office": {"assign": "clerk", "cc": "boss"}, "head": {"assign": "boss(item)", "when": "item.price > 1"}},
    "approved": {"to": "done"},
    "rejected": {"to": "draft"},
}


def dressed(shop: Shop) -> None:
    shop.pack["roles"] = {"clerk": {"title": {"zh": "文员", "en": "Clerk"}}, "boss": {"title": "Boss"}}
    way = {"of": "post", "user": "user", "role": "role", "at": "place", "gives": "items"}
    shop.pack["people"] = {"users": "user", "assignments": {"post": way}}
    shop.entities.update(deepcopy(PEOPLE))
    shop.fields("post").update(place={"type": "ref", "to": "item"}, until={"type": "date"})
    shop.fields("sale")["keeper"] = {"type": "ref", "to": "user"}
    shop.pack["workflows"] = {"flow": deepcopy(FLOW)}


async def staffed(shop: Shop) -> None:
    """Two clerks, one of them until 2020, and a boss."""
    dressed(shop)
    async with shop.served() as (_, door):
        for name, role, until in (("an", "clerk", None), ("bo", "clerk", "2020-01-01"), ("di", "boss", None)):
            user = await post(door, "user", name=name)
            await post(door, "post", user=user["id"], role=role, until=until)


async def rights(shop: Shop) -> list[Line]:
    async with shop.database() as database:
        return [line for line in (await shop.plan(database)).plan.lines if line.kind == "rights"]


def told(lines: list[Line]) -> dict[str, Any]:
    return {
        line.says.en: (line.people, [(r.path.rpartition(".")[2], r.may, r.before, r.after) for r in line.rights])
        for line in lines
    }


async def test_who_gets_steps_and_moves_is_told_role_by_role(shop: Shop) -> None:
    await staffed(shop)
    flow = shop.pack["workflows"]["flow"]
    flow["transitions"]["ask"]["by"] = "clerk"
    late = {"after": "24h", "do": "escalate", "to": "boss"}
    flow["steps"]["office"] = {"assign": ["boss", "keeper"], "timeout": late}
    flow["steps"]["head"] = {"assign": "boss(item)", "when": "item.price > 2"}
    lines = await rights(shop)
    assert told(lines) == {
        "Everyone (everyone)": (3, [("ask", "move", "all", "")]),
        "Clerk (clerk)": (2, [("ask", "move", "", "all"), ("office", "approve", "all", "")]),
        "Boss (boss)": (
            1,
            [
                ("office", "approve", "", "all"),
                ("office", "told", "all", ""),
                ("office", "late", "", "all"),
                ("head", "approve", "item WHERE item.price > 1", "item WHERE item.price > 2"),
            ],
        ),
        "whoever keeper names": (None, [("office", "approve", "", "all")]),
    }
    assert {(line.path, line.section, line.risk) for line in lines} == {("shop.flow", "workflows", "safe")}
    assert all(line.where.startswith("shop/module.yaml:") for line in lines)
    async with shop.database() as database:
        plan = Told((await shop.plan(database)).plan)
    assert (
        "rights    shop.flow — Clerk (clerk) (safe; 2 people)\n    make the move ask: none → all\n"
        "    approve office: all → none" in plan.told("en")
    )
    assert "文员（clerk） (安全；2 人)\n    流转 ask: 无 → 全部\n    审批 office: 全部 → 无" in plan.told("zh")
    await shop.apply()
    await shop.settled()


async def test_names_and_words_that_are_others_give_nobody_other_things_to_do(shop: Shop) -> None:
    await staffed(shop)
    shop.fields("sale")["thing"] = {**shop.fields("sale").pop("item"), "was": "item"}
    head = shop.pack["workflows"]["flow"]["steps"]["head"]
    head |= {"title": "Head", "assign": "boss(thing)", "when": "thing.price>1"}
    roles, options = shop.pack["roles"], shop.fields("post")["role"]["options"]
    roles["agent"] = roles.pop("clerk")
    options["agent"] = {"title": "Agent", "was": ["clerk"]}
    del options["clerk"]
    shop.pack["workflows"]["flow"]["steps"]["office"]["assign"] = "agent"
    assert await rights(shop) == []


async def test_another_way_of_appointing_says_how_many_gain_and_lose_a_role(shop: Shop) -> None:
    await staffed(shop)
    way = shop.pack["people"]["assignments"]["post"]
    way["to"] = "until"
    (line,) = await rights(shop)
    assert (line.path, line.section, line.people) == ("people", "people", 1)
    assert (line.says.en, line.says.zh) == ("Clerk (clerk): 0 gain it, 1 lose it", "文员（clerk）：0 人获得，1 人失去")
    assert line.where.startswith("shop/module.yaml:")
    shop.fields("post")["since"] = {"type": "date"}
    way["from"] = "since"
    assert await rights(shop) == []  # what it speaks of is not there yet
    await shop.apply()
    del way["to"], way["from"]
    assert told(await rights(shop)) == {"Clerk (clerk): 1 gain it, 0 lose it": (2, [])}


async def test_the_overlay_that_gives_a_step_to_somebody_is_named(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "acme" / "shop", f"sqlite://{tmp_path}/t.db")
    shop.folder.parent.mkdir()
    project = Shop(shop.folder.parent, shop.url)
    overlay = {
        "overlay": "acme",
        "grammar": 1,
        "title": "Acme",
        "extends": {"shop": "^1.0"},
        "workflows": {"shop.flow": {"steps": {"office": {"assign": {"add": ["boss"]}}}}},
    }
    for name, whole in (
        ("app", {"app": "acme", "title": "Acme", "packs": ["shop"], "overlays": ["acme.yaml"]}),
        ("acme", {**overlay, "workflows": {}}),
    ):
        write(project.folder / f"{name}.yaml", whole)
    dressed(shop)
    shop.write()
    async with project.opened():
        pass
    write(project.folder / "acme.yaml", overlay)
    async with shop.database() as database:
        lines = (await planned(source_of(find_project(project.folder)), database)).plan.lines
    (line,) = [line for line in lines if line.kind == "rights"]
    assert told([line]) == {"Boss (boss)": (0, [("office", "approve", "", "all")])}
    assert [one.layer for one in line.overlays] == ["overlay acme"]
