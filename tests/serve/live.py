"""The system of ``works.yaml`` behind a real port, for clients that speak HTTP and know nothing of Python's loops."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import uvicorn

from engine.db import open_database
from engine.serve import OneTenant, asgi, open_session
from tests.serve.stage import Stage

T = TypeVar("T")


class Live:
    """A stage and its server in a thread with a loop of its own."""

    def __init__(self, database_url: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.database = self.run(open_database(database_url))
        self.stage: Stage = self.run(Stage.build(self.database))
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(asgi(OneTenant(self.stage.tenant)), log_level="error", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._serving = asyncio.run_coroutine_threadsafe(self._server.serve(sockets=[listening]), self.loop)

    def run(self, made: Awaitable[T]) -> T:
        async def whole() -> T:
            return await made

        return asyncio.run_coroutine_threadsafe(whole(), self.loop).result(120)

    def token(self, name: str) -> str:
        return self.run(open_session(self.stage.tenant, self.stage.ids[name]))

    def do(self, work: Callable[[Stage], Awaitable[T]]) -> T:
        return self.run(work(self.stage))

    def close(self) -> None:
        self._server.should_exit = True
        self._serving.result(30)
        self.run(self.stage.close())
        self.run(self.database.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(30)
        self.loop.close()


@contextmanager
def live(database_url: str) -> Iterator[Live]:
    made = Live(database_url)
    try:
        yield made
    finally:
        made.close()
