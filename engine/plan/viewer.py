"""Who looks at a page, and what a page is given beside its plan: decoded answers, never a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.label import Label

Record = Mapping[str, Any]
"""A record as the API answers it: decimals are text, refs ``{"id", "display"}`` or null, lines lists of records."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A page of the engine's own that this person may open."""

    title: Label
    href: str


@dataclass(frozen=True, slots=True)
class Viewer:
    """``can`` gives per entity path the operations this person may ever do (read create update delete export);
    whether they may on one record comes with that record."""

    user_id: str
    name: str
    language: str
    zone: str
    roles: tuple[str, ...]
    can: Mapping[str, frozenset[str]]
    csrf: str = ""
    today: str = ""
    """ISO date in the tenant's zone."""
    title: Label = field(default_factory=Label)
    """The tenant's name, for the head of the page."""
    tools: tuple[Tool, ...] = ()
    behind: bool = False
    """An administrator looks with this person's eyes."""
    days_left: int | None = None
    """Of the licence, when its end is near; 0 and less: nothing can be written any more."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something this person may do next with a record: a transition's name, or approve, reject, withdraw."""

    name: str
    title: Label
    kind: Literal["transition", "approve", "reject", "withdraw"] = "transition"
    reason: bool = False
    """A reason must be given (``_reason`` in the form, ``reason`` in the API)."""
    require: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """One problem as people read it, already in their language. ``pointer`` is a JSON pointer into the form
    (``/lines/0/hours``) or empty; ``reason`` names the check that a reason lets pass (input ``_reasons.<check>``)."""

    code: str
    message: str
    pointer: str = ""
    hint: str = ""
    reason: str = ""
    level: Literal["error", "warning"] = "error"


@dataclass(frozen=True, slots=True)
class ListView:
    """A list's answer. ``asked`` are the parameters of the address as they came (filters, sort, q)."""

    items: tuple[Record, ...]
    asked: Mapping[str, str]
    next: str = ""
    """The cursor of the next page, for ``?cursor=``."""
    total: int | None = None
    said: tuple[Said, ...] = ()
    chosen: Mapping[str, Record] = field(default_factory=dict)
    """For filters on references: what the chosen id is called, ``{"team": {"id", "display"}}``."""


@dataclass(frozen=True, slots=True)
class RecordView:
    """``record`` is None for a new one. ``editable`` are the paths of fields that may be changed now
    (``None``: all inputs; ``()``: nothing; ``lines.hours``: that column of the grid). ``sent`` are the values of a
    refused form, shaped like a record; ``said`` what was wrong with them."""

    record: Record | None
    actions: tuple[Action, ...] = ()
    editable: tuple[str, ...] | None = None
    fixed: frozenset[str] = frozenset()
    """Paths of fields that this person's roles do not change, whatever ``editable`` says."""
    can_delete: bool = False
    trail: tuple[Mapping[str, Any], ...] = ()
    """Tasks and decisions, oldest first: round, step, user {"id", "display"}, decision, opinion, at, open."""
    history: tuple[Mapping[str, Any], ...] = ()
    """Changes, newest first: at, by {"id", "display"}, action, change {field: [before, after]}."""
    earlier: bool = False
    """Whether there are more changes than these."""
    sent: Record | None = None
    said: tuple[Said, ...] = ()
    saved: bool = False
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Of the record's files, by their ids: who brought them, and when."""


@dataclass(frozen=True, slots=True)
class DashboardView:
    """``answers``: per tile the figures' answer (``{"rows": [...], "totals": {...}}``) or None when the viewer may
    not read what it sums; ``filters``: the chosen values as text; ``chosen`` names the records among them."""

    answers: Mapping[str, Mapping[str, Any] | None]
    filters: Mapping[str, str]
    chosen: Mapping[str, Record] = field(default_factory=dict)
    compared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Per tile with ``compare``: the answer for the period before."""
    as_of: str = ""
    """When it was read, ``YYYY-MM-DD HH:MM`` in the tenant's zone."""
    trends: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Per tile with ``compare`` where no period was chosen: its last periods, newest first."""
    sums: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    """(tile, ``rows`` or ``columns``) → the totals of a cross table whose figures cannot be added up."""
    said: tuple[Said, ...] = ()
    most: int = 0
    """So many groups of a tile are shown; 0: all."""
    most_cells: int = 0
    """And of a cross table so many."""
    by: str = ""
    """On the page of one tile: the dimension that was asked for instead of its own."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """One's own account. ``sessions`` and ``tokens``: id, name, scopes, born, seen, ends, address, agent, this;
    ``token`` is one that was just made, told this once; ``roles`` are (name, title) of those held today."""

    name: str
    must_change: bool = False
    sessions: tuple[Mapping[str, Any], ...] = ()
    tokens: tuple[Mapping[str, Any], ...] = ()
    roles: tuple[tuple[str, Label], ...] = ()
    token: str = ""
    said: tuple[Said, ...] = ()
    second: Mapping[str, Any] = field(default_factory=dict)
    """Of the second step: on, left (recovery codes), must (a role asks for it), asked (a code is to be shown), secret
    and address of one that was just begun, codes just given; the last three told once."""
    standins: tuple[Mapping[str, Any], ...] = ()
    """id, giver, taker, roles (None: all), from, to, mine (given by this person)."""
    shortest: int = 10
    """Characters a password has at least."""


@dataclass(frozen=True, slots=True)
class RightsView:
    """Who may do what, of a ``role`` or of a ``person`` (as the API's explanation tells him). ``rows`` by entity: path,
    ``operations`` {name: {"ever", "rules": [{role, title, rule, where}]}}, ``fields`` as explained."""

    roles: tuple[tuple[str, Label], ...] = ()
    role: str = ""
    person: Mapping[str, Any] | None = None
    rows: tuple[Mapping[str, Any], ...] = ()
    people: str = ""
    """The entity of people, for choosing one."""
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class WhyView:
    """Why somebody may or may not do things with one record: ``told`` is the API's explanation."""

    record: Record
    told: Mapping[str, Any]
    people: str = ""
    """The entity of people, where the viewer may ask about others."""


@dataclass(frozen=True, slots=True)
class BinView:
    """``items``: id, display, deleted_at, updated_by. ``next`` is the cursor of more."""

    entity: str
    items: tuple[Mapping[str, Any], ...] = ()
    next: str = ""
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class PeopleView:
    """``people``: id, name, display, administrator, disabled, must_change; ``words`` searched for; ``next`` page begins
    after it; ``waiting``: how many people have no login; ``sheet``: name, display, password, told this once."""

    people: tuple[Mapping[str, Any], ...] = ()
    words: str = ""
    next: str = ""
    waiting: int = 0
    sheet: tuple[Mapping[str, str], ...] = ()
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class WebhooksView:
    """``hooks``: id, name, url, entities, kinds, state, deliveries (state → how many). ``log`` are deliveries of the
    one whose id is ``chosen``: event, entity, record, rev, kind, state, attempts, due, status, said, sent, took.
    ``secret`` is one that was just made, told this once; ``values`` what was typed."""

    hooks: tuple[Mapping[str, Any], ...] = ()
    chosen: str = ""
    log: tuple[Mapping[str, Any], ...] = ()
    secret: str = ""
    said: tuple[Said, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkView:
    """``outbox``: waiting, oldest, place. ``deliveries``: waiting, done, dead, skipped, oldest. ``loops``: name, last,
    failed, said of each."""

    outbox: Mapping[str, Any]
    deliveries: Mapping[str, Any]
    loops: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class LicenceView:
    """``told`` as the API gives it."""

    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GrantsView:
    """``grants`` as the API gives them; ``name`` and ``password`` of one that was just given, told this once;
    ``values`` what was typed."""

    grants: tuple[Mapping[str, Any], ...] = ()
    name: str = ""
    password: str = ""
    said: tuple[Said, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditView:
    """``rows`` as the API gives them, newest first, ``name`` beside ``by``; ``given`` the filters; ``next`` the id to
    go on from."""

    rows: tuple[Mapping[str, Any], ...] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    next: str = ""
    said: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class HomeView:
    """``tasks`` wait for this person, newest first: entity, root, display, step, machine, born,
    initiator, for (whose they are, where they are another's)."""

    tasks: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ImportView:
    """A page of an import. ``columns``: (titles a file may have, the field's title, whether a row needs it);
    ``report``: what the API answers, if a file was looked at, and ``file`` its id and name; ``runs``: what was brought
    before; ``done``: a run that was just kept."""

    address: str
    title: Label
    entity: str
    columns: tuple[tuple[tuple[str, ...], Label, bool], ...]
    existing: str = "skip"
    changes: bool = False
    """Whether it may change records that are there."""
    report: Mapping[str, Any] | None = None
    file: tuple[str, str] = ("", "")
    runs: tuple[Mapping[str, Any], ...] = ()
    done: str = ""
    said: tuple[Said, ...] = ()
