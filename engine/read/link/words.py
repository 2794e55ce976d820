"""What slots hold, linked: expressions, values, templates, people, orders."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from engine.catalog import Hole, Message, Order, People, Template, Value
from engine.expr.build.api import Expr
from engine.expr.run.types import Type
from engine.fieldtypes import REGISTRY, Refused, Spec
from engine.label import Label
from engine.problem import NO_HINT, Where, did_you_mean, nearest, write_instead
from engine.read.link.structure import REFERENCES, Frame
from engine.read.repair import quoted
from engine.read.shape.noun import place_of
from engine.read.shape.slot import Words
from engine.read.tree import Scalar

NO_EXPRESSION = cast(Expr, None)  # of a part that is broken already; it is never used
_HOLE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_CALL = re.compile(r"([a-z][a-z0-9_]*)\((.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Look:
    """Where an expression stands: the record that holds it, the rows it looks at, and what else it may name.

    ``rows``: the entity whose fields a bare name is (``this.`` is then the record). ``found``: the entity of
    ``found.x`` in messages. ``sources``/``typed``: of an aggregation. ``extra``: words a template may hold.
    ``role``: whose access rule it is.
    """

    module: str
    record: str
    rows: str = ""
    found: str = ""
    slot: str = ""
    sources: tuple[tuple[str, str], ...] = ()
    typed: tuple[tuple[str, Type], ...] = ()  # the measures before this one
    extra: tuple[str, ...] = ()
    role: str = ""


Parse = Callable[[str, "Look", "Spec | str | None", Where], Expr | None]


@dataclass(slots=True)
class Speech:
    """Linking of slots. ``parse`` types one expression, saying what is wrong with it on the desk."""

    frame: Frame
    parse: Parse

    def expression(self, text: Scalar | None, look: Look, expect: Spec | str | None = None) -> Expr:
        if text is None:
            self.frame.desk.broken = True
            return NO_EXPRESSION
        return self.parse(text.text, look, expect, text.where) or NO_EXPRESSION

    def maybe(self, text: Scalar | None, look: Look, expect: Spec | str | None = "boolean") -> Expr | None:
        return None if text is None else self.expression(text, look, expect)

    def value(self, text: Scalar, look: Look, spec: Spec) -> Value:
        """A literal typed by ``spec``, or an expression after `=`."""
        if text.null:
            return Value(None, None, text.where)
        if text.text.startswith("=") and not text.text.startswith("=="):
            where = Where(text.where.file, text.where.line, text.where.column + 1)
            return Value(None, self.parse(text.text[1:], look, spec, where), text.where)
        plain = text.text.removeprefix("=") if text.text.startswith("==") else text.text
        return Value(self.literal(Scalar(plain, text.where, text.plain), spec), None, text.where)

    def maybe_value(self, text: Scalar | None, look: Look, spec: Spec) -> Value | None:
        return None if text is None else self.value(text, look, spec)

    def literal(self, text: Scalar, spec: Spec) -> Any:
        """The Python value of a literal; of a reference the text of its target's key."""
        if spec.type in REFERENCES or spec.type not in REGISTRY or spec.type in ("json", "number", "lines"):
            return text.text
        if spec.type == "boolean" and text.text not in ("true", "false"):
            meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(text.text.lower())
            hint = write_instead(f"`{meant}`") if meant else NO_HINT
            self.refuse(text, spec, Label("应为 true 或 false", "it is true or false"), hint)
            return None
        try:
            return REGISTRY[spec.type].parse(text.text, spec)
        except Refused as no:
            given = {k: str(v) for k, v in no.params.items()}
            said = Label(no.code.zh.format_map(given), no.code.en.format_map(given))
            found = nearest(text.text, [o.name for o in spec.options])
            self.refuse(text, spec, said, did_you_mean(found) or NO_HINT)
            return None

    def refuse(self, text: Scalar, spec: Spec, why: Label, hint: Label = NO_HINT) -> None:
        if re.search(r"[a-z_]\s*[(.<>=+*/]|[)]", text.text):
            meant = quoted(f"={text.text}")
            hint = Label(f"表达式以 `=` 开头：{meant}", f"an expression begins with `=`: {meant}")
        self.frame.desk.say("link.literal", text.where, hint, text=text.text, type=spec.type, why=why)

    def values(self, texts: Mapping[str, Scalar] | None, look: Look, target: str) -> dict[str, Value]:
        """`set`: fields of ``target`` → values."""
        out = {}
        for name, text in (texts or {}).items():
            place = Scalar(name, place_of(texts or {}, name))
            if self.frame.path(place, target) and (bone := self.frame.bone(name, target)) is not None:
                out[name] = self.value(text, look, bone.spec)
        return out

    # templates --------------------------------------------------------------------------------------------------

    def message(self, words: Words | None, look: Look, language: str = "zh") -> Message:
        if words is None:
            return Message()
        if words.short and language == "en":
            return Message(en=self.template(words.zh, look))
        return Message(self.template(words.zh, look), self.template(words.en, look))

    def template(self, text: Scalar | None, look: Look) -> Template:
        if text is None:
            return Template()
        parts: list[str | Hole] = []
        end = 0
        plain = ""
        for found in _HOLE.finditer(text.text):
            plain += text.text[end : found.start()]
            end = found.end()
            if found[0] in ("{{", "}}"):
                plain += found[0][0]
                continue
            if found[0] in ("{", "}"):
                sign, twice = found[0], found[0] * 2
                why = Label(
                    f"`{sign}` 单独出现；字符本身写作 `{twice}`",
                    f"a `{sign}` stands alone; write `{twice}` for the sign itself",
                )
                self.frame.desk.say("shape.template", text.where, text=text.text, why=why)
                continue
            if plain:
                parts.append(plain)
                plain = ""
            parts.append(self.hole(found[1], look, text, found.start(1)))
        plain += text.text[end:]
        if plain:
            parts.append(plain)
        return Template(tuple(parts))

    def hole(self, text: str, look: Look, whole: Scalar, offset: int) -> Hole:
        name, _, form = text.partition(":")
        where = Where(whole.where.file, whole.where.line, whole.where.column + offset)
        if not name.strip():
            why = Label("花括号里应是路径", "a hole holds a path")
            self.frame.desk.say("shape.template", where, text=whole.text, why=why)
        if name in look.extra:
            return Hole(None, name, form)
        return Hole(self.parse(name.strip(), look, None, where), name.strip(), form)

    # people -----------------------------------------------------------------------------------------------------

    def people(self, texts: tuple[Scalar, ...] | None, look: Look) -> tuple[People, ...]:
        return tuple(found for text in texts or () if (found := self.person(text, look)) is not None)

    def person(self, text: Scalar, look: Look) -> People | None:
        desk = self.frame.desk
        if text.text == "initiator":
            return People("initiator", where=text.where)
        if text.text == "me":
            return People("me", where=text.where)
        call = _CALL.fullmatch(text.text)
        if call:
            where = Where(text.where.file, text.where.line, text.where.column + call.start(2))
            path = self.parse(call[2], look, "reference", where) if call[2].strip() else None
            if call[1] == "leader":
                return People("leader", path=path, where=text.where)
            role = desk.role(Scalar(call[1], text.where))
            return People("role", role, path, text.where) if role else None
        if not re.fullmatch(r"[a-z_][a-z0-9_.]*", text.text):
            desk.say("link.people", text.where, text=text.text)
            return None
        if text.text in desk.roles():
            return People("role", text.text, None, text.where)
        if "." in text.text or text.text in self.frame.names(self.frame.of[look.record]):
            return People("path", path=self.parse(text.text, look, "reference", text.where), where=text.where)
        role = desk.role(text)
        return People("role", role, None, text.where) if role else None

    def order(self, text: Scalar | None, look: Look) -> tuple[Order, ...]:
        out = []
        at = 0
        for term in text.text.split(",") if text is not None else ():
            assert text is not None
            found = re.fullmatch(r"\s*(\S.*?)(?:\s+(ASC|DESC))?\s*", term, re.IGNORECASE)
            if found is None:
                self.frame.desk.say("link.order", text.where, text=text.text)
                continue
            where = Where(text.where.file, text.where.line, text.where.column + at + found.start(1))
            by = self.parse(found[1], look, None, where)
            out.append(Order(by or NO_EXPRESSION, (found[2] or "").upper() == "DESC"))
            at += len(term) + 1
        return tuple(out)
