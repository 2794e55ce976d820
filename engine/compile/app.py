"""The pipeline of this room: each stage is a function from the catalogue to one part of the App."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256

from engine import __version__
from engine.catalog import Catalog, Entity
from engine.compile import (
    at_once,
    checks,
    data,
    documents,
    entities,
    guards,
    late,
    machines,
    numbers,
    openapi,
    pages,
    people,
    postings,
    rollup_sql,
    rollups,
    writes,
)
from engine.compile.late import Late
from engine.compile.names import born, owner_column, owner_of
from engine.compile.refused import refuse
from engine.compile.symbols import symbols
from engine.compile.tables import tables
from engine.plan.app import App
from engine.plan.entity import LineWrite, TableWrite, Write
from engine.plan.statement import Dialect


def compile_app(catalog: Catalog, dialect: Dialect) -> App:
    refuse(catalog)
    known = guards.keys(catalog)
    delayed = {e.path: late.late(catalog, e) for e in catalog.entities.values() if not e.owned_by}
    shapes = {e.path: writes.shape(catalog, e, delayed[catalog.root_of(e).path]) for e in catalog.entities.values()}
    built = {
        e.path: entities.entity(catalog, e, _write(catalog, e, shapes, delayed, known, dialect))
        for e in catalog.entities.values()
    }
    moving = {w.path: machines.machine(catalog, w, shapes[w.of], dialect) for w in catalog.workflows.values()}
    shown = pages.figures(catalog)
    kept = rollups.symbols(catalog)
    title = next((m.title.to("en") for m in reversed(list(catalog.modules.values()))), "Dougong")
    return App(
        dialect=dialect,
        digest=sha256(f"{catalog.digest} {__version__}".encode()).hexdigest(),
        modules=data.modules(catalog),
        tables=tables(catalog, guards.columns(known), dialect),
        entities=built,
        machines=moving,
        figures=shown,
        lists=pages.lists(catalog),
        forms=pages.forms(catalog),
        menus=pages.menus(catalog),
        dashboards=pages.dashboards(catalog),
        settings=data.settings(catalog),
        roles=data.roles(catalog),
        people=people.plan(catalog, dialect),
        imports=data.imports(catalog),
        seeds=data.rows(catalog.seeds),
        demo=data.rows(catalog.demo),
        openapi=openapi.document(title, __version__, built, moving, shown),
        symbols=symbols(catalog, kept),
        born=born(catalog),
        logs=rollup_sql.logs(catalog, kept, dialect),
    )


def _write(
    catalog: Catalog,
    entity: Entity,
    shapes: Mapping[str, writes.Shape],
    delayed: Mapping[str, Late],
    known: tuple[guards.Key, ...],
    dialect: Dialect,
) -> Write | None:
    """Lines are written with their root, so only roots have a way of being written."""
    if entity.owned_by:
        return None
    write = Write(
        _table(shapes[entity.path], dialect),
        _lines(catalog, entity, shapes, dialect),
        documents.lock(catalog, entity, dialect),
        late.passes(catalog, entity, delayed[entity.path], dialect),
        guards.statements(catalog, entity, known, dialect),
        checks.statements(catalog, entity, dialect),
        documents.read_back(catalog, entity, dialect),
        postings.postings(catalog, entity, dialect),
    )
    return replace(write, at_once=at_once.at_once(catalog, shapes[entity.path], write, dialect))


def _table(shape: writes.Shape, dialect: Dialect) -> TableWrite:
    return TableWrite(
        shape.entity.path,
        shape.table,
        tuple((c.called, c.kind, c.scale) for c in shape.inputs),
        writes.insert(shape, dialect),
        writes.update(shape, dialect),
        writes.remove(shape, dialect),
        numbers.numbers(shape.catalog, shape.entity, dialect),
        writes.companions(shape, dialect),
        writes.links(shape, dialect),
    )


def _lines(
    catalog: Catalog, entity: Entity, shapes: Mapping[str, writes.Shape], dialect: Dialect
) -> tuple[LineWrite, ...]:
    return tuple(
        LineWrite(
            f.name,
            owner_of(catalog.entities[f.target]),
            owner_column(catalog, catalog.entities[f.target]),
            _table(shapes[f.target], dialect),
            _lines(catalog, catalog.entities[f.target], shapes, dialect),
        )
        for f in entity.lines
    )
