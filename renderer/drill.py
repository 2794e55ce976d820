"""The way from a figure to the records behind it: the same choice, said as the filters of a list."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from urllib.parse import urlencode

from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.page import Figures, Tile
from engine.plan.viewer import Viewer
from renderer.shell import address, list_of, may

_MONTH = re.compile(r"(\d{4})-(\d{2})(-01)?")
_OF_MONTH = re.compile(r"TO_MONTH\(([\w.]+)\)")
_PATH = re.compile(r"[\w.]+")
_SAME = re.compile(r"(\w+) = '(\w+)'")


def month_range(value: str) -> tuple[str, str] | None:
    if not (found := _MONTH.fullmatch(value)):
        return None
    year, month = int(found[1]), int(found[2])
    return f"{value[:7]}-01", f"{value[:7]}-{calendar.monthrange(year, month)[1]:02d}"


def seen_from(app: App, target: Entity, source: str, text: str) -> str:
    """A source's expression as the drilled entity says it: the same, or, of a line's owner, without the way up.
    Empty when it cannot be said there."""
    if source == target.path:
        return text
    line = app.entities.get(source)
    if line is None or line.owner != target.path:
        return ""
    up = line.owner_field or target.name
    names = set(re.findall(r"(?<![\w.'])[a-z_]\w*(?:\.\w+)*", text))
    if any(not name.startswith(f"{up}.") for name in names):
        return ""
    return re.sub(rf"\b{up}\.", "", text)


def place_params(said: str, value: str) -> dict[str, str]:
    """One dimension's value as filters."""
    if found := _OF_MONTH.fullmatch(said):
        days = month_range(value)
        return {f"{found[1]}[gte]": days[0], f"{found[1]}[lte]": days[1]} if days else {}
    return {said: value} if _PATH.fullmatch(said) else {}


def drill_params(
    app: App, target: Entity, figures: Figures, chosen: Mapping[str, str], measure: str = ""
) -> dict[str, str]:
    """The place of a figure (project, subject, month) and the rows it counts, as parameters of the list."""
    source = next((s for s in figures.sources if s == target.path), "")
    source = source or next(
        (s for s in figures.sources if s in app.entities and app.entities[s].owner == target.path), ""
    )
    out: dict[str, str] = {}
    for name, value in chosen.items():
        dimension = figures.dimensions.get(name)
        if dimension is None or not value:
            continue
        said = seen_from(app, target, source, dimension.paths.get(source, ""))
        field = target.fields.get(said)
        short = value[:7] if field is not None and field.spec.type == "month" else value
        out.update(place_params(said, short))
    rest = []
    counted = figures.measures[measure].where if measure in figures.measures else ""
    for condition in (figures.where.get(source, ""), counted):
        if said := seen_from(app, target, source, condition):
            if found := _SAME.fullmatch(said):
                out[found[1]] = found[2]
            else:
                rest.append(said)
    if rest:
        out["where"] = " AND ".join(rest)
    return out


def drill_href(
    app: App, viewer: Viewer, tile: Tile, figures: Figures, chosen: Mapping[str, str], measure: str = ""
) -> str:
    """The list a tile leads to, or nothing when there is none or this person may not read it."""
    if tile.drill not in app.entities or not may(viewer, tile.drill, "read"):
        return ""
    page = list_of(app, tile.drill)
    if not page:
        return ""
    query = urlencode(drill_params(app, app.entities[tile.drill], figures, chosen, measure))
    return f"{address('m', page)}?{query}" if query else address("m", page)


def figure_href(figures: str, measure: str, chosen: Mapping[str, str]) -> str:
    """The way to the page of one figure, for the choice it is shown for."""
    return f"{address('f', figures)}?{urlencode({'measure': measure, **{k: v for k, v in chosen.items() if v}})}"
