"""What stands beside the groups of a question: the rest of them as one, parts of the total, the same some time ago."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from engine.ask import along, expressions
from engine.ask.build import Build
from engine.ask.codes import CODES
from engine.ask.facts import unknown
from engine.ask.grouping import Grouping
from engine.ask.slices import Dimension, Slice
from engine.expr.build.api import Expr
from engine.expr.build.scope import Scope
from engine.expr.build.sql import Context, to_sql
from engine.expr.run.types import Type
from engine.fieldtypes.storage import json_object
from engine.plan.question import FigureQuestion
from engine.problem import Problems, problem

_TIMES = ("month", "date")
_BEFORE = "before"


@dataclass(slots=True)
class Whole:
    """A question's relations: ``source`` of its groups, ``total`` of all of them as one. Columns are ``d<n>``,
    ``m<n>``, and ``b<n>`` of some time ago."""

    build: Build
    made: Slice
    here: Grouping
    question: FigureQuestion
    source: str = field(init=False)
    groups: str = field(init=False)
    total: str = ""
    _page: str = ""
    _steps: list[str] = field(default_factory=list)
    _sum: str = ""

    def __post_init__(self) -> None:
        made, asked = self.made, self.question
        known = {s.name: s for s in made.shown}
        missing = [name for name in asked.share if name not in known]
        if missing:
            raise Problems([unknown("ask.unknown-measure", name, known, figure=made.name) for name in missing])
        wrong = [n for n in asked.fill if n not in {d.name for d in made.dimensions}]
        if wrong:
            names = {d.name: d for d in made.dimensions}
            raise Problems([unknown("ask.unknown-dimension", name, names, figure=made.name) for name in wrong])
        fill = tuple(dict.fromkeys((*made.fill, *asked.fill)))
        self.source = self._with_before(made.dimensions, self.here, fill)
        if asked.totals or asked.share:
            self._sum = self._step("whole", self._with_before((), self.here))
            self.total = f"SELECT * FROM {self._sum}"
        # Said first, not nested where they are needed: SQLite's parser holds only so much that is open at once.
        self.groups = self._step("every", self.source)
        self.source = f"SELECT * FROM {self.groups}"

    def _step(self, letter: str, sql: str) -> str:
        name = self.build.alias(letter)
        self._steps.append(f"{name} AS MATERIALIZED ({sql})")
        return name

    def steps(self) -> str:
        first = [f"{name}{said}" for name, said in (self.build.steps or {}).items()]
        steps = [*first, *self._steps]
        return f"WITH {'RECURSIVE ' if first else ''}{', '.join(steps)} " if steps else ""

    def page(self, found: str) -> str:
        """The rows of one page, in order; ``found`` has the keys ``d<n>``, the row ``j`` and its ``place``."""
        build = self.build
        limit = build.input("limit", "integer")
        offset = build.input("offset", "integer") if self.question.offset else "0"
        kept = build.alias("p")
        self._page = self._step(
            "page",
            f"SELECT * FROM ({found}) AS {kept} WHERE {kept}.place > {offset} AND {kept}.place <= {offset} + {limit}",
        )
        return f"SELECT j FROM {self._page} ORDER BY place"

    def others(self, measures: Callable[[str], list[tuple[str, str]]]) -> str:
        """All groups that are not shown, grouped as one: what does not add up is made anew from their rows."""
        build, made = self.build, self.made
        narrow = replace(self.here.narrow, keys=made.dimensions, without=self._page)
        rest = Grouping(build, made, narrow, self.here.ready, self.here.served)
        at = build.alias("c")
        left = f"(SELECT COUNT(*) FROM {self.groups}) - (SELECT COUNT(*) FROM {self._page})"
        shown = json_object(build.dialect, [("groups", left), *measures(at)])
        return f"SELECT {shown} FROM ({self._with_before((), rest)}) AS {at} WHERE {left} > 0"

    def shown(self, at: str) -> list[tuple[str, Type, str]]:
        """Each measure of the answer and what is told beside it: name, type, SQL over the relation ``at``."""
        out = []
        for n, one in enumerate(self.made.shown):
            value = f"{at}.m{n}"
            out.append((one.name, one.expr.type, value))
            if one.name in self.question.share:
                whole = f"(SELECT m{n} FROM {self._sum})"
                out.append((f"{one.name}_share", *self._made("a / NULLIF(b, 0)", one.expr, value, whole)))
            if self.question.compare:
                then = f"{at}.b{n}"
                out.append((f"{one.name}_before", one.expr.type, then))
                if one.expr.type.kind in ("integer", "decimal"):
                    out.append((f"{one.name}_growth", *self._made("(a - b) / NULLIF(b, 0)", one.expr, value, then)))
        return out

    def _made(self, text: str, of: Expr, first: str, second: str) -> tuple[Type, str]:
        """An expression over two values of a measure; rounded as its type is."""
        world = expressions.reader_world(self.build)
        scope = Scope(world, self.made.module, sources={"": ""}, measures={"a": of.type, "b": of.type})
        expr = expressions.typed(text, scope, slot="measures")
        values = {"a": first, "b": second}
        context = Context(self.build.binder, "", measure_sql=lambda node: values[node.name])
        return expr.type, to_sql(expr, context, fit=self.build.dialect == "postgresql")

    def _with_before(self, dimensions: tuple[Dimension, ...], here: Grouping, fill: tuple[str, ...] = ()) -> str:
        """The groups with what they were some months ago: the same question to rows that count that much later."""
        shown = [s.expr for s in self.made.shown]
        fill = tuple(name for name in fill if name in {d.name for d in dimensions})
        now = here.sql(dimensions, shown, fill)
        if not self.question.compare:
            return now
        time = self._time()
        moved = along.later(time, self.question.compare)
        there = tuple(moved if d.name == time.name else d for d in dimensions)
        keys = tuple(moved if d.name == time.name else d for d in here.narrow.keys)
        made = replace(self.made, by_name={**self.made.by_name, time.name: moved})
        then = Grouping(self.build, made, replace(here.narrow, keys=keys), here.ready, here.served)
        before = then.sql(there, shown)
        a, b, out = (self.build.alias("v") for _ in range(3))
        columns = [f"d{n}" for n in range(len(dimensions))]
        values = range(len(shown))
        empty = [here.nothing(e.type.storage[0]) for e in shown]
        first = [f"{a}.{c} AS {c}" for c in columns] + [f"{a}.m{n} AS m{n}" for n in values]
        first += [f"{empty[n]} AS b{n}" for n in values]
        second = [f"{b}.{c} AS {c}" for c in columns] + [f"{empty[n]} AS m{n}" for n in values]
        second += [f"{b}.m{n} AS b{n}" for n in values]
        both = (
            f"SELECT {', '.join(first)}, 1 AS here FROM ({now}) AS {a}"
            f" UNION ALL SELECT {', '.join(second)}, 0 AS here FROM ({before}) AS {b}"
        )
        picked = [f"{out}.{c} AS {c}" for c in columns]
        picked += [f"MAX({out}.{letter}{n}) AS {letter}{n}" for letter in ("m", "b") for n in values]
        by = f" GROUP BY {', '.join(f'{out}.{c}' for c in columns)}" if columns else ""
        # A period that has not come has no place of its own, whatever was a year before it.
        only = f" HAVING MAX({out}.here) = 1" if any(d.name == time.name for d in dimensions) else ""
        return f"SELECT {', '.join(picked)} FROM ({both}) AS {out}{by}{only}"

    def _time(self) -> Dimension:
        """The time that is compared along: the one asked by, or filtered by, or the only one there is."""
        made = self.made
        named = [d.name for d in made.dimensions] + [f.path for f in self.question.filters]
        times = [d for d in made.by_name.values() if d.by and next(iter(d.by.values())).type.kind in _TIMES]
        found = [d for d in times if d.name in named] or times
        if len(found) != 1:
            what = (
                f"compare: it needs one time dimension, {made.name} has {', '.join(d.name for d in found) or 'none'};"
            )
            raise Problems([problem(CODES["ask.unavailable"], what=what)])
        return found[0]
