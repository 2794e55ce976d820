"""What rows of the engine's own tables call entities and fields: by table and column, which no rename changes.

History, events, files, approvals, subscriptions and the sources of entries are written so, and read by today's names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Born:
    """``entities``: table → path. ``fields``: path → what a field is called → its column, of those where the two
    differ; where they are the same everywhere the entity is not among them."""

    entities: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def entity(self, table: str) -> str:
        """What it is called today; what is retired, by its table."""
        return self.entities.get(table, table)

    def column(self, path: str, name: str) -> str:
        return self.fields.get(path, {}).get(name, name)

    def stored(self, path: str, values: Mapping[str, T]) -> Mapping[str, T]:
        """Values by what fields are called → by their columns."""
        columns = self.fields.get(path)
        return values if columns is None else {columns.get(name, name): value for name, value in values.items()}

    def told(self, path: str, values: Mapping[str, T]) -> Mapping[str, T]:
        """The way back. A column that is retired is told by its own name, unless a field of today is called so."""
        columns = self.fields.get(path)
        if columns is None:
            return values
        names = {column: name for name, column in columns.items()}
        return {names.get(c, c): value for c, value in values.items() if c in names or c not in columns}
