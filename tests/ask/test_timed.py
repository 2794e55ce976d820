"""Rows that count at another time than they say equal a slow reckoning, on both databases."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.plan.question import FigureQuestion, Filter
from engine.problem import Problems
from engine.read import read_texts
from tests.ask.conftest import Both
from tests.ask.ledgers import DATA
from tests.ask.test_figures import pairs, plain

CASH = "led.cash"


def months_on(day: date, months: int) -> date:
    at = day.year * 12 + day.month - 1 + months
    year, month = at // 12, at % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def paid(row: dict[str, Any]) -> date | None:
    """Twenty days after so many months as the entry says."""
    return None if row["day"] is None else months_on(row["day"], row["count"] or 0) + timedelta(20)


def by_month() -> dict[str | None, dict[str, Decimal]]:
    out: dict[str | None, dict[str, Decimal]] = {}
    for source, table in (("out", "led__entry"), ("got", "led__income")):
        for row in DATA.rows[table]:
            if source == "got" and row["good"] is not True:
                continue
            at = paid(row) if source == "out" else row["month"] and months_on(row["month"], 2)
            group = out.setdefault(at and f"{at:%Y-%m}", {"out": Decimal(), "got": Decimal()})
            group[source] += row["net"] or 0
    return out


def test_rows_count_later_than_they_say(ledgers: Both) -> None:
    answer = ledgers.ask(FigureQuestion(CASH, by=pairs(("month",)), measures=pairs(("out", "got", "left", "balance"))))
    wanted = by_month()
    assert {r["month"] for r in answer["rows"]} == set(wanted)
    so_far = Decimal()
    for row in answer["rows"]:
        mine = wanted[row["month"]]
        so_far += mine["got"] if row["month"] else 0
        assert (row["out"], row["got"]) == (plain(mine["out"]), plain(mine["got"])), row["month"]
        assert row["left"] == plain(mine["got"] - mine["out"])
        assert row["balance"] == plain(so_far if row["month"] else mine["got"])


def test_filters_ask_for_the_time_they_count(ledgers: Both) -> None:
    """Also of a day, whose lag is the row's own; and compared with the month before."""
    start = date(2026, 4, 1)
    question = FigureQuestion(CASH, measures=pairs(("out", "got")), filters=(Filter("month", "gte"),))
    row = ledgers.ask(question, {"f0": start})["rows"][0]
    late = [v for k, v in by_month().items() if k and k >= "2026-04"]
    assert (row["out"], row["got"]) == tuple(plain(sum((v[n] for v in late), Decimal())) for n in ("out", "got"))
    days = ledgers.ask(FigureQuestion(CASH, by=pairs(("day",)), measures=pairs(("out",))))["rows"]
    assert {r["day"] for r in days if r["out"] != "0.00"} <= {
        d.isoformat() for r in DATA.rows["led__entry"] if (d := paid(r))
    } | {None}
    compared = FigureQuestion(CASH, by=pairs(("month",)), measures=pairs(("got",)), compare=1)
    rows = {r["month"]: r for r in ledgers.ask(compared)["rows"]}
    assert rows["2026-05"]["got_before"] == rows["2026-04"]["got"]


@pytest.mark.parametrize(
    "shift",
    ["{days: 3}", "{months: net}", "{months: 1, years: 2}", "{months: what}", "{}"],
)
def test_what_cannot_be_shifted(shift: str) -> None:
    text = f"""
module: m
grammar: 1
version: 1.0.0
entities:
  row: {{fields: {{month: {{type: month}}, net: {{type: money}}}}}}
aggregations:
  cash:
    sources: {{row: {{of: row, by: {{month: month}}, shift: {shift}}}}}
    measures: {{net: SUM(row.net)}}
"""
    with pytest.raises(Problems) as refused:
        read_texts([{"m.yaml": text}])
    assert all(p.where.line for p in refused.value.problems), refused.value.problems
