"""Entities and what stands in them: fields, checks, unique keys, access."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from engine.catalog import Access, Check, Entity, Field, Ledger, NumberRule, Template, Unique, Value
from engine.expr.build.api import Expr
from engine.fieldtypes import Option, Spec
from engine.fieldtypes.mask import Mask
from engine.label import Label
from engine.problem import NO_HINT, Where
from engine.read.link.desk import WORKFLOW_FIELD, Desk
from engine.read.link.scopes import Scopes
from engine.read.link.structure import Bone, Frame, Skeleton, label, language_of
from engine.read.link.words import Look, Speech
from engine.read.shape import entity as shapes
from engine.read.tree import Scalar

_BOOLEAN = Spec("boolean")
_LEVEL = Spec("text")
_DIGITS = re.compile(r"\{(0+)\}")
PERIODS = ("day", "month", "year")
MASKABLE = ("text", "phone", "email", "number", "url")
"""Types of one line of text, of which a part can be told."""


@dataclass(slots=True)
class Entities:
    frame: Frame
    speech: Speech
    scopes: Scopes

    @property
    def desk(self) -> Desk:
        return self.frame.desk

    def entity(self, bones: Skeleton) -> Entity:
        shape, one = bones.shape, bones.one
        look = Look(bones.module, bones.path)
        prefix = f"{bones.module}.entities.{bones.name}"
        fields = {}
        for bone in bones.bones.values():
            made = self.desk.part(f"{prefix}.fields.{bone.name}", bone.where, self.field, bones, bone, look)
            if made is not None:
                fields[bone.name] = made
        checks = self.parts(f"{prefix}.checks", shape.checks, lambda n, s: self.check(bones, n, s, look))
        uniques = self.parts(f"{prefix}.unique", shape.unique, lambda n, s: self.unique(bones, n, s, look))
        access = self.parts(f"{prefix}.access", shape.access, lambda n, s: self.access(bones, n, s, look))
        self.scopes.check(bones)
        ledger = self.ledger(bones, shape.ledger) if shape.ledger else None
        display = self.speech.template(shape.display, look)
        key = self.frame.fields(shape.key, bones.path) or self.own_key(uniques)
        tree = next((b.name for b in bones.bones.values() if b.spec.type == "tree"), "") if shape.tree else ""
        if shape.tree and not tree:
            self.desk.say("rule.tree", shape.place)
        scope = self.frame.path(shape.scope, bones.path) if shape.scope else ""
        return Entity(
            bones.path, bones.module, bones.name, bones.title, fields,
            display=display, scope=scope, owned_by=bones.owner, owned_as=bones.owned_as,
            kind="ledger" if ledger else "tree" if tree else "plain", parent=tree, ledger=ledger, key=key,
            search=self.frame.fields(shape.search, bones.path) or tuple(self.displayed(display, bones)),
            checks=checks, uniques=uniques, access=access,
            icon=shape.icon.text if shape.icon else "", help=label(shape.help, language_of(one)),
            was=tuple(w.text for w in shape.was or ()), where=shape.place,
        )  # fmt: skip

    def parts(self, prefix: str, found: dict[str, Any] | None, make: Callable[[str, Any], Any]) -> dict[str, Any]:
        out = {}
        for name, shape in (found or {}).items():
            made = self.desk.part(f"{prefix}.{name}", shape.place, make, name, shape)
            if made is not None:
                out[name] = made
        return out

    def own_key(self, uniques: dict[str, Unique]) -> tuple[str, ...]:
        return next((u.fields for u in uniques.values() if len(u.fields) == 1 and u.rows is None), ())

    def displayed(self, display: Template, bones: Skeleton) -> list[str]:
        """The own text fields a record's name is made of."""
        out = []
        for hole in display.holes:
            bone = bones.bones.get(hole.name)
            if bone is not None and bone.spec.type in ("text", "number", "phone", "email", "long_text"):
                out.append(hole.name)
        return out

    # fields -----------------------------------------------------------------------------------------------------

    def field(self, bones: Skeleton, bone: Bone, look: Look) -> Field:
        shape = bone.shape
        assert shape is not None
        spec, speech = bone.spec, self.speech
        rows = Look(look.module, bones.path, rows=spec.target, slot="where") if spec.target else look
        self.consistent(bone, shape)
        bound = Spec("integer") if spec.type in ("lines", "text", "long_text") else self.unbounded(spec)
        required: Any = False
        if isinstance(shape.required, Scalar):
            required = speech.expression(shape.required, look, "boolean")
        elif shape.required is not None:
            required = self.moment_required(shape.required, bones)
        return Field(
            f"{bones.path}.{bone.name}", bone.name, bone.title, spec, spec.target, required,
            default=speech.maybe_value(shape.default, look, self.unbounded(spec)),
            compute=speech.maybe(shape.compute, look, spec), live=speech.maybe(shape.live, look, spec),
            keep=self.frame.path(shape.keep, bones.path) if shape.keep else "",
            keep_at=cast(Any, shape.at) if shape.keep and shape.at else "submit",
            find=speech.maybe(shape.find, rows) if spec.target else None,
            order=speech.order(shape.order, rows) if spec.target else (),
            ref_where=speech.maybe(shape.where, rows) if spec.target else None,
            readonly=bool(shape.readonly), visible=speech.maybe(shape.visible, look),
            min=speech.maybe_value(shape.min, look, bound), max=speech.maybe_value(shape.max, look, bound),
            number=self.number(bones, shape, look) if shape.pattern else None,
            on_delete=cast(Any, shape.on_delete or "refuse"), acyclic=bool(shape.acyclic),
            translated=bool(shape.translated), public=bool(shape.public), mask=self.mask(bone, shape),
            help=label(shape.help, language_of(bones.one)), was=tuple(w.text for w in shape.was or ()),
            where=shape.place,
        )  # fmt: skip

    def mask(self, bone: Bone, shape: shapes.Field) -> Mask:
        if shape.mask is None:
            return Mask()
        made = Mask(shape.mask.first or 0, shape.mask.last or 0)
        if bone.spec.type not in MASKABLE or not 0 <= min(made.first, made.last) <= max(made.first, made.last) <= 20:
            self.desk.say("rule.mask", shape.mask.place, field=bone.name, type=bone.spec.type)
        return made

    def unbounded(self, spec: Spec) -> Spec:
        return Spec(spec.type, spec.scale, options=spec.options, target=spec.target, unit=spec.unit, many=spec.many)

    def moment_required(self, word: bool | str, bones: Skeleton) -> bool | Literal["submit"]:
        """`true` on a document with a workflow is judged at submit, `always` on every save."""
        if word in ("submit", True) and (word == "submit" or self.has_workflow(bones)):
            return "submit"
        return bool(word)

    def has_workflow(self, bones: Skeleton) -> bool:
        root = bones
        while root.owner in self.frame.of:
            root = self.frame.of[root.owner]
        return bool(root.states)

    def consistent(self, bone: Bone, shape: shapes.Field) -> None:
        derived = [k for k in ("compute", "live", "keep", "find", "pattern") if getattr(shape, k) is not None]
        if derived and shape.required is not None and derived[0] not in ("find", "pattern"):
            self.desk.say("rule.default-readonly", shape.place, field=bone.name, key="required")
        if shape.find is not None and shape.order is None:
            order = Label("`order`（与 `find` 一起）", "`order` beside `find`")
            self.desk.say("shape.needs", shape.place, thing=f"field `{bone.name}`", keys=order)
        spec = bone.spec
        if spec.min is not None and spec.max is not None and spec.min > spec.max:
            self.desk.say("rule.min-max", shape.place, min=spec.min, max=spec.max)

    def number(self, bones: Skeleton, shape: shapes.Field, look: Look) -> NumberRule:
        assert shape.pattern is not None
        text = shape.pattern
        digits = list(_DIGITS.finditer(text.text))
        if len(digits) != 1:
            two = Label("有两处流水号位置", "has two places for the digits")
            why = two if digits else Label("没有流水号的位置", "has no place for the digits")
            hint = Label("`{0000}` 写一次", "write `{0000}` once")
            self.desk.say("rule.number", text.where, hint, text=text.text, why=why)
            return NumberRule(Template(), Template(), 4)
        first, last = digits[0].span()
        before = self.speech.template(Scalar(text.text[:first], text.where), look)
        tail = Where(text.where.file, text.where.line, text.where.column + last)
        after = self.speech.template(Scalar(text.text[last:], tail), look)
        per = [p for p in shape.per or () if p.text not in PERIODS]
        period = next((p.text for p in shape.per or () if p.text in PERIODS), "")
        dated = next((h.name for t in (before, after) for h in t.holes if h.format), "")
        if period and not dated:
            self.desk.say("rule.number-period", text.where, period=period)
        return NumberRule(
            before, after, len(digits[0][1]), "submit" if shape.at == "submit" else "create", bool(shape.gapless),
            self.frame.fields(per, bones.path), cast(Any, period), dated,
        )  # fmt: skip

    # checks, keys, access ---------------------------------------------------------------------------------------

    def check(self, bones: Skeleton, name: str, shape: shapes.Check, look: Look) -> Check:
        none = self.desk.find("entities", shape.none, bones.module) if shape.none else ""
        rows = Look(look.module, bones.path, rows=none, slot="where")
        words = Look(look.module, bones.path, found=none, extra=("loop",), slot="message")
        level = self.level(shape.level, look)
        that = self.speech.maybe(shape.that, look)
        if not shape.message and not shape.title and level.literal == "error" and not level.expr:
            self.desk.say("rule.message", shape.place)
        return Check(
            f"{bones.path}.{name}", name, label(shape.title, language_of(bones.one), name),
            that=that, none=none, rows=self.speech.expression(shape.where, rows, "boolean") if none else None,
            when=self.speech.maybe(shape.when, look), level=level, at=cast(Any, shape.at or "always"),
            reason=bool(shape.reason), override=self.desk.role_names(shape.override),
            lock=self.frame.fields(shape.lock, bones.path),
            message=self.speech.message(shape.message, words, language_of(bones.one)),
            fields=self.frame.fields(shape.fields, bones.path), where=shape.place,
        )  # fmt: skip

    def level(self, text: Scalar | None, look: Look) -> Value:
        if text is None:
            return Value("error")
        found = self.speech.value(text, look, _LEVEL)
        if found.expr is None and found.literal not in ("error", "warning"):
            self.desk.say("shape.word", text.where, NO_HINT, key="level", words="error, warning", found=text.text)
        return found

    def unique(self, bones: Skeleton, name: str, shape: shapes.Unique, look: Look) -> Unique:
        fields = []
        for item in shape.fields or ():
            path = self.frame.path(item, bones.path)
            bone = bones.bones.get(item.text)
            why = None
            if bone is not None and bone.shape is not None:
                lines = Label("它含明细", "it holds lines") if bone.spec.type == "lines" else None
                why = Label("它是实时计算的", "it is live") if bone.shape.live else lines
            elif "." in item.text:
                why = Label("它属于另一条记录", "it is another record's")
            if why is not None:
                self.desk.say("rule.key-field", item.where, field=item.text, why=why)
            if path:
                fields.append(path)
        return Unique(
            name, tuple(fields), self.speech.maybe(shape.where, look), cast(Any, shape.nulls or "distinct"),
            self.speech.message(shape.message, look, language_of(bones.one)), shape.place,
        )  # fmt: skip

    def access(self, bones: Skeleton, name: str, shape: shapes.Access, look: Look) -> Access:
        role = self.desk.role(Scalar(name, shape.place))
        look = replace(look, role=role)
        rules = {
            verb: self.rule(getattr(shape, verb), look, bones)
            for verb in ("create", "read", "update", "delete", "export", "act")
        }
        if shape.act is False:
            rules["act"] = False
        for item in shape.mask or ():
            bone = bones.bones.get(item.text)
            if bone is not None and bone.spec.type not in MASKABLE:
                self.desk.say("rule.mask", item.where, field=item.text, type=bone.spec.type)
        hide, mask, fixed = (self.frame.fields(f, bones.path) for f in (shape.hide, shape.mask, shape.readonly))
        return Access(role, hide=hide, mask=mask, readonly=fixed, where=shape.place, **rules)

    def rule(self, found: bool | Scalar | None, look: Look, bones: Skeleton) -> bool | Expr | None:
        if isinstance(found, Scalar):
            said = len(self.desk.problems)
            found = self.scopes.rule(found, bones)
            if len(self.desk.problems) > said or self.desk.sleeps:
                return None
        if isinstance(found, Scalar):
            return self.speech.expression(found, look, "boolean")
        return True if found else None

    def ledger(self, bones: Skeleton, shape: shapes.Ledger) -> Ledger:
        for key, needed, types in (
            ("period", "a month field", ("month",)),
            ("date", "a date field", ("date", "datetime")),
        ):
            name = getattr(shape, key)
            if name is not None and self.frame.path(name, bones.path):
                bone = bones.bones.get(name.text)
                if bone is None or bone.spec.type not in types:
                    found = f"a {bone.spec.type}" if bone else "the engine's"
                    self.desk.say("rule.ledger-field", name.where, key=key, needed=needed, field=name.text, found=found)
        closed = self.closed_by(bones, shape)
        rows = Look(bones.module, bones.path, rows=closed, slot="where")
        return Ledger(
            shape.period.text if shape.period else "", shape.date.text if shape.date else "", closed,
            self.speech.maybe(shape.where, rows) if closed else None,
        )  # fmt: skip

    def closed_by(self, bones: Skeleton, shape: shapes.Ledger) -> str:
        """A ledger without its closing entity stays a ledger; nothing closes its periods then."""
        if shape.closed_by is None:
            return ""
        name = shape.closed_by
        return self.frame.quietly(lambda: self.desk.find("entities", name, bones.module))


def owned(frame: Frame) -> None:
    """Lines and their owners agree: every owned entity is held by one lines field of its owner."""
    _no_ring(frame)
    for skeleton in frame.of.values():
        for bone in skeleton.bones.values():
            child = frame.of.get(bone.spec.target) if bone.spec.type == "lines" else None
            if child is None:
                continue
            if child.cut or skeleton.cut:
                continue
            if child.owner != skeleton.path:
                frame.desk.say("rule.not-owned", bone.where, lines=bone.name, entity=child.name, owner=skeleton.name)
            elif child.owned_as:
                frame.desk.say("rule.two-lines", bone.where, entity=child.name, one=child.owned_as, other=bone.name)
            else:
                child.owned_as = bone.name
    for skeleton in frame.of.values():
        owner = frame.of.get(skeleton.owner)
        if owner is not None and not skeleton.owned_as:
            if any(
                frame.desk.is_gone(f"{owner.module}.entities.{owner.name}.fields.{f}") for f in owner.shape.fields or {}
            ):
                continue
            frame.desk.say("rule.no-lines", skeleton.shape.place, entity=skeleton.name, owner=owner.name)


def _no_ring(frame: Frame) -> None:
    """Owners in a ring are said and cut, so that going up always ends."""
    for skeleton in frame.of.values():
        ring = [skeleton]
        while (owner := frame.of.get(ring[-1].owner)) is not None and owner not in ring:
            ring.append(owner)
        if owner is skeleton:
            shown = " → ".join(s.name for s in (*ring, skeleton))
            frame.desk.say("rule.owner-ring", skeleton.shape.place, ring=shown)
            for member in ring:
                member.owner, member.cut = "", True


def state_options(frame: Frame) -> None:
    """Gives every entity with a workflow its states, so that paths and expressions know `state`."""
    for one, noun in frame.desk.things["workflows"].values():
        if noun.of is None:
            continue
        module = one.key
        for path in (f"{module}.{noun.of.text}", noun.of.text):
            skeleton = frame.of.get(path)
            if skeleton is not None and (noun.field is None or noun.field.text == WORKFLOW_FIELD):
                from_states = noun.states or {}
                skeleton.states = tuple(
                    Option(name, label(shape.title, language_of(one), name)) for name, shape in from_states.items()
                )
                break
