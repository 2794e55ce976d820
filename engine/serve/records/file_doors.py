"""The doors of files: sending one in, and reading one through the record and the field that hold it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO
from urllib.parse import quote

from engine.db import Body
from engine.fieldtypes.filekinds import PICTURES
from engine.serve.files import files, thumbnails
from engine.serve.files.receiving import TOLD, spec_of, store_of, take
from engine.serve.query import request
from engine.serve.query.reading import get_text
from engine.serve.tenant import idempotency, rows
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.filestore import Put
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, as_json, headers_of, unchanged
from engine.serve.wire.fault import Refusal, refuse
from engine.serve.wire.parsing import parameters_of
from engine.serve.wire.shapes import ID, TEXT, WHOLE, thing

MOST = 1024 * 1024 * 1024
"""More than any tenant lets a file have (``Tenant.file_size``)."""


async def _send_in(here: Here, _at: At) -> Answer:
    """The body is the file; ``name`` is what its sender calls it, ``field`` where it is to go. The same key with the
    same content is answered once more, and nothing is kept twice."""
    given = parameters_of(here.asked, "name", "field")
    spec = spec_of(here.app, given["field"]) if given.get("field") else None
    assert here.asked.chunks is not None

    def write(put: Put, row: dict[str, Any]) -> Callable[[], Body[Answer]]:
        key, moment = idempotency.key_of(here.asked, here.me, put.digest.encode()), here.moment()

        def body() -> Body[Answer]:
            if key is not None and (kept := (yield from idempotency.find(key, moment))) is not None:
                return kept
            yield rows.insert("_file", [row], here.tenant.database.dialect)
            made = Answer(201, as_json({name: row[name] for name in TOLD}))
            if key is not None:
                yield from idempotency.keep(key, made, moment)
            return made

        return body

    idempotency.key_of(here.asked, here.me)  # a key that is none is refused before anything is kept
    made: Answer = await take(here.tenant, here.me, here.asked.chunks, given.get("name", ""), spec, write)
    return made


async def _small(here: Here, at: At) -> Answer:
    """A picture made small; by the same rights as the file itself."""
    return await _sent_small(here, await _found(here, at), at.names["size"])


async def _waiting(here: Here, at: At) -> Answer:
    """The same of a file that one sent in oneself and no record holds yet."""
    wanted = at.names["file"].lower()
    row = await files.file_of(here.tenant, {"id": wanted}) if looks_like_id(wanted) else None
    if row is None or row["record"] is not None or row["user"] is None or str(row["user"]) != here.me.user:
        raise refuse("file.none")
    return await _sent_small(here, row, at.names["size"])


async def _sent_small(here: Here, row: dict[str, Any], size: str) -> Answer:
    tag = f'"{row["digest"][:32]}-{size}"'
    headers = {"etag": tag, **_GUARD}
    if unchanged(here.asked.headers, tag):
        return Answer(304, b"", headers_of(headers))

    def make(content: BinaryIO) -> bytes:
        try:
            return thumbnails.make(content, thumbnails.SIZES[size])
        except thumbnails.NoPicture:
            return b""  # kept too: nobody tries again

    if row["type"] not in PICTURES:
        raise refuse("file.no-preview")
    made = await store_of(here.tenant).made(row["digest"], size, make)
    if not made:
        raise refuse("file.no-preview")
    return Answer(200, made, headers_of(headers), b"image/jpeg")


_GUARD = {
    "cache-control": "private, no-cache",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
}


def _is_size(at: At) -> bool:
    return at.names["size"] in thumbnails.SIZES


async def _read(here: Here, at: At) -> Answer:
    return _sent(here, await _found(here, at))


async def _found(here: Here, at: At) -> dict[str, Any]:
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
    held_by = files.column_at(here.app, entity, field.split("."))
    where = {"id": wanted, "entity": entity.table, "record": at.id, "field": held_by}
    row = await files.file_of(here.tenant, where)
    if row is None:
        raise missing
    return row


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
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(row['name'], safe='')}",
        **_GUARD,
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
    stream = store_of(here.tenant).read(row["digest"], start, end - start + 1)
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
        query={"name": TEXT, "field": TEXT},
        gives=thing(*TOLD, id=ID, name=TEXT, size=WHOLE, type=TEXT),
    ),
    Door(
        "files.waiting",
        ("GET", "HEAD"),
        "system/files/{file}/{size}",
        _waiting,
        who="anyone",
        fits=_is_size,
        says="A small picture of a file of one's own that no record holds yet",
        media=("image/jpeg",),
    ),
)
DOORS = (
    Door("files.small", ("GET", "HEAD"), "{module}/{entity}/{id}/files/{field}/{file}/{size}", _small, fits=_is_size),
    Door("files.read", ("GET", "HEAD"), "{module}/{entity}/{id}/files/{field}/{file}", _read),
)
