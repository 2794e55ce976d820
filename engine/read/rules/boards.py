"""Rules over dashboards: what is drawn along time needs time, what is added up must be a sum."""

from __future__ import annotations

from collections.abc import Iterable

from engine.catalog import Aggregation, Catalog, Tile
from engine.expr.build.additive import adds_up
from engine.label import Label
from engine.problem import Problem, problem
from engine.read.codes import CODES

_TIME = ("month", "date")


def tiles_have_time(catalog: Catalog) -> Iterable[Problem]:
    for tile, aggregation in _tiles(catalog):
        first = tile.by[0] if tile.by else ""
        what: str | Label = ""
        if tile.compare and not _times(aggregation):
            what = f"`compare: {tile.compare}`"
        elif tile.chart == "s_curve" and first not in _times(aggregation):
            what = Label("S 曲线", "an s_curve")
        if what:
            times = ", ".join(f"`{name}`" for name in _times(aggregation))
            month = "`month: TO_MONTH(day)`"
            add = Label(f"请加一个维度，如 {month}", f"add a dimension like {month}")
            meant = f"by: {times}" if times else add
            yield problem(CODES["rule.tile-time"], tile.where, what=what, meant=meant)


def tiles_add_sums(catalog: Catalog) -> Iterable[Problem]:
    for tile, aggregation in _tiles(catalog):
        if tile.chart == "s_curve" or (tile.chart == "waterfall" and tile.by):
            for name in tile.measures:
                if not addable(aggregation, name) and not aggregation.measures[name].running:
                    yield problem(
                        CODES["rule.tile-sum"], tile.where, measure=name, kind=tile.chart,
                        meant=Label("请写出它由哪些合计组成", "name the sums it is made of"),
                    )  # fmt: skip


def addable(aggregation: Aggregation, name: str) -> bool:
    measure = aggregation.measures[name]
    trees = {m.name: m.expr.tree for m in aggregation.measures.values() if not (m.running or m.stock or m.each)}
    return name in trees and adds_up(measure.expr.tree, trees)


def _tiles(catalog: Catalog) -> Iterable[tuple[Tile, Aggregation]]:
    for board in catalog.dashboards.values():
        for tile in board.tiles.values():
            aggregation = catalog.aggregations.get(tile.aggregation)
            if aggregation is not None and all(m in aggregation.measures for m in tile.measures):
                yield tile, aggregation


def _times(aggregation: Aggregation) -> list[str]:
    return [d.name for d in aggregation.dimensions.values() if d.type in _TIME]
