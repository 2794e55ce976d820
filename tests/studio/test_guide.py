"""docs/changing.md and docs/promotion.md are typed as they stand: files written, commands run, output compared."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.typed import dougong

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(yaml|console) ?(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(text: str) -> Iterator[tuple[str, list[str], int]]:
    """(command, the lines it prints, its exit code); ``...`` stands for anything."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *lines = part.rstrip("\n").split("\n")
        code = int(lines.pop().removeprefix("exit ")) if lines and lines[-1].startswith("exit ") else 0
        yield command, lines, code


def matches(lines: list[str], printed: str) -> bool:
    """Places (file:line:column) are left out of the guide, where it leaves them out."""
    shown = "\n".join(line for line in printed.rstrip("\n").split("\n") if not re.match(r"    shop/", line))
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else ".*".join(re.escape(part) for part in line.split("...")) + r"\n"
        for line in lines
    )
    return re.fullmatch(pattern, f"{shown}\n") is not None


def served(arguments: list[str], folder: Path) -> None:
    """Until it says that it serves."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", *arguments, "--port", str(port)], stdout=subprocess.PIPE, text=True,
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert any("ends it" in line for line in process.stdout)
    finally:
        process.terminate()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("guide", ["changing", "promotion"])
def test_the_guide_holds(guide: str, tmp_path: Path) -> None:
    count = 0
    for kind, name, text in _BLOCK.findall((ROOT / "docs" / f"{guide}.md").read_text(encoding="utf-8")):
        if kind == "yaml":
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
            continue
        for command, lines, code in commands(text):
            _, *arguments = shlex.split(command)
            if arguments[0] == "serve":
                served(arguments, tmp_path)
                continue
            done = dougong(*arguments, cwd=tmp_path)
            assert done.returncode == code, (command, done.stdout, done.stderr)
            assert code == 1 or matches(lines, done.stdout), (command, done.stdout)
            count += 1
    assert count >= 10
