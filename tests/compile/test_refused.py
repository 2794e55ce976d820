"""What is read and cannot be carried out is refused by name and place, not left out in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.compile import compile_app
from engine.problem import Problems
from engine.read import read_texts

TEXT = (Path(__file__).parent / "site.yaml").read_text(encoding="utf-8")

SAID = (
    "compile.each: Posting site.reserve sets project by `sheet.project`, of which a group has many"
    " (name it in BY, gather it (SUM, COUNT, AVG, MIN, MAX of the rows), or read the document: `this.…`)"
)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "month: period}}\n    measures:",
            "month: period, place: project.name}}\n    rollups: {x: [place]}\n    measures:",
            "compile.rollup",
        ),
        (
            "by: {project: project, month: period}}\n",
            "where: created_at < now(), by: {project: project}}\n    rollups: {x: [project]}\n",
            "compile.rollup",
        ),
    ],
)
def test_it_is_said(old: str, new: str, told: str) -> None:
    assert old in TEXT
    with pytest.raises(Problems) as found:
        compile_app(read_texts([{"site.yaml": TEXT.replace(old, new, 1)}]), "sqlite")
    assert [p.code for p in found.value.problems] == [told]
    assert re.match(r"site\.yaml:\d+:\d+: ", str(found.value))


def test_what_a_group_has_many_of_is_said() -> None:
    """An entry of a group says what the group is, what its rows come to, and what the document says."""
    old, new = "    into: entry\n", "    into: entry\n    each: sheet_line BY worker WHERE sheet = this.sheet\n"
    with pytest.raises(Problems) as found:
        compile_app(read_texts([{"site.yaml": TEXT.replace(old, new, 1)}]), "sqlite")
    assert {p.code for p in found.value.problems} == {"compile.each"}
    said = [str(p).partition("site.yaml:")[2].partition(": ")[2] for p in found.value.problems]
    assert said[0] == SAID
