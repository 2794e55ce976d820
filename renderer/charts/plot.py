"""Drawings along time: lines, areas, columns side by side and on top of each other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from markupsafe import Markup

from renderer.charts.chart import Chart, Series
from renderer.charts.scale import Scale, room, scale, short
from renderer.charts.svg import at, link, tag

TOP, GROUND, HEIGHT = 10, 200, 226
_MARGINS = (32, 40, 48, 56, 64, 72)
_WIDTHS = (("hn", 270), ("hm", 520), ("hw", 1000))
"""A class that hides a label at a width, and the pixels there are at it."""
_COLUMN = 30
_MOST_DOTS = 40


def lines(chart: Chart, filled: bool = False) -> Markup:
    axis = scale(p.size for s in chart.series for p in s.points if p.value is not None)
    parts = [*_grid(chart, axis), *_bands(chart)]
    for series in chart.series:
        parts += _line(chart, axis, series, filled and len(chart.series) == 1)
    return _plot(chart, axis, parts)


def columns(chart: Chart, stacked: bool) -> Markup:
    axis = scale(_heights(chart) if stacked else (p.size for s in chart.series for p in s.points))
    parts = [*_grid(chart, axis), *_bands(chart)]
    parts += _stacks(chart, axis) if stacked else _beside(chart, axis)
    parts.append(tag("line", class_="ground", x1="0", x2="100%", y1=_y(axis, 0), y2=_y(axis, 0)))
    return _plot(chart, axis, parts)


def _plot(chart: Chart, axis: Scale, parts: list[Markup]) -> Markup:
    told = [_tick(chart, axis, value) for value in axis.ticks]
    margin = next((m for m in _MARGINS if m >= room(told)), _MARGINS[-1])
    return tag(
        "svg", tag("title", chart.title), *parts, *_labels(chart),
        class_=f"plot ax-{margin}", height=HEIGHT, role="img", aria_label=chart.title,
    )  # fmt: skip


def _y(axis: Scale, value: float) -> float:
    return GROUND - axis.place(value) * (GROUND - TOP)


def _tick(chart: Chart, axis: Scale, value: float) -> str:
    return short(value, max(abs(axis.low), axis.high), chart.language, chart.percent)


def _grid(chart: Chart, axis: Scale) -> Iterator[Markup]:
    for value in axis.ticks:
        y = _y(axis, value)
        yield tag("line", class_="grid", x1="0", x2="100%", y1=y, y2=y)
        yield tag("text", _tick(chart, axis, value), class_="tick", x=-8, y=y + 4, text_anchor="end")


def _labels(chart: Chart) -> Iterator[Markup]:
    """Names below, as many as there is room for at each width."""
    count = len(chart.categories)
    wide = room(c.name for c in chart.categories)
    steps = {name: max(1, -(-count * wide // pixels)) for name, pixels in _WIDTHS}
    for n, category in enumerate(chart.categories):
        gone = " ".join(name for name, step in steps.items() if (count - 1 - n) % step)
        x = at((n + 0.5) / count)
        yield tag("text", category.name, class_=f"label {gone}".strip(), x=x, y=HEIGHT - 6, text_anchor="middle")


def _bands(chart: Chart) -> Iterator[Markup]:
    """What stands at one point of time, in words, over the whole height of it."""
    count = len(chart.categories)
    for n, category in enumerate(chart.categories):
        told = "\n".join([category.name, *(s.points[n].told for s in chart.series if s.points[n].told)])
        area = tag("rect", class_="band", x=at(n / count), width=at(1 / count), y=0, height=GROUND)
        yield link(category.href, area, label=told)


def _line(chart: Chart, axis: Scale, series: Series, filled: bool) -> Iterator[Markup]:
    count = len(chart.categories)
    there = [(n, p) for n, p in enumerate(series.points) if p.value is not None]
    if filled and there:
        shape = [f"{(n + 0.5) / count * 100:.2f},{_y(axis, p.size):.1f}" for n, p in there]
        first, last = (f"{(there[k][0] + 0.5) / count * 100:.2f},{_y(axis, 0):.1f}" for k in (0, -1))
        area = tag("polygon", points=" ".join([first, *shape, last]))
        yield tag("svg", area, class_=f"under {series.look}", viewBox=f"0 0 100 {HEIGHT}", preserveAspectRatio="none",
                  width="100%", height=HEIGHT)  # fmt: skip
    strokes = [
        tag("line", x1=at((a + 0.5) / count), y1=_y(axis, p.size), x2=at((b + 0.5) / count), y2=_y(axis, q.size))
        for (a, p), (b, q) in pairwise(there)
    ]
    yield tag("g", *strokes, class_=f"line {series.look}")
    for n, point in there if count <= _MOST_DOTS or len(there) == 1 else ():
        dot = tag("circle", class_=f"dot {series.look}", cx=at((n + 0.5) / count), cy=_y(axis, point.size), r=3)
        yield link(point.href, dot, label=f"{chart.categories[n].name}\n{point.told}")


def _thin(chart: Chart, side_by_side: int) -> float:
    """The width of a column: never plump where there are few of them."""
    return min(0.72 / len(chart.categories) / side_by_side, _COLUMN / chart.width)


def _beside(chart: Chart, axis: Scale) -> Iterator[Markup]:
    count, many = len(chart.categories), len(chart.series)
    thin = _thin(chart, many)
    for k, series in enumerate(chart.series):
        for n, point in enumerate(series.points):
            if point.value:
                x = (n + 0.5) / count + (k - many / 2) * thin
                yield _column(chart, axis, series.look, n, x, thin * 0.92, 0, point.size, k)


def _stacks(chart: Chart, axis: Scale) -> Iterator[Markup]:
    count, thin = len(chart.categories), _thin(chart, 1)
    for n in range(count):
        up = down = 0.0
        for k, series in enumerate(chart.series):
            size = series.points[n].size
            base = up if size >= 0 else down
            if size:
                yield _column(chart, axis, series.look, n, (n + 0.5) / count - thin / 2, thin, base, base + size, k)
            up, down = (base + size, down) if size >= 0 else (up, base + size)


def _column(
    chart: Chart, axis: Scale, look: str, n: int, x: float, width: float, low: float, high: float, k: int
) -> Markup:
    point = chart.series[k].points[n]
    top, bottom = sorted((_y(axis, low), _y(axis, high)))
    bar = tag("rect", class_=f"bar {look}", x=at(x), width=at(width), y=top, height=max(bottom - top, 1.0))
    return link(point.href, bar, label=f"{chart.categories[n].name}\n{point.told}")


def _heights(chart: Chart) -> Iterator[float]:
    for n in range(len(chart.categories)):
        sizes = [s.points[n].size for s in chart.series]
        yield sum(v for v in sizes if v > 0)
        yield sum(v for v in sizes if v < 0)
