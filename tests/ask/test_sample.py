"""The shipped packs: every list, record and figure, for every role, is a statement both databases run alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.ask import Ask
from engine.compile.app import compile_app
from engine.db import Body, Call, Database, install, open_database
from engine.fieldtypes.storage import bind
from engine.plan.app import App
from engine.plan.question import FigureQuestion, Filter, Question
from engine.plan.statement import Param, Statement
from engine.problem import Problems
from engine.studio.source.build import catalog_of
from engine.studio.source.project import find_project
from tests.ask.conftest import placeholder
from tests.ask.filling import made_up
from tests.pg import fresh_database

EXAMPLE = Path(__file__).parents[2] / "examples" / "contractor"
ABOUT: dict[str, Any] = {
    "now": datetime(2026, 3, 5, tzinfo=UTC), "today": date(2026, 3, 5), "zone": "Asia/Shanghai", "language": "zh",
}  # fmt: skip


@dataclass
class Tenant:
    app: App
    database: Database


@dataclass
class Pair:
    runner: asyncio.Runner
    tenants: tuple[Tenant, ...]
    asker: Ask

    @property
    def app(self) -> App:
        return self.tenants[0].app

    def answer(
        self,
        question: Question | FigureQuestion,
        inputs: Mapping[str, Any] | None = None,
        me: Mapping[str, Any] | None = None,
    ) -> Any:
        """What both databases answer; it must be the same."""
        answers = []
        for one in self.tenants:
            if isinstance(question, Question):
                asked = self.asker.records(one.app, question)
            else:
                asked = self.asker.figures(one.app, question)
            rows = self.run(one, asked.statement, {"limit": 1000, **(inputs or {})}, me or {})
            answers.append(json.loads(rows[0][0]) if rows else None)
        assert answers[0] == answers[1]
        return answers[0]

    def run(self, one: Tenant, statement: Statement, inputs: Mapping[str, Any], me: Mapping[str, Any]) -> list[Any]:
        values = [_value(one.app, p, inputs, me) for p in statement.params]
        return self.runner.run(one.database.read(statement.sql, values))


def _value(app: App, param: Param, inputs: Mapping[str, Any], me: Mapping[str, Any]) -> Any:
    value: Any = param.value
    if param.source == "input":
        value = inputs[param.name]
    elif param.source == "me":
        empty: Any = [] if param.kind == "json" else False if param.kind == "boolean" else None
        value = json.dumps(me[param.name]) if isinstance(me.get(param.name), list) else me.get(param.name, empty)
    elif param.source == "setting":
        value = app.settings[param.name].default
    elif param.source != "literal":
        value = ABOUT[param.source]
    return bind(param.kind, param.scale, app.dialect, value)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[Pair]:
    catalog = catalog_of(find_project(EXAMPLE))
    with asyncio.Runner() as runner, fresh_database(postgres_server) as url:
        made = []
        for at in (f"sqlite://{tmp_path_factory.mktemp('sample')}/t.db", url):
            database = runner.run(open_database(at))
            app = compile_app(catalog, database.dialect)
            runner.run(install(database, app.tables))
            made.append(Tenant(app, database))
            _insert(runner, made[-1], made_up(app))
        try:
            yield Pair(runner, tuple(made), Ask())
        finally:
            for one in made:
                runner.run(one.database.close())


def _insert(runner: asyncio.Runner, one: Tenant, rows: Mapping[str, list[dict[str, Any]]]) -> None:
    dialect = one.database.dialect
    kinds = {t.name: {c.name: (c.kind, c.scale) for c in t.columns} for t in one.app.tables}

    def body() -> Body[None]:
        for table, given in rows.items():
            for row in given:
                marks = [placeholder(dialect, n + 1, kinds[table][name][0]) for n, name in enumerate(row)]
                values = tuple(bind(*kinds[table][name], dialect, value) for name, value in row.items())
                columns = ", ".join(f'"{name}"' for name in row)
                yield Call(f'INSERT INTO "{table}" ({columns}) VALUES ({", ".join(marks)})', values)

    runner.run(one.database.write(body))


def roles_of(app: App) -> list[tuple[str, ...]]:
    return [("admin",), *((role,) for role in app.roles), ("foreman", "project_manager", "labour_clerk")]


def test_every_list_and_record_is_answered_for_every_role(pair: Pair) -> None:
    asked = 0
    refused: set[str] = set()
    for roles in roles_of(pair.app):
        for path in pair.app.entities:
            try:
                pair.answer(Question(path, roles=roles, count=True), {"limit": 5})
            except Problems as closed:
                refused |= {p.code for p in closed.problems}
                continue
            pair.answer(Question(path, one=True, roles=roles), {"id": "00000000-0000-7000-8000-000000000000"})
            asked += 1
    assert asked > 200
    assert refused == {"ask.closed"}


def test_every_declared_list_page_is_answered(pair: Pair) -> None:
    for page in pair.app.lists.values():
        sort = tuple(s.strip() for s in page.sort.split(",") if s.strip())
        pair.answer(Question(page.entity, fields=page.columns, sort=sort), {"limit": 20})


def test_every_figure_splits_by_every_dimension(pair: Pair) -> None:
    for name, plan in pair.app.figures.items():
        pair.answer(FigureQuestion(name, totals=True))
        for dimension in plan.dimensions:
            pair.answer(FigureQuestion(name, by=((dimension, dimension),), totals=True, roles=("executive",)))


def test_cost_by_project_is_what_the_ledgers_say(pair: Pair) -> None:
    answer = pair.answer(FigureQuestion("cost_center.cost", by=(("project", "project"),), totals=True))
    entries = pair.answer(Question("cost_center.cost_entry"))["items"]
    budgets = pair.answer(Question("cost_center.budget_entry"))["items"]
    assert entries
    for row in answer["rows"]:
        mine = [e for e in entries if e["project"] == row["project"]]
        for measure, kind in (("actual", "actual"), ("reserved", "reserve"), ("committed", "commit")):
            assert Decimal(row[measure]) == sum((Decimal(e["net"]) for e in mine if e["kind"] == kind), Decimal())
        budget = sum((Decimal(b["amount"]) for b in budgets if b["project"] == row["project"]), Decimal())
        assert Decimal(row["budget"]) == budget
        assert Decimal(row["remaining"]) == budget - Decimal(row["used"])
    assert Decimal(answer["totals"]["actual"]) == sum(Decimal(r["actual"]) for r in answer["rows"])


def test_filters_on_dimensions_and_drilling_agree(pair: Pair) -> None:
    by = (("project", "project"), ("month", "month"))
    whole = pair.answer(FigureQuestion("day_labor.man_days", by=by, measures=(("amount", "amount"), ("n", "workers"))))
    rows = [r for r in whole["rows"] if r["project"] and r["month"]]
    assert rows
    for row in rows:
        question = FigureQuestion(
            "day_labor.man_days",
            measures=(("amount", "amount"),),
            filters=(Filter("project", "eq"), Filter("month", "eq")),
        )
        one = pair.answer(question, {"f0": row["project"]["id"], "f1": row["month"]})
        assert one["rows"] == [{"amount": row["amount"]}]


def test_a_foreman_does_not_know_of_money(pair: Pair) -> None:
    roles = ("foreman",)
    for question in (
        Question("day_labor.sheet", fields=("amount",), roles=roles),
        Question("day_labor.sheet", sort=("-amount",), roles=roles),
        Question("day_labor.sheet", filters=(Filter("amount", "gt"),), roles=roles),
        Question("day_labor.sheet", where="amount > 1", roles=roles),
        Question("day_labor.sheet", where="SUM(lines.hours) > 1 AND claimed > 1", roles=roles),
        Question("day_labor.sheet_line", where="sheet.amount > 1", roles=roles),
        FigureQuestion("day_labor.sheets", measures=(("a", "approved"),), roles=roles),
    ):
        with pytest.raises(Problems) as refused:
            pair.answer(question)
        assert {p.code for p in refused.value.problems} <= {
            "ask.unknown-field",
            "expr.unknown-name",
            "ask.unknown-measure",
        }
    item = pair.answer(Question("day_labor.sheet", roles=("cost_head",)))["items"][0]
    assert "amount" in item


def test_a_role_reads_its_own_projects_only(pair: Pair) -> None:
    everything = pair.answer(Question("day_labor.sheet"))["items"]
    question = Question("day_labor.sheet", roles=("project_manager",))
    for place in sorted({i["project"]["id"] for i in everything if i["project"]}):
        items = pair.answer(question, me={"project_manager.projects": [place]})["items"]
        assert {i["id"] for i in items} == {i["id"] for i in everything if (i["project"] or {}).get("id") == place}
    assert pair.answer(question)["items"] == []
    assert len(pair.answer(question, me={"project_manager.everywhere": True})["items"]) == len(everything)


def plan_of(pair: Pair, question: Question, inputs: Mapping[str, Any]) -> str:
    """How SQLite goes about it."""
    one = pair.tenants[0]
    asked = pair.asker.records(one.app, question)
    explained = Statement(f"EXPLAIN QUERY PLAN {asked.statement.sql}", asked.statement.params)
    return "\n".join(row[-1] for row in pair.run(one, explained, {"limit": 50, **inputs}, {}))


def test_pages_walk_an_index_and_records_are_found_by_id(pair: Pair) -> None:
    here = {
        "c0": "2026-02-01",
        "c1": "00000000-0000-7000-8000-000000000000",
        "f0": "00000000-0000-7000-8000-000000000000",
    }
    first = plan_of(pair, Question("day_labor.sheet", sort=("-sheet_date",)), {})
    later = plan_of(pair, Question("day_labor.sheet", sort=("-sheet_date",), after=(False, False)), here)
    named = plan_of(pair, Question("base.worker", sort=("name",)), {})
    scoped = plan_of(pair, Question("day_labor.sheet", filters=(Filter("project", "eq"),), sort=("-sheet_date",)), here)
    one = plan_of(pair, Question("day_labor.sheet", one=True), {"id": here["c1"]})
    assert "USING INDEX day_labor__sheet_sheet_date_id" in first
    assert "USING INDEX day_labor__sheet_sheet_date_id" in later
    assert "USING INDEX base__worker__sort_id" in named
    assert "USING INDEX day_labor__sheet_project_sheet_date_id" in scoped
    assert "SEARCH t1 USING INDEX sqlite_autoindex_day_labor__sheet_1 (id=?)" in one
    for plan in (first, later, named, scoped):
        page, _, _rest = plan.partition("SCAN p\n")
        assert "TEMP B-TREE" not in page, plan
