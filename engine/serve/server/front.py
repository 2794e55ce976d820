"""What stands before every door: whose address it is, how often somebody may ask, which other sites' pages may.

All of it is off until the one who serves says otherwise (``dougong serve --help``). Each process counts for itself: of
``--workers 4`` somebody may get up to four times as much through, never less than the limit.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import ceil
from typing import Any

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.middleware.cors import CORSMiddleware

from engine.serve.tenant.bind import Me
from engine.serve.wire.fault import Refusal, fault
from engine.serve.wire.shield import Asgi

Network = IPv4Network | IPv6Network
_HEADERS = ("authorization", "content-type", "accept-language", "if-match", "if-none-match", "idempotency-key")
_SHOWN = ("etag", "location", "retry-after", "content-disposition")


class Pace:
    """How often one person or token and one address may ask: ``600/minute``, several with ``;``. Empty: always."""

    def __init__(self, person: str = "", address: str = "") -> None:
        self._items: dict[str, Sequence[RateLimitItem]] = {
            kind: parse_many(text) for kind, text in (("person", person), ("address", address)) if text
        }
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage()) if self._items else None

    def address(self, tenant: str, address: str) -> None:
        if address:
            self._take("address", tenant, address)

    def person(self, tenant: str, me: Me) -> None:
        """A token for a program counts by itself, beside its holder."""
        if me.user:
            self._take("person", tenant, f"token {me.session}" if me.token else me.user)

    def _take(self, kind: str, tenant: str, who: str) -> None:
        for item in self._items.get(kind, ()):
            assert self._counter is not None
            if not self._counter.hit(item, kind, tenant, who):
                free = self._counter.get_window_stats(item, kind, tenant, who).reset_time
                seconds = max(1, ceil(free - time.time()))
                said = fault("api.too-often", most=str(item), seconds=seconds)
                raise Refusal((said,), headers={"retry-after": str(seconds)})


UNLIMITED = Pace()


@dataclass(frozen=True, slots=True)
class Front:
    """``proxies``: whose word on where a request came from counts. ``origins``: pages of which other sites a browser
    lets use the API, with a token; never with the cookie. ``seconds``: how long a body may stand still."""

    proxies: tuple[Network, ...] = ()
    origins: tuple[str, ...] = ()
    pace: Pace = field(default_factory=lambda: UNLIMITED)
    seconds: float = 30.0


UNGUARDED = Front()


def networks(text: str) -> tuple[Network, ...]:
    """``10.0.0.5, 192.168.0.0/16``. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def origins(text: str) -> tuple[str, ...]:
    """``https://a.example, https://b.example``. Raises ValueError."""
    found = tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    for one in found:
        scheme, _, host = one.partition("://")
        if scheme not in ("http", "https") or not host or any(sign in host for sign in "/?#* "):
            raise ValueError(f"{one} is no origin: https://host or https://host:port")
    return found


def guarded(app: Asgi, front: Front) -> Asgi:
    """``app`` with true addresses, and with CORS for the API where it is wanted."""
    shared: Asgi = app
    if front.origins:
        shared = CORSMiddleware(
            app,
            allow_origins=front.origins,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=_HEADERS,
            expose_headers=_SHOWN,
        )

    async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope["client"] = (address_of(scope, front.proxies), 0)
            if scope["path"].startswith("/api/"):
                await shared(scope, receive, send)
                return
        await app(scope, receive, send)

    return application


def address_of(scope: Mapping[str, Any], proxies: Sequence[Network]) -> str:
    """Who called: the peer, or where it is a proxy that is trusted, the last address it names that is none."""
    peer = str((scope.get("client") or ("",))[0])
    if not proxies or not _among(peer, proxies):
        return peer
    told = [v.decode("latin-1") for k, v in scope["headers"] if k.lower() == b"x-forwarded-for"]
    for text in reversed([part.strip() for part in ",".join(told).split(",") if part.strip()]):
        named = _address(text)
        if named is None:
            return peer
        peer = str(named)
        if not _among(peer, proxies):
            return peer
    return peer


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """With or without a port: ``1.2.3.4``, ``1.2.3.4:80``, ``[::1]:80``, ``::1``."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return ip_address(text)
    except ValueError:
        return None


def _among(text: str, proxies: Sequence[Network]) -> bool:
    named = _address(text)
    return named is not None and any(named in network for network in proxies)
