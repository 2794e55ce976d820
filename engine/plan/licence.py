"""What a tenant was sold: the terms of a licence, and what they mean today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Edition = Literal["trial", "professional", "enterprise"]
TRIAL_DAYS = 15
NEAR = {"trial": 7, "professional": 30, "enterprise": 30}
"""Days before its end at which everybody is told."""


@dataclass(frozen=True, slots=True)
class Licence:
    """``tenant`` is whom it is made out to, ``holder`` what people call them. ``until`` is the last day on which
    anything may be written (none: for good), ``users`` how many may sign in, ``modules`` which may be written in."""

    number: str
    edition: Edition
    tenant: str
    holder: str
    issued: date
    until: date | None = None
    users: int | None = None
    modules: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for a tenant. ``wrong`` is the code of what is wrong with the licence that was installed; ``seen``
    the latest time that was ever seen here: a clock that is set back gains nothing."""

    licence: Licence
    seen: datetime
    wrong: str = ""
    moved_back: bool = False

    def today(self, now: datetime) -> date:
        return max(now, self.seen).date()

    def days_left(self, now: datetime) -> int | None:
        """Today counts; 0 and less: it is over."""
        until = self.licence.until
        return None if until is None else (until - self.today(now)).days + 1

    def over(self, now: datetime) -> bool:
        left = self.days_left(now)
        return left is not None and left <= 0

    def near(self, now: datetime) -> bool:
        left = self.days_left(now)
        return left is not None and left <= NEAR[self.licence.edition]

    def covers(self, module: str) -> bool:
        return self.licence.modules is None or module in self.licence.modules
