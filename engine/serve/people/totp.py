"""One-time codes by the clock (RFC 6238, as authenticator apps make them): SHA-1, six digits, thirty seconds."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from urllib.parse import quote

STEP = 30
DIGITS = 6
_AROUND = (0, -1, 1)
"""Clocks differ: the step before and after count as well."""


def new_secret() -> str:
    """160 bits, as apps take them."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code(secret: str, step: int, digits: int = DIGITS) -> str:
    made = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1)
    at = made[-1] & 0xF
    number = struct.unpack(">I", made[at : at + 4])[0] & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def found(secret: str, given: str, seconds: float, after: int) -> int | None:
    """The step whose code was given, later than ``after``, or None: a code counts once."""
    text = given.replace(" ", "")
    now = int(seconds) // STEP
    hits = [now + n for n in _AROUND if hmac.compare_digest(code(secret, now + n).encode(), text.encode())]
    return next((step for step in hits if step > after), None)


def address(secret: str, name: str, house: str) -> str:
    """What an app reads from a QR code, or by a tap on the phone."""
    return (
        f"otpauth://totp/{quote(f'{house}:{name}')}?secret={secret}&issuer={quote(house)}&digits={DIGITS}&period={STEP}"
    )
