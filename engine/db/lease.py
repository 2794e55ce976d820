"""Connections lent to one tenant: the only thing that executes on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import asyncpg

from engine.db import wall
from engine.db.call import Rows, Unsettled
from engine.db.pool import Budget, Connection, Pool
from engine.db.wall import Place

AWAY = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, ended by hand
    asyncpg.InsufficientResourcesError,  # connections, memory, disk
    asyncpg.ReadOnlySQLTransactionError,  # a standby, before it takes over
)
"""The database is not there, or not able."""
_CONNECT_SECONDS = 10
_WAIT_SECONDS = 15
"""For a free connection; whoever waits longer is told that the database does not answer."""
_SETTINGS = {
    "timezone": "UTC",
    "jit": "off",
    # Starting workers costs 5 ms: worth it for sums over millions of rows, never for a record's write.
    "parallel_setup_cost": "100000",
    # Statements are prepared once and their limits said inside; planning anew is half of a list's time.
    "plan_cache_mode": "force_generic_plan",
    "default_transaction_isolation": "read committed",
}


class Lease:
    """A connection for as long as it is lent. ``place`` is whose it is: its role and search path were set together, in
    the message that opened it, and nothing of ours changes either."""

    __slots__ = ("_connection", "place")

    def __init__(self, connection: Any, place: Place) -> None:
        self._connection = connection
        self.place = place

    def fetch(self, sql: str, *values: Any) -> Awaitable[Rows]:
        found: Awaitable[Rows] = self._connection.fetch(sql, *values)
        return found

    async def execute(self, sql: str) -> None:
        await self._connection.execute(sql)

    async def copy_out(self, query: str, write: Callable[[bytes], Awaitable[None]]) -> None:
        await self._connection.copy_from_query(query, output=write)

    async def copy_in(self, table: str, columns: Sequence[str], source: AsyncIterator[bytes]) -> None:
        schema = self.place.schema
        await self._connection.copy_to_table(table, schema_name=schema, columns=list(columns), source=source)

    def transaction(self, first: str = "", prepared: str = "") -> _Transaction:
        """``first`` goes with BEGIN in one message; when it fails nothing has begun. ``prepared`` makes the statements
        that it executes by name, once for each connection."""
        return _Transaction(self._connection, first, prepared)


class Unbegun(Exception):
    """What was to hold at the beginning of a transaction does not."""


class _Transaction:
    __slots__ = ("_connection", "_first", "_prepared")

    def __init__(self, connection: Any, first: str, prepared: str) -> None:
        self._connection = connection
        self._first = first
        self._prepared = prepared

    async def __aenter__(self) -> None:
        try:
            try:
                await self._connection.execute(f"BEGIN; {self._first}")
            except asyncpg.InvalidSQLStatementNameError:
                await self._connection.execute(f"ROLLBACK; {self._prepared}")
                await self._connection.execute(f"BEGIN; {self._first}")
        except BaseException as error:
            await self._undo()
            if isinstance(error, asyncpg.DivisionByZeroError | asyncpg.LockNotAvailableError):
                raise Unbegun from error
            raise

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            await self._undo()
            return
        try:
            await self._connection.execute("COMMIT")
        except AWAY as error:
            raise Unsettled(
                "The database went away while this was saved: it may be kept, or not",
                "look again before you repeat it; with the same Idempotency-Key it is done once",
            ) from error

    async def _undo(self) -> None:
        """What broke the transaction is told, not that it could not even be rolled back: then the server does it."""
        with suppress(*AWAY):
            await self._connection.execute("ROLLBACK")


class _Lent:
    """Lends for the length of an ``async with``; a class, since this is on the way of every statement."""

    __slots__ = ("_connection", "_place", "_pool")

    def __init__(self, pool: Pool, place: Place) -> None:
        self._pool = pool
        self._place = place

    async def __aenter__(self) -> Lease:
        self._connection = await self._pool.acquire(_WAIT_SECONDS)
        return Lease(self._connection, self._place)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Our statements leave no session state behind, so giving a connection back costs no round trip; whoever was
        # interrupted may have left the server in the middle of one.
        self._pool.give(self._connection, kind is None or issubclass(kind, Exception))


class Leases:
    """The warm connections of one tenant. Role and search path come with the opening of each, so that lending one
    costs no round trip, and its prepared statements stay."""

    def __init__(self, pool: Pool, place: Place) -> None:
        self._pool = pool
        self.place = place

    @classmethod
    async def open(cls, url: str, place: Place, size: int, budget: Budget | None = None) -> Leases:
        """``budget`` is shared with the other tenants of the process; left out, this one has its own."""
        acting = {"role": place.role} if place.role else {}
        settings = {**_SETTINGS, "search_path": wall.quoted(place.schema), **acting}

        async def born() -> Connection:
            connection: Connection = await asyncpg.connect(
                url,
                timeout=_CONNECT_SECONDS,
                statement_cache_size=2000,
                max_cached_statement_lifetime=0,
                server_settings=settings,
            )
            try:
                await wall.check(connection, place)
                # Ids travel as text, as everywhere else in the engine.
                await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str, format="text")
                # The driver takes the calendar's first and last day for -infinity and infinity.
                await connection.set_type_codec(
                    "date", schema="pg_catalog", encoder=date.isoformat, decoder=date.fromisoformat, format="text"
                )
            except BaseException:
                connection.terminate()
                raise
            return connection

        made = cls(Pool(born, size, budget or Budget(size)), place)
        async with made.lend():
            return made

    def lend(self) -> _Lent:
        return _Lent(self._pool, self.place)

    async def close(self) -> None:
        await self._pool.close()
