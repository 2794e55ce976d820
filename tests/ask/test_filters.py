"""Every operator on every type of field says on both databases what Python says; nothing typed reaches the SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from engine.fieldtypes import REGISTRY
from engine.fieldtypes.storage import encode_list
from engine.plan.question import Expand, Filter, Question
from engine.problem import Problems
from tests.ask.conftest import Both
from tests.ask.world import ident, standard

SHEET = "m.sheet"
ROWS = [r for r in standard().rows["m__sheet"] if r["deleted_at"] is None]

VALUES: dict[str, tuple[Any, ...]] = {
    "number": ("DG-1", "dg", "", "'"),
    "note": ("a_b%", "hello", "%", "\\", "'; DROP TABLE x; --", '"'),
    "sheet_date": (date(2026, 2, 6), date(2027, 1, 1)),
    "month": (date(2026, 2, 1),),
    "at_time": (time(9, 1, 5),),
    "moment": (datetime(2026, 3, 1, 6, 30, 6, tzinfo=UTC),),
    "amount": (Decimal("0.00"), Decimal("-12.30"), Decimal("999999999999999.99")),
    "price": (Decimal("3.123456"),),
    "count": (0, -(2**53) + 1),
    "late": (True, False),
    "liability": ("own", "nothing"),
    "team": (ident(3, 1), ident(9, 9)),
    "tags": ("x", "'", "x,y"),
    "place": (),
}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "starts": lambda a, b: a.lower().startswith(b.lower()),
    "contains": lambda a, b: b in a if isinstance(a, list) else b.lower() in a.lower(),
}


@pytest.mark.parametrize("name", VALUES)
def test_every_operator_of_the_type(both: Both, name: str) -> None:
    app = both.doors[0].make_app("sqlite")
    field = app.entities[SHEET].fields[name]
    for operator in REGISTRY[field.spec.type].operators:
        question = Question(SHEET, filters=(Filter(name, operator),), fields=("number",))  # type: ignore[arg-type]
        if operator == "null":
            for empty in (True, False):
                wanted = [r["id"] for r in ROWS if (r[name] is None) == empty]
                assert both.ids(question, {"limit": 99, "f0": empty}) == wanted
            continue
        if operator == "in":
            given = VALUES[name]
            wanted = [r["id"] for r in ROWS if r[name] in given]
            for door in both.doors:
                text = encode_list(field.kind, field.scale, door.database.dialect, given)
                made = both.made(door, question)
                rows = door.run(made.statement, {"limit": 99, "f0": text}, {"language.language": "zh"})
                assert all(i in rows[0][0] for i in wanted)
                assert rows[0][0].count('"rev"') == len(wanted)
            continue
        for value in VALUES[name]:
            wanted = [r["id"] for r in ROWS if r[name] is not None and COMPARE[operator](r[name], value)]
            assert both.ids(question, {"limit": 99, "f0": value}) == wanted, (operator, value)


def test_a_filter_says_the_type_of_its_value(both: Both) -> None:
    filters = (Filter("team.name", "contains"), Filter("amount", "gte"), Filter("project", "in"))
    made = both.made(both.doors[0], Question(SHEET, filters=filters))
    assert [spec.type for spec in made.filters] == ["text", "money", "ref"]


def test_operators_a_type_does_not_have_are_refused(both: Both) -> None:
    filters = (Filter("late", "gt"), Filter("liability", "contains"), Filter("place", "eq"), Filter("nmuber", "eq"))
    with pytest.raises(Problems) as refused:
        both.made(both.doors[0], Question(SHEET, filters=filters))
    codes = [p.code for p in refused.value.problems]
    assert codes == ["ask.operator", "ask.operator", "ask.operator", "ask.unknown-field"]
    assert refused.value.problems[3].hint.en == "did you mean number?"


HOSTILE = ("'", '"', "x' OR '1'='1", 'id" OR 1=1 --', "a;b", "$1", "?1", "", ".", "..", "team.", ".team", "team..name",
           "*", "t1.id", "_find", "rowid", "deleted_at; DROP", "\x00", "lines", "lines.hours", "number.x", "x" * 5000,
           "{0}", "%s", "名称")  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE)
def test_nothing_but_names_of_fields_passes(both: Both, path: str) -> None:
    door = both.doors[0]
    for question in (
        Question(SHEET, filters=(Filter(path, "eq"),)),
        Question(SHEET, sort=(path,)),
        Question(SHEET, sort=(f"-{path}",)),
        Question(SHEET, expand=(Expand(path if path != "lines" else "liens"),)),
        Question(SHEET, expand=(Expand("team", (Expand(path),)),)),
        Question(path),
    ):
        with pytest.raises(Problems):
            both.made(door, question)
    if path != "lines":
        with pytest.raises(Problems):
            both.made(door, Question(SHEET, fields=(path,)))


def test_one_statement_whatever_is_asked(both: Both) -> None:
    """By construction: an answer is one statement, and it gives one row."""
    expand = (Expand("team", (Expand("project", (Expand("manager"),)),)), Expand("lines", (Expand("worker"),)))
    question = Question(SHEET, expand=expand, filters=(Filter("project.manager.name", "contains"),), count=True)
    for door in both.doors:
        made = both.made(door, question)
        assert isinstance(made.statement.sql, str)
        assert ";" not in made.statement.sql
        assert len(door.run(made.statement, {"limit": 50, "f0": ""}, {"language.language": "zh"})) == 1


def test_the_same_question_is_made_once(both: Both) -> None:
    door = both.doors[0]
    first = both.made(door, Question(SHEET, sort=("-sheet_date",)))
    assert both.made(door, Question(SHEET, sort=("-sheet_date",))) is first
