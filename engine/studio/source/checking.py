"""Checking packs: every problem, told to people or to an editor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.problem import Problem, Problems
from engine.read.report import for_editors, for_people, ordered
from engine.studio.source.build import catalog_of
from engine.studio.source.project import find_project


def check(targets: Sequence[Path]) -> list[Problem]:
    """Everything that is wrong with these apps and packs, by place."""
    found: list[Problem] = []
    for target in targets:
        try:
            catalog_of(find_project(target))
        except Problems as problems:
            found.extend(problems.problems)
    return ordered(found)


def told(problems: Sequence[Problem], json: bool, language: str = "en") -> str:
    if json:
        return for_editors(problems)
    if not problems:
        return "没有问题" if language == "zh" else "No problems."
    texts = {f: Path(f).read_text(encoding="utf-8") for p in problems if Path(f := p.where.file).is_file()}
    return for_people(problems, texts, language)
