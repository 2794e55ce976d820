"""Expressions as SQL: the one place of this room that knows how expressions are made into text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.catalog import Catalog, Check, Entity, Field, Template, Value
from engine.compile.draft import Draft

Expr = Any


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows an expression speaks of, by alias: its own, ``this.`` and ``found.`` where it has them."""

    own: str
    this: str = ""
    found: str = ""


def value(draft: Draft, catalog: Catalog, made: Expr, rows: Rows) -> str:
    raise NotImplementedError


truth = fails = shown = value


def stored(draft: Draft, catalog: Catalog, entity: Entity, made: Expr, alias: str, field: Field) -> str:
    raise NotImplementedError


def found(draft: Draft, catalog: Catalog, entity: Entity, field: Field, alias: str) -> str:
    raise NotImplementedError


def slot(draft: Draft, catalog: Catalog, made: Value, rows: Rows, field: Field) -> str:
    raise NotImplementedError


def text(draft: Draft, catalog: Catalog, made: Template, rows: Rows) -> str:
    raise NotImplementedError


def table_check(catalog: Catalog, entity: Entity, made: Expr) -> tuple[str, str] | None:
    return None


def portable(entity: Entity, made: Expr) -> str:
    raise NotImplementedError


def program(made: Expr) -> Any:
    return None


def check_program(made: Check) -> Any:
    return None


def constant_program(made: Field, value: object) -> Any:
    return None


def follows(catalog: Catalog, entity: Entity, made: Expr) -> bool:
    return True


def leads(catalog: Catalog) -> str | None:
    return None
