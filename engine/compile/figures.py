"""A figure inside an expression, ``FIGURE(cost.used WHERE project = …)``: an aggregation's value at a key, as SQL."""

from __future__ import annotations

from dataclasses import replace

from engine.catalog import Aggregation, Catalog, Source
from engine.compile.names import table_name
from engine.expr.build.sql import Context, Joins, emit, group
from engine.expr.build.tree import Fig, Group, Measure
from engine.fieldtypes.storage import quote


def figure_sql(catalog: Catalog, figure: Fig, context: Context) -> str:
    path, _, name = figure.path.rpartition(".")
    aggregation = catalog.aggregations[path]
    keys = {dimension: emit(value, context) for dimension, value in figure.keys}
    return _measure(aggregation, keys, name, context)


def _measure(aggregation: Aggregation, keys: dict[str, str], name: str, context: Context) -> str:
    here = replace(
        context,
        this="",
        roots={},
        joins=None,
        group_sql=lambda node, inner: _group(aggregation.sources[node.source], keys, node, inner),
        measure_sql=lambda node: _other(aggregation, keys, node, context),
    )
    return f"({emit(aggregation.measures[name].expr.tree, here)})"


def _other(aggregation: Aggregation, keys: dict[str, str], node: Measure, context: Context) -> str:
    return _measure(aggregation, keys, node.name, context)


def _group(source: Source, keys: dict[str, str], node: Group, context: Context) -> str:
    """The source's rows at the key; one that lacks a dimension has no rows there."""
    alias = context.binder.alias()
    joins = Joins(context.binder)
    inside = replace(context, row=alias, joins=joins, roots={source.name: alias})
    conditions = [f"{alias}.deleted_at IS NULL"]
    if source.rows is not None:
        conditions.append(emit(source.rows.tree, inside))
    for dimension, value in keys.items():
        by = source.by.get(dimension)
        conditions.append(f"{emit(by.tree, inside)} = {value}" if by is not None else "FALSE")
    total = group(node, inside)
    return (
        f"(SELECT {total} FROM {quote(table_name(source.of))} AS {alias}{joins.sql} WHERE {' AND '.join(conditions)})"
    )
