"""Warm connections to PostgreSQL: a pool for each tenant, and one budget for all pools of a process.

A tenant's connections act as its role, so they cannot be lent to another one. When the budget is spent, the connection
that has been idle longest is closed, whosoever it is; when none is idle, who comes first is served first.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[Any]"
_IDLE_SECONDS = 300.0
"""Unused for so long, a connection is closed."""
_CLOSE_SECONDS = 5.0


class Budget:
    """How many connections the pools that share it may have open together; ``most`` is kept, also for a moment."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.open = 0
        self._idle: OrderedDict[Connection, Pool] = OrderedDict()
        self._waiting: deque[tuple[asyncio.Future[Connection | None], Pool]] = deque()
        self._leaving: set[asyncio.Task[None]] = set()

    def take(self) -> bool:
        if self.open >= self.most:
            return False
        self.open += 1
        return True

    async def wait(self, pool: Pool, seconds: float) -> Connection | None:
        """A connection of this pool, or None: the right to open one. TimeoutError when neither comes."""
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, pool))
        self.settle()
        try:
            async with asyncio.timeout(seconds):  # wait_for would forget that we are cancelled as we are given one
                return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # given in the very moment in which it was given up
                given = turn.result()
                if given is None:
                    pool.gone()
                else:
                    pool.give(given)
            raise

    def settle(self) -> None:
        """Serves those who wait, as far as that is possible now."""
        for _ in range(len(self._waiting)):
            turn, pool = self._waiting.popleft()
            if turn.done():
                continue
            if (found := pool.pick()) is not None:
                turn.set_result(found)
            elif pool.open < pool.size and self.take():
                pool.open += 1
                turn.set_result(None)
            else:
                self._waiting.append((turn, pool))
        lacking = sum(pool.open < pool.size for _, pool in self._waiting) - len(self._leaving)
        while lacking > 0 and self._idle:
            connection, pool = next(iter(self._idle.items()))
            pool.leave(connection)
            lacking -= 1

    def idle(self, connection: Connection, pool: Pool) -> None:
        self._idle[connection] = pool
        if self._waiting:
            self.settle()

    def busy(self, connection: Connection) -> None:
        self._idle.pop(connection, None)

    def closing(self, closed: Awaitable[None]) -> None:
        task = asyncio.ensure_future(closed)
        self._leaving.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._leaving.discard(task)
        self.settle()

    def freed(self) -> None:
        self.open -= 1


class Pool:
    """One tenant's connections: opened when they are needed, the one used last is lent first."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int, budget: Budget) -> None:
        self._connect = connect
        self._budget = budget
        self._free: list[tuple[Connection, float]] = []
        self.size = size
        self.open = 0
        self.closed = False

    def pick(self) -> Connection | None:
        """One that is free and not closed."""
        while self._free:
            connection, _ = self._free.pop()
            self._budget.busy(connection)
            if not connection.is_closed():
                return connection
            self.gone()
        return None

    async def acquire(self, seconds: float) -> Connection:
        if (found := self.pick()) is not None:
            return found
        if self.closed:
            raise asyncpg.InterfaceError("the tenant is closed")
        if self.open < self.size and self._budget.take():
            self.open += 1
        elif (given := await self._budget.wait(self, seconds)) is not None:
            return given
        try:
            return await self._connect()
        except BaseException:
            self.gone()
            self._budget.settle()
            raise

    def give(self, connection: Connection, whole: bool = True) -> None:
        """Takes one back. Not ``whole``: it was left in the middle of something, and nobody is to have it again."""
        if self.closed or not whole or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
            self.gone()
            self._budget.settle()
            return
        now = time.monotonic()
        self._free.append((connection, now))
        self._budget.idle(connection, self)
        if self._free and self.open > 1 and self._free[0][1] < now - _IDLE_SECONDS:
            self.leave(self._free[0][0])

    def leave(self, connection: Connection) -> None:
        """Closes one that is free; its place is taken until it is gone."""
        self._free = [one for one in self._free if one[0] is not connection]
        self._budget.busy(connection)
        self._budget.closing(self._close(connection))

    async def _close(self, connection: Connection) -> None:
        try:
            with suppress(Exception):
                await connection.close(timeout=_CLOSE_SECONDS)
        finally:
            self.gone()

    def gone(self) -> None:
        self.open -= 1
        self._budget.freed()

    async def close(self) -> None:
        """Those that are lent are closed when they come back."""
        self.closed = True
        free, self._free = self._free, []
        for connection, _ in free:
            self._budget.busy(connection)
        await asyncio.gather(*(self._close(connection) for connection, _ in free))
        self._budget.settle()
