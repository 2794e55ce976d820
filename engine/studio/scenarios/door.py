"""The product's own front door, knocked on from inside the process: requests to the ASGI application without a socket.

Seeds, demo data and scenarios go through here, so they meet the same rights, checks and approvals as everybody.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Asgi = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: ``body`` is decoded JSON (decimals stay exact), or None."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def ok(self) -> bool:
        return self.status < 400


class Door:
    """One caller at the door; ``token`` says who."""

    def __init__(self, app: Asgi, token: str, language: str = "zh") -> None:
        self._app = app
        self._headers = {"authorization": f"Bearer {token}", "accept-language": language, "host": "localhost"}

    async def ask(
        self,
        method: str,
        path: str,
        query: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> Reply:
        """``body`` goes out as JSON, ``content`` as it is."""
        sent = self._headers | {"content-type": "application/json"} | dict(headers or {})
        payload = content if body is None else json.dumps(body, ensure_ascii=False).encode()
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.encode(), v.encode()) for k, v in (sent | {"content-length": str(len(payload))}).items()],
            "client": ("127.0.0.1", 0),
            "server": ("localhost", 80),
        }
        events = iter([{"type": "http.request", "body": payload, "more_body": False}])
        start: MutableMapping[str, Any] = {}
        parts: list[bytes] = []

        async def receive() -> MutableMapping[str, Any]:
            return next(events, {"type": "http.disconnect"})

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        received = {k.decode().lower(): v.decode() for k, v in start.get("headers", ())}
        raw = b"".join(parts)
        decoded = json.loads(raw, parse_float=Decimal) if raw and "json" in received.get("content-type", "") else None
        return Reply(start["status"], received, decoded)
