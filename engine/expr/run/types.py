"""What an expression's value is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal[
    "text",
    "integer",
    "decimal",
    "boolean",
    "date",
    "month",
    "time",
    "datetime",
    "duration",
    "json",
    "ref",
    "rows",
    "null",
]

INT64 = 2**63 - 1
SAFE_INTEGER = 2**53 - 1
INTEGER_DIGITS = 15
"""Digits before the point of every stored decimal."""


@dataclass(frozen=True, slots=True)
class Type:
    """``scale``: digits after the point of a decimal. ``limit``: the largest magnitude a number can have, as an
    integer scaled by ``10**scale`` — a proven bound, by which SQLite's 64 bits are known to suffice or not.
    ``entity``: what a ``ref`` points at, or what ``rows`` (a set of them) holds. ``options``: the names of a choice.
    """

    kind: Kind
    scale: int = 0
    limit: int = field(default=0, compare=False)
    entity: str = ""
    nullable: bool = field(default=True, compare=False)
    options: tuple[str, ...] = field(default=(), compare=False)

    @property
    def number(self) -> bool:
        return self.kind in ("integer", "decimal")

    @property
    def wide(self) -> bool:
        """A number that may not fit 64 bits."""
        return self.limit > INT64

    @property
    def digits(self) -> int:
        return len(str(self.limit))

    @property
    def storage(self) -> tuple[str, int]:
        """The storage kind and scale of the value."""
        if self.kind == "ref":
            return "uuid", 0
        if self.kind in ("rows", "null"):
            return ("json" if self.kind == "rows" else "text"), 0
        return self.kind, self.scale

    def __str__(self) -> str:
        if self.kind == "decimal":
            return f"decimal({self.scale})"
        return f"{self.kind}({self.entity})" if self.entity else self.kind


def stored(kind: Kind, scale: int = 0, entity: str = "", options: tuple[str, ...] = (), nullable: bool = True) -> Type:
    """The type of a stored value: numbers are bounded by what a column holds."""
    limit = 0
    if kind in ("integer", "duration"):
        limit = SAFE_INTEGER
    elif kind == "decimal":
        limit = min(10 ** (INTEGER_DIGITS + scale) - 1, INT64)
    return Type(kind, scale, limit, entity, nullable, options)


TEXT = Type("text")
BOOLEAN = Type("boolean")
INTEGER = stored("integer")
DATE = Type("date")
MONTH = Type("month")
TIME = Type("time")
DATETIME = Type("datetime")
DURATION = stored("duration")
JSON = Type("json")
NULL = Type("null")


def not_null(type: Type) -> Type:
    return replace(type, nullable=False)
