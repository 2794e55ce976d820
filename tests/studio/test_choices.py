"""Choices whose names are exchanged, handed on, or given anew: what records hold keeps its meaning."""

from __future__ import annotations

from typing import Any

import pytest

from engine.fieldtypes.spec import Option
from engine.label import Label
from engine.problem import Problems
from engine.studio.follow.recoding import followed
from tests.studio.shop import Shop, post

CHAIN: dict[str, Any] = {"q": {"title": "P", "was": ["p"]}, "r": {"title": "Q", "was": ["q"]}}
SWAP: dict[str, Any] = {"q": {"title": "P", "was": ["p"]}, "p": {"title": "Q", "was": ["q"]}}
PLAIN: dict[str, Any] = {"p": "P", "q": "Q"}


async def held(shop: Shop) -> dict[str, tuple[str | None, list[str]]]:
    return {one["code"]: (one["one"], one["some"] or []) for one in await shop.items()}


async def chosen(shop: Shop, **more: Any) -> None:
    """Each choice is held, alone and with others."""
    options(shop, PLAIN, **more)
    async with shop.served() as (_, door):
        await post(door, "item", code="x", one="p", some=["p"])
        await post(door, "item", code="y", one="q", some=["p", "q"])
        await post(door, "item", code="z", some=[])


def options(shop: Shop, now: dict[str, Any], **more: Any) -> None:
    shop.fields()["one"] = {"type": "choice", "options": now, **more}
    shop.fields()["some"] = {"type": "choices", "options": now, **more}


BEFORE = {"x": ("p", ["p"]), "y": ("q", ["p", "q"]), "z": (None, [])}
HANDED = {"x": ("q", ["q"]), "y": ("r", ["q", "r"]), "z": (None, [])}
EXCHANGED = {"x": ("q", ["q"]), "y": ("p", ["q", "p"]), "z": (None, [])}


@pytest.mark.parametrize("anew", [False, True])
@pytest.mark.parametrize(("now", "after"), [(CHAIN, HANDED), (SWAP, EXCHANGED)])
async def test_names_that_are_handed_on_or_exchanged(
    shop: Shop, now: dict[str, Any], after: dict[str, Any], anew: bool
) -> None:
    """Also where the table is made ``anew`` in the same change; said again it is no news; and back."""
    await chosen(shop)
    options(shop, now)
    if anew:
        shop.fields()["price"]["scale"] = 6
    async with shop.database() as database:
        lines = (await shop.plan(database)).plan.lines
        assert {one.path: one.rows for one in lines if one.kind == "recoded"} == {
            "shop.item.one": 2,
            "shop.item.some": 2,
        }
        assert {one.reversible for one in lines if one.kind == "recoded"} == {True}
    await shop.apply()
    assert await held(shop) == after
    await shop.settled()
    options(shop, {**now, "n": "N"})
    await shop.apply()
    assert await held(shop) == after
    await shop.revert(1)
    assert await held(shop) == BEFORE


async def test_names_that_are_exchanged_twice(shop: Shop) -> None:
    """The way back goes by what the revisions have done."""
    await chosen(shop)
    options(shop, SWAP)
    await shop.apply()
    options(shop, {"q": {"title": "Q", "was": ["p", "q"]}, "p": {"title": "P", "was": ["q", "p"]}})
    await shop.apply()
    assert (await held(shop))["x"] == ("p", ["p"])
    await shop.revert(1)
    assert (await held(shop))["x"] == ("p", ["p"])
    await shop.revert(2)
    assert (await held(shop))["x"] == ("q", ["q"])


async def test_names_of_unique_choices_are_exchanged(shop: Shop) -> None:
    shop.fields()["one"] = {"type": "choice", "options": PLAIN}
    shop.entities["item"]["unique"] = {"one": ["one"]}
    async with shop.served() as (_, door):
        await post(door, "item", code="x", one="p")
        await post(door, "item", code="y", one="q")
    shop.fields()["one"]["options"] = SWAP
    await shop.apply()
    assert {one["code"]: one["one"] for one in await shop.items()} == {"x": "q", "y": "p"}


async def test_a_choice_that_said_long_ago_that_it_was_another_does_not_take_its_successor(shop: Shop) -> None:
    await chosen(shop)
    options(shop, {"r": {"title": "P", "was": ["p"]}, "q": "Q"})
    await shop.apply()
    options(shop, {"r": {"title": "P", "was": ["p"]}, "q": "Q", "p": "Another"})
    await shop.apply()
    async with shop.served() as (_, door):
        await post(door, "item", code="n", one="p", some=["p"])
    options(shop, {"r": {"title": "P", "was": ["p"]}, "q": "Q"})
    assert [told for told in await shop.told() if told[2]] == [
        ("choices", "shop.item.one", 1),
        ("choices", "shop.item.some", 1),
    ]
    with pytest.raises(Problems, match=r"plan\.refused"):
        await shop.apply()


async def resting(shop: Shop, now: dict[str, Any]) -> None:
    """Choices that become others while their feature is off, and is on again."""
    shop.pack["features"] = {"f": {"title": "F"}}
    await chosen(shop, feature="f")
    await shop.switch("shop.f", False)
    options(shop, now, feature="f")
    await shop.apply()


async def test_a_choice_that_is_called_otherwise_while_its_field_is_off(shop: Shop) -> None:
    await resting(shop, {"r": {"title": "P", "was": ["p"]}, "q": "Q"})
    await shop.switch("shop.f", True)
    now = {"x": ("r", ["r"]), "y": ("q", ["r", "q"]), "z": (None, [])}
    assert await held(shop) == now
    await shop.settled()
    await shop.switch("shop.f", False)
    await shop.switch("shop.f", True)
    assert await held(shop) == now
    await shop.switch("shop.f", False)
    await shop.revert(1)
    assert await held(shop) == BEFORE


@pytest.mark.parametrize(
    "now", [CHAIN, {"r": {"title": "R", "was": ["p"]}, "s": {"title": "S", "was": ["p"]}, "q": "Q"}, {"q": "Q"}]
)
async def test_a_field_that_comes_back_is_not_guessed_at(shop: Shop, now: dict[str, Any]) -> None:
    """Names that were handed on, one that became several, or went."""
    await resting(shop, now)
    with pytest.raises(Problems, match=r"plan\.refused"):
        await shop.switch("shop.f", True)


def _options(said: dict[str, list[str]]) -> list[Option]:
    return [Option(name, Label(name, name), tuple(was)) for name, was in said.items()]


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ({"p": [], "q": []}, {"q": ["p"], "r": ["q"]}, {"p": ["q"], "q": ["r"]}),
        ({"q": ["p"], "r": ["q"]}, {"p": [], "q": []}, {"q": ["p"], "r": ["q"]}),
        ({"q": ["p"], "r": ["q"], "s": ["r"]}, {"p": [], "q": [], "r": []}, {"q": ["p"], "r": ["q"], "s": ["r"]}),
        ({"p": [], "q": []}, {"q": ["p"], "p": ["q"]}, {"p": ["q"], "q": ["p"]}),
        ({"q": ["p"], "p": ["q"]}, {"q": ["p"], "p": ["q"]}, {}),
        ({"q": ["p"], "p": ["q"]}, {"p": [], "q": []}, {"q": ["p"], "p": ["q"]}),
        ({"p": [], "q": [], "r": []}, {"q": ["r"], "r": ["p"], "p": ["q"]}, {"p": ["r"], "q": ["p"], "r": ["q"]}),
        ({"a": [], "b": []}, {"b": ["a"]}, {"a": ["b"]}),  # two become one
        ({"a": [], "b": []}, {"c": ["a", "b"]}, {"a": ["c"], "b": ["c"]}),
        ({"p": [], "q": [], "x": []}, {"q": ["p", "x"], "r": ["q"]}, {"p": ["q"], "q": ["r"], "x": ["q"]}),
        ({"a": [], "b": []}, {"z": ["a"], "a": [], "b": []}, {"a": ["z"]}),  # a name is given anew
        ({"a": [], "b": []}, {"a": [], "b": ["a"]}, {}),  # what stays is itself
        ({"a": []}, {"x": ["a"], "y": ["a"], "a": []}, {}),
        ({"x": ["a"], "y": ["a"], "a": []}, {"x": ["a"], "y": ["a"]}, {"a": ["x", "y"]}),
        ({"r": ["p"], "p": []}, {"r": ["p"]}, {"p": []}),  # that has been followed
        ({"a": [], "b": []}, {"x": ["a"], "y": ["a"], "a": ["b"]}, {"a": ["x", "y"], "b": ["a"]}),
        ({"a": [], "b": []}, {"b": []}, {"a": []}),
        ({"p": [], "q": [], "r": ["q"]}, {"q": ["p"], "p": ["q"]}, {"p": ["q"], "q": ["p"], "r": []}),
    ],
)
def test_what_becomes_of_choices(
    before: dict[str, list[str]], now: dict[str, list[str]], found: dict[str, list[str]]
) -> None:
    assert followed(_options(before), _options(now)) == found
