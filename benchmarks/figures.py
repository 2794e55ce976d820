"""Kept sums: figures against the hand-written application's, at growing sizes, and what writers pay for them.

``grouped``: sums by project as the clerk sees them, over 200,000 entries, through both servers.
``sizes``: a figure of ours with rollup and without, as entries grow.
``inserts``: one writer; none, one or five rollups.
``writers``: sixteen at once on PostgreSQL, all in one group, or each in one of its own.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import dataset, ours, records, report
from benchmarks.postgres import Cluster, cluster
from engine.db import rollups
from engine.plan.question import FigureQuestion
from engine.serve import Op, apply_document
from engine.serve.document.decode import Rules, document
from engine.serve.tenant.bind import ENGINE, call
from engine.serve.tenant.ids import uuid7
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.parsing import parse_json
from engine.studio.tenant.opening import opened

MARKS = {"grouped": 50.0, "inserts": 0.7, "writers": 0.9}
KEPT = "    rollups:\n      monthly: [project, month]\n"
FIVE = """    rollups:
      monthly: [project, month]
      projects: [project]
      months: [month]
      shifts: [project, shift]
      all: [project, month, shift]
"""
ENTITY = "bench.labor_entry"


def pack(folder: Path, kept: str) -> Path:
    """The benchmark's pack with other rollups."""
    text = (ours.PACK / "module.yaml").read_text(encoding="utf-8")
    assert KEPT in text
    by = "by: {project: project, month"
    text = text.replace(KEPT, kept).replace(by, by.replace("{", "{shift: shift, "))
    made = Path(tempfile.mkdtemp(dir=folder)) / "pack"
    made.mkdir()
    (made / "module.yaml").write_text(text, encoding="utf-8")
    return made


@asynccontextmanager
async def filled(folder: Path, kept: str, url: str, entries: int) -> AsyncIterator[Tenant]:
    async with opened(pack(folder, kept), url, make=True) as made:
        tenant = made.tenant
        await asyncio.to_thread(ours.fill_tables, url, tenant.database.dialect, tenant.app.tables, entries)
        for log in tenant.app.logs:
            await rollups.fill(tenant.database, log)
        yield tenant


def urls(folder: Path, pg: Cluster | None) -> Iterator[str]:
    for n in count():
        if pg is None:
            yield f"sqlite:///{folder}/figures{n}.db"
        else:
            with psycopg.connect(pg.url, autocommit=True) as admin:
                admin.execute(f"DROP DATABASE IF EXISTS figures{n}")  # type: ignore[call-overload]
                admin.execute(f"CREATE DATABASE figures{n}")  # type: ignore[call-overload]
            yield pg.database(f"figures{n}")


async def asked(tenant: Tenant, times: int, kept: bool) -> float:
    """Milliseconds of the statement that answers a figure, the median."""
    measures = (("entries", "entries"), ("hours", "hours"), ("amount", "amount"))
    question = FigureQuestion("bench.labor", by=(("project", "project"),), measures=measures)
    made = tenant.asker.figures(tenant.app, replace(question, kept=tenant.sums if kept else frozenset()))
    assert made.served == ("rollup" if kept else "grouped")
    found = call(made.statement, tenant.moment(), {})
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        await tenant.database.read(found.sql, found.values)
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


async def insert(tenant: Tenant, bodies: Iterator[dict[str, object]], seconds: float) -> int:
    """Entries made one after the other, each a transaction with its history and event."""
    plan, rules = tenant.app.entities[ENTITY], Rules(trusted=True)
    until, made = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        body = {**next(bodies), "number": uuid7()}
        change = document(tenant.app, plan, parse_json(json.dumps(body).encode()), True, rules)
        await apply_document(tenant, ENGINE, Op("create", ENTITY, change=change, rules=rules))
        made += 1
    return made


def endless(projects: list[str]) -> Iterator[dict[str, object]]:
    while True:
        yield from dataset.bodies(2_000, projects)


async def inserts(folder: Path, next_url: Callable[[], str], rounds: int, seconds: float) -> dict[int, list[float]]:
    rates: dict[int, list[float]] = {0: [], 1: [], 5: []}
    texts = {0: "", 1: KEPT, 5: FIVE}
    async with (
        filled(folder, texts[0], next_url(), 2_000) as none,
        filled(folder, texts[1], next_url(), 2_000) as one,
        filled(folder, texts[5], next_url(), 2_000) as five,
    ):
        bodies = endless(dataset.clerks_projects())
        for tenant in (none, one, five):
            await insert(tenant, bodies, 0.3)
        for _ in range(rounds):
            for n, tenant in ((0, none), (1, one), (5, five)):
                rates[n].append(await insert(tenant, bodies, seconds) / seconds)
                await rollups.fold_all(tenant.database, tenant.app.logs)
        for tenant in (one, five):
            assert not any((await rollups.verify(tenant.database, tenant.app.logs)).values())
    return rates


async def writers(folder: Path, url: str, rounds: int, seconds: float) -> tuple[list[float], list[float], int]:
    """(rates in one group, rates in separate ones, deadlocks); folding goes on meanwhile, as in a server."""
    projects = [p.id for p in dataset.projects()]
    together: list[float] = []
    apart: list[float] = []
    async with filled(folder, KEPT, url, 2_000) as tenant:

        async def folding() -> None:
            while True:
                await asyncio.sleep(0.5)
                await rollups.fold_all(tenant.database, tenant.app.logs)

        async def sixteen(of: Callable[[int], list[str]]) -> float:
            found = await asyncio.gather(*(insert(tenant, endless(of(n)), seconds) for n in range(16)))
            return sum(found) / seconds

        folder_ = asyncio.create_task(folding())
        await sixteen(lambda n: [projects[n]])
        for _ in range(rounds):
            together.append(await sixteen(lambda _: projects[:1]))
            apart.append(await sixteen(lambda n: [projects[n]]))
        folder_.cancel()
        assert not any((await rollups.verify(tenant.database, tenant.app.logs)).values())
        rows = await tenant.database.read("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return together, apart, int(rows[0][0])


def run(quick: bool, only: set[str]) -> dict[str, Any]:
    """``only`` may name databases (postgresql, sqlite) and parts."""
    sizes = records.QUICK if quick else records.FULL
    growing = (2_000, 20_000) if quick else (20_000, 200_000, 1_000_000)
    rounds, seconds = (2, 0.5) if quick else (5, 3.0)
    parts = [p for p in ("grouped", "sizes", "inserts", "writers") if p in only] or [*MARKS, "sizes"]
    ratios: dict[str, dict[str, float]] = {}
    for database in [d for d in ("postgresql", "sqlite") if d in only] or ["postgresql", "sqlite"]:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dougong-figures-")))
            pg = stack.enter_context(cluster()) if database == "postgresql" else None
            next_url = urls(folder, pg).__next__
            if "grouped" in parts:
                lines, found = records.compare(database, sizes, pg, {"aggregate"})
                report.table(records.HEAD, lines)
                ratios[f"{database}.grouped"] = found[f"{database}.aggregate"]
            if "sizes" in parts:
                _sizes(folder, database, next_url, growing)
            if "inserts" in parts:
                rates = asyncio.run(inserts(folder, next_url, rounds, seconds))
                _inserts(database, rates)
                ratios[f"{database}.inserts"] = _told(rates[5], rates[0])
            if "writers" in parts and pg is not None:
                together, apart, deadlocks = asyncio.run(writers(folder, next_url(), rounds, seconds))
                ratios["postgresql.writers"] = {**_told(together, apart), "deadlocks": deadlocks}
                said = [f"{statistics.median(r):,.0f}" for r in (together, apart)]
                head = ["16 writers", "one group", "separate", "deadlocks"]
                report.table(head, [["creates/s", *said, str(deadlocks)]])
    report.table(
        ["what", "ratio", "spread", "mark"],
        [
            [name, f"{r['rate']:.2f}×", f"{r['low']:.2f}–{r['high']:.2f}", f"≥ {MARKS[name.split('.')[1]]}×"]
            for name, r in ratios.items()
        ],
    )
    met = all(r["rate"] >= MARKS[name.split(".")[1]] and not r.get("deadlocks") for name, r in ratios.items())
    return {"ratios": ratios, "marks": MARKS, "met": met}


def _sizes(folder: Path, database: str, next_url: Callable[[], str], growing: tuple[int, ...]) -> None:
    async def at(entries: int) -> list[str]:
        async with filled(folder, KEPT, next_url(), entries) as tenant:
            kept, grouped = await asked(tenant, 50, True), await asked(tenant, 5, False)
        return [f"{database} {entries:,} entries", f"{kept:.2f}", f"{grouped:.1f}", f"{grouped / kept:.0f}×"]

    report.table(
        ["sums by project, ms", "kept", "grouped", "faster"], [asyncio.run(at(entries)) for entries in growing]
    )


def _inserts(database: str, rates: dict[int, list[float]]) -> None:
    said = [f"{statistics.median(r):,.0f} ({min(r):,.0f}–{max(r):,.0f})" for r in rates.values()]
    report.table(["creates/s, one writer", "no rollup", "one", "five"], [[database, *said]])


def _told(ours_: list[float], theirs: list[float]) -> dict[str, float]:
    middle, low, high = report.ratio(ours_, theirs)
    return {"rate": round(middle, 2), "low": round(low, 2), "high": round(high, 2)}
