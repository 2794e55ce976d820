"""An entity as it is served: its fields for people, its columns, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.fieldtypes.mask import Mask
from engine.fieldtypes.spec import Spec
from engine.label import Label
from engine.plan.statement import Statement

Program = Any
"""A program of engine.expr.run: JSON-able nested lists."""

Origin = Literal["input", "compute", "live", "keep", "find", "number", "lines", "system"]


@dataclass(frozen=True, slots=True)
class Template:
    """Text with values in it: ``parts`` are plain texts or (path, format) pairs."""

    parts: tuple[str | tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Message:
    """A template per language."""

    zh: Template
    en: Template


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    ``origin`` says who gives the value: only ``input`` is taken from a body. ``required`` is judged at the
    stage it names; ``required_when`` refines it. Programs are there when their reach allows a preview.
    ``target`` is the entity path of a ref or of owned lines; ``group`` of lines: the child entity.
    """

    name: str
    title: Label
    spec: Spec
    origin: Origin = "input"
    column: str | None = None
    kind: str = "text"
    scale: int = 0
    target: str = ""
    required: Literal["no", "always", "submit"] = "no"
    required_when: Program = None
    visible: Program = None
    readonly: bool = False
    default: Program = None
    default_follows: bool = False
    compute: Program = None
    picker_where: str = ""
    """The ``where`` of a ref as expression text, for the picker's question; ``this.`` is the form's record."""
    hint: Label = field(default_factory=Label)
    public: bool = False
    searchable: bool = False
    hidden_from: tuple[str, ...] = ()
    masked_for: tuple[str, ...] = ()
    """Roles that see it by ``mask``, those that do not see it, and those that do not change it."""
    mask: Mask = field(default_factory=Mask)
    readonly_for: tuple[str, ...] = ()
    lines_min: int = 0
    has_default: bool = False
    """Whether leaving it out gives it a value, be it one that only the database can find."""
    default_key: str = ""
    """Of a reference: the key of the record it begins with."""

    @property
    def restricted(self) -> bool:
        """Whether some role does not see it whole."""
        return bool(self.hidden_from or self.masked_for)


@dataclass(frozen=True, slots=True)
class Check:
    """A rule over the record; its truth is in the document's ``checks`` statement, its words here."""

    name: str
    entity: str
    level: Literal["error", "warning"]
    stage: Literal["save", "submit", "approve", "always"]
    message: Message
    reason: bool = False
    override: str = ""
    program: Program = None
    pointer: str = ""
    """The field at fault, where the check is about one (``required``, ``min``)."""
    where: str = ""
    """file:line:column of the YAML that wrote it."""


@dataclass(frozen=True, slots=True)
class Number:
    """A running number: given at ``at``; ``scope`` computes the counter's key, ``text`` its letters around it.

    ``statement`` takes (ids JSON array) and gives rows (id, key, before, digits, after) for the records that have no
    number yet, ordered by key; ``assign`` takes ``rows`` of {id, <column>} and writes them.
    """

    field: str
    at: Literal["create", "submit"]
    gapless: bool
    statement: Statement
    assign: Statement | None = None


@dataclass(frozen=True, slots=True)
class LinkWrite:
    """How the links of a set of references follow its column; both take ``roots``, the ids of the rows written:
    ``drop`` what the column no longer holds, ``add`` what it newly holds."""

    field: str
    drop: Statement
    add: Statement


@dataclass(frozen=True, slots=True)
class TableWrite:
    """The statements over one table. Each takes ``rows`` (input, JSON array of objects keyed by column).

    ``insert`` and ``update`` compute what the row can compute by itself; ``remove`` sends to the bin (of a row it
    needs ``id`` only). ``inputs`` are the columns a row object may hold, with their storage kind and scale.
    A column left out of a row is not the same as null: on insert its default applies, on update it keeps what is
    stored. ``_typed`` is among the inputs where defaults follow: what people typed, a JSON array of columns;
    left out, it is what was stored plus the columns this row holds.
    """

    entity: str
    table: str
    inputs: tuple[tuple[str, str, int], ...]
    insert: Statement
    update: Statement
    remove: Statement
    numbers: tuple[Number, ...] = ()
    companions: Statement | None = None
    """Takes ``rows`` of {id, _sort, _find}: what the record is sorted and found by, once it has been read back."""
    links: tuple[LinkWrite, ...] = ()


@dataclass(frozen=True, slots=True)
class LineWrite:
    """Owned lines: the body's field, what their rows call the owner and the column that points at it, and their own
    lines."""

    field: str
    owner: str
    owner_column: str
    write: TableWrite
    lines: tuple[LineWrite, ...] = ()


@dataclass(frozen=True, slots=True)
class PostingWrite:
    """Set-wise statements over ``roots``: mirror what no longer holds, post what newly holds; both give the
    ids of the entries they made, for history and outbox. Kept when the target pack is off, but not run."""

    name: str
    into: str
    reverse: Statement
    post: Statement


@dataclass(frozen=True, slots=True)
class AtOnce:
    """A record written by one statement, with its history, event and audit: see ``engine.compile.at_once``.

    ``create`` and ``update`` take what ``TableWrite``'s take (one row), ``id``, ``revs`` (versions that may be changed,
    JSON array or null), ids for what is noted (``history``, ``event``, ``audit``) and ``at``, milliseconds. Columns:
    rev, whether everything holds, the document as far as ``companions`` look at it or NULL. Before the last FROM more
    may be asked, of the rows ``w``, the record as it became, and ``b``, as it was.
    """

    create: Statement
    update: Statement


@dataclass(frozen=True, slots=True)
class Write:
    """How a document (root and owned lines) is written; every statement takes ``roots``, a JSON array of ids.

    ``lock`` locks the roots and gives one row each: (id, document, stale) with the stored document as JSON by
    column names, lines nested by field name, also of a root in the bin. ``stale``: the lock was waited for, so the
    lines are those of before the wait; take the document from ``read_back``, which is like ``lock`` without locking.
    ``passes`` compute what depends on children, in order, for every write and after a transition's ``apply``.
    ``guards`` take the keys that serialise cross-row checks. ``checks`` by stage (save, submit, approve, delete)
    give one row per violated check: (check, root, line, values JSON keyed by the paths of its message; ``$level``
    is there when the level is an expression, ``$found`` the id of a culprit).
    """

    root: TableWrite
    lines: tuple[LineWrite, ...]
    lock: Statement
    passes: tuple[Statement, ...]
    guards: tuple[Statement, ...]
    checks: Mapping[str, Statement]
    read_back: Statement
    postings: tuple[PostingWrite, ...] = ()
    at_once: AtOnce | None = None
    """Where the record's own row is all that is read and written, and the database can: then it is one statement,
    unless it finds something not in order, which is told by the way above."""


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity as people and clients meet it.

    ``access`` gives per operation and role True, or the text of the rule (its SQL is made by ``ask`` with the
    reader's roles). ``key`` are the fields people identify a row by.
    """

    path: str
    module: str
    name: str
    title: Label
    table: str
    fields: Mapping[str, Field]
    display: Template
    key: tuple[str, ...]
    kind: Literal["plain", "ledger", "tree"] = "plain"
    owner: str = ""
    """Path of the owning entity, for owned lines."""
    owner_field: str = ""
    scope: str = ""
    machine: str = ""
    """Name of its workflow in App.machines."""
    checks: Mapping[str, Check] = field(default_factory=dict)
    access: Mapping[str, Mapping[str, bool | str]] = field(default_factory=dict)
    access_at: Mapping[str, str] = field(default_factory=dict)
    """By role the file:line:column of the YAML that says what it may."""
    write: Write | None = None
    where: str = ""
