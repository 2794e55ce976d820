"""The shape of what moves: workflows, postings, controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.read.shape.noun import Named, Noun, One, key
from engine.read.shape.slot import Bool, Duration, Expression, Label, Name, Names, Text, Value, Word, Words
from engine.read.tree import Scalar

PEOPLE = Names("people", Text("people"))
SET = Named("map of values", Value())


@dataclass(slots=True, eq=False)
class State(Noun):
    thing: ClassVar[str] = "state"

    title: Words | None = key(Label(), "What people read")
    initial: bool | None = key(Bool(), "Where a new record begins; left out: the first state")
    editable: bool | None = key(Bool(), "The record may be changed here; left out: only in the initial state")
    effective: bool | None = key(
        Bool(), "It counts, and its computed values are frozen; left out: the state `approved` leads to"
    )


@dataclass(slots=True, eq=False)
class Transition(Noun):
    thing: ClassVar[str] = "transition"
    needs: ClassVar = (("from",), ("to",))

    title: Words | None = key(Label(), "The button's words")
    from_: tuple[Scalar, ...] | None = key(Names("list of states"), "The states it begins in")
    to: Scalar | None = key(Name(), "The state it leads to")
    by: tuple[Scalar, ...] | None = key(PEOPLE, "Who may do it; left out: whoever may `act` on the record")
    when: Scalar | None = key(Expression(), "Offered only while this holds")
    reason: bool | None = key(Bool(), "Takes a reason, which is kept")
    require: tuple[Scalar, ...] | None = key(Names("list of fields"), "Fields that must be filled for it")
    set: dict[str, Scalar] | None = key(SET, "What it writes: field → value")
    approval: Scalar | None = key(Name(), "Starts the approval steps of this workflow, under this name")
    auto: bool | None = key(Bool(), "Happens by itself when `when` becomes true")
    feature: Scalar | None = key(Name(), "The feature it belongs to")


@dataclass(slots=True, eq=False)
class Timeout(Noun):
    thing: ClassVar[str] = "a timeout"
    needs: ClassVar = (("after",),)

    after: int | None = key(Duration(), "How long a task may wait: `48h`, `3d`")
    do: str | None = key(
        Word("remind \\| approve \\| reject \\| escalate", ("remind", "approve", "reject", "escalate")),
        "What then happens",
    )
    to: tuple[Scalar, ...] | None = key(PEOPLE, "To whom it is escalated")


@dataclass(slots=True, eq=False)
class Step(Noun):
    thing: ClassVar[str] = "step"
    needs: ClassVar = (("assign", "cc"),)

    title: Words | None = key(Label(), "What people call it")
    assign: tuple[Scalar, ...] | None = key(PEOPLE, "Who decides")
    mode: str | None = key(
        Word("any \\| all \\| sequence \\| share like 60%", ("any", "all", "sequence"), r"([1-9]\d?|100)(\.\d+)?%"),
        "How many of them must agree; left out: any one",
    )
    when: Scalar | None = key(Expression(), "The step is taken when this is true or unknown")
    edit: tuple[Scalar, ...] | None = key(Names("list of paths"), "What the approver may change: `lines.hours`")
    require: tuple[Scalar, ...] | None = key(Names("list of fields"), "What the approver must have filled")
    set: dict[str, Scalar] | None = key(SET, "What agreeing writes")
    timeout: Timeout | None = key(One("timeout", Timeout), "When nobody decides")
    cc: tuple[Scalar, ...] | None = key(PEOPLE, "Who is only told")
    feature: Scalar | None = key(Name(), "The feature it belongs to")


@dataclass(slots=True, eq=False)
class Outcome(Noun):
    thing: ClassVar[str] = "an outcome"
    needs: ClassVar = (("to",),)

    to: Scalar | None = key(Name(), "The state it leads to")
    set: dict[str, Scalar] | None = key(SET, "What it writes")


@dataclass(slots=True, eq=False)
class Workflow(Noun):
    thing: ClassVar[str] = "workflow"
    needs: ClassVar = (("of",), ("states",))

    title: Words | None = key(Label(), "What people call it")
    of: Scalar | None = key(Name(), "The entity it moves")
    field: Scalar | None = key(Name(), "Where the state lies; left out: `state`, which the engine adds")
    states: dict[str, State] | None = key(
        Named("map of states", One("state", State, short="title")), "In order; the first is initial"
    )
    transitions: dict[str, Transition] | None = key(
        Named("map of transitions", One("transition", Transition)), "How records move between states"
    )
    steps: dict[str, Step] | None = key(Named("map of steps", One("step", Step)), "The approval's steps, in order")
    approved: Outcome | None = key(One("outcome", Outcome), "Where an agreed approval leads")
    rejected: Outcome | None = key(One("outcome", Outcome), "Where a refused approval leads")
    withdraw: str | None = key(
        Word("until_first_decision \\| until_approved", ("until_first_decision", "until_approved")),
        "Until when the starter may take it back",
    )
    feature: Scalar | None = key(Name(), "The feature it belongs to")


@dataclass(slots=True, eq=False)
class Posting(Noun):
    thing: ClassVar[str] = "posting"
    needs: ClassVar = (("of",), ("while",), ("into",), ("set",))

    title: Words | None = key(Label(), "What people call it")
    of: Scalar | None = key(Name(), "The entity whose rows post")
    while_: Scalar | None = key(Expression(), "As long as this holds, the ledger holds the entry")
    each: Scalar | None = key(
        Text("entity BY paths"), "One entry per group: `cost_entry BY subject WHERE contract = this.id`"
    )
    into: Scalar | None = key(Name(), "The ledger")
    set: dict[str, Scalar] | None = key(SET, "The entry: field → value")
    lock: tuple[Scalar, ...] | None = key(Names("list of fields"), "Own fields whose values serialise it")
    feature: Scalar | None = key(Name(), "The feature it belongs to")


@dataclass(slots=True, eq=False)
class Control(Noun):
    thing: ClassVar[str] = "control"
    needs: ClassVar = (("of",), ("key",), ("value",), ("limit",))

    title: Words | None = key(Label(), "What people call it")
    of: Scalar | None = key(Name(), "The ledger it watches")
    when: Scalar | None = key(Expression(), "Only for entries of which this holds")
    value: Scalar | None = key(Name("aggregation.measure"), "The figure that must stay below")
    limit: Scalar | None = key(Name("aggregation.measure"), "The figure it is compared with")
    warn: Scalar | None = key(Value(), "From this share of the limit on it warns")
    block: Scalar | None = key(Value(), "Past this share of the limit it refuses")
    inclusive: Scalar | None = key(Value(), "Whether exactly that share is refused too (≥); left out: it passes (>)")
    levels: dict[str, Scalar] | None = key(
        SET, "A tree of the key → where it is judged too: `own` (only there), `above` (every node above), `whole`"
    )
    stages: tuple[Scalar, ...] | None = key(
        Names("list of moments", Word("moment", ("save", "submit", "approve"))), "When it is judged"
    )
    override: tuple[Scalar, ...] | None = key(Names("list of roles"), "Who may pass it all the same")
    lock: tuple[Scalar, ...] | None = key(
        Names("list of fields"), "The ledger's fields that serialise it; left out: `key`"
    )
    message: Words | None = key(
        Label("message"), "The sentence; `{limit}`, `{value}`, `{delta}`, `{gap}` and the key's paths"
    )
    feature: Scalar | None = key(Name(), "The feature it belongs to")
    key: tuple[Scalar, ...] | None = key(Names("list of fields"), "The ledger's fields a budget is kept by")
