"""What can be wrong, and how it is told. Imports words alone of ours; everyone may import it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from engine.label import Label


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
    hint: Label = field(default_factory=Label)
    params: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        place = f"{self.where}: " if str(self.where) else ""
        hint = f" ({self.hint})" if str(self.hint) else ""
        return f"{place}{self.code}: {self.says}{hint}"


class Problems(Exception):
    """Everything that is wrong, at once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


def problem(code: Code, where: Where | None = None, hint: Label | None = None, /, **params: object) -> Problem:
    """Fills the English sentence of ``code``; a reader's language is chosen later from ``code`` and ``params``.
    ``hint``: instead of the code's own."""
    shown = {k: str(v) for k, v in params.items()}
    own = Label(code.hint_zh.format_map(shown), code.hint_en.format_map(shown)) if hint is None else hint
    return Problem(code.code, code.en.format_map(shown), where or Where(), own, params)


NO_HINT = Label()


def did_you_mean(name: str | None, quote: str = "`") -> Label | None:
    """What was probably meant, if anything."""
    return Label(f"是否想写 {quote}{name}{quote}？", f"did you mean {quote}{name}{quote}?") if name else None


def write_instead(text: str) -> Label:
    """What to write instead."""
    return Label(f"写作 {text}", f"write {text}")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant, or None when nothing is close."""
    found = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return found[0] if found else None
