"""Dashboards as pages: all tiles of one, one tile with what is behind it, and its figures to take away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.plan.page import Dashboard, Figures, Tile
from engine.plan.periods import times
from engine.serve.document import rights
from engine.serve.pages.html import html, viewer
from engine.serve.query import board_export, dashboards, export
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import pairs_of
from renderer import pages as templates


def _named(here: Here, at: At) -> Dashboard:
    found = here.app.dashboards.get(f"{at.names['module']}.{at.names['name']}")
    if found is None:
        raise refuse("api.no-route", path="/" + "/".join(here.asked.path)[:120], nearest="")
    if found.access and not here.me.admin and not set(found.access) & set(here.me.roles):
        raise refuse("access.denied", operation=rights.WORDS["read"], entity=found.title)
    return found


async def _dashboard(here: Here, at: At) -> Answer:
    plan = _named(here, at)
    view = await dashboards.dashboard(here, plan, dashboards.asked(plan, pairs_of(here.asked.query)))
    return html(templates.dashboard_page(here.app, viewer(here.tenant, here.me, here.language), plan, view))


def _one(here: Here, at: At) -> tuple[Dashboard, dict[str, str], str]:
    """The dashboard with this tile alone, narrowed and split as the address says by any dimension of its figures."""
    plan = _named(here, at)
    tile = next((t for t in plan.tiles if t.name == at.names["tile"]), None)
    figures = here.app.figures.get(tile.aggregation) if tile is not None else None
    if tile is None or figures is None:
        raise refuse("api.no-route", path="/" + "/".join(here.asked.path)[:120], nearest="")
    pairs = pairs_of(here.asked.query)
    by = next((value for key, value in pairs if key == "by" and value in figures.dimensions), "")
    filters = tuple(dict.fromkeys((*plan.filters, *figures.dimensions)))
    alone = replace(plan, filters=filters, tiles=(resplit(tile, figures, by),))
    return alone, dashboards.asked(alone, pairs), by


def resplit(tile: Tile, figures: Figures, by: str) -> Tile:
    """The same figures split by something else, in a look that fits it."""
    if not by:
        return tile
    kind = tile.kind
    if kind not in ("table", "bullet", "ageing", "donut"):
        kind = "line" if by in times(figures) and kind not in ("bar", "stacked") else "bar"
    if by in times(figures) and kind in ("bullet", "donut"):
        kind = "bar"
    rest = tuple(one for one in tile.then if one != by)
    return replace(tile, kind=kind, by=(by,), rows="", columns="", top=0, less=(), compare="", then=rest)


async def _tile(here: Here, at: At) -> Answer:
    alone, given, by = _one(here, at)
    view = replace(await dashboards.dashboard(here, alone, given), by=by)
    name = at.names["tile"]
    return html(templates.tile_page(here.app, viewer(here.tenant, here.me, here.language), alone, name, view))


async def _export(here: Here, at: At) -> Answer:
    """Every group, as a workbook or as CSV, for whoever may take away each of what it sums."""
    alone, given, _by = _one(here, at)
    tile = alone.tiles[0]
    for path in here.app.figures[tile.aggregation].sources:
        for operation in ("read", "export"):
            rights.require(here.app, here.me, here.app.entities[path], operation)
    kind = next((v for k, v in pairs_of(here.asked.query) if k == "format"), "xlsx")
    make: Callable[..., bytes] | None = board_export.FORMATS.get(kind)
    if make is None:
        told = " | ".join(board_export.FORMATS)
        raise refuse("api.parameter", name="format", got=kind[:40], expected=told, expected_zh=told)
    view = await dashboards.dashboard(here, replace(alone, tiles=(replace(tile, top=0, compare=""),)), given, True)
    if view.answers[tile.name] is None:
        raise refuse("access.denied", operation=rights.WORDS["export"], entity=tile.title)
    table = board_export.table_of(here.app, viewer(here.tenant, here.me, here.language), alone, view)
    name = f"{tile.title.to(here.language)} {here.moment().today.isoformat()}.{kind}"
    content = make(table, tile.title.to(here.language))
    return Answer(200, content, headers=export.attached(name), media=export.MEDIA[kind])


DOORS = (
    Door("page.dashboard", ("GET", "HEAD"), "d/{module}/{name}", _dashboard),
    Door("page.tile", ("GET", "HEAD"), "d/{module}/{name}/{tile}", _tile),
    Door("page.tile-export", ("GET",), "d/{module}/{name}/{tile}/export", _export),
)
