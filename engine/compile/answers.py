"""Answers of the API that are no records, as OpenAPI describes them."""

from __future__ import annotations

from typing import Any

GROUPS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "served": {"type": "string", "enum": ["rollup", "grouped", "mixed"]},
        "rows": {"type": "array", "items": {"type": "object"}},
        "groups": {"type": "integer"},
        "others": {"type": ["object", "null"]},
        "totals": {"type": "object"},
    },
    "required": ["served", "rows"],
}
