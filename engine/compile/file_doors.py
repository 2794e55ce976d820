"""The doors of a record's files as OpenAPI describes them."""

from __future__ import annotations

from engine.compile.doors import READ, parameter, refusals
from engine.compile.parts import ID, LANGUAGE, Json
from engine.fieldtypes import REGISTRY
from engine.fieldtypes.links import Files
from engine.plan.entity import Entity


def of_files(entity: Entity) -> Json:
    """Of an entity whose fields, or whose lines' fields, may hold files."""
    if not any(f.origin == "lines" or isinstance(REGISTRY.get(f.spec.type), Files) for f in entity.fields.values()):
        return {}
    module, _, name = entity.path.partition(".")
    base = f"/api/v1/{module}/{name}/{{id}}/files/{{field}}/{{file}}"
    names: list[Json] = [
        parameter("id"),
        {"name": "field", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "file", "in": "path", "required": True, "schema": ID},
    ]
    size: Json = {"name": "size", "in": "path", "required": True, "schema": {"enum": ["small", "large"]}}
    whole: Json = {"content": {"*/*": {"schema": {"type": "string"}}}}
    picture: Json = {"content": {"image/jpeg": {"schema": {"type": "string"}}}}
    same: Json = {"304": {"description": "It is the one you have"}}
    part: Json = {"206": {"description": "One range of it", **whole}}
    return {
        base: _get(
            entity, names, "files", "A file", {"200": {"description": "The file", **whole}, **part, **same}, 416
        ),
        f"{base}/{{size}}": _get(
            entity,
            [*names, size],
            "files.small",
            "A picture made small",
            {"200": {"description": "A JPEG", **picture}, **same},
        ),
    }


def _get(entity: Entity, names: list[Json], verb: str, summary: str, answers: Json, *more: int) -> Json:
    operation: Json = {
        "operationId": f"{entity.path}.{verb}",
        "tags": [entity.path],
        "summary": f"{summary}: {entity.title.to(LANGUAGE)}",
        "responses": {**answers, **refusals(*READ, 404, *more)},
    }
    return {"parameters": names, "get": operation}
