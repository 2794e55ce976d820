"""``where=``: typed like every expression, its constants bound, its reader's eyes; and the rules of access."""

from __future__ import annotations

import pytest

from engine.plan.question import Filter, Question
from engine.problem import Problems
from tests.ask.conftest import Both
from tests.ask.ledgers import DATA, PLACES
from tests.ask.world import ident

ENTRY = "led.entry"
ENTRIES = DATA.rows["led__entry"]


def test_constants_are_bound_so_shapes_share_a_statement(ledgers: Both) -> None:
    door = ledgers.doors[0]
    one = ledgers.made(door, Question(ENTRY, where="doc = 'a' AND net > 1")).statement
    two = ledgers.made(door, Question(ENTRY, where="doc = 'x''; DROP TABLE y' AND net > 2.50")).statement
    assert one.sql == two.sql
    assert next(p.value for p in two.params if p.source == "literal") == "x'; DROP TABLE y"


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("kind = 'actual' AND NOT done", lambda r: r["kind"] == "actual" and r["done"] is False),
        ("net IS NULL OR net < 0", lambda r: r["net"] is None or r["net"] < 0),
        ("project.region = 'N'", lambda r: _region(r) == "N"),
        ("TO_MONTH(day) = period", lambda r: r["period"] is not None and r["day"] is not None
         and r["day"].replace(day=1) == r["period"]),
        ("COUNT(budget WHERE project = this.project) > 9", lambda r: r["project"] is not None
         and sum(b["project"] == r["project"] for b in DATA.rows["led__budget"]) > 9),
        ("doc IN ('É', '中')", lambda r: r["doc"] in ("É", "中")),
        ("STARTS_WITH(doc, 'É')", lambda r: r["doc"] is not None and r["doc"].startswith("É")),
    ],
)  # fmt: skip
def test_conditions_hold_only_when_true(ledgers: Both, text: str, keep: object) -> None:
    assert callable(keep)
    wanted = {r["id"] for r in ENTRIES if keep(r)}
    assert set(ledgers.ids(Question(ENTRY, where=text), {"limit": 999})) == wanted


def _region(row: dict[str, object]) -> object:
    return next((p["region"] for p in DATA.rows["led__project"] if p["id"] == row["project"]), None)


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("nett > 1", "expr.unknown-name", 1),
        ("net > 1 AND dco = 'a'", "expr.unknown-name", 13),
        ("net + 1", "expr.expects", 1),
        ("net = NULL", "expr.null-compare", 5),
        ("doc = 'a'; DROP TABLE x", "expr.block", 10),
        ("net > 1 -- all", "expr.comment", 9),
        ("net > $1", "expr.placeholder", 7),
        ("project.secret = 1", "expr.unknown-name", 9),
        ("pg_sleep(10) IS NULL", "expr.unknown-function", 1),
        ("1 < net < 3", "expr.chained", 9),
        ("（net > 1）", "expr.full-width", 1),
        ("net > 1 OR", "expr.ends", 11),
        ("(SELECT 1) = 1", "expr.command", 2),
        ("kind = 'actaul'", "expr.unknown-option", 8),
        ("(" * 60 + "done" + ")" * 60, "expr.too-deep", 0),
    ],
)
def test_what_is_wrong_is_said_with_its_column(ledgers: Both, text: str, code: str, column: int) -> None:
    with pytest.raises(Problems) as refused:
        ledgers.made(ledgers.doors[0], Question(ENTRY, where=text))
    found = refused.value.problems
    assert code in [p.code for p in found]
    if column:
        assert column in [p.where.column for p in found], [(p.code, p.where) for p in found]


def test_a_rule_admits_rows_and_roles_add_up(ledgers: Both) -> None:
    mine = PLACES | {"me.clerk.projects": [ident(2, 1), ident(2, 2)]}
    seen = set(ledgers.ids(Question(ENTRY, roles=("clerk",)), {"limit": 999}, about=mine))
    assert seen == {
        r["id"] for r in ENTRIES if r["project"] in mine["me.clerk.projects"] and r["kind"] == "actual"
    }  # fmt: skip
    both = ledgers.ids(Question(ENTRY, roles=("clerk", "keeper")), {"limit": 999}, about=mine)
    assert len(both) == len(ENTRIES)
    everywhere = PLACES | {"me.clerk.everywhere": True}
    wide = ledgers.ids(Question(ENTRY, roles=("clerk",)), {"limit": 999}, about=everywhere)
    assert set(wide) == {r["id"] for r in ENTRIES if r["kind"] == "actual"}


def test_another_record_is_only_seen_where_it_may_be_read(ledgers: Both) -> None:
    """A clerk's subjects are open, his projects are his own: paths over others give nothing, displays stay."""
    mine = PLACES | {"me.clerk.projects": [ident(2, 1)], "me.clerk.everywhere": False}
    answer = ledgers.ask(Question("led.budget", fields=("project", "project.region"), roles=("clerk",)), None, mine)
    assert {i["project"]["display"] for i in answer["items"]} == {"P1"}
    region = next(p["region"] for p in DATA.rows["led__project"] if p["id"] == ident(2, 1))
    assert {i["project.region"] for i in answer["items"]} == {region}


def test_aggregates_and_figures_in_a_condition_are_the_readers(ledgers: Both) -> None:
    mine = PLACES | {"me.clerk.projects": [ident(2, 1), ident(2, 2)]}

    def asked(text: str, about: dict[str, object], *roles: str) -> set[str]:
        return set(ledgers.ids(Question("led.project", where=text, roles=roles), {"limit": 9}, about=about))

    for text in ("COUNT(entry WHERE project = this.id AND kind = 'commit') > 0",
                 "FIGURE(cost.commit WHERE project = this.id) <> 0"):  # fmt: skip
        assert ident(2, 1) in asked(text, mine, "keeper")
        assert asked(text, mine, "clerk") == set(), "a clerk reads no commitments"
    with pytest.raises(Problems, match=r"expr\.unknown-figure"):
        asked("FIGURE(cost.amount WHERE project = this.id) > 0", mine, "clerk")


def test_what_is_computed_when_read_is_as_hidden_as_what_it_reads(ledgers: Both) -> None:
    for question in (
        Question(ENTRY, fields=("thrice",), roles=("clerk",)),
        Question(ENTRY, where="thrice > 1", roles=("clerk",)),
    ):
        with pytest.raises(Problems):
            ledgers.made(ledgers.doors[0], question)
    item = ledgers.ask(Question(ENTRY, roles=("clerk",)), None, PLACES | {"me.clerk.everywhere": True})["items"][0]
    assert "twice" in item
    assert not {"thrice", "quantity"} & set(item)


def test_a_mask_holds_row_by_row(ledgers: Both) -> None:
    """A keeper sees quantities everywhere; with both roles a row is shown as the kinder of them shows it."""
    mine = PLACES | {"me.clerk.projects": [ident(2, 1)]}
    fields = ("quantity", "kind")
    both = ledgers.ask(Question(ENTRY, fields=fields, roles=("clerk", "keeper")), {"limit": 999}, mine)["items"]
    assert any(i["quantity"] for i in both)
    for question in (
        Question(ENTRY, fields=("quantity",), roles=("clerk",)),
        Question(ENTRY, where="quantity > 1", roles=("clerk",)),
        Question(ENTRY, filters=(Filter("quantity", "gt"),), roles=("clerk",)),
        Question(ENTRY, sort=("quantity",), roles=("clerk",)),
    ):
        with pytest.raises(Problems):
            ledgers.made(ledgers.doors[0], question)


def test_access_says_on_which_records(ledgers: Both) -> None:
    roots = [r["id"] for r in ENTRIES[:20]]
    for door in ledgers.doors:
        app = door.make_app(door.database.dialect)
        assert door.asker.access(app, ENTRY, "delete", ("clerk",)) is None
        statement = door.asker.access(app, ENTRY, "read", ("clerk",))
        assert statement is not None
        rows = door.run(statement, {"roots": roots}, PLACES | {"me.clerk.projects": [ident(2, 1)]})
        wanted = {r["id"] for r in ENTRIES[:20] if r["project"] == ident(2, 1) and r["kind"] == "actual"}
        assert {str(row[0]) for row in rows} == wanted


def test_nobody_reads_what_no_role_opens(ledgers: Both) -> None:
    with pytest.raises(Problems, match=r"ask\.closed"):
        ledgers.made(ledgers.doors[0], Question(ENTRY, roles=("stranger",)))
