"""The way from a figure to the records behind it: the same choice, said as the filters of a list."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.page import Dimension, Figures, Tile
from engine.plan.viewer import Viewer
from renderer.shell import address, list_of, may

_MONTH = re.compile(r"(\d{4})-(\d{2})(-01)?")
_OF_MONTH = re.compile(r"TO_MONTH\(([\w.]+)\)")
_PATH = re.compile(r"\w+(?:\.\w+)*")
_LAID = re.compile(r"(\w+(?:\.\w+)*)\.\.(\w+(?:\.\w+)*)")
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
    names = set(re.findall(r"(?<![\w.'])[a-z_]\w*(?:\.\w+)*", text))
    up = next((u for u in (target.name, line.owner_field) if u and all(n.startswith(f"{u}.") for n in names)), "")
    return re.sub(rf"\b{up}\.", "", text) if up else ""


def place_params(said: str, value: str, operator: str = "") -> dict[str, str]:
    """One dimension's value as filters."""
    if found := _OF_MONTH.fullmatch(said):
        days = month_range(value)
        if operator == "null":
            return {f"{found[1]}[null]": value}
        wanted = {"": ("gte", "lte"), "gte": ("gte",), "lte": ("lte",)}.get(operator, ())
        return {f"{found[1]}[{one}]": days[one == "lte"] for one in wanted} if days else {}
    if found := _LAID.fullmatch(said):
        days = month_range(value)
        ends = {"": ("lte", "gte"), "gte": ("gte",), "lte": ("lte",)}.get(operator, ())
        places = {"lte": found[1], "gte": found[2]}
        return {f"{places[one]}[{one}]": days[one == "lte"] for one in ends} if days else {}
    return {f"{said}[{operator}]" if operator else said: value} if _PATH.fullmatch(said) else {}


def all_of(conditions: Sequence[str]) -> str:
    """One condition that is all of them."""
    return " AND ".join(f"({one})" for one in conditions) if len(conditions) > 1 else "".join(conditions)


def narrowed(dimension: Dimension, said: str, value: str, operator: str = "") -> tuple[dict[str, str], str]:
    """One dimension's value as filters, and as a condition where it is none of them."""
    if dimension.bands:
        return {}, _aged(dimension, said, value, operator)
    return place_params(said, value, operator), ""


def _aged(dimension: Dimension, said: str, value: str, operator: str) -> str:
    """How long ago, as a condition over the day it is since."""
    if operator == "null":
        return f"{said} IS {'NULL' if value == 'true' else 'NOT NULL'}"
    if not re.fullmatch(r"-1|\d{1,6}", value) or operator not in ("", "gte", "lte"):
        return ""
    first, last = dimension.band(int(value))
    if first < 0:
        return f"{said} IS NOT NULL" if operator == "gte" else f"{said} > today()"
    terms = []
    if operator != "lte":
        terms.append(f"{said} <= today() - {first}")
    if operator != "gte":
        terms.append(f"{said} >= today() - {last}" if last is not None else f"{said} IS NOT NULL")
    return " AND ".join(terms)


def parted(key: str) -> tuple[str, str]:
    """``month[gte]`` as name and operator."""
    name, _, operator = key.partition("[")
    return name, operator.removesuffix("]")


def drill_params(
    app: App, target: Entity, figures: Figures, chosen: Mapping[str, str], measure: str = ""
) -> dict[str, str]:
    """The place of a figure (project, subject, month) and the rows it counts, as parameters of the list."""
    source = next((s for s in figures.sources if s == target.path), "")
    source = source or next(
        (s for s in figures.sources if s in app.entities and app.entities[s].owner == target.path), ""
    )
    out: dict[str, str] = {}
    rest: list[str] = []
    for key, value in chosen.items():
        name, operator = parted(key)
        dimension = figures.dimensions.get(name)
        if dimension is None or not value:
            continue
        said = seen_from(app, target, source, dimension.paths.get(source, ""))
        field = target.fields.get(said)
        short = value[:7] if field is not None and field.spec.type == "month" else value
        filters, condition = narrowed(dimension, said, short, operator)
        out.update(filters)
        rest += [condition] if condition and said else []
    counted = figures.measures[measure].where if measure in figures.measures else ""
    for condition in (figures.where.get(source, ""), counted):
        if said := seen_from(app, target, source, condition):
            if found := _SAME.fullmatch(said):
                out[found[1]] = found[2]
            else:
                rest.append(said)
    if rest:
        out["where"] = all_of(rest)
    return out


def behind(app: App, tile: Tile, figures: Figures, measure: str) -> str:
    """The entity whose records stand behind a measure: the tile's where the measure is made of it, or else its own."""
    sources = figures.measures[measure].sources if measure in figures.measures else figures.sources
    owners = [app.entities[s].owner for s in sources if s in app.entities]
    if tile.drill in sources or tile.drill in owners or (tile.drill and not sources):
        return tile.drill
    return (owners[0] or sources[0]) if len(sources) == 1 and owners else ""


def drill_href(
    app: App, viewer: Viewer, tile: Tile, figures: Figures, chosen: Mapping[str, str], measure: str = ""
) -> str:
    """The list a measure of a tile leads to; nothing when there is none or this person may not read it."""
    target = behind(app, tile, figures, measure)
    for path in dict.fromkeys((target, *figures.sources)):
        source = next((s for s in figures.sources if s == path or app.entities[s].owner == path), "")
        if path not in app.entities or not source or (path != target and app.entities[path].owner != target):
            continue
        page = list_of(app, path)
        if page and may(viewer, path, "read") and _says(app, app.entities[path], figures, source, chosen):
            query = urlencode(drill_params(app, app.entities[path], figures, chosen, measure))
            return f"{address('m', page)}?{query}" if query else address("m", page)
    return ""


def _says(app: App, target: Entity, figures: Figures, source: str, chosen: Mapping[str, str]) -> bool:
    """Whether a list can be narrowed to the whole choice; one that shows more than was counted is no way behind it."""
    for key in chosen:
        dimension = figures.dimensions.get(parted(key)[0])
        said = dimension.paths.get(source, "") if dimension is not None else ""
        if dimension is not None and said:
            there = seen_from(app, target, source, said)
            if not there or not any(narrowed(dimension, there, chosen[key], parted(key)[1])):
                return False
        if dimension is not None and not said and parted(key)[1] != "null":
            return False
    return True


def figure_href(figures: str, measure: str, chosen: Mapping[str, str]) -> str:
    """The way to the page of one figure, for the choice it is shown for."""
    return f"{address('f', figures)}?{urlencode({'measure': measure, **{k: v for k, v in chosen.items() if v}})}"


def tile_href(board: str, tile: str, chosen: Mapping[str, str], by: str = "") -> str:
    """The way to a tile's own page, for a choice, split by something else."""
    query = urlencode({**{k: v for k, v in chosen.items() if v}, **({"by": by} if by else {})})
    return f"{address('d', board)}/{tile}{'?' if query else ''}{query}"
