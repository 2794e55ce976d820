"""The shop on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.studio.shop import Shop


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    if request.param == "sqlite":
        return Shop(tmp_path / "shop", f"sqlite://{tmp_path}/t.db")
    return Shop(tmp_path / "shop", f"{request.getfixturevalue('postgres_url')}?schema=shop")
