"""Two sessions at once, for every kind of guard: exactly one passes, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest

from engine.compile import compile_app
from engine.plan.app import App
from tests.serve.stage import Stage, catalog, errors

ROUNDS = 2


@pytest.fixture
def stage_app() -> App:
    return compile_app(catalog(), "postgresql")


async def at_once(*requests: Awaitable[httpx.Response]) -> list[httpx.Response]:
    return list(await asyncio.gather(*requests))


def one_of(answers: list[httpx.Response], passed: int, refused: int) -> httpx.Response:
    """Exactly one was accepted; gives the other's answer."""
    statuses = sorted(a.status_code for a in answers)
    assert statuses == sorted([passed, refused]), [a.text for a in answers]
    return next(a for a in answers if a.status_code == refused)


@pytest.mark.parametrize("attempt", range(ROUNDS))
async def test_unique(stage: Stage, attempt: int) -> None:
    boss = await stage.door("boss")
    answers = await at_once(*(boss.post("/project", json={"code": "C", "name": str(n)}) for n in range(2)))
    assert errors(one_of(answers, 201, 409)) == [("api.not-unique", "/code")]


@pytest.mark.parametrize("attempt", range(ROUNDS))
async def test_a_sum_over_a_group(stage: Stage, attempt: int) -> None:
    """Each is right by itself; together a worker would have 26 hours that day, on two projects."""
    boss = await stage.door("boss")
    line = {"worker": stage.ids["赵"], "hours": 13}
    answers = await at_once(
        *(boss.post("/sheet", json=stage.sheet(project=stage.ids[p], lines=[line])) for p in ("A", "B"))
    )
    assert errors(one_of(answers, 201, 422)) == [("day_24", "/lines/0")]


async def test_a_sum_moved_by_the_root(stage: Stage) -> None:
    """The lines stay as they are, but their sheets move to the same day."""
    boss = await stage.door("boss")
    line = {"worker": stage.ids["赵"], "hours": 13}
    made = [
        (await boss.post("/sheet", json=stage.sheet(sheet_date=day, lines=[line]))).json()
        for day in ("2026-03-02", "2026-03-03")
    ]
    move = {"sheet_date": "2026-03-04"}
    answers = await at_once(
        *(boss.patch(f"/sheet/{m['id']}", json=move, headers={"if-match": '"1"'}) for m in made)
    )  # fmt: skip
    assert errors(one_of(answers, 200, 422)) == [("day_24", "/lines/0")]


@pytest.mark.parametrize("attempt", range(ROUNDS))
async def test_no_row_of_a_kind(stage: Stage, attempt: int) -> None:
    boss = await stage.door("boss")
    lines = [
        {
            "worker": stage.ids["赵"],
            "starts": f"2026-03-05T0{h}:00:00+08:00",
            "ends": f"2026-03-05T0{h + 3}:00:00+08:00",
        }
        for h in (1, 2)
    ]
    answers = await at_once(*(boss.post("/sheet", json=stage.sheet(lines=[line])) for line in lines))
    refused = one_of(answers, 201, 422)
    assert errors(refused) == [("overlap", "/lines/0")]
    assert refused.json()["detail"] == "Overlaps the sheet of 2026-03-05"


@pytest.mark.parametrize("attempt", range(ROUNDS))
async def test_a_period_closed_by_another(stage: Stage, attempt: int) -> None:
    """Whichever comes second waits for the first: a sheet in a month that is closed cannot come to be."""
    boss = await stage.door("boss")
    period = (await boss.post("/period", json={"project": stage.ids["A"], "month": "2026-03"})).json()
    sheet, closed = await at_once(
        boss.post("/sheet", json=stage.sheet()), boss.post(f"/period/{period['id']}/actions/close")
    )
    assert closed.status_code == 200, closed.text
    if sheet.status_code == 422:
        assert errors(sheet) == [("month_open", "")]
    after = await boss.post("/sheet", json=stage.sheet(lines=[{"worker": stage.ids["钱"], "hours": 1}]))
    assert errors(after) == [("month_open", "")]
    assert "2026-03" in after.json()["detail"]


@pytest.mark.parametrize("attempt", range(ROUNDS))
async def test_a_figure_of_what_documents_post(stage: Stage, attempt: int) -> None:
    """Each sheet posts 240 or 200 into the ledger when it is handed in; the project has 400, so one fits. They are of
    two months: nothing but the figure's key makes them wait for each other."""
    boss = await stage.door("boss")
    place = f"/project/{stage.ids['A']}"
    await boss.patch(place, json={"budget": 400, "monthly": 240}, headers={"if-match": "*"})
    made = []
    for worker, day in (("赵", "2026-03-05"), ("钱", "2026-02-05"), ("孙", "2026-03-04")):
        sheet = stage.sheet(sheet_date=day, lines=[{"worker": stage.ids[worker], "hours": 8}])
        made.append((await boss.post("/sheet", json=sheet)).json()["id"])

    async def act(one: str, name: str) -> httpx.Response:
        return await boss.post(f"/sheet/{one}/actions/{name}", json={"reason": "r"})

    answers = await at_once(*(act(one, "submit") for one in made[:2]))
    refused = one_of(answers, 200, 422)
    assert (errors(refused), refused.json()["detail"]) == ([("funded", "")], "甲 has 400.00")
    passed = answers[0].status_code == 200
    assert (await boss.get(place)).json()["used"] == ("240.00" if passed else "200.00")
    assert (await act(made[0 if passed else 1], "withdraw")).status_code == 200
    assert (await boss.get(place)).json()["used"] == "0.00"
    assert (await act(made[1 if passed else 0], "submit")).status_code == 200
    await boss.patch(place, json={"budget": None}, headers={"if-match": "*"})
    rest = [await act(one, "submit") for one in (made[0 if passed else 1], made[2])]
    assert [errors(one) for one in rest if one.status_code != 200] == [[("steady", "")]]


async def test_totals_of_a_parent(stage: Stage) -> None:
    """Lines added at once by several: the total is that of all lines, whichever committed last."""
    boss = await stage.door("boss")
    made = (await boss.post("/sheet", json=stage.sheet())).json()
    workers = [stage.ids[w] for w in ("钱", "孙")]
    answers = await at_once(
        *(
            boss.patch(f"/sheet/{made['id']}", json={"lines": [{"worker": w, "hours": 8}]}, headers={"if-match": "*"})
            for w in workers
        )
    )
    assert [a.status_code for a in answers] == [200, 200], [a.text for a in answers]
    sheet = (await boss.get(f"/sheet/{made['id']}")).json()
    assert len(sheet["lines"]) == 3
    assert (sheet["amount"], sheet["persons"], sheet["rev"]) == ("720.00", 3, 3)
    assert [line["share"] for line in sheet["lines"]] == ["0.333333"] * 3


async def test_numbers_without_gaps_or_twins(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = []
    for n in range(6):
        day = f"2026-03-0{n % 3 + 1}"
        lines = [{"worker": stage.ids["赵"], "hours": 1}] if n != 3 else []
        made.append((await boss.post("/sheet", json=stage.sheet(sheet_date=day, lines=lines))).json()["id"])
    answers = await at_once(*(boss.post(f"/sheet/{one}/actions/submit", json={"reason": "r"}) for one in made))
    assert sorted(a.status_code for a in answers) == [200] * 5 + [422]
    given = sorted(a.json()["number"] for a in answers if a.status_code == 200)
    assert given == [f"DG-A-202603-000{n}" for n in range(1, 6)]


async def test_numbers_that_may_have_gaps_have_no_twins(stage: Stage) -> None:
    """Reserved in blocks where writers run side by side: more than one block is used up here."""
    boss = await stage.door("boss")
    bodies = [{"project": stage.ids["A"], "month": f"{2030 + n // 12}-{n % 12 + 1:02}"} for n in range(60)]
    answers = await at_once(*(boss.post("/period", json=b) for b in bodies))
    codes = [a.json()["code"] for a in answers]
    assert len(set(codes)) == 60
    assert all(len(code) == 5 and code.startswith("P") for code in codes)


@pytest.mark.parametrize("attempt", range(ROUNDS))
async def test_a_version_is_changed_once(stage: Stage, attempt: int) -> None:
    boss = await stage.door("boss")
    made = (await boss.post("/worker", json={"name": "x"})).json()
    answers = await at_once(
        *(boss.patch(f"/worker/{made['id']}", json={"name": n}, headers={"if-match": '"1"'}) for n in "ab")
    )
    assert errors(one_of(answers, 200, 412)) == [("api.stale", "")]
    history = (await boss.get(f"/worker/{made['id']}/history")).json()["items"]
    assert [h["action"] for h in history] == ["update", "create"]


@pytest.mark.parametrize("attempt", range(ROUNDS))
async def test_a_record_goes_to_the_bin_while_it_is_referred_to(stage: Stage, attempt: int) -> None:
    boss = await stage.door("boss")
    worker = (await boss.post("/worker", json={"name": "x", "work_type": stage.ids["mason"]})).json()["id"]
    created, gone = await at_once(
        boss.post("/sheet", json=stage.sheet(lines=[{"worker": worker, "hours": 1}])),
        boss.delete(f"/worker/{worker}", headers={"if-match": "*"}),
    )
    assert (created.status_code, gone.status_code) in ((201, 409), (422, 204)), (created.text, gone.text)
    if created.status_code == 422:
        assert errors(created) == [("api.no-reference", "/lines/0/worker")]


@pytest.mark.parametrize("attempt", range(ROUNDS))
async def test_a_transition_is_taken_once(stage: Stage, attempt: int) -> None:
    boss = await stage.door("boss")
    made = (await boss.post("/sheet", json=stage.sheet())).json()["id"]
    answers = await at_once(*(boss.post(f"/sheet/{made}/actions/submit") for _ in range(2)))
    assert errors(one_of(answers, 200, 409)) == [("workflow.state", "")]
    answers = await at_once(*(boss.post(f"/sheet/{made}/actions/approve") for _ in range(2)))
    one_of(answers, 200, 409)
    entries = (await boss.get("/entry?fields=kind,net")).json()["items"]
    assert sorted((e["kind"], e["net"]) for e in entries) == [
        ("actual", "240.00"),
        ("reserve", "-240.00"),
        ("reserve", "240.00"),
    ]


@pytest.mark.parametrize("attempt", range(ROUNDS))
async def test_a_key_is_used_once(stage: Stage, attempt: int) -> None:
    boss = await stage.door("boss")
    key = {"idempotency-key": f"k{attempt}"}
    answers = await at_once(*(boss.post("/worker", json={"name": "x"}, headers=key) for _ in range(3)))
    made = {a.text for a in answers if a.status_code == 201}
    assert len(made) == 1
    assert {errors(a)[0][0] for a in answers if a.status_code != 201} <= {"api.in-flight"}
    again = await boss.post("/worker", json={"name": "x"}, headers=key)
    assert {again.text} == made
    assert len((await boss.get("/worker?name=x")).json()["items"]) == 1


async def test_many_writers_make_no_knot(stage: Stage) -> None:
    """Documents that share workers in different orders: all are served, none is lost to a deadlock."""
    boss = await stage.door("boss")
    workers = [stage.ids[w] for w in ("赵", "钱", "孙")]

    def body(n: int) -> dict[str, Any]:
        order = workers if n % 2 else workers[::-1]
        return stage.sheet(lines=[{"worker": w, "hours": 1} for w in order])

    answers = await at_once(*(boss.post("/sheet", json=body(n)) for n in range(12)))
    assert {a.status_code for a in answers} == {201}, [a.text for a in answers if a.status_code != 201]


def test_whoever_posts_into_a_figure_takes_its_key(stage_app: App) -> None:
    """Races are rare, so that the lock is asked for is looked at too: with what is to be posted and what was."""
    guards = " ".join(s.sql for s in stage_app.entities["works.sheet"].write.guards)  # type: ignore[union-attr]
    for key in ("works.entry:project", "works.entry:period,project"):
        assert guards.count(f"'{key}'") == 5, key  # the checker; two postings, each with what will be and what is
