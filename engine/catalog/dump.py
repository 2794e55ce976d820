"""The catalog as text: what golden files hold and `dougong show` prints. The same catalog gives the same bytes."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from engine.catalog.catalog import Catalog
from engine.catalog.value import Template, Value
from engine.label import Label
from engine.problem import Where

_LEFT_OUT = ("world", "digest", "overlaid")


def dump(catalog: Catalog) -> str:
    """Everything but places and what is at its default, as JSON."""
    parts = {f.name: plain(getattr(catalog, f.name)) for f in dataclasses.fields(catalog) if f.name not in _LEFT_OUT}
    return json.dumps(parts, ensure_ascii=False, indent=1) + "\n"


def plain(value: Any) -> Any:
    """Any part of the catalog as JSON-able data: expressions and templates as written, labels by language."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Label):
        return value.zh if value.zh == value.en or not value.en else {"zh": value.zh, "en": value.en}
    if isinstance(value, Template):
        return "".join(p if isinstance(p, str) else _hole(p.name, p.format) for p in value.parts)
    if isinstance(value, Value):
        return f"={value.expr.text}" if value.expr is not None else plain(value.literal)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | frozenset):
        return [plain(v) for v in (sorted(value) if isinstance(value, frozenset) else value)]
    if isinstance(value, Decimal | date | datetime | time):
        return str(value)
    if hasattr(value, "tree"):  # an expression: its text says all
        return f"{value.text}  : {value.type}"
    return _noun(value)


def _hole(name: str, form: str) -> str:
    return f"{{{name}:{form}}}" if form else f"{{{name}}}"


def unequal(old: Any, new: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two nouns of one kind as ``plain`` tells them, but for what is equal in both."""
    names = frozenset(name for name, _, _ in _fields(new.__class__) if getattr(old, name) != getattr(new, name))
    return _noun(old, names), _noun(new, names)


def _noun(value: Any, only: frozenset[str] | None = None) -> dict[str, Any]:
    out = {}
    for name, told, default in _fields(value.__class__):
        item = getattr(value, name)
        if (only is not None and name not in only) or isinstance(item, Where) or item == default:
            continue
        out[told] = plain(item)
    return out


@functools.cache
def _fields(kind: type) -> tuple[tuple[str, str, Any], ...]:
    """(name, what it is told as, default) of each."""
    found: list[tuple[str, str, Any]] = []
    for one in dataclasses.fields(kind):
        made = one.default_factory
        default = made() if made is not dataclasses.MISSING else one.default
        found.append((one.name, one.name.rstrip("_"), default))
    return tuple(found)
