"""Statements over the engine's own tables and over system columns, one per table and dialect, made once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from engine.db import Call
from engine.db.system import COLUMNS, TABLES
from engine.fieldtypes.storage import among, bind, encode_rows, quote, row_source
from engine.plan.statement import Dialect

_TABLES = {table.name: table for table in TABLES}


def placeholder(dialect: Dialect, n: int) -> str:
    return f"${n}" if dialect == "postgresql" else f"?{n}"


@cache
def _insert_sql(table: str, dialect: Dialect, n: int = 1) -> str:
    names = ", ".join(quote(name) for name, _, _ in COLUMNS[table])
    source = row_source(COLUMNS[table], dialect, placeholder(dialect, n))
    return f"INSERT INTO {quote(table)} ({names}) SELECT {names} FROM {source} WHERE true"


def insert(table: str, rows: Iterable[Mapping[str, Any]], dialect: Dialect) -> Call:
    """Rows of one engine table in one statement."""
    return Call(_insert_sql(table, dialect), (encode_rows(COLUMNS[table], rows, dialect),))


def insert_many(tables: Mapping[str, list[dict[str, Any]]], dialect: Dialect) -> list[Call]:
    """Rows of several engine tables: one statement where the database can, else one each."""
    filled = {name: rows for name, rows in tables.items() if rows}
    if dialect == "sqlite" or len(filled) < 2:
        return [insert(name, rows, dialect) for name, rows in filled.items()]
    return [Call(_insert_sqls(tuple(filled)), tuple(encode_rows(COLUMNS[n], r, dialect) for n, r in filled.items()))]


@cache
def _insert_sqls(names: tuple[str, ...]) -> str:
    parts = [_insert_sql(name, "postgresql", n) for n, name in enumerate(names, 1)]
    head = ", ".join(f"w{n} AS ({sql})" for n, sql in enumerate(parts[:-1], 1))
    return f"WITH {head} {parts[-1]}"


def select(table: str, dialect: Dialect, where: Mapping[str, Any], order: str = "") -> Call:
    """All columns of the rows of an engine table where columns equal values, ordered."""
    kinds = {c.name: (c.kind, c.scale) for c in _TABLES[table].columns}
    names = ", ".join(quote(name) for name, _, _ in COLUMNS[table])
    terms = " AND ".join(f"{quote(key)} = {placeholder(dialect, n)}" for n, key in enumerate(where, 1))
    values = tuple(bind(*kinds[key], dialect, value) for key, value in where.items())
    tail = f" ORDER BY {order}" if order else ""
    return Call(f"SELECT {names} FROM {quote(table)} WHERE {terms}{tail}", values)


def update(table: str, dialect: Dialect, where: Mapping[str, Any], sets: Mapping[str, Any]) -> Call:
    kinds = {c.name: (c.kind, c.scale) for c in _TABLES[table].columns}
    count = len(sets)
    heads = ", ".join(f"{quote(key)} = {placeholder(dialect, n)}" for n, key in enumerate(sets, 1))
    terms = " AND ".join(f"{quote(key)} = {placeholder(dialect, n)}" for n, key in enumerate(where, count + 1))
    values = tuple(bind(*kinds[key], dialect, value) for key, value in (*sets.items(), *where.items()))
    return Call(f"UPDATE {quote(table)} SET {heads} WHERE {terms}", values)


def names_of(table: str) -> tuple[str, ...]:
    return tuple(c.name for c in _TABLES[table].columns)


def by_name(table: str, row: Sequence[Any]) -> dict[str, Any]:
    """A row as ``select`` gives it, by its columns' names."""
    return dict(zip(names_of(table), row, strict=True))


def restore(table: str, ids: str, moment: Any) -> Call:
    """Back from the bin; every move is a version."""
    dialect: Dialect = moment.dialect
    p = [placeholder(dialect, n) for n in range(1, 4)]
    sql = (
        f"UPDATE {quote(table)} SET deleted_at = NULL, rev = rev + 1, updated_at = {p[0]}, updated_by = {p[1]}"
        f" WHERE {among(dialect, 'id', p[2])}"
    )
    return Call(sql, (bind("datetime", 0, dialect, moment.now), moment.me.user, ids))


def restore_lines(table: str, owner_column: str, parent: str, owners: str, dialect: Dialect) -> Call:
    """Brings back the lines that went to the bin with their owner, before the owner itself comes back."""
    child, column, first = quote(table), quote(owner_column), placeholder(dialect, 1)
    sql = (
        f"UPDATE {child} SET deleted_at = NULL WHERE {among(dialect, column, first)} AND deleted_at ="
        f" (SELECT p.deleted_at FROM {quote(parent)} AS p WHERE p.id = {child}.{column}) RETURNING id"
    )
    return Call(sql, (owners,))


def select_all(table: str, dialect: Dialect, order: str) -> Call:
    names = ", ".join(quote(name) for name, _, _ in COLUMNS[table])
    return Call(f"SELECT {names} FROM {quote(table)} ORDER BY {order}")


def ids_after(table: str, after: str, count: int, dialect: Dialect) -> Call:
    """The next ids of a table, those in the bin too."""
    first, second = placeholder(dialect, 1), placeholder(dialect, 2)
    given = bind("uuid", 0, dialect, after)
    return Call(f"SELECT id FROM {quote(table)} WHERE id > {first} ORDER BY id LIMIT {second}", (given, count))


def binned_with(table: str, owner_column: str, parent: str, owners: str, dialect: Dialect) -> Call:
    """The lines that went to the bin with their owners."""
    child, column, first = quote(table), quote(owner_column), placeholder(dialect, 1)
    sql = (
        f"SELECT id FROM {child} WHERE {among(dialect, column, first)} AND deleted_at ="
        f" (SELECT p.deleted_at FROM {quote(parent)} AS p WHERE p.id = {child}.{column})"
    )
    return Call(sql, (owners,))


def delete(table: str, dialect: Dialect, where: Mapping[str, Any]) -> Call:
    """Of the engine's own rows (sessions, logins); records only ever go to the bin."""
    kinds = {c.name: (c.kind, c.scale) for c in _TABLES[table].columns}
    terms = " AND ".join(f"{quote(key)} = {placeholder(dialect, n)}" for n, key in enumerate(where, 1))
    return Call(
        f"DELETE FROM {quote(table)} WHERE {terms}", tuple(bind(*kinds[k], dialect, v) for k, v in where.items())
    )
