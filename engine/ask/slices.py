"""What a question about figures asks for, names resolved: sources, dimensions, measures, as typed expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from engine.ask import access, dated, expressions
from engine.ask.build import Build
from engine.ask.codes import CODES
from engine.ask.facts import unknown
from engine.ask.symbols import AggregationSymbol, DimensionSymbol, MeasureSymbol, SourceSymbol
from engine.expr.build.api import Expr, make_expr
from engine.expr.build.scope import Scope
from engine.expr.build.tree import Measure, Node, walk
from engine.expr.run.types import Type
from engine.plan.entity import Entity
from engine.plan.question import FigureQuestion
from engine.problem import Problem, Problems, problem

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dimension:
    """A way the figures are split: ``by`` says how, per source; a source without it is not split."""

    name: str
    kind: str
    scale: int
    target: str
    by: Mapping[str, Expr]
    spans: str = ""
    """Of a tree: the relation (top, node) of which each top stands for its nodes."""
    walk: str = ""
    """Of a tree: the relation of each record's level and its path from the top."""
    pairs: str = ""
    """Of a tree: the relation (top, node) of all of it."""
    whole: bool = False
    """Whether every record of the tree is shown, and with them what is of none."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A measure of the answer."""

    name: str
    expr: Expr


@dataclass(frozen=True, slots=True)
class Slice:
    """``known`` are all measures by name, those that shown ones are made of among them. ``declared``: the pack's own
    aggregation, whose expressions see every record they pass through; only its sources' rows are the reader's."""

    name: str
    sources: Mapping[str, SourceSymbol]
    entities: Mapping[str, Entity]
    dimensions: tuple[Dimension, ...]
    shown: tuple[Shown, ...]
    known: Mapping[str, MeasureSymbol]
    by_name: Mapping[str, Dimension]
    module: str
    declared: bool
    wide: bool = False
    fill: tuple[str, ...] = ()

    def scope(self, build: Build) -> Scope:
        """Where expressions over measures stand."""
        types: dict[str, Type] = {name: m.expr.type for name, m in self.known.items()}
        types |= {s.name: s.expr.type for s in self.shown}
        sources = {name: s.of for name, s in self.sources.items()}
        return Scope(expressions.reader_world(build), self.module, sources=sources, measures=types)


def resolve(build: Build, question: FigureQuestion) -> Slice:
    made = _declared(build, question) if question.aggregation else _ad_hoc(build, question)
    _refuse_twice([*(d.name for d in made.dimensions), *(s.name for s in made.shown)])
    if not made.shown:
        raise Problems([problem(CODES["ask.no-measures"])])
    return made


def _declared(build: Build, question: FigureQuestion) -> Slice:
    known = build.facts.symbols.aggregations
    found = known.get(question.aggregation)
    if found is None:
        raise Problems([unknown("ask.unknown-figure", question.aggregation, known)])
    if question.as_of:
        found = dated.as_of(found)
    entities = {name: build.facts.entity(s.of) for name, s in found.sources.items()}
    if not found.wide:
        for entity in entities.values():
            access.refuse_closed(build, entity)
    measures = {name: m for name, m in found.measures.items() if not build.figure_hidden(found.measures, m)}
    by_name = {d.name: _own_dimension(found, d) for d in found.dimensions.values() if not _unseen(build, found, d)}
    module = found.path.partition(".")[0]
    bare = Slice(found.path, found.sources, entities, (), (), measures, by_name, module, True, found.wide, found.fill)
    wrong = _Wrong()
    dimensions = [wrong.catch(_dimension_of, build, bare, name, text) for name, text in question.by]
    asked = question.measures or tuple((n, n) for n in measures)
    shown = [wrong.catch(_measure_of, build, bare, name, text) for name, text in asked]
    wrong.raise_all()
    return _filled(bare, dimensions, shown)


def _ad_hoc(build: Build, question: FigureQuestion) -> Slice:
    entity = build.facts.entity(question.entity)
    access.refuse_closed(build, entity)
    sources = {"": SourceSymbol("", entity.path, {})}
    bare = Slice(entity.path, sources, {"": entity}, (), (), {}, {}, entity.module, False)
    wrong = _Wrong()
    dimensions = [wrong.catch(_split_by, build, bare, name, text) for name, text in question.by]
    known: dict[str, MeasureSymbol] = {}
    shown: list[Shown | None] = []
    for name, text in question.measures:
        here = Slice(entity.path, sources, {"": entity}, (), (), dict(known), {}, entity.module, False)
        made = wrong.catch(_measure_of, build, here, name, text)
        shown.append(made)
        if made is not None and name.isidentifier():
            kind, scale = made.expr.type.storage
            known[name] = MeasureSymbol(name, made.expr, kind, scale)
    wrong.raise_all()
    return _filled(
        Slice(entity.path, sources, {"": entity}, (), (), known, {}, entity.module, False), dimensions, shown
    )


def _filled(bare: Slice, dimensions: Iterable[Dimension | None], shown: Iterable[Shown | None]) -> Slice:
    given = tuple(d for d in dimensions if d is not None)
    return Slice(
        bare.name, bare.sources, bare.entities, given, tuple(s for s in shown if s is not None), bare.known,
        bare.by_name or {d.name: d for d in given}, bare.module, bare.declared, bare.wide, bare.fill,
    )  # fmt: skip


def _own_dimension(found: AggregationSymbol, made: DimensionSymbol) -> Dimension:
    by = {name: s.by[made.name] for name, s in found.sources.items() if made.name in s.by}
    return Dimension(made.name, made.kind, made.scale, made.target, by)


def _dimension_of(build: Build, bare: Slice, name: str, text: str) -> Dimension:
    """A declared dimension, or a field of what one refers to (``project.region``)."""
    head, _, rest = text.strip().partition(".")
    found = bare.by_name.get(head)
    if found is None:
        raise Problems([unknown("ask.unknown-dimension", text, bare.by_name, figure=bare.name)])
    if not rest:
        return Dimension(name, found.kind, found.scale, found.target, found.by)
    by = {}
    for source, expr in found.by.items():
        if not expr.path or not found.target:
            raise Problems([problem(CODES["ask.not-a-reference"], name=head)])
        scope = expressions.reader_scope(build, bare.entities[source])
        by[source] = expressions.typed(f"{expr.path}.{rest}", scope, slot="by")
    return _dimension(name, by)


def _split_by(build: Build, bare: Slice, name: str, text: str) -> Dimension:
    scope = Scope(expressions.reader_world(build), bare.module, bare.entities[""].path, dimension=True)
    return _dimension(name, {"": expressions.typed(text, scope, slot="by")})


def _dimension(name: str, by: Mapping[str, Expr]) -> Dimension:
    type_ = next(iter(by.values())).type
    kind, scale = type_.storage
    if kind == "json" or type_.kind in ("rows", "null"):
        raise Problems([problem(CODES["ask.not-a-dimension"], name=name, kind=type_)])
    return Dimension(name, kind, scale, type_.entity if type_.kind == "ref" else "", by)


def _measure_of(build: Build, bare: Slice, name: str, text: str) -> Shown:
    """A measure by name, or an expression over measures and aggregates of the sources' rows."""
    plain = text.strip()
    known = bare.known.get(plain)
    if known is not None:
        # By its name, not by what it is made of: it may have a grain of its own.
        return Shown(name, make_expr(plain, Measure(known.expr.type, plain)))
    if plain.isidentifier() and bare.declared:
        raise Problems([unknown("ask.unknown-measure", plain, bare.known, figure=bare.name)])
    return Shown(name, expressions.typed(text, bare.scope(build), slot="measures"))


def closure(made: Slice, trees: Iterable[Node]) -> tuple[MeasureSymbol, ...]:
    """The measures that these are made of, directly or not."""
    out: dict[str, MeasureSymbol] = {}
    todo = [n.name for tree in trees for n in walk(tree) if isinstance(n, Measure)]
    while todo:
        name = todo.pop()
        if name not in out:
            out[name] = made.known[name]
            todo += [n.name for n in walk(made.known[name].expr.tree) if isinstance(n, Measure)]
    return tuple(out.values())


def _unseen(build: Build, found: AggregationSymbol, made: DimensionSymbol) -> bool:
    return any(build.reads_hidden(s.by[made.name]) for s in found.sources.values() if made.name in s.by)


def _refuse_twice(names: list[str]) -> None:
    again = sorted({n for n in names if names.count(n) > 1})
    if again:
        raise Problems([problem(CODES["ask.twice"], name=n) for n in again])


class _Wrong:
    """Gathers what is wrong, so that all is told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def catch(self, make: Callable[P, T], *args: P.args, **more: P.kwargs) -> T | None:
        try:
            return make(*args, **more)
        except Problems as found:
            self.problems += found.problems
            return None

    def raise_all(self) -> None:
        if self.problems:
            raise Problems(self.problems)
