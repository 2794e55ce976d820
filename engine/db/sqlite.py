"""SQLite: reads inline, one writer thread per file with group commit.

A write waits only for the thread; many waiting writes share one COMMIT (and its fsync), each inside its own
SAVEPOINT, and are answered after it. Reads run on the event loop while they are short, and are run again in a small
pool when they are not, so that one long question does not hold up the others.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.db.call import AGAIN, FROZEN, MOVING, Body, Call, Held, Lost, Rows, Stale, T, TooLarge, Violation
from engine.expr.run import sqlite_functions
from engine.plan.statement import Dialect

_INLINE_STEPS = 400_000
"""Virtual machine steps a read may take on the loop: a few milliseconds."""
_BATCH = 64
_POOL = 4


@dataclass(slots=True)
class _Job:
    make_body: Callable[[], Body[Any]]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    epoch: int = 0


class SqliteDatabase:
    dialect: Dialect = "sqlite"

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._writer = _connect(path)
            self._writer.execute("PRAGMA journal_mode=WAL")
            self._reader = _connect(path)
        except sqlite3.Error as error:
            raise _lost(path, error) from error
        self._reader.execute("PRAGMA query_only=ON")
        self._pool = ThreadPoolExecutor(_POOL, "sqlite-read")
        self._local = threading.local()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_all, name="sqlite-write", daemon=True)
        self._thread.start()

    async def read(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        try:
            self._reader.set_progress_handler(_stop, _INLINE_STEPS)
            return self._reader.execute(sql, values).fetchall()
        except _ASKED as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise _unanswerable(error) or _lost(self._path, error) from error
        finally:
            self._reader.set_progress_handler(None, 0)
        loop, left = asyncio.get_running_loop(), threading.Event()
        try:
            return await loop.run_in_executor(self._pool, self._read_in_pool, sql, values, left)
        except asyncio.CancelledError:
            left.set()
            raise

    def _read_in_pool(self, sql: str, values: Sequence[Any], left: threading.Event) -> Rows:
        """Until it is answered, or whoever asked has ``left``."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _connect(self._path)
            connection.execute("PRAGMA query_only=ON")
        connection.set_progress_handler(left.is_set, _INLINE_STEPS)
        try:
            rows: Rows = connection.execute(sql, values).fetchall()
        except _ASKED as error:
            raise _unanswerable(error) or error from error
        finally:
            connection.set_progress_handler(None, 0)
        return rows

    @asynccontextmanager
    async def moment(self) -> AsyncIterator[Still]:
        """What the file holds at the moment of the first question, for as long as it takes, while others write."""
        connection = _connect(self._path)
        try:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("BEGIN")
            yield Still(connection, self._pool)
        finally:
            connection.interrupt()
            connection.close()

    async def write(self, make_body: Callable[[], Body[T]], epoch: int = 0) -> T:
        loop = asyncio.get_running_loop()
        job = _Job(make_body, loop, loop.create_future(), epoch)
        self._jobs.put(job)
        result: T = await job.future
        return result

    async def change(self, make_body: Callable[[], Body[T]]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._change, make_body)

    def _change(self, make_body: Callable[[], Body[T]]) -> T:
        """On a connection of its own: only outside a transaction can references be left unchecked, which a table that
        is made anew needs. The body checks them."""
        connection = _connect(self._path)
        try:
            connection.execute("PRAGMA foreign_keys=OFF")
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise Held from error
            try:
                result = self._drive(make_body(), connection)
                try:
                    connection.execute("COMMIT")
                except sqlite3.Error as error:
                    raise _lost(self._path, error) from error
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            return result
        finally:
            connection.close()

    async def outside(self, sql: str) -> None:
        await self.run_script([sql])

    async def run_script(self, statements: Sequence[str]) -> None:
        def body() -> Body[None]:
            for statement in statements:
                yield Call(statement)

        await self.write(body)

    async def close(self) -> None:
        self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
        self._pool.shutdown()
        self._reader.close()
        self._writer.close()

    def _write_all(self) -> None:
        while (job := self._jobs.get()) is not None:
            batch = [job]
            last = False
            while len(batch) < _BATCH:
                try:
                    more = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                    break
                batch.append(more)
            self._write_batch(batch)
            if last:
                return

    def _write_batch(self, batch: list[_Job]) -> None:
        outcomes = self._commit(batch)
        if outcomes is None:
            outcomes = [(self._commit([job], alone=True) or [(False, _NOT_TAKEN)])[0] for job in batch]
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Job, tuple[bool, Any]]]] = {}
        for job, outcome in zip(batch, outcomes, strict=True):
            by_loop.setdefault(job.loop, []).append((job, outcome))
        for loop, settled in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, settled)

    def _commit(self, batch: list[_Job], alone: bool = False) -> list[tuple[bool, Any]] | None:
        """The outcome of each job after COMMIT; None when the COMMIT itself failed and nothing is kept: then each is
        tried ``alone``, and told why."""
        run = self._writer.execute
        try:
            run("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            return [(False, _lost(self._path, error))] * len(batch)
        outcomes: list[tuple[bool, Any]] = []
        for job in batch:
            run("SAVEPOINT job")
            try:
                if job.epoch:
                    self._require(job.epoch)
                outcomes.append((True, self._drive(job.make_body(), self._writer)))
            except BaseException as error:  # the waiting caller gets it, whatever it is
                if not self._writer.in_transaction:
                    return [(False, _lost(self._path, error))] * len(batch)
                run("ROLLBACK TO job")
                outcomes.append((False, error))
            run("RELEASE job")
        try:
            run("COMMIT")
        except sqlite3.Error as error:
            if self._writer.in_transaction:
                run("ROLLBACK")
            why = _lost(self._path, error)
            return [(False, why if isinstance(why, Lost) else _NOT_TAKEN)] if alone else None
        return outcomes

    def _require(self, epoch: int) -> None:
        """BEGIN IMMEDIATE has shut out whoever would change it."""
        if self._writer.execute("SELECT epoch FROM _epoch").fetchone() != (epoch,):
            raise Stale

    def _drive(self, body: Body[T], connection: sqlite3.Connection) -> T:
        try:
            call = next(body)
            while True:
                try:
                    rows = connection.execute(call.sql, call.values).fetchall()
                except sqlite3.IntegrityError as error:
                    if error.sqlite_errorname == "SQLITE_CONSTRAINT_TRIGGER" and str(error) == FROZEN:
                        raise Lost(MOVING, AGAIN) from error
                    call = body.throw(_violation(error))
                    continue
                except sqlite3.Error as error:
                    raise _unanswerable(error) or _lost(self._path, error, call.sql) from error
                call = body.send(rows)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            body.close()


@dataclass(frozen=True, slots=True)
class Still:
    """One moment of a file; questions are asked one after the other."""

    connection: sqlite3.Connection
    pool: ThreadPoolExecutor

    async def read(self, sql: str) -> Rows:
        rows: Rows = await self._apart(lambda: self.connection.execute(sql).fetchall())
        return rows

    async def pages(self, sql: str, count: Callable[[], int]) -> AsyncIterator[Rows]:
        """``count``: how many rows the next one has."""
        cursor = await self._apart(lambda: self.connection.execute(sql))
        while rows := await self._apart(lambda: cursor.fetchmany(count())):
            yield rows

    async def _apart(self, what: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, what)


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=1024, timeout=10
    )
    for pragma in ("foreign_keys=ON", "recursive_triggers=ON", "synchronous=FULL", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")
    if sys.version_info >= (3, 12):  # else a column that is not there any more is read as a text
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DQS_DML, False)
    sqlite_functions.register(connection)
    return connection


def _stop() -> int:
    return 1


def _settle(settled: list[tuple[_Job, tuple[bool, Any]]]) -> None:
    for job, (kept, outcome) in settled:
        if job.future.done():
            continue
        if kept:
            job.future.set_result(outcome)
        else:
            job.future.set_exception(outcome)


_KINDS = {
    "SQLITE_CONSTRAINT_UNIQUE": "unique",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "unique",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "foreign",
    "SQLITE_CONSTRAINT_CHECK": "check",
    "SQLITE_CONSTRAINT_NOTNULL": "notnull",
}


def _violation(error: sqlite3.IntegrityError) -> Violation:
    kind: Any = _KINDS.get(error.sqlite_errorname, "check")
    detail = str(error).partition(": ")[2]
    if kind in ("unique", "notnull") and "." in detail:
        pairs = [part.strip().partition(".") for part in detail.split(",")]
        return Violation(kind, table=pairs[0][0], columns=[column for _, _, column in pairs])
    return Violation(kind, name=detail.removeprefix("index '").removesuffix("'"))


_NOT_TAKEN = Lost("the database did not take the write")
_LOST = (
    ("readonly", "{0} is read-only", "check the file's and its folder's permissions"),
    ("unable to open", "{0} cannot be opened", "check that its folder exists and may be written"),
    ("not a database", "{0} is not a database", "name another file, or restore it from a backup"),
    ("malformed", "{0} is damaged", "restore it from a backup"),
    ("full", "the disk is full", "free some space; nothing was written"),
    ("disk I/O", "{0} cannot be written", "see whether its disk works and has space; nothing was written"),
    ("locked", "{0} is held by another process", "try again in a moment"),
    ("busy", "{0} is held by another process", "try again in a moment"),
)


_ASKED = (sqlite3.OperationalError, sqlite3.DataError)
"""What the database itself says of a question; the others are the driver's, and have no code."""
_LARGE = ("parser stack overflow", "Expression tree is too large", "at most 64 tables", "too many ", "too big")


def _unanswerable(error: sqlite3.Error) -> BaseException | None:
    """What a statement runs into that was made for another revision, or that nobody can answer."""
    text = str(error)
    if text.startswith(("no such table", "no such column")):
        return Stale(text)
    return TooLarge(text) if any(word in text for word in _LARGE) else None


def _lost(path: str, error: BaseException, sql: str = "") -> BaseException:
    if not isinstance(error, sqlite3.DatabaseError):
        return error
    text = str(error)
    for word, says, hint in _LOST:
        if word in text:
            return Lost(says.format(Path(path).name), hint)
    return RuntimeError(f"{text} in: {sql}") if sql else error
