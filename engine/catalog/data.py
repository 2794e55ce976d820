"""Data that packs bring: imports of other people's files, seeds, scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as _field
from typing import TYPE_CHECKING, Literal

from engine.catalog.value import Row, Value
from engine.label import Label
from engine.problem import Where

if TYPE_CHECKING:
    from engine.expr.build import Expr


@dataclass(frozen=True, slots=True)
class ImportColumn:
    """Where one field's value comes from. ``headers`` are the names a file may use for it; ``date`` a pattern;
    ``clean`` rules in order; ``map`` the file's words → stored values; ``value`` a constant or an expression over
    the row's other fields, for a field no column feeds."""

    field: str
    headers: tuple[str, ...] = ()
    date: str = ""
    clean: tuple[str, ...] = ()
    map: Mapping[str, str] = _field(default_factory=dict)
    value: Value | None = None
    required: bool = False
    unknown: Literal["refuse", "create", "empty"] = "refuse"  # a reference that finds no record
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Import:
    """``group`` turns flat rows into a header and lines: the header's fields; ``lines`` the field that takes them.
    ``totals`` are control totals: field → the sum the whole file must have; ``rows`` its number of rows."""

    path: str
    module: str
    name: str
    title: Label
    of: str
    format: Literal["csv", "xlsx"]
    columns: Mapping[str, ImportColumn]
    key: tuple[str, ...] = ()
    totals: Mapping[str, str] = _field(default_factory=dict)
    rows: int | None = None
    group: tuple[str, ...] = ()
    lines: str = ""
    page: str = ""
    encoding: str = "utf-8"
    feature: str = ""
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must be so after a step: the record ``of`` has ``values``; the figure of ``measure`` at ``at``;
    ``count`` rows of ``entity`` where ``rows``."""

    kind: Literal["record", "figure", "count"]
    target: str = ""
    measure: str = ""
    at: Mapping[str, Value] = _field(default_factory=dict)
    values: Mapping[str, Value] = _field(default_factory=dict)
    value: Value | None = None
    rows: Expr | None = None
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Act:
    """One step of a scenario. ``do`` is create, update, delete, or a transition's or decision's name.

    ``refused`` is the code or name of what must refuse it (empty: it must succeed); ``warned`` checks that warn.
    """

    as_: str
    do: str
    entity: str = ""
    of: str = ""  # the name of the record acted on
    name: str = ""  # the name later steps call the created record by
    row: Row | None = None
    reason: str = ""
    refused: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    expected: tuple[Expected, ...] = ()
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Scenario:
    path: str
    module: str
    name: str
    title: Label
    given: tuple[Row, ...]
    steps: tuple[Act, ...]
    expected: tuple[Expected, ...] = ()
    at: str = ""  # the moment it plays at, an ISO date-time
    settings: Mapping[str, Value] = _field(default_factory=dict)
    feature: str = ""
    unavailable: str = ""
    where: Where = _field(default_factory=Where)
