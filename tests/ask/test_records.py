"""Records: what a list and a record answer, alike on both databases."""

from __future__ import annotations

from engine.plan.question import Expand, Filter, Question
from tests.ask.conftest import Both
from tests.ask.world import ident

SHEET = "m.sheet"


def test_one_record_with_its_lines_references_and_every_type(both: Both) -> None:
    answer = both.ask(Question(SHEET, one=True), {"id": ident(5, 11)})
    assert answer["display"] == "DG-1 O'Neil 自有成本"
    assert answer["team"] == {"id": ident(3, 3), "display": "O'Neil@P0"}
    assert (answer["amount"], answer["price"], answer["count"]) == ("61.50", "11.123456", 2)
    assert (answer["sheet_date"], answer["month"], answer["at_time"]) == ("2026-03-12", "2026-03", "10:11")
    assert (answer["moment"], answer["late"], answer["tags"]) == ("2026-03-01T11:30:11Z", False, None)
    assert [line["worker"]["display"] for line in answer["lines"]] == ["W0", "W3"]
    assert answer["created_by"] == {"id": ident(1, 1), "display": "李工"}


def test_a_record_that_is_not_there_or_in_the_bin_gives_no_row(both: Both) -> None:
    assert both.ask(Question(SHEET, one=True), {"id": ident(5, 99)}) is None
    assert both.ask(Question(SHEET, one=True), {"id": ident(5, 13)}) is None
    in_bin = both.ask(Question(SHEET, one=True, bin=True), {"id": ident(5, 13)})
    assert in_bin["deleted_at"] == "2026-05-01T00:00:00Z"
    assert len(in_bin["lines"]) == 1


def test_lists_select_fields_and_dotted_columns(both: Both) -> None:
    fields = ("number", "team.name", "project.manager", "late")
    answer = both.ask(Question(SHEET, fields=fields, sort=("-number", "id"), count=True), {"limit": 2})
    assert answer["total"] == 13
    assert list(answer["items"][0]) == ["id", "rev", "display", *fields]
    assert answer["items"][0]["project.manager"] == {"id": ident(1, 1), "display": "李工"}
    assert answer["next"] == ["s2", answer["items"][1]["id"]]


def test_expansions_nest(both: Both) -> None:
    expand = (Expand("team", (Expand("project"),)), Expand("lines", (Expand("worker"),)))
    answer = both.ask(Question(SHEET, expand=expand, fields=("number",)), {"limit": 1000})
    item = next(i for i in answer["items"] if i["id"] == ident(5, 11))
    assert item["team"]["project"]["code"] == "P0"
    assert [line["worker"]["name"] for line in item["lines"]] == ["W0", "W3"]
    assert [w["display"] for w in item["lines"][1]["worker"]["skills"]] == []
    assert next(i for i in answer["items"] if i["id"] == ident(5, 5))["team"] is None


def test_search_finds_the_companions(both: Both) -> None:
    assert both.ids(Question(SHEET, search=1), {"limit": 9, "q0": "DG-12"}) == [ident(5, 12)]
    assert both.ids(Question(SHEET, search=1, filters=(Filter("late", "eq"),)),
                    {"limit": 9, "q0": "%", "f0": True}) == []  # fmt: skip
