"""The scenarios that packs bring, on both databases: the story, its refusals, and known answers of real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.paths import examples_dir, modules_dir
from engine.studio.scenarios.testing import play

TARGETS = {
    "base": modules_dir() / "base",
    "cost-center": modules_dir() / "cost-center",
    "day-labor": modules_dir() / "day-labor",
    "nyc-capital": examples_dir() / "nyc-capital",
    "contractor": examples_dir() / "contractor",
}


async def failures_of(target: Path, database: str) -> list[str]:
    played = await play(target, database=database)
    assert played, "a pack without scenarios proves nothing"
    return [f"{p.scenario.path}: {f.where}: {f.step}: {f.says.en}" for p in played for f in p.failures]


@pytest.mark.parametrize("name", TARGETS)
async def test_scenarios_hold_on_sqlite(name: str) -> None:
    assert await failures_of(TARGETS[name], "sqlite") == []


WHOLE = ("nyc-capital", "contractor")
"""These play the scenarios of all packs; a pack by itself differs from them in nothing that a database could tell."""


@pytest.mark.parametrize("name", [n if n in WHOLE else pytest.param(n, marks=pytest.mark.long) for n in TARGETS])
async def test_scenarios_hold_on_postgresql(name: str, postgres_server: str) -> None:
    assert await failures_of(TARGETS[name], postgres_server) == []
