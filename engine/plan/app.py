"""The App: everything a server process needs to serve one revision of one tenant. Immutable; swapped whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as _field
from typing import Any

from engine.fieldtypes.spec import Spec
from engine.label import Label
from engine.plan.born import Born
from engine.plan.entity import Entity
from engine.plan.machine import Machine
from engine.plan.page import Dashboard, Dimension, Figures, FormPage, ListPage, Menu
from engine.plan.rollup import ChangeLog
from engine.plan.statement import Dialect, Statement
from engine.plan.table import Table


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    name: str
    key: str
    version: str
    title: Label


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    module: str
    title: Label
    spec: Spec
    default: Any
    group: str = ""
    scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    title: Label


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where roles come from: rows of an entity. ``statement`` takes (user) and gives (role, word of
    ``me.<word>``, place); no place: everywhere."""

    name: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class PeoplePlan:
    """Which entity holds the people who log in, and what says which roles they have today."""

    users: str = ""
    assignments: tuple[Assignment, ...] = ()
    active: Statement | None = None
    """Takes (user); gives a row when this person is there and may log in."""


@dataclass(frozen=True, slots=True)
class ImportColumn:
    """Where one field's value comes from: ``headers`` are the names a file may use, ``date`` a pattern
    (``MM/dd/yyyy hh:mm:ss a``), ``clean`` named rules in order, ``map`` the file's words → stored values.
    ``unknown``: what to do with a reference that finds no record (refuse, create, empty)."""

    field: str
    headers: tuple[str, ...] = ()
    date: str = ""
    clean: tuple[str, ...] = ()
    map: Mapping[str, str] = _field(default_factory=dict)
    constant: Any = None
    required: bool = False
    unknown: str = "refuse"


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """How a file becomes records. ``key``: fields that tell rows apart; ``totals``: field → the sum the whole file
    must have; ``rows``: the number of rows it must have; ``group`` and ``lines`` turn flat rows into documents;
    ``page``: the sheet of a workbook."""

    name: str
    module: str
    entity: str
    title: Label
    format: str
    columns: tuple[ImportColumn, ...]
    encoding: str = "utf-8"
    key: tuple[str, ...] = ()
    totals: Mapping[str, str] = _field(default_factory=dict)
    rows: int | None = None
    group: tuple[str, ...] = ()
    lines: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class App:
    """One revision, compiled for one dialect.

    ``symbols`` is the expression world for questions asked at run time (opaque to all but ``ask``);
    ``seeds`` and ``demo`` are (entity path, key, values) in order; ``openapi`` is the whole document.
    """

    dialect: Dialect
    digest: str
    modules: Mapping[str, ModuleInfo]
    tables: tuple[Table, ...]
    entities: Mapping[str, Entity]
    machines: Mapping[str, Machine]
    figures: Mapping[str, Figures]
    lists: Mapping[str, ListPage]
    forms: Mapping[str, FormPage]
    menus: tuple[Menu, ...]
    dashboards: Mapping[str, Dashboard]
    settings: Mapping[str, Setting]
    roles: Mapping[str, Role]
    people: PeoplePlan
    imports: Mapping[str, ImportPlan]
    seeds: tuple[tuple[str, str, Mapping[str, Any]], ...]
    demo: tuple[tuple[str, str, Mapping[str, Any]], ...]
    openapi: Mapping[str, Any]
    symbols: Any
    epoch: int = 0
    """Which epoch of the tenant this is; writes by another one are refused. 0: nobody asks."""
    born: Born = _field(default_factory=Born)
    logs: tuple[ChangeLog, ...] = ()
    """Of the entities whose sums are kept. Their tables are made of records, so they are not among ``tables``."""

    def tree_of(self, dimensions: Iterable[Dimension]) -> str:
        """The first of them whose records hang under each other; empty: none."""
        targets = ((d.name, self.entities.get(d.target)) for d in dimensions)
        return next((name for name, target in targets if target is not None and target.kind == "tree"), "")
