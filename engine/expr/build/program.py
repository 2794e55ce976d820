"""Typed tree → program: nested lists for the interpreters of ``engine.expr.run``."""

from __future__ import annotations

from typing import Any

from engine.expr.build.api import Expr
from engine.expr.build.tree import Agg, Lit, Node, Op, Par, Path
from engine.expr.run.types import SAFE_INTEGER

Program = Any


class NotPreviewed(Exception):
    """Only the database can compute it."""


def to_program(expr: Expr | Node) -> Program:
    """The program, or None when the expression's reach is the database."""
    tree = expr.tree if isinstance(expr, Expr) else expr
    kind, scale = tree.type.storage
    try:
        return ["out", kind, scale, make(tree)]
    except NotPreviewed:
        return None


def make(node: Node) -> Program:
    match node:
        case Lit():
            if isinstance(node.value, int) and not isinstance(node.value, bool) and abs(node.value) > SAFE_INTEGER:
                return ["int", str(node.value)]
            return ["int" if _integer(node) else "lit", node.value]
        case Par():
            return ["value", node.source, node.name, *node.type.storage]
        case Path():
            return _path(node)
        case Op():
            return [node.name, *(make(a) for a in node.args), *node.params]
        case Agg():
            return _aggregate(node)
    raise NotPreviewed


def _integer(node: Lit) -> bool:
    return isinstance(node.value, int) and not isinstance(node.value, bool)


def _path(node: Path) -> Program:
    if node.start is not None:
        raise NotPreviewed
    names = [hop.name for hop in node.hops]
    if node.live is not None:
        return ["live", node.root, names, make(node.live)]
    return ["get", node.root, [*names, node.name], *node.type.storage]


def _aggregate(node: Agg) -> Program:
    owner = node.rows.owner
    if owner is None or any(link.via for link in node.rows.links):
        raise NotPreviewed
    order = [[make(by), descending] for by, descending in node.order]
    item = None if node.item is None else make(node.item)
    if node.func == "FIRST" and item is None:
        item = ["get", "row", ["id"], "uuid", 0]
    where = None if node.where is None else make(node.where)
    names = [hop.name for hop in owner.hops]
    return ["agg", node.func, owner.root, names, list(node.rows.names), item, where, node.distinct, order]
