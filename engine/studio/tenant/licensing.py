"""What ``dougong licence …`` does: show, install, make."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine.db import Database, open_database
from engine.plan.licence import TRIAL_DAYS, Edition, Licence
from engine.problem import Problems, problem
from engine.serve.document import licensing
from engine.serve.tenant.ids import uuid7
from engine.studio.follow.following import held
from engine.studio.source.build import source_from
from engine.studio.tenant import terms
from engine.studio.tenant.noting import noted
from engine.studio.tenant.where import Where, database_of
from engine.tenants import licence as files
from engine.tenants.codes import CODES


@asynccontextmanager
async def _at(where: Where) -> AsyncIterator[tuple[Database, str, dict[str, str]]]:
    """(database, the tenant's name, its modules by key)"""
    if where.target is None and not where.tenant:
        raise Problems([problem(CODES["licence.terms"], what="name an app, or --tenant and --directory")])
    database = await open_database(await database_of(where), make=False)
    try:
        have = await held(database)
        if have is None:
            raise Problems([problem(CODES["licence.terms"], what="the database is empty")])
        source = source_from(have.source)
        modules = {m.key: m.title.to("en") for m in (await asyncio.to_thread(source.catalog)).modules.values()}
        yield database, where.tenant or source.name, modules
    finally:
        await database.close()


async def show(where: Where) -> dict[str, Any]:
    key = terms.vendor_key()
    async with _at(where) as (database, name, modules):
        taken = int((await database.read(licensing.COUNT))[0][0])
        if key is None:
            return {"tenant": name, "licensed": False, "seats": taken}
        now = datetime.now(UTC)
        found = await terms.terms_of(database, name, key, now, bool(where.tenant))
    one = found.licence
    return {
        "tenant": name,
        "licensed": True,
        "edition": one.edition,
        "number": one.number,
        "holder": one.holder,
        "issued": one.issued.isoformat(),
        "until": one.until.isoformat() if one.until else None,
        "days_left": found.days_left(now),
        "read_only": found.over(now),
        "users": one.users,
        "seats": taken,
        "modules": {key: found.covers(key) for key in modules},
        "wrong": found.wrong or None,
        "clock_moved_back": found.moved_back,
    }


async def install(where: Where, file: Path) -> dict[str, Any]:
    """What ``show`` says afterwards; nothing is kept of a file that is wrong."""
    key = terms.vendor_key()
    if key is None:
        raise Problems([problem(CODES["licence.no-key"])])
    try:
        text = file.read_bytes()[: files.MOST + 1].decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Problems([problem(CODES["licence.form"], reason=error)]) from None
    async with _at(where) as (database, name, _):
        await take(database, name, text, key, datetime.now(UTC))
    return await show(where)


async def take(database: Database, name: str, text: str, key: Ed25519PublicKey, now: datetime) -> None:
    """Also puts right what a clock that was far ahead has left, where the licence is a new one."""
    one = files.read(text, key, name)
    new = await terms.is_new(database, one)
    told = {"number": one.number, "edition": one.edition, "users": one.users, "issued": one.issued.isoformat()}
    await noted(database, terms.INSTALL, told)
    await terms.keep(database, terms.TEXT, text)
    await terms.keep(database, terms.OF, name)
    if new:
        await terms.put_right(database, one, now)


@dataclass(frozen=True, slots=True)
class Making:
    tenant: str
    edition: Edition
    holder: str = ""
    users: int | None = None
    modules: tuple[str, ...] = ()
    until: date | None = None
    number: str = ""


def make(private: Path, asked: Making) -> str:
    """A signed licence. A trial ends after its fifteen days unless another day is said."""
    try:
        key = files.private_of(private.read_text(encoding="utf-8"), private.name)
    except OSError as error:
        raise Problems([problem(CODES["licence.key"], file=private, reason=error.strerror)]) from None
    today = datetime.now(UTC).date()
    until = asked.until or (today + timedelta(days=TRIAL_DAYS - 1) if asked.edition == "trial" else None)
    one = Licence(
        asked.number or uuid7()[:13],
        asked.edition,
        asked.tenant,
        asked.holder or asked.tenant,
        today,
        until,
        asked.users,
        asked.modules or None,
    )
    return files.signed(files.require_sense(one), key)


def keygen(file: Path) -> str:
    """Writes the private key where only its owner reads it; the public one."""
    private, public = files.keygen()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(private)
    except OSError as error:
        raise Problems([problem(CODES["licence.key"], file=file, reason=error.strerror)]) from None
    return public
