"""Grouping: rows of several sources laid under each other on shared dimensions and grouped once.

A source that lacks a dimension has NULL there ("not split"); the values a measure does not take from a source are
NULL in that source's rows, and aggregates pass over them. Measures that are computed at a finer grain (``each``) are
grouped at that grain and then added up beside the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from engine.ask import access, covered, expressions, filters, kept
from engine.ask.build import Build
from engine.ask.codes import CODES
from engine.ask.rows import Rows
from engine.ask.slices import Dimension, Slice, closure
from engine.ask.symbols import MeasureSymbol, SourceSymbol
from engine.expr.build.api import Expr
from engine.expr.build.binder import PG_TYPES
from engine.expr.build.sql import Context, emit, to_sql, total
from engine.expr.build.tree import Group, Measure, Node, walk
from engine.expr.run.types import Type
from engine.fieldtypes.spec import Spec
from engine.plan.question import Filter
from engine.problem import Problems, problem

_ONE = Type("integer", limit=1)


@dataclass(frozen=True, slots=True)
class Narrow:
    """Which rows: filters on dimensions (of a declared aggregation) or fields, and a condition."""

    filters: Sequence[Filter]
    where: str
    export: bool = False


class Grouping:
    """Makes the SQL of figures at any grain of one slice."""

    def __init__(self, build: Build, made: Slice, narrow: Narrow, ready: frozenset[str] = frozenset()) -> None:
        """``ready``: the tables of rollups that may be read."""
        self.build = build
        self.made = made
        self.narrow = narrow
        self.ready = ready
        self.served: set[str] = set()
        self.specs: tuple[Spec, ...] = ()
        if narrow.where and len(made.sources) > 1:
            what = f"where={narrow.where} over several sources"
            raise Problems([problem(CODES["ask.unavailable"], what=what)])

    def sql(self, dimensions: Sequence[Dimension], shown: Sequence[Expr]) -> str:
        """A SELECT with columns ``d<n>`` of the dimensions and ``m<n>`` of the measures.

        Constants of a question's own expressions are bound; those of the pack's are the same each time.
        """
        with nullcontext() if self.made.declared else self.build.bound_literals():
            return self._sql(dimensions, shown)

    def _sql(self, dimensions: Sequence[Dimension], shown: Sequence[Expr]) -> str:
        grain = {d.name for d in dimensions}
        trees = [expr.tree for expr in shown]
        used = closure(self.made, trees)
        for measure in used:
            _refuse(measure)
        apart = [m for m in used if m.each and not set(m.each) <= grain]
        plain = [m for m in used if m not in apart and not _only_under(self.made, trees, apart, m)]
        groups = _groups([*trees, *(m.expr.tree for m in plain)])
        if apart:
            at, source = self._beside(dimensions, groups, apart)
        else:
            at = self.build.alias("g")
            source = f"({self._grouped(dimensions, groups)}) AS {at}"
        columns = {group: f"a{n}" for n, group in enumerate(groups)}
        named = {m.name: f"e{n}" for n, m in enumerate(apart)}
        steps: list[str] = []
        for level in _levels(plain):
            more = [
                f"{emit(m.expr.tree, self._over(at, columns, named))} AS x{len(named) + n}" for n, m in enumerate(level)
            ]
            named |= {m.name: f"x{len(named) + n}" for n, m in enumerate(level)}
            below, at = at, self.build.alias("l")
            steps.append(f"{at} AS MATERIALIZED (SELECT {', '.join((f'{below}.*', *more))} FROM {source})")
            source = at
        here = self._over(at, columns, named)
        answers = [f"{at}.d{n} AS d{n}" for n in range(len(dimensions))]
        # On SQLite a number past 64 bits travels as text; it is only shown, so it need not be refused.
        fit = self.build.dialect == "postgresql"
        answers += [f"{to_sql(expr, here, fit=fit)} AS m{n}" for n, expr in enumerate(shown)]
        stepped = f"WITH {', '.join(steps)} " if steps else ""
        return f"{stepped}SELECT {', '.join(answers)} FROM {source}"

    def _over(self, at: str, columns: Mapping[Group, str], named: Mapping[str, str]) -> Context:
        """Where expressions over the groups stand. A measure is a column of the step before: written out wherever it
        is used, one that is made of others would double and double again."""
        known = dict(named)
        return Context(
            self.build.binder,
            at,
            group_sql=lambda node, _: f"{at}.{columns[node]}",
            measure_sql=lambda node: f"{at}.{known[node.name]}",
        )

    def _grouped(self, dimensions: Sequence[Dimension], groups: Sequence[Group]) -> str:
        """Columns ``d<n>`` and ``a<n>`` of the aggregates: grouped once, whatever the number of sources."""
        used = {g.source for g in groups} or set(self.made.sources)
        sources = [self.made.sources[name] for name in self.made.sources if name in used]
        held = {s.name: self._held(s, dimensions, groups) for s in sources}
        self.served |= {"rollup" if found else "grouped" for found in held.values()}
        adding = any(held.values())
        arms: list[str] = []
        for source in sources:
            found = held[source.name]
            if found is not None:
                arms += found.arms(dimensions, groups)
            else:
                arms.append(self._arm(source, dimensions, groups, adding))
        at = self.build.alias("u")
        context = Context(self.build.binder, at)
        columns = [f"{at}.d{n} AS d{n}" for n in range(len(dimensions))]
        for n, group in enumerate(groups):
            if adding and covered.added(group, self.build) is not None:
                names = tuple(f"{at}.{c}" for c in covered.column_names(group, n, self.build))
                columns.append(f"{kept.total(group.func, names, self.build.dialect)} AS a{n}")
                continue
            type_ = group.item.type if group.item is not None else _ONE
            columns.append(f"{total(group.func, f'{at}.g{n}', type_, group.distinct, context)} AS a{n}")
        by = ", ".join(f"{at}.d{n}" for n in range(len(dimensions)))
        there = f" HAVING SUM({at}.n) <> 0" if adding else ""  # a group of which nothing is left is none
        grouped = f" GROUP BY {by}{there}" if by else ""
        return f"SELECT {', '.join(columns) or '1 AS one'} FROM ({' UNION ALL '.join(arms)}) AS {at}{grouped}"

    def _held(
        self, source: SourceSymbol, dimensions: Sequence[Dimension], groups: Sequence[Group]
    ) -> covered.Covered | None:
        if not self.ready:
            return None
        narrow = self.narrow
        found = covered.find(
            self.build, self.made, source, dimensions, groups, narrow.filters, narrow.where, self.ready
        )
        if found is not None and not self.made.declared:
            self.specs = found.specs
        return found

    def _arm(
        self, source: SourceSymbol, dimensions: Sequence[Dimension], groups: Sequence[Group], adding: bool = False
    ) -> str:
        """One source's rows with their dimensions and the values each aggregate takes from them; ``adding``: what
        they contribute to it, beside rows of kept sums."""
        build, made = self.build, self.made
        rows = Rows(build, made.entities[source.name], build.alias("s"), declared=made.declared)
        columns = []
        for n, dimension in enumerate(dimensions):
            by = dimension.by.get(source.name)
            sql = rows.sql(by) if by is not None else self._nothing(dimension.kind)
            columns.append(f"{sql} AS d{n}")
        if adding:
            columns.append("1 AS n")
        for n, group in enumerate(groups):
            columns += self._contributed(rows, source, group, n) if adding else [
                f"{self._value(rows, source, group)} AS g{n}"
            ]  # fmt: skip
        wanted = self._wanted(rows, source)
        return f"SELECT {', '.join(columns) or '1 AS one'} FROM {rows.source()} WHERE {' AND '.join(wanted)}"

    def _contributed(self, rows: Rows, source: SourceSymbol, group: Group, n: int) -> list[str]:
        made = covered.added(group, self.build)
        if made is None:
            return [f"{self._value(rows, source, group)} AS g{n}"]
        names = covered.column_names(group, n, self.build)
        if group.source != source.name:
            return [f"{self._nothing(covered.kind_of(group, self.build))} AS {name}" for name in names]
        context = replace(rows.context(), roots={source.name: rows.base})
        item = emit(group.item, context) if made.item is not None and group.item is not None else ""
        where = emit(group.where, context) if group.where is not None else ""
        parts = kept.contributions(made, item, where, "1", self.build.dialect)
        return [f"{part} AS {name}" for part, name in zip(parts, names, strict=True)]

    def _value(self, rows: Rows, source: SourceSymbol, group: Group) -> str:
        type_ = group.item.type if group.item is not None else _ONE
        if group.source != source.name:
            return self._nothing(type_.storage[0])
        context = replace(rows.context(), roots={source.name: rows.base})
        item = emit(group.item, context) if group.item is not None else "1"
        return item if group.where is None else f"CASE WHEN {emit(group.where, context)} THEN {item} END"

    def _wanted(self, rows: Rows, source: SourceSymbol) -> list[str]:
        build, made = self.build, self.made
        entity = made.entities[source.name]
        wanted = [rows.living()]
        if source.rows is not None:
            wanted.append(rows.sql(source.rows))
        if not made.wide and not access.rule(build, entity, "read"):
            wanted.append(access.predicate(build, entity, rows.base, "read"))
        if self.narrow.export and not access.rule(build, entity, "export"):
            wanted.append(access.predicate(build, entity, rows.base, "export"))
        if made.declared:
            wanted += [self._filter(rows, source, n, one) for n, one in enumerate(self.narrow.filters)]
        else:
            more, self.specs = filters.conditions(rows, self.narrow.filters)
            wanted += more
        if self.narrow.where:
            with build.bound_literals():
                wanted.append(rows.sql(expressions.condition(build, entity, self.narrow.where)))
        return wanted

    def _filter(self, rows: Rows, source: SourceSymbol, n: int, one: Filter) -> str:
        """A source that is not split by the dimension has nothing at any of its values."""
        dimension = self.made.by_name[one.path]
        by = dimension.by.get(source.name)
        sql = rows.sql(by) if by is not None else self._nothing(dimension.kind)
        return filters.condition(self.build, one.operator, f"f{n}", f"({sql})", dimension.kind, dimension.scale)

    def _nothing(self, kind: str) -> str:
        return f"NULL::{PG_TYPES.get(kind, kind)}" if self.build.dialect == "postgresql" else "NULL"

    def _beside(
        self, dimensions: Sequence[Dimension], groups: Sequence[Group], apart: Sequence[MeasureSymbol]
    ) -> tuple[str, str]:
        """The groups' aggregates beside the sums of measures computed at a finer grain."""
        build = self.build
        arms = []
        inner = build.alias("g")
        keys = [f"{inner}.d{n} AS d{n}" for n in range(len(dimensions))]
        first = [*keys, *(f"{inner}.a{n} AS a{n}" for n in range(len(groups)))]
        first += [f"{self._nothing(m.expr.type.storage[0])} AS e{n}" for n, m in enumerate(apart)]
        arms.append(f"SELECT {', '.join(first)} FROM ({self._grouped(dimensions, groups)}) AS {inner}")
        for at, measure in enumerate(apart):
            names = {d.name for d in dimensions}
            finer = [*dimensions, *(self.made.by_name[d] for d in measure.each if d not in names)]
            alias = build.alias("f")
            columns = [f"{alias}.d{n} AS d{n}" for n in range(len(dimensions))]
            columns += [f"{self._nothing(g.type.storage[0])} AS a{n}" for n, g in enumerate(groups)]
            columns += [
                f"{alias}.m0 AS e{n}" if n == at else f"{self._nothing(m.expr.type.storage[0])} AS e{n}"
                for n, m in enumerate(apart)
            ]
            arms.append(f"SELECT {', '.join(columns)} FROM ({self._sql(finer, [measure.expr])}) AS {alias}")
        out = build.alias("b")
        context = Context(build.binder, out)
        columns = [f"{out}.d{n} AS d{n}" for n in range(len(dimensions))]
        # One value per group: adding it up keeps it, and makes 0 of a group that only the finer grain has.
        for n, group in enumerate(groups):
            func = "SUM" if group.func in ("SUM", "COUNT") else "MAX"
            columns.append(f"{total(func, f'{out}.a{n}', group.type, False, context)} AS a{n}")
        columns += [f"{total('SUM', f'{out}.e{n}', m.expr.type, False, context)} AS e{n}" for n, m in enumerate(apart)]
        by = ", ".join(f"{out}.d{n}" for n in range(len(dimensions)))
        at_ = build.alias("g")
        grouped = f" GROUP BY {by}" if by else ""
        return at_, f"(SELECT {', '.join(columns)} FROM ({' UNION ALL '.join(arms)}) AS {out}{grouped}) AS {at_}"


def _levels(measures: Sequence[MeasureSymbol]) -> list[list[MeasureSymbol]]:
    """Measures by how far they are from the aggregates: each is made of those of earlier levels."""
    by_name = {m.name: m for m in measures}

    def depth(measure: MeasureSymbol) -> int:
        below = [by_name[n.name] for n in walk(measure.expr.tree) if isinstance(n, Measure) and n.name in by_name]
        return 1 + max((depths.get(m.name) or depth(m) for m in below), default=0)

    depths: dict[str, int] = {}
    for measure in measures:
        depths[measure.name] = depth(measure)
    return [[m for m in measures if depths[m.name] == at] for at in range(1, max(depths.values(), default=0) + 1)]


def _groups(trees: Sequence[Node]) -> list[Group]:
    return list(dict.fromkeys(n for tree in trees for n in walk(tree) if isinstance(n, Group)))


def _only_under(made: Slice, trees: Sequence[Node], apart: Sequence[MeasureSymbol], measure: MeasureSymbol) -> bool:
    """Whether a measure is needed for nothing but measures that are computed apart."""
    names = {m.name for m in apart}
    todo = [n.name for tree in trees for n in walk(tree) if isinstance(n, Measure)]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen or name in names:
            continue
        if name == measure.name:
            return False
        seen.add(name)
        todo += [n.name for n in walk(made.known[name].expr.tree) if isinstance(n, Measure)]
    return True


def _refuse(measure: MeasureSymbol) -> None:
    if measure.running or measure.stock:
        what = f"{measure.name}: running and stock figures"
        raise Problems([problem(CODES["ask.unavailable"], what=what)])
