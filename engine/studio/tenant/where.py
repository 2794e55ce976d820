"""Which system a command is about: an app's database, any database, or a tenant of a directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.db import url_of
from engine.studio.source.project import find_project
from engine.studio.tenant.directories import directory_at
from engine.studio.tenant.opening import database_url


@dataclass(frozen=True, slots=True)
class Where:
    """``url`` alone, or of the app ``target``; or the ``tenant`` of a ``directory``."""

    target: Path | None = None
    url: str = ""
    tenant: str = ""
    directory: str = ""


async def database_of(where: Where) -> str:
    """The URL of its database; empty where nothing is named."""
    if where.tenant:
        async with directory_at(where.directory, make=False) as directory:
            return (await directory.get(where.tenant)).url
    if where.target is not None:
        return database_url(find_project(where.target), where.url)
    return url_of(where.url) if where.url else ""
