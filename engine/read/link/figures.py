"""Aggregations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from engine.catalog import Aggregation, Dimension, Measure, Rollup, Source
from engine.expr.build.api import Expr
from engine.label import Label
from engine.problem import NO_HINT
from engine.read.link.desk import Desk
from engine.read.link.structure import Frame, label, language_of
from engine.read.link.timed import MONTHS, TIMES, Timed
from engine.read.link.words import Look, Speech
from engine.read.shape import figures as shapes
from engine.read.switched import Written
from engine.read.tree import Scalar

_PLAIN = re.compile(r"[a-z_][a-z0-9_.]*")


@dataclass(slots=True)
class Figures:
    frame: Frame
    speech: Speech

    @property
    def desk(self) -> Desk:
        return self.frame.desk

    def aggregation(self, one: Written, path: str, shape: shapes.Aggregation) -> Aggregation | None:
        name = path.partition(".")[2]
        prefix = f"{one.key}.aggregations.{name}"
        sources: dict[str, Source] = {}
        dimensions: dict[str, Dimension] = {}
        written = shape.sources or {"": shapes.Source(shape.place, shape.of, None, shape.by)}
        for source, noun in written.items():
            made = self.desk.part(
                f"{prefix}.sources.{source}" if source else prefix, noun.place,
                self.source, one, source, noun, shape.where, dimensions,
            )  # fmt: skip
            if made is not None:
                sources[source] = made
        if not sources:
            # everything it counts is asleep or broken, and so is it
            why = next((w for p, (w, _) in self.desk.asleep.parts.items() if p.startswith(prefix)), "")
            self.desk.sleep(why)
            return None
        for along in (s.spread.along for s in sources.values() if s.spread is not None):
            dimensions.setdefault(along, Dimension(along, MONTHS, "month", where=shape.place))
        measures = self.measures(one, prefix, shape, sources)
        fill = tuple(n.text for n in shape.fill or () if self.dimension(n, dimensions, path))
        rollups: dict[str, Rollup] = {}
        for rollup, kept in (shape.rollups or {}).items():
            declared = {d for noun in written.values() for d in noun.by or {}}
            found = self.desk.part(
                f"{prefix}.rollups.{rollup}", kept.place, self.rollup, rollup, kept, dimensions, declared, path
            )
            if found is not None:
                rollups[rollup] = found
        return Aggregation(
            path, one.key, name, label(shape.title, language_of(one), name), sources, dimensions, measures, fill,
            bool(shape.wide), rollups, shape.place,
        )  # fmt: skip

    def rollup(
        self, name: str, shape: shapes.Rollup, dimensions: Mapping[str, Dimension], declared: set[str], path: str
    ) -> Rollup | None:
        """A dimension that only a sleeping source has is left out with it."""
        awake = [n for n in shape.by or () if n.text in dimensions or n.text not in declared]
        known = dict.fromkeys(n.text for n in awake if self.dimension(n, dimensions, path))
        return Rollup(name, tuple(known), shape.place) if known else None

    def source(
        self, one: Written, name: str, shape: shapes.Source, where: Scalar | None, dimensions: dict[str, Dimension]
    ) -> Source | None:
        of = self.desk.find("entities", shape.of, one.key)
        if of not in self.frame.of:
            self.desk.broken = True
            return None
        look = Look(one.key, of)
        by: dict[str, Expr] = {}
        for dimension, noun in (shape.by or {}).items():
            expr = self.value(dimension, noun, look)
            if expr is not None and noun.ageing is not None:
                expr = Timed(self.desk, self.speech).aged(dimension, noun, expr)
            if expr is not None:
                by[dimension] = expr
                self.declare(dimension, noun, expr, of, dimensions, language_of(one))
        timed = Timed(self.desk, self.speech)
        place = replace(look, slot="dimension")
        spread = timed.spread(shape.spread, by, place) if shape.spread is not None else None
        if shape.shift is not None:
            by = timed.shifted(shape.shift, by, place)
        rows = self.speech.maybe(shape.where, look)
        if where is not None:
            both = self.speech.maybe(where, look)
            if rows is not None and shape.where is not None:
                joined = f"({shape.where.text}) AND ({where.text})"
                both = self.speech.parse(joined, look, "boolean", shape.where.where)
            rows = both
        return Source(name, of, by, rows, spread, shape.place)

    def value(self, name: str, shape: shapes.Dimension, look: Look) -> Expr | None:
        text = shape.compute
        if text is None:
            self.desk.broken = True
            return None
        expr = self.speech.expression(text, replace(look, slot="dimension"))
        if expr is not None and type_of(expr)[0] in ("decimal", "json", "money", "price", "quantity", "percent"):
            kind = type_of(expr)[0]
            why = Label(f"它是 {kind}", f"it is {article(kind)}")
            self.desk.say("rule.dimension", text.where, NO_HINT, text=text.text, why=why, meant="")
        return expr

    def declare(
        self, name: str, shape: shapes.Dimension, expr: Expr, of: str, into: dict[str, Dimension], language: str
    ) -> None:
        """The dimension as all sources share it; the first source's field gives its title and options."""
        bands = shape.ageing or ()
        if name in into:
            if into[name].bands != bands:
                why = Label("另一来源的分档不同", "another source has other bands")
                self.desk.say("rule.ageing", shape.place, name=name, why=why)
            return
        text = shape.compute.text if shape.compute else ""
        bone, field = None, ""
        if _PLAIN.fullmatch(text) and not bands:
            holder = self.frame.of[of]
            bone = self.frame.bone(text, of)
            if bone is not None:
                owner = text.rpartition(".")[0]
                at = self.target(owner, of) if owner else holder.path
                field = f"{at}.{bone.name}" if at else ""
        title = label(shape.title, language) if shape.title else (bone.title if bone else label(None, language, name))
        kind, _, target = type_of(expr)
        into[name] = Dimension(name, title, bone.spec.type if bone else kind, target, field, bands, shape.place)

    def target(self, path: str, of: str) -> str:
        bone = self.frame.bone(path, of)
        if bone is not None:
            return bone.spec.target
        skeleton = self.frame.of[of]
        return skeleton.owner if path == skeleton.owner.rpartition(".")[2] else ""

    def measures(
        self, one: Written, prefix: str, shape: shapes.Aggregation, sources: Mapping[str, Source]
    ) -> dict[str, Measure]:
        out: dict[str, Measure] = {}
        written = shape.measures or {}
        dimensions = {d for source in sources.values() for d in source.by}
        timed = (d for source in sources.values() for d, by in source.by.items() if type_of(by)[0] in TIMES)
        times = tuple(dict.fromkeys(timed))
        multi = tuple((name, source.of) for name, source in sources.items())
        sleeping = [name for name in shape.sources or {} if name not in sources]
        look = Look(one.key, multi[0][1], slot="measures", sources=multi)
        order = self.in_order(written)
        for name in order:
            noun = written[name]
            if noun.compute is not None and (
                any(re.search(rf"\b{s}\.", noun.compute.text) for s in sleeping if s)
                or any(self.desk.asleep.parts.get(f"{prefix}.measures.{m}") for m in words(noun.compute.text))
            ):
                why = next(iter(w for p, (w, _) in self.desk.asleep.parts.items() if p.startswith(prefix)), "")
                self.desk.asleep.add(f"{prefix}.measures.{name}", why, noun.place)
                continue
            made = self.desk.part(
                f"{prefix}.measures.{name}", noun.place,
                self.measure, name, noun, look, dimensions, times, language_of(one), written, out, sources,
            )  # fmt: skip
            if made is not None:
                out[name] = made
        return {name: out[name] for name in written if name in out}

    def in_order(self, written: Mapping[str, shapes.Measure]) -> list[str]:
        """Measures after those they use; a ring is said, and its measures left out."""
        out: list[str] = []
        trail: list[str] = []
        told: set[str] = set()

        def visit(name: str) -> None:
            if name in out or name in told:
                return
            if name in trail:
                ring = trail[trail.index(name) :]
                self.desk.say("rule.measure-ring", written[name].place, ring=" → ".join((*ring, name)))
                told.update(ring)
                return
            trail.append(name)
            noun = written[name]
            for used in self.uses(noun, written, name):
                visit(used)
            trail.pop()
            if name not in told:
                out.append(name)

        for name in written:
            visit(name)
        return out

    def uses(self, shape: shapes.Measure, written: Mapping[str, object], own: str) -> list[str]:
        """The measures an expression names outside its aggregates, in order."""
        text = outside_aggregates(shape.compute.text if shape.compute else "")
        return [word for word in dict.fromkeys(words(text)) if word in written]

    def measure(
        self, name: str, shape: shapes.Measure, look: Look, dimensions: set[str], times: Sequence[str], language: str,
        written: Mapping[str, shapes.Measure], done: Mapping[str, Measure], sources: Mapping[str, Source],
    ) -> Measure | None:  # fmt: skip
        uses = tuple(self.uses(shape, written, name))
        known = tuple((m.name, m.expr.type) for m in done.values())
        place = Look(look.module, look.record, slot="measures", sources=look.sources, typed=known)
        expr = self.speech.expression(shape.compute, place, "figure")
        if expr is None:
            return None
        if any(source.spread for source in sources.values()):
            expr = Timed(self.desk, self.speech).laid_out(name, expr, sources, shape.place)
        for each in shape.each or ():
            if each.text not in dimensions:
                self.desk.say("rule.each-dimension", each.where, name=each.text)
        if shape.running is not None and shape.running.text not in dimensions:
            self.desk.unknown("dimension", shape.running, dimensions)
        kind, scale, _ = type_of(expr)
        if (shape.each or shape.running or shape.stock) and expr.type.kind not in ("integer", "decimal"):
            self.desk.say("rule.measure-sum", shape.place, name=name, type=kind)
        along = shape.running.text if shape.running else self.time(name, shape, times) if shape.stock else ""
        return Measure(
            name, self.title(name, shape, look, language), expr, kind, scale, uses,
            tuple(e.text for e in shape.each or ()), shape.running.text if shape.running else "",
            cast(Any, shape.stock or ""), shape.unit.text if shape.unit else "", along, shape.place,
        )  # fmt: skip

    def time(self, name: str, shape: shapes.Measure, times: Sequence[str]) -> str:
        """The one time dimension along which a balance is not summed."""
        if len(times) != 1:
            found = ", ".join(times) or "–"
            self.desk.say("rule.stock-time", shape.place, name=name, found=found)
            return ""
        return times[0]

    def title(self, name: str, shape: shapes.Measure, look: Look, language: str) -> Label:
        """As written; left out, the title of the one field it sums."""
        if shape.title is not None or shape.compute is None:
            return label(shape.title, language, name)
        found = re.fullmatch(r"\s*SUM\(\s*([a-z_][a-z0-9_]*)\s*\)\s*", shape.compute.text)
        bone = self.frame.of[look.record].bones.get(found[1]) if found and len(look.sources) == 1 else None
        return bone.title if bone is not None else label(None, language, name)

    def dimension(self, name: Scalar, dimensions: Mapping[str, Dimension], path: str) -> bool:
        if name.text not in dimensions:
            self.desk.unknown("dimension", name, dimensions, f"`{path}`")
        return name.text in dimensions


_QUOTED = re.compile(r"'(?:[^']|'')*'")
_AGGREGATE = re.compile(r"\b(SUM|COUNT|AVG|MIN|MAX|EXISTS|FIRST)\s*\(", re.IGNORECASE)


def words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z_][A-Za-z0-9_]*", _QUOTED.sub("''", text))


def outside_aggregates(text: str) -> str:
    """The text without what stands inside aggregates: names there are fields, not measures."""
    plain = _QUOTED.sub("''", text)
    while found := _AGGREGATE.search(plain):
        depth, end = 1, found.end()
        while end < len(plain) and depth:
            depth += {"(": 1, ")": -1}.get(plain[end], 0)
            end += 1
        plain = plain[: found.start()] + "0" + plain[end:]
    return plain


def type_of(expr: Expr) -> tuple[str, int, str]:
    """An expression's type, scale and (of a reference) target."""
    found = expr.type
    return found.kind, found.scale, found.entity


def article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
