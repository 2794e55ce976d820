"""Packs that must not be read, each with the exact sentences expected (`tests/read/invalid/*.yaml`)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.problem import Problems
from engine.read import read_texts
from engine.wording import in_language

from .corpus import case_of, with_expect

CASES = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))


def said(text: str) -> str:
    case = case_of(text)
    try:
        read_texts(case.packs, case.overlays, case.toggles)
    except Problems as wrong:
        return "\n".join(str(problem) for problem in wrong.problems) + "\n"
    return "nothing\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_says_exactly_this(path: Path, request: pytest.FixtureRequest) -> None:
    text = path.read_text(encoding="utf-8")
    found = said(text)
    if request.config.getoption("--update-golden"):
        path.write_text(with_expect(text, found), encoding="utf-8")
        return
    assert found == case_of(text).expect


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_says_it_in_chinese_too(path: Path) -> None:
    """No English is left but names, which are quoted or stand alone."""
    case = case_of(path.read_text(encoding="utf-8"))
    with pytest.raises(Problems) as wrong:
        read_texts(case.packs, case.overlays, case.toggles)
    for one in wrong.value.problems:
        for told in in_language(one, "zh"):
            assert not _PROSE.findall(_QUOTED.sub("", told)), told


_QUOTED = re.compile(r"\{[^}]*\}|`[^`]*`|'[^']*'|\"[^\"]*\"|“[^”]*”")
_PROSE = re.compile(r"\b[A-Za-z]*[a-z]{2,} [a-z]+\b|\b(?:is|are|not|the|an|or|and|of)\b")


def test_there_are_many() -> None:
    assert len(CASES) >= 60
