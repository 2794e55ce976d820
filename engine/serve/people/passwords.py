"""Passwords: how they are kept, which are refused, and how often they may be guessed.

Attempts are counted before a password is looked at, by name and by address, whether or not there is such a name: many
tries at once are as many attempts, and nothing tells which names exist.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from engine.db import Body, Call
from engine.fieldtypes.storage import bind, seconds_of
from engine.plan.statement import Dialect
from engine.serve.tenant import rows
from engine.serve.tenant.policy import Policy
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import Fault, Refusal, fault, refuse

_USUAL = Policy()
_MOST = 1000
"""Characters that are looked at, however long a password may be."""
_FORGIVEN = timedelta(days=1)
_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody has this password")
"""Checked where there is no such name, so that time does not tell which names exist."""

_COMMON = frozenset(
    word
    for line in (
        "1234567890 0123456789 1111111111 0000000000 8888888888 6666666666 1234512345 qwertyuiop asdfghjkl1 password12",
        "password123 passw0rd123 iloveyou123 woaini1314 woaini5201314 1qaz2wsx3edc qwerty12345 abcdefghij abc1234567",
        "administrator admin12345 changeme123 letmein1234 welcome1234 a123456789 123456789a dougong123 5201314520",
    )
    for word in line.split()
)
"""What people choose who must choose ten characters."""


async def hashed(password: str) -> str:
    return await asyncio.to_thread(_HASHER.hash, password)


async def right(kept: str | None, password: str) -> bool:
    """Takes the same work whether or not there is anything to compare with."""
    return await asyncio.to_thread(_verify, kept or _NOBODY, password[:_MOST]) and kept is not None


def _verify(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password)
    except (Argon2Error, InvalidHashError):
        return False


def weak(kept: str) -> bool:
    """Whether it was made with less work than new ones are."""
    return _HASHER.check_needs_rehash(kept)


def one_time() -> str:
    return secrets.token_urlsafe(9)


def require_good(password: str, name: str, pointer: str = "/new", policy: Policy = _USUAL) -> None:
    """Refuses with everything that is wrong with a new password."""
    faults: list[Fault] = []
    plain = password.strip().lower()
    shortest, longest = policy.password_shortest, policy.password_longest
    if not shortest <= len(password) <= longest:
        faults.append(fault("auth.password-length", pointer, shortest=shortest, longest=longest))
    elif plain in _COMMON or len(set(plain)) < 4 or (name and name.lower() in plain and len(plain) < len(name) + 6):
        faults.append(fault("auth.password-guessed", pointer))
    if faults:
        raise Refusal(faults, 422)


async def take_a_try(tenant: Tenant, name: str, address: str) -> None:
    """Counts an attempt; refuses it while the name or the address pauses."""
    now = tenant.clock()
    until = await tenant.database.write(
        lambda: _counted(_keys(name, address), now, tenant.database.dialect, tenant.policy)
    )
    if until is not None:
        raise refuse("auth.locked", minutes=int((until - now.timestamp()) / 60) + 1)


def _keys(name: str, address: str) -> list[tuple[str, str]]:
    return [("name", name.lower()[:80]), *([("address", address)] if address else [])]


def _counted(keys: Iterable[tuple[str, str]], now: datetime, dialect: Dialect, policy: Policy) -> Body[float | None]:
    """When the longest pause ends, or None. After a pause one more try is free, and the next pause is longer."""
    longest: float | None = None
    for kind, text in keys:
        key = f"{kind}:{text}"
        failed, ends = (yield _count(key, now, dialect))[0]
        if ends is not None and seconds_of(ends) > now.timestamp():
            longest = max(longest or 0.0, seconds_of(ends))
        elif failed > policy.tries(kind):
            over = 2 ** min(failed - policy.tries(kind) - 1, 8)
            pause = timedelta(minutes=min(policy.pause_minutes * over, policy.longest_pause_minutes))
            yield rows.update("_attempt", dialect, {"key": key}, {"ends": now + pause})
            if ends is None:
                longest = max(longest or 0.0, (now + pause).timestamp())
    return longest


def _count(key: str, now: datetime, dialect: Dialect) -> Call:
    """One more attempt; while a pause lasts none is counted, and after a quiet day counting begins anew."""
    p = [rows.placeholder(dialect, n) for n in (1, 2, 3)]
    sql = (
        f'INSERT INTO "_attempt" (key, failed, at) VALUES ({p[0]}, 1, {p[1]}) ON CONFLICT (key) DO UPDATE SET'
        f' failed = CASE WHEN "_attempt".at < {p[2]} THEN 1 WHEN "_attempt".ends > {p[1]} THEN "_attempt".failed'
        f' ELSE "_attempt".failed + 1 END, ends = CASE WHEN "_attempt".at < {p[2]} THEN NULL ELSE "_attempt".ends END,'
        f" at = {p[1]} RETURNING failed, ends"
    )
    return Call(sql, (key, bind("datetime", 0, dialect, now), bind("datetime", 0, dialect, now - _FORGIVEN)))


def forgive(name: str, address: str, dialect: Dialect) -> Body[None]:
    """The right password: the name begins anew, the address gets its try back."""
    yield rows.delete("_attempt", dialect, {"key": f"name:{name.lower()[:80]}"})
    if address:
        mark = rows.placeholder(dialect, 1)
        yield Call(
            f'UPDATE "_attempt" SET failed = failed - 1 WHERE key = {mark} AND failed > 0', (f"address:{address}",)
        )
