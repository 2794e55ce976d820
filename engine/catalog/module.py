"""Packs and what they declare besides entities: settings, features, roles, and who plays the people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.catalog.value import Value
from engine.fieldtypes.spec import Spec
from engine.label import Label
from engine.problem import Where

if TYPE_CHECKING:
    from engine.expr.build.api import Expr


@dataclass(frozen=True, slots=True)
class Module:
    """``name`` as people write it (``day-labor``), ``key`` as paths do (``day_labor``). ``requires`` and ``uses``:
    pack name → version range."""

    name: str
    key: str
    version: str
    title: Label
    requires: Mapping[str, str]
    uses: Mapping[str, str]
    language: str = "zh"
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Feature:
    """A part of a pack that a customer may switch off. ``path`` is ``day_labor.overtime``."""

    path: str
    name: str
    title: Label
    default: bool = True
    requires: tuple[str, ...] = ()
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Role:
    """Roles are named once in the whole catalog, without their pack's name. ``includes``: roles it may stand for."""

    name: str
    module: str
    title: Label
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Setting:
    """A limit or switch customers set, named once in the whole catalog. ``scope``: from general to special, the paths
    a value may be given at (``company``, ``project.type``, ``project``); the most specific one wins."""

    name: str
    module: str
    title: Label
    spec: Spec
    default: Value
    scope: tuple[str, ...] = ()
    group: str = ""
    help: Label = field(default_factory=Label)
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where it is written who holds which role: rows of ``of``; ``at`` the field saying where (empty: everywhere),
    ``gives`` the word of ``me.<gives>``, ``starts``/``ends`` date fields, both inclusive, or empty. Where places hang
    under each other: ``below`` the word of these and all under them, ``above`` words of the nearest place, itself or
    above, for which an expression holds. ``place`` is the entity ``at`` points at."""

    name: str
    of: str
    user: str
    role: str
    at: str = ""
    gives: str = ""
    starts: str = ""
    ends: str = ""
    below: str = ""
    above: Mapping[str, Expr] = field(default_factory=dict)
    place: str = ""
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Cast:
    """Which entity plays the users, and where their roles are written. Empty ``users``: nobody can log in."""

    users: str = ""
    active: Expr | None = None  # holds for those who may log in
    assignments: Mapping[str, Assignment] = field(default_factory=dict)
    leader: str = ""  # the field of a department that names its leader
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Function:
    """A pure Python function of the pack (``python``: ``package.module:name``) over the rows of an entity."""

    path: str
    module: str
    name: str
    title: Label
    python: str
    over: str
    within: str = ""
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    run: str = "save"
    where: Where = field(default_factory=Where)
