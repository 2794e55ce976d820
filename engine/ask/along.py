"""Figures along time: accumulated from the beginning, balances of the last period, periods without rows.

Everything here is SQL over groups that are made already: columns ``d<n>`` of dimensions, ``a<n>`` of aggregates and
``e<n>`` of measures computed apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.ask.build import Build
from engine.ask.codes import CODES
from engine.ask.slices import Dimension
from engine.ask.symbols import MeasureSymbol
from engine.expr.build.sql import Context, total_over
from engine.expr.build.tree import Lit, Op
from engine.expr.run.types import Type
from engine.plan.question import Filter
from engine.problem import Problems, problem

LONGEST = 4_000
"""So many periods are filled: a date mistyped by a thousand years must not make a million rows."""
_FROM_BELOW = ("gt", "gte")


def since_the_beginning(filters: Sequence[Filter | None], along: str) -> tuple[Filter | None, ...]:
    """What is accumulated begins where the records do: a filter on the time chooses what is shown, and bounds it from
    above alone; what has no time is outside of it. Places are kept, for values are bound by them."""
    out: list[Filter | None] = []
    for one in filters:
        if one is None or one.path != along:
            out.append(one)
        elif one.operator == "eq":
            out.append(Filter(along, "lte"))
        elif one.operator == "in":
            what = f"{along}[in] with a figure that accumulates"
            raise Problems([problem(CODES["ask.unavailable"], what=what)])
        else:
            out.append(Filter(along, "known") if one.operator in _FROM_BELOW else one)
    return tuple(out)


def last_of(build: Build, source: str, keys: int, along: int, measure: MeasureSymbol) -> str:
    """Of groups ``d0…`` (``keys`` of them, the time at ``along``) with their value ``m0``: for each of the others the
    row of the last (first) period."""
    at, out = build.alias("w"), build.alias("w")
    others = [f"{at}.d{n}" for n in range(keys) if n != along]
    part = f"PARTITION BY {', '.join(others)} " if others else ""
    way = "" if measure.stock == "first" else " DESC"
    rank = f"ROW_NUMBER() OVER ({part}ORDER BY {at}.d{along}{way} NULLS LAST)"
    ranked = f"SELECT {at}.*, {rank} AS place FROM {source} AS {at}"
    return f"(SELECT {out}.* FROM ({ranked}) AS {out} WHERE {out}.place = 1)"


def accumulated(
    build: Build, base: str, columns: Sequence[str], sums: Sequence[tuple[str, MeasureSymbol, int]],
    dimensions: Sequence[Dimension], arms: Sequence[str],
) -> str:  # fmt: skip
    """The groups of ``base`` with what came up to each. ``sums`` are (column, measure, place of its time dimension);
    ``arms`` bring the values, row by row, in the columns of ``base`` and ``sums``, then ``here`` = 0."""
    rows, out = build.alias("r"), build.alias("r")
    context = Context(build.binder, rows)
    shown = [f"{rows}.{name}" for name in columns]
    for name, measure, along in sums:
        others = [f"{rows}.d{n}" for n in range(len(dimensions)) if n != along]
        time = f"{rows}.d{along}"
        # What belongs to no period is not part of any: it stands by itself.
        window = f"(PARTITION BY {', '.join((*others, f'{time} IS NULL'))} ORDER BY {time})"
        shown.append(f"{total_over(f'{rows}.{name}', measure.expr.type, window, context)} AS {name}")
    inner = f"SELECT {', '.join(shown)}, {rows}.here FROM ({' UNION ALL '.join((base, *arms))}) AS {rows}"
    return f"SELECT {out}.* FROM ({inner}) AS {out} WHERE {out}.here = 1"


def periods(build: Build, base: str, at: int, dimension: Dimension) -> str:
    """A relation with a column ``v``: each period from the first to the last of the groups."""
    made = next(iter(dimension.by.values())).type.kind
    if made not in ("month", "date"):
        what = f"fill={dimension.name}: it is neither months nor days"
        raise Problems([problem(CODES["ask.unavailable"], what=what)])
    if build.dialect == "sqlite":
        step = f"dg_add_{'months' if made == 'month' else 'days'}(v, 1)"
    else:
        step = f"(v + INTERVAL '1 {'month' if made == 'month' else 'day'}')::date"
    return (
        f"(WITH RECURSIVE period(v, n) AS (SELECT MIN({base}.d{at}), 1 FROM {base} UNION ALL SELECT {step}, n + 1"
        f" FROM period WHERE v < (SELECT MAX({base}.d{at}) FROM {base}) AND n < {LONGEST})"
        f" SELECT v FROM period WHERE v IS NOT NULL)"
    )


def summed(dimensions: Sequence[Dimension], measures: Sequence[MeasureSymbol]) -> None:
    """Nothing but numbers adds up."""
    for measure in measures:
        if measure.expr.type.kind not in ("integer", "decimal"):
            what = f"{measure.name}: it is {measure.expr.type}, which does not add up"
            raise Problems([problem(CODES["ask.unavailable"], what=what)])


def later(dimension: Dimension, months: int) -> Dimension:
    """The dimension of rows that count so many months after their own time."""
    count = Lit(Type("integer", limit=months), months)
    by = {
        source: replace(
            expr, text=f"ADD_MONTHS({expr.text}, {months})", tree=Op(expr.type, "add_months", (expr.tree, count))
        )
        for source, expr in dimension.by.items()
    }  # fmt: skip
    return replace(dimension, by=by)
