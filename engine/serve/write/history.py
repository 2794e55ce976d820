"""What changed: two states of a document → rows of ``_history`` and ``_outbox``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.plan.born import Born
from engine.plan.entity import LineWrite, TableWrite, Write
from engine.serve.tenant.bind import Moment
from engine.serve.tenant.ids import uuid7

_UNTOLD = frozenset({"rev", "updated_at", "updated_by", "created_at", "created_by", "_find", "_sort", "_typed"})
Stored = Mapping[str, Any]


def difference(before: Stored | None, after: Stored | None, skip: Iterable[str] = ()) -> dict[str, list[Any]]:
    """Column → [before, after] for what differs; ``skip`` names lines, which have rows of their own."""
    old, new = before or {}, after or {}
    told = _UNTOLD.union(skip)
    return {
        name: [old.get(name), new.get(name)]
        for name in {**old, **new}
        if name not in told and old.get(name) != new.get(name) and name != "id"
    }


def _walk(
    write: TableWrite, lines: tuple[LineWrite, ...], before: Stored | None, after: Stored | None
) -> Iterator[tuple[TableWrite, str, str, dict[str, list[Any]]]]:
    """(whose, record id, action, difference) for a record and everything it owns."""
    fields = [line.field for line in lines]
    changed = difference(before, after, fields)
    known = after or before or {}
    action = "create" if before is None else "delete" if after is None else "update"
    yield write, str(known["id"]), action, changed
    for line in lines:
        old = {row["id"]: row for row in (before or {}).get(line.field) or ()}
        new = {row["id"]: row for row in (after or {}).get(line.field) or ()}
        for line_id in {**old, **new}:
            yield from _walk(line.write, line.lines, old.get(line_id), new.get(line_id))


def rows_of(
    born: Born,
    write: Write,
    moment: Moment,
    before: Stored | None,
    after: Stored,
    kind: str,
    note: Mapping[str, Any] | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """History of every record that changed, and one event for the document. ``note`` (reasons given, the reason of
    an action) stands with the root's row."""
    root = str(after["id"])
    history = []
    for whose, record, action, changed in _walk(write.root, write.lines, before, after):
        top = record == root
        if not changed and not (top and (note or kind not in ("create", "update"))):
            continue
        fields = born.stored(whose.entity, changed)
        told: dict[str, Any] = {"fields": fields, **({"note": dict(note)} if top and note else {})}
        history.append(
            {
                "id": uuid7(),
                "entity": whose.table,
                "record": record,
                "root": root,
                "rev": int(after["rev"]),
                "at": moment.now,
                "by": moment.me.user,
                "action": kind if top else action,
                "change": told,
            }
        )
    events = [event(write.root.table, root, int(after["rev"]), kind, moment)]
    return history, events


def event(table: str, record: str, rev: int, kind: str, moment: Moment) -> dict[str, Any]:
    return {"id": uuid7(), "at": moment.now, "entity": table, "record": record, "rev": rev, "kind": kind}


def parsed(document: Any) -> dict[str, Any]:
    """A stored document as ``lock`` and ``read_back`` give it: JSON text."""
    data: dict[str, Any] = json.loads(document) if isinstance(document, str | bytes) else document
    return data
