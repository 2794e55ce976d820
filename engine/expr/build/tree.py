"""The typed tree: what every emitter reads. Numbers of one operation have one scale; nothing is left to infer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

from engine.expr.run.types import Type

Root = str
"""Whose row a path begins at: ``row`` (looked at), ``this`` (holds the expression), ``old``, ``found``, …"""


@dataclass(frozen=True, slots=True)
class Lit:
    """A constant. A decimal's value is an integer scaled by the type's scale; dates are ISO text."""

    type: Type
    value: Any


@dataclass(frozen=True, slots=True)
class Hop:
    """From a row of ``source`` along its reference ``column`` to a row of ``table``; ``name`` is the attribute's."""

    source: str
    name: str
    column: str
    entity: str
    table: str


@dataclass(frozen=True, slots=True)
class Path:
    """A stored value: from ``root`` (or the parameter ``start``, a reference) along ``hops`` to ``column``.

    With ``live`` the value is that tree, over the row the hops lead to; ``column`` is then empty. ``entity`` is the
    entity of that row. With ``start`` the first hop is the row it refers to, and has no column.
    """

    type: Type
    root: Root
    hops: tuple[Hop, ...]
    entity: str
    name: str
    column: str
    live: Node | None = None
    start: Par | None = None


@dataclass(frozen=True, slots=True)
class Par:
    """A value bound when run: ``setting``, ``me``, ``today``, ``now``, ``zone``, ``board``, …"""

    type: Type
    source: str
    name: str


@dataclass(frozen=True, slots=True)
class Op:
    """An operation of the table of operators over its core arguments; ``params`` are plain integers."""

    type: Type
    name: str
    args: tuple[Node, ...]
    params: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """One step down: rows of ``table`` whose ``column`` is the id of the row above; with ``via`` through a link
    table (table, column of the row above, column of the row below)."""

    entity: str
    table: str
    column: str
    living: bool
    via: tuple[str, str, str] | None = None
    ordered: bool = False
    """Owned lines: they have a position."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows an aggregate looks at: those below ``owner`` along ``links``, or (no owner) all of the last link's table.

    ``names`` are the attributes that lead there from ``owner``'s row, for programs.
    """

    owner: Path | None
    links: tuple[Link, ...]
    names: tuple[str, ...] = ()

    @property
    def entity(self) -> str:
        return self.links[-1].entity


@dataclass(frozen=True, slots=True)
class Agg:
    """SUM, COUNT, AVG, MIN, MAX, EXISTS or FIRST of ``item`` over ``rows``; ``item`` None counts rows."""

    type: Type
    func: str
    rows: Rows
    item: Node | None
    where: Node | None = None
    distinct: bool = False
    order: tuple[tuple[Node, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """An aggregate of a measure, over the rows of ``source`` that fall into the group."""

    type: Type
    func: str
    source: str
    item: Node | None
    where: Node | None = None
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """Another measure of the same aggregation."""

    type: Type
    name: str


@dataclass(frozen=True, slots=True)
class Fig:
    """An aggregation's value at a key: ``path`` is ``module.aggregation.measure``, ``keys`` are (dimension, value)."""

    type: Type
    path: str
    keys: tuple[tuple[str, Node], ...]


Node = Lit | Path | Par | Op | Agg | Group | Measure | Fig


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, those over other rows included."""
    if isinstance(node, Op):
        yield from node.args
    elif isinstance(node, Path):
        if node.live is not None:
            yield node.live
        if node.start is not None:
            yield node.start
    elif isinstance(node, Agg | Group):
        if isinstance(node, Agg) and node.rows.owner is not None:
            yield node.rows.owner
        if node.item is not None:
            yield node.item
        if node.where is not None:
            yield node.where
        if isinstance(node, Agg):
            yield from (by for by, _ in node.order)
    elif isinstance(node, Fig):
        yield from (value for _, value in node.keys)


def walk(node: Node) -> Iterator[Node]:
    """Every node, in the order of the text."""
    todo = [node]
    while todo:
        found = todo.pop()
        yield found
        todo.extend(tuple(children(found))[::-1])


_CALLED: dict[type, frozenset[str]] = {
    Path: frozenset({"entity", "name"}),
    Hop: frozenset({"source", "name", "entity"}),
    Link: frozenset({"entity"}),
    Rows: frozenset({"names"}),
    Type: frozenset({"entity"}),
}


def by_columns(value: Any) -> Any:
    """A tree, or whatever holds some, as what it reads in the database: the same whatever that is called."""
    if is_dataclass(value):
        called = _CALLED.get(type(value), frozenset())
        kept = (getattr(value, f.name) for f in fields(value) if f.compare and f.name not in called)
        return (type(value).__name__, *map(by_columns, kept))
    return tuple(map(by_columns, value)) if isinstance(value, tuple | list) else value


Reach = Literal["row", "form", "database"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What others need to know of a tree. ``row``: reads only own fields and bound values · ``form``: also own lines
    and what references lead to · ``database``. ``reads`` are (entity, attribute), references walked over included."""

    reach: Reach
    reads: frozenset[tuple[str, str]]
    params: frozenset[tuple[str, str]]
    aggregates: tuple[Agg, ...]


def facts_of(tree: Node) -> Facts:
    reaches: set[Reach] = {"row"}
    reads: set[tuple[str, str]] = set()
    params: set[tuple[str, str]] = set()
    aggregates: list[Agg] = []
    for node in walk(tree):
        if isinstance(node, Path):
            reads.add((node.entity, node.name))
            for hop in node.hops:
                if hop.source:
                    reads.add((hop.source, hop.name))
            if node.start is not None:
                reaches.add("database")
            elif node.hops:
                reaches.add("form")
        elif isinstance(node, Par):
            params.add((node.source, node.name))
        elif isinstance(node, Agg):
            aggregates.append(node)
            reads |= {(link.entity, link.column or "id") for link in node.rows.links}
            outside = node.rows.owner is None or any(link.via for link in node.rows.links)
            reaches.add("database" if outside else "form")
        elif isinstance(node, Fig | Group | Measure):
            reaches.add("database")
    reach: Reach = "database" if "database" in reaches else "form" if "form" in reaches else "row"
    return Facts(reach, frozenset(reads), frozenset(params), tuple(aggregates))


def reads_of(tree: Node) -> frozenset[tuple[str, str]]:
    return facts_of(tree).reads


def grows(part: Node, other: Node) -> bool:
    """Whether REPLACE may make a text longer."""
    if not isinstance(part, Lit) or not isinstance(other, Lit) or part.value is None or other.value is None:
        return True
    return len(other.value) > len(part.value)
