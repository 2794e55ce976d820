"""Opening the directory of tenants."""

from __future__ import annotations

import getpass
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from engine.db import file_of, open_database, url_of
from engine.problem import Problems, problem
from engine.studio.codes import CODES
from engine.tenants.directory import Directory


@asynccontextmanager
async def directory_at(url: str, make: bool = True) -> AsyncIterator[Directory]:
    """``make``: the database and its tables are made when they are not there."""
    if not url:
        raise Problems([problem(CODES["directory.missing"])])
    where = url_of(url)
    if make and where.startswith("sqlite://"):
        Path(file_of(where)).parent.mkdir(parents=True, exist_ok=True)
    database = await open_database(where, make)
    try:
        yield await Directory.over(database)
    finally:
        await database.close()


def account() -> str:
    """Who gives a command, as far as the machine knows."""
    with suppress(OSError, KeyError):
        return f"{getpass.getuser()}@{socket.gethostname()}"
    return "?"
