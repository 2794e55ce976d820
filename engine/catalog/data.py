"""Data that packs bring: imports of other people's files, seeds, scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as _field
from typing import Literal

from engine.catalog.value import Row, Value
from engine.label import Label
from engine.problem import Where


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
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Given:
    """A value in a scenario's expectations as written: ``data`` is text, None, a tuple or a mapping of the same."""

    data: object
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Expect:
    """What must hold after a step. Empty: nothing is asked; ``None`` of ``may`` and ``next`` likewise."""

    state: str = ""
    fields: Mapping[str, Given] = _field(default_factory=dict)
    next: tuple[str, ...] | None = None
    may: tuple[str, ...] | None = None
    refused: tuple[str, ...] = ()
    message: str = ""
    field: str = ""
    warned: tuple[str, ...] | None = None
    figures: Mapping[str, Given] = _field(default_factory=dict)  # aggregation path → at, measures
    counts: Mapping[str, Given] = _field(default_factory=dict)  # entity path → number or {where, is}
    hides: tuple[str, ...] = ()
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Act:
    """One step. ``verb`` is create, update, delete, restore, act, import or empty (only looks); ``target`` the entity
    path of create, the record's name of update, delete and restore, the action of act, the import of import.

    ``of`` is the record an action is about; ``values`` what comes with it, as written (lines are tuples of mappings,
    or a mapping by position); references are names or keys.
    """

    name: str
    as_: str
    verb: str
    target: str = ""
    of: str = ""
    values: Mapping[str, Given] = _field(default_factory=dict)
    reason: str = ""
    now: str = ""
    file: str = ""
    expect: Expect = _field(default_factory=Expect)
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Scenario:
    """``like`` is the path of the scenario whose world comes first, or empty; without steps it is a world itself."""

    path: str
    module: str
    name: str
    title: Label
    given: tuple[Row, ...]
    steps: Mapping[str, Act]
    like: str = ""
    now: str = ""
    settings: Mapping[str, Value] = _field(default_factory=dict)
    where: Where = _field(default_factory=Where)
