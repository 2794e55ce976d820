"""Typed tree → SQL. An expression works wherever its row has an alias: in a SELECT, a CTE, an UPDATE, a CHECK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from engine.expr.build import forms
from engine.expr.build.api import Dialect, Expr
from engine.expr.build.binder import PG_TYPES, Binder, Key
from engine.expr.build.tree import Agg, Fig, Group, Hop, Link, Lit, Measure, Node, Op, Par, Path
from engine.expr.run.sqlite_functions import HALF
from engine.expr.run.types import INT64, Type
from engine.fieldtypes.storage import literal, quote

NATIVE_SUM = 10**17
"""SQLite adds these as they are (a sum past 64 bits is an error there, never a wrong number); beyond, in two halves."""

Relation = Callable[[str, str], str]
"""(entity path, table) → what stands in FROM: the table's name, or a subquery in parentheses."""


def named(entity: str, table: str) -> str:
    return quote(table)


@dataclass(slots=True)
class Joins:
    """LEFT JOINs that paths over references need, gathered for one FROM clause; each path is joined once."""

    binder: Binder
    relation: Relation = named
    parts: list[str] = field(default_factory=list)
    known: dict[tuple[str, str], str] = field(default_factory=dict)

    def alias(self, base: str, hop: Hop) -> str:
        key = (base, hop.column)
        if key not in self.known:
            made = self.known[key] = self.binder.alias()
            on = f"{made}.id = {base}.{quote(hop.column)}"
            self.parts.append(f"LEFT JOIN {self.relation(hop.entity, hop.table)} AS {made} ON {on}")
        return self.known[key]

    @property
    def sql(self) -> str:
        return "".join(f" {part}" for part in self.parts)


@dataclass(frozen=True, slots=True)
class Context:
    """Where the SQL will stand. ``row`` and ``this`` are aliases (``this`` empty: the row itself), ``roots`` those of
    other words (``found``, ``old``) and of a measure's sources; a word without an alias is bound. ``joins``: paths over
    references join there; without, each is a subquery of its own. The callbacks say what stands for a figure, a
    measure's aggregate over a source, another measure."""

    binder: Binder
    row: str = "r"
    this: str = ""
    roots: Mapping[str, str] = field(default_factory=dict)
    relation: Relation = named
    joins: Joins | None = None
    figure_sql: Callable[[Fig, Context], str] | None = None
    group_sql: Callable[[Group, Context], str] | None = None
    measure_sql: Callable[[Measure], str] | None = None
    column_sql: Callable[[str, Path], str | None] | None = None
    """(alias, path) → SQL in place of ``alias.column``, or None for that."""

    @property
    def dialect(self) -> Dialect:
        return self.binder.dialect

    def alias(self, root: str) -> str | None:
        if root == "row":
            return self.row
        if root == "this":
            return self.this or self.row
        return self.roots.get(root)


def to_sql(expr: Expr | Node, context: Context, *, fit: bool = True) -> str:
    """SQL of the value in its storage form. ``fit``: on SQLite a number that leaves 64 bits is refused, not returned
    as text; on PostgreSQL a decimal has exactly its scale."""
    tree = expr.tree if isinstance(expr, Expr) else expr
    sql = emit(tree, context)
    if not fit or not (tree.type.number or tree.type.kind == "duration"):
        return sql
    if context.dialect == "sqlite":
        return f"dg_fit({sql})" if tree.type.wide else sql
    if tree.type.kind == "decimal" and not isinstance(tree, Path):
        return f"ROUND({sql}, {tree.type.scale})"
    return sql


def holds_only_when_true(sql: str) -> str:
    """Access, filters, ``when``, visibility: unknown is no."""
    return f"COALESCE({sql}, FALSE)"


def fails_only_when_false(sql: str) -> str:
    """Checks, min and max, approval steps: unknown is yes."""
    return f"COALESCE({sql}, TRUE)"


def emit(node: Node, context: Context) -> str:
    match node:
        case Lit():
            return constant(node, context)
        case Par():
            kind, scale = node.type.storage
            key = Key(node.source, node.name, kind, scale)
            return context.binder.place(key) if node.type.kind == "rows" else context.binder.typed(key)
        case Path():
            return path(node, context)
        case Op():
            return forms.operation(node, [emit(a, context) for a in node.args], context.dialect)
        case Agg():
            return aggregate(node, context)
        case Group():
            return context.group_sql(node, context) if context.group_sql else group(node, context)
        case Measure():
            assert context.measure_sql is not None, "a measure's name needs its SQL"
            return context.measure_sql(node)
        case Fig():
            assert context.figure_sql is not None, "a figure needs its SQL"
            return context.figure_sql(node, context)


# constants and columns --------------------------------------------------------------------------------------------


def constant(node: Lit, context: Context) -> str:
    type = node.type
    if node.value is None:
        return (
            f"NULL::{PG_TYPES[type.storage[0]]}" if context.dialect == "postgresql" and type.kind != "null" else "NULL"
        )
    if context.binder.literals and type.kind != "boolean":
        return context.binder.constant(type, node.value)
    return inline(type, node.value, context.dialect)


def inline(type: Type, value: object, dialect: Dialect) -> str:
    """A constant written into the SQL, escaped."""
    pg = dialect == "postgresql"
    if type.kind == "boolean":
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        if type.kind == "text":
            return f'({literal(value)} COLLATE "C")' if pg else literal(value)
        return f"{PG_TYPES[type.storage[0]]} {literal(value)}" if pg else literal(value)
    assert isinstance(value, int)
    if type.kind == "datetime":
        return f"to_timestamp({value})" if pg else f"({value})" if value < 0 else str(value)
    if not pg:
        text = literal(str(value)) if abs(value) > INT64 else str(value)
        return f"({text})" if value < 0 else text
    if type.kind == "decimal":
        digits = f"{abs(value):0{type.scale + 1}d}"
        text = f"{digits[: len(digits) - type.scale]}.{digits[len(digits) - type.scale :]}" if type.scale else digits
        return f"({'-' if value < 0 else ''}{text}){'' if type.scale else '::numeric'}"
    return f"({value})::{'numeric' if type.wide else 'bigint'}"


def column(alias: str, node: Path, context: Context) -> str:
    if node.live is not None:
        return emit(node.live, replace(context, row=alias, this="", roots={}))
    if context.column_sql is not None and (given := context.column_sql(alias, node)) is not None:
        return given
    return f"{alias}.{quote(node.column)}"


def path(node: Path, context: Context) -> str:
    if node.start is not None:
        return _reached(node, node.hops, emit(node.start, context), context)
    base = context.alias(node.root)
    if base is None:
        kind, scale = node.type.storage
        name = ".".join([*(hop.name for hop in node.hops), node.name])
        return context.binder.typed(Key(node.root, name, kind, scale))
    if not node.hops:
        return column(base, node, context)
    if context.joins is not None and node.root == "row":  # the holder's own are one value: a subquery, asked once
        return column(_along(base, node.hops, context.joins), node, context)
    hop = node.hops[0]
    key = Path(Type("ref"), node.root, (), hop.source, hop.name, hop.column)
    return _reached(node, node.hops, column(base, key, context), context)


def _reached(node: Path, hops: tuple[Hop, ...], key: str, context: Context) -> str:
    """A subquery of its own: the row whose id is ``key``, and on along the other hops."""
    first = context.binder.alias()
    inner = Joins(context.binder, context.relation)
    last = _along(first, hops[1:], inner)
    value = column(last, node, replace(context, joins=inner))
    table = context.relation(hops[0].entity, hops[0].table)
    return f"(SELECT {value} FROM {table} AS {first}{inner.sql} WHERE {first}.id = {key})"


def _along(alias: str, hops: tuple[Hop, ...], joins: Joins) -> str:
    for hop in hops:
        alias = joins.alias(alias, hop)
    return alias


# aggregates -------------------------------------------------------------------------------------------------------


def aggregate(node: Agg, context: Context) -> str:
    links = node.rows.links
    alias = context.binder.alias()
    joins = Joins(context.binder, context.relation)
    inside = replace(context, row=alias, this=context.this or context.row, joins=joins)
    above, conditions = _climb(links, alias, joins, context)
    if node.rows.owner is not None:
        conditions.insert(0, f"{above} = {path(node.rows.owner, context)}")
    if node.where is not None:
        conditions.append(emit(node.where, inside))
    item = emit(node.item, inside) if node.item is not None else None
    last = links[-1]
    if node.func == "EXISTS" and item is not None:
        conditions.append(f"{item} IS NOT NULL")
    order = ""
    if node.func == "FIRST":
        terms = [
            f"{_collated(emit(by, inside), by.type, context)}{' DESC' if descending else ''} NULLS LAST"
            for by, descending in node.order
        ]
        tie = f"{alias}.position" if last.ordered else f"{alias}.id"
        order = f" ORDER BY {', '.join([*terms, tie])} LIMIT 1"
        value = item if item is not None else f"{alias}.id"
    elif node.func == "EXISTS":
        value = "1"
    else:
        value = total(node.func, item, node.item.type if node.item is not None else None, node.distinct, context)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    sql = f"(SELECT {value} FROM {context.relation(last.entity, last.table)} AS {alias}{joins.sql}{where}{order})"
    return f"EXISTS {sql}" if node.func == "EXISTS" else sql


def _climb(links: tuple[Link, ...], alias: str, joins: Joins, context: Context) -> tuple[str, list[str]]:
    """Joins the tables between the rows looked at and their owner; gives the column that holds the owner's id."""
    conditions: list[str] = []
    for at in range(len(links) - 1, -1, -1):
        link = links[at]
        if link.living:
            conditions.append(f"{alias}.deleted_at IS NULL")
        above = f"{alias}.{quote(link.column)}" if link.column else ""
        if link.via is not None:
            table, of_owner, of_row = link.via
            through = joins.binder.alias()
            joins.parts.insert(0, f"JOIN {quote(table)} AS {through} ON {through}.{quote(of_row)} = {alias}.id")
            above = f"{through}.{quote(of_owner)}"
        if at == 0:
            return above, conditions
        upper = joins.binder.alias()
        joins.parts.insert(
            len(joins.parts),
            f"JOIN {context.relation(links[at - 1].entity, links[at - 1].table)} AS {upper} ON {upper}.id = {above}",
        )
        alias = upper
    raise AssertionError("rows have a link")


def total(func: str, item: str | None, type: Type | None, distinct: bool, context: Context) -> str:
    """The aggregate function over an item's SQL."""
    if item is None or type is None:
        return "COUNT(*)"
    wide = context.dialect == "sqlite" and type.wide
    unique = "DISTINCT " if distinct else ""
    if func == "COUNT":
        return f"COUNT({unique}{item})"
    if func == "SUM":
        if context.dialect == "sqlite" and not wide and type.limit > NATIVE_SUM and not distinct:
            return f"COALESCE(dg_halves(SUM({item} / {HALF}), SUM({item} % {HALF})), 0)"
        exact = wide or (context.dialect == "sqlite" and type.limit > NATIVE_SUM)
        return f"COALESCE({'dg_sum' if exact else 'SUM'}({unique}{item}), 0)"
    return f"{f'dg_{func.lower()}' if wide else func}({_collated(item, type, context)})"


def total_over(item: str, type: Type, window: str, context: Context) -> str:
    """The sum of an item over a window; exact as ``total`` is."""
    if context.dialect == "sqlite" and not type.wide and type.limit > NATIVE_SUM:
        high, low = (f"SUM({item} {way} {HALF}) OVER {window}" for way in ("/", "%"))
        return f"COALESCE(dg_halves({high}, {low}), 0)"
    func = "dg_sum" if context.dialect == "sqlite" and type.wide else "SUM"
    return f"COALESCE({func}({item}) OVER {window}, 0)"


def _collated(sql: str, type: Type, context: Context) -> str:
    return f'{sql} COLLATE "C"' if type.kind == "text" and context.dialect == "postgresql" else sql


def group(node: Group, context: Context) -> str:
    """The aggregate in a grouped SELECT whose rows have the source's alias."""
    alias = context.roots.get(node.source, context.row)
    inside = replace(context, row=alias, this="", roots={})
    item = emit(node.item, inside) if node.item is not None else None
    if node.where is not None:
        item = f"CASE WHEN {emit(node.where, inside)} THEN {item if item is not None else '1'} END"
    type = node.item.type if node.item is not None else Type("integer", limit=1)
    return total(node.func, item, type if item is not None else None, node.distinct, context)
