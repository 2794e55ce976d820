"""A database for commands, of each kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.db import Call, open_database
from engine.db.call import Rows


@dataclass(frozen=True)
class Data:
    """``url`` is what ``--database`` is given."""

    url: str

    def asked(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """What a statement gives; it is kept."""

        async def run() -> Rows:
            database = await open_database(self.url, make=False)
            try:
                return await database.write(lambda: (yield Call(sql, tuple(values))))
            finally:
                await database.close()

        return asyncio.run(run())


@pytest.fixture(params=["sqlite", "postgresql"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Data:
    if request.param == "sqlite":
        return Data(f"sqlite://{tmp_path}/commands.db")
    return Data(f"{request.getfixturevalue('postgres_url')}?schema=commands")
