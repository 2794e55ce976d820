"""Rights for a time: support that somebody from outside gives, and auditors, who read the audit and nothing else.

Whoever is granted something has a log-in of his own that is worth nothing without a grant that runs: he is no person of
the packs and holds none of their roles. Every administrator sees all grants, those that have ended too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.db import Body
from engine.fieldtypes.storage import moment_text, seconds_of
from engine.serve.people import audit, auth, passwords
from engine.serve.system.account import require_person
from engine.serve.tenant import rows
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.tenant.ids import uuid7
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import own_body, wrong
from engine.serve.wire.shapes import FLAG, ID, MOMENT_OR_NOT, TEXT, TEXT_OR_NOT, WHOLE, body, items, thing, words

KINDS = ("support", "auditor")
MOST_HOURS = {"support": 72, "auditor": 366 * 24}
USUAL_HOURS = {"support": 4, "auditor": 90 * 24}
MOST = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    name: str
    what: str
    hours: int
    write: bool
    reason: str


async def all_of(here: Here) -> list[dict[str, Any]]:
    """Every grant there was, the newest first."""
    asked = rows.select_all("_grant", here.tenant.database.dialect, "born DESC, id DESC")
    now = here.tenant.clock().timestamp()
    return [_told(row, now) for row in (await here.tenant.database.read(asked.sql, asked.values))[:MOST]]


def _told(row: tuple[Any, ...], now: float) -> dict[str, Any]:
    one = rows.by_name("_grant", row)
    told = {name: one[name] for name in ("name", "what", "reason")}
    ids = {name: str(one[name]) if one[name] is not None else None for name in ("id", "user", "by", "ended_by")}
    moments = {name: moment_text(one[name]) for name in ("born", "ends", "ended")}
    running = one["ended"] is None and seconds_of(one["ends"]) > now
    return {**ids, **told, "write": bool(one["write"]), **moments, "running": running}


async def grant(here: Here, wanted: Wanted) -> dict[str, Any]:
    """A log-in that is worth something until the time is over, with a one-time password that is told this once."""
    require_person(here)
    tenant, dialect = here.tenant, here.tenant.database.dialect
    known = await auth.login_of(tenant, {"name": wanted.name})
    if known is not None and await auth.granted(tenant, str(known["user"])) is None:
        raise refuse("grant.name", "/name", name=wanted.name)
    user = str(known["user"]) if known is not None else uuid7()
    secret, now = passwords.one_time(), tenant.clock()
    ends = now + timedelta(hours=wanted.hours)
    given = {
        "id": uuid7(),
        "user": user,
        "name": wanted.name,
        "what": wanted.what,
        "write": wanted.write,
        "reason": wanted.reason,
        "born": now,
        "ends": ends,
        "by": here.me.user,
    }
    login = {
        "user": user,
        "name": wanted.name,
        "hash": await passwords.hashed(secret),
        "language": here.language,
        "admin": False,
        "must_change": True,
    }
    noted = {"name": wanted.name, "until": moment_text(ends), "write": wanted.write, "reason": wanted.reason}

    def write() -> Body[None]:
        yield from _end_running(user, here, now)
        yield rows.delete("_login", dialect, {"user": user})
        yield rows.insert("_login", [login], dialect)
        yield rows.insert("_grant", [given], dialect)
        yield rows.insert("_audit", [audit.row(here, f"grant.{wanted.what}", user, noted)], dialect)
        yield from auth.ended({"user": user}, "", dialect)

    await tenant.database.write(write)
    tenant.forget_people()
    return {"id": given["id"], "name": wanted.name, "password": secret, "ends": moment_text(ends)}


def _end_running(user: str, here: Here, now: datetime) -> Body[None]:
    """Of two grants of one person only the newer counts."""
    dialect = here.tenant.database.dialect
    for row in (yield rows.select("_grant", dialect, {"user": user})):
        one = rows.by_name("_grant", row)
        if one["ended"] is None and seconds_of(one["ends"]) > now.timestamp():
            yield rows.update("_grant", dialect, {"id": one["id"]}, {"ended": now, "ended_by": here.me.user})


async def end(here: Here, record: str) -> None:
    """Now, with every session and token he has."""
    require_person(here)
    tenant, dialect, now = here.tenant, here.tenant.database.dialect, here.tenant.clock()

    def write() -> Body[bool]:
        found = yield rows.select("_grant", dialect, {"id": record})
        one = rows.by_name("_grant", found[0]) if found else None
        if one is None or one["ended"] is not None:
            return False
        user = str(one["user"])
        yield rows.update("_grant", dialect, {"id": record}, {"ended": now, "ended_by": here.me.user})
        yield rows.insert("_audit", [audit.row(here, "grant.ended", user, {"name": one["name"]})], dialect)
        yield from auth.ended({"user": user}, "", dialect)
        return True

    if not looks_like_id(record) or not await tenant.database.write(write):
        raise refuse("grant.none")
    tenant.forget_people()


# doors


def wanted_of(data: Mapping[str, Any]) -> Wanted:
    """Out of a body or a form; refuses with the first thing that is wrong."""
    what = data.get("what")
    if what not in KINDS:
        raise wrong("what", " | ".join(KINDS), " | ".join(KINDS))
    name, reason = data.get("name"), data.get("reason")
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= 80:
        raise wrong("name", "1 to 80 letters", "1 至 80 个字")
    if not isinstance(reason, str) or not 1 <= len(reason.strip()) <= 500:
        raise wrong("reason", "1 to 500 letters", "1 至 500 个字")
    hours, write = data.get("hours", USUAL_HOURS[what]), data.get("write", False)
    most = MOST_HOURS[what]
    if isinstance(hours, bool) or not isinstance(hours, int) or not 1 <= hours <= most:
        raise wrong("hours", f"1 to {most}", f"1 至 {most}")
    if not isinstance(write, bool) or (write and what != "support"):
        raise wrong("write", "true for support only", "仅支持人员可为 true")
    return Wanted(name.strip(), what, hours, write, reason.strip())


async def _list(here: Here, _at: At) -> Answer:
    return Answer(200, as_json({"items": await all_of(here)}))


async def _grant(here: Here, _at: At) -> Answer:
    given = own_body(here.asked, "name", "what", "hours", "write", "reason")
    return Answer(201, as_json(await grant(here, wanted_of(given))))


async def _end(here: Here, at: At) -> Answer:
    await end(here, at.names["grant"].lower())
    return Answer(204)


_GRANT = thing(
    "id", "user", "name", "what", "running", id=ID, user=ID, name=TEXT, what=words(*KINDS), write=FLAG, reason=TEXT,
    born=MOMENT_OR_NOT, ends=MOMENT_OR_NOT, ended=MOMENT_OR_NOT, by=TEXT_OR_NOT, ended_by=TEXT_OR_NOT, running=FLAG,
)  # fmt: skip
DOORS = (
    Door(
        "grants.list",
        ("GET",),
        "system/grants",
        _list,
        who="administrator",
        says="Who was given rights for a time: support and auditors",
        gives=items(_GRANT),
    ),
    Door(
        "grants.give",
        ("POST",),
        "system/grants",
        _grant,
        who="administrator",
        scope="write",
        says="Give somebody rights until a time",
        status=201,
        takes=body("name", "what", "reason", name=TEXT, what=words(*KINDS), hours=WHOLE, write=FLAG, reason=TEXT),
        gives=thing("id", "password", id=ID, name=TEXT, password=TEXT, ends=MOMENT_OR_NOT),
    ),
    Door(
        "grants.end",
        ("DELETE",),
        "system/grants/{grant}",
        _end,
        who="administrator",
        scope="write",
        says="End rights that were given for a time",
        status=204,
    ),
)
