"""A server of somebody else's, who keeps what he is sent and answers as he is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Receiver:
    """``answer`` gives the status for each message; ``got`` are (headers, body) in the order they came."""

    port: int = 0
    answer: Callable[[dict[str, Any]], int] = lambda _body: 204
    pause: float = 0
    """Seconds before he answers."""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=1"

    def told(self) -> list[tuple[str, int, str]]:
        """(record, rev, kind) of what was taken."""
        out = []
        for _, body in self.got:
            data = json.loads(body)["data"]
            out.append((data["id"], data["rev"], data["kind"]))
        return out

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")[1:]
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines if line)}
            body = await reader.readexactly(int(headers["content-length"]))
            await asyncio.sleep(self.pause)
            status = self.answer(json.loads(body))
            if status == 204:
                self.got.append((headers, body))
            writer.write(f"HTTP/1.1 {status} So\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.take, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
