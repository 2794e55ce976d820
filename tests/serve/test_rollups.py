"""Kept sums: exact whatever was done by whatever door, served where they hold the slice, verified and mended."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from engine.db import Body, Call, rollups
from engine.tenants import identity
from tests.serve.stage import Stage

QUESTIONS = (
    "/figures/work?by=project,state&measures=lines,hours,amount,prices,dear,average&totals=true",
    "/figures/work?by=worker,month&measures=hours,amount&totals=true",
    "/figures/work?by=project&measures=amount&state=effective",
    "/figures/work?by=worker.work_type&measures=hours",
    "/figures/work?by=worker.name,liability&measures=lines&having=lines>1&sort=-lines",
    "/figures/done?by=project,month&measures=hours,amount",
    "/figures/done?measures=hours,amount",
    "/figures/sheets?by=project,state,month&measures=sheets,amount,late",
    "/figures/cost?by=project,subject,month&measures=actual,reserved,used,allowed&totals=true",
    "/figures/cost?by=project.name&measures=used",
    "/sheet/aggregate?by=project,state&measures=n:COUNT(id),amount:SUM(amount)&totals=true",
    "/sheet/aggregate?by=state,project.code&measures=n:COUNT(id)&where=state <> 'void'",
    "/sheet_line/aggregate?by=sheet.state&measures=hours:SUM(hours),a:AVG(amount)",
    "/figures/work?by=project&measures=workers,hours&totals=true",
    "/figures/work?by=month,liability&measures=workers,lines",
    "/figures/work?measures=workers",
    "/sheet_line/aggregate?by=sheet.liability&measures=w:COUNT(DISTINCT worker WHERE sheet.liability <> 'own')",
    "/sheet/aggregate?by=project&measures=first:MIN(state),last:MAX(state),states:COUNT(DISTINCT state),n:COUNT(id)",
    "/sheet/aggregate?by=state&measures=p:COUNT(DISTINCT project)&where=state <> 'void'&totals=true",
)


async def verified(stage: Stage) -> None:
    found = await rollups.verify(stage.tenant.database, stage.tenant.app.logs)
    assert found
    assert not any(found.values()), found


async def same(stage: Stage, name: str, question: str, served: str = "rollup") -> dict[str, Any]:
    """The answer from kept sums is the answer from the records."""
    door = await stage.door(name)
    answer = await door.get(question)
    assert answer.status_code == 200, answer.text
    kept = answer.json()
    ready, stage.tenant.sums = stage.tenant.sums, frozenset()
    told = (await door.get(question)).json()
    stage.tenant.sums = ready
    assert (kept.pop("served"), told.pop("served")) == (served, "grouped"), question
    assert kept == told, question
    return kept


async def sheet(stage: Stage, name: str = "wang", **more: Any) -> str:
    made = await (await stage.door(name)).post("/sheet", json=stage.sheet(**more))
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def act(stage: Stage, name: str, record: str, action: str, **body: Any) -> int:
    door = await stage.door(name)
    return (await door.post(f"/sheet/{record}/actions/{action}", json=body)).status_code


async def lived(stage: Stage) -> str:
    """Some sheets at every stage of their lives; gives one that is effective."""
    other = [{"worker": stage.ids["钱"], "hours": "6"}, {"worker": stage.ids["孙"], "hours": "4.5"}]
    await sheet(stage, lines=other, liability="charge", charge_to="x", sheet_date="2026-03-04")
    await sheet(stage, project=stage.ids["B"], lines=other, sheet_date="2026-03-03")
    waits = await sheet(stage, lines=other, sheet_date="2026-03-03")
    assert await act(stage, "wang", waits, "submit") == 200
    done = await sheet(stage, lines=[{"worker": stage.ids["赵"], "hours": "7"}], sheet_date="2026-03-02")
    assert await act(stage, "wang", done, "submit") == 200
    assert await act(stage, "li", done, "approve") == 200
    return done


async def test_figures_are_those_of_the_records_folded_or_not(stage: Stage) -> None:
    await lived(stage)
    for question in QUESTIONS:
        await same(stage, "boss", question)
    assert await rollups.fold_all(stage.tenant.database, stage.tenant.app.logs) > 0
    for question in QUESTIONS:
        assert (await same(stage, "boss", question))["rows"], question
    await verified(stage)
    await lived(stage)  # some of it folded, some pending
    for question in QUESTIONS:
        await same(stage, "boss", question)
    await verified(stage)


async def test_every_way_a_record_changes_is_in_the_sums(stage: Stage) -> None:
    boss, database, logs = await stage.door("boss"), stage.tenant.database, stage.tenant.app.logs
    done = await lived(stage)
    draft = await sheet(stage, "boss", sheet_date="2026-03-03")
    any_version = {"if-match": "*"}

    async def holds(what: str) -> None:
        found = await rollups.verify(database, logs)
        assert not any(found.values()), (what, found)
        for question in (*QUESTIONS[:8], *QUESTIONS[-6:]):
            await same(stage, "boss", question)

    line = (await boss.get(f"/sheet/{draft}")).json()["lines"][0]["id"]
    steps: dict[str, Any] = {
        "a line's value": {"lines": [{"id": line, "hours": "3"}]},
        "a line moves to another group": {"lines": [{"id": line, "worker": stage.ids["孙"]}]},
        "the document moves its lines": {"project": stage.ids["B"]},
        "over the month": {"sheet_date": "2026-02-27"},
        "a line more": {"lines": [{"worker": stage.ids["钱"], "hours": "2"}]},
        "a line less": {"lines": [{"id": line, "$delete": True}]},
        "nothing that is kept": {"remark": "x"},
        "both at once": {"project": stage.ids["A"], "lines": [{"worker": stage.ids["赵"], "hours": "1"}]},
    }
    for what, change in steps.items():
        answer = await boss.patch(f"/sheet/{draft}", json=change, headers=any_version)
        assert answer.status_code == 200, (what, answer.text)
        await holds(what)
    assert (await boss.patch(f"/sheet/{draft}", json={"project": None}, headers=any_version)).status_code == 422
    await holds("refused")
    assert (await boss.delete(f"/sheet/{draft}", headers=any_version)).status_code == 204
    await holds("deleted")
    assert (await boss.post(f"/sheet/{draft}/restore")).status_code == 200
    await holds("restored")
    assert await act(stage, "zhao", done, "void", reason="x") == 200
    await holds("void, and its postings mirrored")
    waits = await sheet(stage)
    assert await act(stage, "wang", waits, "submit") == 200
    await holds("submitted, and reserved")
    assert await act(stage, "wang", waits, "withdraw") == 200
    await holds("withdrawn")
    items = [stage.sheet(sheet_date=f"2026-02-0{n}") for n in (1, 2)]
    assert (await boss.post("/sheet/bulk", json={"items": items})).status_code == 201
    await holds("bulk")


async def test_a_hand_in_the_database_is_seen_too(stage: Stage) -> None:
    """Triggers write what is changed, whoever changes it; lines that go with their owner by a cascade are counted."""
    done = await lived(stage)
    database = stage.tenant.database

    async def run(*statements: str) -> None:
        def body() -> Body[None]:
            for statement in statements:
                yield Call(statement)

        await database.write(body)

    await run("UPDATE works__sheet_line SET hours = hours + 1")
    await verified(stage)
    await run("UPDATE works__sheet SET sheet_date = '2026-01-01', state = 'effective'")
    await verified(stage)
    await run(f"DELETE FROM works__entry WHERE _source_id = '{done}'", f"DELETE FROM works__sheet WHERE id = '{done}'")
    await verified(stage)
    await rollups.fold_all(database, stage.tenant.app.logs)
    await verified(stage)


async def test_who_sees_some_records_is_served_from_sums_only_if_dimensions_decide(stage: Stage) -> None:
    await lived(stage)
    await same(stage, "li", "/figures/work?by=state&measures=amount,lines")  # manager: project IN me.projects
    await same(stage, "zhao", "/figures/work?by=state&measures=amount,lines")  # head: everything
    await same(stage, "wang", "/figures/work?by=state&measures=hours", "grouped")  # foreman: created_by = me
    await same(stage, "wang", "/sheet/aggregate?by=state&measures=n:COUNT(id)", "grouped")
    seen = await same(stage, "li", "/sheet/aggregate?by=project&measures=n:COUNT(id)")
    assert [row["project"]["id"] for row in seen["rows"]] == [stage.ids["A"]]


@pytest.mark.parametrize(
    "question",
    [
        "/figures/work?by=project&measures=most",
        "/figures/work?by=project&measures=workers,dear,most",
        "/sheet_line/aggregate?by=sheet.project&measures=h:COUNT(DISTINCT hours)",
        "/figures/work?by=state,worker&measures=hours",
        "/figures/sheets?by=creator&measures=sheets",
        "/sheet/aggregate?by=project&measures=n:COUNT(id)&where=late",
        "/sheet/aggregate?by=project&measures=n:COUNT(id)&contact[contains]=1",
    ],
)
async def test_a_slice_that_is_not_kept_is_grouped(stage: Stage, question: str) -> None:
    await lived(stage)
    await same(stage, "boss", question, "grouped")


async def test_what_was_lost_is_found_and_mended(stage: Stage) -> None:
    await lived(stage)
    database, logs = stage.tenant.database, stage.tenant.app.logs
    await rollups.fold_all(database, logs)
    damaged = next(r for log in logs for r in log.rollups if r.name == "works.work.stages")

    def body() -> Body[None]:
        yield Call(f'UPDATE "{damaged.table}" SET n = n + 1, m0 = m0 + 1')

    await database.write(body)
    found = await rollups.verify(database, logs)
    assert found["works.work.stages"] > 0
    assert sum(1 for n in found.values() if n) == 1
    for log in logs:
        await rollups.fill(database, log)
    await verified(stage)


async def test_sums_are_filled_for_what_is_there_and_removed_when_nobody_keeps_them(stage: Stage) -> None:
    await lived(stage)
    database, logs = stage.tenant.database, stage.tenant.app.logs
    await rollups.forget(database, (), identity.tables_of(stage.tenant.app))
    assert await rollups.filled(database) == frozenset()
    await lived(stage)  # without triggers
    assert await rollups.settle(database, logs) == stage.tenant.sums
    await verified(stage)
    for question in QUESTIONS:
        await same(stage, "boss", question)
    await sheet(stage)
    await verified(stage)


async def test_they_are_counted_while_others_write(stage: Stage) -> None:
    """Groups are written a few at a time; what is written between is pending, and is not counted twice."""
    await lived(stage)
    database, logs = stage.tenant.database, stage.tenant.app.logs
    work = next(log for log in logs if len(log.rollups) > 1)
    await sheet(stage)
    for again in ([], [work.rollups[0].table]):  # all of one log; one of them beside others that are kept
        for table in again:
            await database.run_script([f"UPDATE _rollup SET filled = NULL WHERE name = '{table}'"])
        counting = asyncio.create_task(rollups.fill(database, work, again, many=0, most=1))
        written = 0
        while not counting.done():
            lines = [{"worker": stage.ids["赵钱孙"[written % 3]], "hours": "0.25"}]
            day = f"2026-01-{written % 27 + 1:02}"
            one = await sheet(stage, sheet_date=day, project=stage.ids["AB"[written % 2]], lines=lines)
            written += 1
            if written % 3 == 0:
                assert await act(stage, "wang", one, "submit", reason="x") == 200
            await rollups.fold_all(database, logs)
            await verified(stage)
            await asyncio.sleep(0.02)
        await counting
        assert written > 1 or database.dialect == "postgresql"
        await verified(stage)
        for question in QUESTIONS[:6]:
            await same(stage, "boss", question)


async def test_what_was_begun_by_one_that_died_is_begun_anew(stage: Stage) -> None:
    """As long as he may be alive nobody folds that log or counts; figures are those of the records all the while."""
    await lived(stage)
    database, logs = stage.tenant.database, stage.tenant.app.logs
    await rollups.forget(database, (), identity.tables_of(stage.tenant.app))
    log = logs[0]
    lease = f"INSERT INTO _lease (name, holder, until, n) VALUES ('filling:{log.table}', 'x', 99999999999999, 0)"
    await database.run_script([lease])
    stage.tenant.sums = await rollups.settle(database, logs, wait=False)
    assert not {r.table for r in log.rollups} & stage.tenant.sums
    await lived(stage)
    if database.dialect == "sqlite":
        assert await rollups.fold(database, log) == 0
        assert not await database.read("SELECT 1 FROM sqlite_master WHERE name = ?", (log.rollups[0].table,))
    await verified(stage)
    await database.run_script(["UPDATE _lease SET until = 1 WHERE holder = 'x'"])
    stage.tenant.sums = await rollups.settle(database, logs, wait=False)
    assert {r.table for r in log.rollups} <= stage.tenant.sums
    await verified(stage)
    for question in QUESTIONS:
        await same(stage, "boss", question)


async def test_whoever_is_taken_for_dead_begins_anew(stage: Stage) -> None:
    """A folder thinks the one who counts has died and empties the log: what was counted is not used."""
    await lived(stage)
    database = stage.tenant.database
    log = next(log for log in stage.tenant.app.logs if len(log.rollups) > 1)
    counting = asyncio.create_task(rollups.fill(database, log, many=0, most=1))
    await asyncio.sleep(0.15)
    await lived(stage)
    await database.run_script(["UPDATE _lease SET until = 1 WHERE name LIKE 'filling:%'"])
    await rollups.fold_all(database, [log])
    await counting
    await verified(stage)


async def test_another_revision_leaves_alone_what_it_does_not_know(stage: Stage) -> None:
    await lived(stage)
    database = stage.tenant.database
    log = next(log for log in stage.tenant.app.logs if len(log.rollups) > 1)
    assert await rollups.fold(database, replace(log, rollups=log.rollups[1:])) == 0
    await verified(stage)
    assert await rollups.fold(database, log) > 0


async def test_a_value_that_is_gone_counts_no_more_though_that_is_pending(stage: Stage) -> None:
    boss, question = await stage.door("boss"), "/figures/work?by=project&measures=workers,lines"
    await sheet(stage)
    other = await sheet(stage, lines=[{"worker": stage.ids["钱"], "hours": "1"}], sheet_date="2026-03-02")
    await rollups.fold_all(stage.tenant.database, stage.tenant.app.logs)
    assert [row["workers"] for row in (await same(stage, "boss", question))["rows"]] == [2]
    assert (await boss.delete(f"/sheet/{other}", headers={"if-match": "*"})).status_code == 204
    assert [row["workers"] for row in (await same(stage, "boss", question))["rows"]] == [1]
    await rollups.fold_all(stage.tenant.database, stage.tenant.app.logs)
    assert [row["workers"] for row in (await same(stage, "boss", question))["rows"]] == [1]


async def test_random_days(stage: Stage) -> None:
    """Many changes by several people, refusals among them, folded now and then."""
    await random_days(stage, random.Random(7), 100)


async def random_days(stage: Stage, pick: random.Random, steps: int) -> None:
    database, logs = stage.tenant.database, stage.tenant.app.logs
    boss = await stage.door("boss")
    sheets: list[str] = []
    any_version = {"if-match": "*"}
    for step in range(steps):
        worker = stage.ids[pick.choice("赵钱孙")]
        day = f"2026-0{pick.choice('123')}-{pick.randint(1, 28):02}"
        lines = [{"worker": worker, "hours": str(pick.choice((1, 2.5, 30)))}]
        one = pick.choice(sheets) if sheets else ""
        match pick.randint(0, 12) if one else 0:
            case 0 | 1 | 2:
                body = stage.sheet(project=stage.ids[pick.choice("AB")], sheet_date=day, lines=lines)
                made = await (await stage.door(pick.choice(("boss", "wang")))).post("/sheet", json=body)
                if made.status_code == 201:
                    sheets.append(made.json()["id"])
            case 3:
                await boss.patch(f"/sheet/{one}", json={"project": stage.ids[pick.choice("AB")]}, headers=any_version)
            case 4:
                await boss.patch(f"/sheet/{one}", json={"sheet_date": day, "lines": lines}, headers=any_version)
            case 5:
                await boss.delete(f"/sheet/{one}", headers=any_version)
            case 6:
                await boss.post(f"/sheet/{one}/restore")
            case 7 | 10:
                await act(stage, "boss", one, "submit", reason="x")
            case 8 | 11 | 12:
                for name in ("li", "zhao"):  # the manager's step, then perhaps the head's
                    await act(stage, name, one, pick.choice(("approve", "approve", "reject")), reason="x")
            case 9:
                await act(stage, "zhao", one, "void", reason="x")
        if step % 7 == 0:
            await rollups.fold(database, pick.choice(logs))
        if step % 20 == 19:
            await verified(stage)
    await rollups.fold_all(database, logs)
    await verified(stage)
    for question in QUESTIONS:
        await same(stage, "boss", question)
