"""A mistake in an emitter does not go unnoticed (``python scripts/mutate_emitters.py`` prints the table)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
def test_every_mutation_of_expressions_is_caught() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/mutate_emitters.py", "1000"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
