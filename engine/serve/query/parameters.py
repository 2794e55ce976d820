"""Parts of a question as they stand in a query string: words, numbers, paths of fields, values to compare with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.fieldtypes import REGISTRY, Refused
from engine.fieldtypes.spec import Spec
from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Entity, Field
from engine.problem import nearest
from engine.serve.document.rights import hidden
from engine.serve.tenant.bind import Me
from engine.serve.wire.fault import Fault, Refusal, fault, of_value, refuse
from engine.serve.wire.parsing import MAX_PAIRS

MAX_NAMES = 200


def _system(name: str, type_: str, kind: str) -> Field:
    return Field(name, Label(name, name), Spec(type_), "system", name, kind)


SYSTEM_FIELDS: Mapping[str, Field] = {
    f.name: f
    for f in (
        _system("id", "ref", "uuid"),
        _system("rev", "integer", "integer"),
        _system("state", "text", "text"),
        _system("created_at", "datetime", "datetime"),
        _system("created_by", "ref", "uuid"),
        _system("updated_at", "datetime", "datetime"),
        _system("updated_by", "ref", "uuid"),
        _system("deleted_at", "datetime", "datetime"),
        _system("position", "integer", "integer"),
    )
}


@dataclass(frozen=True, slots=True)
class Listed:
    """The values of ``in``; they become text when it is known which database compares them."""

    kind: str
    scale: int
    values: tuple[Any, ...]


def split(pairs: Iterable[tuple[str, str]], known: tuple[str, ...]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    given: dict[str, str] = {}
    rest: list[tuple[str, str]] = []
    for name, value in pairs:
        if name not in known:
            if len(rest) >= MAX_PAIRS:
                raise Refusal((too_many("?", len(rest) + 1, MAX_PAIRS),), 400)
            rest.append((name, value))
        elif name in given:
            raise refuse("api.twice", name=name)
        else:
            given[name] = value
    return given, rest


def require_none(faults: list[Fault]) -> None:
    if faults:
        raise Refusal(faults, 400)


def unknown_parameter(name: str, names: Iterable[str]) -> Fault:
    return fault("api.unknown-parameter", name=name[:80], nearest=nearest(name, names) or "")


def too_many(name: str, got: int, most: int) -> Fault:
    return fault(
        "api.parameter", name=name, got=f"{got} names", expected=f"at most {most}", expected_zh=f"最多 {most} 个"
    )


def operator_of(key: str) -> tuple[str, str]:
    path, bracket, operator = key.partition("[")
    return (path, operator[:-1]) if bracket and operator.endswith("]") else (key, "eq")


def find_field(app: App, me: Me, entity: Entity, path: str) -> Field | None:
    """The field at the end of a dotted path over references; lines and hidden fields have no path."""
    names = path.split(".")
    for n, name in enumerate(names):
        known = entity.fields.get(name) or SYSTEM_FIELDS.get(name)
        if known is None and entity.owner and name == entity.owner.rpartition(".")[2]:
            known = replace(SYSTEM_FIELDS["id"], name=name, target=entity.owner)
        if known is None or known.origin == "lines" or name in hidden(app, me, entity):
            return None
        if n == len(names) - 1:
            return known
        if not known.target or known.target not in app.entities:
            return None
        entity = app.entities[known.target]
    return None


def operators_of(app: App, known: Field) -> tuple[str, ...]:
    operators: tuple[str, ...] = REGISTRY[known.spec.type].operators
    target = app.entities.get(known.target)
    return (*operators, "under") if target is not None and target.kind == "tree" else operators


def candidates(app: App, entity: Entity, path: str) -> list[str]:
    """Names that could have been meant at the place where a path stops making sense."""
    *head, _ = path.split(".")
    for name in head:
        known = entity.fields.get(name)
        if known is None or known.target not in app.entities or known.origin == "lines":
            return list(entity.fields)
        entity = app.entities[known.target]
    prefix = "".join(f"{name}." for name in head)
    return [f"{prefix}{name}" for name in (*entity.fields, *SYSTEM_FIELDS)]


def filter_value(known: Field, operator: str, text: str, key: str, faults: list[Fault]) -> Any:
    try:
        if operator == "null":
            return REGISTRY["boolean"].parse(text, known.spec)
        kind = REGISTRY["ref" if known.spec.type == "refs" else known.spec.type]  # of a set one is asked for, or some
        if operator in ("contains", "starts") and known.spec.type != "refs":
            return text
        if operator == "in":
            values = tuple(kind.parse(part.strip(), known.spec) for part in text.split(","))
            return Listed(kind.kind, kind.scale_of(known.spec), values)
        return kind.parse(text, known.spec)
    except Refused as refused:
        said = of_value(refused, "")
        words = (f"{key}: {said.says.en}", f"{key}：{said.says.zh}")
        faults.append(replace(said, says=Label(words[1], words[0]), status=400))
        return None


def split_top(text: str) -> list[str]:
    """Splits at commas outside brackets and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for n, sign in enumerate(text):
        if sign == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        elif sign == "," and depth == 0:
            parts.append(text[start:n])
            start = n + 1
    parts.append(text[start:])
    return parts


def word_of(given: Mapping[str, str], name: str, words: tuple[str, ...], faults: list[Fault]) -> str:
    value = given.get(name, words[-1])
    if value not in words:
        told = " | ".join(words)
        faults.append(fault("api.parameter", name=name, got=value[:40], expected=told, expected_zh=told))
    return value


def limit_of(text: str, default: int, most: int, faults: list[Fault], name: str = "limit", least: int = 1) -> int:
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) < 8 and least <= int(text) <= most:
        return int(text)
    told = (f"{least} to {most}", f"{least} 至 {most}")
    faults.append(fault("api.parameter", name=name, got=text[:40], expected=told[0], expected_zh=told[1]))
    return default
