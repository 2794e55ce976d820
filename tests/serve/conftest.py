"""The system of ``works.yaml`` on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.db import open_database
from tests.serve.stage import Stage


@pytest.fixture(params=["sqlite", "postgresql"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    if request.param == "sqlite":
        url = f"sqlite://{tmp_path}/t.db"
    else:
        url = f"{request.getfixturevalue('postgres_url')}?schema=works"
    database = await open_database(url)
    try:
        made = await Stage.build(database)
        yield made
        await made.close()
    finally:
        await database.close()
