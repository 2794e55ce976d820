"""What every answer goes out with, whoever made it, and what cookies are called where people come over https.

Inside, a cookie is called by its plain name. Over https it is ``__Host-…`` outside: such a cookie was set by this very
host over https, so neither a neighbour of its domain nor somebody on an unencrypted network can put one of his in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

PREFIX = b"__Host-"
ALWAYS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), geolocation=(self), microphone=(), payment=(), usb=()"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_NOTHING = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_SCRIPT = b"text/javascript"


def shielded(inner: Asgi, https: bool = False) -> Asgi:
    """``https``: people always come over https, whatever a proxy in front says or leaves out."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        secure = https or scope.get("scheme") == "https" or _told(scope["headers"])
        headers = [(k, _inside(v, secure)) if k == b"cookie" else (k, v) for k, v in scope["headers"]]

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": outgoing(message["status"], message.get("headers", ()), secure)}
            await send(message)

        await inner({**scope, "headers": headers}, receive, guarded)

    return application


def _told(headers: Iterable[Header]) -> bool:
    """By a proxy. Whoever says so himself makes only his own cookies stricter."""
    return any(k == b"x-forwarded-proto" and v.strip().lower() == b"https" for k, v in headers)


def _inside(cookies: bytes, secure: bool) -> bytes:
    """Over https those that bear the prefix, without it; otherwise those that do not."""
    found = [one.strip() for one in cookies.split(b";")]
    return b"; ".join(one.removeprefix(PREFIX) for one in found if one.startswith(PREFIX) == secure)


def outgoing(status: int, given: Iterable[Header], secure: bool) -> list[Header]:
    headers = [(k, _outside(v)) if secure and k == b"set-cookie" else (k, v) for k, v in given]
    known = dict(headers)
    headers += [(k, v) for k, v in ALWAYS if k not in known]
    if _NOTHING[0] not in known and status != 304 and not known.get(b"content-type", b"").startswith(_SCRIPT):
        headers.append(_NOTHING)
    if b"cache-control" not in known:
        headers.append((b"cache-control", b"private, no-cache" if b"etag" in known else b"no-store"))
    if secure:
        headers.append(_HSTS)
    return headers


def _outside(cookie: bytes) -> bytes:
    return PREFIX + cookie + (b"" if b"; Secure" in cookie else b"; Secure")
