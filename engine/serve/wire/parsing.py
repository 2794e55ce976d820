"""What bodies say, as JSON: exact numbers, no deeper than anybody needs, nothing that no database holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from engine.serve.wire.answer import Asked
from engine.serve.wire.fault import refuse

MAX_DEPTH = 12

_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def body_of(asked: Asked) -> dict[str, Any]:
    media = asked.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media not in ("application/json", "application/merge-patch+json"):
        raise refuse("api.media-type", expected="application/json")
    return parse_object(asked.body)


def own_body(asked: Asked) -> dict[str, Any]:
    """The body of one of the engine's own doors, whose texts no field type looks at."""
    body = body_of(asked)
    storable(body)
    return body


def parse_json(body: bytes) -> Any:
    """Exact: numbers with a point become Decimal, whole numbers int. NaN and Infinity are no JSON."""
    try:
        data = _DECODER.decode(body)
        if _deeper(data, MAX_DEPTH):
            raise refuse("api.too-deep", limit=MAX_DEPTH)
        return data
    except RecursionError:
        raise refuse("api.too-deep", limit=MAX_DEPTH) from None
    except (msgspec.DecodeError, ValueError, ArithmeticError) as error:
        if any(word in body for word in (b"NaN", b"Infinity")):
            raise refuse("api.number") from None
        raise refuse("api.syntax", reason=str(error) or type(error).__name__) from None


def parse_object(body: bytes) -> dict[str, Any]:
    data = parse_json(body)
    if not isinstance(data, dict):
        raise refuse("api.not-object")
    return data


def storable(data: Any, pointer: str = "") -> None:
    """Refuses U+0000 in texts that no field type looks at: no database holds it."""
    if isinstance(data, str) and "\0" in data:
        raise refuse("value.text-control", pointer, point="0000")
    if isinstance(data, dict):
        for name, value in data.items():
            storable(name, pointer)
            storable(value, f"{pointer}/{escape(name)}")
    elif isinstance(data, list):
        for n, value in enumerate(data):
            storable(value, f"{pointer}/{n}")


def _deeper(data: Any, limit: int) -> bool:
    if isinstance(data, dict):
        return limit == 0 or any(_deeper(v, limit - 1) for v in data.values() if isinstance(v, dict | list))
    if isinstance(data, list):
        return limit == 0 or any(_deeper(v, limit - 1) for v in data if isinstance(v, dict | list))
    return False


def escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
