"""Figures equal a slow oracle: sources side by side, filters, each, having, sort, totals; on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.plan.question import FigureQuestion, Filter, Question
from engine.problem import Problems
from tests.ask.conftest import Both
from tests.ask.ledgers import DATA, PLACES
from tests.ask.world import ident

Row = dict[str, Any]
COST = "led.cost"
# the oracle -------------------------------------------------------------------------------------------------------


def tagged() -> list[Row]:
    """Rows of all sources with their dimensions; a source that is not split by one has nothing there."""
    out: list[Row] = []
    for table, source, dims in (
        ("led__budget", "budget", {"project": "project", "subject": "subject"}),
        ("led__entry", "entry", {"project": "project", "subject": "subject", "month": "period", "kind": "kind"}),
        ("led__income", "income", {"project": "project", "month": "month"}),
    ):
        for row in DATA.rows[table]:
            if source == "income" and row["good"] is not True:
                continue
            split = {d: row.get(dims[d]) if d in dims else None for d in ("project", "subject", "month", "kind")}
            out.append({"source": source, "row": row, **split})
    return out


ROWS = tagged()


def total(values: Iterable[Any]) -> Decimal:
    return sum((v for v in values if v is not None), Decimal())


def measures(rows: list[Row]) -> Row:
    entries = [r["row"] for r in rows if r["source"] == "entry"]
    nets = [e["net"] for e in entries if e["net"] is not None]
    done = [e["net"] for e in entries if e["net"] is not None and e["done"]]
    out: Row = {
        "budget": total(r["row"]["amount"] for r in rows if r["source"] == "budget"),
        "actual": total(e["net"] for e in entries if e["kind"] == "actual"),
        "commit": total(e["net"] for e in entries if e["kind"] == "commit"),
        "docs": len({e["doc"] for e in entries} - {None}),
        "entries": len(entries),
        "least": min(nets, default=None),
        "most": max(done, default=None),
        "first_day": min((e["day"] for e in entries if e["day"] is not None), default=None),
        "income": total(r["row"]["net"] for r in rows if r["source"] == "income"),
        "amount": total(e["quantity"] for e in entries),
    }
    out["open"] = max(out["commit"], Decimal())
    out["used"] = out["actual"] + out["open"]
    out["rate"] = (out["used"] / out["budget"]).quantize(Decimal("1e-6"), ROUND_HALF_UP) if out["budget"] else None
    out["margin"] = out["income"] - out["actual"]
    fine: dict[tuple[Any, Any], list[Row]] = {}
    for row in rows:
        fine.setdefault((row["project"], row["subject"]), []).append(row)
    out["to_come"] = sum((_to_come(group) for group in fine.values()), Decimal())
    out["forecast"] = out["actual"] + out["to_come"]
    return out


def _to_come(rows: list[Row]) -> Decimal:
    entries = [r["row"] for r in rows if r["source"] == "entry"]
    budget = total(r["row"]["amount"] for r in rows if r["source"] == "budget")
    actual = total(e["net"] for e in entries if e["kind"] == "actual")
    commit = max(total(e["net"] for e in entries if e["kind"] == "commit"), Decimal())
    return max(budget - (actual + commit), Decimal())


def oracle(by: tuple[str, ...], keep: Callable[[Row], bool]) -> dict[tuple[Any, ...], Row]:
    groups: dict[tuple[Any, ...], list[Row]] = {} if by else {(): []}
    for row in ROWS:
        if keep(row):
            groups.setdefault(tuple(row[d] for d in by), []).append(row)
    return {key: measures(rows) for key, rows in groups.items()}


def plain(value: Any, scale: int | None = 2) -> Any:
    if isinstance(value, Decimal):
        return f"{value:.{scale}f}"
    return value.isoformat() if isinstance(value, date) else value


SCALES = {"rate": 6, "amount": 4}
ASKED = ("budget", "actual", "commit", "docs", "entries", "least", "most", "first_day", "open", "used", "rate",
         "income", "margin", "to_come", "forecast", "amount")  # fmt: skip


def shown(found: Row, names: Iterable[str]) -> Row:
    return {name: plain(found[name], SCALES.get(name, 2)) for name in names}


def key_of(row: Row, by: tuple[str, ...]) -> tuple[Any, ...]:
    out = []
    for name in by:
        value = row[name]
        if isinstance(value, dict):
            value = value["id"]
        if name == "month" and value is not None:
            value = date.fromisoformat(f"{value}-01")
        out.append(value)
    return tuple(out)


def pairs(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((n, n) for n in names)


NARROW: dict[str, tuple[tuple[Filter, ...], dict[str, Any], Callable[[Row], bool]]] = {
    "all": ((), {}, lambda r: True),
    "one project": ((Filter("project", "eq"),), {"f0": ident(2, 1)}, lambda r: r["project"] == ident(2, 1)),
    "from february": (
        (Filter("month", "gte"),), {"f0": date(2026, 2, 1)},
        lambda r: r["month"] is not None and r["month"] >= date(2026, 2, 1),
    ),
    "not split": ((Filter("month", "null"),), {"f0": True}, lambda r: r["month"] is None),
    "nothing": ((Filter("project", "eq"),), {"f0": ident(9, 9)}, lambda r: False),
    "two": (
        (Filter("project", "in"), Filter("kind", "ne")), {"f0": f'["{ident(2, 0)}","{ident(2, 2)}"]', "f1": "commit"},
        lambda r: r["project"] in (ident(2, 0), ident(2, 2)) and r["kind"] not in (None, "commit"),
    ),
}  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["project", "subject", "month", "kind"]), max_size=3, unique=True),
    st.lists(st.sampled_from(ASKED), min_size=1, max_size=5, unique=True),
    st.sampled_from(sorted(NARROW)),
)
def test_any_split_of_any_measures_is_the_oracles(ledgers: Both, by: list[str], names: list[str], narrow: str) -> None:
    filters, inputs, keep = NARROW[narrow]
    question = FigureQuestion(COST, by=pairs(by), measures=pairs(names), filters=filters, totals=True)
    answer = ledgers.ask(question, inputs or {"limit": 1})
    split = tuple(by)
    wanted = oracle(split, keep)
    used = {"budget": ("budget", "rate", "to_come", "forecast")}
    got = {key_of(row, split): {n: row[n] for n in names} for row in answer["rows"]}
    # A group exists where a source that a measure looks at has rows; what the others have does not show.
    assert set(got) <= set(wanted)
    for key, found in wanted.items():
        if key in got:
            assert got[key] == shown(found, names)
        else:
            assert not any(v for n in names if (v := found[n]) is not None), (key, used)
    assert answer["totals"] == shown(oracle((), keep)[()], names)


def test_each_does_not_add_up_at_a_coarser_grain(ledgers: Both) -> None:
    whole = ledgers.ask(
        FigureQuestion(COST, measures=(("to_come", "to_come"), ("naive", "GREATEST(budget - used, 0)")))
    )
    fine = ledgers.ask(FigureQuestion(COST, by=pairs(("project", "subject")), measures=pairs(("to_come",))))
    assert Decimal(whole["rows"][0]["to_come"]) == total(Decimal(r["to_come"]) for r in fine["rows"])
    assert whole["rows"][0]["to_come"] != whole["rows"][0]["naive"]


def test_references_are_shown_and_sorted_as_people_read_them(ledgers: Both) -> None:
    rows = ledgers.ask(FigureQuestion(COST, by=pairs(("project",)), measures=pairs(("actual",))))["rows"]
    assert [r["project"] and r["project"]["display"] for r in rows] == ["P2", "P1", "P0", None]


def test_sort_limit_and_having(ledgers: Both) -> None:
    question = FigureQuestion(
        COST, by=(("p", "project"), ("m", "month")), measures=(("a", "actual"), ("n", "entries")),
        having="n > 5 AND a IS NOT NULL", sort=("-a", "m"), limit=True,
    )  # fmt: skip
    rows = ledgers.ask(question, {"limit": 3})["rows"]
    every = [v for v in oracle(("project", "month"), lambda r: True).values() if v["entries"] > 5]
    assert [Decimal(r["a"]) for r in rows] == sorted((v["actual"] for v in every), reverse=True)[:3]


def test_dimensions_through_paths(ledgers: Both) -> None:
    rows = ledgers.ask(FigureQuestion(COST, by=(("region", "project.region"),), measures=pairs(("actual",))))["rows"]
    regions = {r["id"]: r["region"] for r in DATA.rows["led__project"]}
    for row in rows:
        mine = [r for r in DATA.rows["led__entry"] if regions.get(r["project"]) == row["region"]]
        assert Decimal(row["actual"]) == total(r["net"] for r in mine if r["kind"] == "actual")


def test_a_slice_of_any_entity(ledgers: Both) -> None:
    question = FigureQuestion(
        entity="led.entry", by=(("month", "TO_MONTH(day)"), ("large", "net > settings.large")),
        measures=(("n", "COUNT(id)"), ("sum", "SUM(net WHERE done)"), ("mean", "sum / NULLIF(n, 0)")),
        filters=(Filter("project.region", "eq"),), where="kind = 'actual' OR count IN (1, 2)", having="n > 0",
    )  # fmt: skip
    answer = ledgers.ask(question, {"f0": "N"}, {"setting.large": Decimal(50)})
    regions = {r["id"]: r["region"] for r in DATA.rows["led__project"]}
    mine = [
        r for r in DATA.rows["led__entry"]
        if regions.get(r["project"]) == "N" and (r["kind"] == "actual" or r["count"] in (1, 2))
    ]  # fmt: skip
    assert sum(r["n"] for r in answer["rows"]) == len(mine)
    for row in answer["rows"]:
        group = [
            r for r in mine
            if (r["day"] and f"{r['day']:%Y-%m}") == row["month"]
            and (None if r["net"] is None else r["net"] > 50) == row["large"]
        ]  # fmt: skip
        assert (row["n"], Decimal(row["sum"])) == (len(group), total(r["net"] for r in group if r["done"]))


def test_every_source_is_the_readers(ledgers: Both) -> None:
    about = PLACES | {"me.clerk.projects": [ident(2, 1)]}
    question = FigureQuestion(
        COST, by=pairs(("project",)), measures=pairs(("budget", "commit", "actual")), roles=("clerk",)
    )
    rows = ledgers.ask(question, {}, about)["rows"]
    assert [r["project"]["id"] for r in rows] == [ident(2, 1)]
    found = measures([r for r in ROWS if r["project"] == ident(2, 1)])
    assert rows[0]["budget"] == plain(found["budget"])
    assert rows[0]["actual"] == plain(found["actual"])
    assert rows[0]["commit"] == "0.00", "a clerk reads no commitments"
    assert ledgers.ask(question, {}, PLACES)["rows"] == []


@pytest.mark.parametrize(
    ("question", "code"),
    [
        (FigureQuestion("led.cots"), "ask.unknown-figure"),
        (FigureQuestion(COST, measures=(("a", "actaul"),)), "ask.unknown-measure"),
        (FigureQuestion(COST, by=(("p", "projcet"),)), "ask.unknown-dimension"),
        (FigureQuestion(COST, by=(("p", "month.name"),)), "ask.not-a-reference"),
        (FigureQuestion(COST, measures=pairs(("actual",)), sort=("used",)), "ask.unknown-measure"),
        (FigureQuestion(COST, by=pairs(("project",)), measures=(("project", "actual"),)), "ask.twice"),
        (FigureQuestion(COST, filters=(Filter("nope", "eq"),)), "ask.unknown-dimension"),
        (FigureQuestion(COST, filters=(Filter("project", "gt"),)), "ask.operator"),
        (FigureQuestion(COST, where="project IS NULL"), "ask.unavailable"),
        (FigureQuestion(COST, measures=pairs(("amount",)), roles=("clerk",)), "ask.unknown-measure"),
        (FigureQuestion(COST, measures=pairs(("actual",)), roles=("nobody",)), "ask.closed"),
        (FigureQuestion(entity="led.entry", by=(("x", "x"),)), "expr.unknown-name"),
        (FigureQuestion(entity="led.entry", measures=(("x", "SUM(doc)"),)), "expr.type"),
        (FigureQuestion(entity="led.entry", measures=(("x", "SUM(quantity)"),), roles=("clerk",)), "expr.unknown-name"),
        (
            FigureQuestion(entity="led.entry", by=(("m", "MONTH(day)"),), measures=(("n", "COUNT(id)"),)),
            "expr.dimension",
        ),
        (FigureQuestion(entity="led.entry"), "ask.no-measures"),
        (FigureQuestion(entity="led.nope", measures=(("n", "COUNT(id)"),)), "ask.unknown-entity"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(ledgers: Both, question: FigureQuestion, code: str) -> None:
    with pytest.raises(Problems) as refused:
        ledgers.ask(question)
    assert code in {p.code for p in refused.value.problems}


def test_live_fields_are_computed_when_read(ledgers: Both) -> None:
    items = ledgers.ask(Question("led.project", fields=("spent", "entries"), sort=("-spent",)), {"limit": 9})["items"]
    for item in items:
        mine = [r for r in DATA.rows["led__entry"] if r["project"] == item["id"]]
        assert item["spent"] == plain(total(r["net"] for r in mine if r["kind"] == "actual"))
        assert item["entries"] == len(mine)
    spent = [Decimal(i["spent"]) for i in items]
    assert spent == sorted(spent, reverse=True)
    twice = ledgers.ask(Question("led.entry", where="twice > 100", fields=("net",)), {"limit": 999})["items"]
    assert len(twice) == sum(r["net"] is not None and r["net"] * 2 > 100 for r in DATA.rows["led__entry"])
