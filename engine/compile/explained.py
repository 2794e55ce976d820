"""The doors that explain, as OpenAPI describes them: who may, by which rule, and who wrote it."""

from __future__ import annotations

from typing import Any

from engine.compile.doors import answer, parameter, refusals
from engine.compile.parts import ID, Json, ref
from engine.plan.entity import Entity
from engine.plan.page import Figures

_TEXT: Json = {"type": "string"}
_REFUSED = (400, 401, 403, 404, 429, 503)


def of_entity(entity: Entity) -> Json:
    module, _, name = entity.path.partition(".")
    base = f"/api/v1/{module}/{name}"
    return {
        f"{base}/explain": {"get": _operation(entity, "rules", "Who may do what")},
        f"{base}/{{id}}/explain": {
            "parameters": [parameter("id")],
            "get": _operation(entity, "explain", "Why one may, or not"),
        },
    }


def of_figures(path: str, made: Figures) -> Json:
    module, _, name = path.partition(".")
    taken = [
        _in_query("measure", f"which figure: {', '.join(made.measures)}"),
        *(_in_query(n, f"only of this {d.title.to('en')}") for n, d in made.dimensions.items()),
    ]
    operation = {
        "operationId": f"{path}.figures.explain",
        "tags": ["figures"],
        "summary": f"How a figure came to be: {made.title.to('en')}",
        "parameters": taken,
        "responses": {"200": answer("Formula, records, proof", ref("Reckoning")), **refusals(*_REFUSED)},
    }
    return {f"/api/v1/{module}/figures/{name}/explain": {"get": operation}}


def _in_query(name: str, says: str) -> Json:
    return {"name": name, "in": "query", "required": False, "description": says, "schema": {"type": "string"}}


def _operation(entity: Entity, verb: str, summary: str) -> Json:
    return {
        "operationId": f"{entity.path}.{verb}",
        "tags": [entity.path],
        "summary": f"{summary}: {entity.title.to('en')}",
        "parameters": [
            {
                "name": "person",
                "in": "query",
                "required": False,
                "description": "whom it is about; administrators may ask about others",
                "schema": ID,
            }
        ],
        "responses": {"200": answer("The rules that speak", ref("Rules")), **refusals(*_REFUSED)},
    }


def _object(**properties: Any) -> Json:
    return {"type": "object", "properties": properties}


_RULE = _object(role=_TEXT, title=_TEXT, rule={"type": ["string", "boolean"]}, where=_TEXT, holds={"type": "boolean"})
_RULES: Json = {"type": "array", "items": _RULE}
_VALUE: Json = {"type": ["string", "number", "boolean", "null"]}
_MEASURE = _object(measure=_TEXT, title=_TEXT, formula=_TEXT, unit=_TEXT, value=_VALUE)
SCHEMAS: Json = {
    "Reckoning": _object(
        figure=_TEXT,
        title=_TEXT,
        measure=_MEASURE,
        made_of={"type": "array", "items": _MEASURE},
        chosen={"type": "array", "items": {"type": "object"}},
        served={"enum": ["rollup", "grouped", "mixed"]},
        value=_VALUE,
        reckoned=_VALUE,
        agrees={"type": "boolean"},
        sources={
            "type": "array",
            "items": _object(
                entity=_TEXT,
                title=_TEXT,
                where=_TEXT,
                records={"type": "integer"},
                choice={"type": "object"},
                list=_TEXT,
            ),
        },
    ),
    "Rules": _object(
        entity=_TEXT,
        record=ID,
        person={"type": "object"},
        state={"type": ["object", "null"]},
        operations={
            "type": "object",
            "additionalProperties": _object(
                allowed={"type": "boolean"},
                ever={"type": "boolean"},
                locked={"type": "boolean"},
                rules=_RULES,
                others=_RULES,
            ),
        },
        fields={"type": "array", "items": {"type": "object"}},
        moves={"type": "array", "items": {"type": "object"}},
        waiting={"type": "array", "items": {"type": "object"}},
    ),
}
