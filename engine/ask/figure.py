"""A figure inside an expression, ``FIGURE(cost.used WHERE project = …)``: an aggregation's value at a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from engine.ask.codes import CODES
from engine.ask.symbols import AggregationSymbol, MeasureSymbol, SourceSymbol, Symbols
from engine.expr.build.laid import Laid, is_laid
from engine.expr.build.sql import Context, Joins, emit, group
from engine.expr.build.tree import Fig, Group, Measure, walk
from engine.expr.build.world import World
from engine.problem import Problems, problem

At = Callable[[str | None], str]
"""A source's value of a dimension (None: it lacks it) → the condition that its rows are at the key."""


def figure_sql(symbols: Symbols, figure: Fig, context: Context, under: Mapping[str, At] | None = None) -> str:
    """SQL of the figure's value where ``context`` stands, of the rows its ``relation`` shows: what the pack's own
    expressions look at they see whole, a reader's with his eyes. ``under`` says which rows count at a dimension
    instead of those that equal it."""
    path, _, name = figure.path.rpartition(".")
    keys = {dimension: _equal(emit(value, context)) for dimension, value in figure.keys}
    keys |= under or {}
    return _measure(symbols.world, symbols.aggregations[path], keys, name, context)


def _equal(value: str) -> At:
    return lambda by: "FALSE" if by is None else f"{by} = {value}"


def _measure(world: World, aggregation: AggregationSymbol, keys: Mapping[str, At], name: str, context: Context) -> str:
    measure = aggregation.measures[name]
    refuse_late(measure, aggregation, keys)

    def other(node: Measure) -> str:
        return _measure(world, aggregation, keys, node.name, context)

    def value(node: Group, inner: Context) -> str:
        return _group(world, aggregation.sources[node.source], keys, node, inner)

    here = replace(context, this="", roots={}, joins=None, group_sql=value, measure_sql=other)
    return f"({emit(measure.expr.tree, here)})"


def _group(world: World, source: SourceSymbol, keys: Mapping[str, At], node: Group, context: Context) -> str:
    """The source's rows at the key; one that lacks a dimension has no rows there."""
    alias = context.binder.alias()
    joins = Joins(context.binder, context.relation)
    inside = replace(context, row=alias, joins=joins, roots={source.name: alias})
    conditions = [f"{alias}.deleted_at IS NULL"]
    if source.rows is not None:
        conditions.append(emit(source.rows.tree, inside))
    for dimension, at in keys.items():
        by = source.by.get(dimension)
        conditions.append(at(None if by is None else emit(by.tree, inside)))
    found = group(replace(node, item=Laid().over(node.item)) if node.item is not None else node, inside)
    table = context.relation(source.of, world.entities[source.of].table)
    return f"(SELECT {found} FROM {table} AS {alias}{joins.sql} WHERE {' AND '.join(conditions)})"


def refuse_late(measure: MeasureSymbol, aggregation: AggregationSymbol, keys: Mapping[str, At]) -> None:
    """What cannot be said at one key yet is refused, not answered wrongly."""
    what = ""
    laid = (s.by[key] for s in aggregation.sources.values() for key in keys if key in s.by)
    if any(is_laid(node) for expr in laid for node in walk(expr.tree)):
        what = f"{measure.name}: a figure that is laid over time, at one month"
    elif measure.running or measure.stock:
        what = f"{measure.name}: running and stock figures"
    elif not set(measure.each) <= set(keys):
        what = f"{measure.name}: a figure computed for each {', '.join(measure.each)}, at other keys"
    if what:
        raise Problems([problem(CODES["ask.unavailable"], what=what)])
