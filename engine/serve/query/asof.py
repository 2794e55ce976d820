"""A document as it was: what its history says up to a moment, put together under the reader's rights of today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from engine.fieldtypes.storage import bind, moment_text
from engine.plan.entity import Entity
from engine.serve.people.called import people_names
from engine.serve.query import past, request
from engine.serve.query.reading import get_text
from engine.serve.tenant import rows
from engine.serve.tenant.here import Here
from engine.serve.wire.fault import refuse

Key = tuple[str, str]
"""Entity path and record id."""


async def document(here: Here, entity: Entity, record: str, when: str) -> dict[str, Any]:
    moment = _moment(here, when)
    asking = request.one(here.app, here.me, entity, record, [("fields", "id")])
    await get_text(here, entity, asking, plain=True)  # whoever may not see it now does not see what it was
    changes = await _changes(here, record, moment)
    if not changes:
        raise refuse("api.not-yet", entity=entity.title)
    kept, deleted = _folded(changes, (entity.path, record))
    told = await _told(here, record, kept)
    last = [one for one in changes if one["record"] == record][-1]
    people = await people_names(here.tenant, here.app, (last["by"],))
    made = {
        "at": moment_text(last["at"]),
        "rev": max(int(one["rev"]) for one in changes),
        "by": people.get(last["by"]) if last["by"] else None,
        "action": last["action"],
        "deleted": deleted,
    }
    return {**_assembled(here, entity, record, told), "_as_of": made}


def _moment(here: Here, when: str) -> datetime:
    """A moment with its zone, or the end of a day where the tenant lives."""
    try:
        if len(when) == 10:
            return datetime.combine(date.fromisoformat(when), time.max, ZoneInfo(here.tenant.zone))
        found = datetime.fromisoformat(when)
        if found.tzinfo is None:
            raise ValueError
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        told = "2026-03-05 | 2026-03-05T08:00:00Z"
        raise refuse("api.parameter", name="as_of", got=when[:40], expected=told, expected_zh=told) from None


async def _changes(here: Here, record: str, moment: datetime) -> list[dict[str, Any]]:
    dialect = here.app.dialect
    made = rows.select("_history", dialect, {"root": record})
    sql = f"{made.sql} AND at <= {rows.placeholder(dialect, len(made.values) + 1)} ORDER BY id"
    found = await here.tenant.database.read(sql, (*made.values, bind("datetime", 0, dialect, moment)))
    out = []
    for row in found:
        one = past.change_of(row)
        one["entity"] = here.app.born.entity(one["entity"])
        one["fields"] = past.today(here.app, one["entity"], one["change"].get("fields", {}))
        one["record"] = str(one["record"])
        out.append(one)
    # Of one version the document itself comes first: what went with it was there when it went.
    return sorted(out, key=lambda one: (int(one["rev"]), one["record"] != record))


def _folded(changes: Iterable[Mapping[str, Any]], root: Key) -> tuple[dict[Key, dict[str, Any]], bool]:
    """What each record of the document held, and whether the document was in the bin."""
    kept: dict[Key, dict[str, Any]] = {}
    deleted = False
    for one in changes:
        key = (one["entity"], one["record"])
        if key == root:
            deleted = one["action"] == "delete" or (deleted and one["action"] != "restore")
        elif one["action"] == "delete":
            if not deleted:  # what went with its document was there when that went
                kept.pop(key, None)
            continue
        values = kept.setdefault(key, {})
        values.update({name: pair[1] for name, pair in one["fields"].items()})
    return kept, deleted


async def _told(here: Here, record: str, kept: Mapping[Key, Mapping[str, Any]]) -> dict[Key, dict[str, Any]]:
    """As this reader sees them: without what is kept from him, references with their names."""
    masks = await past.kept_back(here, record, {path for path, _ in kept})
    items: list[dict[str, Any]] = []
    for (path, one), values in kept.items():
        pairs = {name: [value, None] for name, value in values.items()}
        items.append({"entity": path, "record": one, "change": dict(past.told(pairs, masks.get(path, {})))})
    await past.name(here, items)
    return {
        (item["entity"], item["record"]): {
            **{name: None for name in _stored(here, item["entity"]) if name not in masks.get(item["entity"], {})},
            **{name: pair[0] for name, pair in item["change"].items()},
        }
        for item in items
    }


def _stored(here: Here, path: str) -> list[str]:
    entity = here.app.entities.get(path)
    return [f.name for f in entity.fields.values() if f.column is not None] if entity is not None else []


def _assembled(here: Here, entity: Entity, record: str, told: Mapping[Key, Mapping[str, Any]]) -> dict[str, Any]:
    """The record with its lines in their places, as a read answers it."""
    out: dict[str, Any] = {"id": record, **told[entity.path, record]}
    for field in entity.fields.values():
        if field.origin != "lines":
            continue
        child = here.app.entities[field.target]
        mine = [
            (values.get("position") or 0, one)
            for (path, one), values in told.items()
            if path == child.path and _owner(child, values) == record
        ]
        out[field.name] = [_assembled(here, child, one, told) for _, one in sorted(mine)]
    return out


def _owner(child: Entity, values: Mapping[str, Any]) -> str | None:
    """The record a line stands in; told as a reference."""
    value = values.get(child.owner.rpartition(".")[2])
    return value.get("id") if isinstance(value, dict) else value
