"""Expressions inside questions: typed in the reader's world, and seen with the reader's eyes."""

from __future__ import annotations

from dataclasses import replace

from engine.ask import access, figure
from engine.ask.build import Build
from engine.ask.codes import CODES
from engine.expr.build.api import Expr, parse_expression
from engine.expr.build.scope import Scope, Unavailable
from engine.expr.build.sql import Context, Joins, Relation
from engine.expr.build.tree import Path
from engine.expr.build.world import World
from engine.expr.run.types import BOOLEAN, Type
from engine.fieldtypes.storage import quote
from engine.plan.entity import Entity
from engine.problem import Problems, Where, problem


def typed(text: str, scope: Scope, expect: Type | None = None, slot: str = "where") -> Expr:
    """An expression's text, typed; ``slot`` names the parameter it came in, for who is told its column.

    What waits for an absent pack is a problem here: somebody asks now."""
    try:
        return parse_expression(text, scope, expect, Where(slot, 1, 1))
    except Unavailable as waits:
        raise Problems([problem(CODES["ask.unavailable"], what=f"{text} (it waits for {waits.waits_for})")]) from None


def condition(build: Build, entity: Entity, text: str) -> Expr:
    """``where=`` over an entity."""
    return typed(text, reader_scope(build, entity), BOOLEAN)


def reader_scope(build: Build, entity: Entity) -> Scope:
    return Scope(reader_world(build), entity.module, entity.path)


def reader_world(build: Build) -> World:
    """The world without the fields this reader may not know of: they are as unknown as what was never there."""
    world = build.facts.symbols.world
    if build.everything:
        return world
    kept = build.facts.worlds.get(build.roles)
    if kept is None:
        entities = dict(world.entities)
        for path, relation in world.entities.items():
            served = build.facts.entities.get(path)
            gone = {n for n, f in served.fields.items() if build.hidden(served, f)} if served else set()
            if gone:
                known = {n: a for n, a in relation.attributes.items() if n not in gone}
                entities[path] = replace(relation, attributes=known)
        figures = {path: f for path, f in world.figures.items() if not _figure_hidden(build, path)}
        kept = replace(world, entities=entities, figures=figures, typed={})
        build.facts.worlds[build.roles] = kept
    return kept


def _figure_hidden(build: Build, path: str) -> bool:
    aggregation, _, name = path.rpartition(".")
    found = build.facts.symbols.aggregations.get(aggregation)
    measure = found.measures.get(name) if found else None
    return found is not None and measure is not None and build.figure_hidden(found.measures, measure)


def joins(build: Build, declared: bool = False) -> Joins:
    return Joins(build.binder) if declared else Joins(build.binder, _readable(build))


def context(build: Build, alias: str, joined: Joins | None = None) -> Context:
    """Where a reader's expression stands: other records are those he may read, each value as he sees it."""
    masks = None if build.everything else lambda at, path: _masked(build, at, path)
    return Context(
        build.binder,
        alias,
        relation=_readable(build),
        joins=joined,
        figure_sql=lambda node, here: figure.figure_sql(build.facts.symbols, node, here),
        column_sql=masks,
    )


def declared_context(build: Build, alias: str, joined: Joins | None = None) -> Context:
    """Where a pack's expressions stand that give a reader a value (live fields, aggregations): they pass through every
    record, and what is masked or hidden from him there is so in what they give."""
    return replace(whole_context(build, alias, joined), column_sql=context(build, alias).column_sql)


def whole_context(build: Build, alias: str, joined: Joins | None = None) -> Context:
    """Where the pack's own expressions stand (figures): they see everything."""
    return Context(
        build.binder,
        alias,
        joins=joined,
        figure_sql=lambda node, here: figure.figure_sql(build.facts.symbols, node, here),
    )


def _readable(build: Build) -> Relation:
    def relation(path: str, table: str) -> str:
        entity = build.facts.entities.get(path)
        if entity is None or access.rule(build, entity, "read"):
            return quote(table)
        alias = build.alias("v")
        allowed = access.predicate(build, entity, alias, "read")
        return f"(SELECT {alias}.* FROM {quote(table)} AS {alias} WHERE {allowed})"

    return relation


def _masked(build: Build, alias: str, path: Path) -> str | None:
    entity = build.facts.entities.get(path.entity)
    fld = entity.fields.get(path.name) if entity else None
    if entity is None or fld is None or not path.column:
        return None
    if build.sight(entity, fld).plain:
        return None
    return access.masked(build, entity, alias, fld, f"{alias}.{quote(path.column)}")
