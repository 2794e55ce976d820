"""What can be wrong, and how it is told. Imports nothing of ours; everyone may import it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple


class Where(NamedTuple):
    """A place: a line and column (both from 1) of a file, or a JSON pointer into a request body."""

    file: str = ""
    line: int = 0
    column: int = 0
    pointer: str = ""

    def __str__(self) -> str:
        if self.pointer:
            return self.pointer
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Code:
    """One row of a room's table of codes: the sentences are templates filled by a problem's ``params``."""

    code: str
    en: str
    zh: str
    status: int | None = None
    hint_en: str = ""
    hint_zh: str = ""

    def __post_init__(self) -> None:
        KNOWN[self.code] = self


KNOWN: dict[str, Code] = {}
"""Every code of every room that this process has loaded: what it can say, it can explain."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a stable ``code``, a sentence, a place, and what was probably meant."""

    code: str
    says: str
    where: Where = field(default_factory=Where)
    hint: str = ""
    params: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        place = f"{self.where}: " if str(self.where) else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.code}: {self.says}{hint}"


class Problems(Exception):
    """Everything that is wrong, at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


def problem(code: Code, where: Where | None = None, hint: str | None = None, **params: object) -> Problem:
    """Fills the English sentence of ``code``; a reader's language is chosen later from ``code`` and ``params``."""
    shown = {k: str(v) for k, v in params.items()}
    said_hint = code.hint_en.format_map(shown) if hint is None else hint
    return Problem(code.code, code.en.format_map(shown), where or Where(), said_hint, params)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant, or None when nothing is close."""
    found = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return found[0] if found else None
