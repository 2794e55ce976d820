"""Who saw and changed what. Changes are noted in their own transaction; what was seen is put off and written together.

Noted reads are of single records, their history, and exports; lists are not, they would bury the rest. A process that
is killed loses at most what it put off in its last second; nothing that was changed, and nothing an administrator did.
"""

from __future__ import annotations

import getpass
import json
import time
from collections.abc import Mapping
from typing import Any

from engine.db import Body, Call
from engine.serve.tenant import rows
from engine.serve.tenant.bind import Moment
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.tenant.ids import uuid7
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.answer import Answer

_SAFE = ("GET", "HEAD")
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
MOST_PUT_OFF = 100_000
"""Rows kept while the database is away; beyond that the oldest are lost, and a row says how many."""


def written(moment: Moment, entity: str, record: str, act: str, rev: int, behalf: str = "") -> dict[str, Any]:
    """The row of a change, for the transaction that makes it."""
    at = int(moment.now.timestamp() * 1000)
    return _row(at, act, moment.me.user, entity, record, {"rev": rev, **({"for": behalf} if behalf else {})}, "")


def note(
    tenant: Tenant,
    act: str,
    by: str | None = None,
    entity: str | None = None,
    record: str | None = None,
    detail: Mapping[str, Any] | None = None,
    address: str = "",
) -> None:
    """Puts a row off until the next ``flush``."""
    at = int(tenant.clock().timestamp() * 1000)
    tenant.noted.append(_row(at, act, by, entity, record, detail, address))
    if len(tenant.noted) > MOST_PUT_OFF:
        lost = len(tenant.noted) // 10
        tenant.noted[:lost] = [_row(at, "audit.lost", None, None, None, {"rows": lost}, "")]


def row(here: Here, act: str, record: str | None, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Of what somebody does through one of the engine's own doors, for the transaction that does it."""
    at = int(here.tenant.clock().timestamp() * 1000)
    return _row(at, act, here.me.user, None, record, detail, here.asked.address)


def at_terminal(act: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Of a command given on the server itself: by nobody of ours, by an account of the machine."""
    return _row(0, f"command.{act}", None, None, None, {"account": _account(), **detail}, "terminal")


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "?"


async def flush(tenant: Tenant) -> None:
    """Writes what was put off. What cannot be written stays put off."""
    taken = tenant.noted[:5_000]
    if not taken:
        return

    def body() -> Body[None]:
        made = rows.insert("_audit", taken, tenant.database.dialect)
        # It may have been kept before, by a COMMIT that got no answer.
        yield Call(f"{made.sql} ON CONFLICT (id) DO NOTHING", made.values)

    tenant.noted = tenant.noted[len(taken) :]
    try:
        await tenant.database.write(body)
    except BaseException:
        tenant.noted[:0] = taken
        raise


async def through(here: Here, door: Door, at: At, answer: Answer) -> Answer:
    """Notes who got through a door; what an administrator did is written before he is answered."""
    if answer.status >= 400:
        return answer
    ruling = door.who == "administrator" and here.asked.method not in _SAFE
    if not door.audited and not ruling:
        return answer
    entity = at.found.path if at.found is not None else None
    named = {name: value for name, value in at.names.items() if name not in ("module", "entity", "id")}
    query = here.asked.query.decode("latin-1")[:500]
    detail = {**named, **({"asked": query} if query else {}), **({"as": here.me.user} if here.me.behind else {})}
    act = door.audited or door.name
    named_id = at.names.get("id", "")
    record = named_id.lower() if looks_like_id(named_id) else None
    note(here.tenant, act, here.me.behind or here.me.user, entity, record, detail, here.asked.address)
    if ruling:
        await flush(here.tenant)
    return answer


def _row(
    at: int,
    act: str,
    by: str | None,
    entity: str | None,
    record: str | None,
    detail: Mapping[str, Any] | None,
    address: str,
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "at": at or time.time_ns() // 1_000_000,
        "by": by,
        "act": act,
        "entity": entity,
        "record": record,
        "detail": _encode(detail) if detail else None,
        "address": address or None,
    }
