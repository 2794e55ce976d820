"""A dashboard as its template wants it: every tile drawn, with unit, period, comparison and the way behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from markupsafe import Markup

from engine.plan.app import App
from engine.plan.page import Dashboard, Tile
from engine.plan.periods import times
from engine.plan.viewer import DashboardView, Viewer
from renderer.charts.round import spark
from renderer.charts.svg import NOTHING
from renderer.drawings import BarRow, Drawn, Key, drawn
from renderer.drill import drill_href, figure_href, parted, tile_href
from renderer.environment import texts
from renderer.figures import change_of, held, light_word, measure_cell, number, rows_of, share, unit_of
from renderer.filters import chips_of, title_of
from renderer.seen import Seen
from renderer.series import is_time
from renderer.shell import Link
from renderer.tables import TableView, cross_view, table_view
from renderer.values import EMPTY, Cell

_WIDTHS = {2: 380, 3: 580, 6: 1180}


@dataclass(frozen=True, slots=True)
class TileView:
    name: str
    title: str
    kind: str
    """figure, chart, bars, heat, pivot, table, closed (the viewer may not read what it sums) or empty."""
    wide: bool
    span: int = 6
    """Of the six columns that panels share."""
    figure: Cell = EMPTY
    unit: str = ""
    change: str = ""
    direction: str = ""
    before: str = ""
    held_to: str = ""
    """The limit or target in words, and the share of it."""
    gauge: float = -1
    tone: str = ""
    light: str = ""
    href: str = ""
    records: str = ""
    why: str = ""
    """The page that says how its figure came to be."""
    page: str = ""
    period: str = ""
    notes: tuple[str, ...] = ()
    drawing: Markup = NOTHING
    bars: tuple[BarRow, ...] = ()
    keys: tuple[Key, ...] = ()
    table: TableView | None = None
    exports: tuple[tuple[str, str], ...] = ()


def period_of(seen: Seen) -> str:
    """The time it is of: what was chosen, or all of it; nothing where its figures know no time."""
    mine = times(seen.figures)
    if not mine:
        return ""
    told = {parted(k): v for k, v in seen.chosen.items() if parted(k)[0] in mine}
    if not told:
        return seen.t("all periods")
    if exact := [v[:10] for (_, operator), v in told.items() if operator in ("", "in")]:
        return exact[0][:7] if len(exact[0]) == 10 and exact[0].endswith("-01") else exact[0]
    low = next((v for (_, operator), v in told.items() if operator == "gte"), "")
    high = next((v for (_, operator), v in told.items() if operator == "lte"), "")
    return f"{low} – {high}".strip(" –") if low and high else f"{low} –" if low else f"– {high}"


def notes_of(seen: Seen, table: TableView | None = None) -> tuple[str, ...]:
    t = seen.t
    out = []
    if names := [title_of(seen.app, seen.board, name, seen.viewer) for name in seen.unheard]:
        out.append(t("Not narrowed by {filters}", filters=(t(", ")).join(names)))
    if seen.more:
        out.append(t("The first {n} are shown; the export has all", n=len(seen.items)))
    if table is not None and table.left:
        out.append(t("{n} columns have no room here; the export has all", n=table.left))
    return tuple(out)


def exports_of(seen: Seen) -> tuple[tuple[str, str], ...]:
    """To take its figures away, for whoever may take away what they sum."""
    if not all("export" in seen.viewer.can.get(source, ()) for source in seen.figures.sources):
        return ()
    plain = tile_href(seen.board.name, seen.tile.name, seen.view.filters, seen.view.by)
    mark = "&" if "?" in plain else "?"
    path, _, query = plain.partition("?")
    return tuple((f"{path}/export?{query}{mark if query else ''}format={kind}", word) for kind, word in
                 (("xlsx", "Excel"), ("csv", "CSV")))  # fmt: skip


def tile_view(app: App, viewer: Viewer, board: Dashboard, tile: Tile, view: DashboardView, span: int = 0) -> TileView:
    figures = app.figures.get(tile.aggregation)
    title = tile.title.to(viewer.language)
    wide = tile.wide or tile.kind in ("table", "pivot", "heat")
    if figures is None or view.answers.get(tile.name) is None:
        return TileView(tile.name, title, "closed", wide and tile.kind != "figure")
    seen = Seen(app, viewer, board, tile, figures, view)
    base = TileView(
        tile.name, title, tile.kind, wide,
        unit=unit_of(seen.first, viewer, tile.unit),
        records=drill_href(app, viewer, tile, figures, seen.chosen, tile.measures[0]),
        href=seen.way(seen.chosen, seen.first),
        why=figure_href(figures.name, tile.measures[0], seen.chosen),
        page=tile_href(board.name, tile.name, view.filters, view.by),
        period=period_of(seen),
        notes=notes_of(seen),
        exports=exports_of(seen),
    )  # fmt: skip
    if tile.kind == "figure":
        return figure_view(seen, base)
    if not rows_of(seen.answer):
        return replace(base, kind="empty")
    if tile.kind in ("pivot", "heat"):
        table = cross_view(seen, tile.kind == "heat")
        return replace(base, table=table, notes=notes_of(seen, table))
    table = table_view(seen)
    if tile.kind == "table":
        return replace(base, table=table)
    return charted(seen, replace(base, table=table), span)


def charted(seen: Seen, base: TileView, span: int) -> TileView:
    made: Drawn = drawn(seen, _WIDTHS.get(span or 3, 580))
    time = bool(seen.dimensions) and is_time(seen.dimensions[0])
    wide = base.wide or (time and made.count > 12)
    kind = "bars" if made.bars else "chart"
    return replace(base, kind=kind, wide=wide, drawing=made.drawing, bars=made.bars, keys=made.keys)


def figure_view(seen: Seen, base: TileView) -> TileView:
    measure, view = seen.first, seen.view
    item = seen.totals or next(iter(rows_of(seen.answer)), {})
    now = number(item.get(measure.name))
    base = with_bound(seen, base, now, number(item.get(seen.tile.bound)) if seen.bound else None)
    cell = measure_cell(measure, item.get(measure.name), seen.viewer)
    base = replace(base, figure=cell, wide=False)
    if (compared := view.compared.get(seen.tile.name)) is not None:
        old = (compared.get("totals") or next(iter(rows_of(compared)), {})).get(measure.name)
        change, direction = change_of(now, old)
        told = seen.t("{change} vs period before", change=change) if change else ""
        before = measure_cell(measure, old, seen.viewer).text if old is not None else ""
        return replace(base, change=told, direction=direction, before=before)
    if (trend := view.trends.get(seen.tile.name)) is not None:
        return with_trend(seen, base, trend)
    return base


def with_bound(seen: Seen, base: TileView, now: Decimal | None, bound: Decimal | None) -> TileView:
    """How it stands: a light, and against a limit or a target its share of it."""
    found = held(seen.tile, seen.first.name, now, bound)
    base = replace(base, tone=found.tone, light=light_word(found.tone, seen.viewer))
    if seen.bound is None or bound is None:
        return base
    part = share(now, bound)
    told = f"{part * 100:,.1f} %".replace("-", "−") if part is not None else "–"
    held_to = seen.t("{share} of {what} {value}", share=told, what=seen.bound.title.to(seen.viewer.language),
                     value=measure_cell(seen.bound, bound, seen.viewer).text)  # fmt: skip
    return replace(base, held_to=held_to, gauge=min(max(float(part or 0), 0.0), 1.25))


def with_trend(seen: Seen, base: TileView, trend: object) -> TileView:
    """No period was chosen: the last one against the one before it, and a line of the last dozen."""
    assert isinstance(trend, dict)
    time = times(seen.figures)[0]
    measure = seen.first
    kept = [(str(i.get(time))[:7], number(i.get(measure.name))) for i in rows_of(trend) if i.get(time)]
    points = [(at, value) for at, value in reversed(kept) if value is not None]
    if not points:
        return base
    back = 12 if "year" in seen.tile.compare else 3 if "quarter" in seen.tile.compare else 1
    line = spark([float(v) for _, v in points[-12:]], seen.t("{what} by month", what=base.title))
    if len(points) <= back:
        return replace(base, drawing=line)
    (last, now), (_, old) = points[-1], points[-1 - back]
    change, direction = change_of(now, old)
    told = seen.t("{period}: {change} vs period before", period=last, change=change) if change else ""
    return replace(base, drawing=line, change=told, direction=direction)


def laid_out(tiles: Sequence[TileView]) -> list[TileView]:
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


def board_context(app: App, viewer: Viewer, board: Dashboard, view: DashboardView) -> dict[str, object]:
    """Twice: how wide a drawing is drawn depends on who its neighbours are."""
    tiles = [tile_view(app, viewer, board, tile, view) for tile in board.tiles]
    known = {tile.name: tile for tile in board.tiles}
    placed = laid_out([t for t in tiles if t.kind != "figure" and known[t.name].kind != "figure"])
    final = [
        replace(tile_view(app, viewer, board, known[t.name], view, t.span), span=t.span, wide=t.wide)
        if t.kind == "chart" and t.span != 3
        else t
        for t in placed
    ]
    closed = [t for t in tiles if t.kind == "closed" and known[t.name].kind == "figure"]
    t = texts(viewer.language)
    return {
        "board": board,
        "figures": [t for t in tiles if t.kind == "figure"],
        "tiles": final,
        "closed": [one.title for one in closed],
        "chips": chips_of(app, viewer, board, view),
        "as_of": view.as_of,
        "said": view.said,
        "narrowed": any(view.filters.values()),
        "comma": t(", "),
    }  # fmt: skip


def tile_context(app: App, viewer: Viewer, board: Dashboard, view: DashboardView) -> dict[str, object]:
    """The page of one tile: drawn over the whole width, split by whatever its figures can be split by."""
    tile = board.tiles[0]
    made = tile_view(app, viewer, board, tile, view, 6)
    figures = app.figures[tile.aggregation]
    current = view.by or (tile.split[0] if len(tile.split) == 1 else "")
    splits = [
        Link(d.title.to(viewer.language), tile_href(board.name, tile.name, view.filters, d.name), d.name == current)
        for d in figures.dimensions.values()
    ]
    return {
        "tile": made,
        "chips": chips_of(app, viewer, board, view),
        "as_of": view.as_of,
        "said": view.said,
        "narrowed": any(view.filters.values()),
        "splits": splits,
        "by": view.by,
    }
