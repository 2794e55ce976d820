"""The catalog as text: what golden files hold and `dougong show` prints. The same catalog gives the same bytes."""

from __future__ import annotations

import dataclasses
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


_parts: dict[str, dict[tuple[str, str], Any]] = {}
_KEPT = 4


def part(catalog: Catalog, section: str, path: str) -> dict[str, Any]:
    """A noun of the catalog as ``plain`` tells it, kept for the last few catalogs: a plan asks for all of them."""
    told = _parts.pop(catalog.digest, {})
    _parts[catalog.digest] = told
    while len(_parts) > _KEPT:
        del _parts[next(iter(_parts))]
    found: dict[str, Any] | None = told.get((section, path))
    if found is None:
        found = told[section, path] = plain(getattr(catalog, section)[path])
    return found


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


def _noun(value: Any) -> dict[str, Any]:
    out = {}
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if isinstance(item, Where) or item == default:
            continue
        out[field.name.rstrip("_")] = plain(item)
    return out
