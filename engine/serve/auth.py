"""Signing in: names and passwords, sessions whose token only the caller knows, and who the caller is today."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from engine.db import Body, Call, Database
from engine.serve import rows
from engine.serve.bind import ADMIN, EVERYONE, Me, call
from engine.serve.fault import refuse
from engine.serve.tenancy import Tenant

COOKIE = "dougong"
_TRUST_SECONDS = 2.0
"""How long a process believes who a token is without asking again; its own writes to people end it at once."""
_KEPT = 10_000
_LIFE = {"page": timedelta(hours=12), "api": timedelta(days=30)}
_ATTEMPTS = 5
_PAUSE = timedelta(minutes=15)
_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody has this password")
"""Checked where there is no such name, so that time does not tell which names exist."""


@dataclass(frozen=True, slots=True)
class Session:
    token: str
    csrf: str
    me: Me


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def set_password(
    database: Database, user: str, name: str, password: str, admin: bool = False, language: str = "zh"
) -> None:
    """Makes or replaces a person's login."""
    row = {
        "user": user,
        "name": name,
        "hash": await asyncio.to_thread(_HASHER.hash, password),
        "failed": 0,
        "language": language,
        "admin": admin,
    }

    def body() -> Body[None]:
        yield rows.delete("_login", database.dialect, {"user": user})
        yield rows.insert("_login", [row], database.dialect)

    await database.write(body)


async def login(tenant: Tenant, name: str, password: str, kind: str = "api") -> Session:
    """A new session, or a refusal that does not tell a wrong name from a wrong password."""
    database, now = tenant.database, tenant.clock()
    name = name.replace("\0", "")
    found = await database.read(*_parts(rows.select("_login", database.dialect, {"name": name})))
    row = dict(zip(rows.names_of("_login"), found[0], strict=True)) if found else None
    if row is not None and (until := _moment(row["locked_until"])) is not None and until > now.timestamp():
        minutes = int((until - now.timestamp()) / 60) + 1
        raise refuse("auth.locked", minutes=minutes)
    right = await asyncio.to_thread(_verify, str(row["hash"]) if row else _NOBODY, password)
    if row is None or not right:
        if row is not None:
            await _count_failure(tenant, row)
        raise refuse("auth.wrong")
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    user = str(row["user"])
    session = {
        "token": digest(token),
        "user": user,
        "kind": kind,
        "csrf": csrf,
        "born": now,
        "ends": now + _LIFE[kind],
    }

    def body() -> Body[None]:
        yield rows.insert("_session", [session], database.dialect)
        if row["failed"]:
            yield rows.update("_login", database.dialect, {"user": user}, {"failed": 0, "locked_until": None})

    await database.write(body)
    me = await who(tenant, token)
    assert me is not None
    return Session(token, csrf, me)


async def open_session(tenant: Tenant, user: str, kind: str = "api") -> str:
    """A token for a user who has a login, without a password: for the roof (demo data, scenarios)."""
    token, now = secrets.token_urlsafe(32), tenant.clock()
    row = {
        "token": digest(token),
        "user": user,
        "kind": kind,
        "csrf": secrets.token_urlsafe(24),
        "born": now,
        "ends": now + timedelta(days=3650),
    }

    def body() -> Body[None]:
        yield rows.insert("_session", [row], tenant.database.dialect)

    await tenant.database.write(body)
    return token


def _verify(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (Argon2Error, InvalidHashError):
        return False


async def _count_failure(tenant: Tenant, row: Mapping[str, Any]) -> None:
    failed = int(row["failed"]) + 1
    sets: dict[str, Any] = {"failed": failed}
    if failed >= _ATTEMPTS:
        sets = {"failed": 0, "locked_until": tenant.clock() + _PAUSE}

    def body() -> Body[None]:
        yield rows.update("_login", tenant.database.dialect, {"user": row["user"]}, sets)

    await tenant.database.write(body)


async def logout(tenant: Tenant, token: str) -> None:
    tenant.people.pop(digest(token), None)

    def body() -> Body[None]:
        yield rows.delete("_session", tenant.database.dialect, {"token": digest(token)})

    await tenant.database.write(body)


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
    d: f'SELECT s."user", s.kind, s.csrf, s.ends, l.name, l.language, l.admin FROM _session AS s'
    f' JOIN _login AS l ON l."user" = s."user" WHERE s.token = {p}'
    for d, p in (("sqlite", "?1"), ("postgresql", "$1"))
}


async def _ask_who(tenant: Tenant, key: str) -> Me | None:
    found = await tenant.database.read(_WHO[tenant.database.dialect], (key,))
    if not found:
        return None
    user, kind, csrf, ends, name, language, admin = found[0]
    moment = tenant.moment()
    if (_moment(ends) or 0) <= moment.now.timestamp():
        return None
    me = Me(str(user), name, language or tenant.language, csrf=csrf, bearer=kind == "api")
    return replace(me, roles=(ADMIN,)) if admin else await with_roles(tenant, me)


async def with_roles(tenant: Tenant, me: Me) -> Me:
    """The roles this person holds today and where, from the assignments the packs declare."""
    places: dict[str, dict[str, None]] = {}
    everywhere: set[str] = set()
    roles = {EVERYONE}
    moment = tenant.moment()
    for assignment in tenant.app.people.assignments:
        asked = call(assignment.statement, moment, {"user": me.user})
        for role, place in await tenant.database.read(asked.sql, asked.values):
            roles.add(role)
            if place is None:
                everywhere.add(role)
            else:
                for holder in (role, EVERYONE):
                    places.setdefault(f"{holder}.{assignment.gives}", {})[place] = None
    return replace(
        me,
        roles=tuple(sorted(roles)),
        places={name: tuple(found) for name, found in places.items()},
        everywhere=frozenset(everywhere),
    )


def _moment(value: Any) -> float | None:
    """A stored datetime as seconds, whichever database it came from."""
    if value is None:
        return None
    return float(value) if isinstance(value, int | float) else float(value.timestamp())


def _parts(made: Call) -> tuple[str, tuple[Any, ...]]:
    return made.sql, made.values
