"""PostgreSQL over asyncpg: leases of one tenant, prepared statements, transactions driven by generators."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg

from engine.db import wall
from engine.db.call import AGAIN, MOVING, Body, Held, Lost, Rows, Stale, T, TooLarge, Violation
from engine.db.lease import AWAY, Lease, Leases, Unbegun
from engine.db.pool import Budget
from engine.db.wall import Place
from engine.plan.statement import Dialect

_ATTEMPTS = 4
_RETRIED = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.LockNotAvailableError,
)
_CLOSED = (
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.ConnectionFailureError,
    asyncpg.InterfaceError,  # the connection was found closed
    asyncpg.AdminShutdownError,
    ConnectionResetError,
    BrokenPipeError,
)
"""This connection is gone; a new one may well do."""
_POOL = 16
_CHANGED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError)
"""What a statement made for another revision runs into."""
_LOCK = "hashtextextended(current_schema(), 4711)"
_FENCE = "EXECUTE fence_lock; EXECUTE fence_epoch({})"
_FENCE_MADE = (
    "PREPARE fence_epoch(bigint) AS SELECT 1 / (epoch = $1)::int FROM _epoch;"  # fails where nothing is installed
    f" PREPARE fence_lock AS SELECT pg_advisory_xact_lock_shared({_LOCK})"
)
"""Many may write at once; whoever changes the tenant waits for them, and they for him. Then the epoch is read, in a
statement of its own: it must not see what was before the wait. Both are planned once for each connection."""
_TRIES = 40
_WAIT_MS = 250


class PostgresDatabase:
    dialect: Dialect = "postgresql"

    def __init__(self, leases: Leases) -> None:
        self._leases = leases

    @property
    def place(self) -> Place:
        return self._leases.place

    @classmethod
    async def open(
        cls, url: str, schema: str, walled: bool = True, size: int = _POOL, budget: Budget | None = None
    ) -> PostgresDatabase:
        """``walled``: the schema belongs to a role of its own, which is made when it is missing."""
        try:
            first = await asyncpg.connect(url)
            try:
                place = Place(schema)
                if walled:
                    place = await wall.raised(first, schema)
                else:
                    await first.execute(f"CREATE SCHEMA IF NOT EXISTS {wall.quoted(schema)}")
            finally:
                await first.close()
            return cls(await Leases.open(url, place, size, budget))
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
            raise _lost(error) from error

    @staticmethod
    async def has(url: str, schema: str) -> bool:
        try:
            first = await asyncpg.connect(url)
            try:
                found = await first.fetchval("SELECT true FROM pg_namespace WHERE nspname = $1", schema)
            finally:
                await first.close()
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
            raise _lost(error) from error
        return bool(found)

    @staticmethod
    async def raze(url: str, schema: str, walled: bool) -> None:
        try:
            first = await asyncpg.connect(url)
            try:
                await wall.razed(first, schema, walled)
            finally:
                await first.close()
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
            raise _lost(error) from error

    async def read(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """Asked again once when that may help: on a connection the server has closed meanwhile, nothing was read."""
        for attempt in (1, 2):
            try:
                async with self._leases.lend() as lease:
                    return await lease.fetch(sql, *values)
            except _RETRIED:
                if attempt == 2:
                    raise
            except _CHANGED as error:
                raise Stale(str(error)) from error
            except asyncpg.ProgramLimitExceededError as error:
                raise TooLarge(str(error)) from error
            except _CLOSED as error:
                if attempt == 2:
                    raise _lost(error) from error
            except AWAY as error:
                raise _lost(error) from error
        raise AssertionError("unreachable")

    async def write(self, make_body: Callable[[], Body[T]], epoch: int = 0) -> T:
        """Run again while nothing can have been kept; a COMMIT that got no answer is ``Unsettled``."""
        first = _FENCE.format(epoch) if epoch else ""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self._leases.lend() as lease, lease.transaction(first, _FENCE_MADE):
                    return await _drive(lease, make_body())
            except Unbegun as error:
                raise Stale from error
            except _CHANGED as error:
                raise Stale(str(error)) from error
            except _RETRIED:
                if attempt == _ATTEMPTS:
                    raise
                await asyncio.sleep(random.uniform(0, 0.02 * attempt))
            except asyncpg.IntegrityConstraintViolationError as error:
                raise _violation(error) from error
            except _CLOSED as error:
                if attempt > 1:
                    raise _lost(error) from error
            except AWAY as error:
                raise _lost(error) from error
        raise AssertionError("unreachable")

    async def change(self, make_body: Callable[[], Body[T]]) -> T:
        """Waits a quarter of a second for its locks, then lets those who wait behind it pass, and tries again."""
        first = f"SET LOCAL lock_timeout = '{_WAIT_MS}ms'; SELECT pg_advisory_xact_lock({_LOCK})"
        for attempt in range(_TRIES):
            try:
                async with self._leases.lend() as lease, lease.transaction(first):
                    return await _drive(lease, make_body())
            except (Unbegun, asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
                if attempt == _TRIES - 1:
                    raise Held from error
                await asyncio.sleep(random.uniform(0.05, 0.3))
            except asyncpg.IntegrityConstraintViolationError as error:
                raise _violation(error) from error
            except AWAY as error:
                raise _lost(error) from error
        raise AssertionError("unreachable")

    async def outside(self, sql: str) -> None:
        try:
            async with self._leases.lend() as lease:
                await lease.execute(sql)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise _violation(error) from error

    async def run_script(self, statements: Sequence[str]) -> None:
        async with self._leases.lend() as lease, lease.transaction():
            for statement in statements:
                await lease.execute(statement)

    def lend(self) -> AbstractAsyncContextManager[Lease]:
        """For what is no statement: see ``carrying``."""
        return self._leases.lend()

    async def close(self) -> None:
        await self._leases.close()


async def _drive(lease: Lease, body: Body[T]) -> T:
    try:
        call = next(body)
        while True:
            try:
                found = await lease.fetch(call.sql, *call.values)
            except asyncpg.IntegrityConstraintViolationError as error:
                call = body.throw(_violation(error))  # who set a savepoint may go back to it
            else:
                call = body.send(found)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        body.close()


_KINDS: tuple[tuple[type[asyncpg.PostgresError], Any], ...] = (
    (asyncpg.UniqueViolationError, "unique"),
    (asyncpg.ForeignKeyViolationError, "foreign"),
    (asyncpg.NotNullViolationError, "notnull"),
    (asyncpg.CheckViolationError, "check"),
)


def _violation(error: asyncpg.IntegrityConstraintViolationError) -> Violation:
    kind: Any = next((name for cls, name in _KINDS if isinstance(error, cls)), "check")
    columns = (error.column_name,) if error.column_name else ()
    return Violation(kind, error.constraint_name or "", error.table_name or "", columns)


def _lost(error: BaseException) -> Lost:
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return Lost("the PostgreSQL database of that name does not exist", "create it, or check the name in the URL")
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return Lost(f"PostgreSQL does not allow this: {error}", "see docs/security.md, The second wall")
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return Lost("PostgreSQL did not accept the user or password", "check the URL")
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError) and "being moved" in str(error):
        return Lost(MOVING, AGAIN)
    if isinstance(error, asyncpg.DiskFullError):
        return Lost("PostgreSQL's disk is full", "free some space; nothing was written")
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return Lost("PostgreSQL has no connection left", "allow more (max_connections), or run fewer server processes")
    return Lost("PostgreSQL does not answer", "check the address in the URL and that the server runs")
