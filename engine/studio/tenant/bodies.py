"""Records as packs write them (seeds, demo data, scenarios) → bodies as the API takes them.

Like everything that runs in a transaction these are generators: a look-up of a name yields its statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.catalog import Catalog, Entity, Field, Row
from engine.catalog.data import Given
from engine.db import Body
from engine.expr.build import to_program
from engine.expr.run.evaluate import evaluate
from engine.fieldtypes import REGISTRY, Refused
from engine.fieldtypes.storage import KINDS

Resolve = Callable[[str, str], Body[str]]
"""(entity path, name or key) → the record's id; raises LookupError."""

_AS_IS = ("text", "integer", "boolean", "json", "duration")


def plain(field: Field, value: Any, zone: str) -> Any:
    """A Python value of the field in its JSON form; a moment without a zone is one of the tenant's."""
    kind = REGISTRY[field.spec.type]
    if value is None or kind.kind in _AS_IS:
        return value
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=ZoneInfo(zone))
    text = KINDS[kind.kind].rows(value, kind.scale_of(field.spec))
    return text[:7] if kind.kind == "month" else text


def from_row(row: Row, catalog: Catalog, resolve: Resolve, context: Mapping[str, Any]) -> Body[dict[str, Any]]:
    """The body of a row, its lines in it. The row's name fills a one-field key; ``state`` is left to the caller."""
    entity = catalog.entities[row.entity]
    body: dict[str, Any] = {}
    if row.name and len(entity.key) == 1 and entity.key[0] not in row.values:
        key = entity.fields[entity.key[0]]
        if key.input or key.number is not None:
            body[key.name] = yield from _text(key, row.name, resolve, str(context["zone"]))
    for name, value in row.values.items():
        field = entity.fields.get(name)
        if field is None:
            continue
        if value.expr is not None:
            body[name] = plain(field, evaluate(to_program(value.expr), dict(body), context), str(context["zone"]))
        elif field.target and value.literal is not None:
            body[name] = yield from _references(field, value.literal, resolve)
        else:
            body[name] = plain(field, value.literal, str(context["zone"]))
    for name, rows in row.lines.items():
        body[name] = []
        for line in rows:
            body[name].append((yield from from_row(line, catalog, resolve, context)))
    return body


def from_given(
    values: Mapping[str, Given], entity: Entity, catalog: Catalog, resolve: Resolve, zone: str
) -> Body[dict[str, Any]]:
    """The body of a step's ``with``. Lines written by position come as ``{position: body}``: the caller knows ids."""
    return (yield from _object(values, entity, catalog, resolve, zone))


def _object(
    data: Mapping[str, Any], entity: Entity, catalog: Catalog, resolve: Resolve, zone: str
) -> Body[dict[str, Any]]:
    body = {}
    for name, value in data.items():
        body[name] = yield from _given(entity, name, bare(value), catalog, resolve, zone)
    return body


def bare(value: Any) -> Any:
    return value.data if isinstance(value, Given) else value


def _given(entity: Entity, name: str, data: Any, catalog: Catalog, resolve: Resolve, zone: str) -> Body[Any]:
    field = entity.fields.get(name)
    if field is None or data is None:
        return data
    if field.spec.type == "lines":
        child = catalog.entities[field.target]
        if isinstance(data, Mapping):
            by_position = {}
            for at, line in data.items():
                by_position[int(at)] = yield from _object(bare(line), child, catalog, resolve, zone)
            return by_position
        rows = []
        for line in data:
            rows.append((yield from _object(bare(line), child, catalog, resolve, zone)))
        return rows
    if field.target:
        return (yield from _references(field, data, resolve))
    if isinstance(data, tuple | list):
        return [str(bare(item)) for item in data]
    return (yield from _text(field, str(data), resolve, zone))


def _references(field: Field, data: Any, resolve: Resolve) -> Body[Any]:
    if isinstance(data, tuple | list):
        ids = []
        for item in data:
            ids.append((yield from resolve(field.target, str(bare(item)))))
        return ids
    return (yield from resolve(field.target, str(data)))


def _text(field: Field, text: str, resolve: Resolve, zone: str) -> Body[Any]:
    if field.target:
        return (yield from resolve(field.target, text))
    try:
        return plain(field, REGISTRY[field.spec.type].parse(text, field.spec), zone)
    except Refused:
        return text  # the server is to say so, at its own door
