"""Rows for a compiled App, made up at random but the same each time; rules and workflows are not asked."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from engine.plan.app import App
from engine.plan.table import Column, Table
from tests.ask.world import ident

_PARTS = (
    "base.partner", "base.cost_subject", "base.work_type", "base.project", "base.org", "base.user", "base.team",
    "base.worker", "base.wbs", "day_labor.sheet", "day_labor.sheet_line", "cost_center.budget_entry",
    "cost_center.cost_entry", "cost_center.revenue_confirm",
)  # fmt: skip
_LEFT_EMPTY = ("plan_start", "plan_finish", "starts", "ends", "uscc", "exit_date")
"""Own-row rules of the packs are about these."""
_GROWN = {"cost_center.cost_entry": 120, "day_labor.sheet": 40, "day_labor.sheet_line": 90}


def made_up(app: App, seed: int = 1) -> dict[str, list[dict[str, Any]]]:
    """Rows by table, in an order that references allow."""
    rnd = Random(seed)
    known: dict[str, list[str]] = {}
    tables = {t.entity: t for t in app.tables}
    out: dict[str, list[dict[str, Any]]] = {}
    for at, path in enumerate(_PARTS):
        table = tables[path]
        for n in range(_GROWN.get(path, 12)):
            row = {c.name: _value(app, table, c, rnd, known, n) for c in table.columns}
            row |= {"id": ident(100 + at, n), "rev": 1, "deleted_at": None, "position": n}
            if not any(c.name == "position" for c in table.columns):
                del row["position"]
            if _again(table, row, out.get(table.name, [])):
                continue
            out.setdefault(table.name, []).append(row)
            known.setdefault(table.name, []).append(row["id"])
    return out


def _again(table: Table, row: dict[str, Any], before: list[dict[str, Any]]) -> bool:
    return any(
        all(row[c] is not None and row[c] == other[c] for c in index.columns)
        for index in table.indexes
        if index.unique
        for other in before
    )


def _value(app: App, table: Table, column: Column, rnd: Random, known: dict[str, list[str]], n: int) -> Any:
    entity = app.entities[table.entity]
    field = entity.fields.get(column.name)
    if column.name.startswith("_") and column.name not in ("_sort", "_find"):
        return None
    if column.nullable and column.name in _LEFT_EMPTY:
        return None
    if column.nullable and column.name not in ("_sort", "name") and rnd.random() < 0.25:
        return None
    key = next((k for k in table.foreign_keys if k.column == column.name), None)
    if key is not None:
        there = known.get(key.table, [])
        return rnd.choice(there) if there else None
    if column.name == "state" and entity.machine:
        return rnd.choice(list(app.machines[entity.machine].states))
    if field is not None and field.spec.options and field.kind == "text":
        return rnd.choice(field.spec.options).name
    return _plain(column, rnd, n)


def _plain(column: Column, rnd: Random, n: int) -> Any:
    match column.kind:
        case "text":
            return f"{column.name} {n}"
        case "integer" | "duration":
            return rnd.randrange(1, 100)
        case "decimal":
            return (Decimal(rnd.randrange(0, 5000)) / 100).quantize(Decimal(1).scaleb(-column.scale))
        case "boolean":
            return rnd.random() < 0.5
        case "date":
            return date(2026, 1, 1) + timedelta(rnd.randrange(90))
        case "month":
            return date(2026, rnd.randrange(1, 4), 1)
        case "datetime":
            return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=rnd.randrange(2000))
    return None
