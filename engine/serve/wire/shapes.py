"""A few words for the JSON Schemas in which the engine's own doors say what they take and give."""

from __future__ import annotations

from typing import Any

Shape = dict[str, Any]
TEXT: Shape = {"type": "string"}
TEXT_OR_NOT: Shape = {"type": ["string", "null"]}
ID: Shape = {"type": "string", "format": "uuid"}
WHOLE: Shape = {"type": "integer"}
FLAG: Shape = {"type": "boolean"}
MOMENT_OR_NOT: Shape = {"type": ["string", "null"], "format": "date-time"}


def words(*known: str) -> Shape:
    return {"type": "string", "enum": list(known)}


def listed(item: Shape) -> Shape:
    return {"type": "array", "items": item}


def thing(*required: str, **properties: Shape) -> Shape:
    """An answer: more may be in it later."""
    made: Shape = {"type": "object", "properties": properties}
    return {**made, "required": list(required)} if required else made


def body(*required: str, **properties: Shape) -> Shape:
    """A body: nothing else may be in it."""
    return {**thing(*required, **properties), "additionalProperties": False}


def items(item: Shape, **more: Shape) -> Shape:
    return thing("items", items=listed(item), **more)
