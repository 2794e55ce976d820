"""Features and packs that are off, packs that are absent, versions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.catalog.dump import dump
from engine.problem import Problems
from engine.read import read_texts
from engine.read.pipeline import _laid
from engine.read.versions import version, within

SHOP = """module: shop
grammar: 1
version: 1.0.0
features:
  points: {title: 积分, default: true}
  gifts: {title: 赠品, default: false}
entities:
  buyer:
    fields:
      name: {type: text}
      points: {type: integer, feature: points}
      worth: {type: money, compute: points * 0.01}
      gift: {type: text, feature: gifts}
    checks:
      some: {that: points >= 0, message: 错}
lists:
  buyers: {of: buyer, columns: [name, points, gift, worth]}
menus:
  m: {items: {all: {list: buyers}, gifts: {list: gift_list}}}
"""
GIFTS = """
  gift_list:
    feature: gifts
    fields: {name: {type: text}, buyer: {type: ref, to: buyer}}
"""


def read(toggles: dict[str, bool] | None = None) -> dict[str, Any]:
    text = SHOP.replace("lists:", GIFTS.strip("\n") + "\nlists:")
    return json.loads(dump(read_texts([{"shop.yaml": text}], [], toggles)))


def test_a_feature_that_is_off_takes_its_parts_and_what_needs_them() -> None:
    found = read({"shop.points": False})
    assert list(found["entities"]["shop.buyer"]["fields"]) == ["name"]
    assert found["lists"]["shop.buyers"]["columns"] == ["name"]
    assert sorted(a["path"] for a in found["asleep"] if a["waits_for"] == "shop.points") == [
        "shop.entities.buyer.checks.some",
        "shop.entities.buyer.fields.points",
        "shop.entities.buyer.fields.worth",
    ]


def test_a_feature_is_off_unless_switched_on_when_the_pack_says_so() -> None:
    assert list(read()["entities"]) == ["shop.buyer"]
    assert list(read()["menus"]["shop.m"]["items"]) == ["all"]
    on = read({"shop.gifts": True})
    assert list(on["entities"]) == ["shop.buyer", "shop.gift_list"]
    assert list(on["menus"]["shop.m"]["items"]) == ["all", "gifts"]
    assert "gift" in on["entities"]["shop.buyer"]["fields"]


def test_switching_back_brings_the_same_catalog() -> None:
    assert read({"shop.points": True}) == read()


def test_what_was_read_before_otherwise_switched_changes_nothing() -> None:
    """Texts are shaped once for all their switches."""
    ways: list[dict[str, bool]] = [
        {},
        {"shop.gifts": True},
        {"shop.points": False},
        {"shop.points": False, "shop.gifts": True},
    ]
    alone = []
    for toggles in ways:
        _laid.cache_clear()
        alone.append(read(toggles))
    for order in (ways, list(reversed(ways))):
        for toggles in order:
            assert read(toggles) == alone[ways.index(toggles)]


def test_what_is_wrong_in_a_pack_that_is_off_is_not_said() -> None:
    packs = [{"a.yaml": A.replace("uses: {b: ^1.0}\n", "")}, {"b.yaml": B.replace("type: integer", "type: intger")}]
    assert "b.thing" not in read_texts(packs, [], {"b": False}).entities
    with pytest.raises(Problems, match="intger"):
        read_texts(packs, [], {"b": True})
    assert "b.thing" not in read_texts(packs, [], {"b": False}).entities


A = "module: a\ngrammar: 1\nversion: 1.0.0\nuses: {b: ^1.0}\n"
B = "module: b\ngrammar: 1\nversion: 1.0.0\nentities:\n  thing: {fields: {name: {type: text}, size: {type: integer}}}\n"
PARTS = """entities:
  mine:
    fields:
      name: {type: text}
      thing: {type: ref, to: b.thing}
      size: {type: integer, live: thing.size}
      double: {type: integer, live: size * 2}
    unique: {one: [thing]}
aggregations:
  over: {of: b.thing, by: {name: name}, measures: {n: COUNT(id)}}
  both:
    sources:
      here: {of: mine, by: {name: name}}
      there: {of: b.thing, by: {name: name}}
    measures: {here: COUNT(here.id), there: COUNT(there.id), all: here + there}
dashboards:
  d: {filters: [name], tiles: {x: {figure: over.n}, y: {figure: both.here}, z: {figure: both.all}}}
seeds:
  b.thing: {a: {name: x}}
  mine: {m: {name: y, thing: a}}
"""


def test_what_names_an_absent_pack_sleeps_with_all_that_needs_it() -> None:
    found = json.loads(dump(read_texts([{"a.yaml": A + PARTS}])))
    assert list(found["entities"]["a.mine"]["fields"]) == ["name"]
    assert list(found["aggregations"]) == ["a.both"]
    assert list(found["aggregations"]["a.both"]["measures"]) == ["here"]
    assert list(found["dashboards"]["a.d"]["tiles"]) == ["y"]
    assert [row["entity"] for row in found["seeds"]] == ["a.mine"]
    assert {a["waits_for"] for a in found["asleep"]} == {"b"}


def test_with_the_pack_there_nothing_sleeps() -> None:
    found = json.loads(dump(read_texts([{"a.yaml": A + PARTS}, {"b.yaml": B}])))
    assert found["asleep"] == []
    assert list(found["dashboards"]["a.d"]["tiles"]) == ["x", "y", "z"]


def test_a_mistake_is_a_mistake_with_or_without_the_pack() -> None:
    wrong = A + PARTS.replace("live: thing.size", "live: thing.siz")
    with pytest.raises(Problems, match=r"expr\.unknown-name"):
        read_texts([{"a.yaml": wrong}, {"b.yaml": B}])


@pytest.mark.parametrize(
    ("wanted", "found", "holds"),
    [
        ("^1.2", "1.2.0", True), ("^1.2", "1.9.9", True), ("^1.2", "2.0.0", False), ("^1.2", "1.1.9", False),
        ("^0.3", "0.3.9", True), ("^0.3", "0.4.0", False), ("~1.2", "1.2.9", True), ("~1.2", "1.3.0", False),
        (">=1.0 <2.0", "1.5.0", True), (">=1.0 <2.0", "2.0.0", False), ("1.2.3", "1.2.3", True), ("1.2", "1.2.7", True),
        ("*", "0.0.1", True), ("newest", "1.0.0", None), ("", "1.0.0", None), ("^1.x", "1.0.0", None),
    ],
)  # fmt: skip
def test_ranges(wanted: str, found: str, holds: bool | None) -> None:
    number = version(found)
    assert number is not None
    assert within(wanted, number) is holds


def test_a_feature_is_off_when_one_it_requires_is_off() -> None:
    text = SHOP.replace("{title: 赠品, default: false}", "{title: 赠品, requires: points}").replace(
        ", gifts: {list: gift_list}", ""
    )
    catalog = read_texts([{"shop.yaml": text}], [], {"shop.points": False})
    assert list(catalog.entities["shop.buyer"].fields) == ["name"]
    assert "gift" in read_texts([{"shop.yaml": text}]).entities["shop.buyer"].fields
