"""The tree as written, before names and types: what the parser gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Number:
    at: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    at: int
    end: int
    value: str


@dataclass(frozen=True, slots=True)
class Constant:
    """TRUE, FALSE or NULL."""

    at: int
    end: int
    word: str


@dataclass(frozen=True, slots=True)
class Name:
    """A path; ``ats`` are where its parts begin."""

    at: int
    end: int
    parts: tuple[str, ...]
    ats: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function, aggregate or figure; ``order`` are (path, descending)."""

    at: int
    end: int
    name: str
    args: tuple[Syntax, ...]
    distinct: bool = False
    where: Syntax | None = None
    order: tuple[tuple[Syntax, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Unary:
    at: int
    end: int
    op: str
    arg: Syntax


@dataclass(frozen=True, slots=True)
class Binary:
    at: int
    end: int
    op: str
    left: Syntax
    right: Syntax
    op_at: int


@dataclass(frozen=True, slots=True)
class Many:
    """AND or OR over any number of conditions."""

    at: int
    end: int
    op: str
    args: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class IsNull:
    at: int
    end: int
    arg: Syntax
    negated: bool


@dataclass(frozen=True, slots=True)
class In:
    """``items`` of a list, or ``rows``: a set such as ``me.projects``."""

    at: int
    end: int
    arg: Syntax
    negated: bool
    items: tuple[Syntax, ...] = ()
    rows: Syntax | None = None


@dataclass(frozen=True, slots=True)
class Between:
    at: int
    end: int
    arg: Syntax
    low: Syntax
    high: Syntax
    negated: bool


@dataclass(frozen=True, slots=True)
class Case:
    at: int
    end: int
    whens: tuple[tuple[Syntax, Syntax], ...]
    otherwise: Syntax | None
    operand: Syntax | None = None


Syntax = Number | Text | Constant | Name | Call | Unary | Binary | Many | IsNull | In | Between | Case
