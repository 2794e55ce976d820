"""Logins at the terminal: give, take, change, one or many. What ``dougong user …`` does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, TypeVar

from engine.serve import apply_document
from engine.serve.document import licensing
from engine.serve.document.decode import Rules, document
from engine.serve.document.store import Op
from engine.serve.people import auth, passwords
from engine.serve.system import logins
from engine.serve.tenant import rows
from engine.serve.tenant.bind import ENGINE
from engine.serve.tenant.ids import uuid7
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import refuse
from engine.studio.tenant.importing import find_import, import_file
from engine.studio.tenant.noting import noted
from engine.studio.tenant.opening import Opened, opened


def add(target: Path, url: str, name: str, values: Mapping[str, str]) -> str:
    """A temporary password for a person without a login; a person who is not there is made of ``values``."""
    return asyncio.run(_in(target, url, lambda tenant: _add(tenant, name, values)))


def change(target: Path, url: str, name: str, what: str) -> None:
    """``disable``, ``enable``, ``administrator`` or ``no-administrator``."""
    asyncio.run(_in(target, url, lambda tenant: _change(tenant, name, what)))


def set_password(target: Path, url: str, name: str, password: str) -> str:
    """A new password for a person or an administrator; without one a temporary one is made and returned."""
    return asyncio.run(_in(target, url, lambda tenant: _set_password(tenant, name, password)))


def bring(target: Path, url: str, mapping: str, file: Path) -> list[logins.Given]:
    """Imports people, all or none, and gives those who came a temporary password."""
    return asyncio.run(_in(target, url, lambda tenant: _bring(tenant, mapping, file)))


T = TypeVar("T")


async def _in(target: Path, url: str, do: Callable[[Tenant], Awaitable[T]]) -> T:
    async with opened(target, url) as app:
        return await do(app.tenant)


async def _add(tenant: Tenant, name: str, values: Mapping[str, str]) -> str:
    user = await logins.person(tenant, name)
    if user is None:
        if not values:
            raise refuse("people.nobody", name=name)
        user = await _made(tenant, name, values)
    return (await logins.give(tenant, [(user, name)]))[0].password


async def _made(tenant: Tenant, name: str, values: Mapping[str, Any]) -> str:
    entity = tenant.app.entities[tenant.app.people.users]
    rules = Rules(trusted=True, text=True)
    change = document(tenant.app, entity, {**values, entity.key[0]: name}, True, rules)
    return (await apply_document(tenant, ENGINE, Op("create", entity.path, change=change, rules=rules))).id


async def _change(tenant: Tenant, name: str, what: str) -> None:
    row = await auth.login_of(tenant, {"name": name})
    if row is None:
        raise refuse("people.nobody", name=name)
    user = str(row["user"])
    match what:
        case "disable":
            await logins.disable(tenant, user)
        case "enable":
            await logins.enable(tenant, user)
        case _:
            await logins.administer(tenant, user, what == "administrator")


async def _set_password(tenant: Tenant, name: str, password: str) -> str:
    if password:
        passwords.require_good(password, name, "--password", tenant.policy)
    known = await auth.login_of(tenant, {"name": name})
    person = await logins.person(tenant, name)
    if known is not None and person is not None and person != str(known["user"]):
        # A person named like somebody who signs in already, as the first administrator does.
        raise refuse("people.name-taken", name=name)
    user = str(known["user"]) if known else person
    if user is None:
        raise refuse("people.nobody", name=name)
    admin, language = (bool(known["admin"]), known["language"]) if known else (False, tenant.language)
    if known is None:
        await tenant.database.write(lambda: licensing.take_seats(tenant, 1))
    chosen = password or passwords.one_time()
    await noted(tenant.database, "user", {"name": name, "user": user, "one_time": not password})
    await auth.set_password(tenant.database, user, name, chosen, admin, language, must_change=not password)
    await auth.end(tenant, {"user": user})
    return "" if password else chosen


async def _bring(tenant: Tenant, mapping: str, file: Path) -> list[logins.Given]:
    plan = find_import(tenant, mapping)
    if plan.entity != tenant.app.people.users:
        raise refuse("people.mapping", name=mapping)
    before = {user for user, _ in await logins.without(tenant, 1_000_000)}
    await import_file(tenant, plan, file)
    came = [(user, name) for user, name in await logins.without(tenant, 1_000_000) if user not in before]
    out: list[logins.Given] = []
    for n in range(0, len(came), logins.AT_ONCE):
        out += await logins.give(tenant, came[n : n + logins.AT_ONCE])
    return out


def sheet(given: Sequence[logins.Given], file: Path, title: str) -> None:
    """A page to print and cut up; only its owner may read the file."""
    lines = "".join(
        f"<tr><td>{escape(g.name)}</td><td>{escape(g.display)}</td><td><code>{escape(g.password)}</code></td></tr>"
        for g in given
    )
    style = "td{border-bottom:1px dashed #999;padding:.6em 2em .6em 0;font:14px sans-serif}code{font-size:16px}"
    head = f'<!doctype html><meta charset="utf-8"><title>{escape(title)}</title><style>{style}</style>'
    text = f"{head}<table>{lines}</table>\n"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)


async def administrator(app: Opened, password: str = "") -> list[str]:
    """The administrator of a new database: with the password given, or a one-time one that is printed once."""
    tenant = app.tenant
    made = rows.select("_login", tenant.database.dialect, {"admin": True})
    if await tenant.database.read(made.sql, made.values):
        return []
    chosen = password or passwords.one_time()
    if password:
        passwords.require_good(password, "admin", "--admin-password", tenant.policy)
    await noted(tenant.database, "serve", {"made": "admin"})
    await auth.set_password(
        tenant.database, uuid7(), "admin", chosen, admin=True, language=tenant.language, must_change=not password
    )
    return [] if password else [f"admin / {chosen}   (the administrator; shown once, to be changed at once)"]
