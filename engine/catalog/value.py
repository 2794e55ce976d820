"""What a slot holds: a value (literal or expression), a text template, people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from engine.problem import Where

if TYPE_CHECKING:
    from engine.expr.build.api import Expr


@dataclass(frozen=True, slots=True)
class Value:
    """A literal or, when ``expr`` is there, an expression.

    ``literal`` is the storage kind's Python value (see the field types); for a reference it is the text of the
    target's key, for a user-written ``null`` it is None.
    """

    literal: object = None
    expr: Expr | None = None
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Hole:
    """``{team.name}`` or ``{sheet_date:yyyyMM}`` in a template; ``name`` is the text as written.

    Without ``expr`` it is a word that who renders it provides: ``limit value delta gap`` of a control, ``loop``.
    """

    expr: Expr | None
    name: str
    format: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes, in order."""

    parts: tuple[str | Hole, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.parts)

    @property
    def holes(self) -> tuple[Hole, ...]:
        return tuple(p for p in self.parts if isinstance(p, Hole))


@dataclass(frozen=True, slots=True)
class Message:
    """A template in each language; where one was not written, the other stands in for it."""

    zh: Template = field(default_factory=Template)
    en: Template = field(default_factory=Template)

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)

    def to(self, language: str) -> Template:
        return (self.zh or self.en) if language.startswith("zh") else (self.en or self.zh)


@dataclass(frozen=True, slots=True)
class People:
    """One entry of a people slot.

    ``role``: who holds ``role`` at the record ``path`` leads to (everywhere when there is no path) ·
    ``path``: the user a path leads to · ``leader``: the leader of the department ``path`` leads to ·
    ``initiator``: who started the case · ``me``: the caller.
    """

    kind: Literal["role", "path", "leader", "initiator", "me"]
    role: str = ""
    path: Expr | None = None
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class StoryAct:
    """One act of a record's story: ``wang submit 2026-02-04T09:10``; without a moment, at the one before."""

    as_: str
    action: str
    now: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """How a record came to be: who entered it and when, who did what with it then, the reason they gave."""

    as_: str = ""
    now: str = ""
    acts: tuple[StoryAct, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A record as written in seeds, demo data, a scenario: values, and the lines it owns.

    ``name`` is its name in the text: the value of the entity's key when the entity has a one-field key and the
    row does not say otherwise, else only a name other rows may use in their references.
    """

    entity: str
    name: str
    values: Mapping[str, Value]
    lines: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    where: Where = field(default_factory=Where)
    story: Story | None = None
