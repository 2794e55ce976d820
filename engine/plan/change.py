"""A change of a running system as a plan: line by line what, how risky, what it touches, and who is in its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.label import Label

Risk = Literal["safe", "online", "guarded", "destructive"]


@dataclass(frozen=True, slots=True)
class Line:
    """``kind`` is added, restored, retired, renamed, computed, widened, narrowed, replaced, required, unique, checked,
    refers, choices, states, steps, changed or removed. ``rows`` are those it touches; ``offenders`` those in its
    way (at most a few of ``against``): while there are any the plan is refused."""

    kind: str
    path: str
    risk: Risk
    says: Label
    rows: int = 0
    lock: Label = field(default_factory=Label)
    reversible: bool = True
    against: int = 0
    offenders: tuple[str, ...] = ()
    where: str = ""
    """file:line:column of what asks for it."""

    def plain(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "path": self.path,
            "risk": self.risk,
            "says": {"zh": self.says.zh, "en": self.says.en},
            "rows": self.rows,
            "lock": {"zh": self.lock.zh, "en": self.lock.en},
            "reversible": self.reversible,
            "against": self.against,
            "offenders": list(self.offenders),
            "where": self.where,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """From ``revision`` to the metadata of ``digest``. ``drift``: what other hands did to the tables; a plan over
    such a database is refused too."""

    revision: int
    digest: str
    lines: tuple[Line, ...]
    drift: Sequence[str] = ()
    text: bool = False
    """The text is another one than the revision's, be it that nothing follows from it."""

    @property
    def empty(self) -> bool:
        return not (self.lines or self.drift or self.text)

    @property
    def refused(self) -> bool:
        return bool(self.drift) or any(line.against for line in self.lines)
