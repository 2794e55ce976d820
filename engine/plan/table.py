"""Tables as the database will hold them, for both dialects; ``have`` and ``want`` meet in these types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Column:
    """``kind`` and ``scale`` are the storage kind; the column's SQL type follows from them per dialect."""

    name: str
    kind: str
    scale: int = 0
    nullable: bool = True
    default: str | None = None
    """An SQL literal valid in both dialects."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    name: str
    column: str
    table: str
    on_delete: Literal["restrict", "set null", "cascade"] = "restrict"


@dataclass(frozen=True, slots=True)
class TableCheck:
    """A row check; the expression in each dialect, empty where the column's type already says so."""

    name: str
    sqlite: str
    postgresql: str
    check: str = ""
    """The entity's own check that it holds, whose words it is refused with."""


@dataclass(frozen=True, slots=True)
class Index:
    """``where`` (valid in both dialects) makes it partial: unique means unique among the living."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    where: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ("id",)
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[TableCheck, ...] = ()
    indexes: tuple[Index, ...] = ()
    entity: str = ""
    """Path of the entity it holds; empty for the engine's own tables."""
