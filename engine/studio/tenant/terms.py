"""What a tenant was sold: learnt from its own database, by the vendor's key, without asking anybody."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine.db import Body, Call, Database, Lost
from engine.fieldtypes.storage import seconds_of
from engine.plan.licence import Licence, Terms
from engine.problem import Problems
from engine.serve.people import audit
from engine.serve.tenant import rows
from engine.serve.tenant.ids import uuid7
from engine.serve.tenant.tenancy import Tenant
from engine.tenants import licence as files

SETTING = "DOUGONG_LICENCE_KEY"
TEXT = "$licence"
OF = "$licence.of"
"""The tenant it was installed for, by name: whoever knows a database by its URL alone goes by that."""
_SEEN = "$licence.seen"
_PUT_RIGHT = "$licence.put-right"
"""Between which moments (milliseconds) rows of the audit say nothing of the time: a clock was ahead."""
INSTALL = "licence-install"
_LOOKS = 60.0
_KEPT = timedelta(minutes=10)
_BACK = timedelta(hours=1)
"""A clock may be put right by so much without a word."""


def vendor_key(environment: Mapping[str, str] | None = None) -> Ed25519PublicKey | None:
    """None: nothing is licensed."""
    text = files.VENDOR or (os.environ if environment is None else environment).get(SETTING, "")
    return files.public_of(text) if text.strip() else None


@dataclass(frozen=True, slots=True)
class _Stored:
    text: str
    of: str
    seen: datetime
    began: date
    ahead: tuple[int, int] = (0, 0)


async def _stored(database: Database) -> _Stored:
    """``seen`` is the latest time that anything here knows: what was kept for this, and the audit's newest row."""
    found: dict[str, Any] = {}
    names = ", ".join(f"'{name}'" for name in (TEXT, OF, _SEEN, _PUT_RIGHT))
    for row in await database.read(f"SELECT name, value FROM _setting WHERE name IN ({names})"):
        found[str(row[0])] = json.loads(row[1]) if isinstance(row[1], str) else row[1]
    since, until = (int(n) for n in (found.get(_PUT_RIGHT) or {}).get("ahead", (0, 0)))
    newest = (await database.read(f"SELECT max(at) FROM _audit WHERE at <= {since} OR at > {until}"))[0][0]
    first = (await database.read("SELECT at FROM _revision ORDER BY n LIMIT 1"))[0][0]
    seen = max(int(found.get(_SEEN) or 0), int(newest or 0))
    began = datetime.fromtimestamp(seconds_of(first), UTC).date()
    text, of = (str((found.get(one) or {}).get("text", "")) for one in (TEXT, OF))
    return _Stored(text, of, datetime.fromtimestamp(seen / 1000, UTC), began, (since, until))


async def is_new(database: Database, one: Licence) -> bool:
    """Whether it was never installed here, nor one that was issued after it: an old one tells nothing of the time."""
    rows_ = await database.read(f"SELECT detail FROM _audit WHERE act = 'command.{INSTALL}'")
    before = [json.loads(row[0]) for row in rows_]
    return all(it["number"] != one.number and it.get("issued", "") <= one.issued.isoformat() for it in before)


async def put_right(database: Database, new: Licence, now: datetime) -> None:
    """A new licence was made by the vendor's clock: where a time was seen here that is later than its day and than now,
    a clock was ahead. Only once for each, so whoever sets his clock back gains nothing by installing it again."""
    stored = await _stored(database)
    then = max(now, datetime.combine(new.issued, time.min, UTC))
    if stored.seen - _BACK <= then:
        return
    since, until = (int(one.timestamp() * 1000) for one in (then, stored.seen))
    await keep(database, _PUT_RIGHT, {"ahead": [since, max(until, stored.ahead[1])]})
    await keep(database, _SEEN, since)


async def terms_of(database: Database, name: str, key: Ed25519PublicKey, now: datetime, named: bool = True) -> Terms:
    """Not ``named``: the name is the app's, and the database may be a tenant's who is called otherwise."""
    stored = await _stored(database)
    if not named and stored.of:
        name = stored.of
    one, wrong = files.trial(name, stored.began), ""
    if stored.text:
        try:
            one = files.read(stored.text, key, name)
        except Problems as found:
            wrong = found.problems[0].code
    return Terms(one, max(stored.seen, now), wrong, now < stored.seen - _BACK)


async def learn(tenant: Tenant, key: Ed25519PublicKey | None, named: bool = True) -> None:
    """Takes over what holds now, and keeps that this moment was seen."""
    if key is None:
        return
    now, before = tenant.clock().astimezone(UTC), tenant.terms
    terms = await terms_of(tenant.database, tenant.name, key, now, named)
    tenant.terms = terms
    if terms.moved_back and not (before and before.moved_back):
        audit.note(tenant, "licence.clock", detail={"clock": now.isoformat(), "seen": terms.seen.isoformat()})
    stored = (await tenant.database.read(f"SELECT value FROM _setting WHERE name = '{_SEEN}'")) or [(0,)]
    if terms.seen.timestamp() * 1000 - int(stored[0][0]) > _KEPT.total_seconds() * 1000:
        await keep(tenant.database, _SEEN, int(terms.seen.timestamp() * 1000))


async def watch(tenant: Tenant, key: Ed25519PublicKey | None, named: bool = True) -> None:
    """For as long as the process serves: a licence that was installed holds within a minute."""
    while key is not None:
        await asyncio.sleep(_LOOKS)
        try:
            await learn(tenant, key, named)
        except (Lost, OSError):
            continue


async def keep(database: Database, name: str, value: Any) -> None:
    value = {"text": value} if isinstance(value, str) else value  # a text would be taken for JSON already
    row = {"id": uuid7(), "name": name, "scope": "tenant", "value": value, "at": datetime.now(UTC)}

    def body() -> Body[None]:
        yield Call(f"DELETE FROM _setting WHERE name = '{name}'")
        yield rows.insert("_setting", [row], database.dialect)

    await database.write(body)
