"""The benchmarks run, and end with the line of JSON that others read. Long: they measure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
