"""Typed changes of documents → rows per table, so that one statement writes all rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.plan.entity import LineWrite, TableWrite
from engine.serve.document.decode import Change, LinesChange
from engine.serve.tenant.ids import uuid7
from engine.serve.wire.fault import Fault, fault


@dataclass(slots=True)
class Batch:
    """Rows by entity path; ``writes`` in the order they must run, owners before lines."""

    writes: list[TableWrite] = field(default_factory=list)
    inserts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    updates: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    removes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    """Pointers of the lines in the body, by id."""

    def add(self, into: dict[str, list[dict[str, Any]]], write: TableWrite, row: dict[str, Any]) -> None:
        if not any(write is known for known in self.writes):
            self.writes.append(write)
        into.setdefault(write.entity, []).append(row)


def gather(
    batch: Batch,
    write: TableWrite,
    lines: Sequence[LineWrite],
    record: str,
    change: Change,
    stored: Mapping[str, Any] | None,
    pointer: str,
    owner: Mapping[str, Any] | None = None,
) -> None:
    """The rows of one record and its lines. A stored record gets a row even when only its lines change: every
    write of a document is a version of its root. Stored lines that nobody mentioned get one too, holding only their
    id: what they compute, find and take as default may depend on the root (a price of the sheet's date)."""
    row: dict[str, Any] = {"id": record, **change.values, **(owner or {})}
    if stored is None:
        batch.add(batch.inserts, write, row)
    else:
        batch.add(batch.updates, write, row)
    for line in lines:
        wanted = change.lines.get(line.field)
        present: Sequence[Mapping[str, Any]] = (stored or {}).get(line.field) or ()
        if wanted is None and stored is not None:
            wanted = LinesChange(())
        if wanted is not None:
            _lines(batch, line, record, wanted, present, f"{pointer}/{line.field}")


def _lines(
    batch: Batch,
    line: LineWrite,
    owner: str,
    wanted: LinesChange,
    stored: Sequence[Mapping[str, Any]],
    pointer: str,
) -> None:
    known = {row["id"]: row for row in stored}
    named = {item.id for item in wanted.lines if item.id}
    position = 0 if wanted.replace else max((row.get("position") or 0 for row in stored), default=0)
    positioned = any(name == "position" for name, _, _ in line.write.inputs)
    gone = [i.id for i in wanted.lines if i.delete] + ([i for i in known if i not in named] if wanted.replace else [])
    for line_id in gone:
        if line_id in known:
            _remove(batch, line, known[line_id])
    for item in wanted.lines:
        at = f"{pointer}/{item.at}"
        if item.id and item.id not in known:
            batch.faults.append(fault("api.unknown-line", f"{at}/id", id=item.id))
        elif not item.delete:
            place: dict[str, Any] = {}
            if positioned and (wanted.replace or not item.id):
                position += 1
                place = {"position": position}
            new = not item.id
            record = item.id or item.change.id or uuid7()
            tie = {line.owner: owner, **place} if new else place
            batch.places[record] = at
            gather(batch, line.write, line.lines, record, item.change, None if new else known[item.id], at, tie)
    for line_id, untouched in known.items():
        if line_id not in named and line_id not in gone:
            gather(batch, line.write, line.lines, line_id, Change(), untouched, pointer)


def _remove(batch: Batch, line: LineWrite, row: Mapping[str, Any]) -> None:
    batch.add(batch.removes, line.write, {"id": row["id"]})
    for below in line.lines:
        for child in row.get(below.field) or ():
            _remove(batch, below, child)
