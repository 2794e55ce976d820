"""Figures as tables: plain ones with their total, cross tables with totals on both sides, heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine.plan.page import Dimension
from renderer.figures import number, raw, rows_of, tone, unit_mark
from renderer.seen import Item, Seen
from renderer.values import Cell

_HEATS = 5
_SHOWN = 60
"""Columns of a cross table on a page."""


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    number: bool


@dataclass(frozen=True, slots=True)
class TableView:
    """Any tile as a table; also what stands behind a chart. ``heats``: for each cell of the body a step of colour."""

    heads: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()
    heats: tuple[tuple[int, ...], ...] = ()
    left: int = 0
    """Columns that had no room."""


def table_view(seen: Seen) -> TableView:
    language, dims, measures = seen.viewer.language, seen.dimensions, seen.measures
    if seen.bound is not None and seen.bound not in measures:
        measures = [*measures, seen.bound]
    heads = [Column(d.title.to(language), False) for d in dims]
    heads += [Column(m.title.to(language) + unit_mark(m), True) for m in measures]
    rows = []
    for item in seen.items:
        place = seen.place(item, dims)
        cells = [seen.called(d, item.get(d.name)) for d in dims]
        for measure in measures:
            value = number(item.get(measure.name))
            state = tone(seen.tile.lights.get(measure.name), value) if not seen.tile.bound else ""
            cell = seen.cell(measure, item.get(measure.name))
            cells.append(replace(cell, tone=state, href=seen.way(place, measure) if value is not None else ""))
        rows.append(tuple(cells))
    rows = [fainter(row, rows[at - 1] if at else (), len(dims)) for at, row in enumerate(rows)]
    total: tuple[Cell, ...] = ()
    if seen.totals and len(rows) > 1:
        cells = [replace(seen.cell(m, seen.totals.get(m.name)), href=seen.way(seen.chosen, m)) for m in measures]
        total = (*[Cell()] * len(dims), *cells)
    return TableView(tuple(heads), tuple(rows), total)


def fainter(row: tuple[Cell, ...], above: tuple[Cell, ...], dims: int) -> tuple[Cell, ...]:
    """Dimensions that repeat the row above step back, so that groups are seen."""
    same = 0
    while same < dims - 1 and above and row[same].text == above[same].text:
        same += 1
    return (*(replace(c, kind="same") for c in row[:same]), *row[same:])


@dataclass(frozen=True, slots=True)
class _Cross:
    downs: dict[str, Any]
    ups: dict[str, Any]
    values: dict[tuple[str, str], Any]
    right: dict[str, Any]
    below: dict[str, Any]


def cross_view(seen: Seen, heat: bool) -> TableView:
    """One measure over two dimensions, rows and columns in the order the answer gives them, with totals."""
    down, across = seen.figures.dimensions[seen.tile.rows], seen.figures.dimensions[seen.tile.columns]
    found = _cross(seen, down, across)
    t, measure = seen.t, seen.first
    there = {up for (_, up), value in found.values.items() if number(value)}
    ups = [up for up in found.ups if up in there or not heat][:_SHOWN]
    heads = [Column(down.title.to(seen.viewer.language), False)]
    heads += [Column(seen.called(across, found.ups[up]).text, True) for up in ups]
    rows = []
    for key, value in found.downs.items():
        here = {down.name: value}
        name = replace(seen.called(down, value), href=seen.way(seen.place(here, (down,)), measure))
        cells = [name]
        for up in ups:
            place = seen.place({**here, across.name: found.ups[up]}, (down, across))
            cells.append(_cell(seen, found.values.get((key, up)), place))
        if not heat:
            cells.append(_cell(seen, found.right.get(key), seen.place(here, (down,))))
        rows.append(tuple(cells))
    if heat:
        return TableView(tuple(heads), tuple(rows), heats=_heats(found, ups), left=max(len(there) - len(ups), 0))
    heads.append(Column(t("Total"), True))
    total = [Cell()]
    total += [_cell(seen, found.below.get(up), seen.place({across.name: found.ups[up]}, (across,))) for up in ups]
    total.append(_cell(seen, seen.totals.get(measure.name), seen.chosen))
    return TableView(tuple(heads), tuple(rows), tuple(total), left=len(found.ups) - len(ups))


def _cell(seen: Seen, value: Any, place: Mapping[str, str]) -> Cell:
    cell = seen.cell(seen.first, value)
    if value is None:
        return Cell("", "none")
    state = tone(seen.tile.lights.get(seen.first.name), number(value))
    return replace(cell, tone=state, href=seen.way(place, seen.first))


def _cross(seen: Seen, down: Dimension, across: Dimension) -> _Cross:
    name = seen.first.name
    ups = {raw(i.get(across.name)): i.get(across.name) for i in seen.items}
    if across.kind in ("month", "date"):
        ups = dict(sorted(ups.items()))
    downs = {raw(i.get(down.name)): i.get(down.name) for i in seen.items}
    values = {(raw(i.get(down.name)), raw(i.get(across.name))): i.get(name) for i in seen.items}
    if not seen.first.adds:
        right, below = (
            {raw(i.get(d.name)): i.get(name) for i in rows_of(seen.view.sums.get((seen.tile.name, part)))}
            for d, part in ((down, "rows"), (across, "columns"))
        )
        return _Cross(downs, ups, values, right, below)
    if seen.more:  # sums of what is shown would be taken for sums of all
        return _Cross(downs, ups, values, {}, {})
    return _Cross(downs, ups, values, _added(seen.items, down, name), _added(seen.items, across, name))


def _added(items: Sequence[Item], dimension: Dimension, name: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for item in items:
        key, value = raw(item.get(dimension.name)), number(item.get(name))
        if value is not None:
            out[key] = out.get(key, Decimal(0)) + value
    return out


def _heats(found: _Cross, ups: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    most = max((abs(v) for value in found.values.values() if (v := number(value)) is not None), default=Decimal(0))

    def step(value: Any) -> int:
        size = abs(number(value) or Decimal(0))
        return min(_HEATS, int(size * _HEATS / most) + 1) if size and most else 0

    return tuple(tuple(step(found.values.get((down, up))) for up in ups) for down in found.downs)
