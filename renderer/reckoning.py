"""How a figure came to be, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from engine.plan.app import App
from engine.plan.page import Figures, Measure
from engine.plan.viewer import Viewer
from renderer.drill import figure_href
from renderer.environment import render, texts
from renderer.figures import measure_cell
from renderer.shell import Link, address, list_of, shell


def page(app: App, viewer: Viewer, figures: Figures, told: Mapping[str, Any]) -> str:
    t = texts(viewer.language)
    measure = told["measure"]
    title = measure["title"]
    chosen = {one["dimension"]: one["value"] for one in told["chosen"]}

    def shown(one: Mapping[str, Any], value: Any) -> str:
        plan: Measure = figures.measures[one["measure"]]
        return measure_cell(plan, value, viewer).text if value is not None else ""

    parts = [
        {**one, "shown": shown(one, one["value"]), "href": figure_href(figures.name, one["measure"], chosen)}
        for one in told["made_of"]
    ]
    sources = []
    for one in told["sources"]:
        page_of = list_of(app, one["entity"])
        query = urlencode(one["choice"])
        href = f"{address('m', page_of)}{'?' if query else ''}{query}" if page_of else ""
        sources.append({**one, "href": href})
    return render(
        "figure.html",
        **shell(app, viewer, title, (Link(told["title"]), Link(title, current=True))),
        told=told,
        measure=measure,
        value=shown(measure, told["value"]),
        anew=shown(measure, told["reckoned"]),
        parts=parts,
        sources=sources,
        served={
            "rollup": t("from kept sums"),
            "grouped": t("from the records, just now"),
            "mixed": t("partly from kept sums"),
        }.get(told["served"], told["served"]),
    )
