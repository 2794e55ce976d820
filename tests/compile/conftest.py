"""Compiled systems on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.db import Database, open_database


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite://{tmp_path}/t.db"
    else:
        url = f"{request.getfixturevalue('postgres_url')}?schema=t"
    opened = await open_database(url)
    yield opened
    await opened.close()
