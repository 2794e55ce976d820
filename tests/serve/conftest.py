"""The system of ``works.yaml`` on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.plan.statement import Dialect
from tests.kept import Kept
from tests.serve.stage import Stage


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = request.param
    return found


@pytest.fixture
async def stage(kept: Kept, dialect: Dialect, tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage.copied(kept, dialect, tmp_path) as made:
        yield made
