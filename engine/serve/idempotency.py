"""Idempotency keys: a command sent twice is done once, and answered twice with the same bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from engine.db import Body, Call
from engine.serve import rows
from engine.serve.answer import Answer, Asked, headers_of
from engine.serve.bind import Me, Moment
from engine.serve.fault import refuse

_NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Key:
    user: str
    text: str
    digest: str


def key_of(asked: Asked, me: Me, content: bytes = b"") -> Key | None:
    """``content`` stands for a body that was read piece by piece."""
    text = asked.headers.get("idempotency-key")
    if text is None or asked.method != "POST":
        return None
    if not 1 <= len(text) <= 200 or not text.isascii() or not text.isprintable():
        raise refuse("api.idempotency-form")
    told = "/".join(asked.path).encode() + b"\0" + asked.query + b"\0" + asked.body + content
    return Key(me.user or _NOBODY, text, hashlib.sha256(told).hexdigest())


def find(key: Key, moment: Moment) -> Body[Answer | None]:
    """The answer given before, or None after taking the key: of two at once the second waits for the first."""
    row = {"user": key.user, "key": key.text, "digest": key.digest, "status": 0, "at": moment.now}
    taken: Call = rows.insert("_idempotency", [row], moment.dialect)
    fresh = yield Call(f'{taken.sql} ON CONFLICT ("user", "key") DO NOTHING RETURNING status', taken.values)
    if fresh:
        return None
    found = yield rows.select("_idempotency", moment.dialect, {"user": key.user, "key": key.text})
    kept = dict(zip(rows.names_of("_idempotency"), found[0], strict=True))
    if kept["digest"] != key.digest:
        raise refuse("api.idempotency")
    headers = {n: kept[n] for n in ("location", "etag") if kept[n]}
    return Answer(int(kept["status"]), (kept["body"] or "").encode(), headers_of(headers))


def keep(key: Key, answer: Answer, moment: Moment) -> Body[None]:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    sets = {
        "status": answer.status,
        "body": answer.body.decode(),
        "location": headers.get("location"),
        "etag": headers.get("etag"),
    }
    yield rows.update("_idempotency", moment.dialect, {"user": key.user, "key": key.text}, sets)
