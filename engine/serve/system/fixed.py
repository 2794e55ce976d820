"""What the OpenAPI document says of the fixed doors of ``server/doors.py``."""

from __future__ import annotations

from typing import Any

from engine.serve.wire.shapes import FLAG, ID, TEXT, body, listed, thing

WHO = thing(
    "name",
    "roles",
    "can",
    id={"anyOf": [ID, {"type": "null"}]},
    name=TEXT,
    language=TEXT,
    must_change=FLAG,
    roles=listed(TEXT),
    places={"type": "object", "additionalProperties": listed(ID)},
    can={"type": "object", "additionalProperties": listed(TEXT)},
)
PATHS = ("/health", "/api/v1/login", "/api/v1/logout", "/api/v1/me", "/api/v1/openapi.json")


def _operation(name: str, says: str, schema: dict[str, Any] | None, *refused: int, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"description": "It was done"}
    if schema is not None:
        told["content"] = {"application/json": {"schema": schema}}
    answers = {str(s): {"$ref": "#/components/responses/Problem"} for s in refused}
    return {
        "operationId": f"system.{name}",
        "tags": ["system"],
        "summary": says,
        "responses": {"204" if schema is None else "200": told, **answers},
        **more,
    }


_LOGIN = body("name", "password", name=TEXT, password=TEXT)
_SAID = thing("en", "zh", en=TEXT, zh=TEXT)
_STATUS = {"type": ["integer", "null"]}
_PROBLEM = thing("type", "code", "says", type=TEXT, code=TEXT, status=_STATUS, says=_SAID, hint=_SAID)
_FOR_ALL: dict[str, Any] = {"security": []}
DESCRIBED: dict[str, Any] = {
    "/health": {"get": _operation("health", "Whether it lives", thing("status", status=TEXT), 503, **_FOR_ALL)},
    "/api/v1/login": {
        "post": _operation(
            "login",
            "Sign in",
            thing("token", "user", token=TEXT, user=WHO),
            *(400, 401, 404, 408, 413, 415, 429, 503),
            requestBody={"required": True, "content": {"application/json": {"schema": _LOGIN}}},
            **_FOR_ALL,
        )
    },
    "/api/v1/logout": {"post": _operation("logout", "Sign out", None, 401, 403, 429, 503)},
    "/api/v1/me": {"get": _operation("me", "Who am I", WHO, 401, 429, 503)},
    "/api/v1/problems/{code}": {
        "parameters": [{"name": "code", "in": "path", "required": True, "schema": TEXT}],
        "get": _operation("problem", "What a code means", _PROBLEM, 404, 405, 429, 503, **_FOR_ALL),
    },
    "/api/v1/openapi.json": {"get": _operation("openapi", "This document", {"type": "object"}, 401, 429, 503)},
}
