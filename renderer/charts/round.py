"""A ring of parts, and the small line beside a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from renderer.charts.chart import Chart
from renderer.charts.svg import link, tag

_MIDDLE, _OUTER, _INNER = 80.0, 78.0, 50.0


def ring(chart: Chart, middle: str) -> Markup:
    """Parts of a whole; what is below nothing has no part."""
    points = list(chart.series[0].points)
    whole = sum(max(p.size, 0.0) for p in points) or 1.0
    parts, turned = [], 0.0
    for n, point in enumerate(points):
        share = max(point.size, 0.0) / whole
        if share:
            label = f"{chart.categories[n].name}\n{point.told}"
            parts.append(link(point.href, _slice(turned, turned + share, f"bar s{min(n, 5) + 1}"), label=label))
        turned += share
    words = tag("text", middle, class_="middle", x=_MIDDLE, y=_MIDDLE + 6, text_anchor="middle")
    return tag("svg", tag("title", chart.title), *parts, words, class_="ring", viewBox="0 0 160 160", role="img",
               aria_label=chart.title)  # fmt: skip


def _slice(start: float, end: float, look: str) -> Markup:
    if end - start > 0.9999:
        wide = (_OUTER + _INNER) / 2
        return tag("circle", class_=f"{look} all", cx=_MIDDLE, cy=_MIDDLE, r=wide, stroke_width=_OUTER - _INNER)
    (a, b), (c, d) = _on(start, _OUTER), _on(end, _OUTER)
    (e, f), (g, h) = _on(end, _INNER), _on(start, _INNER)
    large = int(end - start > 0.5)
    path = (
        f"M{a:.2f} {b:.2f}A{_OUTER} {_OUTER} 0 {large} 1 {c:.2f} {d:.2f}"
        f"L{e:.2f} {f:.2f}A{_INNER} {_INNER} 0 {large} 0 {g:.2f} {h:.2f}Z"
    )
    return tag("path", class_=look, d=path)


def _on(turn: float, far: float) -> tuple[float, float]:
    angle = turn * 2 * math.pi
    return _MIDDLE + far * math.sin(angle), _MIDDLE - far * math.cos(angle)


def spark(values: Sequence[float], label: str) -> Markup:
    """The last periods as a line without axes."""
    if len(values) < 2:
        return Markup("")
    low, high = min([0.0, *values]), max([0.0, *values])
    size = (high - low) or 1.0
    places = [(n / (len(values) - 1) * 96 + 2, 26 - (v - low) / size * 22) for n, v in enumerate(values)]
    line = tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places), class_="line s1")
    drawn = tag("svg", line, viewBox="0 0 100 30", preserveAspectRatio="none", width="100%", height="30")
    dot = tag("circle", class_="dot s1", cx=f"{places[-1][0]:.1f}%", cy=places[-1][1], r=2.5)
    return tag("svg", tag("title", label), drawn, dot, class_="spark", height=30, role="img", aria_label=label)
