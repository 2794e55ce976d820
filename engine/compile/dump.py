"""An App as text: the same bytes for the same App, whatever process writes it. For people and for golden files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from typing import Any

from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.statement import Statement

_QUIET = ("symbols", "openapi")
"""Parts shown on their own, or not as text."""
_INDENT = "  "


def dump(app: App, entity: str = "", statements: bool = False) -> str:
    """Everything, or what concerns one entity; ``statements``: with the SQL."""
    if entity:
        return dump_entity(app, entity, statements)
    parts = {f.name: getattr(app, f.name) for f in fields(app) if f.name not in _QUIET}
    return "\n".join(_lines(parts, statements)) + "\n"


def dump_entity(app: App, entity: str, statements: bool) -> str:
    made: Entity = app.entities[entity]
    parts: dict[str, Any] = {"entity": made}
    parts["table"] = next(t for t in app.tables if t.entity == entity)
    machines = {name: m for name, m in app.machines.items() if m.entity == entity}
    if machines:
        parts["machines"] = machines
    parts["lists"] = {name: p for name, p in app.lists.items() if p.entity == entity}
    parts["forms"] = {name: p for name, p in app.forms.items() if p.entity == entity}
    return "\n".join(_lines(parts, statements)) + "\n"


def _lines(value: Any, statements: bool) -> Iterator[str]:
    if isinstance(value, Statement):
        if not statements:
            yield "(statement)"
            return
        yield from value.sql.replace(", c", ",\nc").replace(" UNION ALL ", "\nUNION ALL\n").split("\n")
        for n, param in enumerate(value.params, 1):
            scale = f" {param.scale}" if param.scale else ""
            yield f"-- {n}: {param.source} {param.name} {param.kind}{scale}"
        return
    items = _items(value)
    if items is None:
        yield _scalar(value)
        return
    for name, item in items:
        if _is_default(item):
            continue
        inner = list(_lines(item, statements))
        if len(inner) == 1 and _items(item) is None and not isinstance(item, Statement):
            yield f"{name}: {inner[0]}"
        else:
            yield f"{name}:"
            yield from (_INDENT + line for line in inner)


def _items(value: Any) -> list[tuple[str, Any]] | None:
    """What stands inside, in an order that does not depend on the process; None for a plain value."""
    if is_dataclass(value) and not isinstance(value, type):
        return [(f.name, getattr(value, f.name)) for f in fields(value)]
    if isinstance(value, Mapping):
        return [(str(k), v) for k, v in value.items()]
    if isinstance(value, Set):
        return [(str(n), v) for n, v in enumerate(sorted(value, key=str))]
    if isinstance(value, tuple | list):
        if all(_items(v) is None and not isinstance(v, Statement) for v in value):
            return None
        return [(_name(v, n), v) for n, v in enumerate(value)]
    return None


def _name(value: Any, position: int) -> str:
    name = getattr(value, "name", None)
    return name if isinstance(name, str) and name else str(position)


def _is_default(value: Any) -> bool:
    """Empty things say nothing; False and 0 do."""
    return value is None or value == "" or (isinstance(value, tuple | list | Mapping | Set) and not value)


def _scalar(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_scalar(v) for v in value) + "]"
    if value is True or value is False:
        return str(value).lower()
    return str(value) if not isinstance(value, str) else value.replace("\n", "\\n")
