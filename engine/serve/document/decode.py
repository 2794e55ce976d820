"""A body → a typed change of a document. Pure: what is wrong is found all at once, each fault with its pointer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from engine.fieldtypes import REGISTRY, Refused
from engine.fieldtypes.mask import STARS
from engine.plan.app import App
from engine.plan.entity import Entity, Field
from engine.problem import nearest
from engine.serve.wire.fault import Fault, Refusal, fault, of_value
from engine.serve.wire.parsing import escape

MAX_LINES = 5_000
MOST_FAULTS = 200
"""Told at once; a body with more is not read on."""
SYSTEM = frozenset({"rev", "created_at", "created_by", "updated_at", "updated_by", "deleted_at", "display"})
"""Names every answer carries and no body sets; ``id`` may be given for a new record."""

@dataclass(frozen=True, slots=True)
class LineChange:
    """One line: a new one without ``id``, a stored one with it. ``at`` is its place in the body, for pointers."""

    change: Change
    id: str = ""
    delete: bool = False
    at: int = 0


@dataclass(frozen=True, slots=True)
class LinesChange:
    """``replace``: lines that are not named go to the bin."""

    lines: tuple[LineChange, ...]
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Typed values by field name (None is null; a name that is missing was not sent) and changes of owned lines."""

    values: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, LinesChange] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """``trusted``: seeds and imports may set what is read-only and keep old running numbers.
    ``editable``: only these paths (``lines.hours``) may be changed; None: all. ``hidden``: by entity path."""

    trusted: bool = False
    text: bool = False
    """Values are text as forms and files hold it."""
    editable: tuple[str, ...] | None = None
    hidden: Mapping[str, frozenset[str]] = field(default_factory=dict)
    partly: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By entity path what the caller sees in part: with its stars in it, or left blank in a form, it stays as it is."""


def document(app: App, entity: Entity, data: Mapping[str, Any], new: bool, rules: Rules | None = None) -> Change:
    """The change a body asks for; raises one Refusal with everything that is wrong with it."""
    faults: list[Fault] = []
    change = _change(app, entity, data, new, rules or Rules(), "", "", faults)
    if faults:
        raise Refusal(faults, 422)
    return change


def lines(app: App, entity: Entity, name: str, data: Any, rules: Rules | None = None) -> Change:
    """The change that makes these the lines of a document (``PUT …/lines``)."""
    faults: list[Fault] = []
    made = _lines(app, entity.fields[name], data, rules or Rules(), "", f"{name}.", faults)
    if faults:
        raise Refusal(faults, 422)
    return Change(lines={name: LinesChange(made, replace=True)})


def _change(
    app: App,
    entity: Entity,
    data: Mapping[str, Any],
    new: bool,
    rules: Rules,
    pointer: str,
    prefix: str,
    faults: list[Fault],
) -> Change:
    values: dict[str, Any] = {}
    owned: dict[str, LinesChange] = {}
    given_id = ""
    hidden = rules.hidden.get(entity.path, frozenset())
    for name, value in data.items():
        if len(faults) >= MOST_FAULTS:
            raise Refusal(faults, 422)
        at = f"{pointer}/{escape(name)}"
        known = entity.fields.get(name)
        if name == "id" and (known is None or known.origin == "system"):
            given_id = _id(value, at, faults)
        elif known is None or name in hidden:
            faults.append(_unknown(entity, name, at, hidden))
        elif (said := _forbidden(entity, known, at, prefix, rules)) is not None:
            faults.append(said)
        elif name in rules.partly.get(entity.path, ()) and _untouched(value, rules, new):
            continue
        elif known.origin == "lines":
            owned[name] = LinesChange(_lines(app, known, value, rules, at, f"{prefix}{name}.", faults))
        elif value is None or (rules.text and value == ""):
            if known.required == "always" and not new:  # a new record is looked over as a whole
                faults.append(fault("field.required", at, title=known.title))
            values[name] = None
        else:
            try:
                values[name] = _value(known, value, rules)
            except Refused as refused:
                faults.append(of_value(refused, at))
            except ArithmeticError:
                faults.append(fault("value.digits", at, digits=15, got=str(value)[:40]))
    if new:
        faults += [
            fault("field.required", f"{pointer}/{escape(f.name)}", title=f.title)
            for f in entity.fields.values()
            if _must_be_given(f) and values.get(f.name) is None and f.name not in hidden
            if not any(one.pointer == f"{pointer}/{escape(f.name)}" for one in faults)
        ]
    return Change(values, owned, given_id)


def _untouched(value: Any, rules: Rules, new: bool) -> bool:
    """Whether what came for a field seen in part is what its reader was shown of it."""
    return (isinstance(value, str) and STARS in value) or (rules.text and not new and value in (None, ""))


def _must_be_given(known: Field) -> bool:
    """Whether nothing but the body can fill it."""
    return known.required == "always" and known.origin == "input" and not known.has_default and not known.readonly


def _value(known: Field, value: Any, rules: Rules) -> Any:
    kind = REGISTRY[known.spec.type]
    if rules.text and isinstance(value, str):
        return kind.parse(value, known.spec)
    made = kind.coerce(value, known.spec)
    return _plain(made) if kind.kind == "json" else made


def _plain(value: Any) -> Any:
    """JSON inside JSON keeps its digits as text where a binary float could not hold them; no database holds U+0000."""
    if isinstance(value, str) and "\0" in value:
        raise Refused("value.text-control", point="0000")
    if isinstance(value, Decimal):
        return float(value) if Decimal(float(value)) == value else str(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _id(value: Any, at: str, faults: list[Fault]) -> str:
    try:
        return str(REGISTRY["ref"].coerce(value, _NO_SPEC))
    except Refused as refused:
        faults.append(of_value(refused, at))
        return ""


def _unknown(entity: Entity, name: str, at: str, hidden: frozenset[str]) -> Fault:
    if name in SYSTEM or name.startswith("_"):
        return fault("api.system-field", at, name=name)
    meant = nearest(name, [n for n in entity.fields if n not in hidden]) or ""
    return fault("api.unknown-field", at, entity=entity.title, name=name[:60], nearest=meant)


def _forbidden(entity: Entity, known: Field, at: str, prefix: str, rules: Rules) -> Fault | None:
    if known.origin == "system" or (known.name == entity.owner_field and known.origin != "input"):
        return fault("api.system-field", at, name=known.name)
    if rules.trusted and known.origin in ("input", "lines", "number"):
        return None
    if known.origin not in ("input", "lines"):
        return fault("api.computed-field", at, title=known.title)
    if known.readonly:
        return fault("api.readonly-field", at, title=known.title)
    if rules.editable is not None and not may_edit(f"{prefix}{known.name}", rules.editable):
        return fault("api.not-editable", at, title=known.title)
    return None


def may_edit(path: str, editable: Sequence[str]) -> bool:
    """Also the lines field above an editable column, and everything below an editable lines field."""
    return any(path == e or e.startswith(f"{path}.") or path.startswith(f"{e}.") for e in editable)


def _lines(
    app: App, known: Field, data: Any, rules: Rules, pointer: str, prefix: str, faults: list[Fault]
) -> tuple[LineChange, ...]:
    if not isinstance(data, list | tuple):
        faults.append(fault("api.lines", pointer))
        return ()
    if len(data) > MAX_LINES:
        faults.append(fault("api.too-many-lines", pointer, limit=MAX_LINES, got=len(data)))
        return ()
    child = app.entities[known.target]
    whole = rules.editable is None or may_edit_whole(prefix[:-1], rules.editable)
    made: list[LineChange] = []
    seen: set[str] = set()
    for n, item in enumerate(data):
        at = f"{pointer}/{n}"
        if not isinstance(item, Mapping):
            faults.append(fault("api.line", at))
            continue
        rest = {key: value for key, value in item.items() if key not in ("id", "$delete", "rev", "display")}
        line_id = _id(item["id"], f"{at}/id", faults) if item.get("id") else ""
        delete = item.get("$delete", False) in (True, "1", "true")
        if line_id and line_id in seen:
            faults.append(fault("api.line-twice", f"{at}/id", id=line_id))
        seen.add(line_id)
        if not whole and (delete or not line_id):
            faults.append(fault("api.not-editable", at, title=known.title))
        if delete and not line_id:
            continue
        change = Change() if delete else _change(app, child, rest, not line_id, rules, at, prefix, faults)
        made.append(LineChange(change, line_id, delete, n))
    return tuple(made)


def may_edit_whole(path: str, editable: Sequence[str]) -> bool:
    return any(path == e or path.startswith(f"{e}.") for e in editable)


def moved(one: Fault, pointer: str) -> Fault:
    """The fault of a part of a body, seen from the whole."""
    return replace(one, pointer=pointer + one.pointer)


_NO_SPEC: Any = None
