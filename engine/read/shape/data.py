"""The shape of data packs bring: imports, seeds, scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.read.shape.noun import Named, Noun, One, key
from engine.read.shape.slot import Bool, Free, Int, Label, Name, Names, Text, Value, Word, Words
from engine.read.tree import Node, Scalar

ROWS = Named("map of rows", Free(), free=True, dotted=True)
_FREE = Named("map of data", Free(), free=True)
CLEANING = ("thousands", "half_width", "one_line", "dash_is_empty")
"""The rules of ``engine.intake.cleaning``; a test holds both together."""


@dataclass(slots=True, eq=False)
class Column(Noun):
    thing: ClassVar[str] = "column"
    needs: ClassVar = (("from", "value"),)
    either: ClassVar = (("from", "value"),)

    from_: tuple[Scalar, ...] | None = key(Names("list of headers", Text()), "The names a file may use for it")
    value: Scalar | None = key(Value(), "For a field no column feeds: a constant")
    date: Scalar | None = key(Text(), "How dates are written: `MM/dd/yyyy hh:mm:ss a`")
    clean: tuple[str, ...] | None = key(
        Names("list of rules", Word("rule", CLEANING)),
        "Cleaning rules, in order: `thousands` (1,200), `half_width`, `one_line`, `dash_is_empty`",
    )
    map: dict[str, Scalar] | None = key(Named("map of texts", Text(), free=True), "The file's word → the stored value")
    required: bool | None = key(Bool(), "A row without it is refused")
    unknown: str | None = key(
        Word("refuse \\| create \\| empty", ("refuse", "create", "empty")), "When a reference finds no record"
    )


@dataclass(slots=True, eq=False)
class Import(Noun):
    thing: ClassVar[str] = "import"
    needs: ClassVar = (("of",), ("columns",))

    title: Words | None = key(Label(), "What people call it")
    of: Scalar | None = key(Name(), "The entity it fills")
    format: str | None = key(
        Word("csv \\| xlsx", ("csv", "xlsx")),
        "What people are told to bring; what comes is told by its content. Left out: csv",
    )
    encoding: Scalar | None = key(Text(), "Left out: utf-8")
    page: Scalar | None = key(Text(), "The sheet of an xlsx file; left out: the first")
    columns: dict[str, Column] | None = key(
        Named("map of columns", One("column", Column, short="from")), "Field → where its value comes from"
    )
    totals: dict[str, Scalar] | None = key(Named("map of numbers", Text()), "Field → the sum the whole file must have")
    rows: int | None = key(Int(), "The number of rows the file must have")
    group: tuple[Scalar, ...] | None = key(Names("list of fields"), "Rows alike in these make one document")
    lines: Scalar | None = key(Name(), "The lines field the rows of a document go to")
    feature: Scalar | None = key(Name(), "The feature it belongs to")
    key: tuple[Scalar, ...] | None = key(
        Names("list of fields"), "What tells rows apart; what is done with one that is there already, its bringer says"
    )


@dataclass(slots=True, eq=False)
class Expect(Noun):
    thing: ClassVar[str] = "an expectation"

    state: Scalar | None = key(Name(), "Of the record the step is about")
    fields: dict[str, Node] | None = key(_FREE, "Its fields: name → value; lines by position from 1")
    next: tuple[Scalar, ...] | None = key(Names("list of steps"), "The approval steps that wait, in order")
    may: tuple[Scalar, ...] | None = key(Names("list of actions"), "What this user may do with it now, exactly")
    refused: tuple[Scalar, ...] | None = key(
        Names("list of checks or codes", Text()), "The step must not succeed, for these reasons"
    )
    message: Scalar | None = key(Text(), "A text the refusal's sentence contains")
    field: Scalar | None = key(Text("path"), "Where the refusal points: `lines.1.hours`")
    warned: tuple[Scalar, ...] | None = key(Names("list of checks"), "The checks that warned, exactly")
    figures: dict[str, Node] | None = key(_FREE, "Aggregation → `{at: {dimension: value}, measure: value}`")
    counts: dict[str, Node] | None = key(_FREE, "Entity → number of records, or `{where, is}`")
    hides: tuple[Scalar, ...] | None = key(Names("list of fields"), "Fields this user must not get")


@dataclass(slots=True, eq=False)
class Act(Noun):
    thing: ClassVar[str] = "step"
    either: ClassVar = (("create", "update", "delete", "restore", "act", "import"),)

    as_: Scalar | None = key(Text("user or role"), "Who does it; left out: as the step before")
    create: Scalar | None = key(Name("entity"), "Makes a record `with` these values; the step's name is its name")
    update: Scalar | None = key(Text("record"), "Changes the record `with` these values")
    delete: Scalar | None = key(Text("record"), "Sends it to the bin")
    restore: Scalar | None = key(Text("record"), "Brings it back")
    act: Scalar | None = key(Name("action"), "A transition, or `approve`, `reject`, `return`, `withdraw`")
    import_: Scalar | None = key(Name("import"), "Runs an import mapping over `file`")
    of: Scalar | None = key(Text("record"), "The record an action is about")
    with_: dict[str, Node] | None = key(_FREE, "Field → value; lines as a list, or by position")
    reason: Scalar | None = key(Text(), "The reason given")
    now: Scalar | None = key(Text("moment"), "The clock from here on")
    file: Scalar | None = key(Text("path"), "What is imported")
    expect: Expect | None = key(One("expectation", Expect), "What must hold afterwards")


@dataclass(slots=True, eq=False)
class Scenario(Noun):
    thing: ClassVar[str] = "scenario"
    either: ClassVar = (("steps", "when"),)

    title: Words | None = key(Label(), "What it shows")
    like: Scalar | None = key(Name("scenario"), "The scenario whose world comes first")
    now: Scalar | None = key(Text("moment"), "The moment it plays at")
    settings: dict[str, Scalar] | None = key(Named("map of values", Value()), "Settings for the whole customer")
    given: dict[str, Node] | None = key(ROWS, "Records, written like seeds")
    steps: dict[str, Act] | None = key(Named("map of steps", One("scenario step", Act)), "In order")
    when: Act | None = key(One("scenario step", Act), "Short for one step")
    then: Expect | None = key(One("expectation", Expect), "What must hold after `when`")
    feature: Scalar | None = key(Name(), "The feature it belongs to")
