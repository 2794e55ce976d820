"""Templates of messages with their values, as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from engine.fieldtypes import REGISTRY
from engine.label import Label
from engine.plan.entity import Entity, Field, Message, Template
from engine.serve.document import rights
from engine.serve.document.store import World

_DATE_PARTS = re.compile("yyyy|MM|dd|HH|mm|ss")
_NUMBER = re.compile(r"-?\d+\.\d+")
"""A figure that is no field of anybody's: exact digits, told in groups."""

_STRFTIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}


def fill(world: World, entity: Entity, message: Message, values: Mapping[str, Any]) -> Label:
    return Label(*(_filled(world, entity, getattr(message, language), values, language) for language in ("zh", "en")))


def _filled(world: World, entity: Entity, template: Template, values: Mapping[str, Any], language: str) -> str:
    out = []
    for part in template.parts:
        if isinstance(part, str):
            out.append(part)
        else:
            path, form = part
            out.append(_shown(world, entity, path, form, values.get(path), language))
    return "".join(out)


def _shown(world: World, entity: Entity, path: str, form: str, value: Any, language: str) -> str:
    if value is None:
        return "–"
    if not _open(world, entity, path):
        return "…"
    if form and isinstance(value, str) and re.match(r"\d{4}-\d{2}", value):
        moment = datetime.fromisoformat(value) if len(value) > 10 else date.fromisoformat(f"{value}-01"[:10])
        return moment.strftime(_DATE_PARTS.sub(lambda m: _STRFTIME[m[0]], form))
    known = _field(world, entity, path)
    if known is not None and known.spec.type in REGISTRY and known.origin != "lines":
        try:
            return REGISTRY[known.spec.type].format(value, known.spec, language, world.moment.zone)
        except (ValueError, ArithmeticError, TypeError):
            return str(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return f"{Decimal(value):,f}".replace("-", "−")
    if isinstance(value, bool):
        return REGISTRY["boolean"].format(value, REGISTRY_SPEC, language)
    return str(value)


def _open(world: World, entity: Entity, path: str) -> bool:
    """Whether the reader sees every step of the path whole, whichever role of his admits him: a sentence does not
    look at rows, so what he sees only on some is not told."""
    for name in path.split("."):
        known = entity.fields.get(name)
        if known is None:
            return True
        if not rights.seen(world.app, world.moment.me, entity, known).plain:
            return False
        if known.target in world.app.entities:
            entity = world.app.entities[known.target]
    return True


def _field(world: World, entity: Entity, path: str) -> Field | None:
    """The field a message's path ends at; settings have a type too."""
    head, _, rest = path.partition(".")
    if head == "settings" and rest in world.app.settings:
        setting = world.app.settings[rest]
        return Field(rest, setting.title, setting.spec)
    known = None
    for name in path.split("."):
        known = entity.fields.get(name)
        if known is None:
            return None
        if known.target in world.app.entities:
            entity = world.app.entities[known.target]
    return known


REGISTRY_SPEC: Any = None
