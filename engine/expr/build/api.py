"""An expression, ready for use: parsed, typed, and what others need to know of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from engine.expr.build.align import Report, expected
from engine.expr.build.parse import parse
from engine.expr.build.scope import Scope, Unavailable
from engine.expr.build.syntax import Name
from engine.expr.build.tokens import Source
from engine.expr.build.tree import Agg, Group, Measure, Node, Op, Path, Reach, facts_of, walk
from engine.expr.build.typing import Typer
from engine.expr.build.world import Attribute, Relation, World
from engine.expr.run.types import Type
from engine.problem import Problems, Where

MOST_INLINED = 2_000
"""Nodes of live values in one expression. A value named twice is one tree, but walked and written out twice: each that
is computed from the one before would double it."""


@dataclass(frozen=True, slots=True)
class Equality:
    """A term ``target = value`` of what narrows the rows of ``entity``: ``target`` is over the row looked at (root
    ``row``), ``value`` over the record that looks (root ``this``). Guard keys are made of them."""

    entity: str
    target: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Expr:
    """A typed expression. ``reads`` are (entity, field) it looks at; ``params`` (source, name) it needs bound;
    ``equalities`` per aggregate (or of a ``none``/``where`` as a whole) what its rows must equal."""

    text: str
    type: Type
    tree: Node
    reach: Reach
    reads: frozenset[tuple[str, str]]
    params: frozenset[tuple[str, str]] = frozenset()
    equalities: tuple[Equality, ...] = ()
    where: Where = field(default_factory=Where, compare=False)

    @property
    def path(self) -> str:
        """The dotted path when it is nothing but one, else empty."""
        if isinstance(self.tree, Path) and self.tree.root == "row":
            return ".".join([*(hop.name for hop in self.tree.hops), self.tree.name])
        return ""

    @property
    def measures(self) -> tuple[str, ...]:
        """The other measures it names, in order of their names."""
        return tuple(sorted({n.name for n in walk(self.tree) if isinstance(n, Measure)}))

    @property
    def groups(self) -> tuple[Group, ...]:
        """The aggregates over a source's rows, of a measure."""
        return tuple(dict.fromkeys(n for n in walk(self.tree) if isinstance(n, Group)))


def parse_expression(text: str, scope: Scope, expect: Type | None = None, where: Where | None = None) -> Expr:
    """``expect`` is the type of the slot: numbers are rounded to its scale, literals read as its kind.

    ``where`` is where the text itself begins (behind an opening quote or ``=``). Raises ``Problems``, or
    ``Unavailable`` when nothing is wrong but a pack it names is not there.
    """
    source = Source(text, where or Where())
    tree = _typed(source, scope, expect, ())
    return make_expr(text, tree, _row_equalities(text, tree, scope), source.where)


def _typed(source: Source, scope: Scope, expect: Type | None, ring: tuple[tuple[str, str], ...]) -> Node:
    syntax = parse(source)
    report = Report(source)
    left = MOST_INLINED

    def live(relation: Relation, attribute: Attribute, name: Name, at: int) -> Node | None:
        nonlocal left
        if left < 0:
            return None
        found = _live(report, scope.world, relation, attribute, name, at, ring)
        if found is None:
            return None
        left -= sum(1 for _ in islice(walk(found.tree), left + 1))
        if left < 0:
            report.say("live-size", name.ats[at], name=attribute.name, max=MOST_INLINED)
            return None
        return found.tree

    typer = Typer(report, live)
    tree = typer.node(syntax, scope)
    if tree is not None and expect is not None:
        tree = expected(report, syntax, tree, expect)
    if report.problems:
        raise Problems(report.problems)
    if report.waits_for:
        raise Unavailable(report.waits_for)
    assert tree is not None, "a tree or a reason"
    return tree


def _live(
    report: Report, world: World, relation: Relation, attribute: Attribute, name: Name, at: int,
    ring: tuple[tuple[str, str], ...],
) -> Expr | None:  # fmt: skip
    """A live value's tree, typed once per world; a ring of live values is said, not followed."""
    key = (relation.path, attribute.name)
    if key in ring:
        names = [f"{e.partition('.')[2]}.{n}" for e, n in (*ring[ring.index(key) :], key)]
        report.say("ring", name.ats[at], name=attribute.name, ring=" → ".join(names))
        return None
    if key not in world.typed:
        own = Scope(world, relation.module, relation.path)
        source = Source(attribute.live, attribute.where)
        tree = _typed(source, own, attribute.type, (*ring, key))
        world.typed[key] = make_expr(attribute.live, tree, (), attribute.where)
    found: Expr = world.typed[key]
    return found


def make_expr(text: str, tree: Node, equalities: tuple[Equality, ...] = (), where: Where | None = None) -> Expr:
    facts = facts_of(tree)
    inner = tuple(e for aggregate in facts.aggregates for e in _of_aggregate(text, aggregate))
    return Expr(text, tree.type, tree, facts.reach, facts.reads, facts.params, equalities + inner, where or Where())


def _row_equalities(text: str, tree: Node, scope: Scope) -> tuple[Equality, ...]:
    return _equalities(text, scope.entity, tree) if scope.this else ()


def _of_aggregate(text: str, node: Agg) -> tuple[Equality, ...]:
    if node.where is None or node.rows.owner is not None:
        return ()
    return _equalities(text, node.rows.entity, node.where)


def _equalities(text: str, entity: str, where: Node) -> tuple[Equality, ...]:
    found = []
    for term in terms(where):
        if not isinstance(term, Op) or term.name != "eq":
            continue
        for target, value in (term.args, term.args[::-1]):
            if isinstance(target, Path) and target.root == "row" and target.live is None and not _over_row(value):
                found.append(Equality(entity, _bare(text, target), _bare(text, value)))
                break
    return tuple(found)


def terms(tree: Node) -> tuple[Node, ...]:
    """The conditions that must all hold."""
    return tree.args if isinstance(tree, Op) and tree.name == "and" else (tree,)


def _over_row(node: Node) -> bool:
    return any(isinstance(n, Path) and n.root == "row" for n in walk(node)) or any(
        isinstance(n, Agg) for n in walk(node)
    )


def _bare(text: str, tree: Node) -> Expr:
    facts = facts_of(tree)
    return Expr(text, tree.type, tree, facts.reach, facts.reads, facts.params)


Dialect = Literal["sqlite", "postgresql"]
