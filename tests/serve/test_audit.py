"""The audit: what is noted, that it is whole, and how it breaks when somebody touches it."""

from __future__ import annotations

import json

from engine.db import Body, Call
from engine.serve.people import audit
from engine.work import sealer
from tests.serve.stage import Stage

AUDIT = "http://works/api/v1/system/audit"


async def noted(stage: Stage) -> list[tuple[str, str | None]]:
    """(act, who) in order."""
    await audit.flush(stage.tenant)
    names = {ident: name for name, ident in stage.ids.items()}
    found = sorted(await stage.rows("_audit", "id", "act", "by"), key=lambda row: str(row[0]))
    return [(act, names.get(str(by)) if by else None) for _, act, by in found if by or act not in ("create",)]


async def run(stage: Stage, sql: str) -> None:
    def body() -> Body[None]:
        yield Call(sql)

    await stage.database.write(body)


async def test_what_is_seen_changed_and_taken_away_is_noted(stage: Stage) -> None:
    wang, boss = await stage.door("wang"), await stage.door("boss")
    sheet = (await wang.post("/sheet", json=stage.sheet())).json()
    await wang.get(f"/sheet/{sheet['id']}")
    await wang.get("/sheet")
    await wang.get("/sheet/export?format=csv")
    await wang.get(f"/sheet/{sheet['id']}/history")
    refused = await wang.get(AUDIT)
    assert refused.status_code == 403
    hook = await boss.post("http://works/api/v1/system/webhooks", json={"name": "x", "url": "https://a.example"})
    assert hook.status_code == 201
    got = await noted(stage)
    assert got[:2] == [("create", "wang"), ("read", "wang")]
    assert ("read-history", "wang") in got
    assert got[-1] == ("webhooks.make", "boss")
    found = (await boss.get(f"{AUDIT}?record={sheet['id']}&act=read")).json()["items"]
    assert [(one["by"], one["entity"]) for one in found] == [(stage.ids["wang"], "works.sheet")]
    assert (await boss.get(f"{AUDIT}?who=x")).status_code == 400


async def test_a_change_and_its_row_are_kept_together_or_not_at_all(stage: Stage) -> None:
    wang = await stage.door("wang")
    before = len(await stage.rows("_audit", "id"))
    refused = await wang.post("/sheet", json=stage.sheet(lines=[{"worker": stage.ids["赵"], "hours": "99"}]))
    assert refused.status_code == 422
    assert len(await stage.rows("_audit", "id")) == before


async def test_the_chain_holds_and_says_where_it_does_not(stage: Stage) -> None:
    wang = await stage.door("wang")
    lines = [{"worker": stage.ids["赵"], "hours": "1"}]
    for _ in range(3):
        await wang.post("/sheet", json=stage.sheet(lines=lines))
    total = len(await stage.rows("_audit", "id"))
    assert await sealer.seal(stage.database) == total
    assert await sealer.verify(stage.database) == (total, [])
    kept = await sealer.newest(stage.database)
    await wang.post("/sheet", json=stage.sheet(lines=lines))
    assert await sealer.seal(stage.database) == 1
    assert await sealer.verify(stage.database, kept) == (total + 1, [])

    await run(stage, "UPDATE _audit SET act = 'read' WHERE n = 3")
    _, broken = await sealer.verify(stage.database, kept)
    assert [(one.n, one.what) for one in broken] == [(3, "changed")]
    await run(stage, "DELETE FROM _audit WHERE n = 5")
    _, broken = await sealer.verify(stage.database, kept)
    assert [(one.n, one.what) for one in broken] == [(3, "changed"), (5, "missing")]
    await run(stage, f"DELETE FROM _audit WHERE n >= {total}")
    _, broken = await sealer.verify(stage.database, kept)
    assert (total, "cut") in [(one.n, one.what) for one in broken]
    assert (kept[0], "changed") in [(one.n, one.what) for one in broken]


async def test_whoever_seals_anew_is_found_by_a_seal_kept_elsewhere(stage: Stage) -> None:
    await sealer.seal(stage.database)
    kept = await sealer.newest(stage.database)
    await run(stage, "UPDATE _audit SET act = 'nothing' WHERE n = 2")
    await run(stage, "UPDATE _audit SET n = NULL, hash = NULL")
    await run(stage, "UPDATE _lease SET n = 0, holder = '' WHERE name = 'audit'")
    await sealer.seal(stage.database)
    assert (await sealer.verify(stage.database))[1] == []
    assert (await sealer.verify(stage.database, kept))[1] != []


async def test_a_file_of_it_can_be_verified_where_it_is_kept(stage: Stage) -> None:
    await sealer.seal(stage.database)
    boss = await stage.door("boss")
    answer = await boss.get(f"{AUDIT}/export?format=ndjson")
    assert answer.status_code == 200
    before = ""
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert rows
    for row in rows:
        told = tuple(row[name] for name in sealer.COLUMNS)
        before_, before = before, row["hash"]
        assert sealer.seal_of(before_, told) == row["hash"]
    text = (await boss.get(f"{AUDIT}/export?format=csv")).text
    assert len(text.splitlines()) == len(rows) + 1


async def test_a_wrong_filter_is_refused_before_the_file_begins(stage: Stage) -> None:
    boss = await stage.door("boss")
    for query in ("record=x", "from=yesterday", "by=1"):
        answer = await boss.get(f"http://works/api/v1/system/audit/export?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "api.parameter"), query
