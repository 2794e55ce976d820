"""A dashboard as its template wants it: every figure with unit, comparison and a way to the records behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine.fieldtypes import REGISTRY, Spec
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.page import Dashboard, Dimension, Figures, Measure, Tile
from engine.plan.viewer import DashboardView, Viewer
from renderer.drill import drill_href, figure_href
from renderer.environment import texts
from renderer.lists import Chip, Option, params
from renderer.records import api_of
from renderer.values import EMPTY, Cell, machine_of, state_cell

_MONTH = re.compile(r"\d{4}-\d{2}")
_MOST_MONTHS = 120


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    number: bool


@dataclass(frozen=True, slots=True)
class TableView:
    """Any tile as a table; also what a chart is drawn from when there is no JavaScript."""

    heads: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class TileView:
    name: str
    title: str
    kind: str
    """figure, chart, pivot, table, or closed (the viewer may not read what it sums)."""
    wide: bool
    span: int = 6
    """Of the six columns that panels share."""
    figure: Cell = EMPTY
    unit: str = ""
    change: str = ""
    direction: str = ""
    before: str = ""
    href: str = ""
    why: str = ""
    """The page that says how its figure came to be."""
    chart: Mapping[str, Any] | None = None
    table: TableView | None = None


def month_text(value: Any) -> str:
    return str(value)[:7]


def dimension_cell(app: App, figures: Figures, dimension: Dimension, value: Any, viewer: Viewer) -> Cell:
    """A dimension's value by name: a record's display, a choice's title, a month."""
    t = texts(viewer.language)
    if value is None or value == "":
        return Cell(t("Not split") if len(figures.sources) > 1 else t("Not stated"), "none")
    if isinstance(value, Mapping):
        return Cell(str(value.get("display") or ""), "ref")
    if dimension.kind == "month":
        return Cell(month_text(value), "month")
    if isinstance(value, bool):
        return Cell(REGISTRY["boolean"].format(value, Spec("boolean"), viewer.language, viewer.zone), "boolean")
    return named_choice(app, figures, dimension, value, viewer)


def roots_of(app: App, figures: Figures) -> list[Entity]:
    """The entities a figure is about and those that own them: where its dimensions' words are."""
    sources = [app.entities[s] for s in figures.sources if s in app.entities]
    return sources + [app.entities[e.owner] for e in sources if e.owner in app.entities]


def named_choice(app: App, figures: Figures, dimension: Dimension, value: Any, viewer: Viewer) -> Cell:
    for root in roots_of(app, figures):
        machine = machine_of(app, root)
        if machine is not None and machine.field == dimension.name and str(value) in machine.states:
            return state_cell(machine, value, viewer.language)
        field = root.fields.get(dimension.name)
        if field is not None and field.spec.options:
            text = REGISTRY[field.spec.type].format(value, field.spec, viewer.language, viewer.zone)
            return Cell(text, field.spec.type)
    return Cell(str(value), dimension.kind)


def is_money(measure: Measure) -> bool:
    return measure.unit in ("元", "CNY")


def measure_cell(measure: Measure, value: Any, viewer: Viewer) -> Cell:
    """A figure; of money the exact amount goes along for the 元/万元 switch."""
    if value is None:
        return Cell("–", "none")
    if measure.percent:
        return Cell(f"{Decimal(str(value)) * 100:,.1f} %".replace("-", "−"), "percent")
    if measure.kind == "integer":
        return Cell(REGISTRY["integer"].format(value, Spec("integer"), viewer.language), "integer")
    if measure.kind == "decimal":
        digits = min(measure.scale, 2)
        text = f"{Decimal(str(value)):,.{digits}f}".replace("-", "−")
        return Cell(text, "decimal", money=str(value) if is_money(measure) else "")
    kind = REGISTRY.get(measure.kind)
    return Cell(
        kind.format(value, Spec(measure.kind), viewer.language, viewer.zone) if kind else str(value), measure.kind
    )


def change_of(now: Any, before: Any) -> tuple[str, str]:
    """The change against the period before in percent, and whether it went up or down."""
    if now is None or before is None or Decimal(str(before)) == 0:
        return "", ""
    ratio = (Decimal(str(now)) - Decimal(str(before))) / abs(Decimal(str(before))) * 100
    direction = "up" if ratio > 0 else "down" if ratio < 0 else "same"
    return f"{ratio:+,.1f} %".replace("-", "−"), direction


def rows_of(answer: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return [r for r in (answer or {}).get("rows") or () if isinstance(r, Mapping)]


def raw(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("id") or "")
    return "" if value is None else str(value)


def table_view(app: App, viewer: Viewer, tile: Tile, figures: Figures, view: DashboardView) -> TableView:
    answer = view.answers.get(tile.name)
    dims = [figures.dimensions[d] for d in tile.by if d in figures.dimensions]
    measures = [figures.measures[m] for m in tile.measures if m in figures.measures]
    heads = [Column(d.title.to(viewer.language), False) for d in dims]
    heads += [Column(m.title.to(viewer.language) + unit_mark(m), True) for m in measures]
    rows = []
    for item in rows_of(answer):
        place = dict(view.filters) | {d.name: raw(item.get(d.name)) for d in dims}
        href = drill_href(app, viewer, tile, figures, place)
        cells = [dimension_cell(app, figures, d, item.get(d.name), viewer) for d in dims]
        if cells and href and all(raw(item.get(d.name)) for d in dims):
            cells[-1] = replace(cells[-1], href=href)  # the finest split names the row best
        cells += [measure_cell(m, item.get(m.name), viewer) for m in measures]
        rows.append(tuple(cells))
    rows = [fainter(row, rows[at - 1] if at else (), len(dims)) for at, row in enumerate(rows)]
    totals = (answer or {}).get("totals")
    total: tuple[Cell, ...] = ()
    if isinstance(totals, Mapping) and len(rows) > 1:
        total = tuple([Cell()] * len(dims) + [measure_cell(m, totals.get(m.name), viewer) for m in measures])
    return TableView(tuple(heads), tuple(rows), total)


def fainter(row: tuple[Cell, ...], above: tuple[Cell, ...], dims: int) -> tuple[Cell, ...]:
    """Dimensions that repeat the row above step back, so that groups are seen."""
    same = 0
    while same < dims - 1 and above and row[same].text == above[same].text:
        same += 1
    return (*(replace(c, kind="same") for c in row[:same]), *row[same:])


def unit_mark(measure: Measure) -> str:
    return "" if not measure.unit or is_money(measure) else f" ({measure.unit})"


def pivot_view(app: App, viewer: Viewer, tile: Tile, figures: Figures, view: DashboardView) -> TableView:
    """One measure over two dimensions; rows and columns in the order the answer gives them."""
    down, across = figures.dimensions[tile.rows], figures.dimensions[tile.columns]
    measure = figures.measures[tile.measures[0]]
    items = rows_of(view.answers.get(tile.name))
    ups = {raw(i.get(across.name)): i.get(across.name) for i in items}
    downs = {raw(i.get(down.name)): i.get(down.name) for i in items}
    held = {(raw(i.get(down.name)), raw(i.get(across.name))): i.get(measure.name) for i in items}
    heads = [Column(down.title.to(viewer.language), False)]
    heads += [Column(dimension_cell(app, figures, across, v, viewer).text, True) for v in ups.values()]
    rows = tuple(
        (
            dimension_cell(app, figures, down, value, viewer),
            *(measure_cell(measure, held.get((key, up)), viewer) for up in ups),
        )
        for key, value in downs.items()
    )
    return TableView(tuple(heads), rows)


def months_between(told: list[str]) -> list[str]:
    """Every month from the first to the last, so that an axis of time has even steps; what is no month stays first."""
    months = sorted(m for m in told if _MONTH.fullmatch(m))
    if not months:
        return told
    first, last = ((int(m[:4]) * 12 + int(m[5:7]) - 1) for m in (months[0], months[-1]))
    if last - first > _MOST_MONTHS:
        return told
    return [m for m in told if m not in months] + [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in range(first, last + 1)]


def chart_data(app: App, viewer: Viewer, tile: Tile, figures: Figures, view: DashboardView) -> dict[str, Any]:
    """What the browser draws: categories, and per series its values as text (exact; the drawing rounds)."""
    items = rows_of(view.answers.get(tile.name))
    dims = [figures.dimensions[d] for d in tile.by if d in figures.dimensions]
    measures = [figures.measures[m] for m in tile.measures if m in figures.measures]
    first = dims[0] if dims else None

    def called(dimension: Dimension, item: Mapping[str, Any]) -> str:
        return dimension_cell(app, figures, dimension, item.get(dimension.name), viewer).text

    data: dict[str, Any] = {
        "kind": tile.kind,
        "title": tile.title.to(viewer.language),
        "unit": measures[0].unit if measures else "",
        "money": bool(measures) and is_money(measures[0]),
        "percent": bool(measures) and measures[0].percent,
        "scale": min(measures[0].scale, 2) if measures else 0,
        "flat": bool(tile.top),
    }
    if first is None:
        return data | {"categories": [], "series": []}
    categories = list(dict.fromkeys(called(first, i) for i in items))
    if first.kind == "month":
        categories = months_between(categories)
    if len(dims) > 1 and len(measures) == 1:
        names = list(dict.fromkeys(called(dims[1], i) for i in items))
        held = {(called(first, i), called(dims[1], i)): i.get(measures[0].name) for i in items}
        series = [{"name": n, "values": [held.get((c, n)) for c in categories]} for n in names]
    else:
        of = {called(first, i): i for i in items}
        series = [
            {"name": m.title.to(viewer.language), "values": [of.get(c, {}).get(m.name) for c in categories]}
            for m in measures
        ]
    return data | {"categories": categories, "series": series}


def tile_view(app: App, viewer: Viewer, board: Dashboard, tile: Tile, view: DashboardView) -> TileView:
    figures = app.figures.get(tile.aggregation)
    answer = view.answers.get(tile.name)
    title = tile.title.to(viewer.language)
    wide = tile.wide or tile.kind in ("table", "pivot")
    if figures is None or answer is None:
        return TileView(tile.name, title, "closed", wide and tile.kind != "figure")
    only = tile.measures[0] if len(tile.measures) == 1 else ""
    href = drill_href(app, viewer, tile, figures, view.filters, only)
    chosen = {name: value for name, value in view.filters.items() if name in figures.dimensions}
    why = figure_href(figures.name, tile.measures[0], chosen)
    if tile.kind == "figure":
        measure = figures.measures[tile.measures[0]]
        now = (answer.get("totals") or next(iter(rows_of(answer)), {})).get(measure.name)
        compared = view.compared.get(tile.name)
        before = (compared.get("totals") or next(iter(rows_of(compared)), {})).get(measure.name) if compared else None
        change, direction = change_of(now, before)
        return TileView(
            tile.name,
            title,
            "figure",
            False,
            6,
            measure_cell(measure, now, viewer),
            texts(viewer.language)("yuan") if is_money(measure) else measure.unit,
            change,
            direction,
            measure_cell(measure, before, viewer).text if before is not None else "",
            href,
            why,
        )
    if tile.kind == "pivot":
        pivot = pivot_view(app, viewer, tile, figures, view)
        return TileView(tile.name, title, "pivot", True, href=href, why=why, table=pivot)
    table = table_view(app, viewer, tile, figures, view)
    if tile.kind == "table":
        return TileView(tile.name, title, "table", True, href=href, why=why, table=table)
    chart = chart_data(app, viewer, tile, figures, view)
    wide = wide or (tile.kind != "donut" and not tile.top and len(chart["categories"]) > 12)
    return TileView(tile.name, title, "chart", wide, href=href, why=why, chart=chart, table=table)


def laid_out(tiles: list[TileView]) -> list[TileView]:
    """Panels fill their rows: neighbours that are not wide share one by two, the last of an odd number by three."""
    out: list[TileView] = []
    run: list[TileView] = []
    for tile in [*tiles, None]:
        if tile is not None and not tile.wide:
            run.append(tile)
            continue
        thirds = 3 if len(run) % 2 and len(run) > 1 else 0
        for at, one in enumerate(run):
            out.append(replace(one, span=6 if len(run) == 1 else 2 if at >= len(run) - thirds else 3))
        run = []
        if tile is not None:
            out.append(tile)
    return out


def filter_chip(app: App, viewer: Viewer, board: Dashboard, name: str, view: DashboardView) -> Chip | None:
    """A dashboard's filter: the dimension of that name in any of its aggregations."""
    aggregations = [app.figures[t.aggregation] for t in board.tiles if t.aggregation in app.figures]
    figures = next((f for f in aggregations if name in f.dimensions), None)
    if figures is None:
        return None
    dimension = figures.dimensions[name]
    title = dimension.title.to(viewer.language)
    value = view.filters.get(name, "")
    clear = params(view.filters, (name,))
    if dimension.target:
        said = str(view.chosen.get(name, {}).get("display") or value) if value else ""
        source = api_of(dimension.target)
        return Chip(name, title, "ref", said, value=value, source=source, clear=clear, inputs=(name,))
    if dimension.kind == "month":
        return Chip(name, title, "month", value[:7], value=value[:7], clear=clear, inputs=(name,))
    for root in roots_of(app, figures):
        field = root.fields.get(name)
        if field is not None and field.spec.options:
            options = tuple(Option(o.name, o.title.to(viewer.language), o.name == value) for o in field.spec.options)
            said = next((o.title for o in options if o.chosen), "")
            return Chip(name, title, "choice", said, options, value=value, clear=clear, inputs=(name,))
    return Chip(name, title, "text", value, value=value, clear=clear, inputs=(name,))


def board_context(app: App, viewer: Viewer, board: Dashboard, view: DashboardView) -> dict[str, object]:
    tiles = [tile_view(app, viewer, board, tile, view) for tile in board.tiles]
    chips = [c for name in board.filters if (c := filter_chip(app, viewer, board, name, view))]
    return {
        "board": board,
        "figures": [t for t in tiles if t.kind == "figure"],
        "tiles": laid_out([t for t in tiles if t.kind != "figure"]),
        "chips": chips,
        "as_of": view.as_of,
        "narrowed": any(view.filters.values()),
    }
