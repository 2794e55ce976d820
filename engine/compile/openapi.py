"""The OpenAPI 3.1 document of a system: bodies and answers, from the field types' own schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.compile import doors, explained, parts
from engine.compile.file_doors import of_files
from engine.compile.parts import ID, LANGUAGE, Json, ref, schema_name
from engine.fieldtypes import REGISTRY
from engine.plan.entity import Entity, Field
from engine.plan.machine import Machine
from engine.plan.page import Figures

VERSION = "3.1.0"


def document(
    title: str,
    version: str,
    entities: Mapping[str, Entity],
    machines: Mapping[str, Machine],
    figures: Mapping[str, Figures],
) -> Mapping[str, Any]:
    """Lines have no doors of their own: they are written and read with their root."""
    schemas: Json = {**parts.COMMON, **explained.SCHEMAS}
    paths: Json = {}
    for entity in entities.values():
        schemas |= _schemas(entity, entities)
        if not entity.owner:
            paths |= doors.of_entity(entity, machines.get(entity.machine)) | explained.of_entity(entity)
            paths |= of_files(entity)
    for path, made in figures.items():
        paths |= doors.of_figures(path, made) | explained.of_figures(path, made)
    return {
        "openapi": VERSION,
        "info": {"title": title, "version": version},
        "servers": [{"url": "/"}],
        "security": [{"session": []}, {"token": []}],
        "tags": [{"name": e.path, "description": e.title.to(LANGUAGE)} for e in entities.values() if not e.owner],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": parts.RESPONSES,
            "parameters": parts.PARAMETERS,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "dougong"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


_SOURCE: Json = {
    "type": ["object", "null"],
    "description": "The document the entry came from, and the posting that made it",
    "properties": {"entity": {"type": "string"}, "id": ID, "posting": {"type": "string"}},
}


def _schemas(entity: Entity, entities: Mapping[str, Entity]) -> Json:
    """What is answered, what creates, what changes."""
    record: Json = {
        "id": ID,
        "rev": {"type": "integer", "minimum": 1},
        "display": {"type": "string"},
    }
    record |= {f.name: _answered(f) for f in entity.fields.values()}
    if entity.kind == "ledger":
        record["_source"] = _SOURCE
    writable = {f.name: f for f in entity.fields.values() if takes_input(f)}
    create = {f.name: _taken(f, "create") for f in writable.values()}
    change = {f.name: _taken(f, "change") for f in writable.values()}
    if not entity.owner:
        told = {n: s for n, s in parts.REASONS.items() if n not in entity.fields}
        create, change = {**create, **told}, {**change, **told}
    else:
        change |= {"id": ID, "$delete": {"type": "boolean"}}
    required = [f.name for f in writable.values() if f.required == "always" and not f.has_default]
    body: Json = {"type": "object", "properties": {"id": ID, **create}, "additionalProperties": False}
    if required:
        body["required"] = required
    return {
        schema_name(entity.path): {
            "type": "object",
            "title": entity.title.to(LANGUAGE),
            "properties": record,
            "required": ["id", "rev"],
        },
        schema_name(entity.path, ".create"): body,
        schema_name(entity.path, ".change"): {
            "type": "object",
            "properties": change,
            "additionalProperties": False,
        },
    }


def takes_input(field: Field) -> bool:
    return (field.origin == "input" and not field.readonly) or field.origin == "lines"


def _described(field: Field, schema: Json) -> Json:
    out = dict(schema)
    out["title"] = field.title.to(LANGUAGE)
    if field.hint.to(LANGUAGE):
        out["description"] = field.hint.to(LANGUAGE)
    return out


def _nullable(schema: Json) -> Json:
    if not schema:
        return {}
    kind = schema.get("type")
    if isinstance(kind, str):
        out = {**schema, "type": [kind, "null"]}
    elif isinstance(kind, list):
        out = {**schema, "type": [*kind, "null"]}
    else:
        return {"anyOf": [schema, {"type": "null"}]}
    if "enum" in out:
        out["enum"] = [*out["enum"], None]
    return out


def _answered(field: Field) -> Json:
    if field.origin == "lines":
        return _described(field, {"type": "array", "items": ref(schema_name(field.target))})
    if field.kind == "uuid":
        return _described(field, {"anyOf": [ref("Reference"), {"type": "null"}]})
    return _described(field, _nullable(REGISTRY[field.spec.type].schema(field.spec)))


def _taken(field: Field, mark: str) -> Json:
    if field.origin == "lines":
        items: Json = ref(schema_name(field.target, ".create"))
        if mark == "change":
            items = {"anyOf": [ref(schema_name(field.target, ".change")), items]}
        return _described(field, {"type": "array", "items": items})
    return _described(field, _nullable(REGISTRY[field.spec.type].schema(field.spec)))
