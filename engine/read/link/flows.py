"""Workflows, postings, controls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, cast

from engine.catalog import Control, Each, Outcome, People, Posting, State, Step, Timeout, Transition, Value, Workflow
from engine.catalog.flow import LEVELS
from engine.fieldtypes import Spec
from engine.fieldtypes.spec import Option
from engine.label import Label
from engine.problem import NO_HINT, Where, write_instead
from engine.read.link.desk import WORKFLOW_FIELD, Desk
from engine.read.link.structure import Frame, label, language_of
from engine.read.link.words import Look, Speech
from engine.read.shape import flow as shapes
from engine.read.shape.noun import place_of
from engine.read.switched import Written
from engine.read.tree import Scalar

_EACH = re.compile(r"([a-z][a-z0-9_.]*)\s+BY\s+(.+?)(?:\s+WHERE\s+(.+))?", re.IGNORECASE | re.DOTALL)
DECISIONS = ("approve", "reject", "return", "withdraw")
_SHARE = Spec("percent")
_SWITCH = Spec("boolean")
_LEVELS = Spec("choice", options=tuple(Option(name, Label(name, name)) for name in LEVELS))


@dataclass(slots=True)
class Flows:
    frame: Frame
    speech: Speech

    @property
    def desk(self) -> Desk:
        return self.frame.desk

    # workflows --------------------------------------------------------------------------------------------------

    def workflow(self, one: Written, path: str, shape: shapes.Workflow) -> Workflow | None:
        of = self.desk.find("entities", shape.of, one.key)
        if of not in self.frame.of:
            self.desk.broken = True
            return None
        prefix = f"{one.key}.workflows.{path.partition('.')[2]}"
        field = shape.field.text if shape.field else WORKFLOW_FIELD
        if shape.field is not None:
            self.frame.path(shape.field, of)
        look = Look(one.key, of)
        language = language_of(one)
        steps, transitions = {}, {}
        for name, step in (shape.steps or {}).items():
            made = self.desk.part(f"{prefix}.steps.{name}", step.place, self.step, name, step, look, language)
            if made is not None:
                steps[name] = made
        states = self.states(shape, language)
        for name, move in (shape.transitions or {}).items():
            found = self.desk.part(
                f"{prefix}.transitions.{name}",
                move.place,
                self.transition,
                name,
                move,
                states,
                look,
                language,
            )
            if found is not None:
                transitions[name] = found
        name = path.partition(".")[2]
        approved, rejected = (self.outcome(o, states, look) for o in (shape.approved, shape.rejected))
        return Workflow(
            path, one.key, name, label(shape.title, language, name), of, field,
            states, transitions, steps, approved, rejected,
            cast(Any, shape.withdraw or ""), shape.place,
        )  # fmt: skip

    def states(self, shape: shapes.Workflow, language: str) -> dict[str, State]:
        written = shape.states or {}
        initial = [name for name, s in written.items() if s.initial] or list(written)[:1]
        for other in initial[1:]:
            self.desk.say("rule.two-initial", written[other].place, one=initial[0], other=other)
        effective = shape.approved.to.text if shape.approved and shape.approved.to else ""
        return {
            name: State(
                name, label(s.title, language, name), name in initial[:1],
                s.editable if s.editable is not None else name in initial[:1],
                s.effective if s.effective is not None else name == effective, s.place,
            )
            for name, s in written.items()
        }  # fmt: skip

    def state(self, name: Scalar | None, states: dict[str, State]) -> str:
        if name is None:
            self.desk.broken = True
            return ""
        if name.text not in states:
            self.desk.unknown("state", name, states)
            return ""
        return name.text

    def transition(
        self, name: str, shape: shapes.Transition, states: dict[str, State], look: Look, language: str
    ) -> Transition:
        if name in DECISIONS:
            why = Label("引擎的审批用它作决定", "the engine's approvals decide by it")
            self.desk.say("shape.reserved", shape.place, NO_HINT, name=name, why=why)
        return Transition(
            name, label(shape.title, language, name), tuple(self.state(s, states) for s in shape.from_ or ()),
            self.state(shape.to, states), self.speech.people(shape.by, look), self.speech.maybe(shape.when, look),
            bool(shape.reason), self.frame.fields(shape.require, look.record),
            self.speech.values(shape.set, look, look.record), shape.approval.text if shape.approval else "",
            bool(shape.auto), shape.place,
        )  # fmt: skip

    def step(self, name: str, shape: shapes.Step, look: Look, language: str) -> Step:
        share = str(Decimal(shape.mode[:-1]) / 100) if shape.mode and shape.mode.endswith("%") else ""
        when = replace(look, slot="when")
        return Step(
            name, label(shape.title, language, name), self.speech.people(shape.assign, look),
            cast(Any, "share" if share else shape.mode or "any"), share, self.speech.maybe(shape.when, when),
            self.frame.fields(shape.edit, look.record), self.frame.fields(shape.require, look.record),
            self.speech.values(shape.set, look, look.record), self.timeout(shape.timeout, look),
            self.speech.people(shape.cc, look), shape.place,
        )  # fmt: skip

    def timeout(self, shape: shapes.Timeout | None, look: Look) -> Timeout | None:
        if shape is None:
            return None
        to: tuple[People, ...] = self.speech.people(shape.to, look)
        return Timeout(shape.after or 0, cast(Any, shape.do or "remind"), to)

    def outcome(self, shape: shapes.Outcome | None, states: dict[str, State], look: Look) -> Outcome | None:
        if shape is None:
            return None
        return Outcome(self.state(shape.to, states), self.speech.values(shape.set, look, look.record), shape.place)

    # postings and controls --------------------------------------------------------------------------------------

    def posting(self, one: Written, path: str, shape: shapes.Posting) -> Posting | None:
        of = self.desk.find("entities", shape.of, one.key)
        into = self.desk.find("entities", shape.into, one.key)
        if of not in self.frame.of or into not in self.frame.of:
            self.desk.broken = True
            return None
        name = path.partition(".")[2]
        look = Look(one.key, of)
        ledger = self.frame.of[into]
        if ledger.shape.ledger is None and shape.into is not None:
            self.desk.say("rule.ledger", shape.into.where, entity=shape.into.text)
        each = self.each(shape.each, one.key, of) if shape.each else None
        values_look = Look(one.key, of, rows=each.entity, slot="set") if each else look
        return Posting(
            path, one.key, name, label(shape.title, language_of(one), name), of,
            self.speech.expression(shape.while_, look, "boolean"), into,
            self.speech.values(shape.set, values_look, into), each, self.frame.fields(shape.lock, of), shape.place,
        )  # fmt: skip

    def each(self, text: Scalar, module: str, of: str) -> Each | None:
        found = _EACH.fullmatch(text.text.strip())
        if found is None:
            self.desk.say("link.each", text.where, text=text.text)
            return None
        entity = self.desk.find("entities", Scalar(found[1], text.where), module)
        if not entity:
            return None
        look = Look(module, of, rows=entity, slot="each")

        def at(group: int) -> Where:
            return Where(text.where.file, text.where.line, text.where.column + found.start(group))

        by = [self.speech.parse(part.strip(), look, None, at(2)) for part in found[2].split(",")]
        rows = self.speech.parse(found[3], look, "boolean", at(3)) if found[3] else None
        return Each(entity, tuple(b for b in by if b is not None), rows)

    def control(self, one: Written, path: str, shape: shapes.Control) -> Control | None:
        of = self.desk.find("entities", shape.of, one.key)
        if of not in self.frame.of:
            self.desk.broken = True
            return None
        if self.frame.of[of].shape.ledger is None and shape.of is not None:
            self.desk.say("rule.ledger", shape.of.where, entity=shape.of.text)
        name = path.partition(".")[2]
        look = Look(one.key, of)
        words = replace(look, extra=("limit", "value", "delta", "gap"), slot="message")
        key = self.frame.fields(shape.key, of)
        levels = self.levels(shape.levels, key, look)
        return Control(
            path, one.key, name, label(shape.title, language_of(one), name), of, key,
            self.figure(shape.value, one.key), self.figure(shape.limit, one.key), self.speech.maybe(shape.when, look),
            self.speech.maybe_value(shape.warn, look, _SHARE), self.speech.maybe_value(shape.block, look, _SHARE),
            self.speech.maybe_value(shape.inclusive, look, _SWITCH), levels,
            tuple(str(s) for s in shape.stages or ("submit", "approve")), self.desk.role_names(shape.override),
            self.frame.fields(shape.lock, of) or key, self.speech.message(shape.message, words, language_of(one)),
            shape.place,
        )  # fmt: skip

    def levels(self, texts: Mapping[str, Scalar] | None, key: tuple[str, ...], look: Look) -> dict[str, Value]:
        """Only a reference to a tree has nodes above it."""
        out = {}
        for name, text in (texts or {}).items():
            bone = self.frame.bone(name, look.record) if name in key else None
            target = self.frame.of.get(bone.spec.target) if bone is not None else None
            if target is None or not target.shape.tree:
                self.desk.say("link.levels", place_of(texts or {}, name), name=name, key=", ".join(key))
            else:
                out[name] = self.speech.value(text, look, _LEVELS)
        return out

    def figure(self, name: Scalar | None, module: str) -> tuple[str, str]:
        """`cost.used` → (`cost_center.cost`, `used`)."""
        return figure(self.desk, name, module)


def figure(desk: Desk, name: Scalar | None, module: str) -> tuple[str, str]:
    if name is None or "." not in name.text:
        if name is not None:
            desk.say("link.unknown", name.where, write_instead("`aggregation.measure`"), kind="figure", name=name.text)
        return "", ""
    text, _, measure = name.text.rpartition(".")
    path = desk.find("aggregations", Scalar(text, name.where), module)
    if path:
        desk_measure(desk, path, Scalar(measure, name.where))
    return path, measure


def desk_measure(desk: Desk, path: str, name: Scalar) -> str:
    """A measure of an aggregation by name, judged."""
    one, shape = desk.things["aggregations"][path]
    prefix = f"{one.key}.aggregations.{path.partition('.')[2]}.measures"
    if name.text in (shape.measures or {}) and not desk.is_gone(f"{prefix}.{name.text}"):
        return name.text
    if not desk.missing(f"{prefix}.{name.text}"):
        desk.unknown("measure", name, shape.measures or {}, f"`{path}`")
    return ""


def desk_dimension(desk: Desk, path: str, name: Scalar) -> str:
    """A dimension of an aggregation by name, judged."""
    one, shape = desk.things["aggregations"][path]
    prefix = f"{one.key}.aggregations.{path.partition('.')[2]}"
    known = [n for by in (shape.by, *(s.by for s in (shape.sources or {}).values())) for n in by or {}]
    if name.text in known:
        return name.text
    for inner in (f"{prefix}.by.{name.text}", *(f"{prefix}.sources.{s}.by.{name.text}" for s in shape.sources or {})):
        if desk.missing(inner):
            return ""
    desk.unknown("dimension", name, dict.fromkeys(known), f"`{path}`")
    return ""
