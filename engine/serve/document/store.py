"""What a write is made of: the operation asked for, the document on its way, and how its rows reach the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.db import Body
from engine.fieldtypes.storage import encode_rows
from engine.plan.app import App
from engine.plan.entity import LineWrite, TableWrite, Write
from engine.plan.question import Asker
from engine.serve.document.batch import Batch, gather
from engine.serve.document.decode import Change, Rules
from engine.serve.tenant.bind import Moment, call, id_array
from engine.serve.wire.fault import Fault, Refusal

Kind = Literal["create", "update", "delete", "restore", "act"]


@dataclass(frozen=True, slots=True)
class Op:
    """One thing to do to one document. ``change`` is typed already; ``action`` names a transition or approve, reject,
    withdraw; ``rev`` are versions the caller may have seen (None: whichever). ``state`` puts a document there without
    asking (a trusted caller's world). ``reasons`` let warnings pass, by check."""

    kind: Kind
    entity: str
    id: str = ""
    change: Change = field(default_factory=Change)
    action: str = ""
    reason: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    rev: tuple[int, ...] | None = None
    state: str = ""
    rules: Rules = field(default_factory=Rules)
    pointer: str = ""
    """Where this operation stands in a bulk body."""

    @property
    def changes(self) -> bool:
        return bool(self.change.values or self.change.lines)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an operation: the stored document by column names, and the warnings that spoke."""

    id: str
    rev: int
    document: Mapping[str, Any]
    created: bool = False
    warnings: tuple[Fault, ...] = ()
    told: str | None = None
    """Its JSON text as ``World.telling`` reads it."""


@dataclass(frozen=True, slots=True)
class World:
    """What a write works with, pinned for the whole transaction."""

    app: App
    asker: Asker
    moment: Moment
    blocks: dict[str, list[int]] | None = None
    """Numbers reserved ahead by this process, ``[next, last]`` by counter; None: every number is taken in place."""
    preview: bool = False
    """Nothing will be kept: what fails is told beside what the document would be, not instead of it."""
    telling: Callable[[str], Body[str | None]] | None = None
    """Reads a record as its writer is told of it; asked together with the last questions."""


@dataclass(slots=True)
class Doc:
    """One document on its way through the transaction. ``kind`` is what history calls it: create, update, delete,
    restore, or the action's name; ``places`` are the pointers of its lines in the body."""

    op: Op
    id: str
    kind: str
    before: dict[str, Any] | None = None
    stages: list[str] = field(default_factory=lambda: ["save"])
    note: dict[str, Any] = field(default_factory=dict)
    warnings: list[Fault] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    """Of entries that were posted on the way, before the rest was settled."""
    own: bool = False
    """It is changed by the right to do so, which must hold for what becomes of it too."""


def store(world: World, write: Write, docs: list[Doc]) -> Body[None]:
    """Writes the values of the operations: new documents and changes of stored ones, all rows of a table at once."""
    batch = Batch()
    for doc in docs:
        gather(batch, write.root, write.lines, doc.id, doc.op.change, doc.before, doc.op.pointer)
        doc.places.update(batch.places)
        batch.places.clear()
    yield from run(world, batch)


def remove(world: World, write: Write, docs: list[Doc]) -> Body[None]:
    """Sends documents to the bin with everything they own."""
    batch = Batch()
    for doc in docs:
        _remove(batch, write.root, write.lines, doc.before or {})
    yield from run(world, batch)


def _remove(batch: Batch, write: TableWrite, lines: tuple[LineWrite, ...], row: Mapping[str, Any]) -> None:
    batch.add(batch.removes, write, {"id": row["id"]})
    for line in lines:
        for child in row.get(line.field) or ():
            _remove(batch, line.write, line.lines, child)


def run(world: World, batch: Batch) -> Body[None]:
    if batch.faults:
        raise Refusal(batch.faults, 422)
    for write in batch.writes:
        for statement, found in (
            (write.remove, batch.removes.get(write.entity)),
            (write.update, batch.updates.get(write.entity)),
            (write.insert, batch.inserts.get(write.entity)),
        ):
            if found:
                rows = encode_rows(write.inputs, found, world.moment.dialect)
                yield call(statement, world.moment, {"rows": rows})
        yield from _follow(world, write, batch)


def _follow(world: World, write: TableWrite, batch: Batch) -> Body[None]:
    """The links of the sets of references that were written."""
    for link in write.links:
        born = [row["id"] for row in batch.inserts.get(write.entity, ())]
        changed = [row["id"] for row in batch.updates.get(write.entity, ()) if link.field in row]
        if changed:
            yield call(link.drop, world.moment, {"roots": id_array(changed)})
        if born or changed:
            yield call(link.add, world.moment, {"roots": id_array([*born, *changed])})


def passes(world: World, write: Write, ids: list[str]) -> Body[None]:
    """Computes what depends on lines, in order."""
    roots = {"roots": id_array(ids)}
    for statement in write.passes:
        yield call(statement, world.moment, roots)
