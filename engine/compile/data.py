"""Packs, roles, settings, imports, seeds: what an App carries beside its entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.catalog import Catalog, Import, ImportColumn, Row, Value
from engine.plan import app as plan


def modules(catalog: Catalog) -> Mapping[str, plan.ModuleInfo]:
    return {m.name: plan.ModuleInfo(m.name, m.key, m.version, m.title) for m in catalog.modules.values()}


def roles(catalog: Catalog) -> Mapping[str, plan.Role]:
    return {r.name: plan.Role(r.name, r.title) for r in catalog.roles.values()}


def settings(catalog: Catalog) -> Mapping[str, plan.Setting]:
    return {
        s.name: plan.Setting(s.name, s.module, s.title, s.spec, s.default.literal, s.group, s.scope)
        for s in catalog.settings.values()
    }


def imports(catalog: Catalog) -> Mapping[str, plan.ImportPlan]:
    return {path: _import(i) for path, i in catalog.imports.items()}


def _import(made: Import) -> plan.ImportPlan:
    return plan.ImportPlan(
        made.path,
        made.module,
        made.of,
        made.title,
        made.format,
        tuple(_column(c) for c in made.columns.values()),
        made.encoding,
        made.key,
        dict(made.totals),
        made.rows,
        made.group,
        made.lines,
        made.page,
    )


def _column(made: ImportColumn) -> plan.ImportColumn:
    constant = made.value.literal if made.value is not None else None
    return plan.ImportColumn(
        made.field, made.headers, made.date, made.clean, dict(made.map), constant, made.required, made.unknown
    )


def rows(made: Iterable[Row]) -> tuple[tuple[str, str, Mapping[str, Any]], ...]:
    return tuple((r.entity, r.name, _values(r)) for r in made)


def _values(row: Row) -> Mapping[str, Any]:
    """Values by field, lines as lists under their field's name; references are keys of their targets."""
    out: dict[str, Any] = {name: _value(v) for name, v in row.values.items()}
    for name, lines in row.lines.items():
        out[name] = [_values(line) for line in lines]
    return out


def _value(value: Value) -> Any:
    return value.literal if value.expr is None else {"=": value.expr.text}
