"""Everything a row and a document compute, remember, refuse and post; the same on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.catalog import Catalog
from engine.compile import compile_app
from engine.compile.dump import dump
from engine.db import Database, Violation
from engine.fieldtypes.storage import encode_rows
from engine.read import read_texts
from tests.compile.stage import Stage

D = Decimal


@cache
def catalog() -> Catalog:
    return read_texts([{"site.yaml": (Path(__file__).parent / "site.yaml").read_text(encoding="utf-8")}])


class Site:
    """A project, two workers, a price list of two dates, a foreman and a head."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ids: dict[str, str] = {}

    async def plant(self) -> Site:
        make, ids = self.stage.create, self.ids
        for name in ("wang", "li"):
            ids[name] = await make("site.user", name=name)
        await make("site.post", user=ids["li"], role="head")
        ids["A"] = await make(
            "site.project",
            code="A",
            name="甲",
            members=[
                {"user": ids["wang"], "role": "foreman", "starts": date(2026, 1, 1), "ends": date(2026, 3, 5)},
                {"user": ids["li"], "role": "manager"},
                {"user": ids["wang"], "role": "manager", "ends": date(2026, 3, 4)},
            ],
        )
        ids["B"] = await make("site.project", code="B", name="乙", hours_per_day=D("10"))
        ids["0102"] = await make("site.subject", code="0102", name="点工")
        ids["mason"] = await make("site.work_type", name="瓦工")
        ids["smith"] = await make("site.work_type", name="铁工")
        ids["W1"] = await make("site.worker", name="赵", work_type=ids["mason"])
        ids["W2"] = await make("site.worker", name="钱", work_type=ids["smith"])
        for since, price, cap in ((date(2026, 1, 1), "200", "300"), (date(2026, 3, 1), "238", "300")):
            row = await make("site.price", work_type=ids["mason"], price=D(price), cap=D(cap), since=since)
            ids[f"price {since}"] = row
        return self

    async def sheet(self, *lines: dict[str, Any], **values: Any) -> str:
        given = {"project": self.ids["A"], "sheet_date": date(2026, 3, 5), **values}
        return await self.stage.create("site.sheet", lines=list(lines), **given)

    def line(self, worker: str = "W1", **values: Any) -> dict[str, Any]:
        return {"worker": self.ids[worker], **values}


@pytest.fixture
async def site(database: Database) -> Site:
    stage = await Stage(compile_app(catalog(), database.dialect), database).build()
    return await Site(stage).plant()


async def test_a_sheet_computes_itself(site: Site) -> None:
    """11.2 hours of 8 are 1.40 man-days at 238: 333.20, through find, default, compute and the sum."""
    sheet = await site.sheet(
        site.line(
            starts=datetime(2026, 3, 5, 0, tzinfo=UTC), ends=datetime(2026, 3, 5, 12, 12, tzinfo=UTC), rest=D("1")
        )
    )
    read_back = await site.stage.read("site.sheet", sheet)
    line = read_back["lines"][0]
    assert (line["hours"], line["man_days"], line["amount"]) == ("11.20", "1.40", "333.20")
    assert (line["price_row"], line["price"]) == (site.ids["price 2026-03-01"], "238.000000")
    assert (line["work_type"], line["share"]) == (site.ids["mason"], "1.000000")
    assert (read_back["amount"], read_back["persons"], read_back["claimed"]) == ("333.20", 1, None)
    assert (read_back["subject"], read_back["due"], read_back["late"]) == (site.ids["0102"], "2026-03-12", False)
    assert (read_back["state"], read_back["fee"], read_back["number"]) == ("draft", "33.32", None)


async def test_find_takes_the_row_of_the_date(site: Site) -> None:
    for day, price in ((date(2025, 12, 31), None), (date(2026, 2, 28), "200.000000"), (date(2026, 3, 1), "238.000000")):
        sheet = await site.sheet(site.line(hours=D("8")), sheet_date=day)
        assert (await site.stage.read("site.sheet", sheet))["lines"][0]["price"] == price, day


async def test_a_default_follows_until_it_is_typed(site: Site) -> None:
    stage = site.stage
    sheet = await site.sheet(site.line(hours=D("8")))
    line = (await stage.read("site.sheet", sheet))["lines"][0]
    await stage.update("site.sheet", sheet, sheet_date=date(2026, 2, 1))
    await stage.update_line("site.sheet", sheet, "lines", line["id"])
    followed = await stage.read("site.sheet", sheet)
    assert (followed["due"], followed["lines"][0]["price"], followed["amount"]) == (
        "2026-02-08",
        "200.000000",
        "200.00",
    )
    await stage.update("site.sheet", sheet, due=date(2026, 5, 1))
    await stage.update_line("site.sheet", sheet, "lines", line["id"], price=D("210"))
    await stage.update("site.sheet", sheet, sheet_date=date(2026, 3, 5))
    await stage.update_line("site.sheet", sheet, "lines", line["id"], hours=D("4"))
    typed = await stage.read("site.sheet", sheet)
    assert (typed["due"], typed["lines"][0]["price"], typed["amount"]) == ("2026-05-01", "210.000000", "105.00")
    assert (typed["_typed"], typed["lines"][0]["_typed"]) == (["due"], ["hours", "price"])


async def test_typing_null_is_typing(site: Site) -> None:
    sheet = await site.sheet(site.line(hours=None), due=None)
    read_back = await site.stage.read("site.sheet", sheet)
    assert (read_back["due"], read_back["lines"][0]["hours"], read_back["amount"]) == (None, None, "0.00")


async def test_what_is_taken_once_stays(site: Site) -> None:
    sheet = await site.sheet()
    site.stage.today = date(2026, 4, 1)
    await site.stage.update("site.sheet", sheet, liability="charge")
    assert (await site.stage.read("site.sheet", sheet))["entered_on"] == "2026-03-05"


async def test_keep_at_submit_remembers_what_was_claimed(site: Site) -> None:
    stage = site.stage
    sheet = await site.sheet(site.line(hours=D("8")), site.line("W2", hours=D("8"), price=D("100")))
    await stage.act("site.sheet", sheet, "submit")
    line = (await stage.read("site.sheet", sheet))["lines"][0]
    await stage.update_line("site.sheet", sheet, "lines", line["id"], hours=D("4"))
    cut = await stage.read("site.sheet", sheet)
    assert (cut["claimed"], cut["amount"], cut["cut_rate"], cut["state"]) == (
        "338.00",
        "219.00",
        "0.352071",
        "in_approval",
    )


async def test_what_is_in_force_is_frozen(site: Site) -> None:
    stage = site.stage
    sheet = await site.sheet(site.line(hours=D("8")))
    await stage.act("site.sheet", sheet, "submit")
    await stage.act("site.sheet", sheet, "approved")
    before = await stage.read("site.sheet", sheet)
    assert (before["approved_on"], before["approved_month"]) == ("2026-03-05", "2026-03")
    await stage.update("site.project", site.ids["A"], hours_per_day=D("4"))
    await stage.update("site.price", site.ids["price 2026-03-01"], price=D("999"))
    await stage.settle("site.sheet", sheet)
    await stage.update_line("site.sheet", sheet, "lines", before["lines"][0]["id"])
    after = await stage.read("site.sheet", sheet)
    same = ("price", "man_days", "amount", "share")
    assert {k: after["lines"][0][k] for k in same} == {k: before["lines"][0][k] for k in same}
    assert after["amount"] == before["amount"] == "238.00"


async def test_a_line_taken_away_is_no_longer_in_the_sum(site: Site) -> None:
    stage = site.stage
    sheet = await site.sheet(site.line(hours=D("8")), site.line("W2", hours=D("8"), price=D("100")))
    line = stage.write_of("site.sheet").lines[0]
    gone = (await stage.read("site.sheet", sheet))["lines"][0]["id"]
    await stage.run(line.write.remove, rows=stage.rows(line.write, [{"id": gone}]))
    await stage.settle("site.sheet", sheet)
    read_back = await stage.read("site.sheet", sheet)
    assert (read_back["amount"], read_back["persons"], len(read_back["lines"])) == ("100.00", 1, 1)
    assert read_back["lines"][0]["share"] == "1.000000"


CHECKS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str, dict[str, Any]]] = {
    "nothing is wrong": ([{"hours": D("8")}], {}, "save", {}),
    "a day of 25 hours": (
        [{"hours": D("16")}, {"hours": D("9")}],
        {},
        "save",
        {"day_24": {"worker.name": "赵", "worker": "赵", "sheet.sheet_date": "2026-03-05"}},
    ),
    "exactly 24 pass": ([{"hours": D("16")}, {"hours": D("8")}], {}, "save", {}),
    "above the cap": ([{"hours": D("8"), "price": D("301")}], {}, "save", {"cap": {"price_row.cap": "300.000000"}}),
    "no cap, no violation": ([{"worker": "W2", "hours": D("8"), "price": D("301")}], {}, "save", {}),
    "hours below zero": ([{"hours": D("-1")}], {}, "save", {"min:hours": {"bound": "0.00"}}),
    "charge without whom": ([], {"liability": "charge"}, "submit", {"required:charge_to": {}, "lines:lines": {}}),
    "charge with whom": ([{"hours": D("8")}], {"liability": "charge", "charge_to": "丙"}, "submit", {}),
    "late": (
        [{"hours": D("8")}],
        {"sheet_date": date(2026, 3, 1)},
        "submit",
        {"not_late": {"settings.backdate_days": 3}},
    ),
    "late is asked at submit": ([{"hours": D("8")}], {"sheet_date": date(2026, 3, 1)}, "save", {}),
    "exactly three days": ([{"hours": D("8")}], {"sheet_date": date(2026, 3, 2)}, "submit", {}),
    "a level that is an expression": (
        [{"hours": D("8"), "price": D("4000"), "worker": "W2"}],
        {},
        "save",
        {"small": {"amount": "4000.00", "$level": "warning"}},
    ),
    "and its other side": (
        [{"hours": D("8"), "price": D("9000"), "worker": "W2"}],
        {},
        "save",
        {"small": {"amount": "9000.00", "$level": "error"}},
    ),
}


@pytest.mark.parametrize("name", CHECKS)
async def test_checks(site: Site, name: str) -> None:
    lines, values, stage, expected = CHECKS[name]
    sheet = await site.sheet(*(site.line(**line) for line in lines), **values)
    assert await site.stage.broken("site.sheet", sheet, stage) == expected


async def test_a_check_over_all_sheets_of_the_day(site: Site) -> None:
    first = await site.sheet(site.line(hours=D("16")))
    second = await site.sheet(site.line(hours=D("9")), project=site.ids["B"])
    assert set(await site.stage.broken("site.sheet", second)) == {"day_24"}
    await site.stage.act("site.sheet", first, "void")
    assert await site.stage.broken("site.sheet", second) == {}


async def test_a_culprit_is_named(site: Site) -> None:
    def hours(a: int, b: int) -> dict[str, Any]:
        return site.line(starts=datetime(2026, 3, 5, a, tzinfo=UTC), ends=datetime(2026, 3, 5, b, tzinfo=UTC))

    first = await site.sheet(hours(1, 4))
    second = await site.sheet(hours(3, 6))
    culprit = (await site.stage.read("site.sheet", first))["lines"][0]["id"]
    assert await site.stage.broken("site.sheet", second) == {
        "overlap": {"found.sheet.sheet_date": "2026-03-05", "$found": culprit}
    }
    assert await site.stage.broken("site.sheet", await site.sheet(hours(6, 7))) == {}


async def test_a_closed_month_is_said(site: Site) -> None:
    period = await site.stage.create("site.period", project=site.ids["A"], month=date(2026, 3, 1))
    sheet = await site.sheet(site.line(hours=D("8")))
    assert await site.stage.broken("site.sheet", sheet) == {}
    await site.stage.act("site.period", period, "close")
    assert await site.stage.broken("site.sheet", sheet) == {
        "month_open": {"found.month": "2026-03", "project": "甲", "$found": period}
    }


async def test_both_sides_of_a_check_take_the_same_key(site: Site) -> None:
    stage = site.stage
    guards = stage.write_of("site.sheet").guards
    if stage.app.dialect == "sqlite":
        assert not guards, "there is one writer"
        return
    sheet = await site.sheet(site.line(hours=D("8")))
    period = await stage.create("site.period", project=site.ids["A"], month=date(2026, 3, 1))
    taken = [row[0] for row in await stage.run(guards[0], roots=[sheet])]
    theirs = [row[0] for row in await stage.run(stage.write_of("site.period").guards[0], roots=[period])]
    worker, project = site.ids["W1"], site.ids["A"]
    assert theirs == [f"site.period:month,project|2026-03|{project}"]
    assert taken == sorted(
        (*theirs, f"site.sheet_line:sheet.sheet_date,worker|2026-03-05|{worker}", f"site.sheet_line:worker|{worker}")
    )


async def test_postings_stand_while_their_condition_holds(site: Site) -> None:
    stage = site.stage
    sheet = await site.sheet(site.line(hours=D("8")), site.line("W2", hours=D("8"), price=D("0")))
    assert await stage.post("site.sheet", sheet) == {}
    await stage.act("site.sheet", sheet, "submit")
    assert await stage.post("site.sheet", sheet) == {"site.reserve": (0, 1)}, "an amount of 0 posts nothing"
    assert await stage.post("site.sheet", sheet) == {}, "again changes nothing"
    line = (await stage.read("site.sheet", sheet))["lines"][0]["id"]
    await stage.update_line("site.sheet", sheet, "lines", line, hours=D("4"))
    assert await stage.post("site.sheet", sheet) == {"site.reserve": (1, 1)}, "a changed value: mirror and new"
    await stage.act("site.sheet", sheet, "approved")
    assert await stage.post("site.sheet", sheet) == {"site.reserve": (1, 0), "site.actual": (0, 1)}
    await stage.act("site.sheet", sheet, "void")
    assert await stage.post("site.sheet", sheet) == {"site.actual": (1, 0)}
    entries = await entries_of(stage)
    assert [(e["kind"], e["net"], e["rate"], e["_round"], e["_mirrors"] is not None) for e in entries] == [
        ("actual", "-119.00", None, 1, True),
        ("actual", "119.00", None, 1, False),
        ("reserve", "-238.00", "1.000000", 1, True),
        ("reserve", "238.00", "1.000000", 1, False),
        ("reserve", "-119.00", "1.000000", 2, True),
        ("reserve", "119.00", "1.000000", 2, False),
    ]
    assert {(e["_source"], e["_source_id"], e["_source_line"]) for e in entries} == {("site__sheet", sheet, line)}
    assert {(e["period"], e["project"]) for e in entries} == {("2026-03", site.ids["A"])}


async def entries_of(stage: Stage) -> list[dict[str, Any]]:
    ids = [row[0] for row in await stage.database.read("SELECT id FROM site__entry")]
    made = [await stage.read("site.entry", str(one)) for one in ids]
    return sorted(made, key=lambda e: (e["kind"], e["_round"], e["_mirrors"] is None))


async def test_a_late_entry_goes_into_the_first_open_month_and_stays_there(site: Site) -> None:
    stage = site.stage

    async def close(*months: int) -> list[str]:
        made = []
        for month in months:
            made.append(await stage.create("site.period", project=site.ids["A"], month=date(2026, month, 1)))
            await stage.act("site.period", made[-1], "close")
        return made

    async def months() -> list[tuple[str, str]]:
        return sorted((e["period"], e["net"]) for e in await entries_of(stage))

    early = await site.sheet(site.line(hours=D("8")))
    await stage.act("site.sheet", early, "submit")
    await stage.post("site.sheet", early)
    await close(3, 4)
    assert await stage.post("site.sheet", early) == {}, "what was posted in time stays"
    late = await site.sheet(site.line(hours=D("4")))
    await stage.act("site.sheet", late, "submit")
    assert await stage.post("site.sheet", late) == {"site.reserve": (0, 1)}
    assert await months() == [("2026-03", "238.00"), ("2026-05", "119.00")]
    await close(5)
    assert await stage.post("site.sheet", late) == {}, "it went where it went"
    await stage.act("site.sheet", early, "rejected")
    assert await stage.post("site.sheet", early) == {"site.reserve": (1, 0)}
    assert await months() == [("2026-03", "238.00"), ("2026-05", "119.00"), ("2026-06", "-238.00")]


async def test_a_document_thrown_away_stands_no_more(site: Site) -> None:
    stage = site.stage
    sheet = await site.sheet(site.line(hours=D("8")))
    await stage.act("site.sheet", sheet, "submit")
    await stage.post("site.sheet", sheet)
    write = stage.write_of("site.sheet")
    await stage.run(write.root.remove, rows=stage.rows(write.root, [{"id": sheet}]))
    assert await stage.post("site.sheet", sheet) == {"site.reserve": (1, 0)}


async def test_numbers_are_counted_per_project_and_month(site: Site) -> None:
    stage = site.stage
    number = stage.write_of("site.sheet").root.numbers[0]
    made = [
        await site.sheet(),
        await site.sheet(),
        await site.sheet(sheet_date=date(2026, 4, 1)),
        await site.sheet(project=site.ids["B"]),
    ]
    rows = await stage.run(number.statement, ids=made)
    a, b = site.ids["A"], site.ids["B"]
    assert [r[1:] for r in rows] == [
        (f"site__sheet.number|{a}|2026-03", "DG-A-202603-", 4, ""),
        (f"site__sheet.number|{a}|2026-03", "DG-A-202603-", 4, ""),
        (f"site__sheet.number|{a}|2026-04", "DG-A-202604-", 4, ""),
        (f"site__sheet.number|{b}|2026-03", "DG-B-202603-", 4, ""),
    ]
    assert (number.at, number.gapless) == ("submit", True)
    assert number.assign is not None
    columns = (("id", "uuid", 0), ("number", "text", 0))
    given = encode_rows(columns, [{"id": rows[0][0], "number": "DG-A-202603-0001"}], stage.app.dialect)
    await stage.run(number.assign, rows=given)
    assert rows[0][0] not in [r[0] for r in await stage.run(number.statement, ids=made)], "who has one keeps it"


async def test_who_signs(site: Site) -> None:
    stage = site.stage
    machine = stage.app.machines["site.approval"]
    sheet = await site.sheet(site.line(hours=D("8")))
    manager, head = machine.steps
    assert manager.assign.statement is not None
    assert head.when is not None
    assert await stage.run(manager.assign.statement, roots=[sheet]) == [(sheet, site.ids["li"])], "by dates"
    submit = machine.transitions["submit"].by
    assert (submit.roles, submit.special) == ((("foreman", "project"),), ())
    assert submit.statement is not None
    assert await stage.run(submit.statement, roots=[sheet]) == [(sheet, site.ids["wang"])], "to the last day"
    assert [bool(r[1]) for r in await stage.run(head.when, roots=[sheet])] == [False]
    await stage.update("site.sheet", sheet, sheet_date=date(2026, 2, 1))
    assert [bool(r[1]) for r in await stage.run(head.when, roots=[sheet])] == [True]


async def test_who_holds_which_role(site: Site) -> None:
    found = {}
    for assignment in site.stage.app.people.assignments:
        found[assignment.name] = await site.stage.run(assignment.statement, user=site.ids["li"])
    assert found == {"member": [("manager", "projects", site.ids["A"])], "post": [("head", None, None)]}


async def test_a_tree_without_rings(site: Site) -> None:
    stage = site.stage
    top = await stage.create("site.subject", code="01")
    below = await stage.create("site.subject", code="011", parent=top)
    assert await stage.broken("site.subject", below) == {}
    await stage.update("site.subject", top, parent=below)
    assert set(await stage.broken("site.subject", top)) == {"ring:parent"}


async def test_what_one_row_decides_the_table_refuses(site: Site) -> None:
    with pytest.raises(Violation, match="check") as found:
        await site.stage.create("site.project", code="C", name="丙", starts=date(2026, 2, 1), ends=date(2026, 1, 1))
    table = next(t for t in site.stage.app.tables if t.entity == "site.project")
    assert [c.check for c in table.checks if c.name == found.value.name] == ["in_order"], "whose words it has"


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_golden(dialect: Any, golden: Callable[[str, str], None]) -> None:
    golden(f"site.sheet.{dialect}.txt", dump(compile_app(catalog(), dialect), "site.sheet", statements=True))
