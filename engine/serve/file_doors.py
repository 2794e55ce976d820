"""The doors of files: sending one in, and reading one through the record and the field that hold it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from engine.db import Body
from engine.serve import files, request, rows
from engine.serve.answer import Answer, as_json, headers_of, unchanged
from engine.serve.door import At, Door
from engine.serve.fault import Refusal, refuse
from engine.serve.filestore import FileStore
from engine.serve.here import Here, looks_like_id
from engine.serve.ids import uuid7
from engine.serve.reading import get_text
from engine.serve.shapes import ID, TEXT, WHOLE, thing

MOST = 50 * 1024 * 1024
MOST_WAITING = 200
MOST_WAITING_BYTES = 1024 * 1024 * 1024


def _store(here: Here) -> FileStore:
    if here.tenant.files is None:
        raise refuse("file.no-store")
    return here.tenant.files


async def _send_in(here: Here, _at: At) -> Answer:
    """The body is the file; ``name`` is what its sender calls it."""
    store = _store(here)
    given = dict(request.pairs_of(here.asked.query))
    if unknown := set(given) - {"name"}:
        raise refuse("api.unknown-parameter", name=min(unknown)[:60], nearest="name")
    count, size = await files.waiting_of(here.tenant, here.me.user)
    if count >= MOST_WAITING or size >= MOST_WAITING_BYTES:
        raise refuse("file.many-waiting", count=count)
    quota = here.tenant.file_quota
    if quota is not None and await files.used(here.tenant) >= quota:
        raise refuse("file.quota", quota=quota)
    assert here.asked.chunks is not None
    put = await store.put(here.asked.chunks)
    if not put.size:
        raise refuse("file.empty")
    row: dict[str, Any] = {
        "id": uuid7(),
        "digest": put.digest,
        "size": put.size,
        "type": files.detect(put.head),
        "name": files.safe_name(given.get("name", "")),
        "user": here.me.user,
        "at": here.tenant.clock(),
    }

    def body() -> Body[None]:
        yield rows.insert("_file", [row], here.tenant.database.dialect)

    await here.tenant.database.write(body)
    return Answer(201, as_json({name: row[name] for name in ("id", "name", "size", "type")}))


async def _read(here: Here, at: At) -> Answer:
    """Whoever may read this field of this record may read the files it holds now."""
    entity, field, wanted = at.entity, at.names["field"], at.names["file"].lower()
    head, *rest = field.split(".")
    missing = refuse("file.none")
    if head not in entity.fields or not looks_like_id(wanted):
        raise missing
    try:
        asking = request.one(here.app, here.me, entity, at.id, [("fields", head)])
    except Refusal as refusal:  # a field that is hidden is not there
        raise missing from refusal
    record = json.loads(await get_text(here, entity, asking, plain=True))
    if wanted not in _held(record.get(head), rest):
        raise missing
    where = {"id": wanted, "entity": entity.path, "record": at.id, "field": field}
    row = await files.file_of(here.tenant, where)
    if row is None:
        raise missing
    return _sent(here, row)


def _held(value: Any, path: list[str]) -> Iterator[str]:
    """The ids of the files at a path below a value, through any lines."""
    if isinstance(value, list):
        for one in value:
            yield from _held(one, path)
    elif isinstance(value, dict) and path:
        yield from _held(value.get(path[0]), path[1:])
    elif isinstance(value, dict):
        yield str(value.get("id"))


def _sent(here: Here, row: dict[str, Any]) -> Answer:
    size, tag = int(row["size"]), f'"{row["digest"][:32]}"'
    media = row["type"] if row["type"] in files.SHOWN_AS else "application/octet-stream"
    plain = re.sub(r"[^A-Za-z0-9 ._-]", "_", row["name"])
    headers = {
        "etag": tag,
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(row['name'], safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": "same-origin",
    }
    asked = here.asked.headers
    if unchanged(asked, tag):
        return Answer(304, b"", headers_of(headers))
    span = _range(asked.get("range", ""), size) if asked.get("if-range", tag) == tag else None
    if span == ():
        raise Refusal(refuse("file.range", size=size).faults, 416, {"content-range": f"bytes */{size}"})
    start, end = span or (0, size - 1)
    if span:
        headers["content-range"] = f"bytes {start}-{end}/{size}"
    headers["content-length"] = str(end - start + 1)
    stream = _store(here).read(row["digest"], start, end - start + 1)
    return Answer(206 if span else 200, b"", headers_of(headers), media.encode(), stream)


def _range(text: str, size: int) -> tuple[int, int] | tuple[()] | None:
    """The one range that is asked for; ``()`` when it lies outside; None when there is none that we follow."""
    found = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", text.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        last = int(found[2])
        return (max(size - last, 0), size - 1) if last else ()
    start, end = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and end < start:
        return None
    return (start, min(end, size - 1)) if start < size else ()


SYSTEM = (
    Door(
        "files.send",
        ("POST",),
        "system/files",
        _send_in,
        who="anyone",
        scope="write",
        streams=True,
        most=MOST,
        says="Send a file in, for a record to name",
        status=201,
        query={"name": TEXT},
        gives=thing("id", "name", "size", "type", id=ID, name=TEXT, size=WHOLE, type=TEXT),
    ),
)
DOORS = (Door("files.read", ("GET", "HEAD"), "{module}/{entity}/{id}/files/{field}/{file}", _read),)
