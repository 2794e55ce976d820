"""Files of a field as its template wants them: what it holds, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.fieldtypes import REGISTRY
from engine.fieldtypes.filekinds import PICTURES, endings, said_size
from engine.fieldtypes.links import Files
from engine.plan.entity import Field

WIDGETS = frozenset({"file", "signature"})


@dataclass(frozen=True, slots=True)
class Attached:
    """One file. ``href`` is empty where it may not be read yet (it waits to be saved)."""

    id: str
    name: str
    about: str
    """How large; who brought it, and when."""
    href: str = ""
    small: str = ""
    large: str = ""


@dataclass(frozen=True, slots=True)
class Takes:
    """What an input is told of its field."""

    kind: str
    """``picture``, ``signature`` or ``file``."""
    many: bool
    most: int
    size: int
    accept: str
    field: str
    """What sending in is told: ``day_labor.sheet.lines.photos``."""


def attached(value: Any, base: str, path: str, brought: Mapping[str, tuple[str, str]]) -> tuple[Attached, ...]:
    """What a field holds. ``base`` is the record's address in the API, or nothing of a record that is not there yet."""
    held = value if isinstance(value, list) else [value] if value else []
    return tuple(_one(one, base, path, brought) for one in held if isinstance(one, Mapping) and one.get("id"))


def _one(one: Mapping[str, Any], base: str, path: str, brought: Mapping[str, tuple[str, str]]) -> Attached:
    key = str(one["id"])
    waits = bool(one.get("waiting"))
    href = f"{base}/files/{path}/{key}" if base and not waits else ""
    shown = href or f"/api/v1/system/files/{key}" if href or waits else ""
    picture = bool(shown) and one.get("type") in PICTURES
    size = said_size(int(one["size"])) if str(one.get("size") or "").isdigit() else ""
    about = " · ".join(part for part in (size, *brought.get(key, ())) if part)
    return Attached(
        key,
        str(one.get("name") or key),
        about,
        href,
        f"{shown}/small" if picture else "",
        f"{shown}/large" if picture else "",
    )


def taken(field: Field, entity: str, path: str) -> Takes | None:
    kind = REGISTRY.get(field.spec.type)
    if not isinstance(kind, Files):
        return None
    accept = ",".join(sorted(PICTURES)) if kind.picture else endings(field.spec.accept)
    called = "signature" if kind.widget == "signature" else "picture" if kind.picture else "file"
    return Takes(called, kind.many, kind.most(field.spec), field.spec.max_size or 0, accept, f"{entity}.{path}")
