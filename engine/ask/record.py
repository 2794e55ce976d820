"""One record as JSON, built by the database: values, references with their display, lines, expansions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.ask import access, display
from engine.ask.build import Build
from engine.ask.codes import CODES
from engine.ask.facts import owner_column, unknown
from engine.ask.rows import Cell, Rows
from engine.fieldtypes.storage import json_object, json_value, literal, quote
from engine.plan.entity import Entity, Field
from engine.plan.question import Expand
from engine.problem import Problems, problem

_ALWAYS = ("id", "rev")
_LAST = ("created_at", "created_by", "updated_at", "updated_by")
_INSIDE = ("deleted_at", "position")
"""Shown only when asked for by name."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a record is asked for. ``lines``: whether owned lines are shown without being named."""

    fields: tuple[str, ...] = ()
    expand: tuple[Expand, ...] = ()
    lines: bool = False
    bin: bool = False


def as_json(rows: Rows, alias: str, entity: Entity, shape: Shape, prefix: tuple[str, ...] = ()) -> str:
    """SQL of the JSON object of the record at ``alias``, which is the base of ``rows`` or joined there."""
    build = rows.build
    pairs = [(name, f"{alias}.{name}") for name in _ALWAYS]
    pairs.append(("display", display.of_record(rows, alias, entity, prefix)))
    pairs += _fields(rows, alias, entity, shape, prefix)
    if entity.kind == "ledger" and not shape.fields:
        pairs.append(("_source", _source(rows, alias, entity)))
    return json_object(build.dialect, pairs)


def _source(rows: Rows, alias: str, ledger: Entity) -> str:
    """The document an entry came from: the way from a figure back to what people wrote."""
    documents = [
        (all(made.into != ledger.path for made in one.write.postings), literal(one.table), literal(one.path))
        for one in rows.build.facts.entities.values()
        if one.write is not None and one.kind != "ledger"
    ]
    whens = " ".join(f"WHEN {table} THEN {path}" for _, table, path in sorted(documents))
    called = f"CASE {alias}._source {whens} ELSE {alias}._source END" if whens else f"{alias}._source"
    told = [("entity", called), ("id", f"{alias}._source_id"), ("posting", f"{alias}._posting")]
    return f"CASE WHEN {alias}._source IS NOT NULL THEN {json_object(rows.build.dialect, told)} END"


def _fields(rows: Rows, alias: str, entity: Entity, shape: Shape, prefix: tuple[str, ...]) -> list[tuple[str, str]]:
    known = rows.known(entity)
    expand = {e.path: e for e in shape.expand}
    _refuse_expansions(entity, known, expand)
    out: list[tuple[str, str]] = []
    taken = {*_ALWAYS, "display"}
    for name in dict.fromkeys((*(shape.fields or _usual(entity, known, shape)), *expand)):
        if name in taken:
            continue
        field = known.get(name)
        if field is not None and field.kind == "lines":
            inner = expand.get(name, Expand(name)).inner
            out.append((name, _lines(rows.build, entity, alias, field, shape, inner)))
        elif name in expand and field is not None:
            out.append((name, _expanded(rows, _at(rows, alias, entity, name, prefix), expand[name], shape)))
        else:
            out.append((name, value_json(rows, _at(rows, alias, entity, name, prefix))))
    return out


def _usual(entity: Entity, known: Mapping[str, Field], shape: Shape) -> tuple[str, ...]:
    names = [
        n for n, f in known.items()
        if n not in _INSIDE and n not in _LAST and (f.kind != "lines" or shape.lines)
    ]  # fmt: skip
    last = [n for n in _LAST if n in known and not entity.owner]
    return (*names, *last, *(("deleted_at",) if shape.bin and "deleted_at" in known else ()))


def _at(rows: Rows, alias: str, entity: Entity, name: str, prefix: tuple[str, ...]) -> Cell:
    if alias == rows.base:
        return rows.cell(name)
    if "." in name or name not in rows.known(entity):
        raise Problems([unknown("ask.unknown-field", name, rows.known(entity), entity=entity.path)])
    return rows.inside(alias, entity, name, prefix)


def _refuse_expansions(entity: Entity, known: Mapping[str, Field], expand: dict[str, Expand]) -> None:
    wrong = []
    for name in expand:
        field = known.get(name)
        if field is None:
            wrong.append(unknown("ask.unknown-field", name, known, entity=entity.path))
        elif field.kind != "lines" and not (field.kind == "uuid" and field.target and name != "id"):
            wrong.append(problem(CODES["ask.not-expandable"], name=name))
    if wrong:
        raise Problems(wrong)


def value_json(rows: Rows, cell: Cell) -> str:
    """A field's value in its JSON form; a reference as its id and display."""
    dialect = rows.build.dialect
    if cell.kind == "uuid" and cell.field.target and cell.path[-1] != "id":
        if rows.build.facts.entities.get(cell.field.target) is None:
            return cell.sql
        shown = json_object(dialect, [("id", cell.sql), ("display", display.of_reference(rows, cell))])
        return f"CASE WHEN {cell.sql} IS NOT NULL THEN {shown} END"
    if cell.kind == "json" and cell.field.spec.type == "refs":
        return _references(rows.build, cell)
    if cell.kind == "lines":
        raise Problems([problem(CODES["ask.through-lines"], path=".".join(cell.path))])
    return json_value(cell.kind, cell.scale, dialect, cell.sql)


def _references(build: Build, cell: Cell) -> str:
    """A set of references: its ids are a JSON array in the record."""
    target = build.facts.entity(cell.field.target)
    alias, at = build.alias("t"), build.alias("e")
    inner = Rows(build, target, alias)
    one = json_object(build.dialect, [("id", f"{alias}.id"), ("display", display.of_record(inner, alias, target))])
    if build.dialect == "sqlite":
        given = f"json_each({cell.sql}) AS {at}"
        found = f"{given} JOIN {quote(target.table)} AS {alias} ON {alias}.id = {at}.value {inner.joins()}"
        return f"(SELECT json_group_array({one}) FROM {found})"
    given = f"jsonb_array_elements_text({cell.sql}) WITH ORDINALITY AS {at}(v, n)"
    found = f"{given} JOIN {quote(target.table)} AS {alias} ON {alias}.id = {at}.v::uuid {inner.joins()}"
    return f"(SELECT COALESCE(json_agg({one} ORDER BY {at}.n), '[]'::json) FROM {found})"


def _expanded(rows: Rows, cell: Cell, expand: Expand, shape: Shape) -> str:
    """The record a reference points at, whole; only its display where the reader may not read it."""
    build = rows.build
    target = build.facts.entity(cell.field.target)
    shown = json_object(build.dialect, [("id", cell.sql), ("display", display.of_reference(rows, cell))])
    if access.closed(build, target, "read"):
        return f"CASE WHEN {cell.sql} IS NOT NULL THEN {shown} END"
    alias, _ = rows.target(cell, guarded=True)
    whole = as_json(rows, alias, target, Shape(expand=expand.inner), cell.path)
    return f"CASE WHEN {alias}.id IS NOT NULL THEN {whole} WHEN {cell.sql} IS NOT NULL THEN {shown} END"


def _lines(build: Build, owner: Entity, alias: str, field: Field, shape: Shape, inner: tuple[Expand, ...]) -> str:
    """Owned lines in their order, as an array. Of a record in the bin: those that went there with it."""
    child = build.facts.entity(field.target)
    at = build.alias("l")
    rows = Rows(build, child, at)
    item = as_json(rows, at, child, Shape(expand=inner, lines=shape.lines, bin=False))
    gone = f"{at}.deleted_at = {alias}.deleted_at" if shape.bin else f"{at}.deleted_at IS NULL"
    where = f"{at}.{quote(owner_column(child))} = {alias}.id AND {gone}"
    order = f"{at}.position, {at}.id"
    if build.dialect == "sqlite":
        found = f"SELECT {item} AS j FROM {rows.source()} WHERE {where} ORDER BY {order}"
        return f"json((SELECT '[' || COALESCE(group_concat(j, ','), '') || ']' FROM ({found})))"
    return f"(SELECT COALESCE(json_agg({item} ORDER BY {order}), '[]'::json) FROM {rows.source()} WHERE {where})"
