"""From a URL to an open database."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlencode, urlsplit, urlunsplit

from engine.db.call import Database, Lost
from engine.db.pool import Budget
from engine.db.postgres import PostgresDatabase
from engine.db.sqlite import SqliteDatabase

_MAKE = "check --database; `dougong serve` makes and fills a new one"


def url_of(given: str) -> str:
    """A path is a file."""
    return given if "://" in given else url_of_file(Path(given).resolve())


def url_of_file(path: Path) -> str:
    told = str(path)
    for sign in "%#?":
        told = told.replace(sign, f"%{ord(sign):02X}")
    return f"sqlite://{told}"


def file_of(url: str) -> str:
    """The file that ``sqlite://…`` names; four slashes name the same as three."""
    path, _, _ = url.removeprefix("sqlite://").partition("?")
    return "/" + unquote(path).lstrip("/")


async def open_database(url: str, make: bool = True, budget: Budget | None = None) -> Database:
    """Opens ``sqlite:///absolute/path.db`` or ``postgresql://user@host/db?schema=tenant``.

    A new SQLite file is made; a PostgreSQL schema and its role are made when missing (``wall=off``: the schema alone,
    which then belongs to the user of the URL). Without ``make`` nothing is: what is not there is refused. ``budget``:
    the connections that all tenants of a process share. Raises ``Lost`` in words people understand.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = file_of(url)
        if not make and not Path(path).exists():
            raise Lost(f"There is no database {path}", _MAKE)
        return SqliteDatabase(path)
    if parts.scheme in ("postgresql", "postgres"):
        plain, schema, walled = _asked(url)
        if not make and not await PostgresDatabase.has(plain, schema):
            raise Lost(f"There is no schema {schema} in the database", _MAKE)
        return await PostgresDatabase.open(plain, schema, walled, budget=budget)
    raise Lost(
        f"{parts.scheme or url!r} is not a database we speak",
        "write sqlite:///path/to/file.db or postgresql://user@host/name?schema=tenant",
    )


async def raze(url: str) -> None:
    """Takes a PostgreSQL schema and its role away with all that is in them; for databases made for a scenario."""
    plain, schema, walled = _asked(url)
    await PostgresDatabase.raze(plain, schema, walled)


def _asked(url: str) -> tuple[str, str, bool]:
    """(the URL without what is ours, schema, whether the wall is up)"""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    schema = query.pop("schema", ["public"])[0]
    wall = query.pop("wall", ["on"])[0]
    if wall not in ("on", "off"):
        raise Lost(f"wall={wall} means nothing", "write wall=on or wall=off in the database's URL")
    kept = urlencode(query, doseq=True)
    return urlunsplit(parts._replace(query=kept)), schema, wall == "on"
