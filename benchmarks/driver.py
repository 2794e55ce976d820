"""asyncpg against psycopg 3 on the same statements: get, list, and the LOCK + WRITE pair of a record's write.

16 connections, each driven by one task, prepared statements, JSON built by the database; psycopg sends BEGIN with
the lock and COMMIT with the write in one trip each (its pipeline), asyncpg has no pipeline and makes four trips.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import psycopg
import uvloop

from benchmarks import dataset, report
from benchmarks.handwritten.fill import fill
from benchmarks.postgres import Cluster, cluster
from benchmarks.server import postgres_cpu

CONNECTIONS = 16

RECORD = """json_build_object('id', e.id, 'rev', e.rev, 'number', e.number, 'work_date', e.work_date,
  'hours', e.hours::text, 'price', e.price::text, 'amount', e.amount::text, 'status', e.status, 'team', e.team,
  'location', e.location, 'task', e.task, 'remark', e.remark,
  'project', json_build_object('id', p.id, 'display', p.name),
  'worker', json_build_object('id', w.id, 'display', w.name))"""
JOINS = "labor_entry e JOIN project p ON p.id = e.project_id JOIN worker w ON w.id = e.worker_id"
GET = f"SELECT {RECORD}::text FROM {JOINS} WHERE e.id = $1 AND e.tenant = 'acme' AND e.deleted_at IS NULL"
LIST = f"""SELECT coalesce(json_agg(r.j), '[]')::text FROM (
  SELECT {RECORD} AS j FROM {JOINS}
  WHERE e.tenant = 'acme' AND e.project_id = $1 AND e.deleted_at IS NULL
  ORDER BY e.work_date DESC, e.id DESC LIMIT 50) r"""
LOCK = "SELECT e.rev, to_json(e)::text FROM labor_entry e WHERE e.id = $1 FOR UPDATE"
WRITE = """WITH u AS (
  UPDATE labor_entry e SET remark = $2, rev = e.rev + 1, updated_at = now() WHERE e.id = $1 RETURNING e.id, e.rev
), h AS (
  INSERT INTO history (tenant, entity, record, rev, at, by, changes)
  SELECT 'acme', 'labor_entry', u.id, u.rev, now(), 'clerk', jsonb_build_object('remark', $2::text) FROM u
), o AS (
  INSERT INTO outbox (tenant, kind, at, payload)
  SELECT 'acme', 'updated', now(), jsonb_build_object('id', u.id, 'rev', u.rev) FROM u
) SELECT u.rev FROM u"""

Read = Callable[[str, UUID], Awaitable[Any]]
Pair = Callable[[UUID, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Line:
    """One connection: how it reads one row, and how it does the pair."""

    read: Read
    pair: Pair


@dataclass(slots=True)
class Figures:
    rates: list[float] = field(default_factory=list)
    client_us: list[float] = field(default_factory=list)
    server_us: list[float] = field(default_factory=list)


async def asyncpg_line(stack: AsyncExitStack, url: str) -> Line:
    connection = await asyncpg.connect(url)
    stack.push_async_callback(connection.close)

    async def read(sql: str, key: UUID) -> Any:
        return await connection.fetch(sql, key)

    async def pair(key: UUID, remark: str) -> None:
        async with connection.transaction():
            await connection.fetch(LOCK, key)
            await connection.fetch(WRITE, key, remark)

    return Line(read, pair)


async def psycopg_line(stack: AsyncExitStack, url: str) -> Line:
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=0)
    stack.push_async_callback(connection.close)
    cursor = psycopg.AsyncRawCursor(connection)

    async def read(sql: str, key: UUID) -> Any:
        await cursor.execute(sql, (key,), prepare=True, binary=True)
        return await cursor.fetchall()

    async def pair(key: UUID, remark: str) -> None:
        async with connection.pipeline():
            await connection.execute("BEGIN")
            await cursor.execute(LOCK, (key,), prepare=True, binary=True)
            await cursor.fetchall()
            await cursor.execute(WRITE, (key, remark), prepare=True, binary=True)
            await connection.execute("COMMIT")

    return Line(read, pair)


LINES = {"asyncpg": asyncpg_line, "psycopg": psycopg_line}
WORK = ("get", "list", "lock+write")


async def measured(line_of: Any, url: str, work: str, seconds: float, postmaster: int, entries: int) -> list[float]:
    """Operations a second, and microseconds of CPU an operation in this process and in the server."""
    async with AsyncExitStack() as stack:
        lines = [await line_of(stack, url) for _ in range(CONNECTIONS)]
        done = 0
        until = 0.0

        async def drive(line: Line, at: int) -> None:
            nonlocal done
            while time.perf_counter() < until:
                at = (at * 31 + 7) % entries
                if work == "get":
                    await line.read(GET, UUID(dataset.identity(3, at)))
                elif work == "list":
                    await line.read(LIST, UUID(dataset.identity(1, at % dataset.PROJECTS)))
                else:
                    await line.pair(UUID(dataset.identity(3, at)), f"note {at}")
                done += 1

        for span in (0.3, seconds):  # the first prepares the statements
            done = 0
            until = time.perf_counter() + span
            client, server, began = time.process_time(), postgres_cpu(postmaster), time.perf_counter()
            await asyncio.gather(*(drive(line, n * 997) for n, line in enumerate(lines)))
        took = time.perf_counter() - began
        client, server = time.process_time() - client, postgres_cpu(postmaster) - server
        return [done / took, client / done * 1e6, server / done * 1e6]


def run(quick: bool, only: set[str]) -> dict[str, Any]:
    entries = 5_000 if quick else dataset.ENTRIES // 4
    rounds, seconds = (2, 0.5) if quick else (5, 3.0)
    with cluster() as pg:
        return _compare(pg, entries, rounds, seconds, only)


def _compare(pg: Cluster, entries: int, rounds: int, seconds: float, only: set[str]) -> dict[str, Any]:
    with psycopg.connect(pg.url, autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS bench_driver")
        admin.execute("CREATE DATABASE bench_driver")
    asyncio.run(fill(pg.sqlalchemy("bench_driver"), entries))
    url = pg.database("bench_driver")
    rows, ratios = [], {}
    for work in [w for w in WORK if not only or w in only]:
        figures = {name: Figures() for name in LINES}
        for _ in range(rounds):
            for name, line_of in LINES.items():
                rate, client, server = uvloop.run(measured(line_of, url, work, seconds, pg.postmaster, entries))
                figures[name].rates.append(rate)
                figures[name].client_us.append(client)
                figures[name].server_us.append(server)
        for name, found in figures.items():
            rows.append([
                work, name, f"{statistics.median(found.rates):,.0f}",
                f"{min(found.rates):,.0f}–{max(found.rates):,.0f}",
                f"{statistics.median(found.client_us):,.0f}", f"{statistics.median(found.server_us):,.0f}",
            ])  # fmt: skip
        middle, low, high = report.ratio(figures["asyncpg"].rates, figures["psycopg"].rates)
        ratios[work] = {"ratio": round(middle, 2), "low": round(low, 2), "high": round(high, 2)}
    report.table(["work", "driver", "per second", "spread", "client CPU µs", "server CPU µs"], rows)
    return {"ratios": ratios, "marks": {}, "met": True}
