"""What somebody wants a running system to become, and what the one who makes it so tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.label import Label
from engine.plan.change import Plan
from engine.plan.viewer import Said

Files = Mapping[str, str]
"""File name → text."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whatever is left out stays as it is. ``overlays`` are all of them, each with its files; ``folder``: what the
    packs' folder on the server says by now; ``revision``: an earlier one; ``bundle``: the text of one, ``over_changes``
    that were made here since. Older packs come only when they are meant (``downgrade``)."""

    overlays: Sequence[Files] | None = None
    switches: Mapping[str, bool] = field(default_factory=dict)
    folder: bool = False
    revision: int = 0
    bundle: str = ""
    over_changes: bool = False
    downgrade: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """An apply. ``reviewed``: (revision, digest) of the plan that was looked at; without one only what is safe is done,
    if ``careful``. ``despite`` scenarios that would not hold."""

    by: str
    note: str = ""
    reviewed: tuple[int, str] | None = None
    careful: bool = False
    despite: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """``applied``: the revision the plan has become, None if there was nothing to do; ``posted``: entries of ledgers
    that documents were owed."""

    plan: Plan
    applied: int | None = None
    posted: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """A change that is under way, in whichever process. ``done`` of how many rows, while that is known."""

    by: str
    stage: Literal["planning", "applying", "posting"]
    since: str
    what: str = ""
    done: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """An entity, or a field as ``module.entity.field``, that comes and goes with a switch; ``records`` kept in it."""

    path: str
    title: Label
    records: int = 0


@dataclass(frozen=True, slots=True)
class Switch:
    """``name`` is a pack's (``day-labor``) or a feature's (``day_labor.overtime``); ``needed_by`` those that are on and
    would have to go off first (packs), or go off with it (features)."""

    name: str
    title: Label
    on: bool
    kind: Literal["module", "feature"] = "module"
    needed_by: tuple[str, ...] = ()
    holds: tuple[Held, ...] = ()

    def plain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "title": plain(self.title),
            "on": self.on,
            "needed_by": list(self.needed_by),
            "holds": [{"path": h.path, "title": plain(h.title), "records": h.records} for h in self.holds],
        }


@dataclass(frozen=True, slots=True)
class Revision:
    """``changes`` are the plan's lines that led to it; ``switches``, ``overlays`` and ``packs`` (name → version) what
    it consists of, where they were asked for."""

    number: int
    at: str
    by: str
    note: str
    digest: str
    changes: Sequence[Mapping[str, Any]]
    switches: Mapping[str, bool] = field(default_factory=dict)
    overlays: Sequence[Files] = ()
    packs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """Between two revisions: ``text`` as ``diff -u`` tells it, and the lines of the plans that lie between them."""

    before: int
    after: int
    text: str
    changes: Sequence[Mapping[str, Any]]


def plain(label: Label) -> dict[str, str]:
    return {"zh": label.to("zh"), "en": label.to("en")}


@dataclass(frozen=True, slots=True)
class ChangeView:
    """What the pages of changes are given: ``plan`` that was asked for, and what to send when it is taken
    (``taking``); ``files`` are the overlays as they were typed, or as they are: (name, text, which overlay);
    ``bundle`` what is in the one that was brought, ``noted`` that it is, where nothing had to be changed."""

    said: Sequence[Said] = ()
    plan: Plan | None = None
    taking: Mapping[str, str] = field(default_factory=dict)
    done: int = 0
    running: Running | None = None
    switches: Sequence[Switch] = ()
    files: Sequence[tuple[str, str, str]] = ()
    note: str = ""
    revisions: Sequence[Revision] = ()
    difference: Difference | None = None
    bundle: Mapping[str, Any] | None = None
    noted: bool = False
