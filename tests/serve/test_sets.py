"""Sets of references: written with their record whatever the way in, followed by expressions, kept by their targets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serve.stage import Stage, errors


@pytest.fixture
async def trades(stage: Stage) -> dict[str, str]:
    return {name: await stage.make("work_type", name=name) for name in ("木工", "钢筋工", "电工")}


async def links(stage: Stage) -> list[tuple[Any, ...]]:
    return sorted(await stage.rows("works__worker__skills", "owner", "target", "position"))


async def test_a_set_is_written_read_and_changed(stage: Stage, trades: dict[str, str]) -> None:
    boss = await stage.door("boss")
    mason, wood, steel = stage.ids["mason"], trades["木工"], trades["钢筋工"]
    made = await boss.post("/worker", json={"name": "周", "skills": [wood, mason]})
    assert made.status_code == 201, made.text
    record = made.json()
    assert record["skills"] == [{"id": wood, "display": "木工"}, {"id": mason, "display": "瓦工"}]
    assert (record["skilled"], record["mason"]) == (2, True)
    place, tag = f"/worker/{record['id']}", {"if-match": made.headers["etag"]}
    changed = await boss.patch(place, json={"skills": [{"id": steel}, wood, wood]}, headers=tag)
    assert [s["display"] for s in changed.json()["skills"]] == ["钢筋工", "木工"]
    assert (changed.json()["skilled"], changed.json()["mason"]) == (2, False)
    assert {target for _, target, _ in await links(stage)} == {wood, steel}
    left = await boss.patch(place, json={"name": "周二"}, headers={"if-match": changed.headers["etag"]})
    assert len(left.json()["skills"]) == 2
    emptied = await boss.patch(place, json={"skills": []}, headers={"if-match": left.headers["etag"]})
    assert (emptied.json()["skills"], emptied.json()["skilled"]) == ([], 0)
    assert await links(stage) == []
    told = (await boss.get(f"{place}/history")).json()["items"]
    called = [
        [[s["display"] for s in side or ()] for side in c["change"]["skills"]] for c in told if "skills" in c["change"]
    ]
    assert called == [[["钢筋工", "木工"], []], [["木工", "瓦工"], ["钢筋工", "木工"]], [[], ["木工", "瓦工"]]]


async def test_a_set_is_asked(stage: Stage, trades: dict[str, str]) -> None:
    boss = await stage.door("boss")
    wood, steel = trades["木工"], trades["钢筋工"]
    for name, skills in (("甲", [wood]), ("乙", [wood, steel]), ("丙", None)):
        await boss.post("/worker", json={"name": name, "skills": skills})

    async def names(query: str) -> set[str]:
        answer = await boss.get(f"/worker?{query}&fields=name")
        assert answer.status_code == 200, answer.text
        return {item["name"] for item in answer.json()["items"]} & {"甲", "乙", "丙"}

    assert await names(f"skills[contains]={wood}") == {"甲", "乙"}
    assert await names(f"skills[in]={steel},{trades['电工']}") == {"乙"}
    assert await names("skills[null]=true") == {"丙"}
    assert await names("skills[null]=false") == {"甲", "乙"}
    assert await names("where=COUNT(skills) = 2") == {"乙"}
    assert await names("where=EXISTS(skills WHERE name = '木工')") == {"甲", "乙"}
    assert await names("where=skilled = 1") == {"甲"}
    figures = await boss.get("/worker/aggregate?by=skilled&measures=n:COUNT(worker)&sort=skilled")
    assert figures.status_code == 200, figures.text


async def test_a_set_refers_to_what_is_there(stage: Stage, trades: dict[str, str]) -> None:
    boss = await stage.door("boss")
    nowhere = "00000000-0000-7000-8000-00000000abcd"
    wrong = await boss.post("/worker", json={"name": "吴", "skills": [trades["木工"], nowhere]})
    assert (wrong.status_code, errors(wrong)) == (422, [("api.no-reference", "/skills/1")])
    for bad in ("x", ["x"], [1], {"id": trades["木工"]}):
        assert (await boss.post("/worker", json={"name": "吴", "skills": bad})).status_code == 422
    kept = await boss.post("/worker", json={"name": "郑", "skills": [trades["木工"]]})
    gone = await boss.delete(f"/work_type/{trades['木工']}", headers={"if-match": "*"})
    assert (gone.status_code, errors(gone)) == (409, [("api.referenced", "")])
    await boss.delete(f"/worker/{kept.json()['id']}", headers={"if-match": "*"})
    assert (await boss.delete(f"/work_type/{trades['木工']}", headers={"if-match": "*"})).status_code == 204
    late = await boss.post("/worker", json={"name": "王", "skills": [trades["木工"]]})
    assert errors(late) == [("api.no-reference", "/skills/0")]


async def test_a_check_counts_a_set(stage: Stage, trades: dict[str, str]) -> None:
    boss = await stage.door("boss")
    full = await boss.post("/worker", json={"name": "冯", "skills": list(trades.values())})
    assert (full.status_code, errors(full)) == (422, [("not_all", "")])
    fine = await boss.post("/worker", json={"name": "冯", "skills": [*list(trades.values())[:2], stage.ids["mason"]]})
    assert fine.status_code == 201
    items = [{"name": "一", "skills": [trades["电工"]]}, {"name": "二", "skills": list(trades.values())}]
    refused = await boss.post("/worker/bulk", json={"items": items})
    assert errors(refused) == [("not_all", "/items/1")]
    assert not any(target == trades["电工"] for _, target, _ in await links(stage) if _ != fine.json()["id"])
