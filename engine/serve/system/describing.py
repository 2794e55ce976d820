"""The OpenAPI document as one caller may use it: his operations, his fields, and the engine's own doors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.plan.app import App
from engine.plan.entity import Entity
from engine.serve.document import rights
from engine.serve.system.fixed import DESCRIBED
from engine.serve.tenant.bind import Me
from engine.serve.tenant.door import Door, shut
from engine.serve.tenant.tenancy import Tenant

Json = dict[str, Any]
_METHODS = ("get", "head", "post", "put", "patch", "delete")
_REFUSED = (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503)
_NEEDS: Mapping[str, str] = {
    "list": "read",
    "get": "read",
    "query": "read",
    "history": "read",
    "explain": "read",
    "rules": "read",
    "aggregate": "read",
    "actions": "read",
    "files": "read",
    "export": "export",
    "create": "create",
    "bulk": "create",
    "bulk_delete": "delete",
    "bulk_restore": "delete",
    "check": "create",
    "delete": "delete",
    "restore": "delete",
}
"""First word of an operation's name → what it asks of the caller; any other one changes records."""


def document(tenant: Tenant, me: Me, doors: Iterable[Door]) -> Json:
    """Made once for each set of roles; what the caller may never do or see is not in it."""
    key = ("openapi", me.roles, me.reads_only, me.granted)
    app = tenant.app
    kept: Json | None = tenant.kept(app).get(key)
    if kept is None:
        kept = tenant.kept(app)[key] = _document(app, me, doors)
    return kept


def _document(app: App, me: Me, doors: Iterable[Door]) -> Json:
    whole = app.openapi
    paths: Json = dict(DESCRIBED)
    for path, item in whole["paths"].items():
        kept = {m: o for m, o in item.items() if m not in _METHODS or _may(app, me, o)}
        if any(m in _METHODS for m in kept):
            paths[path] = kept
    for door in doors:
        if shut(door, me) or (me.reads_only and door.scope == "write"):
            continue
        item = paths.setdefault(f"/api/v1/{door.path}", _parameters(door))
        item |= {method.lower(): _operation(door, method) for method in door.methods if method != "HEAD"}
    named = {tag for item in paths.values() for m, o in item.items() if m in _METHODS for tag in o["tags"]}
    tags = [tag for tag in whole["tags"] if tag["name"] in named]
    schemas = {name: _seen(app, me, name, made) for name, made in whole["components"]["schemas"].items()}
    return {**whole, "tags": tags, "paths": paths, "components": {**whole["components"], "schemas": schemas}}


def _may(app: App, me: Me, operation: Json) -> bool:
    """By the operation's name: ``day_labor.sheet.actions.submit``, ``cost_center.cost.figures``."""
    module, name, *rest = str(operation["operationId"]).split(".")
    if rest[:1] == ["figures"]:
        made = app.figures.get(f"{module}.{name}")
        return made is not None and rights.readable(app, me, made.sources)
    entity = app.entities.get(f"{module}.{name}")
    needed = _NEEDS.get(rest[0], "update") if rest else "read"
    if me.reads_only and needed not in ("read", "export"):
        return False
    return entity is not None and rights.may_ever(app, me, entity, needed)


def _seen(app: App, me: Me, name: str, schema: Json) -> Json:
    """A record's schema without the fields that no role of the caller shows."""
    entity: Entity | None = app.entities.get(name.removesuffix(".create").removesuffix(".change"))
    hidden = rights.hidden(app, me, entity) if entity is not None else frozenset()
    if not hidden or "properties" not in schema:
        return schema
    out = {**schema, "properties": {n: s for n, s in schema["properties"].items() if n not in hidden}}
    if "required" in schema:
        out["required"] = [n for n in schema["required"] if n not in hidden]
    return out


def _parameters(door: Door) -> Json:
    names = re.findall(r"\{(\w+)\}", door.path)
    taken = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    return {"parameters": taken} if taken else {}


def _operation(door: Door, method: str) -> Json:
    refused = (*_REFUSED, *((507,) if door.streams else ()))
    answers = {str(s): {"$ref": "#/components/responses/Problem"} for s in refused}
    made: Json = {
        "operationId": f"system.{door.name}" + (f".{method.lower()}" if len(door.methods) > 1 else ""),
        "tags": ["system"],
        "summary": door.says,
        "responses": {str(door.status): _answer(door), **answers},
    }
    if door.query:
        made["parameters"] = [
            {"name": name, "in": "query", "required": False, "schema": dict(schema)}
            for name, schema in door.query.items()
        ]
    if door.streams:
        made["requestBody"] = {"content": {"application/octet-stream": {"schema": {}}}}
    elif door.takes is not None:
        made["requestBody"] = {
            "required": bool(door.takes.get("required")),
            "content": {"application/json": {"schema": dict(door.takes)}},
        }
    return made


def _answer(door: Door) -> Json:
    if door.status == 204:
        return {"description": "It was done"}
    if door.gives is not None:
        return {"description": "What was asked for", "content": {"application/json": {"schema": dict(door.gives)}}}
    return {"description": "A file or stream", "content": {name: {"schema": {}} for name in door.media}}
