"""Doors: every way into a tenant is a row of a table. A router finds the row; the row's handler answers.

``server/registry.py`` puts all tables together, so that a test can ask of each who gets in. A door that is not in a
table does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.plan.app import App
from engine.plan.entity import Entity
from engine.serve.tenant.bind import Me
from engine.serve.tenant.here import Here, record_id
from engine.serve.wire.answer import Answer
from engine.serve.wire.fault import Refusal, fault, refuse

Who = Literal["nobody", "anyone", "rights", "auditor", "administrator"]
"""Who gets through a door: whoever comes; whoever is signed in; whom the entity's rules admit, decided by the handler
through ``rights``; auditors and administrators; administrators alone."""


@dataclass(frozen=True, slots=True)
class At:
    """Where a door was entered: the values of its path's ``{names}``, and the entity if it names one."""

    names: Mapping[str, str]
    found: Entity | None = None

    @property
    def entity(self) -> Entity:
        assert self.found is not None
        return self.found

    @property
    def id(self) -> str:
        return record_id(self.names["id"], self.entity)


Handler = Callable[[Here, At], Awaitable[Answer]]
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Door:
    """One way in. ``path`` is written as ``{module}/{entity}/{id}/history``; a name in braces takes any one segment.

    ``streams``: the handler reads the body piece by piece (``here.asked.chunks``) instead of finding it whole;
    ``most``: bytes a body may have. ``fits`` says whether a path that looks right is this door's after all.
    ``scope`` is what a token must be allowed: reading doors may be POSTs, so the method does not tell.
    """

    name: str
    methods: tuple[str, ...]
    path: str
    handler: Handler
    who: Who = "rights"
    scope: Literal["read", "write"] = "read"
    streams: bool = False
    files: bool = False
    """A page whose form may bring files."""
    most: int = 4 * _MEGABYTE
    fits: Callable[[At], bool] | None = None
    says: str = ""
    """What it does, for the description of the engine's own doors; so are the next five."""
    status: int = 200
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    takes: Mapping[str, Any] | None = None
    gives: Mapping[str, Any] | None = None
    """JSON Schemas of parameters, body and answer."""
    media: tuple[str, ...] = ()
    """What an answer is that is not JSON."""
    audited: str = ""
    """What is noted of whoever got through: ``read``, ``export``. What administrators change is noted by itself."""


@dataclass(frozen=True, slots=True)
class _Row:
    door: Door
    words: tuple[tuple[int, str], ...]
    """What a path must say, and where; the rest are names."""
    names: tuple[tuple[int, str], ...]

    def at(self, path: Sequence[str]) -> dict[str, str] | None:
        for n, word in self.words:
            if path[n] != word:
                return None
        return {name: path[n] for n, name in self.names}


def _row(door: Door, parts: Sequence[str]) -> _Row:
    words = tuple((n, part) for n, part in enumerate(parts) if part[:1] != "{")
    return _Row(door, words, tuple((n, part[1:-1]) for n, part in enumerate(parts) if part[:1] == "{"))


def _first(parts: Sequence[str]) -> str:
    """The word a path must begin with; empty: a name."""
    return "" if parts[0][:1] == "{" else parts[0]


class Router:
    """Doors in order: of two paths that fit, the one that stands first, with all of its methods."""

    def __init__(self, doors: Iterable[Door]) -> None:
        self.doors = tuple(doors)
        self._rows: dict[tuple[int, str], list[_Row]] = {}
        """By the number of words and the first of them; empty: whatever it is."""
        split = [(door, tuple(door.path.split("/"))) for door in self.doors]
        for count, first in {(len(parts), _first(parts)) for _, parts in split} | {(len(p), "") for _, p in split}:
            found = [(door, p) for door, p in split if len(p) == count and _first(p) in ("", first)]
            self._rows[count, first] = [_row(door, parts) for door, parts in found]

    def find(self, app: App, method: str, path: Sequence[str]) -> tuple[Door, At] | None:
        """The door and where it was entered; None where there is none; a refusal where only the method is wrong."""
        fitting = ""
        allowed: list[str] = []
        rows = self._rows.get((len(path), path[0]))
        for row in self._rows.get((len(path), ""), ()) if rows is None else rows:
            names = row.at(path) if fitting in ("", row.door.path) else None
            if names is None:
                continue
            entity = app.entities.get(f"{names['module']}.{names['entity']}") if "entity" in names else None
            at = At(names, entity)
            if ("entity" in names and entity is None) or (row.door.fits is not None and not row.door.fits(at)):
                continue
            if method in row.door.methods:
                return row.door, at
            fitting = row.door.path
            allowed += [m for m in row.door.methods if m not in allowed]
        if allowed:
            told = ", ".join(allowed)
            raise Refusal((fault("api.method", method=method, allowed=told),), headers={"allow": told})
        return None


OWN_PASSWORD = frozenset({"account.password", "page.account", "page.account-do", "page.logout"})
"""What somebody may do whose password was given to him: choose his own, or leave."""


AUDITORS = OWN_PASSWORD | {"page.home", "account.sessions", "account.end", "account.end-all"}
"""What an auditor may enter besides the audit: his own account, and the page where he begins."""

PRIVATE = ("account.", "page.account")
"""Doors to one's own affairs: nobody goes through them with somebody else's eyes."""
LEAVING = frozenset({"page.eyes-closed", "page.logout"})


def let_in(door: Door, me: Me) -> None:
    """What a door asks of everybody, before its handler asks the entity's rules."""
    if me.behind and door.name not in LEAVING and (door.scope == "write" or door.name.startswith(PRIVATE)):
        raise refuse("access.looking")
    if me.must_change and door.name not in OWN_PASSWORD:
        raise refuse("auth.must-change")
    if me.must_enrol and door.name not in OWN_PASSWORD and not door.name.startswith("second."):
        raise refuse("second.must")
    own = door.name in OWN_PASSWORD or door.name.startswith("second.")
    if me.reads_only and door.scope == "write" and (me.token or not own):
        raise refuse("auth.read-only")
    if wrong := shut(door, me):
        raise refuse(wrong)


def shut(door: Door, me: Me) -> str:
    """The code by which a door stays shut to whoever he is, or nothing."""
    auditor = me.granted == "auditor"
    if door.who == "administrator" and not me.admin:
        return "access.administrator"
    if door.who == "auditor" and not (me.admin or auditor):
        return "access.administrator"
    if (
        auditor
        and door.who not in ("auditor", "nobody")
        and not (door.name in AUDITORS or door.name.startswith("second."))
    ):
        return "access.auditor"
    if me.granted == "support" and door.who == "administrator" and door.scope == "write":
        return "access.support"
    return ""
