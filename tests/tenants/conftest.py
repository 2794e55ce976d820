"""Tenants on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.tenants.village import Village, village


@pytest.fixture(params=["sqlite", "postgresql"])
async def many(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Village]:
    monkeypatch.chdir(tmp_path)
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    async with village(tmp_path, url, open=3, connections=5) as made:
        yield made
