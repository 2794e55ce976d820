"""Numbers that a house may set for ways in, in one place: passwords, pauses, lives of sessions, second steps.

They are settings of the process (docs/commands.md), the same for all of its tenants; the defaults are what is promised
in docs/security.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """Each field is the setting ``DOUGONG_<FIELD>``."""

    password_shortest: int = 10
    password_longest: int = 200
    tries_name: int = 5
    """Wrong passwords of one name before it pauses; of one address the next."""
    tries_address: int = 100
    pause_minutes: int = 15
    longest_pause_minutes: int = 240
    page_hours: int = 12
    """How long a session of pages lasts; how long unused, the next; of the API the two after."""
    page_idle_hours: int = 4
    api_days: int = 30
    api_idle_days: int = 7
    token_days: int = 366
    """The longest life of a token for a program."""
    second_step: tuple[str, ...] = ()
    """Roles whose holders must have a second step: ``admin``, ``accountant``, ``everyone``."""

    def life(self, kind: str) -> timedelta:
        return timedelta(hours=self.page_hours) if kind == "page" else timedelta(days=self.api_days)

    def idle(self, kind: str) -> timedelta | None:
        """How long unused; tokens of programs may be so until they end."""
        lives = {"page": timedelta(hours=self.page_idle_hours), "api": timedelta(days=self.api_idle_days)}
        return lives.get(kind)

    def tries(self, kind: str) -> int:
        return self.tries_name if kind == "name" else self.tries_address
