"""What an expression reads, as far as the order of computing is concerned."""

from __future__ import annotations

from dataclasses import dataclass

from engine.catalog import Catalog, Entity


@dataclass(frozen=True, slots=True)
class Reads:
    """``own``: columns of the same row. ``document``: (entity path, field) in owners and lines of the same document.
    ``children``: rows of lines are gathered. ``record``: anything of the record at all, references included."""

    own: frozenset[str] = frozenset()
    document: frozenset[tuple[str, str]] = frozenset()
    children: bool = False
    record: bool = False


def reads_of(catalog: Catalog, entity: Entity, *expressions: object, rows_of: str = "") -> Reads:
    return Reads()
