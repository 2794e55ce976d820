"""Catalog → what pages show. What a pack leaves out is generated: every entity has a list and a form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.catalog import Aggregation, Catalog, Dashboard, Entity, Field, Form, List, Measure, Menu, Tile
from engine.compile.names import has_column, kind_of
from engine.compile.paths import column_title
from engine.expr.build import tree
from engine.expr.build.additive import adds_up
from engine.expr.build.tree import Group, walk
from engine.fieldtypes import REGISTRY
from engine.label import Label
from engine.plan import page as plan

_COLUMNS = 8
_FILTERS = 4
_FILES = ("files", "images", "file", "image", "signature")
_LONG = ("long_text", "rich_text", "json", *_FILES, "location", "refs")
_ONE_AGGREGATE = re.compile(r"[A-Z]+\((?:DISTINCT )?[\w.]+ WHERE ([^()]+)\)")
_GENERAL = Label("基本信息", "General")


def lists(catalog: Catalog) -> dict[str, plan.ListPage]:
    """Keyed by path; an entity without a list of its own name gets one."""
    out = {path: _list(catalog, made) for path, made in catalog.lists.items()}
    for entity in catalog.entities.values():
        if entity.path not in out and not entity.owned_by:
            out[entity.path] = _generated_list(catalog, entity)
    return out


def _list(catalog: Catalog, made: List) -> plan.ListPage:
    entity = catalog.entities[made.of]
    fallback = _generated_list(catalog, entity)
    columns = made.columns or fallback.columns
    return plan.ListPage(
        made.path,
        made.of,
        made.title,
        columns,
        tuple(column_title(catalog, entity, c) for c in columns),
        made.filters or fallback.filters,
        ",".join(("-" if s.descending else "") + s.path for s in made.sort) or fallback.sort,
        made.rows.text if made.rows is not None else "",
    )


def _generated_list(catalog: Catalog, entity: Entity) -> plan.ListPage:
    first = [*entity.key, *(h.name for h in entity.display.holes if "." not in h.name), *entity.search]
    rest = [f.name for f in entity.fields.values() if _fits_a_column(f)]
    states = [catalog.workflows[w].field for w in entity.workflows]
    names = dict.fromkeys(n for n in (*first, *rest) if n in entity.fields and n not in states)
    columns = (*[n for n in names if _fits_a_column(entity.fields[n])][: _COLUMNS - len(states)], *states)
    filters = [f.name for f in entity.fields.values() if _fits_a_filter(f)][:_FILTERS]
    dates = [f.name for f in entity.fields.values() if kind_of(f) == "date" and has_column(f)]
    sort = f"-{dates[0]}" if dates and states else (entity.key or tuple(columns[:1]) or ("-created_at",))[0]
    return plan.ListPage(
        entity.path,
        entity.path,
        entity.title,
        columns,
        tuple(column_title(catalog, entity, c) for c in columns),
        (*filters, *states),
        sort,
    )


def _fits_a_column(field: Field) -> bool:
    return kind_of(field) != "lines" and field.spec.type not in _LONG


def _fits_a_filter(field: Field) -> bool:
    return has_column(field) and field.spec.type in ("choice", "ref", "user", "boolean", "month")


def forms(catalog: Catalog) -> dict[str, plan.FormPage]:
    out = {path: _form(catalog, made) for path, made in catalog.forms.items()}
    for entity in catalog.entities.values():
        if entity.path not in out:
            out[entity.path] = _generated_form(catalog, entity)
    return out


def _form(catalog: Catalog, made: Form) -> plan.FormPage:
    entity = catalog.entities[made.of]
    shown = {name for section in made.sections.values() for name in section.fields}
    grids = {name: plan.Grid(name, grid.columns) for name, grid in made.grids.items()}
    for field in entity.lines:
        if field.name in shown:
            grids.setdefault(field.name, _grid(catalog, field))
    return plan.FormPage(
        made.path,
        made.of,
        made.title,
        tuple(plan.Section(s.name, s.title, s.fields, s.columns) for s in made.sections.values()),
        grids,
    )


def _generated_form(catalog: Catalog, entity: Entity) -> plan.FormPage:
    plain = tuple(f.name for f in entity.fields.values() if kind_of(f) != "lines")
    sections = [plan.Section("main", _GENERAL, plain)]
    sections += [plan.Section(f.name, f.title, (f.name,), 1) for f in entity.lines]
    grids = {f.name: _grid(catalog, f) for f in entity.lines}
    return plan.FormPage(entity.path, entity.path, entity.title, tuple(sections), grids)


def _grid(catalog: Catalog, field: Field) -> plan.Grid:
    child = catalog.entities[field.target]
    columns = (f.name for f in child.fields.values() if _fits_a_column(f) or f.spec.type in _FILES)
    return plan.Grid(field.name, tuple(columns))


def menus(catalog: Catalog) -> tuple[plan.Menu, ...]:
    return tuple(_menu(catalog, menu) for menu in catalog.menus.values())


def _menu(catalog: Catalog, menu: Menu) -> plan.Menu:
    items = []
    for item in menu.items.values():
        entity = ""
        if item.kind == "list":
            entity = catalog.lists[item.target].of if item.target in catalog.lists else item.target
        elif item.kind == "form" and item.target in catalog.forms:
            entity = catalog.forms[item.target].of
        items.append(plan.MenuItem(item.name, item.title, item.kind, item.target, entity))
    return plan.Menu(menu.path, menu.module, menu.title, menu.icon, tuple(items))


def dashboards(catalog: Catalog) -> dict[str, plan.Dashboard]:
    return {path: _dashboard(catalog, d) for path, d in catalog.dashboards.items()}


def _dashboard(catalog: Catalog, board: Dashboard) -> plan.Dashboard:
    tiles = tuple(_tile(catalog, t) for t in board.tiles.values() if t.aggregation in catalog.aggregations)
    return plan.Dashboard(board.path, board.module, board.title, board.filters, tiles, board.roles)


def _tile(catalog: Catalog, tile: Tile) -> plan.Tile:
    return plan.Tile(
        tile.name,
        tile.title,
        (tile.chart or "bar") if tile.kind == "chart" else tile.kind,
        tile.aggregation,
        tile.measures,
        tile.by,
        ",".join(tile.rows),
        ",".join(tile.columns),
        tile.top,
        tile.compare,
        tile.drill or _behind(catalog, catalog.aggregations[tile.aggregation]),
        wide=tile.wide > 1,
        less=tile.less,
        bound=tile.bound,
        bad=tile.bad,
        lights={name: plan.Light(light.warn, light.alarm) for name, light in tile.lights.items()},
        then=tile.then,
        unit=tile.unit,
        level=tile.level,
    )


def _behind(catalog: Catalog, aggregation: Aggregation) -> str:
    """Whose records stand behind a figure, where the pack does not say: its only source's, or who owns its lines."""
    of = {source.of for source in aggregation.sources.values()}
    entity = catalog.entities[of.pop()] if len(of) == 1 else None
    return "" if entity is None else entity.owned_by or entity.path


def figures(catalog: Catalog) -> dict[str, plan.Figures]:
    return {path: _figures(a) for path, a in catalog.aggregations.items()}


def _figures(aggregation: Aggregation) -> plan.Figures:
    return plan.Figures(
        aggregation.path,
        aggregation.module,
        aggregation.title,
        {
            d.name: plan.Dimension(
                d.name,
                d.title,
                _kind(d.type),
                d.target,
                {s.of: s.by[d.name].text for s in aggregation.sources.values() if d.name in s.by},
                d.bands,
            )
            for d in aggregation.dimensions.values()
        },
        {m.name: _measure(aggregation, m) for m in aggregation.measures.values()},
        tuple(dict.fromkeys(s.of for s in aggregation.sources.values())),
        {s.of: s.rows.text for s in aggregation.sources.values() if s.rows is not None},
    )


def _measure(aggregation: Aggregation, measure: Measure) -> plan.Measure:
    """A measure of unit ``%`` is a fraction; money is in the tenant's currency unless it says otherwise."""
    percent = measure.type == "percent" or measure.unit == "%"
    unit = "" if percent else measure.unit or ("元" if measure.type == "money" else "")
    rows = _ONE_AGGREGATE.fullmatch(measure.expr.text)
    where = rows[1] if rows else ""
    kind, formula = _kind(measure.type), measure.expr.text
    trees = {m.name: m.expr.tree for m in aggregation.measures.values() if not (m.running or m.stock or m.each)}
    adds = measure.name in trees and adds_up(measure.expr.tree, trees)
    return plan.Measure(
        measure.name, measure.title, kind, measure.scale, unit, percent, where, formula, adds, bool(measure.running),
        tuple(dict.fromkeys(_sources(aggregation, measure))),
    )  # fmt: skip


def _sources(aggregation: Aggregation, measure: Measure) -> Iterator[str]:
    """The entities a measure is made of; measures form no ring."""
    for node in walk(measure.expr.tree):
        if isinstance(node, Group):
            yield aggregation.sources[node.source].of
        elif isinstance(node, tree.Measure):
            yield from _sources(aggregation, aggregation.measures[node.name])


def _kind(name: str) -> str:
    return REGISTRY[name].kind if name in REGISTRY else name
