"""Entities: fields, checks, unique keys, who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from engine.catalog.value import Message, Template, Value
from engine.fieldtypes.mask import Mask
from engine.fieldtypes.spec import Spec
from engine.label import Label
from engine.problem import Where

if TYPE_CHECKING:
    from engine.expr.build.api import Expr

Moment = Literal["save", "submit", "approve", "always"]


@dataclass(frozen=True, slots=True)
class Order:
    """One term of an order: ``since DESC``."""

    by: Expr
    descending: bool = False


@dataclass(frozen=True, slots=True)
class NumberRule:
    """A running number: ``pattern`` holds the digits' place as a text part ``{0000}`` cut out into ``width``.

    ``before`` and ``after`` are what stands around the digits. A counter is kept per ``per``: fields of the record
    (``project``) and, for ``month``/``year``, the period of ``dated`` (a date field; empty: today).
    """

    before: Template
    after: Template
    width: int
    at: Literal["create", "submit"] = "create"
    gapless: bool = False
    per: tuple[str, ...] = ()
    period: Literal["", "day", "month", "year"] = ""
    dated: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``path`` is ``day_labor.sheet.amount``; ``target`` the entity path of a ref, refs or lines.

    Exactly one of ``compute`` (stored), ``live`` (looked at), ``keep`` (the remembered field's name, taken at
    ``keep_at``) and ``find`` (a reference found by a rule, in ``order``) may be set; all of them are read-only.
    ``required``: False, True (on every save), ``submit`` (judged when the document is submitted) or a condition.
    """

    path: str
    name: str
    title: Label
    spec: Spec
    target: str = ""
    required: bool | Literal["submit"] | Expr = False
    default: Value | None = None
    compute: Expr | None = None
    live: Expr | None = None
    keep: str = ""
    keep_at: Moment = "submit"
    find: Expr | None = None
    order: tuple[Order, ...] = ()
    ref_where: Expr | None = None
    readonly: bool = False
    visible: Expr | None = None
    min: Value | None = None
    max: Value | None = None
    number: NumberRule | None = None
    on_delete: Literal["refuse", "clear", "keep"] = "refuse"
    acyclic: bool = False
    translated: bool = False
    public: bool = False
    mask: Mask = field(default_factory=Mask)
    help: Label = field(default_factory=Label)
    was: tuple[str, ...] = ()
    where: Where = field(default_factory=Where)

    @property
    def input(self) -> bool:
        """Whether a person may type it (the caller's rights and the record's state apart)."""
        derived = self.compute is not None or self.live is not None or self.find is not None or self.keep
        return not (self.readonly or derived or self.number)

    @property
    def stored(self) -> bool:
        """Whether it has a column of its own in the entity's table."""
        return self.live is None and self.spec.type not in ("lines", "refs")


@dataclass(frozen=True, slots=True)
class Check:
    """What must hold: ``that``, or that no row of ``none`` matches ``rows``.

    ``keys`` are the fields whose values guard a cross-row check: (own expression, the looked-at entity, the looked-at
    path), one per equality term; empty for a check that reads its own document only.
    """

    path: str
    name: str
    title: Label
    that: Expr | None = None
    none: str = ""
    rows: Expr | None = None
    when: Expr | None = None
    level: Value = field(default_factory=lambda: Value("error"))
    at: Moment = "always"
    reason: bool = False
    override: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()
    message: Message = field(default_factory=Message)
    fields: tuple[str, ...] = ()  # own fields it is about: where a form shows the message
    reach: Literal["row", "form", "database"] = "row"
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Unique:
    """Unique among the living; ``rows`` narrows it; ``nulls``: whether two empty values count as the same."""

    name: str
    fields: tuple[str, ...]
    rows: Expr | None = None
    nulls: Literal["distinct", "same"] = "distinct"
    message: Message = field(default_factory=Message)
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Access:
    """What one role may do: True, a condition, or None (closed)."""

    role: str
    create: bool | Expr | None = None
    read: bool | Expr | None = None
    update: bool | Expr | None = None
    delete: bool | Expr | None = None
    export: bool | Expr | None = None
    act: bool | Expr | None = None  # None: as `update`
    hide: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    readonly: tuple[str, ...] = ()
    where: Where = field(default_factory=Where)


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger takes entries from postings only. ``period`` is the month field an entry belongs to, ``date`` a date
    field or empty; ``closed_by`` the entity path whose rows close periods, with the condition that says which."""

    period: str
    date: str = ""
    closed_by: str = ""
    closed_when: Expr | None = None  # scope: the closing row; `this.` is the entry


@dataclass(frozen=True, slots=True)
class Entity:
    path: str
    module: str
    name: str
    title: Label
    fields: Mapping[str, Field]
    display: Template = field(default_factory=Template)
    scope: str = ""
    owned_by: str = ""  # path of the owner of these lines
    owned_as: str = ""  # the owner's lines field that holds them
    kind: Literal["plain", "ledger", "tree"] = "plain"
    parent: str = ""  # the parent field of a tree
    ledger: Ledger | None = None
    key: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    checks: Mapping[str, Check] = field(default_factory=dict)
    uniques: Mapping[str, Unique] = field(default_factory=dict)
    access: Mapping[str, Access] = field(default_factory=dict)
    workflows: tuple[str, ...] = ()  # paths; the first one is on `state`
    icon: str = ""
    help: Label = field(default_factory=Label)
    was: tuple[str, ...] = ()
    where: Where = field(default_factory=Where)

    @property
    def workflow(self) -> str:
        """The path of the workflow on ``state``, or empty."""
        return self.workflows[0] if self.workflows else ""

    @property
    def lines(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields.values() if f.spec.type == "lines")
