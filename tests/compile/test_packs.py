"""The packs that ship: every statement compiled for them runs, and compiling them takes no time worth waiting for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import pytest
from openapi_spec_validator import validate

from engine.catalog import Catalog
from engine.compile import compile_app
from engine.compile.guards import keys
from engine.db import Database
from engine.paths import modules_dir
from engine.plan.app import App
from engine.plan.statement import Statement
from engine.read import read
from tests.compile.stage import Stage


@cache
def catalog() -> Catalog:
    return read([modules_dir() / name for name in ("base", "cost-center", "day-labor")])


def statements(value: Any, where: str = "") -> Iterator[tuple[str, Statement]]:
    """Every statement in a plan, with where it stands."""
    if isinstance(value, Statement):
        yield where, value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from statements(getattr(value, field.name), f"{where}.{field.name}")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from statements(item, f"{where}.{name}")
    elif isinstance(value, tuple):
        for n, item in enumerate(value):
            yield from statements(item, f"{where}.{n}")


def all_statements(app: App) -> list[tuple[str, Statement]]:
    return [found for part in (app.entities, app.machines, app.people) for found in statements(part)]


async def test_every_statement_runs(database: Database) -> None:
    """On empty input: the database understands each of them, with values of the types it was promised."""
    stage = await Stage(compile_app(catalog(), database.dialect), database).build()
    found = all_statements(stage.app)
    assert len(found) > 150
    for where, statement in found:
        try:
            await stage.run(statement, **stage.nothing)
        except Exception as error:
            raise AssertionError(f"{where}: {error}\n{statement.sql}") from error


def test_compiling_is_fast() -> None:
    catalog()
    best = min(_seconds(dialect) for dialect in ("sqlite", "postgresql", "sqlite"))
    assert best < 1


def _seconds(dialect: Any) -> float:
    start = time.perf_counter()
    compile_app(catalog(), dialect)
    return time.perf_counter() - start


def test_the_document_of_the_packs_is_valid() -> None:
    validate(dict(compile_app(catalog(), "sqlite").openapi))  # type: ignore[arg-type]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_every_entity_has_a_page_and_every_menu_leads_somewhere(dialect: Any) -> None:
    app = compile_app(catalog(), dialect)
    for path, entity in app.entities.items():
        assert path in app.forms
        assert entity.owner or path in app.lists
    for menu in app.menus:
        for item in menu.items:
            known = {"list": app.lists, "dashboard": app.dashboards, "form": app.forms}[item.kind]
            assert item.target in known, (menu.name, item.name)


def test_a_control_serialises_what_it_counts() -> None:
    """Revenue is per project, and no part of what is used: it must not make two subjects' costs wait for each other."""
    assert {key.name for key in keys(catalog()) if key.controlled} == {
        "cost_center.cost_entry:project,subject",
        "cost_center.budget_entry:project,subject",
    }
