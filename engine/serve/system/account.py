"""What people do about their own account: password, sessions, tokens; and what administrators do about others'."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from engine.db import Body
from engine.fieldtypes.storage import moment_text, seconds_of
from engine.serve.people import auth, passwords
from engine.serve.tenant import rows
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import own_body, wrong
from engine.serve.wire.shapes import FLAG, ID, MOMENT_OR_NOT, TEXT, TEXT_OR_NOT, WHOLE, body, items, listed, thing

MOST_TOKENS = 50
USUAL_DAYS = 90


async def change_password(here: Here, old: str, new: str) -> None:
    """Chooses a new password; every other session ends, tokens of programs stay."""
    tenant, me = here.tenant, here.me
    require_person(here)
    row = await auth.login_of(tenant, {"user": me.user})
    assert row is not None
    await passwords.take_a_try(tenant, str(row["name"]), here.asked.address)
    if not await passwords.right(str(row["hash"]), old):
        raise refuse("auth.password-old", "/old")
    passwords.require_good(new, str(row["name"]), policy=tenant.policy)
    if old == new:
        raise refuse("auth.password-same", "/new")
    await _set(here, row, new, False, here.asked.address, ("page", "api"), but=me.session)


async def sessions_of(here: Here, user: str) -> list[dict[str, Any]]:
    """Sessions and tokens that still count, newest first; never the secrets themselves."""
    dialect = here.tenant.database.dialect
    asked = rows.select("_session", dialect, {"user": user}, "born DESC, id DESC")
    out = []
    for row in await here.tenant.database.read(asked.sql, asked.values):
        one = rows.by_name("_session", row)
        if seconds_of(one["ends"]) > here.tenant.clock().timestamp():
            out.append(_told(one, here.me.session))
    return out


def _told(one: Mapping[str, Any], mine: str) -> dict[str, Any]:
    scopes = one["scopes"]
    return {
        "id": str(one["id"]),
        "kind": one["kind"],
        "name": one["name"],
        "scopes": json.loads(scopes) if isinstance(scopes, str) else scopes,
        "born": moment_text(one["born"]),
        "seen": moment_text(one["seen"]),
        "ends": moment_text(one["ends"]),
        "address": one["address"],
        "agent": one["agent"],
        "this": str(one["id"]) == mine,
    }


async def new_token(here: Here, name: str, scopes: Iterable[str], days: int) -> dict[str, Any]:
    """A token for a program. ``scopes``: ``read`` or ``write``; any ``role:…`` leaves out the holder's other roles."""
    require_person(here)
    known = ["read", "write", *(f"role:{role}" for role in here.me.roles if role in here.app.roles)]
    wanted = list(dict.fromkeys(scopes)) or ["read"]
    for n, scope in enumerate(wanted):
        if scope not in known:
            raise refuse("auth.scope", f"/scopes/{n}", scope=scope[:40], known=", ".join(known))
    if not name.strip() or len(name) > 80:
        raise refuse(
            "api.parameter", "/name", name="name", got=name[:40], expected="1 to 80 letters", expected_zh="1 至 80 个字"
        )
    most = here.tenant.policy.token_days
    if not 1 <= days <= most:
        told = f"1 to {most}", f"1 至 {most}"
        raise refuse("api.parameter", "/days", name="days", got=days, expected=told[0], expected_zh=told[1])
    held = [one for one in await sessions_of(here, str(here.me.user)) if one["kind"] == "token"]
    if len(held) >= MOST_TOKENS:
        raise refuse("auth.many-tokens", most=MOST_TOKENS)
    token, record = await auth.make_token(here.tenant, str(here.me.user), name.strip(), wanted, days)
    return {"id": record, "token": token, "name": name.strip(), "scopes": wanted}


async def end_one(here: Here, record: str, user: str) -> None:
    if not looks_like_id(record) or not await auth.end(here.tenant, {"id": record.lower(), "user": user}):
        raise refuse("auth.no-session")


async def give_password(here: Here, user: str) -> str:
    """A one-time password for somebody who has a login, made by an administrator; all his sessions end."""
    row = await auth.login_of(here.tenant, {"user": user}) if looks_like_id(user) else None
    if row is None:
        raise refuse("auth.no-login")
    secret = passwords.one_time()
    await _set(here, row, secret, True, "", ("page", "api", "token"))
    return secret


async def _set(
    here: Here,
    row: Mapping[str, Any],
    password: str,
    given: bool,
    address: str,
    ended: Iterable[str],
    but: str = "",
) -> None:
    """A new password for the login ``row``, chosen by its holder while the one he gave is still right, or ``given`` to
    him by somebody else and to be changed; sessions of the kinds ``ended`` go in the same transaction, so that none
    opened with the old password outlives it; what was guessed before is forgiven."""
    dialect = here.tenant.database.dialect
    sets = {
        "hash": await passwords.hashed(password),
        "must_change": given,
        "changed_at": here.tenant.clock(),
    }

    def body() -> Body[None]:
        held = yield auth.locked(str(row["user"]), dialect)
        if not given and (not held or held[0][0] != row["hash"]):
            raise refuse("auth.password-old", "/old")
        yield rows.update("_login", dialect, {"user": row["user"]}, sets)
        for kind in ended:
            yield from auth.ended({"user": row["user"], "kind": kind}, but, dialect)
        yield from passwords.forgive(str(row["name"]), address, dialect)

    await here.tenant.database.write(body)
    here.tenant.forget_people()


def require_person(here: Here) -> None:
    """Some things only a person does who has signed in, never a program with a token."""
    if here.me.token:
        raise refuse("auth.token")


# doors


def texts_of(here: Here, *names: str) -> list[str]:
    body = own_body(here.asked, *names)
    for name in names:
        if not isinstance(body.get(name), str):
            raise wrong(name, "text", "文本")
    return [str(body[name]) for name in names]


async def _password(here: Here, _at: At) -> Answer:
    old, new = texts_of(here, "old", "new")
    await change_password(here, old, new)
    return Answer(204)


async def _sessions(here: Here, _at: At) -> Answer:
    return Answer(200, as_json({"items": await sessions_of(here, str(here.me.user))}))


async def _end(here: Here, at: At) -> Answer:
    require_person(here)
    await end_one(here, at.names["session"], str(here.me.user))
    return Answer(204)


async def _end_all(here: Here, _at: At) -> Answer:
    """Everywhere, here too; tokens of programs as well."""
    require_person(here)
    await auth.end(here.tenant, {"user": here.me.user})
    return Answer(204)


async def _token(here: Here, _at: At) -> Answer:
    body = own_body(here.asked, "name", "scopes", "days")
    name, scopes, days = body.get("name"), body.get("scopes", ["read"]), body.get("days", USUAL_DAYS)
    if not isinstance(name, str):
        raise wrong("name", "text", "文本")
    if not isinstance(scopes, list) or not all(isinstance(s, str) for s in scopes):
        raise wrong("scopes", '["read"]')
    if isinstance(days, bool) or not isinstance(days, int):
        raise wrong("days", "a whole number", "整数")
    return Answer(201, as_json(await new_token(here, name, scopes, days)))


async def _give_password(here: Here, at: At) -> Answer:
    require_person(here)
    return Answer(200, as_json({"password": await give_password(here, at.names["user"])}))


async def _end_of(here: Here, at: At) -> Answer:
    require_person(here)
    user = at.names["user"]
    if not looks_like_id(user) or await auth.login_of(here.tenant, {"user": user}) is None:
        raise refuse("auth.no-login")
    await auth.end(here.tenant, {"user": user.lower()})
    return Answer(204)


_SESSION = thing(
    "id",
    "kind",
    id=ID,
    kind=TEXT,
    name=TEXT_OR_NOT,
    scopes={"type": ["array", "null"], "items": TEXT},
    born=MOMENT_OR_NOT,
    seen=MOMENT_OR_NOT,
    ends=MOMENT_OR_NOT,
    address=TEXT_OR_NOT,
    agent=TEXT_OR_NOT,
    this=FLAG,
)
DOORS = (
    Door(
        "account.password",
        ("POST",),
        "system/password",
        _password,
        who="anyone",
        scope="write",
        says="Choose a new password",
        status=204,
        takes=body("old", "new", old=TEXT, new=TEXT),
    ),
    Door(
        "account.sessions",
        ("GET",),
        "system/sessions",
        _sessions,
        who="anyone",
        says="Where you are signed in, and your tokens",
        gives=items(_SESSION),
    ),
    Door(
        "account.end-all",
        ("DELETE",),
        "system/sessions",
        _end_all,
        who="anyone",
        scope="write",
        says="Sign out everywhere",
        status=204,
    ),
    Door(
        "account.end",
        ("DELETE",),
        "system/sessions/{session}",
        _end,
        who="anyone",
        scope="write",
        says="End one session or token",
        status=204,
    ),
    Door(
        "account.token",
        ("POST",),
        "system/tokens",
        _token,
        who="anyone",
        scope="write",
        says="Make a token for a program",
        status=201,
        takes=body("name", name=TEXT, scopes=listed(TEXT), days=WHOLE),
        gives=thing("id", "token", id=ID, token=TEXT, name=TEXT, scopes=listed(TEXT)),
    ),
    Door(
        "people.password",
        ("POST",),
        "system/people/{user}/password",
        _give_password,
        "administrator",
        scope="write",
        says="Give a person a one-time password",
        gives=thing("password", password=TEXT),
    ),
    Door(
        "people.end",
        ("DELETE",),
        "system/people/{user}/sessions",
        _end_of,
        "administrator",
        scope="write",
        says="End all sessions and tokens of a person",
        status=204,
    ),
)
