"""Values for statements: who asks, when, in which zone, with which settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from engine.db import Call
from engine.fieldtypes.storage import bind, compact
from engine.plan.statement import Dialect, Param, Statement

ADMIN = "admin"
EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class StandIn:
    """Somebody whose tasks one may decide today; ``steps`` are those meant (``table:step``), None: whichever."""

    user: str
    name: str
    steps: frozenset[str] | None = None

    def covers(self, table: str, step: str) -> bool:
        return self.steps is None or f"{table}:{step}" in self.steps


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks, expanded once: the roles held today, where each is held, and where it is held everywhere.

    ``places`` is keyed ``<role>.<gives>`` (``foreman.projects``). ``roles`` is sorted and holds ``everyone``;
    the administrator's is ``("admin",)`` alone.
    """

    user: str | None
    name: str = ""
    language: str = "zh"
    roles: tuple[str, ...] = ()
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    everywhere: frozenset[str] = frozenset()
    csrf: str = ""
    session: str = ""
    """Id of the session or token he comes with."""
    token: bool = False
    """He comes with a token made for a program, which may do no more than it was made for."""
    reads_only: bool = False
    behind: str = ""
    """The administrator who looks with this person's eyes: he sees what this one sees, and does nothing."""
    granted: str = ""
    """``support`` or ``auditor``: he is here by one of ``system.grants``, which ends, with none of the packs' roles."""
    must_change: bool = False
    """His password was given to him: until he has chosen his own, he may do nothing else."""

    must_enrol: bool = False
    """One of his roles asks for a second step: until he has one, he may do nothing else."""
    stands_in: tuple[StandIn, ...] = ()
    """For whom he decides today, beside himself."""

    @property
    def tasks_of(self) -> list[str]:
        """Whose tasks, all of them, are his."""
        return [*([self.user] if self.user else []), *(s.user for s in self.stands_in if s.steps is None)]

    @property
    def steps_of(self) -> list[str]:
        """Whose tasks of which steps are his besides: ``user:entity:step``."""
        return [f"{s.user}:{step}" for s in self.stands_in for step in sorted(s.steps or ())]

    @property
    def admin(self) -> bool:
        return ADMIN in self.roles


ENGINE = Me(None, "", "en", (ADMIN,))
"""The engine itself: seeds, imports and tests that put a world in place."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything a statement of one request may ask for besides its inputs; one clock for all of them."""

    dialect: Dialect
    me: Me
    now: datetime
    zone: str
    settings: Mapping[str, Any]
    board: Mapping[str, Any] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return self.now.astimezone(ZoneInfo(self.zone)).date()


def clock() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def value_of(param: Param, moment: Moment, inputs: Mapping[str, Any]) -> Any:
    match param.source:
        case "input":
            return inputs[param.name]
        case "now":
            return moment.now
        case "today":
            return moment.today
        case "zone":
            return moment.zone
        case "language":
            return moment.me.language
        case "me":
            return _of_me(param.name, moment.me)
        case "setting":
            return moment.settings.get(param.name)
        case "board":
            return moment.board.get(param.name)
        case "literal":
            return param.value


def _of_me(name: str, me: Me) -> Any:
    if name == "id":
        return me.user
    if name == "roles":
        return list(me.roles)
    if name == "tasks.of":
        return me.tasks_of
    if name == "steps.of":
        return me.steps_of
    if "." not in name:
        # Outside a role's rule, and `any_…` in one: wherever he holds any role.
        name = f"{EVERYONE}.{name.removeprefix('any_')}"
    role, _, what = name.partition(".")
    if what == "everywhere":
        return me.admin or role in me.everywhere
    return _told(tuple(me.places.get(name, ())))


def call(statement: Statement, moment: Moment, inputs: Mapping[str, Any] | None = None, columns: int = 0) -> Call:
    """The statement with its values as the driver takes them; ``columns`` as in ``Call``."""
    given = inputs or {}
    dialect = moment.dialect
    return Call(
        statement.sql,
        tuple([bind(p.kind, p.scale, dialect, value_of(p, moment, given)) for p in statement.params]),
        statement.params,
        columns,
    )


def id_array(ids: Sequence[str]) -> str:
    """Ids as a ``roots`` parameter takes them."""
    return compact(list(ids))


@lru_cache(maxsize=2_000)
def _told(ids: tuple[str, ...]) -> str:
    """The places of somebody, as every statement of his requests takes them."""
    return compact(ids)
