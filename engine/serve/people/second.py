"""Second steps: what somebody shows beside his password. One kind there is, a code by the clock; a further one is
another ``Step`` in ``STEPS``. A way in that is no password (another house's login) ends in ``auth.open_for`` instead.

What is wrong is counted like a wrong password, before it is looked at; a code counts once, a recovery code too.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from engine.db import Body
from engine.serve.people import totp
from engine.serve.tenant import rows
from engine.serve.tenant.tenancy import Tenant

RECOVERY = 10
"""How many recovery codes are given, each for one use."""


class Step(Protocol):
    """``begin`` gives what is kept of a new one and what its holder is told; ``passes`` gives what changes of what is
    kept, or None when what was given is not it."""

    name: str

    def begin(self, name: str, house: str) -> tuple[dict[str, Any], dict[str, str]]: ...

    def passes(self, kept: Mapping[str, Any], given: str, now: datetime) -> dict[str, Any] | None: ...


class ByClock:
    name = "totp"

    def begin(self, name: str, house: str) -> tuple[dict[str, Any], dict[str, str]]:
        secret = totp.new_secret()
        return {"secret": secret, "counter": 0}, {"secret": secret, "address": totp.address(secret, name, house)}

    def passes(self, kept: Mapping[str, Any], given: str, now: datetime) -> dict[str, Any] | None:
        step = totp.found(str(kept["secret"]), given, now.timestamp(), int(kept["counter"]))
        return None if step is None else {"counter": step}


STEPS: dict[str, Step] = {step.name: step for step in (ByClock(),)}
USUAL = "totp"


def _plain(code: str) -> str:
    return "".join(c for c in code.lower() if c.isalnum())


def digest(code: str) -> str:
    return hashlib.sha256(_plain(code).encode()).hexdigest()


def new_codes() -> list[str]:
    """80 bits each: a digest of one cannot be guessed back."""
    made = [secrets.token_hex(10) for _ in range(RECOVERY)]
    return ["-".join(code[n : n + 5] for n in range(0, 20, 5)) for code in made]


async def held(tenant: Tenant, user: str) -> dict[str, Any] | None:
    """The confirmed second step of a person."""
    asked = rows.select("_second", tenant.database.dialect, {"user": user, "confirmed": True})
    found = await tenant.database.read(asked.sql, asked.values)
    return rows.by_name("_second", found[0]) if found else None


def check(user: str, given: str, now: datetime, dialect: Any) -> Body[str]:
    """Inside the transaction that signs in, after the login was locked: ``""`` when there is none or it was shown,
    else ``missing`` or ``wrong``."""
    found = yield rows.select("_second", dialect, {"user": user, "confirmed": True})
    if not found:
        return ""
    kept = rows.by_name("_second", found[0])
    if not given.strip():
        return "missing"
    sets = STEPS[str(kept["kind"])].passes(kept, given, now)
    if sets is None:
        codes = codes_of(kept)
        if digest(given) not in codes:
            return "wrong"
        sets = {"recovery": [code for code in codes if code != digest(given)]}
    yield rows.update("_second", dialect, {"user": user}, sets)
    return ""


def codes_of(kept: Mapping[str, Any]) -> list[str]:
    value = kept["recovery"]
    found: list[str] = json.loads(value) if isinstance(value, str) else value or []
    return found


async def take(tenant: Tenant, user: str) -> None:
    """By an administrator, for whoever lost his phone and his codes."""

    def body() -> Body[None]:
        yield rows.delete("_second", tenant.database.dialect, {"user": user})

    await tenant.database.write(body)
    tenant.forget_people()
