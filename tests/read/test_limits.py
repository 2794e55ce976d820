"""Texts made to keep whoever reads them busy: what is told of a file has an end, and so has its reading."""

from __future__ import annotations

import pytest

from engine.problem import Problem
from engine.read.load import DEPTH, MOST_PROBLEMS, load


def told(text: str) -> list[Problem]:
    return load("a.yaml", text)[1]


def size(problems: list[Problem]) -> int:
    return sum(len(str(one)) + sum(len(str(value)) for value in one.params.values()) for one in problems)


@pytest.mark.parametrize("item", ["&a x", "!a x", "*a ", "{b}", "x: {y: z, b}", "{x: 1, x: 2}"])
def test_many_problems_on_one_line_tell_a_piece_of_it_each(item: str) -> None:
    found = told(f"a: [{', '.join([item] * 1000)}]")
    assert len(found) == MOST_PROBLEMS + 1
    assert found[-1].code == "load.more"
    assert size(found) < 200_000


@pytest.mark.parametrize("text", ["\t\n" * 1000, "a: 1\n" * 1000])
def test_many_problems_on_lines_of_their_own(text: str) -> None:
    found = told(text)
    assert [one.code for one in found[MOST_PROBLEMS:]] == ["load.more"]
    assert found[-1].where > found[-2].where


def test_as_many_as_are_told_are_all() -> None:
    for text in ("\t\n" * MOST_PROBLEMS, "a: [" + "&a x, " * MOST_PROBLEMS + "]"):
        assert len(told(text)) == MOST_PROBLEMS
        assert "load.more" not in [one.code for one in told(text)]


def test_a_repaired_line_is_cut_where_it_is_long() -> None:
    (long,) = told("a: !b " + "x" * 300)
    assert str(long.params["repaired"]).endswith('x…"')
    assert len(str(long.params["repaired"])) < 210
    (short,) = told("a: !b " + "x" * 100)
    assert short.params["repaired"] == f'"!b {"x" * 100}"'


@pytest.mark.parametrize("text", ["a: " + "[" * 2000, "a: " + "[" * 2000 + "]" * 2000, "- " * 2000, "{a: " * 2000])
def test_nothing_is_read_that_lies_too_deep(text: str) -> None:
    assert [(one.code, one.params) for one in told(text)] == [("load.depth", {"depth": DEPTH})]


def test_signs_are_looked_for_at_the_beginning_of_a_line() -> None:
    """From each that a list or map opens with, the rest of the line is looked at."""
    assert [one.code for one in told("a: [x, %a]")] == ["load.leading-sign"]
    assert [one.code for one in told(f"a: [{'x, ' * 200}%a]")] == ["load.syntax"]
