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


@dataclass(frozen=True, slots=True)
class AggregationSymbol:
    """One aggregation as declared. ``wide``: figures may cover rows the reader may not read, said so by the pack."""

    path: str
    sources: Mapping[str, SourceSymbol]
    dimensions: Mapping[str, DimensionSymbol]
    measures: Mapping[str, MeasureSymbol]
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Symbols:
    """``world`` types expression texts; ``live`` holds fields computed when read (entity path → field → expression);
    ``aggregations`` is keyed by path (``cost_center.cost``)."""

    world: World
    live: Mapping[str, Mapping[str, Expr]] = field(default_factory=dict)
    aggregations: Mapping[str, AggregationSymbol] = field(default_factory=dict)
