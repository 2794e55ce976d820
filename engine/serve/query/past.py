"""What happened to a document: its changes, newest first, page by page, with references by their names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.db import Call
from engine.fieldtypes.mask import Mask
from engine.fieldtypes.storage import bind, moment_text
from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Entity, Field
from engine.serve.document import rights
from engine.serve.people.called import people_names
from engine.serve.query import boards
from engine.serve.tenant import rows
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.fault import refuse

PAGE = 50
MOST = 200
_EXPECTED = {
    "limit": Label(f"1 至 {MOST}", f"1 to {MOST}"),
    "before": Label("上一页的 next", "`next` of the page before"),
}


async def changes(here: Here, record: str, limit: int = PAGE, before: str = "") -> tuple[list[dict[str, Any]], str]:
    """A page of changes, and the ``before`` of the next one or nothing. Fields the reader may not see are left out; the
    caller has asked already whether he may see the record."""
    found = [change_of(row) for row in await here.tenant.database.read(*_select(here, record, limit, before))]
    born = here.app.born
    people = await people_names(here.tenant, here.app, _people(found))
    masked = await kept_back(here, record, {born.entity(one["entity"]) for one in found})
    out: list[dict[str, Any]] = []
    for one in found[:limit]:
        change, path = one["change"], born.entity(one["entity"])
        item = {
            "at": moment_text(one["at"]),
            "by": people.get(one["by"]) if one["by"] else None,
            "action": one["action"],
            "entity": path,
            "record": one["record"],
            "rev": one["rev"],
            "change": dict(told(today(here.app, path, change.get("fields", {})), masked.get(path, {}))),
        }
        note = dict(change.get("note") or {})
        if "for" in note:
            item["for"] = people.get(note.pop("for"))
        if note:
            item["note"] = note
        out.append(item)
    await name(here, out)
    return out, str(found[limit - 1]["id"]) if len(found) > limit else ""


def change_of(row: Sequence[Any]) -> dict[str, Any]:
    """A row of the history by its columns, whichever database it came from."""
    one = rows.by_name("_history", row)
    change = one["change"]
    return {**one, "change": json.loads(change) if isinstance(change, str) else change or {}}


def _people(found: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    """Who changed, and for whom."""
    for one in found:
        yield one["by"]
        yield (one["change"].get("note") or {}).get("for")


def today(app: App, path: str, stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """Values by columns, by what fields are called now. What is retired is left out: who may see it, nobody can say any
    more. It is told again when it comes back."""
    entity = app.entities.get(path)
    if entity is None:
        return {}
    there = {column.name for table in app.tables if table.name == entity.table for column in table.columns}
    there |= {app.born.column(path, name) for name in entity.fields}
    return app.born.told(path, {name: value for name, value in stored.items() if name in there})


def told(changed: Mapping[str, Any], masks: Mapping[str, Mask | None]) -> Iterator[tuple[str, Any]]:
    for name, pair in changed.items():
        if name not in masks:
            yield name, pair
        elif (mask := masks[name]) is not None:
            yield name, [mask.of(value) if isinstance(value, str) else None for value in pair]


async def kept_back(here: Here, record: str, paths: set[str]) -> dict[str, dict[str, Mask | None]]:
    """By entity what the reader does not see whole on this document: fields shown only in part by the roles that
    admit him to it, with the mask, and fields that none of them shows."""
    out: dict[str, dict[str, Mask | None]] = {}
    admitted: dict[tuple[str, ...], bool] = {}

    async def admits(roles: tuple[str, ...], entity: Entity) -> bool:
        if roles not in admitted:
            admitted[roles] = bool(roles) and await here.admits(entity, "read", record, roles)
        return admitted[roles]

    for path in paths & here.app.entities.keys():
        entity = here.app.entities[path]
        told: dict[str, Mask | None] = {}
        for field in entity.fields.values():
            seen = rights.seen(here.app, here.me, entity, field)
            if seen.plain or await admits(seen.whole, entity):
                continue
            told[field.name] = field.mask if await admits(seen.part, entity) else None
        out[path] = told
    return out


def page_of(pairs: list[tuple[str, str]]) -> tuple[int, str]:
    """``limit`` and ``before`` out of a request's parameters."""
    limit, before = PAGE, ""
    for name, value in pairs:
        if name == "limit" and value.isascii() and value.isdigit() and 1 <= int(value[:6] or 0) <= MOST:
            limit = int(value)
        elif name == "before" and looks_like_id(value):
            before = value.lower()
        elif name in _EXPECTED:
            expected = _EXPECTED[name]
            raise refuse("api.parameter", name=name, got=value[:40], expected=expected.en, expected_zh=expected.zh)
        else:
            raise refuse("api.unknown-parameter", name=name[:80], nearest="")
    return limit, before


def _select(here: Here, record: str, limit: int, before: str) -> tuple[str, tuple[Any, ...]]:
    made = rows.select("_history", here.app.dialect, {"root": record})
    sql, values = made.sql, list(made.values)
    if before:
        values.append(bind("uuid", 0, here.app.dialect, before))
        sql += f" AND id < {rows.placeholder(here.app.dialect, len(values))}"
    asked = Call(f"{sql} ORDER BY id DESC LIMIT {limit + 1}", tuple(values))
    return asked.sql, asked.values


async def name(here: Here, items: list[dict[str, Any]]) -> None:
    """References in the changes as ``{"id", "display"}``: one statement for all of them."""
    wanted: dict[str, dict[str, None]] = {}
    for known, pair in _references(here, items):
        for value in pair:
            wanted.setdefault(known.target, {}).update(dict.fromkeys(_ids(value)))
    named = await boards.names_of(here, wanted)

    def shown(known: Field, value: Any) -> Any:
        told = [{"id": one, "display": named[known.target].get(one, "")} for one in _ids(value)]
        return told if isinstance(value, list) else told[0] if told else None

    for known, pair in _references(here, items):
        pair[:] = [shown(known, value) for value in pair]


def _ids(value: Any) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _references(here: Here, items: list[dict[str, Any]]) -> Iterator[tuple[Field, list[Any]]]:
    for item in items:
        entity: Entity | None = here.app.entities.get(item["entity"])
        changed: Mapping[str, Any] = item["change"]
        for name, pair in changed.items():
            known = entity.fields.get(name) if entity is not None else None
            refers = known is not None and known.target in here.app.entities and known.origin != "lines"
            if refers and isinstance(pair, list) and len(pair) == 2:
                assert known is not None
                yield known, pair
