"""Aggregations: named figures over records, by dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as _field
from typing import TYPE_CHECKING, Literal

from engine.label import Label
from engine.problem import Where

if TYPE_CHECKING:
    from engine.expr.build.api import Expr


@dataclass(frozen=True, slots=True)
class Dimension:
    """What figures are grouped by. ``type`` is a field type's name, ``target`` the entity path of a reference,
    ``options`` come from the field when it is a choice (``field`` is that field's path, or empty). ``bands``: the last
    days of bands of age; its values are their first days, and -1 of what is not due yet."""

    name: str
    title: Label
    type: str
    target: str = ""
    field: str = ""
    bands: tuple[int, ...] = ()
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Spread:
    """``value`` of each row is laid along the dimension ``along``."""

    along: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one entity that figures are made of. ``by``: dimension → expression over a row; a dimension it lacks
    is null for its rows ("not split"). An aggregation over one entity has one source, named ``""``. ``spread``: what
    of a row is laid over time."""

    name: str
    of: str
    by: Mapping[str, Expr]
    rows: Expr | None = None
    spread: Spread | None = None
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure. ``expr`` is over aggregates of the sources' rows and over other measures by name.

    ``uses`` are the measures it names, in order. With ``each`` it is computed at that grain and then summed.
    ``running``: summed along that dimension. ``stock``: a balance: along time the last one counts, not the sum.
    ``along``: the time dimension of either.
    """

    name: str
    title: Label
    expr: Expr
    type: str
    scale: int = 0
    uses: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    running: str = ""
    stock: Literal["", "last", "first"] = ""
    unit: str = ""
    along: str = ""
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Rollup:
    """Sums that are kept, by some of the aggregation's dimensions."""

    name: str
    by: tuple[str, ...]
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Aggregation:
    path: str
    module: str
    name: str
    title: Label
    sources: Mapping[str, Source]
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Measure]
    fill: tuple[str, ...] = ()
    wide: bool = False  # figures may cover more rows than the reader sees; said so by the pack
    rollups: Mapping[str, Rollup] = _field(default_factory=dict)
    where: Where = _field(default_factory=Where)
