"""A PostgreSQL database of a moment's use that is put back to how it was filled, as often as wanted."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from engine.db.call import Lost
from engine.db.open import raze


class Template:
    """``server``: the URL of a database beside which this one is made; its user may make databases.

    Filled once at ``url``, then ``keep``; ``again`` makes it anew as it was kept. It has the same name each time, since
    the names of tenants' roles hold it.
    """

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        self._server = urlunsplit(parts._replace(query=""))
        self._name = f"scenario_{uuid4().hex[:12]}"
        mark = f"{parts.query}&" if parts.query else ""
        self.url = urlunsplit(parts._replace(path=f"/{self._name}", query=f"{mark}schema=scenario"))

    async def make(self) -> None:
        await self._run(f"CREATE DATABASE {self._name}")

    async def keep(self) -> None:
        """Nobody has it open."""
        await self._run(f"CREATE DATABASE {self._name}_kept TEMPLATE {self._name}")

    async def again(self) -> None:
        await self._run(
            f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)",
            f"CREATE DATABASE {self._name} TEMPLATE {self._name}_kept",
        )

    async def remove(self) -> None:
        await self._run(f"DROP DATABASE IF EXISTS {self._name}_kept WITH (FORCE)")
        with suppress(asyncpg.InvalidCatalogNameError):
            await raze(self.url)
        await self._run(f"DROP DATABASE IF EXISTS {self._name} WITH (FORCE)")

    async def _run(self, *statements: str) -> None:
        try:
            connection: asyncpg.Connection[Any] = await asyncpg.connect(self._server)
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                await connection.close()
        except asyncpg.InsufficientPrivilegeError as error:
            raise Lost(f"PostgreSQL does not allow this: {error}", "ALTER ROLE … CREATEDB lets a user do it") from error
        except (OSError, asyncpg.InterfaceError) as error:
            raise Lost("PostgreSQL does not answer", "check the address in the URL") from error
