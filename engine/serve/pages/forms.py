"""A page's form → the body the API would have been sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from engine.fieldtypes import REGISTRY
from engine.fieldtypes.links import Files
from engine.plan.app import App
from engine.plan.entity import Entity, Field
from engine.serve.wire.fault import refuse

_MAX_INPUTS = 40_000
_MAX_LINE = 5_000
_NUMBER = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Form:
    """``body`` is shaped as a document; the rest are the inputs whose names begin with ``_``."""

    body: dict[str, Any]
    rev: int | None = None
    csrf: str = ""
    action: str = ""
    do: str = ""
    reason: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def seen(self) -> tuple[int, ...] | None:
        return None if self.rev is None else (self.rev,)


def inputs_of(body: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_INPUTS
        )  # fmt: skip
    except ValueError:
        raise refuse("api.syntax", reason="form") from None
    out: dict[str, list[str]] = {}
    for name, value in pairs:
        out.setdefault(name, []).append(value.replace("\0", ""))
    return out


def read(app: App, entity: Entity, body: bytes, new: bool, zone: str) -> Form:
    """Names are paths: ``lines.0.hours``. Of a new record (or line) an empty input is left to its default."""
    inputs = inputs_of(body)
    document: dict[str, Any] = {}
    for name, values in inputs.items():
        if not name.startswith("_"):
            _put(app, entity, document, name.split("."), values, zone)
    rev = inputs.get("_rev", [""])[-1]
    reasons = {n[len("_reasons.") :]: v[-1] for n, v in inputs.items() if n.startswith("_reasons.") and v[-1].strip()}
    return Form(
        _finished(app, entity, document, new),
        int(rev) if rev.isascii() and rev.isdigit() and len(rev) < 10 else None,
        inputs.get("_csrf", [""])[-1],
        inputs.get("_action", [""])[-1],
        inputs.get("_do", [""])[-1],
        next((v for v in reversed(inputs.get("_reason", [])) if v.strip()), ""),
        reasons,
    )


def _put(app: App, entity: Entity, into: dict[str, Any], path: list[str], values: list[str], zone: str) -> None:
    name, *rest = path
    known = entity.fields.get(name)
    if rest and known is not None and known.origin == "lines" and _NUMBER.fullmatch(rest[0]) and len(rest) > 1:
        number = int(rest[0])
        if number <= _MAX_LINE:
            line = into.setdefault(name, {}).setdefault(number, {})
            _put(app, app.entities[known.target], line, rest[1:], values, zone)
        return
    into[".".join(path)] = _value(known, values, zone)


def _value(known: Field | None, values: list[str], zone: str) -> Any:
    if known is not None and known.spec.type in ("choices", "refs"):
        return [v for v in values if v]
    kind = REGISTRY.get(known.spec.type) if known is not None else None
    if isinstance(kind, Files):  # what is kept, then what came with the form
        return [v for v in values if v] if kind.many else next((v for v in reversed(values) if v), "")
    text = values[-1]
    if known is not None and known.spec.type == "datetime" and text:
        return _zoned(text, zone)
    return text


def _zoned(text: str, zone: str) -> str:
    """A moment as a browser's input writes it, in the tenant's zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone)).isoformat()


def _finished(app: App, entity: Entity, document: dict[str, Any], new: bool) -> dict[str, Any]:
    """Lines as a list in the order of their numbers; a new line without any value is none."""
    out: dict[str, Any] = {}
    for name, value in document.items():
        known = entity.fields.get(name)
        if isinstance(value, dict) and known is not None:
            child = app.entities[known.target]
            made = []
            for number in sorted(value):
                line = value[number]
                line = _finished(app, child, line, not line.get("id"))
                if any(v not in ("", "false", []) for v in line.values()):
                    made.append(line)
            out[name] = made
        elif (value == "" and new) or (name == "id" and value == ""):
            continue
        else:
            out[name] = value
    return out
