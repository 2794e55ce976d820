"""Ways in: sessions and tokens that only their holder knows, and who the caller is today.

A *way* proves who somebody is; the password is the first, and what comes next (a code by phone, another house's login)
is another function that ends in ``open_for``.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine.db import Body, Call, Database
from engine.fieldtypes.storage import seconds_of
from engine.plan.statement import Dialect
from engine.serve.people import audit, passwords, second, standing
from engine.serve.tenant import rows
from engine.serve.tenant.bind import ADMIN, EVERYONE, Me, StandIn, call
from engine.serve.tenant.ids import uuid7
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import refuse

COOKIE = "dougong"
_TRUST_SECONDS = 2.0
"""How long a process believes who a token is without asking again; its own writes to people end it at once."""
_KEPT = 10_000
_NOTICED = timedelta(minutes=5)
"""How exactly is known when somebody was last seen."""


@dataclass(frozen=True, slots=True)
class Session:
    token: str
    csrf: str
    me: Me


@dataclass(frozen=True, slots=True)
class From:
    """Where a request came from, as far as the server knows."""

    address: str = ""
    agent: str = ""


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def set_password(
    database: Database,
    user: str,
    name: str,
    password: str,
    admin: bool = False,
    language: str = "zh",
    must_change: bool = False,
) -> None:
    """Makes or replaces a person's login; whoever is signed in by it stays so."""
    row = {
        "user": user,
        "name": name,
        "hash": await passwords.hashed(password),
        "language": language,
        "admin": admin,
        "must_change": must_change,
    }

    def body() -> Body[None]:
        """A login that may not be used stays so."""
        for held in (yield rows.select("_login", database.dialect, {"name": name})):
            if str(held[0]) != user:
                raise refuse("people.name-taken", name=name)
        if (yield rows.select("_login", database.dialect, {"user": user})):
            yield rows.update("_login", database.dialect, {"user": user}, row)
        else:
            yield rows.insert("_login", [row], database.dialect)

    await database.write(body)


async def login(
    tenant: Tenant, name: str, password: str, kind: str = "api", came: From | None = None, code: str = ""
) -> Session:
    """By password, and the code of whoever has a second step: a new session, or a refusal that does not tell a wrong
    name from a wrong password."""
    came = came or From()
    name = name.replace("\0", "").strip()
    await passwords.take_a_try(tenant, name, came.address)
    row = await login_of(tenant, {"name": name})
    kept = str(row["hash"]) if row else None
    if not await passwords.right(kept, password) or row is None or not await may_enter(tenant, str(row["user"]), row):
        audit.note(tenant, "login.failed", detail={"name": name[:80]}, address=came.address)
        raise refuse("auth.wrong")
    better = await passwords.hashed(password) if passwords.weak(str(kept)) else None
    user = str(row["user"])
    opened = _session_row(tenant, user, kind, tenant.clock() + tenant.policy.life(kind), came)

    def body() -> Body[str]:
        """Only while the password is still the one that was looked at: whoever changes it meanwhile ends this too."""
        held = yield locked(user, tenant.database.dialect)
        if not held or held[0][0] != kept:
            return "gone"
        lacks = yield from second.check(user, code, tenant.clock(), tenant.database.dialect)
        if lacks:
            return lacks
        yield from passwords.forgive(name, came.address, tenant.database.dialect)
        if better is not None:
            yield rows.update("_login", tenant.database.dialect, {"user": user}, {"hash": better})
        yield rows.insert("_session", [opened.row], tenant.database.dialect)
        return ""

    lacks = await tenant.database.write(body)
    if lacks == "missing":
        raise refuse("second.needed", "/code")
    if lacks:
        audit.note(tenant, "login.failed", detail={"name": name[:80], "step": lacks}, address=came.address)
        raise refuse("second.wrong", "/code") if lacks == "wrong" else refuse("auth.wrong")
    audit.note(tenant, "login", user, detail={"kind": kind}, address=came.address)
    return await _session_of(tenant, opened)


def locked(user: str, dialect: Dialect) -> Call:
    """The hash of a login that nobody changes until this transaction ends; SQLite has one writer."""
    asked = rows.select("_login", dialect, {"user": user})
    column = f'SELECT hash FROM "_login" WHERE "user" = {rows.placeholder(dialect, 1)}'
    return Call(column + (" FOR UPDATE" if dialect == "postgresql" else ""), asked.values)


async def login_of(tenant: Tenant, where: Mapping[str, Any]) -> dict[str, Any] | None:
    found = await _read(tenant, rows.select("_login", tenant.database.dialect, where))
    return rows.by_name("_login", found[0]) if found else None


async def may_enter(tenant: Tenant, user: str, row: Mapping[str, Any]) -> bool:
    """Whether the packs say that this person may (still) log in; an administrator need not be in any list of people."""
    active = tenant.app.people.active
    if row.get("disabled"):
        return False
    if not row["admin"] and (held := await granted(tenant, user)) is not None:
        return held.runs
    if row["admin"] or active is None:
        return True
    return bool(await _read(tenant, call(active, tenant.moment(), {"user": user})))


@dataclass(frozen=True, slots=True)
class Granted:
    """What a log-in that was made for a grant is worth now."""

    what: str
    write: bool
    runs: bool


async def granted(tenant: Tenant, user: str) -> Granted | None:
    """None for everybody else: whoever is among the people of the packs, and administrators."""
    asked = rows.select("_grant", tenant.database.dialect, {"user": user}, "born DESC, id DESC")
    for row in await _read(tenant, asked):
        one = rows.by_name("_grant", row)
        runs = one["ended"] is None and seconds_of(one["ends"]) > tenant.clock().timestamp()
        return Granted(str(one["what"]), bool(one["write"]), runs)
    return None


async def open_for(tenant: Tenant, user: str, kind: str, came: From | None = None) -> Session:
    """A session for somebody whom a way in has proven."""
    opened = _session_row(tenant, user, kind, tenant.clock() + tenant.policy.life(kind), came or From())
    await _keep(tenant, opened)
    return await _session_of(tenant, opened)


async def _session_of(tenant: Tenant, opened: _Opened) -> Session:
    me = await who(tenant, opened.token)
    if me is None:
        raise refuse("auth.wrong")
    return Session(opened.token, str(opened.row["csrf"]), me)


async def open_session(tenant: Tenant, user: str, kind: str = "api") -> str:
    """A token for a user who has a login, without a password: for the roof (demo data, scenarios)."""
    opened = _session_row(tenant, user, kind, tenant.clock() + timedelta(days=3650), From())
    await _keep(tenant, opened)
    return opened.token


async def make_token(tenant: Tenant, user: str, name: str, scopes: Iterable[str], days: int) -> tuple[str, str]:
    """(token, its id) for a program that acts for this person; told once, kept as a digest."""
    ends = tenant.clock() + timedelta(days=days)
    opened = _session_row(tenant, user, "token", ends, From(), {"name": name, "scopes": list(scopes)})
    await _keep(tenant, opened)
    return opened.token, str(opened.row["id"])


@dataclass(frozen=True, slots=True)
class _Opened:
    token: str
    row: Mapping[str, Any]


def _session_row(
    tenant: Tenant, user: str, kind: str, ends: datetime, came: From, more: Mapping[str, Any] | None = None
) -> _Opened:
    token, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(24), tenant.clock()
    if kind != "page":
        token = tenant.token_prefix + token
    row = {
        "token": digest(token),
        "id": uuid7(),
        "user": user,
        "kind": kind,
        "csrf": csrf,
        "born": now,
        "ends": ends,
        "seen": now,
        "address": came.address[:60] or None,
        "agent": came.agent[:200] or None,
        **(more or {}),
    }
    return _Opened(token, row)


async def _keep(tenant: Tenant, opened: _Opened) -> None:
    def body() -> Body[None]:
        yield rows.insert("_session", [opened.row], tenant.database.dialect)

    await tenant.database.write(body)


async def logout(tenant: Tenant, token: str) -> None:
    await end(tenant, {"token": digest(token)})


async def end(tenant: Tenant, where: Mapping[str, Any]) -> int:
    """Ends sessions and tokens, at once in this process and within two seconds in others; how many."""
    gone = await tenant.database.write(lambda: ended(where, "", tenant.database.dialect))
    tenant.forget_people()
    return gone


def ended(where: Mapping[str, Any], but: str, dialect: Dialect) -> Body[int]:
    """How many there were, besides the one whose id is ``but``."""
    found = yield rows.select("_session", dialect, where)
    ids = [str(rows.by_name("_session", row)["id"]) for row in found]
    gone = [one for one in ids if one != but]
    for one in gone:
        yield rows.delete("_session", dialect, {"id": one})
    return len(gone)


async def who(tenant: Tenant, token: str) -> Me | None:
    """The caller with today's roles, or None. Asked of the database at most every two seconds for one token."""
    key = digest(token)
    kept = tenant.people.get(key)
    now = time.monotonic()
    if kept is not None and kept[0] > now:
        return kept[1]
    me = await _ask_who(tenant, key)
    if me is None:
        tenant.people.pop(key, None)
        return None
    if len(tenant.people) >= _KEPT:
        tenant.people.clear()
    tenant.people[key] = (now + _TRUST_SECONDS, me)
    return me


_WHO = {
    d: 'SELECT s."user", s.id, s.kind, s.csrf, s.ends, s.seen, s.scopes, l.name, l.language, l.admin, l.must_change,'
    ' l.disabled, EXISTS (SELECT 1 FROM _second AS x WHERE x."user" = s."user" AND x.confirmed)'
    f' FROM _session AS s JOIN _login AS l ON l."user" = s."user" WHERE s.token = {p}'
    for d, p in (("sqlite", "?1"), ("postgresql", "$1"))
}


async def _ask_who(tenant: Tenant, key: str) -> Me | None:
    found = await tenant.database.read(_WHO[tenant.database.dialect], (key,))
    if not found:
        return None
    user, record, kind, csrf, ends, seen, scopes, name, language, admin, must_change, disabled, two = found[0]
    now = tenant.clock()
    idle = tenant.policy.idle(kind)
    last = seconds_of(seen)
    if seconds_of(ends) <= now.timestamp() or (idle and last + idle.total_seconds() <= now.timestamp()):
        return None
    if not await may_enter(tenant, str(user), {"admin": admin, "disabled": disabled}):
        return None
    if last + _NOTICED.total_seconds() <= now.timestamp():
        await _noticed(tenant, str(record), now)
    told = tuple(json.loads(scopes) if isinstance(scopes, str) else scopes or ())
    me = Me(
        str(user),
        name,
        language or tenant.language,
        csrf=csrf,
        session=str(record),
        token=kind == "token",
        reads_only=kind == "token" and "write" not in told,
        must_change=bool(must_change) and kind != "token",
    )
    if not me.token:
        me = replace(me, stands_in=await _standing(tenant, me))
    if not admin and (held := await granted(tenant, str(user))) is not None:
        support = held.what == "support"
        reads_only = me.reads_only or (support and not held.write)
        made = replace(me, granted=held.what, roles=(ADMIN,) if support else (), reads_only=reads_only)
    else:
        made = _narrowed(replace(me, roles=(ADMIN,)) if admin else await with_roles(tenant, me), told)
    lacks = not made.token and not two and bool(set(tenant.policy.second_step) & set(made.roles))
    return replace(made, must_enrol=lacks)


async def _standing(tenant: Tenant, me: Me) -> tuple[StandIn, ...]:
    """For whom he stands in; not for somebody who may not log in any more."""
    found = await standing.found(tenant, str(me.user))
    return tuple([one for one, login in found if await may_enter(tenant, one.user, login)])


def _narrowed(me: Me, scopes: tuple[str, ...]) -> Me:
    """A token made for some of the roles of its holder has these, as far as he has them himself today."""
    wanted = {scope.removeprefix("role:") for scope in scopes if scope.startswith("role:")}
    if not wanted:
        return me
    kept = tuple(role for role in me.roles if role in wanted or role == EVERYONE)
    places = {name: ids for name, ids in me.places.items() if name.partition(".")[0] in wanted}
    for name, ids in tuple(places.items()):
        anywhere = f"{EVERYONE}.{name.partition('.')[2]}"
        places[anywhere] = tuple(dict.fromkeys((*places.get(anywhere, ()), *ids)))
    return replace(me, roles=kept, places=places, everywhere=me.everywhere & wanted)


async def _noticed(tenant: Tenant, record: str, now: datetime) -> None:
    def body() -> Body[None]:
        yield rows.update("_session", tenant.database.dialect, {"id": record}, {"seen": now})

    await tenant.database.write(body)


async def as_person(tenant: Tenant, user: str) -> Me | None:
    """Somebody as he is today, whoever asks; None where there is no such person."""
    row = await login_of(tenant, {"user": user})
    me = Me(user, str(row["name"]) if row else "", str(row["language"] or "") if row else tenant.language)
    if row is not None and row["admin"]:
        return replace(me, roles=(ADMIN,))
    made = await with_roles(tenant, me)
    return made if row is not None or made.roles != (EVERYONE,) else None


async def with_roles(tenant: Tenant, me: Me) -> Me:
    """The roles this person holds today and where, from the assignments the packs declare."""
    places: dict[str, dict[str, None]] = {}
    everywhere: set[str] = set()
    roles = {EVERYONE}
    moment = tenant.moment()
    for assignment in tenant.app.people.assignments:
        asked = call(assignment.statement, moment, {"user": me.user})
        for role, word, place in await tenant.database.read(asked.sql, asked.values):
            roles.add(role)
            if place is None:
                everywhere.add(role)
            else:
                for holder in (role, EVERYONE):
                    places.setdefault(f"{holder}.{word}", {})[place] = None
    return replace(
        me,
        roles=tuple(sorted(roles)),
        places={name: tuple(found) for name, found in places.items()},
        everywhere=frozenset(everywhere),
    )


async def _read(tenant: Tenant, made: Call) -> list[tuple[Any, ...]]:
    return list(await tenant.database.read(made.sql, made.values))
