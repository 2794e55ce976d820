"""Which drawing a look is: rows of bars, a plot along time, a ring; with its legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from markupsafe import Markup

from renderer.charts import bars, plot
from renderer.charts.bars import Step
from renderer.charts.chart import Chart, Point
from renderer.charts.round import ring
from renderer.charts.scale import short
from renderer.charts.svg import NOTHING
from renderer.figures import held, light_word, number
from renderer.seen import Seen
from renderer.series import accumulated, chart
from renderer.values import EMPTY, Cell

_LEAST = 3
"""Points that make a line; fewer are columns."""


@dataclass(frozen=True, slots=True)
class Key:
    """One line of a legend."""

    look: str
    name: str
    value: Cell = EMPTY
    share: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class BarRow:
    name: str
    href: str
    drawing: Markup
    value: Cell = EMPTY
    share: str = ""
    tone: str = ""
    light: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    drawing: Markup = NOTHING
    bars: tuple[BarRow, ...] = ()
    keys: tuple[Key, ...] = ()
    count: int = 0
    """Of categories."""


def drawn(seen: Seen, width: int) -> Drawn:
    kind = seen.tile.kind
    if kind == "waterfall":
        return _waterfall(seen)
    made = chart(seen, width, "a" if kind == "ageing" else "s")
    if kind == "donut":
        return _ring(seen, made)
    if kind == "bullet":
        return _bullets(seen, made)
    if kind == "s_curve":
        made = accumulated(seen, made)
    keys = _legend(made)
    if kind in ("line", "area", "s_curve") and not (made.time and len(made.categories) < _LEAST):
        return Drawn(plot.lines(made, kind == "area"), keys=keys, count=len(made.categories))
    if made.time:
        stacked = kind in ("stacked", "ageing")
        return Drawn(plot.columns(made, stacked), keys=keys, count=len(made.categories))
    return _rows(seen, made, kind in ("stacked", "ageing"), keys)


def _legend(made: Chart) -> tuple[Key, ...]:
    return tuple(Key(s.look, s.name) for s in made.series) if len(made.series) > 1 else ()


def _rows(seen: Seen, made: Chart, stacked: bool, keys: tuple[Key, ...]) -> Drawn:
    """Bars that lie: names need room, most of all on a phone."""
    one = stacked or len(made.series) == 1
    if one:
        drawings = bars.stacked(made)
        values = [seen.cell(seen.first, v) for v in bars.sums(made)]
    else:
        words = [[_short(made, p) for p in s.points] for s in made.series]
        drawings, values = bars.beside(made, words), []
    if not seen.dimensions and stacked:  # bands of age without a split: each band its own colour
        made = replace(made, series=tuple(replace(s, look="a1") for s in made.series))
    rows = tuple(
        BarRow(c.name, c.href, drawings[n], _linked(values[n], c.href) if values else EMPTY)
        for n, c in enumerate(made.categories)
    )
    return Drawn(bars=rows, keys=keys, count=len(rows))


def _linked(cell: Cell, href: str) -> Cell:
    return replace(cell, href=href)


def _short(made: Chart, point: Point) -> str:
    return short(point.value, made.most, made.language, made.percent) if point.value else ""


def _bullets(seen: Seen, made: Chart) -> Drawn:
    bound = seen.bound
    assert bound is not None
    items = seen.items if seen.dimensions else [seen.totals or next(iter(seen.items), {})]
    bounds: list[Decimal | None] = [number(i.get(bound.name)) for i in items][: len(made.categories)]
    if len(bounds) < len(made.categories):  # the rest of a top list
        whole = number(seen.totals.get(bound.name))
        told = sum((b or Decimal(0) for b in bounds), Decimal(0))
        bounds.append(whole - told if whole is not None and bound.adds else None)
    rows = []
    for n, (category, drawing, value) in enumerate(
        zip(made.categories, bars.bullets(made, bounds), bars.sums(made), strict=True)
    ):
        state = held(seen.tile, seen.first.name, value, bounds[n])
        told_share = f"{state.share * 100:,.1f} %".replace("-", "−") if state.share is not None else "–"
        cell = _linked(seen.cell(seen.first, value), category.href)
        light = light_word(state.tone, seen.viewer)
        rows.append(BarRow(category.name, category.href, drawing, cell, told_share, state.tone, light))
    keys = (*_legend(made), Key("bound", bound.title.to(seen.viewer.language)))
    if len(made.series) == 1:
        keys = (Key(made.series[0].look, made.series[0].name), *keys)
    return Drawn(bars=tuple(rows), keys=keys, count=len(rows))


def _waterfall(seen: Seen) -> Drawn:
    steps = _groups(seen) if seen.dimensions else _measures(seen)
    rows = tuple(
        BarRow(s.name, s.point.href, drawing, _linked(seen.cell(seen.first, s.point.value), s.point.href),
               strong=s.whole)
        for s, drawing in zip(steps, bars.waterfall(steps), strict=True)
    )  # fmt: skip
    return Drawn(bars=rows, count=len(rows))


def _measures(seen: Seen) -> list[Step]:
    """From the first measure by those between to the last, which begin and end at nothing."""
    item = seen.totals or next(iter(seen.items), {})
    out: list[Step] = []
    here = Decimal(0)
    for n, measure in enumerate(seen.measures):
        value = number(item.get(measure.name)) or Decimal(0)
        whole = n in (0, len(seen.measures) - 1)
        step = -value if measure.name in seen.tile.less else value
        start = Decimal(0) if whole else here
        here = start + step
        point = Point(step, seen.told(measure, step), seen.way(seen.chosen, measure))
        out.append(Step(measure.title.to(seen.viewer.language), start, here, point, whole))
    return out


def _groups(seen: Seen) -> list[Step]:
    """What each group adds, and all of it at the end."""
    made = chart(seen, 580)
    out: list[Step] = []
    here = Decimal(0)
    for category, point in zip(made.categories, made.series[0].points, strict=True):
        value = point.value or Decimal(0)
        out.append(Step(category.name, here, here + value, point))
        here += value
    last = Point(here, seen.told(seen.first, here), seen.way(seen.chosen, seen.first))
    return [*out, Step(seen.t("Total"), Decimal(0), here, last, True)]


def _ring(seen: Seen, made: Chart) -> Drawn:
    """More parts than colours are put together, as far as they can be added up."""
    points = list(made.series[0].points)
    order: Sequence[int] = sorted((n for n in range(len(points)) if points[n].value), key=lambda n: -points[n].size)
    few, rest = (order[:5], order[5:]) if len(order) > 6 else (order, [])
    categories = [made.categories[n] for n in few]
    shown = [points[n] for n in few]
    if rest:
        value = sum((points[n].value or Decimal(0) for n in rest), Decimal(0))
        categories.append(replace(made.categories[rest[0]], name=seen.t("Others"), href=""))
        shown.append(Point(value, seen.told(seen.first, value)))
    whole = sum((p.value for p in shown if p.value and p.value > 0), Decimal(0))
    keys = tuple(
        Key(f"s{min(n, 5) + 1}", c.name, seen.cell(seen.first, p.value), _share(p, whole), c.href)
        for n, (c, p) in enumerate(zip(categories, shown, strict=True))
    )
    total = number(seen.totals.get(seen.first.name)) or whole
    middle = short(total, float(total), made.language, made.percent)
    made = replace(made, categories=tuple(categories), series=(replace(made.series[0], points=tuple(shown)),))
    return Drawn(ring(made, middle), keys=keys, count=len(keys))


def _share(point: Point, whole: Decimal) -> str:
    return f"{point.value / whole * 100:,.1f} %" if whole and point.value and point.value > 0 else "–"
