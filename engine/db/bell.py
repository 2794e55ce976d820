"""What wakes the loops of one process: it has been rung, or nothing came for a while. Nothing depends on hearing it."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Bell:
    """Rung from the event loop. Who waits says what he heard last, so a ring between two waits is not missed."""

    def __init__(self) -> None:
        self.rung = 0
        self._next: asyncio.Future[None] | None = None

    def ring(self) -> None:
        self.rung += 1
        if self._next is not None and not self._next.done():
            self._next.set_result(None)
        self._next = None

    async def wait(self, heard: int, seconds: float) -> int:
        """How often it has been rung, as soon as that is not ``heard``, at the latest after ``seconds``."""
        if self.rung == heard:
            if self._next is None:
                self._next = asyncio.get_running_loop().create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):  # wait_for would forget that we are cancelled while it rings
                    await asyncio.shield(self._next)
        return self.rung
