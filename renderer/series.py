"""Answers as what is drawn: categories along time without gaps, series by measure or by a second dimension."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.plan.page import Dimension, Measure
from renderer.charts.chart import Category, Chart, Point, Series
from renderer.figures import band_name, number, raw
from renderer.seen import Item, Seen

_MONTH = re.compile(r"\d{4}-\d{2}")
_MOST_MONTHS = 120
_MOST_SERIES = 6
_TIME = ("month", "date")


def is_time(dimension: Dimension | None) -> bool:
    return dimension is not None and dimension.kind in _TIME


def months_between(told: list[str]) -> list[str]:
    """Every month from the first to the last, so that an axis of time has even steps; what is no month is left."""
    months = sorted(m for m in told if _MONTH.fullmatch(m))
    if not months:
        return told
    first, last = ((int(m[:4]) * 12 + int(m[5:7]) - 1) for m in (months[0], months[-1]))
    if last - first > _MOST_MONTHS:
        return told
    return [m for m in told if m not in months] + [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(first, last + 1)]


def chart(seen: Seen, width: int, look: str = "s") -> Chart:
    dims = seen.dimensions
    made = Chart(
        seen.tile.title.to(seen.viewer.language), (), (), seen.viewer.language, seen.first.percent,
        bool(dims) and is_time(dims[0]), width,
    )  # fmt: skip
    if not dims:
        return _of_measures(seen, made, look)
    made = _split(seen, made, dims, look) if len(dims) > 1 and len(seen.measures) == 1 else _plain(seen, made, dims)
    made = trimmed(seen, made)
    return replace(made, series=tuple(replace(s, look=f"{look}{min(n, 5) + 1}") for n, s in enumerate(made.series)))


def trimmed(seen: Seen, made: Chart) -> Chart:
    """Without the periods before anything happened and after all had; of a list of the greatest, without nothing."""
    there = [n for n in range(len(made.categories)) if any(s.points[n].value for s in made.series)]
    if not there or not (made.time or (seen.tile.top and seen.tile.kind != "bullet")):
        return made
    keep = range(there[0], there[-1] + 1) if made.time else there
    return replace(
        made,
        categories=tuple(made.categories[n] for n in keep),
        series=tuple(replace(s, points=tuple(s.points[n] for n in keep)) for s in made.series),
    )


def _of_measures(seen: Seen, made: Chart, look: str) -> Chart:
    """Not split: every measure is a row of its own, or, of a bullet, a part of the one row."""
    item = seen.totals or next(iter(seen.items), {})
    points = [_point(seen, m, item.get(m.name), seen.place(None, ())) for m in seen.measures]
    if seen.tile.bound:
        series = [Series(m.title.to(seen.viewer.language), f"{look}{n + 1}", (p,)) for n, (m, p) in
                  enumerate(zip(seen.measures, points, strict=True))]  # fmt: skip
        return replace(made, categories=(Category(made.title),), series=tuple(series))
    names = tuple(
        Category(m.title.to(seen.viewer.language), p.href) for m, p in zip(seen.measures, points, strict=True)
    )
    return replace(made, categories=names, series=(Series("", f"{look}1", tuple(points)),))


def _categories(seen: Seen, dimension: Dimension) -> dict[str, tuple[str, Item | None]]:
    """Raw value → its name and one of its rows. Rows that have no time are no point of a line; months have no gaps."""
    found: dict[str, tuple[str, Item | None]] = {}
    for item in seen.items:
        value = item.get(dimension.name)
        key = raw(value)[:7] if dimension.kind == "month" else raw(value)
        if key or not is_time(dimension):
            found.setdefault(key, (seen.called(dimension, value).text, item))
    if dimension.kind == "month":
        return {m: found.get(m, (m, {dimension.name: f"{m}-01"})) for m in months_between(list(found))}
    return dict(sorted(found.items())) if dimension.kind == "date" else found


def _plain(seen: Seen, made: Chart, dims: Sequence[Dimension]) -> Chart:
    known = _categories(seen, dims[0])
    rest = _rest(seen, seen.measures)
    names, columns = [], []
    for name, item in known.values():
        place = seen.place(item, dims)
        names.append(Category(name, seen.way(place, seen.first)))
        columns.append([_point(seen, m, (item or {}).get(m.name), place) for m in seen.measures])
    if rest:
        names.append(Category(seen.t("Others")))
        columns.append([Point(v, seen.told(m, v)) for m, v in zip(seen.measures, rest, strict=True)])
    series = [
        Series(m.title.to(seen.viewer.language), "", tuple(column[k] for column in columns))
        for k, m in enumerate(seen.measures)
    ]
    return replace(made, categories=tuple(names), series=tuple(series))


def _split(seen: Seen, made: Chart, dims: Sequence[Dimension], look: str) -> Chart:
    """One measure along the first dimension, a series for each value of the second; the smallest are put together
    where they can be added up."""
    measure, (first, second) = seen.first, dims[:2]
    known = _categories(seen, first)
    held: dict[tuple[str, str], Item] = {}
    names: dict[str, str] = {}
    sizes: dict[str, Decimal] = {}
    for item in seen.items:
        key = raw(item.get(first.name))[:7] if first.kind == "month" else raw(item.get(first.name))
        other = raw(item.get(second.name))
        held[key, other] = item
        names.setdefault(other, seen.called(second, item.get(second.name)).text)
        sizes[other] = sizes.get(other, Decimal(0)) + abs(number(item.get(measure.name)) or Decimal(0))
    few = list(names)
    if second.bands:  # all of them in their order, so that a colour is one age
        ages = [str(first) for first in second.ages]
        few = [*(name for name in few if name not in ages), *ages]
        names |= {age: band_name(second, int(age), seen.viewer) for age in ages}
        sizes = dict.fromkeys(few, Decimal(0)) | sizes
    elif look == "s":
        few = sorted(names, key=lambda name: -sizes[name])
    together = few[_MOST_SERIES - 1 :] if measure.adds and len(few) > _MOST_SERIES else []
    few = few[: _MOST_SERIES - 1] if together else few[:_MOST_SERIES]
    series = [
        Series(
            names[other], "", tuple(_cell(seen, measure, held.get((key, other)), dims, names[other]) for key in known)
        )
        for other in few
    ]
    if together:
        sums = [sum((_value(held.get((key, o)), measure) for o in together), Decimal(0)) for key in known]
        others = seen.t("Others")
        series.append(Series(others, "", tuple(Point(v, seen.told(measure, v, others)) for v in sums)))
    categories = [Category(name, seen.way(seen.place(item, (first,)), measure)) for name, item in known.values()]
    return replace(made, categories=tuple(categories), series=tuple(series))


def _cell(seen: Seen, measure: Measure, item: Item | None, dims: Sequence[Dimension], name: str) -> Point:
    return _point(seen, measure, item.get(measure.name), seen.place(item, dims), name) if item else Point()


def _point(seen: Seen, measure: Measure, value: Any, place: Mapping[str, str], name: str = "") -> Point:
    size = number(value)
    return Point(size, seen.told(measure, size, name) if size is not None else "", seen.way(place, measure))


def _value(item: Item | None, measure: Measure) -> Decimal:
    return number((item or {}).get(measure.name)) or Decimal(0)


def _rest(seen: Seen, measures: Sequence[Measure]) -> list[Decimal]:
    """What is not among the greatest, where all of them can be added up; nothing where nothing is left."""
    if not (seen.tile.top or seen.more) or not all(m.adds for m in measures) or not seen.totals:
        return []
    shown = [sum((_value(item, m) for item in seen.items), Decimal(0)) for m in measures]
    rest = [(number(seen.totals.get(m.name)) or Decimal(0)) - s for m, s in zip(measures, shown, strict=True)]
    return rest if any(rest) else []


def accumulated(seen: Seen, made: Chart) -> Chart:
    """Sums from the first period on. A measure that ends before the others ends there, it does not go on level."""
    out = []
    for measure, series in zip(seen.measures, made.series, strict=True):
        if measure.running:
            out.append(series)
            continue
        there = [n for n, p in enumerate(series.points) if p.value]
        sum_, points = Decimal(0), []
        for n, point in enumerate(series.points):
            sum_ += point.value or Decimal(0)
            inside = bool(there) and n <= there[-1]
            points.append(replace(point, value=sum_, told=seen.told(measure, sum_)) if inside else Point())
        out.append(replace(series, points=tuple(points)))
    return replace(made, series=tuple(out))
