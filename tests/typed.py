"""Commands as they are typed at a terminal: what they print, and how they end."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import traceback
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from engine.cli import main

ROOT = Path(__file__).resolve().parents[1]
Done = subprocess.CompletedProcess[str]


def dougong(*args: object, cwd: Path | None = None) -> Done:
    """By the console script's own function, in this process: starting another one takes as long as most commands."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    told, code = ["dougong", *map(str, args)], 0
    with patch.object(sys, "argv", told), redirect_stdout(out), redirect_stderr(err), chdir(cwd or Path.cwd()):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except Exception:
            traceback.print_exc()
            code = 1
    texts = [one.buffer.getvalue().decode() for one in (out, err)]  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(told, code, *texts)


def process(*args: object, cwd: Path | None = None) -> Done:
    """In a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", *map(str, args)], capture_output=True, text=True, cwd=cwd, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
