"""docs/tenants.md is typed as it stands, in one shell: commands run, output compared."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.studio.test_guide import commands, matches, served
from tests.typed import dougong

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.long
def test_the_guide_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count, public = 0, ""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for text in _BLOCK.findall((ROOT / "docs" / "tenants.md").read_text(encoding="utf-8")):
        for command, lines, code in commands(text):
            first, *arguments = shlex.split(command)
            if first == "export":
                name, _, value = arguments[0].partition("=")
                monkeypatch.setenv(name, value.replace("<printed>", public))
                continue
            if arguments[0] == "serve":
                served(arguments, tmp_path)
                continue
            done = dougong(*arguments, cwd=tmp_path)
            assert done.returncode == code, (command, done.stdout, done.stderr)
            assert code or matches(lines, done.stdout), (command, done.stdout)
            public = done.stdout.partition("DOUGONG_LICENCE_KEY=")[2].strip() or public
            count += 1
    assert count > 20
