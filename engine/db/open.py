"""From a URL to an open database."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit, urlunsplit

from engine.db.call import Database, Lost
from engine.db.postgres import PostgresDatabase
from engine.db.sqlite import SqliteDatabase


async def open_database(url: str) -> Database:
    """Opens ``sqlite:///absolute/path.db`` or ``postgresql://user@host/db?schema=tenant``.

    A new SQLite file is made; a PostgreSQL schema is made when missing. Raises ``Lost`` in words people understand.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return SqliteDatabase(parts.path)
    if parts.scheme in ("postgresql", "postgres"):
        query = parse_qs(parts.query)
        schema = query.pop("schema", ["public"])[0]
        kept = "&".join(f"{key}={value}" for key, values in query.items() for value in values)
        return await PostgresDatabase.open(urlunsplit(parts._replace(query=kept)), schema)
    raise Lost(
        f"{parts.scheme or url!r} is not a database we speak",
        "write sqlite:///path/to/file.db or postgresql://user@host/name?schema=tenant",
    )
