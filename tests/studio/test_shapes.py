"""Fields whose values lie as JSON become another type only where it holds what is there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.studio.shop import Shop, listed, post

OPTIONS = {"p": "P", "q": "Q"}
TYPES: dict[str, dict[str, Any]] = {
    "choices": {"type": "choices", "options": OPTIONS},
    "refs": {"type": "refs", "to": "item"},
    **{name: {"type": name} for name in ("file", "image", "signature", "files", "images", "location", "json")},
}
REFUSED = [
    ("choices", "refs"),
    ("choices", "file"),
    ("choices", "location"),
    ("choices", "signature"),
    ("json", "refs"),
    ("location", "refs"),
    ("location", "choices"),
    ("files", "refs"),
    ("files", "file"),
    ("file", "files"),
    ("refs", "location"),
    ("refs", "choices"),
]


async def other(shop: Shop, old: str, new: str, value: Any) -> list[tuple[str, str, int]]:
    """What the plan says of records that hold the value of one type, nothing, and an empty list."""
    shop.fields()["held"] = TYPES[old]
    async with shop.served() as (_, door):
        none = await post(door, "item", code="none")
        await post(door, "item", code="empty", **({"held": []} if isinstance(value, list) else {}))
        if old in ("file", "files"):
            sent = (await door.post("http://shop/api/v1/system/files?name=a.txt", content=b"a")).json()["id"]
            value = [sent] if old == "files" else sent
        elif old == "refs":
            value = [none["id"]]
        await post(door, "item", code="x", held=value)
    shop.fields()["held"] = TYPES[new]
    return await shop.told()


VALUES: dict[str, Any] = {"choices": ["p"], "refs": [], "file": "", "files": [], "location": {"lat": "1", "lon": "2"}}
VALUES["json"] = {"p": "p"}


@pytest.mark.parametrize(("old", "new"), REFUSED)
async def test_a_value_of_another_shape_stands_in_the_way(shop: Shop, old: str, new: str) -> None:
    assert ("replaced", "shop.item.held", 1) in await other(shop, old, new, VALUES[old])
    shop.fields()["held"] = TYPES[old]
    async with shop.served() as (_, door):
        (row,) = [row for row in await listed(door) if row["code"] == "x"]
        answer = await door.patch(f"/item/{row['id']}", json={"held": None}, headers={"if-match": "*"})
        assert answer.status_code == 200, answer.text
    shop.fields()["held"] = TYPES[new]
    await shop.apply()
    assert {row["code"]: row["held"] or None for row in await shop.items()} == {"none": None, "empty": None, "x": None}
    await shop.settled()


@pytest.mark.parametrize(("old", "new"), [("choices", "json"), ("location", "json"), ("file", "signature")])
async def test_a_value_of_the_same_shape_stays(shop: Shop, old: str, new: str) -> None:
    assert [one for one in await other(shop, old, new, VALUES[old]) if one[2]] == []
    shop.fields()["held"] = TYPES[old]
    had = {row["code"]: row["held"] for row in await shop.items()}
    shop.fields()["held"] = TYPES[new]
    await shop.apply()
    assert {row["code"]: row["held"] for row in await shop.items()} == had


@pytest.mark.parametrize(("value", "count"), [(["p", "q"], 0), (["p", "z"], 1), ({"p": "p"}, 1), ([None], 1), ([1], 1)])
async def test_json_becomes_choices_where_it_lists_some(shop: Shop, value: Any, count: int) -> None:
    told = await other(shop, "json", "choices", value)
    assert [one for one in told if one[2]] == [("choices", "shop.item.held", 1)] * count


@pytest.mark.parametrize("value", ["abc", "", "[1", '"x"', 3, 1.5, True, False, [], [1, "a"], {"a": "b"}, {}])
async def test_whatever_json_is_comes_back_as_it_went_in(shop: Shop, value: object) -> None:
    shop.fields()["data"] = {"type": "json"}
    async with shop.served() as (_, door):
        made = await post(door, "item", code="a", data=value)
        assert (await door.get(f"/item/{made['id']}")).json()["data"] == value
        answer = await door.patch(f"/item/{made['id']}", json={"data": [value]}, headers={"if-match": "*"})
        assert (answer.status_code, answer.json()["data"]) == (200, [value])
