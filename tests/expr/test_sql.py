"""SQL where it will stand: aliases, joins, bound values, wrappers, aggregates, figures; and what is known of an expression."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

import pytest

from engine.expr.build import (
    Binder,
    Context,
    Expr,
    Joins,
    Key,
    Scope,
    emit,
    fails_only_when_false,
    holds_only_when_true,
    parse_expression,
    to_program,
    to_sql,
)
from engine.expr.build.api import Dialect
from engine.expr.build.reference import PAGE, page
from engine.expr.build.say import say
from engine.expr.run.evaluate import fails, holds
from engine.expr.run.sqlite_functions import register
from engine.expr.run.types import Type
from tests.expr.world import make_world

WORLD = make_world()


def parse(text: str, entity: str = "labor.sheet", this: str = "", expect: Type | None = None, **more: object) -> Expr:
    return parse_expression(text, Scope(WORLD, "labor", entity, this, **more), expect)  # type: ignore[arg-type]


def sql(text: str, dialect: Dialect = "sqlite", entity: str = "labor.sheet", this: str = "", **more: object) -> str:
    return to_sql(parse(text, entity, this, **more), Context(Binder(dialect), "r", "t" if this else ""))


def test_own_columns_take_any_alias() -> None:
    expr = parse("amount > claimed")
    for alias in ("r", "i", "excluded", '"labor__sheet"'):
        assert to_sql(expr, Context(Binder("sqlite"), alias)) == f'({alias}."amount" > {alias}."claimed")'


def test_a_reference_is_a_subquery_or_a_join() -> None:
    expr = parse("project.company.name = 'x' AND project.company.tax_rate > 0.1")
    binder = Binder("sqlite")
    joins = Joins(binder)
    joined = to_sql(expr, Context(binder, "r", joins=joins))
    assert joined == """((_e2."name" = 'x') AND (_e2."tax_rate" > 100000))"""
    assert joins.sql == (
        ' LEFT JOIN "base__project" AS _e1 ON _e1.id = r."project" LEFT JOIN "base__company" AS _e2 ON _e2.id = _e1."company"'
    )
    assert sql("project.code") == '(SELECT _e1."code" FROM "base__project" AS _e1 WHERE _e1.id = r."project")'
    assert sql("project.id = project") == '(r."project" = r."project")', "an id needs no journey"


def test_the_holder_is_this() -> None:
    assert sql("worker = this.worker AND id <> this.id", entity="labor.line", this="labor.line") == (
        '((r."worker" = t."worker") AND (r."id" <> t."id"))'
    )
    assert sql("COUNT(line WHERE worker = this.worker)", entity="labor.line") == (
        '(SELECT COUNT(*) FROM "labor__line" AS _e1 WHERE _e1.deleted_at IS NULL AND (_e1."worker" = r."worker"))'
    )


def test_another_relation_may_stand_for_a_table() -> None:
    context = Context(Binder("sqlite"), "r", relation=lambda entity, table: f"visible_{table}")
    assert "FROM visible_labor__line AS" in to_sql(parse("SUM(lines.amount)"), context)


def test_words_are_rows_or_bound() -> None:
    expr = parse("old.amount <> amount", extra={"old": "labor.sheet"})
    assert to_sql(expr, Context(Binder("sqlite"), "r", roots={"old": "o"})) == '(o."amount" <> r."amount")'
    binder = Binder("postgresql")
    assert to_sql(expr, Context(binder, "r")) == '($1::numeric <> r."amount")'
    assert binder.keys == [Key("old", "amount", "decimal", 2)]
    board = parse("month = board.month", extra={"board": {"month": Type("month")}})
    assert board.params == {("board", "month")}


def test_bound_values_have_one_number_each() -> None:
    binder = Binder("postgresql")
    text = "created_by = me AND amount > settings.office_limit AND updated_by = me AND sheet_date < today()"
    made = to_sql(parse(text), Context(binder, "r"))
    assert made == (
        '((r."created_by" = $1::uuid) AND (r."amount" > $2::numeric) AND (r."updated_by" = $1::uuid)'
        ' AND (r."sheet_date" < $3::date))'
    )
    assert [(k.source, k.name, k.kind) for k in binder.keys] == [
        ("me", "id", "uuid"), ("setting", "office_limit", "decimal"), ("today", "", "date"),
    ]  # fmt: skip


def test_literals_may_be_bound() -> None:
    binder = Binder("sqlite", literals=True)
    made = to_sql(parse("amount > 12.3 AND note = 'x' AND sheet_date > '2026-01-01' AND late = TRUE"), Context(binder))
    assert made == '((r."amount" > ?1) AND (r."note" = ?2) AND (r."sheet_date" > ?3) AND (r."late" = TRUE))'
    assert [k.value for k in binder.keys] == [Decimal("12.30"), "x", "2026-01-01"]


def test_places_of_a_role() -> None:
    text = "project IN me.projects"
    assert sql(text) == '(r."project" IN (SELECT value FROM json_each(?1)))'
    expr = parse(text, role="foreman")
    assert expr.params == {("me", "foreman.projects"), ("me", "foreman.everywhere")}
    assert parse("project IN me.any_projects", role="foreman").params == {("me", "any_projects")}
    row = {"project": {"id": "p1", "display": "P"}}
    for ids, everywhere, wanted in ((["p1"], False, True), (["p2"], False, False), ([], True, True)):
        assert (
            holds(to_program(expr), row, {"me": {"foreman.projects": ids, "foreman.everywhere": everywhere}}) is wanted
        )


@pytest.mark.parametrize(
    ("value", "check_fails", "condition_holds"), [("1", False, True), ("0", True, False), ("NULL", False, False)]
)
def test_unknown_is_neither(value: str, check_fails: bool, condition_holds: bool) -> None:
    connection = sqlite3.connect(":memory:")
    run = lambda text: bool(connection.execute(f"SELECT {text}").fetchone()[0])  # noqa: E731
    assert run(fails_only_when_false(value)) is not check_fails
    assert run(holds_only_when_true(value)) is condition_holds
    connection.close()
    row = {"late": {"1": True, "0": False, "NULL": None}[value]}
    program = to_program(parse("late"))
    assert (fails(program, row), holds(program, row)) == (check_fails, condition_holds)


def test_what_does_not_fit_is_refused_not_returned() -> None:
    connection = sqlite3.connect(":memory:")
    register(connection)
    text = to_sql(parse("1000000 * 1000000 * 10000000"), Context(Binder("sqlite")))
    with pytest.raises(sqlite3.DataError):
        connection.execute(f"SELECT {text}").fetchone()
    connection.close()


def test_sums_past_64_bits_are_exact() -> None:
    connection = sqlite3.connect(":memory:")
    register(connection)
    connection.execute("CREATE TABLE labor__line (id, sheet, price, deleted_at)")
    connection.executemany("INSERT INTO labor__line VALUES (?, 1, ?, NULL)", [(n, 2**63 - 1 - n) for n in range(3)])
    text = to_sql(parse("SUM(lines.price)"), Context(Binder("sqlite")), fit=False)
    assert connection.execute(f"SELECT {text} FROM (SELECT 1 AS id) AS r").fetchone() == (str(3 * (2**63 - 1) - 3),)
    connection.close()


def test_reach() -> None:
    assert parse("amount > settings.office_limit").reach == "row"
    assert parse("SUM(lines.amount) > 1").reach == parse("project.code = 'x'").reach == "form"
    assert parse("COUNT(line)").reach == parse("me.department.name = 'x'").reach == "database"
    assert to_program(parse("COUNT(line)")) is None


def test_reads_the_references_too() -> None:
    assert parse("project.company.name = note").reads == {
        ("labor.sheet", "project"), ("base.project", "company"), ("base.company", "name"), ("labor.sheet", "note"),
    }  # fmt: skip
    assert ("labor.sheet", "amount") in parse("again > 1").reads, "what live values read"


def test_guard_keys() -> None:
    text = "SUM(line.hours WHERE worker = this.worker AND this.sheet.sheet_date = sheet.sheet_date AND sheet.state <> 'void') <= 24"
    day = parse(text, "labor.line")
    assert [(e.entity, e.target.path) for e in day.equalities] == [
        ("labor.line", "worker"),
        ("labor.line", "sheet.sheet_date"),
    ]
    assert [to_sql(e.value, Context(Binder("sqlite"), "r")) for e in day.equalities] == [
        'r."worker"', '(SELECT _e1."sheet_date" FROM "labor__sheet" AS _e1 WHERE _e1.id = r."sheet")',
    ]  # fmt: skip
    none = parse("worker = this.worker AND starts < this.ends OR hours = 1", "labor.line", "labor.line")
    assert none.equalities == (), "an alternative is no key"
    assert [
        e.target.path
        for e in parse("worker = this.worker AND starts < this.ends", "labor.line", "labor.line").equalities
    ] == ["worker"]


def test_measures() -> None:
    scope = {
        "sources": {"budget": "labor.price", "entry": "labor.line"},
        "measures": {"used": Type("decimal", 2, 10**17)},
    }
    expr = parse("SUM(entry.amount WHERE hours > 1) - used", "", **scope)
    (group,) = expr.groups
    assert (group.func, group.source, expr.measures) == ("SUM", "entry", ("used",))
    context = Context(Binder("sqlite"), "r", roots={"entry": "e"}, measure_sql=lambda m: f"m.{m.name}")
    assert to_sql(expr, context) == (
        """dg_fit(dg_sub(COALESCE(SUM(CASE WHEN (e."hours" > 100) THEN e."amount" END), 0), m.used))"""
        if expr.type.wide
        else """(COALESCE(SUM(CASE WHEN (e."hours" > 100) THEN e."amount" END), 0) - m.used)"""
    )
    only = parse("SUM(amount) / COUNT(DISTINCT worker)", "labor.line", sources={"": "labor.line"})
    assert [g.func for g in only.groups] == ["SUM", "COUNT"]
    assert parse("COUNT(line)", "labor.line", sources={"": "labor.line"}).groups[0].item is None


def test_figures_ask_their_maker() -> None:
    expr = parse("FIGURE(cost.used WHERE month = TO_MONTH(sheet_date) AND project = this.project) <= 5")
    context = Context(
        Binder("sqlite"), "r", figure_sql=lambda fig, here: f"F[{fig.path} {[(k, emit(v, here)) for k, v in fig.keys]}]"
    )
    assert to_sql(expr, context).startswith("(F[labor.cost.used [('month', '(substr(r.\"sheet_date\", 1, 7) ||")


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("amount >= settings.office_limit OR late", "amount不少于office_limit或late", "amount is at least office_limit or late"),
        ("liability = 'charge'", "liability等于“charge”", "liability is “charge”"),
        ("SUM(lines.hours WHERE hours > 8) <= 24", "（hours大于8.00）的line的hours之和不超过24.00",
         "the sum of hours of line where hours is more than 8.00 is at most 24.00"),
        ("project.code IN ('A', 'B')", "project的code是“A”, “B”之一", "project's code is one of “A”, “B”"),
        ("note IS NULL", "note为空", "note is empty"),
    ],
)  # fmt: skip
def test_in_words(text: str, zh: str, en: str) -> None:
    assert (say(parse(text), "zh"), say(parse(text), "en")) == (zh, en)


def test_the_page_is_up_to_date() -> None:
    """``python -m engine.expr.build.reference`` writes it."""
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text
