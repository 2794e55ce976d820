"""Cursors: where a page ended, and which question it was a page of."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.plan.question import Question
from engine.serve.wire.fault import Fault, Refusal, fault
from engine.serve.wire.parsing import exact


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
