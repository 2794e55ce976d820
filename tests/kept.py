"""Databases that many tests begin with: made once by each worker, and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from argon2 import PasswordHasher

from engine.db import Database, open_database
from engine.plan.statement import Dialect
from engine.serve.people import passwords
from tests.pg import fresh_database

T = TypeVar("T")


@dataclass
class Kept:
    """``server`` is asked for its URL when the first of its databases is wanted."""

    folder: Path
    server: Callable[[], str]
    stack: ExitStack
    made: dict[tuple[Hashable, Dialect], tuple[str, Any]] = field(default_factory=dict)

    @asynccontextmanager
    async def copy(
        self, dialect: Dialect, name: Hashable, fill: Callable[[Database], Awaitable[T]], folder: Path
    ) -> AsyncIterator[tuple[str, T]]:
        """The URL of a database of one's own with what ``fill`` put into the one of this name, and what it gave."""
        if (name, dialect) not in self.made:
            self.made[name, dialect] = await self._fill(dialect, fill)
        url, told = self.made[name, dialect]
        if dialect == "sqlite":
            shutil.copy(urlsplit(url).path, folder / "t.db")
            yield f"sqlite://{folder}/t.db", told
            return
        with fresh_database(self.server(), like=url) as mine:
            yield mine, told

    async def _fill(self, dialect: Dialect, fill: Callable[[Database], Awaitable[T]]) -> tuple[str, T]:
        if dialect == "sqlite":
            url = f"sqlite://{self.folder}/{len(self.made)}.db"
        else:
            url = f"{self.stack.enter_context(fresh_database(self.server()))}?schema=works"
        database = await open_database(url)
        try:
            return url, await fill(database)
        finally:
            await database.close()


AS_SERVED = passwords._HASHER


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hashed as ever, with less work for whoever would guess; ``AS_SERVED`` does the work."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", quick)
        patch.setattr(passwords, "_NOBODY", quick.hash("nobody has this password"))
        yield


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Kept]:
    with ExitStack() as stack:
        yield Kept(tmp_path_factory.mktemp("kept"), lambda: str(request.getfixturevalue("postgres_server")), stack)
