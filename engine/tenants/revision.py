"""The revisions of a tenant's metadata, kept in its own database: the text, the shape of the tables, what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from engine.db import Body, Call, Database
from engine.db.install import definitions
from engine.db.sealing import sealed
from engine.db.system import TABLES
from engine.fieldtypes.storage import bind
from engine.plan import shape
from engine.plan.app import App
from engine.plan.statement import Dialect
from engine.plan.table import Table
from engine.tenants import identity

_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()",
}
_KNOWN = {
    "sqlite": "SELECT name FROM pragma_table_info('_revision')",
    "postgresql": "SELECT attname::text FROM pg_attribute WHERE attrelid = '_revision'::regclass AND attnum > 0",
}


@dataclass(frozen=True, slots=True)
class Revision:
    """``number`` counts from 1; ``digest`` is the App's; ``source`` the text it is made from; ``tables`` what the
    database then held, retired columns and tables included; ``changes`` the plan that led to it."""

    number: int
    digest: str
    source: str = ""
    tables: tuple[Table, ...] = ()
    epoch: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list of revisions."""

    number: int
    digest: str
    at: Any
    by: str
    note: str
    changes: str


class TooOld(Exception):
    """The database was made before revisions kept their text."""


async def current(database: Database) -> Revision | None:
    """The newest revision, or None in an empty database. Raises LookupError when the tables are somebody else's."""
    names = {row[0] for row in await database.read(_TABLES[database.dialect])}
    if not names:
        return None
    if "_revision" not in names:
        raise LookupError("not ours")
    if "shape" not in {row[0] for row in await database.read(_KNOWN[database.dialect])}:
        raise TooOld
    rows = await database.read(_NEWEST)
    return _revision(rows[0]) if rows else None


_NEWEST = "SELECT r.n, r.digest, r.source, r.shape, e.epoch FROM _revision AS r, _epoch AS e ORDER BY r.n DESC LIMIT 1"


def newest() -> Body[tuple[int, int]]:
    """(its number, the epoch), inside a transaction."""
    rows = yield Call("SELECT r.n, e.epoch FROM _revision AS r, _epoch AS e ORDER BY r.n DESC LIMIT 1")
    return int(rows[0][0]), int(rows[0][1])


def _revision(row: Sequence[Any]) -> Revision:
    return Revision(row[0], row[1], row[2], shape.of_text(row[3]), row[4])


_GLANCE = {
    "sqlite": "json_extract(r.source, '$.app')",
    "postgresql": "((r.source::json)->'app')::text",
}


async def glance(database: Database) -> tuple[str, int, str] | None:
    """(the App's digest, the epoch, who it is for as JSON) of the newest revision, without its text; None where there
    is nothing, or nothing that ``current`` would not explain."""
    dialect = database.dialect
    names = {row[0] for row in await database.read(_TABLES[dialect])}
    if "_revision" not in names or "shape" not in {row[0] for row in await database.read(_KNOWN[dialect])}:
        return None
    asked = f"SELECT r.digest, e.epoch, {_GLANCE[dialect]} FROM _revision AS r, _epoch AS e ORDER BY r.n DESC LIMIT 1"
    rows = await database.read(asked)
    return (str(rows[0][0]), int(rows[0][1]), str(rows[0][2])) if rows else None


async def epoch(database: Database) -> int:
    return int((await database.read("SELECT epoch FROM _epoch"))[0][0])


async def listed(database: Database) -> list[Entry]:
    """Newest first."""
    rows = await database.read("SELECT n, digest, at, by, note, changes FROM _revision ORDER BY n DESC")
    return [Entry(*row) for row in rows]


def moment(value: Any) -> str:
    """When a revision was made, as every database tells it, in the form the API gives."""
    at = datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else value
    return str(at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


async def source_of(database: Database, number: int) -> str | None:
    mark = _mark(database.dialect)
    rows = await database.read(f"SELECT source FROM _revision WHERE n = {mark}1", (number,))
    return str(rows[0][0]) if rows else None


async def changes_since(database: Database, number: int) -> list[str]:
    """What each revision after that one has changed, in their order."""
    mark = _mark(database.dialect)
    rows = await database.read(f"SELECT changes FROM _revision WHERE n > {mark}1 ORDER BY n", (number,))
    return [str(row[0]) for row in rows]


def _mark(dialect: Dialect) -> str:
    return "?" if dialect == "sqlite" else "$"


def keep(
    dialect: Dialect, number: int, app: App, source: str, tables: Sequence[Table], by: str, note: str, changes: str
) -> Body[None]:
    """Writes a revision down and makes it the one that holds: whoever writes by another one is refused from now on."""
    mark = _mark(dialect)
    values = (number, app.digest, bind("datetime", 0, dialect, datetime.now(UTC)), by, source, shape.told(tables))
    marks = ", ".join(f"{mark}{n}" for n in range(1, 9))
    yield Call(
        f"INSERT INTO _revision (n, digest, at, by, source, shape, changes, note) VALUES ({marks})",
        (*values, changes, note),
    )
    yield from sealed(dialect)
    if number == 1:
        yield Call("INSERT INTO _epoch (one, epoch) VALUES (1, 1)")
    else:
        yield Call("UPDATE _epoch SET epoch = epoch + 1")


async def install(database: Database, app: App, source: str, by: str = "") -> Revision:
    """Creates every table and writes revision 1, in one transaction: all of it or nothing.

    ``source`` is the text the App was made from, kept as it was written.
    """
    dialect = database.dialect
    tables = (*TABLES, *app.tables)

    def body() -> Body[Revision]:
        for statement in definitions(tables, dialect):
            yield Call(statement)
        yield from keep(dialect, 1, app, source, tables, by, "installed", "[]")
        yield from identity.keep(dialect, [identity.born(path, name, 1) for path, name in identity.named(app)])
        return Revision(1, app.digest, source, tables)

    return await database.write(body)


async def undo_install(database: Database, app: App) -> None:
    """Takes an installation back whose seeds could not be planted, so that nothing half done is left."""
    order = [t.name for t in (*app.tables, *TABLES)]
    cascade = " CASCADE" if database.dialect == "postgresql" else ""

    def body() -> Body[None]:
        for name in reversed(order):
            yield Call(f'DROP TABLE "{name}"{cascade}')

    await database.write(body)
