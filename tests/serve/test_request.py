"""Query strings → questions: every name is known or refused with the nearest."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from engine.plan.question import Expand, Filter
from engine.serve.query import cursor, grouping, request
from engine.serve.query.parameters import Listed
from engine.serve.wire.fault import Refusal
from engine.serve.wire.parsing import pairs_of
from tests.serve import small

APP = small.app()
SHEET = APP.entities["m.sheet"]


def listing(query: str, me: object = small.ADMIN) -> request.Asking:
    return request.listing(APP, me, SHEET, pairs_of(query.encode()))  # type: ignore[arg-type]


def refused(query: str, me: object = small.ADMIN) -> list[tuple[str, str]]:
    with pytest.raises(Refusal) as caught:
        listing(query, me)
    assert caught.value.status == 400
    return [(f.code, f.hint.en) for f in caught.value.faults]


def test_a_full_question() -> None:
    asking = listing(
        "liability=own&claimed[gte]=8&team.name[contains]=%E9%92%A2&day[in]=2026-03-05,2026-03-06&late[null]=true"
        "&sort=-day,team.name&fields=day,team.name&expand=team,lines(worker)&limit=20&q=+x+&count=exact&where=late"
    )
    question = asking.question
    assert question.filters == (
        Filter("liability", "eq"),
        Filter("claimed", "gte"),
        Filter("team.name", "contains"),
        Filter("day", "in"),
        Filter("late", "null"),
    )
    assert asking.inputs == {
        "f0": "own",
        "f1": Decimal("8.00"),
        "f2": "钢",
        "f3": Listed("date", 0, (date(2026, 3, 5), date(2026, 3, 6))),
        "f4": True,
        "limit": 20,
        "q0": "x",
    }
    assert question.sort == ("-day", "team.name")
    assert question.expand == (Expand("team"), Expand("lines", (Expand("worker"),)))
    assert (question.count, question.search, question.where) == (True, 1, "late")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("amout=3", ("api.unknown-parameter", "did you mean amount?")),
        ("team.nme=x", ("api.unknown-parameter", "did you mean team.name?")),
        ("lines.hours=3", ("api.unknown-parameter", "did you mean lines?")),
        ("sort=dya", ("api.unknown-parameter", "did you mean day?")),
        ("expand=tem", ("api.unknown-parameter", "did you mean team?")),
        ("fields=lines,nope.x", ("api.unknown-parameter", "")),
        ("amount[contains]=3", ("api.operator", "possible: eq, ne, in, null, lt, lte, gt, gte")),
        ("amount[like]=3", ("api.operator", "possible: eq, ne, in, null, lt, lte, gt, gte")),
        ("limit=0", ("api.parameter", "1 to 1000")),
        ("limit=1001", ("api.parameter", "1 to 1000")),
        ("limit=-1", ("api.parameter", "1 to 1000")),
        ("limit=%EF%BC%95", ("api.parameter", "1 to 1000")),
        ("count=yes", ("api.parameter", "exact | estimated | none")),
        ("day=2026-13-01", ("value.date", "write 2026-03-05")),
        ("cursor=%00", ("api.cursor", "begin again without it")),
        ("cursor=bm9wZQ", ("api.cursor", "begin again without it")),
        ("q=a&q=b", ("api.twice", "")),
        ("'%20OR%201=1", ("api.unknown-parameter", "")),
    ],
)
def test_what_does_not_fit_is_refused_by_name(query: str, said: tuple[str, str]) -> None:
    assert said in refused(query)


def test_everything_wrong_is_told_at_once() -> None:
    assert len(refused("amout=1&sort=x&limit=x&expand=y")) == 4


@pytest.mark.parametrize(
    "query",
    [
        "expand=" + "project(" * 50,
        "expand=" + "lines(worker(" * 20_000,
        "expand=" + "team," * 5_000,
        "sort=" + "day," * 50,
        "fields=" + "day," * 500,
        "where=" + "(" * 50_000,
    ],
)
def test_what_is_endless_is_cut_off(query: str) -> None:
    if query.startswith("where"):
        assert listing(query).question.where  # the language itself says how long and deep
    else:
        assert refused(query)


def test_too_many_parameters() -> None:
    with pytest.raises(Refusal):
        pairs_of(b"&".join(b"day=2026-01-01" for _ in range(201)))


def test_hidden_fields_are_unknown() -> None:
    assert refused("secret=3", small.FOREMAN)[0][0] == "api.unknown-parameter"
    assert refused("sort=secret", small.FOREMAN)[0][0] == "api.unknown-parameter"
    assert listing("secret=3").inputs["f0"] == Decimal("3.00")


def test_bad_bytes_are_refused() -> None:
    with pytest.raises(Refusal):
        pairs_of(b"a=%ff")


def test_a_cursor_belongs_to_its_question() -> None:
    first = listing("sort=day&limit=10")
    told = cursor.made(["2026-03-05", None, "00000000-0000-7000-8000-00000000000a"], first.shape)
    again = listing(f"sort=day&limit=20&cursor={told}")
    assert again.inputs["c0"] == "2026-03-05"
    assert again.question.after == (False, True, False)
    assert refused(f"sort=-day&cursor={told}")[0][0] == "api.cursor"
    assert refused(f"sort=day&liability=own&cursor={told}")[0][0] == "api.cursor"


def test_figures_of_an_aggregation() -> None:
    asking = grouping.figures(
        APP, small.ADMIN, "m.work", "", pairs_of(b"by=project&measures=hours&project=x&totals=true")
    )
    assert asking.question.by == (("project", "project"),)
    assert asking.texts == ("x",)
    with pytest.raises(Refusal) as caught:
        grouping.figures(APP, small.ADMIN, "m.work", "", [("porject", "x")])
    assert caught.value.faults[0].hint.en == "did you mean project?"


def test_grouped_questions_name_their_expressions() -> None:
    asking = grouping.figures(
        APP, small.ADMIN, "", "m.sheet", [("by", "m:TO_MONTH(day), team"), ("measures", "s:SUM(a)")]
    )
    assert asking.question.by == (("m", "TO_MONTH(day)"), ("team", "team"))
    assert asking.question.measures == (("s", "SUM(a)"),)
