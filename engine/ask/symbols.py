"""What questions asked at run time need to know beyond the served plan: typed expressions and how figures are made.

Compile fills it into ``App.symbols``; only this room reads it. Access rules stay texts in ``plan.Entity.access`` and
display templates in ``plan.Entity.display``: they are typed here on first use and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from engine.expr.build import Expr, World
    from engine.expr.build.tree import Node


@dataclass(frozen=True, slots=True)
class DimensionSymbol:
    """``kind`` and ``scale`` are the storage kind; ``target`` the entity path of a reference."""

    name: str
    kind: str
    scale: int = 0
    target: str = ""
    type: str = ""
    """Name of the field type, for filters (operators, coercion); empty: guessed from the kind."""


@dataclass(frozen=True, slots=True)
class SourceSymbol:
    """Rows of entity ``of``; ``by``: dimension → expression over such a row; a dimension it lacks is null."""

    name: str
    of: str
    by: Mapping[str, Expr]
    rows: Expr | None = None


@dataclass(frozen=True, slots=True)
class MeasureSymbol:
    """``expr`` is over aggregates of the sources' rows and over other measures by name (``uses``, in order)."""

    name: str
    expr: Expr
    kind: str
    scale: int = 0
    uses: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    running: str = ""
    stock: Literal["", "last", "first"] = ""
    along: str = ""
    """The time dimension of a running figure or a balance."""


@dataclass(frozen=True, slots=True)
class AggregationSymbol:
    """One aggregation as declared. ``wide``: figures may cover rows the reader may not read, said so by the pack."""

    path: str
    sources: Mapping[str, SourceSymbol]
    dimensions: Mapping[str, DimensionSymbol]
    measures: Mapping[str, MeasureSymbol]
    wide: bool = False
    fill: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptDimension:
    """``node`` is over a record of the rollup's entity; the rollup's column is ``d<n>`` by position."""

    name: str
    node: Node
    kind: str
    scale: int = 0


@dataclass(frozen=True, slots=True)
class KeptMeasure:
    """A sum or a count that can be added up; the rollup's column is ``m<n>`` by position."""

    func: Literal["SUM", "COUNT"]
    item: Node | None
    where: Node | None


@dataclass(frozen=True, slots=True)
class RollupSymbol:
    """Kept sums of the records of entity ``of`` that ``rows`` admits, folded in ``table``, pending in ``log``.

    ``leaves`` are the columns of the log: where a record's value is found (the columns on the way there, owners first)
    → the log's column, its kind and scale.
    """

    name: str
    of: str
    table: str
    log: str
    dimensions: tuple[KeptDimension, ...]
    measures: tuple[KeptMeasure, ...]
    rows: Node | None
    leaves: Mapping[tuple[str, ...], tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Symbols:
    """``world`` types expression texts; ``live`` holds fields computed when read (entity path → field → expression);
    ``aggregations`` is keyed by path (``cost_center.cost``), ``rollups`` by the path of the entity they are of."""

    world: World
    live: Mapping[str, Mapping[str, Expr]] = field(default_factory=dict)
    aggregations: Mapping[str, AggregationSymbol] = field(default_factory=dict)
    rollups: Mapping[str, tuple[RollupSymbol, ...]] = field(default_factory=dict)
