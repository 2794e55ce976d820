"""Figures of records that hang under each other: each with all below it, equal a slow reckoning, on both databases."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from engine.plan.question import FigureQuestion, Filter, Question
from engine.problem import Problems
from tests.ask.conftest import Both
from tests.ask.ledgers import DATA, PARENTS, PLACES
from tests.ask.test_figures import pairs, plain
from tests.ask.world import ident

TREE = "led.tree"
NAMES = ("net", "entries", "docs", "average", "least", "positive", "held")
ENTRIES = DATA.rows["led__entry"]


def subject(n: int) -> str:
    return ident(3, n)


def below(n: int) -> set[str]:
    """A subject and all under it."""
    return {subject(n)}.union(*(below(child) for child, parent in PARENTS.items() if parent == n))


def level(n: int) -> int:
    return 1 + level(PARENTS[n]) if n in PARENTS else 1


def reckoned(rows: list[dict[str, Any]]) -> dict[str, Any]:
    nets = [r["net"] for r in rows if r["net"] is not None]
    by_subject: dict[Any, Decimal] = {}
    for row in rows:
        by_subject[row["subject"]] = by_subject.get(row["subject"], Decimal()) + (row["net"] or 0)
    last = max((r["period"] for r in rows if r["period"]), default=None)
    average = (sum(nets, Decimal()) / len(nets)).quantize(Decimal("1e-6"), ROUND_HALF_UP) if nets else None
    return {
        "net": plain(sum(nets, Decimal())),
        "entries": len(rows),
        "docs": len({r["doc"] for r in rows} - {None}),
        "average": plain(average, None) if average is None else average,
        "least": plain(min(nets, default=None)),
        "positive": plain(sum((max(v, Decimal()) for v in by_subject.values()), Decimal())),
        "held": plain(sum((r["net"] or Decimal() for r in rows if r["period"] == last), Decimal())),
    }


def judge(row: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    wanted = reckoned(rows)
    average = wanted.pop("average")
    assert {k: row[k] for k in wanted} == wanted, row["subject"]
    assert (row["average"] is None) == (average is None)
    if average is not None:
        places = len(row["average"].partition(".")[2])
        exact = sum((r["net"] for r in rows if r["net"] is not None), Decimal())
        exact /= len([r for r in rows if r["net"] is not None])
        assert Decimal(row["average"]) == exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def ask(ledgers: Both, inputs: dict[str, Any] | None = None, about: Any = None, **more: Any) -> dict[str, Any]:
    question = FigureQuestion(TREE, by=pairs(("subject",)), measures=pairs(NAMES), tree="subject", totals=True, **more)
    answer: dict[str, Any] = ledgers.ask(question, inputs or {"limit": 1}, about)
    return answer


def found(answer: dict[str, Any]) -> dict[str | None, dict[str, Any]]:
    return {r["subject"] and r["subject"]["id"]: r for r in answer["rows"]}


def test_each_with_all_below_it(ledgers: Both) -> None:
    """What is of no subject stands by itself; the total has every entry once."""
    answer = ask(ledgers)
    rows = found(answer)
    assert set(rows) == {subject(n) for n in range(6)} | {None}
    for n in range(6):
        judge(rows[subject(n)], [e for e in ENTRIES if e["subject"] in below(n)])
        assert rows[subject(n)]["subject"]["level"] == level(n)
    judge(rows[None], [e for e in ENTRIES if e["subject"] is None])
    assert answer["totals"]["entries"] == len(ENTRIES)
    order = [r["subject"]["id"] for r in answer["rows"] if r["subject"]]
    assert order == [subject(n) for n in (3, 0, 4, 1, 2, 5)]  # from the top down, as a tree is read


@pytest.mark.parametrize(("words", "wanted"), [
    ({"level": 1}, [3, 5]), ({"level": 2}, [0, 4]), ({"level": 3}, [1, 2]), ({"level": 4}, []),
    ({"depth": 2}, [3, 0, 4, 5]),
])  # fmt: skip
def test_some_levels(ledgers: Both, words: dict[str, int], wanted: list[int]) -> None:
    answer = ask(ledgers, **words)
    assert [r["subject"]["id"] for r in answer["rows"]] == [subject(n) for n in wanted]
    for n, row in zip(wanted, answer["rows"], strict=True):
        judge(row, [e for e in ENTRIES if e["subject"] in below(n)])
    assert answer["totals"]["entries"] == len(ENTRIES)


@pytest.mark.parametrize(("words", "wanted"), [({}, [0, 4, 1, 2]), ({"level": 1}, [0, 4]), ({"level": 2}, [1, 2])])
def test_below_one(ledgers: Both, words: dict[str, int], wanted: list[int]) -> None:
    """With the filter that the door adds: the total is what the one above it has."""
    more: dict[str, Any] = {"below": True, "filters": (Filter("subject", "under"),), **words}
    answer = ask(ledgers, {"below": subject(3), "f0": subject(3)}, **more)
    assert [r["subject"]["id"] for r in answer["rows"]] == [subject(n) for n in wanted]
    for n, row in zip(wanted, answer["rows"], strict=True):
        judge(row, [e for e in ENTRIES if e["subject"] in below(n)])
    assert answer["totals"]["entries"] == len([e for e in ENTRIES if e["subject"] in below(3)])


def test_a_filter_takes_all_below(ledgers: Both) -> None:
    question = FigureQuestion(TREE, measures=pairs(("entries",)), filters=(Filter("subject", "under"),))
    assert ledgers.ask(question, {"f0": subject(4)})["rows"][0]["entries"] == len(
        [e for e in ENTRIES if e["subject"] in below(4)]
    )
    listed = Question("led.entry", filters=(Filter("subject", "under"),))
    assert set(ledgers.ids(listed, {"limit": 1000, "f0": subject(4)})) == {
        e["id"] for e in ENTRIES if e["subject"] in below(4)
    }
    with pytest.raises(Problems) as refused:
        ledgers.ask(FigureQuestion(TREE, measures=pairs(("net",)), filters=(Filter("project", "under"),)))
    assert {p.code for p in refused.value.problems} == {"ask.operator"}


def test_beside_other_dimensions_and_along_time(ledgers: Both) -> None:
    by = pairs(("subject", "month"))
    rows = ledgers.ask(FigureQuestion(TREE, by=by, measures=pairs(("net", "docs", "so_far")), tree="subject"))["rows"]
    for n in range(6):
        so_far = Decimal()
        for row in (r for r in rows if r["subject"] and r["subject"]["id"] == subject(n) and r["month"]):
            held = [e for e in ENTRIES if e["subject"] in below(n) and e["period"] is not None]
            mine = [e for e in held if f"{e['period']:%Y-%m}" == row["month"]]
            net = sum((e["net"] or Decimal() for e in mine), Decimal())
            so_far += net
            assert (row["net"], row["so_far"]) == (plain(net), plain(so_far))
            assert row["docs"] == len({e["doc"] for e in mine} - {None})


def test_of_records_without_a_pack_asking(ledgers: Both) -> None:
    question = FigureQuestion(
        entity="led.entry", by=(("s", "subject"),), measures=(("n", "COUNT(id)"),), tree="s", level=1
    )
    rows = ledgers.ask(question)["rows"]
    assert {r["s"]["id"]: r["n"] for r in rows} == {
        subject(n): len([e for e in ENTRIES if e["subject"] in below(n)]) for n in (3, 5)
    }


def test_rights_are_not_left_behind(ledgers: Both) -> None:
    """His own rows alone are summed; a subject that he may not read holds nothing but what is booked on it."""
    mine = PLACES | {"me.clerk.projects": [ident(2, 1)]}
    rows = found(ask(ledgers, about=mine, roles=("clerk",)))
    seen = [e for e in ENTRIES if e["project"] == ident(2, 1) and e["kind"] == "actual"]
    for n in range(6):
        if own := [e for e in seen if e["subject"] in below(n)]:
            judge(rows.pop(subject(n)), own)
    assert set(rows) <= {None}
    rows = found(ask(ledgers, about=PLACES, roles=("shy",)))
    seen = [e for e in ENTRIES if e["kind"] == "actual"]
    for n in range(6):
        if own := [e for e in seen if e["subject"] in (below(n) if n != 4 else {subject(4)})]:
            judge(rows.pop(subject(n)), own)
    assert set(rows) <= {None}


@pytest.mark.parametrize(("tree", "by", "code"), [
    ("subject", ("month",), "ask.unknown-dimension"), ("project", ("project",), "ask.unavailable"),
    ("month", ("month",), "ask.unavailable"),
])  # fmt: skip
def test_what_is_no_tree(ledgers: Both, tree: str, by: tuple[str, ...], code: str) -> None:
    with pytest.raises(Problems) as refused:
        ledgers.ask(FigureQuestion(TREE, by=pairs(by), measures=pairs(("net",)), tree=tree))
    assert {p.code for p in refused.value.problems} == {code}
