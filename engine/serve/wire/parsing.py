"""What is sent, read as names and values: bodies as JSON, with exact numbers, no deeper than anybody needs and without
what no database holds; and query strings. What a door does not know, it refuses."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from engine.problem import nearest
from engine.serve.wire.answer import Asked
from engine.serve.wire.fault import Refusal, refuse

MAX_DEPTH = 12
MAX_PAIRS = 200

MAX_EXPONENT = 999  # what a text may say too


def exact(text: str) -> Decimal:
    """A number as it was written. A dozen characters may name one whose digits fill a gigabyte; it is refused before
    anything writes them out."""
    number = Decimal(text)
    if abs(number.adjusted()) > MAX_EXPONENT:
        raise refuse("api.exponent", limit=MAX_EXPONENT, got=text[:40])
    return number


_DECODER = msgspec.json.Decoder(float_hook=exact)


def body_of(asked: Asked) -> dict[str, Any]:
    media = asked.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media not in ("application/json", "application/merge-patch+json"):
        raise refuse("api.media-type", expected="application/json")
    return parse_object(asked.body)


def own_body(asked: Asked, *known: str) -> dict[str, Any]:
    """The body of one of the engine's own doors, which takes these names and whose texts no field type looks at."""
    body = body_of(asked)
    storable(body)
    require_known(body, known)
    return body


def require_known(names: Iterable[str], known: Collection[str], at: str = "/") -> None:
    """``at``: what a pointer to them begins with; empty: they stand in no body."""
    for name in names:
        if name not in known:
            pointer = f"{at}{escape(name)}" if at else ""
            raise refuse("api.unknown-parameter", pointer, name=name[:60], nearest=nearest(name, known) or "")


def wrong(name: str, expected: str, expected_zh: str = "") -> Refusal:
    """What a body has under this name is not what it can be."""
    told = expected_zh or expected
    return refuse("api.parameter", f"/{name}", name=name, got="…", expected=expected, expected_zh=told)


def pairs_of(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            query.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MAX_PAIRS
        )
    except (UnicodeDecodeError, ValueError):
        raise refuse("api.parameter", name="?", got="…", expected="percent-encode it as UTF-8",
                     expected_zh="请按 UTF-8 编码") from None  # fmt: skip


def parameters_of(asked: Asked, *known: str) -> dict[str, str]:
    """A query string's, where each may be given once and the last counts."""
    given = dict(pairs_of(asked.query))
    require_known(given, known, at="")
    return given


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
