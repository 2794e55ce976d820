"""The wheel alone, in an empty environment outside the checkout, runs everything. Needs a package index: long."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.long


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that holds the wheel and what it names, nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT, cwd=folder)
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    programs = folder / "venv" / "bin"
    run(programs / "python", "-m", "pip", "install", "--quiet", *folder.glob("*.whl"), cwd=folder)
    return programs


def test_it_brings_packs_schemas_examples_and_assets(installed: Path, tmp_path: Path) -> None:
    said = run(
        installed / "python", "-c",
        "from engine import paths as p; print(*[len(list(d().rglob('*.*')))"
        " for d in (p.modules_dir, p.schemas_dir, p.examples_dir, p.assets_dir)])",
        cwd=tmp_path,
    )  # fmt: skip
    assert all(int(count) > 0 for count in said.split()), said


def test_the_shipped_packs_are_without_problems(installed: Path, tmp_path: Path) -> None:
    run(installed / "dougong", "check", "examples/contractor", "examples/nyc-capital", cwd=tmp_path)


def test_it_serves_the_example_with_its_assets(installed: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [installed / "dougong", "serve", "examples/contractor", "--port", str(port)]
    log = tmp_path / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=out)
    try:
        page = ""
        for _ in range(300):
            assert server.poll() is None, log.read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=5) as answer:
                    page = answer.read().decode()
                break
            except OSError:
                time.sleep(0.2)
        stylesheet = re.search(r"/assets/app-\w+\.css", page)
        assert stylesheet, "no page, or none with our look"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{stylesheet[0]}", timeout=5) as answer:
            assert len(answer.read()) > 10_000
    finally:
        server.terminate()
        server.wait(20)
