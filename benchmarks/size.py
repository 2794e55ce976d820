"""Cost against size: a list, a create and a dashboard of ours, as entries grow; all sizes are asked in turns."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import dataset, load, report
from benchmarks.postgres import Cluster, cluster
from benchmarks.records import OURS, Found, Side, one_round, python
from benchmarks.server import free_port, postgres_cpu, server

FULL = (10_000, 50_000, 100_000, 1_000_000, 5_000_000)
QUICK = (2_000, 10_000, 40_000)
BASE = {True: 2_000, False: 10_000}
"""So many entries are made by Python; the others are copies of them."""
MARKS = {"dashboard": 1.3}
"""How much longer at the largest size than at the second smallest, with the same groups."""
OPERATIONS = ("list", "create", "dashboard")


@dataclass(slots=True)
class At:
    """A size, and what was measured of it, by operation."""

    entries: int
    side: Side
    found: dict[str, Found] = field(default_factory=lambda: {name: Found() for name in OPERATIONS})


def asking(secret: str) -> Callable[[str, int, int], list[str]]:
    headers = {"Authorization": f"Bearer {secret}"}

    def requests(operation: str, _start: int, _count: int) -> list[str]:
        mine = dataset.clerks_projects()
        if operation == "list":
            query = "status=approved&sort=-work_date&limit=50"
            return [load.request("GET", f"{OURS}?project={p}&{query}", headers) for p in mine]
        if operation == "create":
            return [load.request("POST", OURS, headers, body) for body in dataset.bodies(2_000, mine)]
        return [load.request("GET", "/d/bench/overview", {"Cookie": f"dougong={secret}"})]

    return requests


@contextmanager
def grown(folder: Path, pg: Cluster | None, entries: int, base: int) -> Iterator[At]:
    name = f"size_{entries}"
    if pg is None:
        url = f"sqlite:///{folder}/{name}.db"
    else:
        with psycopg.connect(pg.url, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {name}")  # type: ignore[call-overload]
            admin.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        url = pg.database(name)
    tokens = json.loads(python("benchmarks.ours", url, str(base), str(entries // base)))
    port = free_port()
    command = ["engine.cli", "serve", "benchmarks/pack", "--database", url, "--port", str(port)]
    with server([sys.executable, "-m", *command], port, "/health", {}) as running:

        def database_cpu() -> float:
            return postgres_cpu(pg.postmaster) if pg is not None and pg.postmaster else 0.0

        yield At(entries, Side(f"{entries:,}", running, asking(tokens[dataset.ADMINISTRATOR]), database_cpu))


def compare(database: str, sizes: tuple[int, ...], base: int, rounds: int, seconds: float) -> list[At]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dougong-size-")))
        pg = stack.enter_context(cluster()) if database == "postgresql" else None
        measured = []
        for entries in sizes:
            report.say(f"{database}: {entries:,} entries")
            measured.append(stack.enter_context(grown(folder, pg, entries, base)))
        for operation in OPERATIONS:
            for at in measured:
                one_round(at.side, operation, 0, 0.5, Found())
            for n in range(rounds):
                for at in measured:
                    one_round(at.side, operation, n, seconds, at.found[operation])
        return measured


def run(quick: bool, only: set[str]) -> dict[str, Any]:
    """``only`` may name databases (postgresql, sqlite)."""
    sizes, rounds, seconds = (QUICK, 2, 0.5) if quick else (FULL, 5, 2.0)
    ratios: dict[str, dict[str, float]] = {}
    for database in [d for d in ("postgresql", "sqlite") if d in only] or ["postgresql", "sqlite"]:
        measured = compare(database, sizes, BASE[quick], rounds, seconds)
        lines = []
        for operation in OPERATIONS:
            for at in measured:
                found = at.found[operation]
                slower, low, high = report.ratio(found.p50, measured[1].found[operation].p50)
                cpu = statistics.median(a + d for a, d in zip(found.app_us, found.database_us, strict=True))
                told = [f"{statistics.median(found.p50):.1f}", f"{cpu:,.0f}", f"{slower:.2f}× ({low:.2f}–{high:.2f})"]
                lines.append([f"{database} {operation}", f"{at.entries:,}", *told])
            last = measured[-1].found[operation]
            middle, low, high = report.ratio(last.p50, measured[1].found[operation].p50)
            ratios[f"{database}.{operation}"] = {
                "latency": round(middle, 2), "low": round(low, 2), "high": round(high, 2),
            }  # fmt: skip
        report.table(["what", "entries", "p50 ms, 16 connections", "CPU µs", f"to {sizes[1]:,}"], lines)
    met = all(r["latency"] <= MARKS.get(name.split(".")[1], r["latency"]) for name, r in ratios.items())
    return {"ratios": ratios, "marks": MARKS, "met": met}
