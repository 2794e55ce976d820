"""A workflow as it runs: states, plain transitions, approval steps. Data, cached by digest for running cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as _field
from typing import Literal

from engine.label import Label
from engine.plan.entity import Program
from engine.plan.statement import Statement


@dataclass(frozen=True, slots=True)
class State:
    name: str
    title: Label
    editable: bool = False
    effective: bool = False
    initial: bool = False


@dataclass(frozen=True, slots=True)
class People:
    """Who: any of ``roles`` (role, path of the place or '' for everywhere), ``users`` (paths to a user),
    ``special`` (initiator, me). ``statement`` takes ``roots`` and gives the user ids (root, user)."""

    roles: tuple[tuple[str, str], ...] = ()
    users: tuple[str, ...] = ()
    special: tuple[str, ...] = ()
    statement: Statement | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """An action people take. ``when`` gives (root, truth); ``sets`` are columns set by ``apply`` over roots."""

    name: str
    title: Label
    sources: tuple[str, ...]
    target: str
    by: People
    when: Statement | None = None
    require: tuple[str, ...] = ()
    reason: bool = False
    approval: bool = False
    auto: bool = False
    open: bool = False
    """It names nobody: whoever may ``act`` on the record makes it."""
    apply: Statement | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One approval step. ``when`` gives (root, truth); unknown includes the step."""

    name: str
    title: Label
    assign: People
    mode: str = "any"
    when: Statement | None = None
    edit: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    cc: People | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    name: str
    entity: str
    table: str
    """The entity's: what cases and tasks call it."""
    field: str
    states: Mapping[str, State]
    transitions: Mapping[str, Transition]
    steps: tuple[Step, ...] = ()
    approved_to: str = ""
    rejected_to: str = ""
    withdraw: Literal["", "until_first_decision"] = ""
    in_approval: str = ""
    digest: str = ""
    outcomes: Mapping[str, Statement] = _field(default_factory=dict)
    """What ``approved``, ``rejected`` and ``withdrawn`` do to the record: like a transition's ``apply``."""

    posts_first: bool = False
    """A step's condition asks what the document's postings come to: they are made before it is asked."""

    @property
    def initial(self) -> str:
        return next(s.name for s in self.states.values() if s.initial)


__all__ = ["Machine", "People", "Program", "State", "Step", "Transition"]
