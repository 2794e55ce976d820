"""Which kept sums hold the rows of a figure, and those rows from what is folded and what is pending.

Everything a question looks at must be said over a rollup's dimensions: what it groups by, its filters and conditions,
and the rule by which the reader sees records. Where one of them reads something else, or a field the reader sees only
on some records, the records themselves are grouped; that is never wrong, only slower.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.ask import access, expressions, filters, kept
from engine.ask.build import Build
from engine.ask.facts import owner_column, owner_of
from engine.ask.kept import SIGN, Kept, Over, Unkept, of_rows
from engine.ask.slices import Dimension, Slice
from engine.ask.symbols import KeptMeasure, SourceSymbol
from engine.expr.build.binder import PG_TYPES
from engine.expr.build.sql import Context, emit, to_sql
from engine.expr.build.tree import Group, Hop, Node, Op, Path, reads_of
from engine.fieldtypes.spec import Spec
from engine.fieldtypes.storage import quote
from engine.plan.entity import Entity
from engine.plan.question import Filter


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of one source: trees over its records. ``filters`` go with their number, kind and scale."""

    source: str
    dimensions: tuple[Node | None, ...]
    groups: tuple[Group, ...]
    filters: tuple[tuple[int, Filter, Node | None, str, int], ...]
    terms: tuple[Node, ...]
    specs: tuple[Spec, ...]
    """The types of the filters' values, where they are of fields."""
    rules: tuple[tuple[Node, ...], ...]
    """Of each entity whose rows are the reader's: the rules of which one must hold."""

    def trees(self) -> Iterator[Node]:
        yield from (d for d in self.dimensions if d is not None)
        yield from (f[2] for f in self.filters if f[2] is not None)
        yield from self.terms
        yield from (rule for rules in self.rules for rule in rules)


@dataclass(frozen=True, slots=True)
class Covered:
    """A source whose rows come from kept sums."""

    build: Build
    made: Slice
    asked: Asked
    kept: Kept

    @property
    def specs(self) -> tuple[Spec, ...]:
        return self.asked.specs

    def arms(self, dimensions: Sequence[Dimension], groups: Sequence[Group]) -> tuple[str, ...]:
        """SELECTs with columns ``d<n>``, ``n`` and the contributions to the aggregates: folded, then pending.

        Where an aggregate looks at values that are there or not, however often, one SELECT: what is pending may take
        the last of a value away."""
        arms = self._arm(True, dimensions, groups), self._arm(False, dimensions, groups)
        if not any(g.source == self.asked.source and by_value(g) for g in groups):
            return arms
        keys = [f"d{n}" for n in range(len(dimensions))]
        columns = [*keys, "SUM(z.n) AS n"]
        for n, group in enumerate(groups):
            added_up = group.source == self.asked.source and not by_value(group)
            for name in column_names(group, n, self.build):
                columns.append(f"SUM(z.{name}) AS {name}" if added_up else f"z.{name} AS {name}")
                keys += [] if added_up else [f"z.{name}"]
        by = f" GROUP BY {', '.join(keys)}" if keys else ""
        return (f"SELECT {', '.join(columns)} FROM ({' UNION ALL '.join(arms)}) AS z{by} HAVING SUM(z.n) <> 0",)

    def _arm(self, folded: bool, dimensions: Sequence[Dimension], groups: Sequence[Group]) -> str:
        build, symbol = self.build, self.kept.symbol
        over = self.kept.folded if folded else self.kept.pending
        at = build.alias("k")
        context = replace(expressions.context(build, at), joins=expressions.joins(build, self.made.declared))
        assert context.joins is not None

        def sql(node: Node) -> str:
            return to_sql(over.say(node), context)

        columns = [
            f"{sql(node) if node is not None else nothing(build, d.kind)} AS d{n}"
            for n, (d, node) in enumerate(zip(dimensions, self.asked.dimensions, strict=True))
        ]
        columns.append(f"{at}.{'n' if folded else SIGN} AS n")
        for n, group in enumerate(groups):
            names = column_names(group, n, build)
            if group.source != self.asked.source:
                columns += [f"{nothing(build, kind_of(group, build))} AS {name}" for name in names]
                continue
            columns += [
                f"{part} AS {name}" for part, name in zip(self._parts(folded, group, context), names, strict=True)
            ]
        wanted = [self._filter(context, over, *one) for one in self.asked.filters]
        if not folded and symbol.rows is not None:
            wanted.append(_emit(build, over.say(symbol.rows), context))
        with build.bound_literals():
            wanted += [sql(term) for term in self.asked.terms]
        for rules in self.asked.rules:
            wanted.append(f"({' OR '.join(_emit(build, over.say(rule), context) for rule in rules) or 'FALSE'})")
        table = quote(symbol.table if folded else symbol.log)
        where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
        return f"SELECT {', '.join(columns)} FROM {table} AS {at}{context.joins.sql}{where}"

    def _parts(self, folded: bool, group: Group, context: Context) -> tuple[str, ...]:
        if by_value(group):
            over = self.kept.folded if folded else self.kept.pending
            assert group.item is not None
            value = _emit(self.build, over.say(of_rows(group.item, group.source)), context)
            if group.where is None:
                return (value,)
            where = _emit(self.build, over.say(of_rows(group.where, group.source)), context)
            return (f"CASE WHEN {where} THEN {value} END",)
        index = self.kept.measure(group)
        assert index is not None
        measure = self.kept.symbol.measures[index]
        dialect, at = self.build.dialect, context.row
        if folded:
            return tuple(f"{at}.{c}" for c in kept.columns_of(measure, index, dialect))
        say = self.kept.pending.say
        item = _emit(self.build, say(measure.item), context) if measure.item is not None else ""
        where = _emit(self.build, say(measure.where), context) if measure.where is not None else ""
        return kept.contributions(measure, item, where, f"{at}.{SIGN}", dialect)

    def _filter(
        self, context: Context, over: Over, n: int, one: Filter, node: Node | None, kind: str, scale: int
    ) -> str:
        sql = to_sql(over.say(node), context) if node is not None else nothing(self.build, kind)
        target = node.type.entity if node is not None else ""
        return filters.condition(self.build, one.operator, f"f{n}", f"({sql})", kind, scale, target)


def find(
    build: Build, made: Slice, source: SourceSymbol, dimensions: Sequence[Dimension], groups: Sequence[Group],
    asked_filters: Sequence[Filter | None], where: str, ready: frozenset[str],
) -> Covered | None:  # fmt: skip
    """The kept sums with the fewest dimensions that hold everything; None: group the records. Binds nothing."""
    candidates = [r for r in build.facts.symbols.rollups.get(source.of, ()) if r.table in ready]
    own = [g for g in groups if g.source == source.name]
    if not candidates:
        return None
    try:
        asked = _asked(build, made, source, dimensions, own, asked_filters, where)
    except Unkept:
        return None
    seen = (*asked.trees(), *(t for g in own for t in (g.item, g.where) if t is not None))
    if _told_in_part(build, seen):
        return None
    for symbol in candidates:
        held = Kept(symbol)
        rows = of_rows(source.rows.tree, source.name) if source.rows is not None else None
        left = tuple(t for t in asked.terms if t != symbol.rows)
        if symbol.rows is not None and symbol.rows != rows and len(left) == len(asked.terms):
            continue
        if symbol.rows is None and rows is not None:
            left = (*left, rows)
        narrowed = replace(asked, terms=left)
        if _holds(held, narrowed, own):
            return Covered(build, made, narrowed, held)
    return None


def _holds(held: Kept, asked: Asked, groups: Sequence[Group]) -> bool:
    if any(held.measure(group) is None and not by_value(group) for group in groups):
        return False
    values = [of_rows(t, g.source) for g in groups if by_value(g) for t in (g.item, g.where) if t is not None]
    try:
        for tree in values:
            held.folded.say(tree)
            held.pending.say(tree)
        for tree in asked.trees():
            held.folded.say(tree)
            held.pending.say(tree)
    except Unkept:
        return False
    return True


def _asked(
    build: Build, made: Slice, source: SourceSymbol, dimensions: Sequence[Dimension], groups: Sequence[Group],
    asked_filters: Sequence[Filter | None], where: str,
) -> Asked:  # fmt: skip
    entity = made.entities[source.name]

    def tree(dimension: Dimension) -> Node | None:
        by = dimension.by.get(source.name)
        return of_rows(by.tree, source.name) if by is not None else None

    terms = (expressions.condition(build, entity, where).tree,) if where else ()
    narrow = []
    specs = []
    for n, one in enumerate(asked_filters):
        if one is None:
            continue
        if made.declared:
            found = made.by_name[one.path]
            narrow.append((n, one, tree(found), found.kind, found.scale))
        else:
            node, spec = _field(build, entity, one.path)
            filters.check_operator(build, one, spec)
            specs.append(spec)
            narrow.append((n, one, node, *node.type.storage))
    open_to_all = made.wide or access.rule(build, entity, "read")
    rules = () if open_to_all else (tuple(_rules(build, entity)),)
    return Asked(
        source.name, tuple(tree(d) for d in dimensions), tuple(groups), tuple(narrow),
        tuple(of_rows(t, source.name) for t in terms), tuple(specs), rules,
    )  # fmt: skip


def _field(build: Build, entity: Entity, path: str) -> tuple[Node, Spec]:
    """A filter's path as an expression, and the type of its value."""
    at = entity
    *head, last = path.split(".")
    for name in head:
        found = build.facts.fields(at).get(name)
        if found is None or found.target not in build.facts.entities or found.kind != "uuid":
            raise Unkept
        at = build.facts.entities[found.target]
    found = build.facts.fields(at).get(last)
    if found is None or found.kind in ("json", "lines") or found.column is None or build.hidden(at, found):
        raise Unkept
    return expressions.typed(path, expressions.reader_scope(build, entity)).tree, found.spec


def _rules(build: Build, entity: Entity) -> Iterator[Node]:
    """The reader's rules as trees over the entity's own rows; lines are as open as their document."""
    above: list[Hop] = []
    root = entity
    while root.owner:
        owner = build.facts.entities[root.owner]
        above.append(Hop(root.path, owner_of(root), owner_column(root), owner.path, owner.table))
        root = owner
    for tree in access.rules_of(build, root, "read"):
        yield _below(of_rows(tree), tuple(above))


def _below(node: Node, above: tuple[Hop, ...]) -> Node:
    """A tree over a document, said over a line of it."""
    if isinstance(node, Path) and node.root == "row":
        return replace(node, hops=(*above, *node.hops))
    return replace(node, args=tuple(_below(a, above) for a in node.args)) if isinstance(node, Op) else node


def _told_in_part(build: Build, trees: Sequence[Node]) -> bool:
    """Whether the reader sees one of the fields on some records only, or in part."""
    if build.everything:
        return False
    for tree in trees:
        for path, name in reads_of(tree):
            entity = build.facts.entities.get(path)
            found = entity.fields.get(name) if entity else None
            if entity is not None and found is not None and not build.sight(entity, found).plain:
                return True
    return False


def _emit(build: Build, node: Node, context: Context) -> str:
    """The pack's own conditions: they are the same each time, and written out."""
    before, build.binder.literals = build.binder.literals, False
    try:
        return emit(node, context)
    finally:
        build.binder.literals = before


def by_value(group: Group) -> bool:
    """Whether an aggregate looks at which values there are, and not how often: a rollup that has the value among its
    dimensions holds it."""
    return group.item is not None and (group.func in ("MIN", "MAX") or (group.distinct and group.func == "COUNT"))


def added(group: Group, build: Build) -> KeptMeasure | None:
    """The aggregate as contributions that are added up; None for one that looks at values as they are."""
    wide = build.dialect == "sqlite" and group.item is not None and group.item.type.wide
    return None if wide else kept.kept_measure(group)


def column_names(group: Group, n: int, build: Build) -> tuple[str, ...]:
    """The columns in which an aggregate's contributions travel."""
    made = added(group, build)
    return (f"g{n}", f"h{n}") if made is not None and kept.halved(made, build.dialect) else (f"g{n}",)


def kind_of(group: Group, build: Build) -> str:
    if group.func == "COUNT" and added(group, build) is not None:
        return "integer"
    return group.item.type.storage[0] if group.item is not None else "integer"


def nothing(build: Build, kind: str) -> str:
    return f"NULL::{PG_TYPES.get(kind, kind)}" if build.dialect == "postgresql" else "NULL"
