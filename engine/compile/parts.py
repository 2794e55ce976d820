"""What the descriptions of doors share: parameters, refusals, the shapes that every system has."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
LANGUAGE = "en"
ID: Json = {"type": "string", "format": "uuid"}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def schema_name(path: str, mark: str = "") -> str:
    """``day_labor.sheet``, ``day_labor.sheet.create``, ``day_labor.sheet.change``."""
    return path + mark


def _in_query(name: str, description: str, schema: Json | None = None) -> Json:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema or {"type": "string"},
    }


def _in_header(name: str, description: str) -> Json:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": {"type": "string"}}


_LEVEL: Json = {"type": "integer", "minimum": 1}
_SWITCH: Json = {"type": "string", "enum": ["true", "false"]}
PARAMETERS: Json = {
    "id": {"name": "id", "in": "path", "required": True, "schema": ID},
    "limit": _in_query("limit", "how many at most", {"type": "integer", "minimum": 1}),
    "cursor": _in_query("cursor", "where the page before ended"),
    "sort": _in_query("sort", "paths, - in front for descending"),
    "fields": _in_query("fields", "which fields to answer"),
    "expand": _in_query("expand", "references and lines to answer whole"),
    "actions": _in_query("actions", "whether to say which actions are allowed next", _SWITCH),
    "as_of": _in_query("as_of", "a moment or a day: the record as it was then"),
    "q": _in_query("q", "words to search for"),
    "where": _in_query("where", "a condition in the expression language"),
    "count": _in_query("count", "whether to count all", {"type": "string", "enum": ["exact", "estimated", "none"]}),
    "bin": _in_query("bin", "what was thrown away instead of what lives", _SWITCH),
    "format": _in_query("format", "what kind of file", {"type": "string", "enum": ["csv", "xlsx", "ndjson"]}),
    "history_limit": _in_query("limit", "how many at most", {"type": "integer", "minimum": 1, "maximum": 200}),
    "before": _in_query("before", "`next` of the page before"),
    "by": _in_query("by", "what to group by"),
    "measures": _in_query("measures", "what to compute"),
    "having": _in_query("having", "a condition over the measures"),
    "totals": _in_query("totals", "whether to answer totals too", _SWITCH),
    "offset": _in_query("offset", "with limit: how many groups come before", {"type": "integer", "minimum": 0}),
    "top": _in_query("top", "the first groups, and what all others come to", {"type": "integer", "minimum": 1}),
    "share": _in_query("share", "measures whose part of the total is told"),
    "compare": _in_query(
        "compare",
        "the same that much earlier",
        {"type": "string", "enum": ["month", "quarter", "year", "none"]},
    ),
    "tree": _in_query("tree", "a dimension of records that hang under each other: each with all below it"),
    "level": _in_query("level", "with tree: only those so far from the top, or from `below`", _LEVEL),
    "depth": _in_query("depth", "with tree: down to there", _LEVEL),
    "below": _in_query("below", "with tree: only what is below this record"),
    "as_of_day": _in_query("as_of", "a day in place of today, of which ages are reckoned"),
    "fill": _in_query("fill", "time dimensions whose periods are shown without gaps"),
    "match": _in_header("If-Match", "the revision the caller saw, or several; * for whichever"),
    "idempotency": _in_header("Idempotency-Key", "the same key answers the same"),
}

RESPONSES: Json = {
    "Problem": {
        "description": "It was refused; says why",
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }
}

_TEXT: Json = {"type": "string"}
REASONS: Json = {"reason": _TEXT, "reasons": {"type": "object", "additionalProperties": _TEXT}}
"""What lets warnings pass, beside the fields: one reason for all, or by check."""
COMMON: Json = {
    "AsOf": {
        "type": "object",
        "description": "A record as it was",
        "properties": {
            "id": ID,
            "_as_of": {
                "type": "object",
                "properties": {
                    "at": {"type": "string", "format": "date-time"},
                    "rev": {"type": "integer"},
                    "by": {"type": ["object", "null"]},
                    "action": {"type": "string"},
                    "deleted": {"type": "boolean"},
                },
                "required": ["at", "rev", "deleted"],
            },
        },
        "required": ["id", "_as_of"],
    },
    "Bulk": {
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "id": ID,
                        "rev": {"type": "integer"},
                        "warnings": {"type": "array", "items": ref("Said")},
                        "status": {"type": "integer", "description": "of each by itself"},
                        "error": ref("Problem"),
                    },
                },
            },
            "done": {"type": "integer"},
            "refused": {"type": "integer"},
        },
        "required": ["items"],
    },
    "Reference": {"type": "object", "properties": {"id": ID, "display": _TEXT}, "required": ["id"]},
    "Action": {
        "type": "object",
        "properties": {**REASONS, "values": {"type": "object"}},
    },
    "Change": {
        "type": "object",
        "properties": {
            "at": {"type": "string", "format": "date-time"},
            "by": {"type": ["object", "null"]},
            "action": _TEXT,
            "entity": _TEXT,
            "record": ID,
            "rev": {"type": "integer"},
            "change": {"type": "object"},
        },
    },
    "Said": {
        "type": "object",
        "description": "One thing that is wrong, or a warning",
        "properties": {
            "pointer": _TEXT,
            "code": _TEXT,
            "message": _TEXT,
            "hint": _TEXT,
            "check": _TEXT,
            "where": _TEXT,
            "needs_reason": {"type": "boolean"},
        },
        "required": ["pointer", "code", "message"],
    },
    "Problem": {
        "type": "object",
        "properties": {
            "type": _TEXT,
            "code": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "hint": _TEXT,
            "errors": {"type": "array", "items": ref("Said")},
        },
        "required": ["type", "code", "title", "status", "errors"],
    },
}
