"""Who may sign in: logins given to people, one or many, taken away, and who administers. The last administrator stays.

A person is a record of the entity that the packs call people, known by its key; his login is named by the key's text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.db import Body, Call
from engine.fieldtypes.storage import bind, quote
from engine.plan.entity import Entity
from engine.serve.document import licensing
from engine.serve.people import auth, passwords
from engine.serve.people.called import people_names
from engine.serve.tenant import rows
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import refuse

PAGE = 50
AT_ONCE = 500
"""How many are given a login at once: each password takes its work."""


@dataclass(frozen=True, slots=True)
class Given:
    """A temporary password, told once. ``name`` is what the person signs in with."""

    user: str
    name: str
    display: str
    password: str


def _people(tenant: Tenant) -> tuple[Entity, str] | None:
    """The entity of people and the column they are known by."""
    entity = tenant.app.entities.get(tenant.app.people.users)
    if entity is None or len(entity.key) != 1:
        return None
    column = entity.fields[entity.key[0]].column
    return (entity, column) if column else None


async def without(tenant: Tenant, most: int = AT_ONCE, names: Iterable[str] | None = None) -> list[tuple[str, str]]:
    """(id, name) of people who may sign in and have no login; ``names``: only of these."""
    people = _people(tenant)
    if people is None:
        return []
    entity, column = people
    wanted = None if names is None else set(names)
    sql = (
        f"SELECT p.id, p.{quote(column)} FROM {quote(entity.table)} AS p WHERE p.deleted_at IS NULL"
        f' AND p.{quote(column)} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM _login AS l WHERE l."user" = p.id)'
        f" ORDER BY p.{quote(column)}"
    )
    out: list[tuple[str, str]] = []
    for user, name in await tenant.database.read(sql, ()):
        if wanted is not None and name not in wanted:
            continue
        if len(out) < most and await auth.may_enter(tenant, str(user), {"admin": False}):
            out.append((str(user), str(name)))
    return out


async def give(tenant: Tenant, people: Iterable[tuple[str, str]]) -> list[Given]:
    """Temporary passwords, to be changed at the first sign-in, for people without a login; all or none of them."""
    people = list(people)
    secrets = [passwords.one_time() for _ in people]
    hashes = await asyncio.gather(*[passwords.hashed(secret) for secret in secrets])
    dialect = tenant.database.dialect

    def body() -> Body[None]:
        yield from licensing.take_seats(tenant, len(people))
        for (user, name), kept in zip(people, hashes, strict=True):
            held = yield rows.select("_login", dialect, {"name": name})
            own = yield rows.select("_login", dialect, {"user": user})
            if held or own:
                raise refuse("people.name-taken", name=name)
            row = {"user": user, "name": name, "hash": kept, "language": tenant.language, "admin": False}
            yield rows.insert("_login", [{**row, "must_change": True}], dialect)

    await tenant.database.write(body)
    tenant.forget_people()
    called = await people_names(tenant, tenant.app, [user for user, _ in people])
    return [
        Given(user, name, called.get(user, {}).get("display", ""), secret)
        for (user, name), secret in zip(people, secrets, strict=True)
    ]


async def disable(tenant: Tenant, user: str) -> None:
    """He signs in no more; what he was signed in with ends."""
    await _change(tenant, user, {"disabled": True})


async def enable(tenant: Tenant, user: str) -> None:
    await _change(tenant, user, {"disabled": None})


async def administer(tenant: Tenant, user: str, admin: bool) -> None:
    await _change(tenant, user, {"admin": admin})


async def _change(tenant: Tenant, user: str, sets: Mapping[str, Any]) -> None:
    dialect = tenant.database.dialect
    lock = " FOR UPDATE" if dialect == "postgresql" else ""
    true = "TRUE" if dialect == "postgresql" else "1"
    fewer = sets.get("disabled") or sets.get("admin") is False

    def body() -> Body[None]:
        held = yield rows.select("_login", dialect, {"user": user})
        if not held:
            raise refuse("auth.no-login")
        if "disabled" in sets and not fewer and rows.by_name("_login", held[0])["disabled"]:
            yield from licensing.take_seats(tenant, 1)
        if fewer:
            # In one order, so that two who take it from each other at once wait for one another and never deadlock.
            found = yield Call(
                f'SELECT "user" FROM _login WHERE admin = {true} AND disabled IS NULL ORDER BY "user"{lock}'
            )
            if [str(row[0]) for row in found] == [user]:
                raise refuse("people.last-administrator")
        yield rows.update("_login", dialect, {"user": user}, dict(sets))
        if fewer:
            yield from auth.ended({"user": user}, "", dialect)

    await tenant.database.write(body)
    tenant.forget_people()


async def found(tenant: Tenant, words: str = "", after: str = "") -> tuple[list[dict[str, Any]], str]:
    """A page of logins by name, those whose name or person holds the words, and the ``after`` of the next page."""
    dialect = tenant.database.dialect
    p = [rows.placeholder(dialect, n) for n in (1, 2)]
    people = _people(tenant)
    named = ""
    if people is not None:
        entity, _ = people
        columns = [f.column for f in entity.fields.values() if f.column and f.kind == "text" and not f.hidden_from]
        tests = " OR ".join(f"POSITION({p[0]} IN p.{quote(c)}) > 0" for c in columns)
        if dialect == "sqlite":
            tests = " OR ".join(f"INSTR(p.{quote(c)}, {p[0]}) > 0" for c in columns)
        if tests:
            named = f' OR EXISTS (SELECT 1 FROM {quote(entity.table)} AS p WHERE p.id = l."user" AND ({tests}))'
    holds = f"POSITION({p[0]} IN l.name) > 0" if dialect == "postgresql" else f"INSTR(l.name, {p[0]}) > 0"
    text = "::text" if dialect == "postgresql" else ""
    sql = (
        'SELECT l."user", l.name, l.admin, l.disabled, l.must_change FROM _login AS l'
        f" WHERE l.name > {p[1]}{text} AND ({p[0]}{text} = '' OR {holds}{named}) ORDER BY l.name LIMIT {PAGE + 1}"
    )
    values = tuple(bind("text", 0, dialect, one.replace("\0", "")[:80]) for one in (words.strip(), after))
    listed = await tenant.database.read(sql, values)
    called = await people_names(tenant, tenant.app, [row[0] for row in listed])
    out = [
        {
            "id": str(user),
            "name": name,
            "display": called.get(str(user), {}).get("display", ""),
            "administrator": bool(admin),
            "disabled": bool(disabled),
            "must_change": bool(must_change),
        }
        for user, name, admin, disabled, must_change in listed[:PAGE]
    ]
    return out, str(listed[PAGE - 1][1]) if len(listed) > PAGE else ""


async def person(tenant: Tenant, name: str) -> str | None:
    """The id of the person known by this name."""
    people = _people(tenant)
    if people is None:
        return None
    entity, column = people
    mark = rows.placeholder(tenant.database.dialect, 1)
    sql = f"SELECT id FROM {quote(entity.table)} WHERE {quote(column)} = {mark} AND deleted_at IS NULL"
    held = await tenant.database.read(sql, (name,))
    return str(held[0][0]) if held else None


__all__ = [
    "AT_ONCE", "Given", "administer", "disable", "enable", "found", "give", "person", "without",
]  # fmt: skip
