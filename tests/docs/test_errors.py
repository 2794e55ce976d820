"""docs/errors.md lists every code a room may answer with (`--update-golden` writes it anew)."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path

import pytest

from engine.problem import Code

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "errors.md"

HEAD = """# What can be wrong
Every problem has a stable code, a sentence, a place, and often a hint. Places are `file:line:column` of the packs, or a
JSON pointer into what was sent. This page lists every code with its sentence (`{…}` is filled in); a test keeps it
complete.
The API answers with `application/problem+json` and the status shown; problems of packs have none, they stop `check`.
"""


def tables() -> dict[str, dict[str, Code]]:
    """Module → its codes, for every `codes.py` of the house."""
    out = {}
    for file in sorted((ROOT / "engine").rglob("codes.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        found = getattr(importlib.import_module(name), "CODES", {})
        if found:
            out[name] = dict(found)
    return out


def page() -> str:
    parts: dict[str, list[Code]] = {}
    for codes in tables().values():
        for code in codes.values():
            parts.setdefault(code.code.partition(".")[0], []).append(code)
    out = [HEAD]
    for name in sorted(parts):
        out += [f"\n## {name}\n", "| code | status | says | hint |\n", "|---|---|---|---|\n"]
        for code in sorted(parts[name], key=lambda c: c.code):
            says = f"{_cell(code.en)}<br>{_cell(code.zh)}"
            hint = "<br>".join(_cell(h) for h in (code.hint_en, code.hint_zh) if h)
            out.append(f"| `{code.code}` | {code.status or ''} | {says} | {hint} |\n")
    return "".join(out)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("{{", "{").replace("}}", "}").replace("\n", " ")


def test_every_code_is_documented(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


def test_no_code_belongs_to_two_rooms() -> None:
    count = Counter(code for codes in tables().values() for code in codes)
    assert [code for code, times in count.items() if times > 1] == []


@pytest.mark.parametrize("room", tables())
def test_a_code_speaks_both_languages_and_is_filed_under_its_name(room: str) -> None:
    for key, code in tables()[room].items():
        assert key == code.code
        assert code.en
        assert code.zh
