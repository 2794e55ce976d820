"""PostgreSQL over asyncpg: a pool per tenant's schema, prepared statements, transactions driven by generators."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg

from engine.db.call import Body, Lost, Rows, T, Violation
from engine.plan.statement import Dialect

_ATTEMPTS = 4
_RETRIED = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
)
_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, ended by hand
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,  # the connection was found closed
)
_CONNECT_SECONDS = 10
_POOL = 16


class PostgresDatabase:
    dialect: Dialect = "postgresql"

    def __init__(self, pool: asyncpg.Pool[Any], schema: str) -> None:
        self._pool = pool
        self.schema = schema

    @classmethod
    async def open(cls, url: str, schema: str, size: int = _POOL) -> PostgresDatabase:
        try:
            first = await asyncpg.connect(url)
            try:
                await first.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            finally:
                await first.close()
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                init=_init,
                reset=_reset,
                timeout=_CONNECT_SECONDS,
                statement_cache_size=2000,
                max_cached_statement_lifetime=0,
                server_settings={
                    "search_path": schema,
                    "timezone": "UTC",
                    "jit": "off",
                    # Starting workers costs 5 ms: worth it for sums over millions of rows, never for a record's write.
                    "parallel_setup_cost": "100000",
                    # Statements are prepared once and their limits said inside; planning anew is half of a list's time.
                    "plan_cache_mode": "force_generic_plan",
                    "default_transaction_isolation": "read committed",
                },
            )
        except (OSError, asyncpg.PostgresError) as error:
            raise _lost(error) from error
        return cls(pool, schema)

    async def read(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        try:
            return await self._fetch(sql, values)
        except _RETRIED:
            return await self._fetch(sql, values)
        except _AWAY as error:
            raise _lost(error) from error

    async def _fetch(self, sql: str, values: Sequence[Any]) -> Rows:
        async with self._pool.acquire() as connection:
            rows: Rows = await connection.fetch(sql, *values)
        return rows

    async def write(self, make_body: Callable[[], Body[T]]) -> T:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    return await _drive(connection, make_body())
            except _RETRIED:
                if attempt == _ATTEMPTS:
                    raise
                await asyncio.sleep(random.uniform(0, 0.02 * attempt))
            except asyncpg.IntegrityConstraintViolationError as error:
                raise _violation(error) from error
            except _AWAY as error:
                raise _lost(error) from error
        raise AssertionError("unreachable")

    async def run_script(self, statements: Sequence[str]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            for statement in statements:
                await connection.execute(statement)

    async def close(self) -> None:
        await self._pool.close()


async def _drive(connection: Any, body: Body[T]) -> T:
    try:
        call = next(body)
        while True:
            call = body.send(await connection.fetch(call.sql, *call.values))
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        body.close()


async def _init(connection: asyncpg.Connection[Any]) -> None:
    """Ids travel as text, as everywhere else in the engine."""
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str, format="text")


async def _reset(connection: asyncpg.Connection[Any]) -> None:
    """Our statements leave no session state behind, so giving a connection back costs no round trip."""


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
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return Lost("PostgreSQL did not accept the user or password", "check the URL")
    return Lost("PostgreSQL does not answer", "check the address in the URL and that the server runs")
