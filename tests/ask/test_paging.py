"""Sorting and paging equal a slow oracle: empty values last, ties, mixed directions, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cmp_to_key
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.plan.question import Filter, Question
from engine.problem import Problems
from tests.ask import world
from tests.ask.conftest import Both

SHEET = "m.sheet"
ROWS = 61
KEYS = ("sheet_date", "month", "at_time", "moment", "amount", "price", "count", "late", "note", "team.name",
        "project.code", "number", "liability", "team.project.name")  # fmt: skip


def made() -> world.Data:
    rnd = Random(7)
    data = world.standard()
    projects = [r["id"] for r in data.rows["m__project"]]
    teams = [r["id"] for r in data.rows["m__team"]]
    data.rows["m__sheet"], data.rows["m__sheet_line"] = [], []

    def some(*values: Any) -> Any:
        return rnd.choice((None, *values))

    for n in range(ROWS):
        day = date(2026, 1, 1) + timedelta(rnd.randrange(3) * 40)
        data.add(
            "m__sheet", world.ident(5, rnd.randrange(10**6) * 100 + n), number=some("A-1", "a-1", "中", "é"),
            project=some(*projects), team=some(*teams), sheet_date=some(day), month=some(day.replace(day=1)),
            at_time=some(time(8, 0, 1), time(8, 0, 2), time(23, 59, 59)),
            moment=some(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 0, 0, 1, tzinfo=UTC)),
            liability=some("own", "charge"),
            amount=some(Decimal("-0.01"), Decimal("0.00"), Decimal("999999999999999.99")),
            price=rnd.choice((Decimal("0.000001"), Decimal("-0.000001"), Decimal("2"))), count=some(-1, 0, 2**53 - 1),
            late=some(True, False), note=some("", "Zz", "zz", "~", "\U0001f600", "￥"),
        )  # fmt: skip
    for row in data.rows["m__sheet"]:
        row["_sort"] = row["number"]
    return data


DATA = made()


@pytest.fixture(scope="module")
def many(empty: Both) -> Iterator[Both]:
    empty.fill(world.app("sqlite"), DATA)
    return empty


def by_id(table: str, id_: Any) -> dict[str, Any]:
    return next((r for r in DATA.rows[table] if r["id"] == id_), {})


def value(row: dict[str, Any], path: str) -> Any:
    head, _, rest = path.partition(".")
    if not rest:
        return row.get(head)
    return value(by_id(f"m__{head}", row.get(head)), rest)


def sort_value(row: dict[str, Any], path: str) -> Any:
    """The companions of what leads a display: teams and projects are sorted as people sort them."""
    if path.endswith(".name"):
        *prefix, _ = path.split(".")
        return value(row, ".".join((*prefix, "_sort")))
    return value(row, path)


def oracle(sort: tuple[str, ...]) -> list[str]:
    keys = [(k.lstrip("-"), k.startswith("-")) for k in sort]
    keys.append(("id", keys[-1][1] if keys else False))

    def compare(a: dict[str, Any], b: dict[str, Any]) -> int:
        for path, down in keys:
            x, y = sort_value(a, path), sort_value(b, path)
            if x == y:
                continue
            if x is None or y is None:
                return 1 if x is None else -1
            return (1 if x > y else -1) * (-1 if down else 1)
        return 0

    return [r["id"] for r in sorted(DATA.rows["m__sheet"], key=cmp_to_key(compare))]


def pages(both: Both, sort: tuple[str, ...], limit: int, **more: Any) -> list[str]:
    out: list[str] = []
    question = Question(SHEET, fields=("number",), sort=sort, **more)
    inputs: dict[str, Any] = {"limit": limit}
    for _ in range(ROWS + 2):
        answer = both.ask(question, inputs)
        assert len(answer["items"]) <= limit
        out += [item["id"] for item in answer["items"]]
        if answer["next"] is None:
            return out
        keys = answer["next"]
        question = Question(SHEET, fields=("number",), sort=sort, after=tuple(k is None for k in keys), **more)
        inputs = {"limit": limit, **{f"c{n}": key for n, key in enumerate(keys)}}
    raise AssertionError("the pages do not end")


SORTS = st.lists(
    st.sampled_from([d + k for k in KEYS for d in ("", "-")]), max_size=3, unique_by=lambda s: s.lstrip("-")
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SORTS, st.integers(6, 40))
def test_pages_in_any_order_are_the_oracles(many: Both, sort: list[str], limit: int) -> None:
    assert pages(many, tuple(sort), limit) == oracle(tuple(sort))


def test_pages_of_one_are_whole(many: Both) -> None:
    assert pages(many, ("-late", "amount"), 1) == oracle(("-late", "amount"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SORTS, st.integers(6, 40))
def test_back_from_the_end_are_the_same_rows(many: Both, sort: list[str], limit: int) -> None:
    """From the last page back to the first: every page's items in the order of the list, nothing twice or left out."""
    forward = oracle(tuple(sort))
    question = Question(SHEET, fields=("number",), sort=tuple(sort))
    answer = many.ask(question, {"limit": limit})
    assert answer["prev"] is None
    while answer["next"] is not None:
        answer = many.ask(*turned(question, answer["next"], limit, back=False))
    seen: list[list[str]] = [[item["id"] for item in answer["items"]]]
    while answer["prev"] is not None:
        answer = many.ask(*turned(question, answer["prev"], limit, back=True))
        if answer["items"]:
            assert answer["next"] is not None
            seen.insert(0, [item["id"] for item in answer["items"]])
    assert [one for page in seen for one in page] == forward


def turned(question: Question, keys: list[Any], limit: int, back: bool) -> tuple[Question, dict[str, Any]]:
    inputs = {"limit": limit, **{f"c{n}": key for n, key in enumerate(keys)}}
    return replace(question, after=tuple(key is None for key in keys), back=back), inputs


def test_references_sort_as_people_read_them(many: Both) -> None:
    named = [value(r, "team._sort") for r in (by_id("m__sheet", i) for i in pages(many, ("team",), 50))]
    given = [n for n in named if n is not None]
    assert given == sorted(given)
    assert named == given + [None] * (len(named) - len(given))


def test_the_total_does_not_depend_on_the_page(many: Both) -> None:
    filters = (Filter("late", "eq"),)
    first = many.ask(Question(SHEET, filters=filters, count=True), {"limit": 3, "f0": True})
    rest = many.ask(
        Question(SHEET, filters=filters, count=True, after=(False,)), {"limit": 3, "f0": True, "c0": first["next"][0]}
    )
    assert first["items"][-1]["id"] < rest["items"][0]["id"]
    assert first["total"] == rest["total"] == sum(r["late"] is True for r in DATA.rows["m__sheet"])


@pytest.mark.parametrize("sort", ["lines", "tags", "team.nmae", "-nmae", "number.x", "lines.hours", "a.b.c.d.e.f.g"])
def test_what_cannot_be_sorted_by_is_refused(many: Both, sort: str) -> None:
    with pytest.raises(Problems):
        many.ask(Question(SHEET, sort=(sort,)))


def test_a_cursor_of_another_sort_is_refused(many: Both) -> None:
    with pytest.raises(Problems, match=r"ask\.cursor"):
        many.ask(Question(SHEET, sort=("number",), after=(False, False, False)))
