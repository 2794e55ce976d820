"""Whoever sees the records of a few places gets the same lists as if one index over all of them were walked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.serve.query import reading
from tests.serve.stage import Stage

QUESTIONS = (
    "/sheet?limit=3",
    "/sheet?sort=-sheet_date&limit=4",
    "/sheet?sort=contact&limit=3",
    "/sheet?sort=-contact,sheet_date&limit=3",
    "/sheet?sort=-project,liability&limit=5&count=exact",
    "/sheet?sort=sheet_date&state=draft&limit=2&count=estimated",
    "/sheet?sort=-display&where=sheet_date > '2026-03-02'&limit=3",
    "/sheet?q=138&limit=3",
    "/entry?limit=3",
)


@pytest.fixture
async def places(stage: Stage) -> list[str]:
    """Four projects, three of them li's; sheets of all of them, some without a contact."""
    member = [{"user": stage.ids["li"], "role": "manager"}]
    made = [stage.ids["A"]]
    for n, members in enumerate((member, member, [])):
        made.append(await stage.make("project", code=f"P{n}", name=f"丙{n}", members=members))
    boss = await stage.door("boss")
    for n in range(28):
        contact = {"contact": f"1380000{n // 2:04}"} if n % 3 else {}
        body = stage.sheet(project=made[n % 4], sheet_date=f"2026-03-0{1 + n % 5}", **contact)
        body["lines"] = [{"worker": stage.ids["赵"], "hours": "0.5"}]
        answer = await boss.post("/sheet", json=body)
        assert answer.status_code == 201, answer.text
    return made


async def walked(door: httpx.AsyncClient, question: str) -> list[Any]:
    """Every page there is, and every page back from the last one."""
    out, cursor, way, turned = list[Any](), "", "next", False
    for _ in range(40):
        answer = await door.get(f"{question}&cursor={cursor}" if cursor else question)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        out.append([[one["id"] for one in page["items"]], page.get("total"), page["next"] is None])
        if page[way] is None:
            if turned:
                return out
            way, turned = "prev", True
        if page[way] is None:
            return out
        cursor = page[way]
    raise AssertionError("the pages do not end")


async def test_the_same_pages_come_forwards_and_backwards(
    stage: Stage, places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    li, asked = await stage.door("li"), list[int]()
    records = stage.tenant.asker.records

    def heard(app: Any, question: Any) -> Any:
        asked.append(question.places)
        return records(app, question)

    monkeypatch.setattr(stage.tenant.asker, "records", heard)
    for question in QUESTIONS:
        asked.clear()
        found = await walked(li, question)
        assert set(asked) == {4}, question  # three places, four runs
        with monkeypatch.context() as patched:
            patched.setattr(reading, "RUNS", ())
            asked.clear()
            assert await walked(li, question) == found, question
            assert set(asked) == {0}
        if question.startswith("/sheet?limit"):
            ids = {one for page in found for one in page[0]}
            mine = {row["id"] for row in (await (await stage.door("boss")).get("/sheet?limit=100")).json()["items"]
                    if row["project"]["id"] in places[:3]}  # fmt: skip
            assert ids == mine


async def test_who_asks_one_place_sees_all_or_has_other_rules_is_not_walked(
    stage: Stage, places: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[int]()
    records = stage.tenant.asker.records

    def heard(app: Any, question: Any) -> Any:
        asked.append(question.places)
        return records(app, question)

    monkeypatch.setattr(stage.tenant.asker, "records", heard)
    for name, question in (
        ("li", f"/sheet?project={places[1]}"),
        ("boss", "/sheet?limit=5"),
        ("zhao", "/sheet?limit=5"),
        ("wang", "/sheet?limit=5"),
    ):
        assert (await (await stage.door(name)).get(question)).status_code == 200
    assert asked == [0] * 4
    await stage.make("post", user=stage.ids["li"], role="head")
    stage.tenant.forget_people()
    answer = await (await stage.door("li")).get("/sheet?limit=100")
    assert (len(answer.json()["items"]), asked[-1]) == (28, 0)
