"""A dashboard's filters: one chip each, for the dimension of that name in any of its tiles."""

from __future__ import annotations

from collections.abc import Iterator

from engine.plan.app import App
from engine.plan.page import Dashboard, Dimension, Figures
from engine.plan.viewer import DashboardView, Viewer
from renderer.drill import parted
from renderer.environment import texts
from renderer.figures import band_name, roots_of
from renderer.lists import Chip, Option, params
from renderer.records import api_of
from renderer.values import machine_of


def found(app: App, board: Dashboard, name: str) -> tuple[Figures, Dimension] | None:
    for tile in board.tiles:
        figures = app.figures.get(tile.aggregation)
        if figures is not None and name in figures.dimensions:
            return figures, figures.dimensions[name]
    return None


def title_of(app: App, board: Dashboard, name: str, viewer: Viewer) -> str:
    known = found(app, board, name)
    return known[1].title.to(viewer.language) if known else name


def chips_of(app: App, viewer: Viewer, board: Dashboard, view: DashboardView) -> list[Chip]:
    return [chip for name in board.filters if (chip := _chip(app, viewer, board, name, view))]


def _chip(app: App, viewer: Viewer, board: Dashboard, name: str, view: DashboardView) -> Chip | None:
    known = found(app, board, name)
    if known is None:
        return None
    figures, dimension = known
    title = dimension.title.to(viewer.language)
    mine = {parted(key)[1]: value for key, value in view.filters.items() if parted(key)[0] == name}
    value = mine.get("", "")
    keys = tuple(key for key in view.filters if parted(key)[0] == name)
    clear = params(view.filters, keys)
    empty = texts(viewer.language)("Not stated") if "null" in mine else ""
    if dimension.target:
        shown = next((k for k in keys if k in view.chosen), "")
        said = str(view.chosen[shown].get("display")) if shown else value or empty
        if "under" in mine and said:
            said = texts(viewer.language)("{name} and all below", name=said)
        return Chip(name, title, "ref", said, value=value, source=api_of(dimension.target), clear=clear, inputs=(name,))
    if dimension.kind in ("month", "date"):
        said, low, high = _period(mine)
        control = "months" if dimension.kind == "month" else "range"
        return Chip(name, title, control, said or empty, value=value, low=low, high=high, clear=clear, inputs=(name,))
    options = tuple(_options(app, figures, name, value, viewer))
    if options:
        said = next((o.title for o in options if o.chosen), "") or mine.get("in", "") or empty
        return Chip(name, title, "choice", said, options, value=value, clear=clear, inputs=(name,))
    return Chip(name, title, "text", value or empty, value=value, clear=clear, inputs=(name,))


def _period(mine: dict[str, str]) -> tuple[str, str, str]:
    """In words, from, to."""
    one, low, high = (mine.get(operator, "")[:10] for operator in ("", "gte", "lte"))
    if one:
        return one[:7] if one.endswith("-01") else one, low, high
    if not (low or high):
        return "", "", ""
    return low if low == high else f"{low} – {high}", low, high


def _options(app: App, figures: Figures, name: str, value: str, viewer: Viewer) -> Iterator[Option]:
    if (dimension := figures.dimensions[name]).bands:
        for first in (-1, *dimension.ages):
            yield Option(str(first), band_name(dimension, first, viewer), str(first) == value)
        return
    for root in roots_of(app, figures):
        machine = machine_of(app, root)
        if machine is not None and machine.field == name:
            for state in machine.states.values():
                yield Option(state.name, state.title.to(viewer.language), state.name == value)
            return
        field = root.fields.get(name)
        if field is not None and field.spec.options:
            for o in field.spec.options:
                yield Option(o.name, o.title.to(viewer.language), o.name == value)
            return
        if field is not None and field.spec.type == "boolean":
            t = texts(viewer.language)
            yield Option("true", t("Yes"), value == "true")
            yield Option("false", t("No"), value == "false")
            return
