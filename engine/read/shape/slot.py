"""Slots: what a key may hold. Each reads a node of the tree, says what is wrong with it, and knows its JSON Schema.

A slot reads nothing but its own node, so a whole pack is read in one walk and every problem is found at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.fieldtypes.filekinds import size_of
from engine.label import Label as Said
from engine.problem import NO_HINT, Problem, Where, did_you_mean, nearest, problem, write_instead
from engine.read.codes import CODES
from engine.read.repair import quoted
from engine.read.tree import List, Map, Node, Scalar, kind_of

NAME = re.compile(r"[a-z][a-z0-9_]*")
PATH = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*")
TEXT = {"type": ["string", "number"]}
ANY_SCALAR = {"type": ["string", "number", "boolean"]}


@dataclass(slots=True, eq=False)
class Reading:
    """One walk over a tree: what it found wrong, and the parts that were retired on the way."""

    problems: list[Problem] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    retired: dict[str, Where] = field(default_factory=dict)

    def say(self, code: str, where: Where, hint: Said | None = None, **params: object) -> None:
        self.problems.append(problem(CODES[code], where, hint, **params))


@dataclass(frozen=True, slots=True)
class Slot:
    """``what`` is the slot's name in docs/grammar.md."""

    what: str = ""

    def read(self, node: Node, key: str, seen: Reading) -> Any:
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        raise NotImplementedError


def scalar(node: Node, key: str, seen: Reading, null: bool = False) -> Scalar | None:
    if isinstance(node, Scalar):
        if node.null and not null:
            seen.say("shape.null", node.where, key=key)
            return None
        return node
    seen.say("shape.text", node.where, key=key, found=kind_of(node))
    return None


@dataclass(frozen=True, slots=True)
class Text(Slot):
    what: str = "text"

    def read(self, node: Node, key: str, seen: Reading) -> Scalar | None:
        return scalar(node, key, seen)

    def schema(self) -> dict[str, Any]:
        return dict(TEXT)


@dataclass(frozen=True, slots=True)
class Expression(Slot):
    """Always an expression. A plain scalar that a comma or `#` may have cut is caught by its open parenthesis."""

    what: str = "expression"

    def read(self, node: Node, key: str, seen: Reading) -> Scalar | None:
        found = scalar(node, key, seen)
        if found is not None and found.text.startswith("="):
            seen.say("shape.equals", found.where, key=key)
            return None
        if found is not None and found.plain and (wrong := unbalanced(found.text)):
            what, what_zh = wrong
            seen.say(
                "load.unbalanced", found.where, what=what, what_zh=what_zh, text=found.text,
                hint=Said(
                    f"请闭合，或整体加引号：{key}: {quoted(found.text)}",
                    f"close it, or quote the whole: {key}: {quoted(found.text)}",
                ),
            )  # fmt: skip
            return None
        return found

    def schema(self) -> dict[str, Any]:
        return dict(ANY_SCALAR)


def unbalanced(text: str) -> tuple[str, str] | None:
    depth = 0
    inside = False
    for sign in text:
        if sign == "'":
            inside = not inside
        elif not inside and sign in "()":
            depth += 1 if sign == "(" else -1
            if depth < 0:
                return "a `)` without its `(`", "有 `)` 没有 `(`"
    if inside:
        return "a quote `'` is not closed", "引号 `'` 没有闭合"
    return ("a `(` is not closed", "有 `(` 没有闭合") if depth else None


@dataclass(frozen=True, slots=True)
class Value(Slot):
    """A literal, `null`, or an expression after `=`."""

    what: str = "value"

    def read(self, node: Node, key: str, seen: Reading) -> Scalar | None:
        found = scalar(node, key, seen, null=True)
        if found is not None and found.text.startswith("=") and not found.text.startswith("=="):
            rest = Scalar(found.text[1:], found.where, found.plain)
            return found if Expression().read(rest, key, seen) else None
        return found

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number", "boolean", "null"]}


def boolean(found: Scalar) -> bool | None:
    return {"true": True, "false": False}.get(found.text) if found.plain else None


@dataclass(frozen=True, slots=True)
class Bool(Slot):
    what: str = "true \\| false"

    def read(self, node: Node, key: str, seen: Reading) -> bool | None:
        found = scalar(node, key, seen)
        if found is None:
            return None
        value = boolean(found)
        if value is None:
            meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(found.text.lower())
            meant = meant or (found.text.lower() if found.text.lower() in ("true", "false") else None)
            hint = write_instead(f"`{meant}`") if meant else NO_HINT
            seen.say("shape.boolean", found.where, hint, key=key, found=found.text)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class BoolOr(Slot):
    """`true`, `false`, one of ``words``, or an expression: gives True, False, the word as str, or the Scalar."""

    what: str = "true \\| false \\| expression"
    words: tuple[str, ...] = ()

    def read(self, node: Node, key: str, seen: Reading) -> bool | str | Scalar | None:
        found = scalar(node, key, seen)
        if found is None:
            return None
        value = boolean(found)
        if value is not None:
            return value
        if found.text in self.words:
            return found.text
        if found.text.lower() in ("yes", "no", "on", "off"):
            return Bool().read(node, key, seen)
        return Expression().read(node, key, seen)

    def schema(self) -> dict[str, Any]:
        return dict(ANY_SCALAR)


@dataclass(frozen=True, slots=True)
class Int(Slot):
    what: str = "whole number"
    least: int | None = None
    most: int | None = None

    def read(self, node: Node, key: str, seen: Reading) -> int | None:
        found = scalar(node, key, seen)
        if found is None:
            return None
        if not re.fullmatch(r"-?\d{1,15}", found.text):
            seen.say("shape.integer", found.where, key=key, found=found.text)
            return None
        number = int(found.text)
        if self.least is not None and self.most is not None and not self.least <= number <= self.most:
            seen.say("shape.between", found.where, key=key, found=found.text, least=self.least, most=self.most)
            return None
        return number

    def schema(self) -> dict[str, Any]:
        bounds = {"minimum": self.least, "maximum": self.most}
        return {"type": "integer", **{key: value for key, value in bounds.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class Number(Slot):
    """A number or a share; `90%` gives 0.9."""

    what: str = "number or percent"

    def read(self, node: Node, key: str, seen: Reading) -> Decimal | None:
        found = scalar(node, key, seen)
        if found is None:
            return None
        parts = re.fullmatch(r"(-?\d{1,15}(?:\.\d{1,8})?)(%?)", found.text)
        if not parts:
            seen.say("shape.number", found.where, key=key, found=found.text)
            return None
        return Decimal(parts[1]) / 100 if parts[2] else Decimal(parts[1])

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d{1,15}(\.\d{1,8})?%?$"}]}


@dataclass(frozen=True, slots=True)
class Word(Slot):
    words: tuple[str, ...] = ()
    pattern: str = ""  # what else it may be, as a pattern

    def read(self, node: Node, key: str, seen: Reading) -> str | None:
        found = scalar(node, key, seen)
        if found is None:
            return None
        if found.text in self.words or (self.pattern and re.fullmatch(self.pattern, found.text)):
            return found.text
        words = ", ".join(self.words[:8]) + (", …" if len(self.words) > 8 else "")
        hint = did_you_mean(nearest(found.text, self.words)) or NO_HINT
        seen.say("shape.word", found.where, hint, key=key, words=words, found=found.text)
        return None

    def schema(self) -> dict[str, Any]:
        # a word like 60% or true would be a number or boolean to YAML's own loader, hence the open form
        return {"anyOf": [{"enum": list(self.words)}, dict(TEXT)]} if self.pattern else {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Duration(Slot):
    """A length of time; gives minutes."""

    what: str = "length of time"

    def read(self, node: Node, key: str, seen: Reading) -> int | None:
        found = scalar(node, key, seen)
        if found is None:
            return None
        parts = re.fullmatch(r"(\d{1,5})(m|h|d|w)", found.text)
        if not parts:
            seen.say("shape.duration", found.where, found=found.text)
            return None
        return int(parts[1]) * {"m": 1, "h": 60, "d": 1440, "w": 10080}[parts[2]]

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\d{1,5}(m|h|d|w)$"}


@dataclass(frozen=True, slots=True)
class Size(Slot):
    """How large a file may be; gives bytes."""

    what: str = "size"

    def read(self, node: Node, key: str, seen: Reading) -> int | None:
        found = scalar(node, key, seen)
        size = size_of(found.text) if found is not None else None
        if found is not None and size is None:
            seen.say("shape.size", found.where, found=found.text)
        return size

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^[1-9]\d{0,3} ?(KB|MB|GB)$"}


@dataclass(frozen=True, slots=True)
class Name(Slot):
    """A declared name, or a dotted path of names; also a role's call in a people slot when ``form`` says so."""

    what: str = "name"

    def read(self, node: Node, key: str, seen: Reading) -> Scalar | None:
        found = scalar(node, key, seen)
        if found is not None and not PATH.fullmatch(found.text):
            meant = re.sub(r"[^a-z0-9_.]+", "_", found.text.lower()).strip("_.")
            hint = did_you_mean(meant if PATH.fullmatch(meant) else None)
            seen.say("shape.name", found.where, hint, name=found.text)
            return None
        return found

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Names(Slot):
    """A list of leaves; one leaf may stand without brackets. ``leaf`` reads each."""

    what: str = "list of names"
    leaf: Slot = field(default_factory=Name)

    def read(self, node: Node, key: str, seen: Reading) -> tuple[Any, ...] | None:
        if isinstance(node, Map):
            seen.say("shape.list", node.where, key=key, found=kind_of(node))
            return None
        items = node.items if isinstance(node, List) else [node]
        read = [self.leaf.read(item, key, seen) for item in items]
        return tuple(item for item in read if item is not None)

    def schema(self) -> dict[str, Any]:
        leaf = self.leaf.schema()
        return {"anyOf": [leaf, {"type": "array", "items": leaf}]}


@dataclass(slots=True, eq=False)
class Words:
    """A text in the languages it was written in. ``short``: in the pack's first language, which ``zh`` then holds."""

    where: Where
    zh: Scalar | None = None
    en: Scalar | None = None
    short: bool = False


@dataclass(frozen=True, slots=True)
class Label(Slot):
    """A text in the pack's first language, or `{zh: …, en: …}`."""

    what: str = "label"

    def read(self, node: Node, key: str, seen: Reading) -> Words | None:
        if isinstance(node, Map):
            out = Words(node.where)
            for language, item in node.items.items():
                if language not in ("zh", "en"):
                    seen.say("shape.language", node.keys[language], key=language)
                elif (found := scalar(item, f"{key}.{language}", seen)) is not None:
                    setattr(out, language, found)
            return out
        found = scalar(node, key, seen)
        return None if found is None else Words(found.where, zh=found, short=True)

    def schema(self) -> dict[str, Any]:
        two = {"type": "object", "properties": {"zh": TEXT, "en": TEXT}, "additionalProperties": False}
        return {"anyOf": [dict(TEXT), two]}


@dataclass(frozen=True, slots=True)
class Free(Slot):
    """Data as written: scalars, lists and maps of the same; the record's own fields type it later."""

    what: str = "data"

    def read(self, node: Node, key: str, seen: Reading) -> Node:
        return node

    def schema(self) -> dict[str, Any]:
        return {}


Check = Callable[[Any, Reading], None]
