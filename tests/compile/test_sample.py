"""The sample of the language reference, compiled: its sheet as golden text, and the chain in the order it must have."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.catalog import Catalog
from engine.compile import compile_app, late
from engine.compile.chain import derived, levels
from engine.compile.dump import dump
from engine.compile.guards import keys
from engine.db import Database
from engine.read import read_texts
from tests.compile.stage import Stage
from tests.compile.test_packs import all_statements

SAMPLE = Path(__file__).parents[1] / "read" / "sample"


def texts(path: Path) -> dict[str, str]:
    files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
    return {f.relative_to(SAMPLE).as_posix(): f.read_text(encoding="utf-8") for f in files}


@cache
def catalog() -> Catalog:
    return read_texts([texts(SAMPLE / name) for name in ("base.yaml", "cost-center.yaml", "day-labor")])


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("entity", ["sheet", "sheet_line"])
def test_golden(entity: str, dialect: Any, golden: Callable[[str, str], None]) -> None:
    app = compile_app(catalog(), dialect)
    golden(f"sample.{entity}.{dialect}.txt", dump(app, f"day_labor.{entity}", statements=True))


def test_golden_outline(golden: Callable[[str, str], None]) -> None:
    """Everything but the SQL: tables, fields, machines, pages."""
    golden("sample.txt", dump(compile_app(catalog(), "postgresql")))


async def test_every_statement_runs(database: Database) -> None:
    stage = await Stage(compile_app(catalog(), database.dialect), database).build()
    for where, statement in all_statements(stage.app):
        try:
            await stage.run(statement, **stage.nothing)
        except Exception as error:
            raise AssertionError(f"{where}: {error}\n{statement.sql}") from error


def test_the_line_is_computed_in_the_order_of_its_inputs() -> None:
    line = catalog().entities["day_labor.sheet_line"]
    order = [[d.name for d in level] for level in levels(derived(catalog(), line))]
    assert order == [["work_type", "rest"], ["hours", "price_row"], ["price", "man_days"], ["amount"]]


def test_what_waits_for_the_lines() -> None:
    sheet = catalog().entities["day_labor.sheet"]
    found = late.late(catalog(), sheet)
    assert found.fields == {"day_labor.sheet": {"persons", "amount", "cut_rate"}}
    assert [(path, [d.name for d in fields]) for path, fields in found.passes] == [
        ("day_labor.sheet", ["persons", "amount", "cut_rate"])
    ]


def test_what_serialises_its_checks() -> None:
    made = keys(catalog())
    assert {(k.holder, k.name) for k in made if not k.controlled and k.holder.startswith("day_labor.sheet")} == {
        ("day_labor.sheet", "cost_center.period:month,project"),
        ("day_labor.sheet_line", "day_labor.sheet_line:worker"),
    }
    assert {(k.holder, k.name) for k in made if k.controlled} == {
        ("day_labor.cost_entry", "day_labor.cost_entry:project,subject"),
        ("day_labor.cost_entry", "day_labor.budget_entry:project,subject"),
    }
