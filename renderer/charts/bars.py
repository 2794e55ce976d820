"""Drawings of which each row is one thing: its name, a bar, its figure. A table that is a chart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from renderer.charts.chart import Chart, Point
from renderer.charts.svg import at, link, tag

_THICK = 14
_BESIDE = 12
_LONGEST = 0.78
"""Of bars whose figure stands behind them, so that it has room."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a waterfall: from where to where; ``whole`` begins at nothing."""

    name: str
    start: Decimal
    end: Decimal
    point: Point
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """From the lowest to the highest place of an axis that lies."""

    low: float
    high: float

    def place(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)


def span(values: Sequence[float]) -> Span:
    low, high = min([0.0, *values]), max([0.0, *values])
    return Span(low, high if high > low else low + 1)


def beside(chart: Chart, shorts: Sequence[Sequence[str]]) -> list[Markup]:
    """For each category one bar a series, and behind it its figure in short."""
    axis = span([p.size for s in chart.series for p in s.points])
    height = len(chart.series) * (_BESIDE + 3) + 3
    out = []
    for n, category in enumerate(chart.categories):
        parts = []
        for k, series in enumerate(chart.series):
            point = series.points[n]
            y = 3 + k * (_BESIDE + 3)
            start, end = sorted((axis.place(0), axis.place(point.size)))
            bar = tag("rect", class_=f"bar {series.look}", x=at(start * _LONGEST), y=y, height=_BESIDE,
                      width=at(max((end - start) * _LONGEST, 0.002 if point.value else 0)))  # fmt: skip
            word = tag("text", shorts[k][n], class_="at-bar", x=at(end * _LONGEST), dx=5, y=y + _BESIDE - 2)
            parts.append(link(point.href, bar, word, label=f"{category.name}\n{point.told}"))
        out.append(_bar(height, parts))
    return out


def stacked(chart: Chart) -> list[Markup]:
    """For each category its series one after the other."""
    ups = [sum(s.points[n].size for s in chart.series if s.points[n].size > 0) for n in range(len(chart.categories))]
    downs = [sum(s.points[n].size for s in chart.series if s.points[n].size < 0) for n in range(len(chart.categories))]
    axis = span([*ups, *downs])
    out = []
    for n, category in enumerate(chart.categories):
        up = down = 0.0
        parts = []
        for series in chart.series:
            point = series.points[n]
            base = up if point.size >= 0 else down
            start, end = sorted((axis.place(base), axis.place(base + point.size)))
            up, down = (base + point.size, down) if point.size >= 0 else (up, base + point.size)
            if point.value:
                parts.append(_piece(series.look, start, end, point, category.name))
        out.append(_bar(_THICK + 6, parts))
    return out


def bullets(chart: Chart, bounds: Sequence[Decimal | None]) -> list[Markup]:
    """For each category what is taken of its bound, which stands at the same place in every row."""
    shares = [
        sum(s.points[n].size for s in chart.series) / float(bound) if bound else 0.0 for n, bound in enumerate(bounds)
    ]
    high = min(max([1.15, *shares]), 1.6)
    out = []
    for n, category in enumerate(chart.categories):
        bound = bounds[n]
        parts = [tag("rect", class_="track", x="0", y=3, height=_THICK, width=at(1 / high))]
        here = 0.0
        for series in chart.series if bound else ():
            point = series.points[n]
            end = min(max(here + point.size / float(bound or 1), 0.0), high)
            if point.value:
                start, stop = sorted((here / high, end / high))
                parts.append(_piece(series.look, start, stop, point, category.name))
            here = end
        parts.append(tag("line", class_="bound", x1=at(1 / high), x2=at(1 / high), y1=0, y2=_THICK + 6))
        out.append(_bar(_THICK + 6, parts))
    return out


def waterfall(steps: Sequence[Step]) -> list[Markup]:
    axis = span([float(v) for s in steps for v in (s.start, s.end)])
    out = []
    for n, step in enumerate(steps):
        start, end = sorted((axis.place(float(step.start)), axis.place(float(step.end))))
        look = "whole" if step.whole else "down" if step.end < step.start else "up"
        parts = [_piece(look, start, end, step.point, step.name)]
        if n + 1 < len(steps):
            x = at(axis.place(float(step.end)))
            parts.append(tag("line", class_="joint", x1=x, x2=x, y1=3 + _THICK, y2=_THICK + 12))
        if n:
            x = at(axis.place(float(steps[n - 1].end)))
            parts.append(tag("line", class_="joint", x1=x, x2=x, y1=-6, y2=3))
        out.append(_bar(_THICK + 6, parts))
    return out


def _piece(look: str, start: float, end: float, point: Point, name: str) -> Markup:
    bar = tag("rect", class_=f"bar {look}", x=at(start), y=3, height=_THICK, width=at(max(end - start, 0.002)))
    return link(point.href, bar, label=f"{name}\n{point.told}")


def _bar(height: int, parts: Sequence[Markup]) -> Markup:
    return tag("svg", *parts, class_="row-bar", height=height, width="100%", aria_hidden="true")


def sums(chart: Chart) -> Iterator[Decimal]:
    for n in range(len(chart.categories)):
        yield sum((s.points[n].value or Decimal(0) for s in chart.series), Decimal(0))
