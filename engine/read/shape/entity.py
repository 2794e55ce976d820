"""The shape of entities: what their keys may hold, as written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.expr.build.align import MAX_SCALE
from engine.fieldtypes.filekinds import KINDS
from engine.read.shape.noun import Named, Noun, One, key
from engine.read.shape.slot import (
    Bool,
    BoolOr,
    Expression,
    Int,
    Label,
    Name,
    Names,
    Size,
    Text,
    Value,
    Word,
    Words,
)
from engine.read.tree import Scalar

FIELD_TYPES = (
    "text", "long_text", "rich_text", "integer", "decimal", "money", "price", "percent", "quantity", "month",
    "boolean", "date", "time", "datetime", "duration", "choice", "choices", "ref", "refs", "lines", "tree", "user",
    "file", "files", "image", "images", "signature", "location", "number", "email", "phone", "url", "json",
)  # fmt: skip
MOMENTS = ("save", "submit", "approve", "always")


@dataclass(slots=True, eq=False)
class Option(Noun):
    thing: ClassVar[str] = "an option"
    title: Words | None = key(Label(), "What people read")
    feature: Scalar | None = key(Name(), "The feature it belongs to")
    was: tuple[Scalar, ...] | None = key(Names(), "Its earlier names")


@dataclass(slots=True, eq=False)
class Mask(Noun):
    thing: ClassVar[str] = "a mask"

    first: int | None = key(Int(), "How many letters at the beginning are told; left out: none")
    last: int | None = key(Int(), "How many letters at the end are told; left out: none")


@dataclass(slots=True, eq=False)
class Field(Noun):
    thing: ClassVar[str] = "field"
    needs: ClassVar = (("type",),)
    either: ClassVar = (("compute", "live", "keep", "find", "default"), ("pattern", "compute", "live"))

    type: str | None = key(Word("field type", FIELD_TYPES), "What it holds")
    title: Words | None = key(Label(), "What people read; left out: its name")
    help: Words | None = key(Label(), "A sentence under the field")
    required: bool | str | Scalar | None = key(
        BoolOr("true \\| submit \\| expression", ("submit", "always")),
        "Must be filled: `true` on a document with a workflow is judged at submit, `always` on every save",
    )
    default: Scalar | None = key(Value(), "Its value until a person types; follows its inputs")
    compute: Scalar | None = key(Expression(), "Stored; recomputed when its document is saved")
    live: Scalar | None = key(Expression(), "Computed whenever it is read; never stored")
    keep: Scalar | None = key(Name(), "The field whose value it remembers, taken `at`")
    at: str | None = key(
        Word("moment", ("create", *MOMENTS)),
        "When `keep` takes the value, when a `number` is given (`create` or `submit`)",
    )
    readonly: bool | None = key(Bool(), "Nobody types it; only its default or the engine fills it")
    visible: Scalar | None = key(Expression(), "Shown only while this holds")
    public: bool | None = key(
        Bool(), "May stand in the `display` of a reference for readers without rights to the record"
    )
    mask: Mask | None = key(
        One("mask", Mask), "What those see to whom their role masks it; left out: the last four letters"
    )
    min: Scalar | None = key(Value(), "Smallest value; for `lines`: fewest lines (judged at submit)")
    max: Scalar | None = key(Value(), "Greatest value; for `lines`: most lines")
    min_length: int | None = key(Int(), "Fewest characters")
    max_length: int | None = key(Int(), "Most characters")
    max_size: int | None = key(Size(), "Of each file: `500 KB`, `20 MB`; left out: what the server takes")
    max_count: int | None = key(Int(), "Most files of `files` and `images`; left out: 100")
    accept: tuple[str, ...] | None = key(
        Names("list of kinds", Word("kind of file", tuple(KINDS))), "Kinds of `file` and `files`; left out: any"
    )
    scale: int | None = key(Int(least=0, most=MAX_SCALE), "Digits after the point of a `decimal`: 0 to 10")
    unit: Scalar | None = key(Text(), "Shown after the number")
    translated: bool | None = key(Bool(), "Holds one text per language")
    to: Scalar | None = key(Name(), "The entity a `ref` or `refs` points at")
    where: Scalar | None = key(
        Expression(), "Which rows may be chosen; a bare name is theirs, `this.` the record's own"
    )
    find: Scalar | None = key(Expression(), "The rule that finds the referenced row at save; needs `order`")
    order: Scalar | None = key(Text("order"), "Which found row wins: `since DESC`")
    on_delete: str | None = key(
        Word("refuse \\| clear \\| keep", ("refuse", "clear", "keep")), "When the referenced record is deleted"
    )
    acyclic: bool | None = key(Bool(), "No record may reach itself through this reference; messages get `{loop}`")
    of: Scalar | None = key(Name(), "The owned entity that `lines` holds")
    options: dict[str, Option] | None = key(
        Named("map of options", One("option", Option, short="title")), "The choices of `choice` and `choices`, in order"
    )
    pattern: Scalar | None = key(Text(), "A running `number`: `DG-{project.code}-{sheet_date:yyyyMM}-{0000}`")
    gapless: bool | None = key(Bool(), "No number is left out, at the price of a queue")
    per: tuple[Scalar, ...] | None = key(
        Names(), "Counts from 1 again for each of these: reference fields, `day`, `month`, `year`"
    )
    feature: Scalar | None = key(Name(), "The feature it belongs to; off: it is hidden, its data stays")
    was: tuple[Scalar, ...] | None = key(Names(), "Its earlier names, kept for good")


@dataclass(slots=True, eq=False)
class Check(Noun):
    thing: ClassVar[str] = "check"
    needs: ClassVar = (("that", "none"),)
    either: ClassVar = (("that", "none"),)

    that: Scalar | None = key(Expression(), "What must hold; the check fails only when it is FALSE")
    none: Scalar | None = key(Name(), "The entity of which no row may match `where`; messages get `{found.…}`")
    where: Scalar | None = key(Expression(), "With `none`: which rows; a bare name is theirs, `this.` the record's own")
    when: Scalar | None = key(Expression(), "Judged only while this holds")
    title: Words | None = key(Label(), "Its name for people")
    level: Scalar | None = key(Value("error \\| warning, or a value"), "`warning` lets the record through")
    at: str | None = key(Word("moment", MOMENTS), "When it is judged: on every save (left out), at submit, at approval")
    reason: bool | None = key(Bool(), "Passing it takes a reason, which is kept")
    override: tuple[Scalar, ...] | None = key(Names("list of roles"), "Who may pass it all the same")
    lock: tuple[Scalar, ...] | None = key(Names("list of fields"), "Own fields whose values serialise it")
    message: Words | None = key(Label("message"), "The sentence people get; a template")
    fields: tuple[Scalar, ...] | None = key(Names("list of fields"), "Where a form shows the sentence")
    feature: Scalar | None = key(Name(), "The feature it belongs to")


@dataclass(slots=True, eq=False)
class Unique(Noun):
    thing: ClassVar[str] = "unique key"
    needs: ClassVar = (("fields",),)

    fields: tuple[Scalar, ...] | None = key(
        Names("list of fields"), "The fields that together occur once, among the living"
    )
    where: Scalar | None = key(Expression(), "Only among these rows")
    nulls: str | None = key(Word("distinct \\| same", ("distinct", "same")), "Whether two empty values are the same")
    message: Words | None = key(Label("message"), "The sentence people get")
    feature: Scalar | None = key(Name(), "The feature it belongs to")


_RULE = BoolOr("true \\| scope \\| expression")


@dataclass(slots=True, eq=False)
class Access(Noun):
    thing: ClassVar[str] = "access of role"

    create: bool | Scalar | None = key(_RULE, "May create; an expression is judged on the new record")
    read: bool | Scalar | None = key(_RULE, "May see")
    update: bool | Scalar | None = key(_RULE, "May change, where the record's state allows it")
    delete: bool | Scalar | None = key(_RULE, "May send to the bin")
    export: bool | Scalar | None = key(_RULE, "May take out as a file")
    act: bool | Scalar | None = key(
        _RULE, "May make the moves whose `by` names nobody; left out: whoever may update the record"
    )
    hide: tuple[Scalar, ...] | None = key(Names("list of fields"), "Fields this role does not see")
    mask: tuple[Scalar, ...] | None = key(
        Names("list of fields"), "Text fields this role sees in part, as the field's `mask` says"
    )
    readonly: tuple[Scalar, ...] | None = key(Names("list of fields"), "Fields this role sees and does not change")


@dataclass(slots=True, eq=False)
class Ledger(Noun):
    thing: ClassVar[str] = "a ledger"
    needs: ClassVar = (("period",),)

    period: Scalar | None = key(Name(), "The month field an entry belongs to")
    date: Scalar | None = key(Name(), "The date field that keeps the business date")
    closed_by: Scalar | None = key(Name(), "The entity whose rows close periods")
    where: Scalar | None = key(Expression(), "Which of its rows close the entry's period: `this.` is the entry")


@dataclass(slots=True, eq=False)
class Entity(Noun):
    thing: ClassVar[str] = "entity"
    needs: ClassVar = (("fields",),)
    either: ClassVar = (("owned_by", "ledger"), ("owned_by", "tree"), ("ledger", "tree"), ("owned_by", "scope"))

    title: Words | None = key(Label(), "What people call it; left out: its name")
    help: Words | None = key(Label(), "A sentence about it")
    icon: Scalar | None = key(Text(), "A Tabler icon's name")
    display: Scalar | None = key(Text(), "How a record is named in pickers and links: `{number} {team.name}`")
    search: tuple[Scalar, ...] | None = key(
        Names("list of fields"), "Fields that searching looks into; left out: `display`'s"
    )
    scope: Scalar | None = key(Name(), "The reference that places a record, for roles held at a place")
    scopes: dict[str, Scalar] | None = key(
        Named("map of paths", Name("path")), "Scope → the path it asks here; `own` is `created_by` unless it says so"
    )
    owned_by: Scalar | None = key(Name(), "The entity whose lines these are")
    ledger: Ledger | None = key(One("ledger", Ledger), "Takes entries from postings only")
    tree: bool | None = key(Bool(), "Rows hang under each other by the one field of type `tree`")
    fields: dict[str, Field] | None = key(Named("map of fields", One("field", Field), reserved=True), "What it holds")
    checks: dict[str, Check] | None = key(
        Named("map of checks", One("check", Check)), "What must hold when it is saved"
    )
    unique: dict[str, Unique] | None = key(
        Named("map of unique keys", One("unique key", Unique, short="fields")), "What occurs once"
    )
    access: dict[str, Access] | None = key(
        Named("map of roles", One("access", Access)), "What each role may do; a role left out may nothing"
    )
    feature: Scalar | None = key(Name(), "The feature it belongs to")
    was: tuple[Scalar, ...] | None = key(Names(), "Its earlier names, kept for good")
    key: tuple[Scalar, ...] | None = key(
        Names("list of fields"), "The fields people identify a row by; left out: the first one-field `unique`"
    )
