"""The port, and the server that listens on it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from engine.problem import Problems, problem
from engine.serve.wire.shield import Asgi
from engine.studio.codes import CODES

_GRACE_SECONDS = 10
"""What is being answered may take so long to end."""
_BACKLOG = 2_048


class Server(uvicorn.Server):
    """Streams of events would never end by themselves: ``end_streams`` tells them when the server is about to."""

    def __init__(self, app: Asgi, end_streams: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                proxy_headers=False,  # whose word counts is said in our own settings
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self.end_streams = end_streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.end_streams()
        await super().shutdown(sockets)

    async def serve_on(self, listening: socket.socket, parent: int = 0) -> None:
        """``parent``: the process that looks after this one; without it, this one ends."""
        watching = asyncio.create_task(self._orphaned(parent)) if parent else None
        try:
            await self.serve(sockets=[listening])
        finally:
            if watching is not None:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching

    async def _orphaned(self, parent: int) -> None:
        while os.getppid() == parent:
            await asyncio.sleep(1)
        self.should_exit = True


def bound(host: str, port: int) -> socket.socket:
    """The port is taken before anything is done for it; processes that are started later share it. It listens at
    once: whoever comes before somebody answers waits for him, and is not refused; and only a port that listens is
    refused to a second server."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if os.name != "nt":  # there it would let two servers listen
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise Problems([problem(CODES["port.taken"], port=port)]) from None
    return made
