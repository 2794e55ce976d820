"""Tenants on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.catalog import Catalog
from engine.plan.app import App
from engine.plan.statement import Dialect
from engine.studio.tenant import opening
from tests.tenants.village import Village, village

_made: dict[tuple[str, Dialect], App] = {}
_compile = opening.compile_app


def _compiled(catalog: Catalog, dialect: Dialect) -> App:
    """Every tenant here is of one of two texts."""
    key = (catalog.digest, dialect)
    if key not in _made:
        _made[key] = _compile(catalog, dialect)
    return _made[key]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "compile_app", _compiled)


@pytest.fixture(params=["sqlite", "postgresql"])
async def many(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Village]:
    monkeypatch.chdir(tmp_path)
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    async with village(tmp_path, url, open=3, connections=5) as made:
        yield made
