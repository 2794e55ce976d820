"""Idempotency keys: a command sent twice is done once, and answered twice with the same bytes.

While the first is under way the second is refused (``api.in-flight``): within a process by a note in memory, between
processes by an advisory lock of PostgreSQL, which ends with its transaction. SQLite has one writer, and another process
waits for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from engine.db import Body, Call
from engine.fieldtypes.storage import seconds_of
from engine.serve.tenant import rows
from engine.serve.tenant.bind import Me, Moment
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.answer import Answer, Asked, headers_of
from engine.serve.wire.fault import Refusal, fault, refuse

LIFE = timedelta(hours=24)
"""So long a key is known; then it is as new, and its row is swept within the hour."""
_NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Key:
    user: str
    text: str
    digest: str

    def part(self, n: int) -> Key:
        """The key of one item of many; no caller can send a text like it."""
        return replace(self, text=f"{self.text}\x1f{n}")


def key_of(asked: Asked, me: Me, content: bytes = b"") -> Key | None:
    """``content`` stands for a body that was read piece by piece."""
    text = asked.headers.get("idempotency-key")
    if text is None or asked.method != "POST":
        return None
    if not 1 <= len(text) <= 200 or not text.isascii() or not text.isprintable():
        raise refuse("api.idempotency-form")
    told = "/".join(asked.path).encode() + b"\0" + asked.query + b"\0" + asked.body + content
    return Key(me.user or _NOBODY, text, hashlib.sha256(told).hexdigest())


@contextmanager
def alone(tenant: Tenant, key: Key) -> Iterator[None]:
    """Refuses while another request of this process has the key."""
    mine = (key.user, key.text)
    if mine in tenant.under_way:
        raise in_flight()
    tenant.under_way.add(mine)
    try:
        yield
    finally:
        tenant.under_way.discard(mine)


def in_flight() -> Refusal:
    return Refusal((fault("api.in-flight"),), headers={"retry-after": "1"})


def find(key: Key, moment: Moment) -> Body[Answer | None]:
    """The answer given before, or None after taking the key for this transaction."""
    if moment.dialect == "postgresql":
        mine = f"{key.user} {key.text}"
        got = yield Call("SELECT pg_try_advisory_xact_lock(hashtextextended($1, 7))", (mine,))
        if not got[0][0]:
            raise in_flight()
    kept = yield from recall(key, moment)
    if kept is None:
        row = {"user": key.user, "key": key.text, "digest": key.digest, "status": 0, "at": moment.now}
        yield rows.insert("_idempotency", [row], moment.dialect)
    return kept


def recall(key: Key, moment: Moment) -> Body[Answer | None]:
    """The answer given before; what is too old is forgotten."""
    where = {"user": key.user, "key": key.text}
    found = yield rows.select("_idempotency", moment.dialect, where)
    if not found:
        return None
    kept = rows.by_name("_idempotency", found[0])
    if seconds_of(kept["at"]) + LIFE.total_seconds() <= moment.now.timestamp():
        yield rows.delete("_idempotency", moment.dialect, where)
        return None
    if kept["digest"] != key.digest:
        raise refuse("api.idempotency")
    headers = {n: kept[n] for n in ("location", "etag") if kept[n]}
    return Answer(int(kept["status"]), (kept["body"] or "").encode(), headers_of(headers))


def keep(key: Key, answer: Answer, moment: Moment) -> Body[None]:
    yield rows.update("_idempotency", moment.dialect, {"user": key.user, "key": key.text}, _told(answer))


def put(key: Key, answer: Answer, moment: Moment) -> Body[None]:
    """Keeps an answer that was not made in the transaction that took the key."""
    row = {"user": key.user, "key": key.text, "digest": key.digest, "at": moment.now, **_told(answer)}
    yield rows.delete("_idempotency", moment.dialect, {"user": key.user, "key": key.text})
    yield rows.insert("_idempotency", [row], moment.dialect)


def _told(answer: Answer) -> dict[str, object]:
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return {
        "status": answer.status,
        "body": answer.body.decode(),
        "location": headers.get("location"),
        "etag": headers.get("etag"),
    }
