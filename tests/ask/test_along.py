"""Figures along time and beside each other equal a slow reckoning over the rows, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.plan.question import FigureQuestion, Filter
from engine.problem import Problems
from tests.ask.conftest import Both
from tests.ask.test_figures import COST, NARROW, ROWS, Row, key_of, measures, oracle, pairs, plain

MONTHS = tuple(date(2026, m, 1) for m in (1, 2, 3))
Rows = list[Row]


def entries(rows: Rows) -> Rows:
    return [r for r in rows if r["source"] == "entry"]


def net(rows: Rows, kind: str = "") -> Decimal:
    found = (r["row"] for r in entries(rows))
    return sum((e["net"] for e in found if e["net"] is not None and kind in ("", e["kind"])), Decimal())


def split(rows: Rows, *by: str) -> dict[tuple[Any, ...], Rows]:
    out: dict[tuple[Any, ...], Rows] = {}
    for row in rows:
        out.setdefault(tuple(row[d] for d in by), []).append(row)
    return out


def so_far(rows: Rows) -> Decimal:
    return net(rows, "actual")


def most_open(rows: Rows) -> Decimal:
    """Of each subject and month what is open, added up."""
    return sum((max(net(group, "commit"), Decimal()) for group in split(rows, "subject", "month").values()), Decimal())


def last(rows: Rows) -> Decimal:
    months = [r["month"] for r in entries(rows) if r["month"] is not None]
    at = max(months) if months else None
    return net([r for r in rows if r["month"] == at])


def first_count(rows: Rows) -> int:
    months = [r["month"] for r in entries(rows) if r["month"] is not None]
    at = min(months) if months else None
    return len([r for r in entries(rows) if r["month"] == at])


def held_each(rows: Rows) -> Decimal:
    return sum((last(group) for group in split(entries(rows), "project").values()), Decimal())


RUNNING: dict[str, Callable[[Rows], Decimal]] = {"so_far": so_far, "most_open": most_open}
BALANCES: dict[str, Callable[[Rows], Any]] = {"held": last, "opened": first_count, "held_each": held_each}
LOWER = ("all", "one project", "from february", "nothing")


def chosen(narrow: str) -> tuple[Callable[[Row], bool], Callable[[Row], bool]]:
    """What is shown, and what is accumulated: from the beginning on."""
    keep = NARROW[narrow][2]
    return keep, (lambda r: r["month"] is not None) if narrow == "from february" else keep


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["project", "subject", "month", "kind"]), max_size=3, unique=True),
    st.lists(st.sampled_from([*RUNNING, *BALANCES, "actual"]), min_size=1, max_size=4, unique=True),
    st.sampled_from(LOWER),
)
def test_along_time(ledgers: Both, by: list[str], names: list[str], narrow: str) -> None:
    filters, inputs, _ = NARROW[narrow]
    question = FigureQuestion(COST, by=pairs(by), measures=pairs(names), filters=filters, totals=True)
    answer = ledgers.ask(question, inputs or {"limit": 1})
    keep, whole = chosen(narrow)
    keys = tuple(by)
    shown = {key_of(r, keys): r for r in answer["rows"]}
    fine = split([r for r in ROWS if keep(r)], *keys)
    every = [r for r in ROWS if whole(r)]
    if not by:
        shown[()] = answer["totals"]
    for key, row in shown.items():
        at = dict(zip(keys, key, strict=True))
        for name in names:
            if name in RUNNING:
                mine = [r for r in every if all(r[d] == v for d, v in at.items() if d != "month")]
                if "month" in at:
                    until = at["month"]
                    mine = [r for r in mine if (r["month"] is None if until is None else _until(r["month"], until))]
                wanted: Any = RUNNING[name](mine)
            else:
                wanted = BALANCES[name](fine.get(key, [])) if name in BALANCES else net(fine.get(key, []), "actual")
            assert row[name] == plain(wanted), (key, name)


def _until(month: date | None, until: date) -> bool:
    return month is not None and month <= until


def test_a_rate_of_what_came_up_to_a_month(ledgers: Both) -> None:
    rows = ledgers.ask(FigureQuestion(COST, by=pairs(("project",)), measures=pairs(("spent_rate", "so_far", "budget"))))
    for row in rows["rows"]:
        budget = Decimal(row["budget"])
        wanted = (Decimal(row["so_far"]) / budget).quantize(Decimal("1e-6"), ROUND_HALF_UP) if budget else None
        assert row["spent_rate"] == plain(wanted, 6)


def test_months_without_rows_are_there(ledgers: Both) -> None:
    """January and March have rows of the filter; February stands between them, and what came up to it."""
    question = FigureQuestion(
        COST, by=pairs(("month", "project")), measures=pairs(("docs", "so_far", "average")),
        filters=(Filter("month", "ne"),), fill=("month",),
    )  # fmt: skip
    rows = ledgers.ask(question, {"f0": date(2026, 2, 1)})["rows"]
    by_key = {key_of(r, ("project", "month")): r for r in rows}
    projects = {key[0] for key in by_key}
    assert set(by_key) == {(p, m) for p in projects for m in MONTHS}
    for project in projects:
        empty, before = by_key[project, MONTHS[1]], by_key[project, MONTHS[0]]
        assert (empty["docs"], empty["average"], empty["so_far"]) == (0, None, before["so_far"])
    assert [r["month"] for r in rows] == sorted(r["month"] for r in rows)


@pytest.mark.parametrize("size", [1, 2, 30])
@pytest.mark.parametrize("by", [("project",), ("project", "kind"), ("month",)])
def test_the_first_and_the_rest_are_all(ledgers: Both, by: tuple[str, ...], size: int) -> None:
    names = ("actual", "docs", "average", "to_come", "so_far")
    question = FigureQuestion(COST, by=pairs(by), measures=pairs(names), limit=True, others=True, totals=True)
    answer = ledgers.ask(question, {"limit": size})
    full = ledgers.ask(replace_(question, limit=False, others=False, sort=("-actual",)))
    assert answer["rows"] == full["rows"][:size]
    assert answer["groups"] == len(full["rows"])
    left = full["rows"][size:]
    if not left:
        assert answer["others"] is None
        return
    rest = answer["others"]
    assert rest["groups"] == len(left)
    first = {key_of(r, by) for r in answer["rows"]}
    wanted = measures([r for r in ROWS if tuple(r[d] for d in by) not in first])
    assert (rest["actual"], rest["docs"]) == (plain(wanted["actual"]), wanted["docs"])  # of documents, each once
    if by == ("project",):
        assert sum(Decimal(r["to_come"]) for r in (*answer["rows"], rest)) == Decimal(answer["totals"]["to_come"])
    assert sum(Decimal(r["actual"]) for r in (*answer["rows"], rest)) == Decimal(answer["totals"]["actual"])


def replace_(question: FigureQuestion, **more: Any) -> FigureQuestion:
    return replace(question, **more)


def test_pages_of_groups(ledgers: Both) -> None:
    question = FigureQuestion(COST, by=pairs(("project", "month")), measures=pairs(("actual",)), sort=("-actual",))
    every = ledgers.ask(question)["rows"]
    found: list[Row] = []
    for at in range(0, len(every) + 3, 3):
        page = ledgers.ask(replace_(question, limit=True, offset=True), {"limit": 3, "offset": at})
        assert page["groups"] == len(every)
        found += page["rows"]
    assert found == every


def test_parts_of_the_total(ledgers: Both) -> None:
    question = FigureQuestion(
        COST, by=pairs(("project",)), measures=pairs(("actual",)), share=("actual",), limit=True, others=True
    )
    answer = ledgers.ask(question, {"limit": 1})
    whole = measures(ROWS)["actual"]
    for row in (*answer["rows"], answer["others"]):
        wanted = (Decimal(row["actual"]) / whole).quantize(Decimal("1e-6"), ROUND_HALF_UP)
        assert Decimal(row["actual_share"]) == wanted


@pytest.mark.parametrize("months", [1, 12])
@pytest.mark.parametrize("by", [("month",), ("project",), ("project", "month"), ()])
def test_the_same_some_time_ago(ledgers: Both, by: tuple[str, ...], months: int) -> None:
    filters = (Filter("month", "gte"),)
    start = date(2026, 2, 1)
    question = FigureQuestion(
        COST, by=pairs(by), measures=pairs(("actual", "docs")), filters=filters, compare=months, totals=True
    )
    answer = ledgers.ask(question, {"f0": start})

    def later(r: Row) -> Row:
        month = r["month"]
        if month is None:
            return r
        at = month.year * 12 + month.month - 1 + months
        return r | {"month": date(at // 12, at % 12 + 1, 1)}

    moved = [r for r in map(later, ROWS) if r["month"] is not None and r["month"] >= start]
    now = oracle(by, lambda r: r["month"] is not None and r["month"] >= start)
    before = {k: measures(v) for k, v in split(moved, *by).items()}
    assert answer["rows"] or answer["totals"]
    for row in answer["rows"]:
        key = key_of(row, by)
        was = before.get(key)
        assert row["actual"] == (plain(now[key]["actual"]) if key in now else None)
        assert row["actual_before"] == (plain(was["actual"]) if was else None)
        if was and was["actual"] and key in now:
            grown = (now[key]["actual"] - was["actual"]) / was["actual"]
            assert Decimal(row["actual_growth"]) == grown.quantize(Decimal("1e-6"), ROUND_HALF_UP)
    if "month" not in by:
        shown = {key_of(r, by) for r in answer["rows"]}
        assert {k for k, v in before.items() if v["docs"]} <= shown
    total = measures(moved)
    assert answer["totals"]["docs_before"] == total["docs"]


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (FigureQuestion(COST, measures=pairs(("so_far",)), filters=(Filter("month", "in"),)), "ask.unavailable"),
        (FigureQuestion(COST, measures=pairs(("actual",)), share=("used",)), "ask.unknown-measure"),
        (FigureQuestion(COST, measures=pairs(("actual",)), fill=("month",)), "ask.unknown-dimension"),
        (FigureQuestion(COST, by=pairs(("kind",)), measures=pairs(("actual",)), fill=("kind",)), "ask.unavailable"),
        (FigureQuestion(entity="led.entry", measures=(("n", "COUNT(id)"),), compare=1), "ask.unavailable"),
    ],
)  # fmt: skip
def test_what_cannot_be(ledgers: Both, question: FigureQuestion, code: str) -> None:
    with pytest.raises(Problems) as refused:
        ledgers.ask(question)
    assert code in {p.code for p in refused.value.problems}
