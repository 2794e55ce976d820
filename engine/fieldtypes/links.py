"""Types that point elsewhere or hold something whole: references, lines, files, places, JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.fieldtypes.base import EQUAL, FieldType, Refused, shown, wrong_type
from engine.fieldtypes.spec import Spec

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def record_id(value: Any) -> str:
    """A record's id in its one spelling, or a refusal."""
    text = value.lower() if isinstance(value, str) else ""
    if not _UUID.fullmatch(text):
        raise Refused("value.reference", got=shown(value))
    return text


@dataclass(frozen=True)
class Reference(FieldType):
    """The id of a record, or ``{"id": …}`` as answers give it."""

    def coerce(self, value: Any, spec: Spec) -> str:
        if isinstance(value, dict):
            value = value.get("id")
        return record_id(value)

    def schema(self, spec: Spec) -> dict[str, Any]:
        return {
            "oneOf": [
                {"type": "string", "format": "uuid"},
                {
                    "type": "object",
                    "properties": {"id": {"type": "string", "format": "uuid"}, "display": {"type": "string"}},
                    "required": ["id"],
                },
            ]
        }

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        if isinstance(value, dict):
            return str(value.get("display") or "")
        return "" if value is None else str(value)


@dataclass(frozen=True)
class References(Reference):
    """Ids of several records, each once; none of them is no value."""

    def coerce(self, value: Any, spec: Spec) -> Any:
        if not isinstance(value, list | tuple):
            raise wrong_type("a list of records", "记录列表", value)
        return list(dict.fromkeys(Reference.coerce(self, item, spec) for item in value)) or None

    def schema(self, spec: Spec) -> dict[str, Any]:
        return {"type": "array", "items": Reference.schema(self, spec)}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        mark = "、" if language.startswith("zh") else ", "
        return mark.join(Reference.format(self, item, spec) for item in value or ())


@dataclass(frozen=True)
class Lines(FieldType):
    """Owned children; written and read with their parent, so no value of its own."""

    def schema(self, spec: Spec) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "object"}}


@dataclass(frozen=True)
class Json(FieldType):
    """Any JSON value."""

    def coerce(self, value: Any, spec: Spec) -> Any:
        if isinstance(value, float):
            raise wrong_type("JSON", "JSON", value)
        return value

    def schema(self, spec: Spec) -> dict[str, Any]:
        return {}


MOST_FILES = 100


@dataclass(frozen=True)
class Files(FieldType):
    """One file or several (``many``): given by the ids that sending them in gave, or as answers describe them."""

    many: bool = False
    picture: bool = False

    def coerce(self, value: Any, spec: Spec) -> Any:
        if not self.many:
            return _file(value)
        if not isinstance(value, list | tuple):
            raise wrong_type("a list of files", "文件列表", value)
        made = list({one["id"]: one for one in map(_file, value)}.values()) if len(value) <= MOST_FILES else value
        if len(made) > (most := self.most(spec)):
            raise Refused("value.files", max=most, got=len(made))
        return made or None

    def most(self, spec: Spec) -> int:
        return min(spec.max_count or MOST_FILES, MOST_FILES) if self.many else 1

    def schema(self, spec: Spec) -> dict[str, Any]:
        described = {
            "type": "object",
            "properties": {
                "id": {"type": "string", "format": "uuid"},
                "name": {"type": "string"},
                "size": {"type": "integer"},
                "type": {"type": "string"},
            },
            "required": ["id"],
        }
        one = {"oneOf": [{"type": "string", "format": "uuid"}, described]}
        return {"type": "array", "items": one, "maxItems": self.most(spec)} if self.many else one

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        held = value if isinstance(value, list) else [value] if value else []
        return ("、" if language.startswith("zh") else ", ").join(_name(one) for one in held)


def _name(one: Any) -> str:
    """A form shows again what it was sent, whatever that was."""
    return str(one.get("name") or "") if isinstance(one, dict) else str(one)


def _file(value: Any) -> dict[str, str]:
    return {"id": record_id(value.get("id") if isinstance(value, dict) else value)}


@dataclass(frozen=True)
class Location(FieldType):
    """A place on earth in degrees (WGS 84)."""

    def coerce(self, value: Any, spec: Spec) -> dict[str, str]:
        if not isinstance(value, dict) or set(value) != {"lat", "lon"}:
            raise Refused("value.location", got=shown(value))
        out = {}
        for name, bound in (("lat", 90), ("lon", 180)):
            given = value[name]
            text = f"{given:f}" if isinstance(given, Decimal) else str(given)
            if not re.fullmatch(r"-?\d{1,3}(\.\d{1,8})?", text) or abs(float(text)) > bound:
                raise Refused("value.location", got=shown(value))
            out[name] = text
        return out

    def parse(self, text: str, spec: Spec) -> dict[str, str]:
        """``24.4798, 118.0894``: latitude, then longitude."""
        parts = re.split(r"[,，;\s]+", text.strip())
        if len(parts) != 2:
            raise Refused("value.location", got=shown(text))
        return self.coerce(dict(zip(("lat", "lon"), parts, strict=True)), spec)

    def schema(self, spec: Spec) -> dict[str, Any]:
        number = {"type": ["string", "number"]}
        return {"type": "object", "properties": {"lat": number, "lon": number}, "required": ["lat", "lon"]}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        return f"{value['lat']}, {value['lon']}" if value else ""


TYPES: tuple[FieldType, ...] = (
    Reference("ref", "uuid", "ref", EQUAL),
    Reference("user", "uuid", "ref", EQUAL),
    Reference("tree", "uuid", "ref", (*EQUAL,)),
    References("refs", "json", "refs", ("contains", "in", "null")),
    Lines("lines", "lines", "grid", ()),
    Json("json", "json", "json", ("null",)),
    Files("file", "json", "file", ("null",)),
    Files("files", "json", "file", ("null",), many=True),
    Files("image", "json", "file", ("null",), picture=True),
    Files("images", "json", "file", ("null",), many=True, picture=True),
    Files("signature", "json", "signature", ("null",), picture=True),
    Location("location", "json", "location", ("null",)),
)
