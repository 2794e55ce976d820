"""``GET /api/v1/system/events``: what has changed, as server-sent events, to each reader what he may see.

An event is (entity, id, rev, kind); its id is its place in the stream, so a browser that comes back says where it was
(``Last-Event-ID``). A reader who is slow is read for slowly: the next rows are asked for when the last were sent.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from engine.db import Lost
from engine.serve.document import rights
from engine.serve.people import session
from engine.serve.tenant import rows
from engine.serve.tenant.bind import Me, call, id_array
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.answer import Answer
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import parameters_of
from engine.serve.wire.shapes import TEXT

MOST_STREAMS = 8
"""Open at once for one person in one process."""
HEARTBEAT = 15.0
_BATCH = 500
_HEADERS = ((b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"))
_NEXT = {
    d: f"SELECT position, entity, record, rev, kind FROM _outbox WHERE position > {p} ORDER BY position LIMIT {_BATCH}"
    for d, p in (("sqlite", "?1"), ("postgresql", "$1"))
}


async def _events(here: Here, _at: At) -> Answer:
    given = parameters_of(here.asked, "after")
    text = here.asked.headers.get("last-event-id", "") or given.get("after", "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 16):
        raise refuse("api.parameter", name="after", got=text[:40], expected="the id of an event",
                     expected_zh="事件编号")  # fmt: skip
    user = str(here.me.user)
    if here.tenant.streams.get(user, 0) >= MOST_STREAMS:
        raise refuse("events.many", most=MOST_STREAMS)
    return Answer(200, headers=_HEADERS, media=b"text/event-stream", stream=_told(here, user, text))


async def _told(here: Here, user: str, came: str) -> AsyncIterator[bytes]:
    tenant = here.tenant
    tenant.streams[user] = tenant.streams.get(user, 0) + 1
    try:
        first, last = await _ends(tenant)
        place = int(came) if came else last
        yield b"retry: 2000\n\n"
        if place > last or (place < first - 1 and place < last):
            place = last
            yield f"event: reset\nid: {place}\ndata: {{}}\n\n".encode()
        elif not came:
            yield f"id: {place}\nevent: hello\ndata: {{}}\n\n".encode()
        heard, beat = tenant.published.rung, time.monotonic()
        while not tenant.closing:
            found = await tenant.database.read(_NEXT[tenant.database.dialect], (place,))
            if found:
                me = await session.caller(tenant, "GET", here.asked.headers)
                if me is None:
                    return
                place = int(found[-1][0])
                text = "".join(_event(row) for row in await _seen(here, me, found))
                # A place nobody sees is told too: who comes back need not be shown the same rows again.
                yield (text or f"id: {place}\n\n").encode()
                beat = time.monotonic()
                if len(found) == _BATCH:
                    continue
            elif time.monotonic() - beat >= HEARTBEAT:
                if await session.caller(tenant, "GET", here.asked.headers) is None:
                    return
                yield b":\n\n"
                beat = time.monotonic()
            heard = await tenant.published.wait(heard, HEARTBEAT)
    except Lost:
        return  # who listens comes back, and says where he was
    finally:
        tenant.streams[user] -= 1
        if not tenant.streams[user]:
            del tenant.streams[user]


def _event(row: Sequence[Any]) -> str:
    position, entity, record, rev, kind = row
    data = json.dumps({"entity": entity, "id": str(record), "rev": rev, "kind": kind}, separators=(",", ":"))
    return f"id: {position}\nevent: change\ndata: {data}\n\n"


async def _ends(tenant: Tenant) -> tuple[int, int]:
    """The first place that is kept, and the last one given."""
    oldest = rows.select("_lease", tenant.database.dialect, {"name": "stream"})
    found = await tenant.database.read(oldest.sql, oldest.values)
    last = int(rows.by_name("_lease", found[0])["n"]) if found else 0
    first = (await tenant.database.read("SELECT min(position) FROM _outbox"))[0][0]
    return int(first or last + 1), last


async def _seen(here: Here, me: Me, found: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    """Those of records this person may read, asked once for each entity; of a record only the newest version."""
    tenant, app = here.tenant, here.tenant.app
    told = [(row[0], app.born.entity(row[1]), *row[2:]) for row in found]
    newest = {(row[1], str(row[2])): row for row in told}
    asked: dict[str, list[str]] = {}
    for path, record in newest:
        asked.setdefault(path, []).append(record)
    seen: set[tuple[str, str]] = set()
    for path, ids in asked.items():
        entity = app.entities.get(path)
        if entity is None or not rights.may_ever(app, me, entity, "read"):
            continue
        if rights.may_always(app, me, entity, "read"):
            seen.update((path, one) for one in ids)
            continue
        statement = tenant.asker.access(app, rights.root_of(app, entity).path, "read", me.roles)
        if statement is not None:
            made = call(statement, tenant.moment(me), {"roots": id_array(ids)})
            seen.update((path, str(row[0])) for row in await tenant.database.read(made.sql, made.values))
    # In the order of places: who is cut off between two of them says the last he got, and must have had all before.
    return sorted((row for key, row in newest.items() if key in seen), key=lambda row: int(row[0]))


DOORS = (
    Door(
        "events.stream",
        ("GET",),
        "system/events",
        _events,
        who="anyone",
        says="What changes, as server-sent events",
        query={"after": TEXT},
        media=("text/event-stream",),
    ),
)
