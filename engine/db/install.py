"""Creating tables: plan types → SQLAlchemy Core → the dialect's own data definition statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import AddConstraint, CreateIndex, CreateTable
from sqlalchemy.types import UserDefinedType

from engine.db.call import Database
from engine.fieldtypes.storage import column_type
from engine.plan.statement import Dialect
from engine.plan.table import Table


class _Exact(UserDefinedType[Any]):
    """A column type spelt by the storage kinds, so that there is one place that says how values lie."""

    cache_ok = True

    def __init__(self, text: str) -> None:
        self.text = text

    def get_col_spec(self, **_: Any) -> str:
        return self.text


def definitions(tables: Sequence[Table], dialect: Dialect) -> list[str]:
    """The statements that create the tables, in an order that works also when references form rings."""
    speech: Any = sqlite.dialect() if dialect == "sqlite" else postgresql.dialect()  # type: ignore[no-untyped-call]
    metadata = sa.MetaData()
    built = [_table(table, metadata, dialect) for table in tables]
    pointed_at = {key.table for table in tables for key in table.foreign_keys}
    for missing in sorted(pointed_at - set(metadata.tables)):
        sa.Table(missing, metadata, sa.Column("id", sa.Text))  # it is there already
    out = [str(CreateTable(t).compile(dialect=speech)).strip() for t in built]
    out += [
        str(AddConstraint(fk).compile(dialect=speech)).strip()
        for t in built
        for fk in sorted(t.foreign_key_constraints, key=lambda c: str(c.name))
        if dialect == "postgresql"
    ]
    out += [
        str(CreateIndex(i).compile(dialect=speech)).strip()
        for t in built
        for i in sorted(t.indexes, key=lambda index: str(index.name))
    ]
    return out


async def install(database: Database, tables: Sequence[Table]) -> None:
    """Creates the tables in one transaction; nothing is left behind when one of them fails."""
    await database.run_script(definitions(tables, database.dialect))


def _table(table: Table, metadata: sa.MetaData, dialect: Dialect) -> sa.Table:
    columns = [
        sa.Column(
            c.name,
            _Exact(column_type(c.kind, c.scale, dialect)),
            nullable=c.nullable and c.name not in table.primary_key,
            server_default=sa.text(c.default) if c.default is not None else None,
            primary_key=c.name in table.primary_key,
            autoincrement=False,
        )
        for c in table.columns
    ]
    constraints: list[sa.schema.SchemaItem] = [
        sa.ForeignKeyConstraint(
            [fk.column],
            [f"{fk.table}.id"],
            name=fk.name,
            ondelete=fk.on_delete.upper() if fk.on_delete != "restrict" else None,
            use_alter=dialect == "postgresql",
        )
        for fk in table.foreign_keys
    ]
    constraints += [
        sa.CheckConstraint(sa.text(_plain(sql)), name=c.name)
        for c in table.checks
        if (sql := c.sqlite if dialect == "sqlite" else c.postgresql)
    ]
    built = sa.Table(table.name, metadata, *columns, *constraints)
    for index in table.indexes:
        where: dict[str, Any] = {f"{dialect}_where": sa.text(_plain(index.where))} if index.where else {}
        sa.Index(index.name, *(built.c[c] for c in index.columns), unique=index.unique, **where)
    return built


def _plain(sql: str) -> str:
    """SQLAlchemy reads ``:name`` in text as a bound value; ours has none."""
    return sql.replace(":", "\\:")
