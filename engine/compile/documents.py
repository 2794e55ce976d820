"""Reading a stored document for its writer: root and lines as one JSON, by what columns are called, values exact."""

from __future__ import annotations

from engine.catalog import Catalog, Entity
from engine.compile.draft import Draft
from engine.compile.names import columns_of, owner_column, table_of
from engine.fieldtypes.storage import json_array_agg, json_object, json_value, quote
from engine.plan.statement import Dialect, Statement


def lock(catalog: Catalog, root: Entity, dialect: Dialect) -> Statement:
    """Locks the roots in the order of their ids, then says (id, document, stale).

    PostgreSQL shows the locked row as it is after waiting, but subqueries as they were before: the lines would be
    old. Every write of a line raises its root's ``rev``, so a subquery that sees another ``rev`` tells.
    """
    draft = Draft(dialect)
    table = quote(table_of(catalog, root.path))
    stale = "0"
    if dialect == "postgresql":
        stale = f"(r.rev IS DISTINCT FROM (SELECT o.rev FROM {table} AS o WHERE o.id = r.id))"
    held = " FOR UPDATE OF r" if dialect == "postgresql" else ""
    return draft.finish(
        f"SELECT r.id, {_document(catalog, root, dialect, 'r', 0)}, {stale}"
        f" FROM {table} AS r WHERE {draft.among('r.id')} ORDER BY r.id{held}"
    )


def read_back(catalog: Catalog, root: Entity, dialect: Dialect) -> Statement:
    draft = Draft(dialect)
    return draft.finish(
        f"SELECT r.id, {_document(catalog, root, dialect, 'r', 0)}"
        f" FROM {quote(table_of(catalog, root.path))} AS r WHERE {draft.among('r.id')} ORDER BY r.id"
    )


def _document(catalog: Catalog, entity: Entity, dialect: Dialect, alias: str, depth: int) -> str:
    pairs = [
        (c.called, json_value(c.kind, c.scale, dialect, f"{alias}.{quote(c.name)}"))
        for c in columns_of(catalog, entity)
    ]
    for field in entity.lines:
        pairs.append((field.name, _lines(catalog, catalog.entities[field.target], dialect, alias, depth + 1)))
    made = json_object(dialect, pairs)
    return f"({made})::text" if dialect == "postgresql" and depth == 0 else made


def _lines(catalog: Catalog, child: Entity, dialect: Dialect, owner: str, depth: int) -> str:
    alias = f"l{depth}"
    made = _document(catalog, child, dialect, alias, depth)
    rows = (
        f"FROM {quote(table_of(catalog, child.path))} AS {alias}"
        f" WHERE {alias}.{quote(owner_column(catalog, child))} = {owner}.id AND {alias}.deleted_at IS NULL"
    )
    order = f"{alias}.position, {alias}.id"
    if dialect == "postgresql":
        return f"(SELECT {json_array_agg(dialect, made, order)} {rows})"
    return f"json((SELECT {json_array_agg(dialect, 'x')} FROM (SELECT {made} AS x {rows} ORDER BY {order})))"
