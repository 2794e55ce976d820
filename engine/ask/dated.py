"""An aggregation as of another day: what it calls ``today()`` is the day that is asked for."""

from __future__ import annotations

from dataclasses import replace

from engine.ask.symbols import AggregationSymbol
from engine.expr.build.api import Expr, make_expr
from engine.expr.build.tree import Group, Node, Op, Par

AS_OF = "as_of"


def as_of(made: AggregationSymbol) -> AggregationSymbol:
    sources = {
        name: replace(
            source,
            by={d: _expr(by) for d, by in source.by.items()},
            rows=_expr(source.rows) if source.rows is not None else None,
        )
        for name, source in made.sources.items()
    }
    measures = {name: replace(measure, expr=_expr(measure.expr)) for name, measure in made.measures.items()}
    return replace(made, sources=sources, measures=measures)


def _expr(expr: Expr) -> Expr:
    tree = _said(expr.tree)
    return expr if tree == expr.tree else make_expr(expr.text, tree, expr.equalities, expr.where)


def _said(node: Node) -> Node:
    match node:
        case Par() if node.source == "today":
            return replace(node, source="input", name=AS_OF)
        case Op():
            return replace(node, args=tuple(_said(a) for a in node.args))
        case Group():
            item = _said(node.item) if node.item is not None else None
            return replace(node, item=item, where=_said(node.where) if node.where is not None else None)
        case _:
            return node
