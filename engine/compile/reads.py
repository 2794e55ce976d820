"""What an expression reads, as far as the order of computing is concerned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.catalog import Catalog, Entity
from engine.compile.names import owner_column
from engine.expr.build import Expr
from engine.expr.build.tree import Agg, Hop, Node, Path, children


@dataclass(frozen=True, slots=True)
class Reads:
    """``own``: fields of the same row. ``document``: (entity path, field) in owners and lines of the same document.
    ``children``: rows of lines are gathered. ``record``: anything of the record at all, references included."""

    own: frozenset[str] = frozenset()
    document: frozenset[tuple[str, str]] = frozenset()
    children: bool = False
    record: bool = False


@dataclass(frozen=True, slots=True)
class _Scope:
    """``row``: the entity bare names are of, None outside the document; ``own``: they are the record's own."""

    this: Entity
    row: Entity | None
    own: bool


@dataclass(frozen=True, slots=True)
class _Field:
    entity: Entity
    name: str
    own: bool


_GATHERED = None
"""What ``_visit`` gives for lines that are gathered."""


def reads_of(catalog: Catalog, entity: Entity, *expressions: Expr, looked_at: bool = False) -> Reads:
    """``looked_at``: bare names are of rows of another entity (``find``), and the record is ``this``."""
    scope = _Scope(entity, None if looked_at else entity, not looked_at)
    found = [f for made in expressions for f in _visit(catalog, scope, made.tree)]
    own = frozenset(f.name for f in found if f is not None and f.own)
    document = frozenset((f.entity.path, f.name) for f in found if f is not None and not f.own)
    return Reads(own, document, _GATHERED in found, bool(found))


def _visit(catalog: Catalog, scope: _Scope, node: Node) -> Iterator[_Field | None]:
    if isinstance(node, Path):
        if node.root == "this" or (node.root == "row" and scope.own):
            yield from _path(catalog, scope.this, node, node.hops, True)
        elif node.root == "row" and scope.row is not None:
            yield from _path(catalog, scope.row, node, node.hops, False)
        if node.start is not None:
            yield from _visit(catalog, scope, node.start)
        return
    if isinstance(node, Agg):
        inside = _Scope(scope.this, None, False)
        owner = node.rows.owner
        if owner is not None:
            yield from _visit(catalog, scope, owner)
            start = scope.this if owner.root == "this" or scope.own else scope.row
            if _end(catalog, start, owner.hops) is not None:
                inside = _Scope(scope.this, catalog.entities.get(node.rows.entity), False)
                yield _GATHERED
        for part in children(node):
            if part is not owner:
                yield from _visit(catalog, inside, part)
        return
    for part in children(node):
        yield from _visit(catalog, scope, part)


def _end(catalog: Catalog, start: Entity | None, hops: tuple[Hop, ...]) -> Entity | None:
    """The entity a path leads to while it stays in the document: upwards only."""
    for hop in hops:
        if start is None or not start.owned_by or hop.column != owner_column(catalog, start):
            return None
        start = catalog.entities[start.owned_by]
    return start


def _path(catalog: Catalog, start: Entity, node: Path, hops: tuple[Hop, ...], own: bool) -> Iterator[_Field | None]:
    if hops:
        yield _Field(start, hops[0].name, own)
        if start.owned_by and hops[0].column == owner_column(catalog, start):
            yield from _path(catalog, catalog.entities[start.owned_by], node, hops[1:], False)
    elif node.live is not None:
        yield from _visit(catalog, _Scope(start, start, own), node.live)
    elif node.column:
        yield _Field(start, node.name, own)
