"""The OpenAPI 3.1 document of a system: every entity's doors, bodies and answers, from the field types' own schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.fieldtypes import REGISTRY
from engine.plan.entity import Entity, Field
from engine.plan.machine import Machine

Json = dict[str, Any]
VERSION = "3.1.0"
LANGUAGE = "en"
_ID = {"type": "string", "format": "uuid"}
_MOMENT = {"type": "string", "format": "date-time"}


def document(
    title: str, version: str, entities: Mapping[str, Entity], machines: Mapping[str, Machine]
) -> Mapping[str, Any]:
    """Lines have no doors of their own: they are written and read with their root."""
    schemas: Json = dict(_COMMON)
    paths: Json = {}
    for entity in entities.values():
        schemas |= _schemas(entity, entities)
        if not entity.owner:
            paths |= _paths(entity, machines.get(entity.machine))
    return {
        "openapi": VERSION,
        "info": {"title": title, "version": version},
        "servers": [{"url": "/"}],
        "security": [{"session": []}, {"token": []}],
        "tags": [{"name": e.path, "description": e.title.to(LANGUAGE)} for e in entities.values() if not e.owner],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": _RESPONSES,
            "parameters": _PARAMETERS,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "dougong"},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def schema_name(path: str, mark: str = "") -> str:
    return path + mark


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas(entity: Entity, entities: Mapping[str, Entity]) -> Json:
    """What is answered, what creates, what changes."""
    record: Json = {
        "id": _ID,
        "rev": {"type": "integer", "minimum": 1},
        "display": {"type": "string"},
    }
    record |= {f.name: _answered(f) for f in entity.fields.values()}
    writable = {f.name: f for f in entity.fields.values() if takes_input(f)}
    create = {f.name: _taken(f, "create") for f in writable.values()}
    change = {f.name: _taken(f, "change") for f in writable.values()}
    if entity.owner:
        change |= {"id": _ID, "$delete": {"type": "boolean"}}
    required = [f.name for f in writable.values() if f.required == "always" and not f.has_default]
    body: Json = {"type": "object", "properties": {"id": _ID, **create}, "additionalProperties": False}
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
        return _described(field, {"type": "array", "items": _ref(schema_name(field.target))})
    if field.kind == "uuid":
        return _described(field, {"anyOf": [_ref("Reference"), {"type": "null"}]})
    return _described(field, _nullable(REGISTRY[field.spec.type].schema(field.spec)))


def _taken(field: Field, mark: str) -> Json:
    if field.origin == "lines":
        items: Json = _ref(schema_name(field.target, ".create"))
        if mark == "change":
            items = {"anyOf": [_ref(schema_name(field.target, ".change")), items]}
        return _described(field, {"type": "array", "items": items})
    return _described(field, _nullable(REGISTRY[field.spec.type].schema(field.spec)))


def _paths(entity: Entity, machine: Machine | None) -> Json:
    module, _, name = entity.path.partition(".")
    base = f"/api/v1/{module}/{name}"
    one = {"parameters": [_parameter("id")]}
    out: Json = {
        base: {"get": _list(entity)},
        f"{base}/{{id}}": {**one, "get": _get(entity)},
        f"{base}/aggregate": {"get": _aggregate(entity)},
    }
    if entity.kind == "ledger":  # its entries come from postings alone
        return out
    out[base]["post"] = _create(entity)
    out[f"{base}/{{id}}"] |= {"patch": _change(entity), "delete": _delete(entity)}
    for transition in (machine.transitions if machine else {}).values():
        if not transition.auto:
            out[f"{base}/{{id}}/actions/{transition.name}"] = {**one, "post": _act(entity, transition.name)}
    if machine and machine.steps:
        for decision in ("approve", "reject", *(("withdraw",) if machine.withdraw else ())):
            out.setdefault(f"{base}/{{id}}/actions/{decision}", {**one, "post": _act(entity, decision)})
    return out


def _parameter(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _operation(entity: Entity, verb: str, summary: str, **rest: Any) -> Json:
    return {"operationId": f"{entity.path}.{verb}", "tags": [entity.path], "summary": summary, **rest}


def _refusals(*statuses: int) -> Json:
    return {str(s): {"$ref": "#/components/responses/Problem"} for s in statuses}


def _answer(description: str, schema: Json, **headers: Json) -> Json:
    made: Json = {"description": description, "content": {"application/json": {"schema": schema}}}
    if headers:
        made["headers"] = headers
    return made


_ETAG: Json = {"schema": {"type": "string"}, "description": "the record's revision, for If-Match"}


def _list(entity: Entity) -> Json:
    names = ("limit", "cursor", "sort", "fields", "expand", "q", "where", "count")
    filters = [
        {
            "name": f.name,
            "in": "query",
            "required": False,
            "description": f"{f.title.to(LANGUAGE)}; also {', '.join(f'{f.name}[{o}]' for o in _operators(f))}",
            "schema": {"type": "string"},
        }
        for f in entity.fields.values()
        if f.column is not None and _operators(f)
    ]
    answer: Json = {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": _ref(schema_name(entity.path))},
            "next": {"type": ["string", "null"]},
            "total": {"type": "integer"},
        },
        "required": ["items", "next"],
    }
    return _operation(
        entity,
        "list",
        f"List: {entity.title.to(LANGUAGE)}",
        parameters=[*(_parameter(n) for n in names), *filters],
        responses={"200": _answer("A page of records", answer), **_refusals(400, 401, 403)},
    )


def _operators(field: Field) -> tuple[str, ...]:
    return tuple(o for o in REGISTRY[field.spec.type].operators if o != "eq")


def _get(entity: Entity) -> Json:
    return _operation(
        entity,
        "get",
        f"Read: {entity.title.to(LANGUAGE)}",
        parameters=[_parameter("fields"), _parameter("expand")],
        responses={
            "200": _answer("The record", _ref(schema_name(entity.path)), ETag=_ETAG),
            **_refusals(401, 403, 404),
        },
    )


def _body(name: str) -> Json:
    return {"required": True, "content": {"application/json": {"schema": _ref(name)}}}


def _create(entity: Entity) -> Json:
    return _operation(
        entity,
        "create",
        f"Create: {entity.title.to(LANGUAGE)}",
        parameters=[_parameter("idempotency")],
        requestBody=_body(schema_name(entity.path, ".create")),
        responses={
            "201": _answer("The new record", _ref(schema_name(entity.path)), ETag=_ETAG),
            **_refusals(400, 401, 403, 409, 422, 423),
        },
    )


def _change(entity: Entity) -> Json:
    return _operation(
        entity,
        "change",
        f"Change: {entity.title.to(LANGUAGE)}",
        parameters=[_parameter("match")],
        requestBody=_body(schema_name(entity.path, ".change")),
        responses={
            "200": _answer("The record", _ref(schema_name(entity.path)), ETag=_ETAG),
            **_refusals(400, 401, 403, 404, 409, 412, 422, 423),
        },
    )


def _delete(entity: Entity) -> Json:
    return _operation(
        entity,
        "delete",
        f"Delete: {entity.title.to(LANGUAGE)}",
        parameters=[_parameter("match")],
        responses={"204": {"description": "It is in the bin"}, **_refusals(401, 403, 404, 409, 412, 423)},
    )


def _act(entity: Entity, name: str) -> Json:
    return _operation(
        entity,
        f"actions.{name}",
        f"{entity.title.to(LANGUAGE)}: {name}",
        parameters=[_parameter("match"), _parameter("idempotency")],
        requestBody={"required": False, "content": {"application/json": {"schema": _ref("Action")}}},
        responses={
            "200": _answer("The record", _ref(schema_name(entity.path)), ETag=_ETAG),
            **_refusals(400, 401, 403, 404, 409, 412, 422, 423),
        },
    )


def _aggregate(entity: Entity) -> Json:
    names = ("by", "measures", "where", "having", "sort", "limit")
    answer: Json = {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": {"type": "object"}}, "totals": {"type": "object"}},
        "required": ["rows"],
    }
    return _operation(
        entity,
        "aggregate",
        f"Figures: {entity.title.to(LANGUAGE)}",
        parameters=[_parameter(n) for n in names],
        responses={"200": _answer("One row per group", answer), **_refusals(400, 401, 403)},
    )


def _query(name: str, description: str, schema: Json | None = None) -> Json:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema or {"type": "string"},
    }


_PARAMETERS: Json = {
    "id": {"name": "id", "in": "path", "required": True, "schema": _ID},
    "limit": _query("limit", "how many at most", {"type": "integer", "minimum": 1, "maximum": 1000}),
    "cursor": _query("cursor", "where the page before ended"),
    "sort": _query("sort", "paths, - in front for descending"),
    "fields": _query("fields", "which fields to answer"),
    "expand": _query("expand", "references and lines to answer whole"),
    "q": _query("q", "words to search for"),
    "where": _query("where", "a condition in the expression language"),
    "count": _query("count", "whether to count all", {"type": "string", "enum": ["exact", "estimated"]}),
    "by": _query("by", "what to group by"),
    "measures": _query("measures", "what to compute"),
    "having": _query("having", "a condition over the measures"),
    "match": {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "description": "the revision the caller saw",
        "schema": {"type": "string"},
    },
    "idempotency": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "the same key answers the same",
        "schema": {"type": "string"},
    },
}

_RESPONSES: Json = {
    "Problem": {
        "description": "It was refused; says why",
        "content": {"application/problem+json": {"schema": _ref("Problem")}},
    }
}

_COMMON: Json = {
    "Reference": {
        "type": "object",
        "properties": {"id": _ID, "display": {"type": "string"}},
        "required": ["id"],
    },
    "Action": {
        "type": "object",
        "properties": {"reason": {"type": "string"}, "values": {"type": "object"}},
    },
    "Problem": {
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "code": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "hint": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "pointer": {"type": "string"},
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                    },
                },
            },
        },
        "required": ["code", "title", "status"],
    },
}
