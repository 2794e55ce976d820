"""What moves: workflows, postings, controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as _field
from typing import TYPE_CHECKING, Literal

from engine.catalog.value import Message, People, Value
from engine.label import Label
from engine.problem import Where

if TYPE_CHECKING:
    from engine.expr.build.api import Expr


@dataclass(frozen=True, slots=True)
class State:
    """``editable``: the document may be changed here. ``effective``: it counts; its computed values are frozen."""

    name: str
    title: Label
    initial: bool = False
    editable: bool = False
    effective: bool = False
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Transition:
    """``approval`` is the name of the approval this transition starts, or empty for a plain move."""

    name: str
    title: Label
    sources: tuple[str, ...]
    to: str
    by: tuple[People, ...] = ()
    when: Expr | None = None
    reason: bool = False
    require: tuple[str, ...] = ()
    set: Mapping[str, Value] = _field(default_factory=dict)
    approval: str = ""
    auto: bool = False
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Timeout:
    """After so many minutes: remind, approve, reject or hand over to ``to``."""

    after: int
    do: Literal["remind", "approve", "reject", "escalate"] = "remind"
    to: tuple[People, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One approval step, taken when ``when`` is TRUE or unknown. ``mode``: any, all, sequence or a share 0 < m < 1.

    A step without ``assign`` only informs (``cc``). ``edit`` are dotted paths the approver may change.
    """

    name: str
    title: Label
    assign: tuple[People, ...] = ()
    mode: Literal["any", "all", "sequence", "share"] = "any"
    share: str = ""  # the fraction of mode `share`, exact, as text
    when: Expr | None = None
    edit: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    set: Mapping[str, Value] = _field(default_factory=dict)
    timeout: Timeout | None = None
    cc: tuple[People, ...] = ()
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a decided approval leads, and what it writes."""

    to: str
    set: Mapping[str, Value] = _field(default_factory=dict)
    where: Where = _field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Workflow:
    path: str
    module: str
    name: str
    title: Label
    of: str
    field: str
    states: Mapping[str, State]
    transitions: Mapping[str, Transition]
    steps: Mapping[str, Step] = _field(default_factory=dict)
    approved: Outcome | None = None
    rejected: Outcome | None = None
    withdraw: Literal["", "until_first_decision", "until_approved"] = ""
    where: Where = _field(default_factory=Where)

    @property
    def initial(self) -> str:
        return next(s.name for s in self.states.values() if s.initial)

    @property
    def effective(self) -> tuple[str, ...]:
        return tuple(s.name for s in self.states.values() if s.effective)


@dataclass(frozen=True, slots=True)
class Each:
    """``each: cost BY subject WHERE …``: one entry per group of the rows of ``entity``."""

    entity: str
    by: tuple[Expr, ...]
    rows: Expr | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """While ``holds`` is TRUE for a record of ``of``, the ledger ``into`` holds entries with the values ``set``."""

    path: str
    module: str
    name: str
    title: Label
    of: str
    holds: Expr
    into: str
    set: Mapping[str, Value]
    each: Each | None = None
    lock: tuple[str, ...] = ()
    where: Where = _field(default_factory=Where)


LEVELS = ("own", "above", "whole")
"""How far up a tree a control is judged: at the entry's node, at every node above it too, at all of it too."""


@dataclass(frozen=True, slots=True)
class Control:
    """Budget control over a ledger: ``value`` may not pass ``limit`` × ``block`` at a ``key``.

    ``value`` and ``limit`` are figures: (aggregation path, measure). ``levels``: trees of the key that are also judged
    higher up (``own``, ``above`` or ``whole``), where a node's figures hold all that hangs under it.
    """

    path: str
    module: str
    name: str
    title: Label
    of: str
    key: tuple[str, ...]
    value: tuple[str, str]
    limit: tuple[str, str]
    when: Expr | None = None
    warn: Value | None = None
    block: Value | None = None
    inclusive: Value | None = None
    levels: Mapping[str, Value] = _field(default_factory=dict)
    stages: tuple[str, ...] = ()
    override: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()
    message: Message = _field(default_factory=Message)
    where: Where = _field(default_factory=Where)
