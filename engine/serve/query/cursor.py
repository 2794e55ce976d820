"""Cursors: where a page ended, and which question it was a page of."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from engine.plan.question import Question
from engine.plan.statement import Param
from engine.serve.tenant.here import looks_like_id
from engine.serve.wire.fault import Fault, Refusal, fault
from engine.serve.wire.parsing import exact

_INTEGERS = 2**63
_DIGITS = 40
"""Before the point; no column has more."""


def fits(params: Sequence[Param], inputs: Mapping[str, Any]) -> bool:
    """Whether what a cursor says where the page ended are values of what the page is sorted by."""
    ended = (p for p in params if p.source == "input" and re.fullmatch(r"c\d+", p.name))
    return all(_is(p.kind, inputs.get(p.name)) for p in ended)


def _is(kind: str, value: Any) -> bool:
    if value is None:
        return True
    try:
        match kind:
            case "text":
                return isinstance(value, str) and value.encode() is not None
            case "uuid":
                return isinstance(value, str) and looks_like_id(value)
            case "boolean":
                return isinstance(value, bool) or value in (0, 1)
            case "integer" | "duration":
                return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _INTEGERS
            case "decimal":
                number = exact(str(value)) if isinstance(value, int | str | Decimal) else Decimal("NaN")
                return number.is_finite() and number.adjusted() < _DIGITS
            case "date" | "month":
                return bool(date.fromisoformat(value if len(value) > len("2026-01") else f"{value}-01"))
            case "time":
                return time.fromisoformat(value) is not None
            case "datetime":
                return datetime.fromisoformat(value).astimezone(UTC) is not None
            case _:
                return False
    except (ValueError, TypeError, ArithmeticError, Refusal):
        return False


def shape_of(question: Question, inputs: Mapping[str, Any]) -> str:
    """The question without the page it is at; who asks belongs to it, how many rows does not."""
    told = repr((question, sorted((k, str(v)) for k, v in inputs.items() if k != "limit")))
    return hashlib.blake2b(told.encode(), digest_size=9).hexdigest()


def made(values: Any, shape: str, back: bool = False) -> str:
    told = json.dumps([shape, values, *([1] if back else [])], ensure_ascii=False, separators=(",", ":"), default=str)
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def after(question: Question, text: str, shape: str, inputs: dict[str, Any], faults: list[Fault]) -> Question:
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        of, values, *way = json.loads(raw, parse_float=exact)
    except (binascii.Error, UnicodeError, ValueError, TypeError, RecursionError, Refusal):
        of, values, way = "", None, []
    plain = isinstance(values, list) and not any(isinstance(v, dict | list) for v in values)
    if of != shape or not plain or way not in ([], [1]):
        faults.append(fault("api.cursor"))
        return question
    for n, value in enumerate(values):
        inputs[f"c{n}"] = value
    return replace(question, after=tuple(v is None for v in values), back=bool(way))
