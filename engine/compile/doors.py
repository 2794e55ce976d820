"""The doors of the API as OpenAPI describes them: addresses, parameters, answers, refusals."""

from __future__ import annotations

from typing import Any

from engine.compile.answers import GROUPS
from engine.compile.parts import ID, LANGUAGE, PARAMETERS, Json, ref, schema_name
from engine.fieldtypes import REGISTRY
from engine.plan.entity import Entity, Field
from engine.plan.machine import Machine
from engine.plan.page import Figures

READ = (400, 401, 403, 429, 503)
_ASK = (*READ, 408, 413, 415)
_WRITE = (400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 423, 428, 429, 503)
_SHAPING = ("where", "having", "sort", "limit", "offset", "top", "totals", "share", "compare", "fill")
"""What a question about figures takes beside its dimensions and measures."""
_TREE = ("tree", "level", "depth", "below")


def of_entity(entity: Entity, machine: Machine | None) -> Json:
    module, _, name = entity.path.partition(".")
    base = f"/api/v1/{module}/{name}"
    record: Json = {"parameters": [parameter("id")], "get": _get(entity)}
    out: Json = {
        base: {"get": _list(entity)},
        f"{base}/query": {"post": _query(entity)},
        f"{base}/export": {"get": _export(entity)},
        f"{base}/aggregate": {
            "get": _aggregate(entity),
            "post": _grouped_by_body(f"{entity.path}.aggregate", entity.path),
        },
        f"{base}/{{id}}": record,
        f"{base}/{{id}}/history": {"parameters": [parameter("id")], "get": _history(entity)},
    }
    if entity.kind == "ledger":  # its entries come from postings alone
        return out
    out[base]["post"] = _create(entity)
    out |= _bulk_doors(entity, f"{base}/bulk", _actions(machine))
    out[f"{base}/check"] = {"post": _check(entity)}
    record |= {"patch": _change(entity), "delete": _delete(entity)}
    out[f"{base}/{{id}}/restore"] = {"parameters": [parameter("id")], "post": _restore(entity)}
    for field in entity.fields.values():
        if field.origin == "lines":
            out[f"{base}/{{id}}/{field.name}"] = {"parameters": [parameter("id")], "put": _replace(entity, field)}
    for action in _actions(machine):
        out[f"{base}/{{id}}/actions/{action}"] = {"parameters": [parameter("id")], "post": _act(entity, action)}
    return out


def _actions(machine: Machine | None) -> tuple[str, ...]:
    if machine is None:
        return ()
    decisions = ("approve", "reject", *(("withdraw",) if machine.withdraw else ())) if machine.steps else ()
    return tuple(dict.fromkeys((*(t.name for t in machine.transitions.values() if not t.auto), *decisions)))


def of_figures(path: str, made: Figures) -> Json:
    module, _, name = path.partition(".")
    known = {
        "by": ", ".join(made.dimensions),
        "measures": ", ".join(made.measures),
    }
    taken = [{**PARAMETERS[n], "description": f"{PARAMETERS[n]['description']}: {known[n]}"} for n in known]
    operation = {
        "operationId": f"{path}.figures",
        "tags": ["figures"],
        "summary": f"Figures: {made.title.to(LANGUAGE)}",
        "parameters": [*taken, *(parameter(n) for n in (*_SHAPING, *_TREE, "as_of_day"))],
        "responses": {"200": answer("One row per group", GROUPS), **refusals(*READ)},
    }
    return {
        f"/api/v1/{module}/figures/{name}": {"get": operation, "post": _grouped_by_body(f"{path}.figures", "figures")}
    }


def _grouped_by_body(name: str, tag: str) -> Json:
    """The same question with its parameters in a body."""
    return {
        "operationId": f"{name}.query",
        "tags": [tag],
        "summary": "Figures, asked for in a body",
        "requestBody": body(_IN_BODY),
        "responses": {"200": answer("One row per group", GROUPS), **refusals(*_ASK)},
    }


_IN_BODY: Json = {"type": "object", "description": "the parameters of the address, for questions too long for one"}


def parameter(name: str) -> Json:
    return {"$ref": f"#/components/parameters/{name}"}


def _operation(entity: Entity, verb: str, summary: str, **rest: Any) -> Json:
    title = f"{summary}: {entity.title.to(LANGUAGE)}"
    return {"operationId": f"{entity.path}.{verb}", "tags": [entity.path], "summary": title, **rest}


def refusals(*statuses: int) -> Json:
    return {str(s): {"$ref": "#/components/responses/Problem"} for s in statuses}


_ETAG: Json = {"schema": {"type": "string"}, "description": "the record's revision, for If-Match"}


def answer(description: str, schema: Json, etag: bool = False) -> Json:
    made: Json = {"description": description, "content": {"application/json": {"schema": schema}}}
    if etag:
        made["headers"] = {"ETag": _ETAG}
    return made


def body(schema: Json, required: bool = True) -> Json:
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _page(entity: Entity) -> Json:
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": ref(schema_name(entity.path))},
            "next": {"type": ["string", "null"]},
            "prev": {"type": ["string", "null"]},
            "total": {"type": "integer"},
            "total_is": {"type": "string", "enum": ["exact", "estimated", "at_least"]},
        },
        "required": ["items", "next", "prev"],
    }


_LISTED = ("fields", "expand", "sort", "limit", "cursor", "q", "where", "count", "bin", "actions")


def _list(entity: Entity) -> Json:
    filters = [
        {
            "name": f.name,
            "in": "query",
            "required": False,
            "description": f"{f.title.to(LANGUAGE)}; also {', '.join(f'{f.name}[{o}]' for o in _operators(f))}",
            "schema": {"type": "string"},
        }
        for f in entity.fields.values()
        if f.column is not None and _operators(f) and f.name not in _LISTED
    ]
    return _operation(
        entity,
        "list",
        "List",
        parameters=[*(parameter(n) for n in _LISTED), *filters],
        responses={"200": answer("A page of records", _page(entity)), **refusals(*READ)},
    )


def _export(entity: Entity) -> Json:
    listed = _list(entity)["parameters"]
    left_out = {"limit", "cursor", "count", "expand", "bin", "actions"}
    taken = [p for p in listed if str(p.get("$ref", "")).rpartition("/")[2] not in left_out]
    media = ("text/csv", "application/x-ndjson", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    content = {name: {"schema": {"type": "string"}} for name in media}
    return _operation(
        entity,
        "export",
        "Take away",
        parameters=[parameter("format"), *taken],
        responses={"200": {"description": "The whole list as a file", "content": content}, **refusals(*READ)},
    )


def _operators(field: Field) -> tuple[str, ...]:
    return tuple(o for o in REGISTRY[field.spec.type].operators if o != "eq")


def _query(entity: Entity) -> Json:
    return _operation(
        entity,
        "query",
        "List",
        requestBody=body(_IN_BODY),
        responses={"200": answer("A page of records", _page(entity)), **refusals(*_ASK)},
    )


def _get(entity: Entity) -> Json:
    return _operation(
        entity,
        "get",
        "Read",
        parameters=[*(parameter(n) for n in ("fields", "expand", "actions", "as_of"))],
        responses={
            "200": answer("The record", {"anyOf": [ref(schema_name(entity.path)), ref("AsOf")]}, etag=True),
            **refusals(*READ, 404),
        },
    )


def _history(entity: Entity) -> Json:
    items = {"type": "object", "properties": {"items": {"type": "array", "items": ref("Change")}}}
    return _operation(
        entity,
        "history",
        "History",
        parameters=[parameter("history_limit"), parameter("before")],
        responses={"200": answer("Newest first", items), **refusals(*READ, 404)},
    )


def _aggregate(entity: Entity) -> Json:
    names = ("by", "measures", *_SHAPING, *_TREE)
    return _operation(
        entity,
        "aggregate",
        "Figures",
        parameters=[parameter(n) for n in names],
        responses={"200": answer("One row per group", GROUPS), **refusals(*READ)},
    )


def _saved(entity: Entity, status: str = "200") -> Json:
    return {status: answer("The record as saved", ref(schema_name(entity.path)), etag=True), **refusals(*_WRITE)}


def _create(entity: Entity) -> Json:
    return _operation(
        entity,
        "create",
        "Create",
        parameters=[parameter("idempotency")],
        requestBody=body(ref(schema_name(entity.path, ".create"))),
        responses=_saved(entity, "201"),
    )


_REV: Json = {"oneOf": [{"type": "integer", "minimum": 1}, {"const": "*"}]}
_BULK_ACTION: Json = {
    "type": "object",
    "properties": {"id": ID, "rev": _REV, "reason": {"type": "string"}, "with": {"type": "object"}},
    "required": ["id"],
}
_CHANGED: Json = {"type": "object", "description": "`id`, `rev` and the fields to change", "required": ["id"]}
_BULK_KEY: Json = {"type": "object", "properties": {"id": ID, "rev": _REV}, "required": ["id"]}


def _bulk(entity: Entity, verb: str, says: str, item: Json) -> Json:
    """Several at once: all or none, or each by itself."""
    asked = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": item}, "atomic": {"type": "boolean", "default": True}},
        "required": ["items"],
    }
    status = "201" if verb == "create" else "200"
    answers = {status: answer("Their ids and versions", ref("Bulk"))}
    if verb == "create":
        answers["200"] = answer("What became of each", ref("Bulk"))
    operation = _operation(
        entity,
        "bulk" if verb == "create" else f"bulk_{verb}",
        says,
        parameters=[parameter("idempotency"), *([] if verb == "create" else [parameter("match")])],
        requestBody=body(asked),
        responses={**answers, **refusals(*_WRITE)},
    )
    return {"post": operation}


def _bulk_doors(entity: Entity, base: str, actions: tuple[str, ...]) -> Json:
    out = {
        base: _bulk(entity, "create", "Create several", ref(schema_name(entity.path, ".create"))),
        f"{base}/update": _bulk(entity, "update", "Change several", _CHANGED),
        f"{base}/delete": _bulk(entity, "delete", "Delete several", _BULK_KEY),
        f"{base}/restore": _bulk(entity, "restore", "Restore several", _BULK_KEY),
    }
    for action in actions:
        out[f"{base}/actions/{action}"] = _bulk(entity, f"actions.{action}", f"{action}, several", _BULK_ACTION)
    return out


def _check(entity: Entity) -> Json:
    seen: Json = {
        "type": "object",
        "properties": {
            "record": {"anyOf": [ref(schema_name(entity.path)), {"type": "null"}]},
            "checks": {"type": "array", "items": ref("Said")},
        },
    }
    return _operation(
        entity,
        "check",
        "What would become of it",
        requestBody=body({"type": "object"}),
        responses={"200": answer("Nothing is kept", seen), **refusals(*_WRITE)},
    )


def _change(entity: Entity) -> Json:
    return _operation(
        entity,
        "change",
        "Change",
        parameters=[parameter("match")],
        requestBody=body(ref(schema_name(entity.path, ".change"))),
        responses=_saved(entity),
    )


def _delete(entity: Entity) -> Json:
    return _operation(
        entity,
        "delete",
        "Delete",
        parameters=[parameter("match")],
        responses={"204": {"description": "It is in the bin"}, **refusals(*_WRITE)},
    )


def _restore(entity: Entity) -> Json:
    return _operation(entity, "restore", "Restore", parameters=[parameter("match")], responses=_saved(entity))


def _replace(entity: Entity, field: Field) -> Json:
    change, create = (ref(schema_name(field.target, mark)) for mark in (".change", ".create"))
    return _operation(
        entity,
        f"{field.name}.replace",
        f"Replace {field.title.to(LANGUAGE)}",
        parameters=[parameter("match")],
        requestBody=body({"type": "array", "items": {"anyOf": [change, create]}}),
        responses=_saved(entity),
    )


def _act(entity: Entity, name: str) -> Json:
    return _operation(
        entity,
        f"actions.{name}",
        name,
        parameters=[parameter("match"), parameter("idempotency")],
        requestBody=body(ref("Action"), required=False),
        responses=_saved(entity),
    )
