"""A figure inside an expression, ``FIGURE(cost.used WHERE project = …)``: made where questions about figures are."""

from __future__ import annotations

from collections.abc import Mapping

from engine.ask import figure_sql as _figure_sql
from engine.ask.figure import At
from engine.catalog import Catalog
from engine.compile.symbols import symbols
from engine.expr.build.sql import Context
from engine.expr.build.tree import Fig


def figure_sql(catalog: Catalog, figure: Fig, context: Context, under: Mapping[str, At] | None = None) -> str:
    return _figure_sql(symbols(catalog), figure, context, under)
