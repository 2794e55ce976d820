"""Tables as text and back: what a revision keeps of the shape its tables have."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from engine.plan.table import Column, ForeignKey, Index, Table, TableCheck


def told(tables: Iterable[Table]) -> str:
    """The same text for the same tables."""
    return json.dumps([asdict(table) for table in tables], ensure_ascii=False)


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
