"""The adapter between slots and the expression room: where a slot stands becomes a scope, what is wrong is noted."""

from __future__ import annotations

from collections.abc import Mapping

from engine.catalog import Aggregation
from engine.expr.build.api import Expr, parse_expression
from engine.expr.build.scope import Scope, Unavailable
from engine.expr.build.world import Figure, World
from engine.expr.run.types import BOOLEAN, TEXT, Type
from engine.fieldtypes import Spec
from engine.label import Label
from engine.problem import NO_HINT, Problems, Where
from engine.read.link.desk import Desk
from engine.read.link.figures import words
from engine.read.link.structure import Frame
from engine.read.link.words import Look, Parse
from engine.read.link.world import BROKEN, spec_type


def parser(desk: Desk, frame: Frame, world: World) -> Parse:
    """The one function through which every expression of a pack goes. Equal texts in equal places are typed once."""
    scopes: dict[Look, Scope] = {}
    typed: dict[tuple[str, Look, object], Expr] = {}
    gone = _gone_entities(desk)
    controls = {f"{name.partition('.')[2]}.result": TEXT for name in desk.things["controls"]}

    def parse(text: str, look: Look, expect: Spec | str | None, where: Where) -> Expr | None:
        at = (text, look, expect)
        found = typed.get(at)
        if found is not None:
            return found
        scope = scopes.get(look)
        if scope is None:
            scope = scopes[look] = _scope(look, world, controls)
        try:
            found = parse_expression(text, scope, _expected(expect), where)
        except Unavailable as waits:
            desk.sleep("" if waits.waits_for == BROKEN else waits.waits_for)
            return None
        except Problems as wrong:
            asleep = next((why for word in words(text) if (why := gone.get(word)) is not None), None)
            if asleep is not None:
                desk.sleep(asleep)
            else:
                desk.problems.extend(wrong.problems)
                desk.broken = True
            return None
        if expect == "reference" and found.type.kind != "ref":
            desk.say(
                "link.kind", where, NO_HINT, name=text, found=str(found.type), slot=Label("人员栏", "a people slot"),
                needed="a reference"
            )
            return None
        typed[at] = found
        return found

    return parse


def _gone_entities(desk: Desk) -> Mapping[str, str]:
    """The names of entities that are not there → what they wait for."""
    out = {}
    for path, (why, _) in desk.gone.parts.items():
        parts = path.split(".")
        if len(parts) == 3 and parts[1] == "entities":
            out[parts[2]] = why
    return out


def _scope(look: Look, world: World, controls: Mapping[str, Type]) -> Scope:
    extra: dict[str, str | Mapping[str, Type]] = {}
    if look.found:
        extra["found"] = look.found
    if look.slot == "when" and controls:
        extra["control"] = controls
    if look.slot == "measures":
        return Scope(
            world, look.module, look.record if len(look.sources) == 1 and not look.sources[0][0] else "",
            sources=dict(look.sources), measures=dict(look.typed),
        )  # fmt: skip
    return Scope(
        world, look.module, look.rows or look.record, look.record if look.rows else "", extra=extra, role=look.role,
        dimension=look.slot == "dimension", sql=look.slot != "message",
    )  # fmt: skip


def _expected(expect: Spec | str | None) -> Type | None:
    if isinstance(expect, Spec):
        return spec_type(expect)
    return BOOLEAN if expect == "boolean" else None


def figure_types(aggregations: Mapping[str, Aggregation]) -> dict[str, Figure]:
    """`module.aggregation.measure` → what FIGURE gives, and the dimensions it may be asked at."""
    out = {}
    for path, aggregation in aggregations.items():
        dims = {
            name: source.by[name].type
            for name in aggregation.dimensions
            for source in reversed(list(aggregation.sources.values()))
            if name in source.by
        }
        for measure in aggregation.measures.values():
            out[f"{path}.{measure.name}"] = Figure(measure.expr.type, dims, additive(measure.expr.text))
    return out


def additive(text: str) -> bool:
    """Whether nothing counts as 0: sums and counts do."""
    return text.strip().upper().startswith(("SUM(", "COUNT("))
