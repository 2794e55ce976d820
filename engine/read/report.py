"""Problems as people and editors read them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from unicodedata import east_asian_width

from engine.problem import Problem
from engine.wording import in_language

Texts = Mapping[str, str]


def ordered(problems: Iterable[Problem]) -> list[Problem]:
    """By file, line and column; each said once."""
    return sorted(_once(problems), key=lambda p: (p.where, p.code))


def _once(problems: Iterable[Problem]) -> list[Problem]:
    seen: dict[tuple[object, str, str], Problem] = {}
    for problem in problems:
        seen.setdefault((problem.where, problem.code, problem.says), problem)
    return list(seen.values())


def for_people(problems: Iterable[Problem], texts: Texts, language: str = "en") -> str:
    """Each problem with its line and a caret under the place."""
    parts = []
    for problem in ordered(problems):
        says, hint = in_language(problem, language)
        lines = [f"{problem.where}: {problem.code}: {says}" if str(problem.where) else f"{problem.code}: {says}"]
        lines += _excerpt(problem, texts)
        if hint:
            lines.append(f"  = {hint}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _excerpt(problem: Problem, texts: Texts) -> list[str]:
    text = texts.get(problem.where.file)
    if text is None or not problem.where.line:
        return []
    lines = text.split("\n")
    if problem.where.line > len(lines):
        return []
    line = lines[problem.where.line - 1].replace("\t", " ")
    before = line[: problem.where.column - 1]
    width = sum(2 if east_asian_width(sign) in "WF" else 1 for sign in before)
    number = str(problem.where.line)
    return [f"  {number} | {line}", f"  {' ' * len(number)} | {' ' * width}^"]


def for_editors(problems: Iterable[Problem]) -> str:
    """One JSON array: file, line and column from 1, code, sentence, hint."""
    rows = [
        {
            "file": p.where.file,
            "line": p.where.line,
            "column": p.where.column,
            "severity": "error",
            "code": p.code,
            "message": p.says,
            "hint": p.hint.to("en"),
        }
        for p in ordered(problems)
    ]
    return json.dumps(rows, ensure_ascii=False, indent=1)
