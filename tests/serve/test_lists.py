"""Lists: back and forth, totals that are estimates and say so, what may be done with each record."""

from __future__ import annotations

import pytest

from engine.ask import records as asked
from engine.serve.query import reading
from tests.serve.stage import Stage, errors


async def test_pages_turn_both_ways(stage: Stage) -> None:
    boss = await stage.door("boss")
    await boss.post("/worker/bulk", json={"items": [{"name": f"w{n:02}"} for n in range(25)]})
    query = {"q": "w", "sort": "-name", "limit": "10", "fields": "name"}
    pages, cursor = [], ""
    for _ in range(3):
        page = (await boss.get("/worker", params={**query, **({"cursor": cursor} if cursor else {})})).json()
        pages.append(page)
        cursor = page["next"]
    assert (pages[0]["prev"], pages[2]["next"]) == (None, None)
    assert [one["name"] for page in pages for one in page["items"]] == [f"w{n:02}" for n in range(24, -1, -1)]
    back = (await boss.get("/worker", params={**query, "cursor": pages[2]["prev"]})).json()
    assert back["items"] == pages[1]["items"]
    first = (await boss.get("/worker", params={**query, "cursor": back["prev"]})).json()
    assert (first["items"], first["prev"]) == (pages[0]["items"], None)
    again = (await boss.get("/worker", params={**query, "cursor": first["next"]})).json()
    assert again["items"] == pages[1]["items"]
    other = await boss.get("/worker", params={**query, "sort": "name", "cursor": back["prev"]})
    assert errors(other) == [("api.cursor", "")]


async def test_a_total_says_what_it_is(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = await stage.door("boss")
    await boss.post("/worker/bulk", json={"items": [{"name": f"w{n:02}"} for n in range(40)]})
    few = (await boss.get("/worker?q=w0&count=estimated&limit=3")).json()
    assert (few["total"], few["total_is"], len(few["items"])) == (10, "exact", 3)
    exact = (await boss.get("/worker?q=w&count=exact&limit=3")).json()
    assert (exact["total"], "total_is" in exact) == (40, False)
    for room in (asked, reading):
        monkeypatch.setattr(room, "COUNTED", 20)
    many = (await boss.get("/worker?name[starts]=w&count=estimated&limit=2&sort=-name")).json()
    if stage.tenant.app.dialect == "postgresql":
        assert many["total_is"] == "estimated"
        assert many["total"] >= 20
    else:
        assert (many["total"], many["total_is"]) == (20, "at_least")
    assert len(many["items"]) == 2


async def test_what_may_be_done_with_each(stage: Stage) -> None:
    """As each record says by itself; with as many statements for twenty as for one."""
    boss, wang = await stage.door("boss"), await stage.door("wang")
    ids = []
    for name, day in (("赵", "2026-03-05"), ("钱", "2026-03-05"), ("孙", "2026-03-04")):
        lines = [{"worker": stage.ids[name], "hours": "8"}]
        ids.append((await wang.post("/sheet", json=stage.sheet(lines=lines, sheet_date=day))).json()["id"])
    for one in ids[:2]:
        assert (await wang.post(f"/sheet/{one}/actions/submit")).status_code == 200
    assert (await boss.post(f"/sheet/{ids[0]}/actions/approve")).status_code == 200
    for name in ("boss", "wang", "li"):
        door = await stage.door(name)
        page = (await door.get("/sheet?actions=true")).json()
        assert len(page["items"]) >= 1, name
        for item in page["items"]:
            alone = (await door.get(f"/sheet/{item['id']}")).json()
            assert item["actions"] == alone["actions"], (name, item["state"])
        brief = (await door.get("/sheet?actions=true&fields=number")).json()
        assert [i["actions"] for i in brief["items"]] == [i["actions"] for i in page["items"]], name
    stage.database.reads.clear()
    await boss.get("/sheet?actions=true")
    assert len(stage.database.reads) == 2
    assert (await boss.get("/worker?actions=true")).json()["items"][0]["actions"] == []
    assert errors(await boss.get("/sheet?actions=maybe")) == [("api.parameter", "")]
