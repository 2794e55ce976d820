"""Compiling is a function: the same packs give the same bytes, whatever process compiles them."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRINT = """
import sys, json
from tests.compile.test_site import catalog
from engine.compile import compile_app
from engine.compile.dump import dump
for dialect in ("sqlite", "postgresql"):
    app = compile_app(catalog(), dialect)
    sys.stdout.write(dump(app, statements=True) + json.dumps(app.openapi) + app.digest)
    sys.stdout.write("".join(m.digest for m in app.machines.values()))
"""


def test_two_processes_give_the_same_bytes() -> None:
    found = set()
    for seed in ("1", "4242"):
        made = subprocess.run(
            [sys.executable, "-c", PRINT],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        )
        assert len(made.stdout) > 100_000
        found.add(sha256(made.stdout).hexdigest())
    assert len(found) == 1
