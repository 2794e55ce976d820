"""Rows that count at another time than they say equal a slow reckoning, on both databases."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from engine.plan.question import FigureQuestion, Filter
from engine.problem import Problems
from engine.read import read_texts
from tests.ask.conftest import Both
from tests.ask.ledgers import DATA, PLACES
from tests.ask.test_figures import pairs, plain
from tests.ask.world import ident

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


def curve(at: Fraction, shape: str) -> Fraction:
    return 3 * at**2 - 2 * at**3 if shape == "s" else at


def laid(units: int, start: date | None, end: date | None, shape: str) -> dict[str | None, int]:
    """Day by day, with exact fractions; the largest remainders first."""
    start, end = start or end, end or start
    if start is None or end is None:
        return {None: units}
    if end < start or (end - start).days >= 120_000:
        return {f"{start:%Y-%m}": units}
    days = [start + timedelta(n) for n in range((end - start).days + 1)]
    exact: dict[str, Fraction] = {}
    for n, day in enumerate(days):
        part = curve(Fraction(n + 1, len(days)), shape) - curve(Fraction(n, len(days)), shape)
        exact[f"{day:%Y-%m}"] = exact.get(f"{day:%Y-%m}", Fraction()) + abs(units) * part
    out: dict[str | None, int] = {month: int(part) for month, part in exact.items()}
    spare = abs(units) - sum(out.values())
    for month in sorted(exact, key=lambda m: (-(exact[m] - int(exact[m])), m))[:spare]:
        out[month] += 1
    return {month: part if units > 0 else -part for month, part in out.items()}


def works(name: str) -> dict[tuple[str | None, str | None], int]:
    """(project, month) → the planned cents, or the units a month later."""
    out: dict[tuple[str | None, str | None], int] = {}
    for row in DATA.rows["led__work"]:
        if row["planned" if name == "planned" else "units"] is None:
            continue
        if name == "planned":
            found = laid(int(row["planned"] * 100), row["starts"], row["ends"], "s")
        else:
            start, until = row["starts"], row["until"]
            until = until and months_on(until, 1) - timedelta(1)
            found = laid(row["units"], start and months_on(start, 1), until and months_on(until, 1), "linear")
        for month, part in found.items():
            out[row["project"], month] = out.get((row["project"], month), 0) + part
    return out


def test_values_are_laid_over_months_to_the_cent(ledgers: Both) -> None:
    names = ("planned", "units", "works", "actual", "planned_so_far")
    rows = ledgers.ask(FigureQuestion("led.plan", by=pairs(("project", "month")), measures=pairs(names)))["rows"]
    found = {(r["project"] and r["project"]["id"], r["month"]): r for r in rows}
    planned, units = works("planned"), works("units")
    assert set(planned) | set(units) <= set(found)
    assert len({month for _, month in planned}) > 30
    for (project, month), row in found.items():
        assert row["planned"] == plain(Decimal(planned.get((project, month), 0)) / 100), (project, month)
        assert row["units"] == units.get((project, month), 0), (project, month)
        own = {m: v for (p, m), v in planned.items() if p == project}
        mine = [v for m, v in own.items() if (m == month if month is None else m and m <= month)]
        assert row["planned_so_far"] == plain(Decimal(sum(mine)) / 100)


def test_shares_are_the_value_together(ledgers: Both) -> None:
    """Without the month, filtered by it, and as a document that counts once."""
    whole = {n: sum(r[n] or 0 for r in DATA.rows["led__work"]) for n in ("planned", "units")}
    names = ("planned", "units", "works", "large")
    total = ledgers.ask(FigureQuestion("led.plan", measures=pairs(names)))["rows"][0]
    large = sum((r["planned"] for r in DATA.rows["led__work"] if r["planned"] and r["planned"] > 100), Decimal())
    assert total == {
        "planned": plain(whole["planned"]), "units": whole["units"], "works": 40, "large": plain(large)
    }  # fmt: skip
    question = FigureQuestion("led.plan", measures=pairs(("planned",)), filters=(Filter("month", "lte"),))
    until = ledgers.ask(question, {"f0": date(2026, 2, 1)})["rows"][0]
    wanted = sum(v for (_, month), v in works("planned").items() if month and month <= "2026-02")
    assert until["planned"] == plain(Decimal(wanted) / 100)
    compared = FigureQuestion("led.plan", by=pairs(("month",)), measures=pairs(("planned",)), compare=1)
    rows = {r["month"]: r for r in ledgers.ask(compared)["rows"]}
    assert rows["2026-03"]["planned_before"] == rows["2026-02"]["planned"]


def test_who_may_not_see_the_value_sees_no_share(ledgers: Both) -> None:
    with pytest.raises(Problems) as refused:
        ledgers.ask(FigureQuestion("led.plan", measures=pairs(("units",)), roles=("clerk",)), about=PLACES)
    assert {p.code for p in refused.value.problems} == {"ask.unknown-measure"}
    mine = PLACES | {"me.clerk.projects": [ident(2, 1)]}
    question = FigureQuestion("led.plan", by=pairs(("month",)), measures=pairs(("planned",)), roles=("clerk",))
    found = {r["month"]: r["planned"] for r in ledgers.ask(question, about=mine)["rows"] if r["planned"] != "0.00"}
    wanted = {m: plain(Decimal(v) / 100) for (p, m), v in works("planned").items() if p == ident(2, 1) and v}
    assert found == wanted


def band(day: date | None, today: date) -> int | None:
    if day is None:
        return None
    days = (today - day).days
    return -1 if days < 0 else 0 if days == 0 else 1 if days <= 30 else 31 if days <= 60 else 61


@pytest.mark.parametrize("today", [date(2026, 2, 20), date(2026, 4, 1), date(2025, 1, 1)])
@pytest.mark.parametrize("named", [True, False])
def test_ages_in_bands(ledgers: Both, today: date, named: bool) -> None:
    """Of today, or of the day that is asked for, whatever day it is."""
    about = {"today.": date(2029, 9, 9) if named else today}
    inputs = {"as_of": today}
    names = ("net", "entries", "late")
    question = FigureQuestion("led.open", by=pairs(("age",)), measures=pairs(names), as_of=named)
    rows = ledgers.ask(question, inputs, about)["rows"]
    entries = DATA.rows["led__entry"]
    for row in rows:
        mine = [e for e in entries if band(e["day"], today) == row["age"]]
        assert row["entries"] == len(mine) > 0
        assert row["net"] == plain(sum((e["net"] for e in mine if e["net"] is not None), Decimal()))
        assert row["late"] == (len(mine) if row["age"] is not None and row["age"] > 0 else 0)
    assert {r["age"] for r in rows} == {band(e["day"], today) for e in entries}
    known = [r["age"] for r in rows if r["age"] is not None]
    assert known == sorted(known)
    older = FigureQuestion("led.open", measures=pairs(names), filters=(Filter("age", "gte"),), as_of=named)
    found = ledgers.ask(older, {**inputs, "f0": 31}, about)["rows"][0]
    assert found["entries"] == len([e for e in entries if (band(e["day"], today) or 0) >= 31])


def refused(text: str) -> None:
    """By a sentence that says where."""
    with pytest.raises(Problems) as caught:
        read_texts([{"m.yaml": text}])
    assert all(p.where.line for p in caught.value.problems), caught.value.problems


@pytest.mark.parametrize("bands", ["[]", "[30, 30]", "[60, 30]", "[-1, 30]", "x", "[1.5]"])
@pytest.mark.parametrize("of", ["day", "net"])
def test_what_is_no_age(bands: str, of: str) -> None:
    text = f"""
module: m
grammar: 1
version: 1.0.0
entities:
  row: {{fields: {{day: {{type: date}}, net: {{type: money}}}}}}
aggregations:
  open: {{of: row, by: {{age: {{compute: {of}, ageing: {bands}}}}}, measures: {{net: SUM(net)}}}}
"""
    refused(text)


@pytest.mark.parametrize(
    ("spread", "measure"),
    [
        ("{value: net, from: starts, to: ends, by: month}", "COUNT(row.id)"),
        ("{value: net, from: starts, to: ends, by: month}", "AVG(row.net)"),
        ("{value: net, from: starts, to: ends, by: month}", "SUM(row.net * 2)"),
        ("{value: starts, from: starts, to: ends, by: month}", "MIN(row.net)"),
        ("{value: net, from: net, to: ends, by: month}", "MIN(row.net)"),
        ("{value: net, from: starts, to: net, by: month}", "MIN(row.net)"),
        ("{value: net, from: starts, to: ends, by: starts}", "MIN(row.net)"),
        ("{value: net, from: starts, by: month}", "MIN(row.net)"),
        ("{value: net, from: starts, to: ends, by: month, curve: z}", "MIN(row.net)"),
    ],
)
def test_what_cannot_be_spread(spread: str, measure: str) -> None:
    text = f"""
module: m
grammar: 1
version: 1.0.0
entities:
  row: {{fields: {{starts: {{type: date}}, ends: {{type: date}}, net: {{type: money}}}}}}
aggregations:
  plan:
    sources: {{row: {{of: row, by: {{starts: starts}}, spread: {spread}}}}}
    measures: {{net: "{measure}"}}
"""
    refused(text)
    good = text.replace(spread, "{value: net, from: starts, to: ends, by: month}").replace(measure, "SUM(row.net)")
    assert read_texts([{"m.yaml": good}])


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
    refused(text)
