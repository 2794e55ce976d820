"""The few statements that background work runs on the engine's own tables, in both dialects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from engine.db import Call
from engine.db.system import TABLES
from engine.fieldtypes.storage import encode_rows, quote, row_source
from engine.plan.statement import Dialect

_COLUMNS = {table.name: tuple((c.name, c.kind, c.scale) for c in table.columns) for table in TABLES}


def insert(table: str, rows: Iterable[Mapping[str, Any]], dialect: Dialect) -> Call:
    columns = _COLUMNS[table]
    names = ", ".join(quote(name) for name, _, _ in columns)
    source = row_source(columns, dialect, "$1" if dialect == "postgresql" else "?1")
    return Call(
        f"INSERT INTO {quote(table)} ({names}) SELECT {names} FROM {source} WHERE true ON CONFLICT DO NOTHING",
        (encode_rows(columns, rows, dialect),),
    )


def pairs(dialect: Dialect, names: Mapping[str, str]) -> str:
    """A FROM item over a JSON array of objects, its first parameter; ``names`` gives PostgreSQL's types."""
    if dialect == "postgresql":
        told = ", ".join(f"{name} {kind}" for name, kind in names.items())
        return f"jsonb_to_recordset($1::jsonb) AS x({told})"
    told = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names)
    return f"(SELECT {told} FROM json_each(?1)) AS x"


def decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str | bytes) else value
