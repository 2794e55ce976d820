"""The system of ``works.yaml`` on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.db import Database, open_database
from tests.serve.stage import Stage


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite://{tmp_path}/t.db"
    else:
        url = f"{request.getfixturevalue('postgres_url')}?schema=works"
    database = await open_database(url)
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    made = await Stage.build(database)
    yield made
    await made.close()
