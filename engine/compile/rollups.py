"""Which sums are kept: an aggregation's rollups, each of its sources by itself.

A rollup follows from the rows of one entity alone, with what their document (the owners above a line) holds: then
whoever changes a figure changes one of those rows, and the change can be written down as it happens. Values of
records that are referred to, of the clock and of settings change without that, so nothing is kept of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from engine.ask.kept import kept_measure, of_rows, steps
from engine.ask.symbols import KeptDimension, KeptMeasure, RollupSymbol
from engine.catalog import Aggregation, Catalog, Entity, Rollup, Source
from engine.compile.codes import CODES
from engine.compile.names import owner_column, table_of
from engine.expr.build.laid import is_laid
from engine.expr.build.tree import Group, Lit, Node, Op, Path, by_columns, walk
from engine.fieldtypes.storage import short
from engine.problem import Problem, problem

Leaves = Mapping[tuple[str, ...], tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """One source of one rollup, before it is known what else its entity's log has to hold."""

    name: str
    of: str
    dimensions: tuple[KeptDimension, ...]
    measures: tuple[KeptMeasure, ...]
    rows: Node | None

    def trees(self) -> Iterator[Node]:
        yield from (d.node for d in self.dimensions)
        yield from (m.item for m in self.measures if m.item is not None)
        yield from (m.where for m in self.measures if m.where is not None)
        if self.rows is not None:
            yield self.rows


def wrong(catalog: Catalog) -> Iterator[Problem]:
    """Dimensions and conditions must be kept; measures that cannot be are grouped on demand."""
    for _, rollup, source, aggregation in _declared(catalog):
        name = f"{aggregation.path}.{rollup.name}"
        asked = [(d, source.by[d].tree) for d in rollup.by if d in source.by]
        if source.rows is not None:
            asked.append(("where", source.rows.tree))
        for what, tree in asked:
            reads = _unkept(catalog, source, tree)
            if reads:
                yield problem(CODES["compile.rollup"], rollup.where, name=name, what=what, reads=reads)


def symbols(catalog: Catalog) -> dict[str, tuple[RollupSymbol, ...]]:
    """By entity, those with the fewest dimensions first: they answer with the least work."""
    plans: dict[str, list[_Plan]] = {}
    for name, rollup, source, aggregation in _declared(catalog):
        plan = _plan(catalog, name, rollup, source, aggregation)
        if plan is not None:
            plans.setdefault(source.of, []).append(plan)
    out = {}
    for entity, found in plans.items():
        leaves = _leaves(found)
        log = _named(f"_log_{table_of(catalog, entity)}", sorted(leaves.items()), _tables(catalog, entity))
        made = [_symbol(plan, log, leaves) for plan in found]
        out[entity] = tuple(sorted(made, key=lambda r: (len(r.dimensions), r.name)))
    return out


def _declared(catalog: Catalog) -> Iterator[tuple[str, Rollup, Source, Aggregation]]:
    for aggregation in catalog.aggregations.values():
        for rollup in aggregation.rollups.values():
            for source in aggregation.sources.values():
                if source.of in catalog.entities:
                    name = f"{aggregation.path}.{rollup.name}" + (f".{source.name}" if source.name else "")
                    yield name, rollup, source, aggregation


def _plan(catalog: Catalog, name: str, rollup: Rollup, source: Source, aggregation: Aggregation) -> _Plan | None:
    dimensions = []
    for dimension in rollup.by:
        made = source.by.get(dimension)
        if made is not None:
            dimensions.append(KeptDimension(dimension, of_rows(made.tree, source.name), *made.type.storage))
    measures: dict[KeptMeasure, None] = {}
    for measure in aggregation.measures.values():
        for node in walk(measure.expr.tree):
            if isinstance(node, Group) and node.source == source.name:
                kept = kept_measure(node)
                parts = [p for p in (node.item, node.where) if p is not None]
                wide = node.item is not None and node.item.type.wide  # past 64 bits: SQLite could not keep it
                if kept is not None and not wide and not any(_unkept(catalog, source, p) for p in parts):
                    measures[kept] = None
    rows = of_rows(source.rows.tree, source.name) if source.rows is not None else None
    return _Plan(name, source.of, tuple(dimensions), tuple(measures), rows) if dimensions and measures else None


def _unkept(catalog: Catalog, source: Source, tree: Node) -> str:
    """What of a tree would change without the row: empty when nothing would."""
    return _reads_elsewhere(catalog, catalog.entities[source.of], of_rows(tree, source.name))


def _reads_elsewhere(catalog: Catalog, entity: Entity, node: Node) -> str:
    match node:
        case Lit():
            return ""
        case Op() if is_laid(node):
            return "spread"
        case Op():
            return next((r for r in (_reads_elsewhere(catalog, entity, a) for a in node.args) if r), "")
        case Path() if node.root == "row" and node.start is None and node.live is None:
            return "" if _of_document(catalog, entity, node) else ".".join((*(h.name for h in node.hops), node.name))
        case _:
            named = (getattr(node, part, "") for part in ("name", "source", "path", "func"))
            return next((str(n) for n in named if n), type(node).__name__)


def _of_document(catalog: Catalog, entity: Entity, path: Path) -> bool:
    for hop in path.hops:
        if not entity.owned_by or hop.column != owner_column(catalog, entity):
            return False
        entity = catalog.entities[entity.owned_by]
    return True


def _leaves(plans: list[_Plan]) -> Leaves:
    """Every stored value that the rollups of an entity need, as a column of its log."""
    out = {}
    for tree in (tree for plan in plans for tree in plan.trees()):
        for node in walk(tree):
            if isinstance(node, Path):
                out[steps(node)] = (short("__".join(steps(node))), *node.type.storage)
    return out


def _tables(catalog: Catalog, entity: str) -> list[str]:
    out = []
    while entity:
        out.append(table_of(catalog, entity))
        entity = catalog.entities[entity].owned_by
    return out


def _symbol(plan: _Plan, log: str, leaves: Leaves) -> RollupSymbol:
    table = _named(f"_sum_{plan.name.replace('.', '__')}", log, plan.dimensions, plan.measures, plan.rows)
    return RollupSymbol(plan.name, plan.of, table, log, plan.dimensions, plan.measures, plan.rows, leaves)


def _named(name: str, *definition: object) -> str:
    """A name that says what is meant, with a digest of what is kept: another definition is another table."""
    return short(f"{short(name)[:40]}_{sha256(repr(by_columns(definition)).encode()).hexdigest()[:12]}")
