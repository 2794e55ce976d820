"""An App as text: the same bytes for the same App, whatever process writes it. For people and for golden files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from engine.fieldtypes.spec import Spec
from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Entity, Template
from engine.plan.statement import Statement
from engine.plan.table import Column, ForeignKey, Index

_QUIET = ("symbols", "openapi", "epoch")
"""Parts shown on their own, or not as text."""
_INDENT = "  "
_CUTS = re.compile(r" (c\d+ AS MATERIALIZED|held AS MATERIALIZED|UNION ALL|INSERT INTO|UPDATE|FROM c\d+|FROM held)\b")
"""Where a long statement begins a new line."""


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
        yield from _CUTS.sub(r"\n\1", value.sql).split("\n")
        for n, param in enumerate(value.params, 1):
            scale = f" {param.scale}" if param.scale else ""
            yield f"-- {n}: {param.source} {param.name} {param.kind}{scale}"
        return
    short = _SHORT.get(type(value))
    if short is not None:
        yield short(value)
        return
    items = _items(value)
    if items is None:
        yield _scalar(value)
        return
    for name, item in items:
        if _is_default(item) or (name == "name" and is_dataclass(value)):
            continue
        inner = list(_lines(item, statements))
        if len(inner) == 1 and (_items(item) is None or type(item) in _SHORT):
            yield f"{name}: {inner[0]}"
        else:
            yield f"{name}:"
            yield from (_INDENT + line for line in inner)


def _column(made: Column) -> str:
    scale = f"({made.scale})" if made.kind == "decimal" else ""
    default = f" default {made.default}" if made.default is not None else ""
    return f"{made.kind}{scale}{'' if made.nullable else ' not null'}{default}"


def _index(made: Index) -> str:
    where = f" where {made.where}" if made.where else ""
    return f"{'unique ' if made.unique else ''}({', '.join(made.columns)}){where}"


def _spec(made: Spec) -> str:
    parts = [made.type]
    parts += [
        f"{f.name}={getattr(made, f.name)}"
        for f in fields(made)
        if f.name not in ("type", "options") and getattr(made, f.name)
    ]
    parts += [f"{o.name}={o.title.zh}/{o.title.en}" for o in made.options]
    return " ".join(parts)


_SHORT: Mapping[type, Callable[[Any], str]] = {
    Column: _column,
    Index: _index,
    ForeignKey: lambda k: f"{k.column} -> {k.table} on delete {k.on_delete}",
    Label: lambda label: f"{label.zh} / {label.en}",
    Spec: _spec,
    Template: lambda t: "".join(p if isinstance(p, str) else "{" + ":".join(x for x in p if x) + "}" for p in t.parts),
}
"""What reads better on one line."""


def _items(value: Any) -> list[tuple[str, Any]] | None:
    """What stands inside, in an order that does not depend on the process; None for a plain value."""
    if is_dataclass(value) and not isinstance(value, type):
        return [(f.name, getattr(value, f.name)) for f in fields(value) if not _left_out(value, f)]
    if isinstance(value, Mapping):
        return [(str(k), v) for k, v in value.items()]
    if isinstance(value, Set):
        return [(str(n), v) for n, v in enumerate(sorted(value, key=str))]
    if isinstance(value, tuple | list):
        if all(_items(v) is None and not isinstance(v, Statement) for v in value):
            return None
        return [(_name(v, n), v) for n, v in enumerate(value)]
    return None


def _left_out(value: Any, field: Field[Any]) -> bool:
    """Whether it says what it would say anyway."""
    made = field.default_factory() if field.default_factory is not MISSING else field.default
    return made is not MISSING and bool(getattr(value, field.name) == made)


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
