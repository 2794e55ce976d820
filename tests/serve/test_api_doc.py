"""docs/api.md says what the server does: no parameter, operator or status is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.serve import request
from engine.serve.answer import _TITLES
from engine.serve.facts import DECISIONS

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted({*request._LIST, *request._FIGURES, *request._OPERATORS, *DECISIONS}))
def test_every_word_of_a_request_is_told(name: str) -> None:
    assert re.search(rf"`[^`]*\b{name}\b[^`]*`", PAGE)


def test_every_status_is_told() -> None:
    told = {int(n) for n in re.findall(r"\b[45]\d\d\b", PAGE)}
    assert set(_TITLES) - {500} <= told


@pytest.mark.parametrize("door", ["query", "bulk", "restore", "actions", "history", "check", "aggregate", "figures"])
def test_every_door_is_told(door: str) -> None:
    assert re.search(rf"^\| `[A-Z]+ [^`]*/{door}", PAGE, re.MULTILINE)
