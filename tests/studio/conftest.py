"""The shop on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.studio.follow import turns
from tests.studio.shop import Shop


@pytest.fixture(autouse=True)
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was killed is not waited for as long as a person would."""
    monkeypatch.setattr(turns, "SECONDS", 2.0)
    monkeypatch.setattr(turns, "PATIENCE", 20.0)


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    if request.param == "sqlite":
        return Shop(tmp_path / "shop", f"sqlite://{tmp_path}/t.db")
    return Shop(tmp_path / "shop", f"{request.getfixturevalue('postgres_url')}?schema=shop")
