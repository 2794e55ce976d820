"""Which revision of the metadata a tenant's database holds; installing the first one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.db import Body, Call, Database
from engine.db.install import definitions
from engine.db.system import TABLES
from engine.fieldtypes.storage import bind
from engine.plan.app import App

_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()",
}


@dataclass(frozen=True, slots=True)
class Revision:
    """``digest`` is the App's; ``number`` counts from 1."""

    number: int
    digest: str


async def current(database: Database) -> Revision | None:
    """The newest revision, or None in an empty database. Raises LookupError when the tables are somebody else's."""
    names = {row[0] for row in await database.read(_TABLES[database.dialect])}
    if not names:
        return None
    if "_revision" not in names:
        raise LookupError("not ours")
    rows = await database.read("SELECT n, digest FROM _revision ORDER BY n DESC LIMIT 1")
    return Revision(rows[0][0], rows[0][1]) if rows else None


async def install(database: Database, app: App, source: Mapping[str, str]) -> Revision:
    """Creates every table and writes revision 1 in one transaction: all of it or nothing.

    ``source`` is the text the App was made from, file by file, kept as it was written.
    """
    dialect = database.dialect
    mark = "?" if dialect == "sqlite" else "$"
    now = bind("datetime", 0, dialect, datetime.now(UTC))

    def body() -> Body[Revision]:
        for statement in definitions((*TABLES, *app.tables), dialect):
            yield Call(statement)
        yield Call(
            f"INSERT INTO _revision (n, digest, at, source, note) VALUES (1, {mark}1, {mark}2, {mark}3, 'installed')",
            (app.digest, now, json.dumps(source, ensure_ascii=False)),
        )
        yield Call("INSERT INTO _epoch (one, epoch) VALUES (1, 1)")
        rows = [
            {"path": path, "physical": name}
            for entity in app.entities.values()
            for path, name in (
                (entity.path, entity.table),
                *((f"{entity.path}.{f.name}", f.column) for f in entity.fields.values() if f.column),
            )
        ]
        for row in rows:
            yield Call(
                f"INSERT INTO _identity (path, identity, physical, born) VALUES ({mark}1, {mark}2, {mark}3, 1)",
                (row["path"], row["path"], row["physical"]),
            )
        return Revision(1, app.digest)

    return await database.write(body)


async def undo_install(database: Database, app: App) -> None:
    """Takes an installation back whose seeds could not be planted, so that nothing half done is left."""
    order = [t.name for t in (*app.tables, *TABLES)]
    cascade = " CASCADE" if database.dialect == "postgresql" else ""

    def body() -> Body[None]:
        for name in reversed(order):
            yield Call(f'DROP TABLE "{name}"{cascade}')

    await database.write(body)
