"""A query string → a question about one record or a list, with its values. Pure; unknown names are refused with the
nearest one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.question import Expand, Filter, Question
from engine.serve.query import cursor
from engine.serve.query.parameters import (
    MAX_NAMES,
    candidates,
    filter_value,
    find_field,
    limit_of,
    operator_of,
    operators_of,
    require_none,
    split,
    split_top,
    too_many,
    unknown_parameter,
    word_of,
)
from engine.serve.tenant.bind import Me
from engine.serve.wire.fault import Fault, fault

PAGE = 50
MAX_PAGE = 1000
MAX_SORT = 8
MAX_WORDS = 8
MAX_EXPAND = 6
"""How deep an expansion may go."""
_LIST = ("fields", "expand", "sort", "limit", "cursor", "q", "where", "count", "bin", "actions")
_ONE = ("fields", "expand", "actions", "as_of")


@dataclass(frozen=True, slots=True)
class Asking:
    """A question and its values. ``shape`` tells cursors of different questions apart."""

    question: Question
    inputs: dict[str, Any]
    shape: str = ""
    actions: bool = False
    """Each item with what may be done with it next."""


def one(app: App, me: Me, entity: Entity, record: str, pairs: Iterable[tuple[str, str]]) -> Asking:
    given, rest = split(pairs, _ONE)
    faults = [unknown_parameter(name, _ONE) for name, _ in rest]
    fields = _fields(app, me, entity, given.get("fields", ""), faults)
    expand = _expand(app, entity, given.get("expand", ""), faults)
    require_none(faults)
    return Asking(Question(entity.path, one=True, fields=fields, expand=expand, roles=me.roles), {"id": record})


def listing(app: App, me: Me, entity: Entity, pairs: Iterable[tuple[str, str]]) -> Asking:
    """A list's question. A cursor must come from the same question."""
    given, rest = split(pairs, _LIST)
    faults: list[Fault] = []
    filters, inputs = _filters(app, me, entity, rest, _LIST, faults)
    words = given.get("q", "").lower()[:200].split()[:MAX_WORDS]
    counted = word_of(given, "count", ("exact", "estimated", "none"), faults)
    acted = word_of(given, "actions", ("true", "false"), faults) == "true"
    question = Question(
        entity.path,
        fields=_fields(app, me, entity, given.get("fields", ""), faults),
        expand=_expand(app, entity, given.get("expand", ""), faults),
        filters=filters,
        where=given.get("where", ""),
        search=len(words),
        sort=_sort(app, me, entity, given.get("sort", ""), faults),
        count=counted != "none",
        bound=counted == "estimated",
        bin=word_of(given, "bin", ("true", "false"), faults) == "true",
        roles=me.roles,
    )
    inputs["limit"] = limit_of(given.get("limit", ""), PAGE, MAX_PAGE, faults)
    inputs |= {f"q{n}": word for n, word in enumerate(words)}
    shape = cursor.shape_of(question, inputs)
    if given.get("cursor"):
        question = cursor.after(question, given["cursor"], shape, inputs, faults)
    require_none(faults)
    return Asking(question, inputs, shape, acted)


def _filters(
    app: App, me: Me, entity: Entity, rest: list[tuple[str, str]], words: tuple[str, ...], faults: list[Fault]
) -> tuple[tuple[Filter, ...], dict[str, Any]]:
    inputs: dict[str, Any] = {}
    out: list[Filter] = []
    for key, text in rest:
        path, operator = operator_of(key)
        known = find_field(app, me, entity, path)
        if known is None:
            faults.append(unknown_parameter(path, (*words, *candidates(app, entity, path))))
            continue
        allowed = operators_of(app, known)
        if operator not in allowed:
            faults.append(fault("api.operator", name=path, operator=operator, allowed=", ".join(allowed) or "–"))
            continue
        inputs[f"f{len(out)}"] = filter_value(known, operator, text, key, faults)
        out.append(Filter(path, operator))  # type: ignore[arg-type]
    return tuple(out), inputs


def _fields(app: App, me: Me, entity: Entity, text: str, faults: list[Fault]) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    if len(names) > MAX_NAMES:
        faults.append(too_many("fields", len(names), MAX_NAMES))
        return ()
    for name in names:
        known = entity.fields.get(name)
        lines = known is not None and known.origin == "lines"
        if name != "display" and not lines and find_field(app, me, entity, name) is None:
            faults.append(unknown_parameter(name, ("display", *candidates(app, entity, name))))
    return names


def _sort(app: App, me: Me, entity: Entity, text: str, faults: list[Fault]) -> tuple[str, ...]:
    keys = tuple(part.strip() for part in text.split(",") if part.strip())
    if len(keys) > MAX_SORT:
        faults.append(too_many("sort", len(keys), MAX_SORT))
        return ()
    for key in keys:
        name = key.removeprefix("-")
        if name != "display" and find_field(app, me, entity, name) is None:
            faults.append(unknown_parameter(name, candidates(app, entity, name)))
    return keys


def _expand(app: App, entity: Entity, text: str, faults: list[Fault], depth: int = 1) -> tuple[Expand, ...]:
    """``team,lines(worker)``."""
    out: list[Expand] = []
    if depth > MAX_EXPAND or text.count(",") > MAX_NAMES:
        faults.append(too_many("expand", depth, MAX_EXPAND))
        return ()
    for part in split_top(text):
        name, bracket, inner = part.strip().partition("(")
        if not name:
            continue
        known = entity.fields.get(name)
        if known is None or known.target not in app.entities:
            names = [f.name for f in entity.fields.values() if f.target]
            faults.append(unknown_parameter(name, names))
            continue
        if bracket and not inner.endswith(")"):
            faults.append(
                fault("api.parameter", name="expand", got=part.strip()[:40], expected="(…)", expected_zh="(…)")
            )
            continue
        below = inner[:-1] if bracket else ""
        out.append(Expand(name, _expand(app, app.entities[known.target], below, faults, depth + 1)))
    return tuple(out)
