"""Values an expression needs when it runs, and the placeholders that stand for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from engine.expr.build.api import Dialect
from engine.expr.run.types import Type

PG_TYPES = {
    "text": "text", "integer": "bigint", "duration": "bigint", "decimal": "numeric", "boolean": "boolean",
    "date": "date", "month": "date", "time": "time", "datetime": "timestamptz", "uuid": "uuid", "json": "jsonb",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """Where a bound value comes from; has the shape of ``plan.Param``. ``value`` is there for literals only."""

    source: str
    name: str
    kind: str
    scale: int = 0
    value: Any = None


@dataclass(slots=True)
class Binder:
    """Numbers the placeholders of one statement: the n-th is bound from ``keys[n-1]``; one key has one number.

    ``literals``: constants are bound too, instead of written into the SQL, so that questions of one shape share a
    statement. ``rename`` maps a key before it is taken (``me.projects`` → ``foreman.projects``).
    ``known`` gives SQL in place of a value that the statement can say itself.
    """

    dialect: Dialect
    literals: bool = False
    rename: Callable[[Key], Key] | None = None
    known: Callable[[Key], str | None] | None = None
    keys: list[Key] = field(default_factory=list)
    aliases: int = 0

    def place(self, key: Key) -> str:
        """The bare placeholder of a key."""
        if self.rename is not None:
            key = self.rename(key)
        if key.source == "literal" or key not in self.keys:
            self.keys.append(key)
            number = len(self.keys)
        else:
            number = self.keys.index(key) + 1
        return f"${number}" if self.dialect == "postgresql" else f"?{number}"

    def typed(self, key: Key) -> str:
        """The placeholder with its type, so that the database never guesses."""
        if self.known is not None and (sql := self.known(key)) is not None:
            return sql
        place = self.place(key)
        if self.dialect == "sqlite":
            return place
        if key.kind == "text":
            return f'({place}::text COLLATE "C")'
        return f"{place}::{PG_TYPES[key.kind]}"

    def constant(self, type: Type, value: Any) -> str:
        """A constant of the expression as a bound literal."""
        kind, scale = type.storage
        if kind == "decimal":
            value = Decimal(value).scaleb(-scale)
        elif kind == "datetime":
            value = datetime.fromtimestamp(value, UTC)
        number = sum(key.source == "literal" for key in self.keys)
        return self.typed(Key("literal", str(number), kind, scale, value))

    def alias(self) -> str:
        self.aliases += 1
        return f"_e{self.aliases}"


__all__ = ["PG_TYPES", "Binder", "Key"]
