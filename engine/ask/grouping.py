"""Grouping: rows of several sources laid under each other on shared dimensions and grouped once.

A source that lacks a dimension has NULL there ("not split"); the values a measure does not take from a source are
NULL in that source's rows, and aggregates pass over them. Measures that are computed at a finer grain (``each``) are
grouped at that grain and then added up beside the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from engine.ask import access, along, covered, expressions, filters, kept
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

    filters: Sequence[Filter | None]
    where: str
    export: bool = False
    keys: tuple[Dimension, ...] = ()
    """Dimensions by which groups are left out: those that ``without`` (a relation with their columns) holds."""
    without: str = ""


class Grouping:
    """Makes the SQL of figures at any grain of one slice."""

    def __init__(
        self, build: Build, made: Slice, narrow: Narrow,
        ready: frozenset[str] = frozenset(), served: set[str] | None = None,
    ) -> None:  # fmt: skip
        """``ready``: the tables of rollups that may be read; ``served``: what its answers came from, gathered."""
        self.build = build
        self.made = made
        self.narrow = narrow
        self.ready = ready
        self.served: set[str] = set() if served is None else served
        self.specs: tuple[Spec, ...] = ()
        if narrow.where and len(made.sources) > 1:
            what = f"where={narrow.where} over several sources"
            raise Problems([problem(CODES["ask.unavailable"], what=what)])

    def sql(self, dimensions: Sequence[Dimension], shown: Sequence[Expr], fill: Sequence[str] = ()) -> str:
        """A SELECT with columns ``d<n>`` of the dimensions and ``m<n>`` of the measures.

        Constants of a question's own expressions are bound; those of the pack's are the same each time.
        """
        with nullcontext() if self.made.declared else self.build.bound_literals():
            return self._sql(dimensions, shown, fill)

    def _sql(self, dimensions: Sequence[Dimension], shown: Sequence[Expr], fill: Sequence[str] = ()) -> str:
        grain = _grain(dimensions)
        trees = [expr.tree for expr in shown]
        used = closure(self.made, trees)
        apart = [m for m in used if _is_apart(m, grain)]
        running = [m for m in apart if m.running in grain]
        apart = [*(m for m in apart if m not in running), *running]
        along.summed(dimensions, apart)
        plain = [m for m in used if m not in apart and not _only_under(self.made, trees, apart, m)]
        groups = _groups([*trees, *(m.expr.tree for m in plain), *self._keyed(running)])
        columns = {group: f"a{n}" for n, group in enumerate(groups)}
        named = {m.name: f"e{n}" for n, m in enumerate(apart)}
        steps: list[str] = []
        made = self._base(dimensions, groups, apart[: len(apart) - len(running)])
        if fill:
            made = self._filled(dimensions, groups, apart[: len(apart) - len(running)], fill, made, steps)
        if running:
            made = self._accumulated(dimensions, groups, apart, running, made)
        at = self.build.alias("g")
        source = f"({made}) AS {at}"
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

    def _keyed(self, running: Sequence[MeasureSymbol]) -> list[Node]:
        """What tells where running figures have rows: the groups they are shown at."""
        trees: list[Node] = [m.expr.tree for m in running]
        return [*trees, *(m.expr.tree for m in closure(self.made, trees))]

    def _base(self, dimensions: Sequence[Dimension], groups: Sequence[Group], apart: Sequence[MeasureSymbol]) -> str:
        grouped = self._grouped(dimensions, groups)
        return self._merged(dimensions, groups, apart, self._beside(dimensions, groups, apart, grouped)) if apart else (
            grouped
        )  # fmt: skip

    def _filled(
        self, dimensions: Sequence[Dimension], groups: Sequence[Group], apart: Sequence[MeasureSymbol],
        fill: Sequence[str], made: str, steps: list[str],
    ) -> str:  # fmt: skip
        """The groups, and for each of the other dimensions' values those of the periods between that have no rows."""
        for at in (n for n, d in enumerate(dimensions) if d.name in fill):
            base, key, period = self.build.alias("b"), self.build.alias("k"), self.build.alias("p")
            steps.append(f"{base} AS MATERIALIZED ({made})")
            others = [f"d{n}" for n in range(len(dimensions)) if n != at]
            keys = f"SELECT DISTINCT {', '.join(others) or '1 AS one'} FROM {base}"
            columns = [f"{period}.v AS d{n}" if n == at else f"{key}.d{n} AS d{n}" for n in range(len(dimensions))]
            columns += self._nothings(groups, apart)
            between = along.periods(self.build, base, at, dimensions[at])
            empty = f"SELECT {', '.join(columns)} FROM ({keys}) AS {key} CROSS JOIN {between} AS {period}"
            made = self._merged(dimensions, groups, apart, [f"SELECT * FROM {base}", empty])
        return made

    def _accumulated(
        self, dimensions: Sequence[Dimension], groups: Sequence[Group], apart: Sequence[MeasureSymbol],
        running: Sequence[MeasureSymbol], made: str,
    ) -> str:  # fmt: skip
        first = len(apart) - len(running)
        at = self.build.alias("g")
        base = [f"{at}.d{n}" for n in range(len(dimensions))] + [f"{at}.a{n}" for n in range(len(groups))]
        base += [f"{at}.e{n}" for n in range(first)]
        base += [f"{self.nothing(m.expr.type.storage[0])} AS e{first + n}" for n, m in enumerate(running)]
        columns = [text.rpartition(".")[2] for text in base[: len(base) - len(running)]]
        places = {d.name: n for n, d in enumerate(dimensions)}
        sums = [(f"e{first + n}", m, places[m.running]) for n, m in enumerate(running)]
        arms = []
        for n, measure in enumerate(running):
            arm, values = self.build.alias("f"), self._finer(dimensions, measure)
            parts = [f"{arm}.d{k} AS d{k}" for k in range(len(dimensions))]
            parts += self._nothings(groups, apart, first + n, f"{arm}.m0")
            arms.append(f"SELECT {', '.join(parts)}, 0 AS here FROM ({values}) AS {arm}")
        rows = f"SELECT {', '.join(base)}, 1 AS here FROM ({made}) AS {at}"
        return along.accumulated(self.build, rows, columns, sums, dimensions, arms)

    def _finer(self, dimensions: Sequence[Dimension], measure: MeasureSymbol) -> str:
        """A measure's values ``m0`` at the grain it is computed at; the asked dimensions are the first."""
        names = _grain(dimensions)
        each = [*measure.each, *([measure.along] if measure.along and measure.along not in measure.each else [])]
        finer = [*dimensions, *(self.made.by_name[d] for d in each if d not in names)]
        here = self
        if measure.running:
            filters = along.since_the_beginning(self.narrow.filters, measure.running)
            here = Grouping(self.build, self.made, replace(self.narrow, filters=filters), self.ready, self.served)
        sql = here._sql(finer, [measure.expr])
        if not measure.stock or measure.along in names:
            return sql
        place = next(n for n, d in enumerate(finer) if d.name == measure.along)
        return f"SELECT * FROM {along.last_of(self.build, f'({sql})', len(finer), place, measure)} AS last_one"

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
        asked = len(dimensions)
        shown = [d.name for d in dimensions]
        carried = [*dimensions, *(d for d in self.narrow.keys if d.name not in shown)]
        carrying, dimensions = [d.name for d in carried], carried
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
        keys, joined = [f"{at}.d{n}" for n in range(asked)], ""
        for n in (n for n in range(asked) if dimensions[n].spans):
            top, whole = self.build.alias("t"), dimensions[n].whole
            joined += f" {'LEFT ' if whole else ''}JOIN {dimensions[n].spans} AS {top} ON {top}.node = {keys[n]}"
            keys[n] = f"{top}.top"
        columns = [f"{key} AS d{n}" for n, key in enumerate(keys)]
        for n, group in enumerate(groups):
            if adding and covered.added(group, self.build) is not None:
                names = tuple(f"{at}.{c}" for c in covered.column_names(group, n, self.build))
                columns.append(f"{kept.total(group.func, names, self.build.dialect)} AS a{n}")
                continue
            type_ = group.item.type if group.item is not None else _ONE
            columns.append(f"{total(group.func, f'{at}.g{n}', type_, group.distinct, context)} AS a{n}")
        by = ", ".join(keys)
        left = ""
        if self.narrow.without:
            same = "IS NOT DISTINCT FROM" if self.build.dialect == "postgresql" else "IS"
            places = ((n, carrying.index(d.name)) for n, d in enumerate(self.narrow.keys))
            pairs = " AND ".join(f"o.d{n} {same} {at}.d{k}" for n, k in places)
            left = f" WHERE NOT EXISTS (SELECT 1 FROM {self.narrow.without} AS o WHERE {pairs or 'TRUE'})"
        there = f" HAVING SUM({at}.n) <> 0" if adding else ""  # a group of which nothing is left is none
        grouped = f" GROUP BY {by}{there}" if by else ""
        rows = f"({' UNION ALL '.join(arms)}) AS {at}{joined}"
        return f"SELECT {', '.join(columns) or '1 AS one'} FROM {rows}{left}{grouped}"

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
        asked = [*dimensions, *(made.by_name[f.path] for f in self.narrow.filters if f is not None and made.declared)]
        mine = [g.item for g in groups if g.source == source.name and g.item is not None]
        rows.lay([*(by.tree for d in asked if (by := d.by.get(source.name)) is not None), *mine])
        columns = []
        for n, dimension in enumerate(dimensions):
            by = dimension.by.get(source.name)
            sql = rows.sql(by) if by is not None else self.nothing(dimension.kind)
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
            return [f"{self.nothing(covered.kind_of(group, self.build))} AS {name}" for name in names]
        context = rows.context(source.name)
        item = emit(rows.laid.over(group.item), context) if made.item is not None and group.item is not None else ""
        where = emit(group.where, context) if group.where is not None else ""
        parts = kept.contributions(made, item, where, "1", self.build.dialect)
        return [f"{part} AS {name}" for part, name in zip(parts, names, strict=True)]

    def _value(self, rows: Rows, source: SourceSymbol, group: Group) -> str:
        type_ = group.item.type if group.item is not None else _ONE
        if group.source != source.name:
            return self.nothing(type_.storage[0])
        context = rows.context(source.name)
        item = emit(rows.laid.over(group.item), context) if group.item is not None else "1"
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
            asked = enumerate(self.narrow.filters)
            wanted += [self._filter(rows, source, n, one) for n, one in asked if one is not None]
        else:
            more, self.specs = filters.conditions(rows, [one for one in self.narrow.filters if one is not None])
            wanted += more
        if self.narrow.where:
            with build.bound_literals():
                wanted.append(rows.sql(expressions.condition(build, entity, self.narrow.where)))
        return wanted

    def _filter(self, rows: Rows, source: SourceSymbol, n: int, one: Filter) -> str:
        """A source that is not split by the dimension has nothing at any of its values."""
        dimension = self.made.by_name[one.path]
        by = dimension.by.get(source.name)
        sql = rows.sql(by) if by is not None else self.nothing(dimension.kind)
        kind, scale, target = dimension.kind, dimension.scale, dimension.target
        return filters.condition(self.build, one.operator, f"f{n}", f"({sql})", kind, scale, target)

    def nothing(self, kind: str) -> str:
        return f"NULL::{PG_TYPES.get(kind, kind)}" if self.build.dialect == "postgresql" else "NULL"

    def _beside(
        self, dimensions: Sequence[Dimension], groups: Sequence[Group], apart: Sequence[MeasureSymbol], grouped: str
    ) -> list[str]:
        """The groups' aggregates, and the values of measures computed at a finer grain, laid under each other."""
        inner = self.build.alias("g")
        keys = [f"{inner}.d{n} AS d{n}" for n in range(len(dimensions))]
        first = [*keys, *(f"{inner}.a{n} AS a{n}" for n in range(len(groups)))]
        first += self._nothings((), apart)
        arms = [f"SELECT {', '.join(first)} FROM ({grouped}) AS {inner}"]
        for at, measure in enumerate(apart):
            alias = self.build.alias("f")
            columns = [f"{alias}.d{n} AS d{n}" for n in range(len(dimensions))]
            columns += self._nothings(groups, apart, at, f"{alias}.m0")
            arms.append(f"SELECT {', '.join(columns)} FROM ({self._finer(dimensions, measure)}) AS {alias}")
        return arms

    def _nothings(
        self, groups: Sequence[Group], apart: Sequence[MeasureSymbol], but: int = -1, value: str = ""
    ) -> list[str]:
        """Columns of aggregates and measures apart without values, but the one that has it."""
        out = [f"{self.nothing(g.type.storage[0])} AS a{n}" for n, g in enumerate(groups)]
        for n, m in enumerate(apart):
            out.append(f"{value} AS e{n}" if n == but else f"{self.nothing(m.expr.type.storage[0])} AS e{n}")
        return out

    def _merged(
        self, dimensions: Sequence[Dimension], groups: Sequence[Group], apart: Sequence[MeasureSymbol],
        arms: Sequence[str],
    ) -> str:  # fmt: skip
        """One row for each group. An aggregate has one value per group: adding it up keeps it, and makes 0 of a group
        that only the finer grain has."""
        out = self.build.alias("b")
        context = Context(self.build.binder, out)
        columns = [f"{out}.d{n} AS d{n}" for n in range(len(dimensions))]
        for n, group in enumerate(groups):
            func = "SUM" if group.func in ("SUM", "COUNT") else "MAX"
            columns.append(f"{total(func, f'{out}.a{n}', group.type, False, context)} AS a{n}")
        columns += [f"{total('SUM', f'{out}.e{n}', m.expr.type, False, context)} AS e{n}" for n, m in enumerate(apart)]
        by = ", ".join(f"{out}.d{n}" for n in range(len(dimensions)))
        grouped = f" GROUP BY {by}" if by else ""
        return f"SELECT {', '.join(columns) or '1 AS one'} FROM ({' UNION ALL '.join(arms)}) AS {out}{grouped}"


def _grain(dimensions: Sequence[Dimension]) -> set[str]:
    """What is told apart: a record of a tree that stands for others is not."""
    return {d.name for d in dimensions if not d.spans}


def _is_apart(measure: MeasureSymbol, grain: set[str]) -> bool:
    """Whether a measure is computed at another grain than it is shown at."""
    balance = bool(measure.stock) and measure.along not in grain
    return bool(measure.running) or balance or (bool(measure.each) and not set(measure.each) <= grain)


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
