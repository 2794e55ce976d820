"""One message to somebody else's server: signed by the Standard Webhooks convention, sent to an address we approve.

The host is resolved once, every address it has is judged, and the connection goes to the judged address: a name that
answers differently the second time leads nowhere else. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

TIMEOUT = 10.0
MOST_ANSWER = 2_000
"""Bytes of an answer that are read, for the log."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of it: the peer's status, or 0 and why there is none."""

    status: int
    said: str = ""

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300


def signatures(secrets: Sequence[str], message: str, seconds: int, body: bytes) -> str:
    """``v1,…`` once for each secret that holds: two while one replaces the other."""
    signed = f"{message}.{seconds}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.new(_key(one), signed, hashlib.sha256).digest()).decode() for one in secrets
    )


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"))


async def send(url: str, headers: dict[str, str], body: bytes, private: bool = False, timeout: float = TIMEOUT) -> Told:
    """POSTs the body; whatever goes wrong is told, never raised."""
    try:
        async with asyncio.timeout(timeout):
            return await _send(urlsplit(url), headers, body, private)
    except TimeoutError:
        return Told(0, f"no answer within {timeout:g} s")
    except (OSError, ValueError, ssl.SSLError, EOFError, asyncio.LimitOverrunError) as error:
        return Told(0, str(error)[:200] or type(error).__name__)


async def _send(url: SplitResult, headers: dict[str, str], body: bytes, private: bool) -> Told:
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("not an http or https address")
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 80)
    address = await _address(url.hostname, port, private)
    context = ssl.create_default_context() if secure else None
    name = url.hostname if secure else None
    reader, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name, limit=16_384)
    try:
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        lines = [f"POST {path} HTTP/1.1", f"Host: {url.netloc.rpartition('@')[2]}", f"Content-Length: {len(body)}"]
        lines += [*(f"{k}: {v}" for k, v in headers.items()), "Connection: close", "", ""]
        writer.write("\r\n".join(lines).encode("latin-1") + body)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = head[:16].split(" ")[1]
        if not status.isdigit():
            raise ValueError("not an HTTP answer")
        rest = await reader.read(MOST_ANSWER)
        return Told(int(status), "" if status.startswith("2") else rest.decode("utf-8", "replace")[:200])
    except IndexError:
        raise ValueError("not an HTTP answer") from None
    finally:
        writer.close()
        with suppress(OSError, ssl.SSLError):
            writer.transport.abort()


async def _address(host: str, port: int, private: bool) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    if not private and not all(public(one) for one in addresses):
        raise ValueError("a private or local address: refused")
    return addresses[0]


def public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None) or ip
    return bool(ip.is_global and inner.is_global and not inner.is_multicast and not ip.is_multicast)
