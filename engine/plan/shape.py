"""Tables as text and back: what a revision keeps of the shape its tables have."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from functools import lru_cache
from typing import Any

from engine.plan.table import Column, ForeignKey, Index, Table, TableCheck


def told(tables: Iterable[Table]) -> str:
    """The same text for the same tables."""
    return json.dumps(tuple(tables), ensure_ascii=False, default=_parts)


def _parts(one: Any) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in fields(one)}


@lru_cache(maxsize=4)  # a plan, its change and whoever follows ask for the same revision
def of_text(text: str) -> tuple[Table, ...]:
    return tuple(_table(one) for one in json.loads(text))


def _table(one: dict[str, Any]) -> Table:
    return Table(
        one["name"],
        tuple(Column(**column) for column in one["columns"]),
        tuple(one["primary_key"]),
        tuple(ForeignKey(**key) for key in one["foreign_keys"]),
        tuple(TableCheck(**check) for check in one["checks"]),
        tuple(Index(**{**index, "columns": tuple(index["columns"])}) for index in one["indexes"]),
        one["entity"],
    )
