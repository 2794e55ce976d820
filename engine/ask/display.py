"""How a record is shown in one line: its display template as SQL, over joins made for it."""

from __future__ import annotations

import re

from engine.ask.build import Build
from engine.ask.rows import DEEPEST, Cell, Rows
from engine.fieldtypes.storage import json_value, literal
from engine.plan.entity import Entity
from engine.plan.statement import Param

_DATE_PARTS = {"yyyy": ("%Y", "YYYY"), "MM": ("%m", "MM"), "dd": ("%d", "DD"), "HH": ("%H", "HH24"), "mm": ("%M", "MI")}


def of_record(rows: Rows, alias: str, entity: Entity, prefix: tuple[str, ...] = ()) -> str:
    """The display of the record at ``alias``; never NULL. Empty values leave nothing behind."""
    if len(prefix) >= DEEPEST:
        return "''"
    parts = []
    for part in entity.display.parts or tuple((name, "") for name in entity.key):
        if isinstance(part, str):
            parts.append(literal(part))
        else:
            parts.append(f"COALESCE({_hole(rows, alias, entity, part, prefix)}, '')")
    if not parts:
        return as_text(rows.build, f"{alias}.id", "uuid")
    joined = " || ".join(parts)
    return f"TRIM({joined})" if len(parts) > 1 else joined


def of_reference(rows: Rows, cell: Cell) -> str:
    """The display of the record a reference points at; NULL when it points nowhere."""
    alias, target = rows.target(cell)
    return of_record(rows, alias, target, cell.path)


def _hole(rows: Rows, alias: str, entity: Entity, part: tuple[str, str], prefix: tuple[str, ...]) -> str:
    path, pattern = part
    steps = path.split(".")
    for name in steps[:-1]:
        cell = rows.inside(alias, entity, name, prefix)
        alias, entity = rows.target(cell)
        prefix = cell.path
    cell = rows.inside(alias, entity, steps[-1], prefix)
    if rows.build.hidden(entity, cell.field):
        return "NULL"
    if cell.kind == "uuid" and cell.field.target and steps[-1] != "id":
        alias, target = rows.target(cell)
        return f"CASE WHEN {cell.sql} IS NOT NULL THEN {of_record(rows, alias, target, cell.path)} END"
    if cell.field.spec.options:
        return _title(rows.build, cell)
    if pattern and cell.kind in ("date", "month", "datetime", "time"):
        return _dated(rows.build, cell, pattern)
    return as_text(rows.build, cell.sql, cell.kind, cell.scale)


def _title(build: Build, cell: Cell) -> str:
    """A choice as people read it, in the reader's language."""
    language = build.bind(Param("language", "language", "text"))
    same = all(o.title.zh == o.title.en for o in cell.field.spec.options)
    whens = []
    for option in cell.field.spec.options:
        zh, en = literal(option.title.to("zh")), literal(option.title.to("en"))
        shown = zh if same else f"CASE WHEN {language} LIKE 'zh%' THEN {zh} ELSE {en} END"
        whens.append(f"WHEN {literal(option.name)} THEN {shown}")
    return f"CASE {cell.sql} {' '.join(whens)} ELSE {cell.sql} END"


def _dated(build: Build, cell: Cell, pattern: str) -> str:
    sqlite = build.dialect == "sqlite"
    out = []
    for piece in re.findall(r"yyyy|MM|dd|HH|mm|[^A-Za-z%\"]+", pattern):
        at = 0 if sqlite else 1
        out.append(_DATE_PARTS[piece][at] if piece in _DATE_PARTS else piece if sqlite else f'"{piece}"')
    made = literal("".join(out))
    if sqlite:
        unix = ", 'unixepoch'" if cell.kind == "datetime" else ""
        return f"strftime({made}, {cell.sql}{unix})"
    return f"to_char({cell.sql}, {made})"


def as_text(build: Build, sql: str, kind: str, scale: int = 0) -> str:
    """A value as plain text, as JSON would write it without quotes."""
    if kind == "text":
        return sql
    if kind == "boolean":
        return f"CASE WHEN {sql} THEN 'true' WHEN NOT {sql} THEN 'false' END"
    if kind in ("json", "lines"):
        return "NULL"
    shown = json_value(kind, scale, build.dialect, sql)
    return f"CAST({shown} AS TEXT)"
