"""Keys that serialise cross-row checks: who looks and who is looked at take the same row of ``_guard``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.catalog import Catalog, Entity
from engine.plan.statement import Dialect, Statement


def columns(catalog: Catalog) -> Mapping[str, Iterable[tuple[str, ...]]]:
    return {}


def statements(catalog: Catalog, root: Entity, dialect: Dialect) -> tuple[Statement, ...]:
    return ()
