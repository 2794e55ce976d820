"""Expressions as SQL: the one place of this room that knows how expressions are made into text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from engine.catalog import Catalog, Check, Field, Hole, Template, Value
from engine.compile import figures, texts
from engine.compile.draft import Draft
from engine.compile.names import kind_of, scale_of, table_of
from engine.expr.build import Expr, forms, to_program
from engine.expr.build.binder import Binder
from engine.expr.build.sql import Context, Joins, Relation, named, to_sql
from engine.expr.build.tree import Lit, Node, Op, Path, walk
from engine.expr.run.types import Kind, Type
from engine.fieldtypes import storage
from engine.fieldtypes.storage import json_value, literal, quote
from engine.plan.statement import Dialect

__all__ = ["Expr", "Rows"]
_DEEPEST = 3
"""Displays made of displays made of displays."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows an expression speaks of, by alias: its own, ``this.`` and ``found.`` where it has them; and what stands
    in a FROM for the tables it looks into."""

    own: str
    this: str = ""
    found: str = ""
    relation: Relation = named


def context(draft: Draft, catalog: Catalog, rows: Rows, joins: Joins | None = None) -> Context:
    return Context(
        draft.binder,
        rows.own,
        rows.this,
        {"found": rows.found} if rows.found else {},
        rows.relation,
        joins,
        figure_sql=lambda fig, here: figures.figure_sql(catalog, fig, here),
    )


def value(draft: Draft, catalog: Catalog, made: Expr, rows: Rows) -> str:
    return to_sql(made, context(draft, catalog, rows))


def truth(draft: Draft, catalog: Catalog, made: Expr, rows: Rows) -> str:
    """A term of a WHERE, which holds only when it is TRUE: written bare, so that indexes can serve it."""
    return f"({value(draft, catalog, made, rows)})"


def fails(draft: Draft, catalog: Catalog, made: Expr, rows: Rows) -> str:
    """Fails only when FALSE."""
    return f"({value(draft, catalog, made, rows)}) IS FALSE"


def found(draft: Draft, catalog: Catalog, field: Field, this: str) -> str:
    """The id of the first living row that the rule of a reference admits."""
    assert field.find is not None
    alias = draft.binder.alias()
    joins = Joins(draft.binder)
    here = context(draft, catalog, Rows(alias, this), joins)
    condition = to_sql(field.find, here)
    orders = [f"{to_sql(o.by, here)}{' DESC' if o.descending else ''} NULLS LAST" for o in field.order]
    return (
        f"(SELECT {alias}.id FROM {quote(table_of(catalog, field.target))} AS {alias}{joins.sql}"
        f" WHERE {alias}.deleted_at IS NULL AND {condition} ORDER BY {', '.join((*orders, f'{alias}.id'))} LIMIT 1)"
    )


def slot(draft: Draft, catalog: Catalog, made: Value, rows: Rows, field: Field) -> str:
    """A value slot of a field: a literal, a key of the referenced entity, or an expression."""
    if made.expr is not None:
        return value(draft, catalog, made.expr, rows)
    if kind_of(field) == "uuid" and made.literal is not None:
        return texts.by_key(draft, catalog, field.target, made.literal)
    return texts.constant(draft.dialect, kind_of(field), scale_of(field), made.literal)


def node_text(
    draft: Draft,
    catalog: Catalog,
    made: Node,
    rows: Rows,
    column: Callable[[str, Path], str | None] | None = None,
) -> str:
    """A value as text, the same for the same value. ``column`` says what stands in for a stored field."""
    kind, scale = made.type.storage
    here = replace(context(draft, catalog, rows), column_sql=column)
    return _as_text(draft.dialect, kind, scale, to_sql(made, here))


def _as_text(dialect: Dialect, kind: str, scale: int, sql: str) -> str:
    if kind == "text":
        return sql
    if kind == "boolean":
        return f"CASE WHEN {sql} THEN 'true' WHEN NOT {sql} THEN 'false' END"
    return f"CAST({json_value(kind, scale, dialect, f'({sql})')} AS TEXT)"


def shown(draft: Draft, catalog: Catalog, made: Expr, rows: Rows) -> str:
    """A message's value as JSON; a reference as the display of what it points at."""
    sql = value(draft, catalog, made, rows)
    if made.type.kind == "ref":
        return display(draft, catalog, made.type.entity, sql)
    return json_value(*made.type.storage, draft.dialect, f"({sql})")


def display(draft: Draft, catalog: Catalog, target: str, reference: str, deep: int = 0) -> str:
    entity = catalog.entities.get(target)
    if entity is None or not entity.display or deep >= _DEEPEST:
        return f"CAST({reference} AS TEXT)"
    alias = draft.binder.alias()
    shown_as = text(draft, catalog, entity.display, Rows(alias), deep + 1)
    return f"(SELECT {shown_as} FROM {quote(table_of(catalog, target))} AS {alias} WHERE {alias}.id = {reference})"


def text(draft: Draft, catalog: Catalog, made: Template, rows: Rows, deep: int = 0) -> str:
    """A template filled, never NULL: what is empty leaves nothing."""
    parts = [
        literal(part) if isinstance(part, str) else f"COALESCE({_hole(draft, catalog, part, rows, deep)}, '')"
        for part in made.parts
    ]
    return " || ".join(parts) or "''"


_PIECES = {"yyyy": ("%Y", "YYYY"), "MM": ("%m", "MM"), "dd": ("%d", "DD"), "HH": ("%H", "HH24"), "mm": ("%M", "MI")}


def _hole(draft: Draft, catalog: Catalog, hole: Hole, rows: Rows, deep: int) -> str:
    if hole.expr is None:
        return "NULL"
    sql = value(draft, catalog, hole.expr, rows)
    kind, scale = hole.expr.type.storage
    if hole.expr.type.kind == "ref":
        return display(draft, catalog, hole.expr.type.entity, sql, deep)
    if hole.format and kind in ("date", "month", "datetime"):
        return _dated(draft.dialect, kind, sql, hole.format)
    return _as_text(draft.dialect, kind, scale, sql)


def _dated(dialect: Dialect, kind: str, sql: str, pattern: str) -> str:
    at = 0 if dialect == "sqlite" else 1
    pieces = re.findall(r"yyyy|MM|dd|HH|mm|.", pattern)
    made = "".join(_PIECES[p][at] if p in _PIECES else p if at == 0 else f'"{p}"' for p in pieces)
    if dialect == "sqlite":
        return f"strftime({literal(made)}, {sql}{', ' + literal('unixepoch') if kind == 'datetime' else ''})"
    return f"to_char({sql}, {literal(made)})"


def of_table(dialect: Dialect, made: Expr) -> str | None:
    """The expression as part of a table's definition; None when it depends on more than the row, or needs functions
    that only our own connections have."""
    if made.params or made.reach != "row":
        return None
    sql = to_sql(made, Context(Binder(dialect), column_sql=_column))
    return None if "dg_" in sql or "SELECT" in sql else sql


def _column(alias: str, path: Path) -> str:
    return quote(path.column)


def program(made: Expr | None) -> Any:
    """What the browser previews; None where the database must be asked."""
    return to_program(made) if made is not None and made.reach != "database" else None


def speakable(draft: Draft, made: Expr) -> bool:
    """Whether the database can compute a message's value: some functions are only ours."""
    ops = (n for n in walk(made.tree) if isinstance(n, Op))
    return all(forms.operation(n, ["x"] * len(n.args), draft.dialect) for n in ops)


def check_program(made: Check) -> Any:
    return program(made.that) if made.that is not None and made.when is None else None


def constant_program(made: Field, given: object) -> Any:
    """A literal default; that of a reference is a key, which the browser cannot look up."""
    kind, scale = kind_of(made), scale_of(made)
    if given is None or kind in ("uuid", "json"):
        return None
    plain = given if isinstance(given, bool) else storage.bind(kind, scale, "sqlite", given)
    return to_program(Lit(Type(cast(Kind, kind), scale), plain))
