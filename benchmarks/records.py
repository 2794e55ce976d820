"""Our records API against the hand-written one: the same rows, the same questions, one worker each, interleaved.

Both answer as the clerk, who sees half of the projects. A write makes history, an event, an audit row and what the
sums of its project and month change by (ours: a rollup's log) in the record's transaction on both sides, durably
(SQLite with synchronous=FULL on both). ``scope`` and ``limit`` ask ours alone: see ``scopes`` and ``limits``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import dataset, load, report
from benchmarks.handwritten.app import token
from benchmarks.handwritten.fill import TENANT
from benchmarks.postgres import Cluster, cluster
from benchmarks.server import Running, free_port, postgres_cpu, server

MARKS = {
    "postgresql": {"get": 7.0, "list": 5.0, "create": 3.0, "update": 3.0, "aggregate": 50.0},
    "sqlite": {"get": 10.0, "list": 6.0, "create": 6.0, "update": 6.0, "aggregate": 50.0},
}
CPU_MARKS = {"postgresql": {"get": 6.0, "list": 4.0, "create": 4.0}}
"""How much less CPU, application and database together."""
SCOPE_MARK = 1.3
"""How much longer the restricted may wait than the administrator."""
HEAD = ("what", "side", "per second", "spread", "p50 ms", "p99 ms", "app CPU µs", "database CPU µs")
OURS = "/api/v1/bench/labor_entry"
THEIRS = "/labor-entries"
MOST_A_SECOND = 6_000
"""More updates of different records than one round can make."""


@dataclass(frozen=True, slots=True)
class Sizes:
    entries: int
    rounds: int
    seconds: float


FULL = Sizes(dataset.ENTRIES, 5, 4.0)
QUICK = Sizes(dataset.QUICK_ENTRIES, 2, 1.0)


@dataclass(frozen=True, slots=True)
class Side:
    """A server, and how it is asked: ``requests`` makes the requests of an operation, from a number on."""

    name: str
    running: Running
    requests: Callable[[str, int, int], list[str]]
    database_cpu: Callable[[], float]
    database: str = ""
    """Its URL."""


@dataclass(slots=True)
class Found:
    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    app_us: list[float] = field(default_factory=list)
    database_us: list[float] = field(default_factory=list)


def visible(count: int) -> list[str]:
    mine = set(dataset.clerks_projects())
    return [e.id for e in dataset.entries(count) if e.project in mine]


def theirs(ids: list[str]) -> Callable[[str, int, int], list[str]]:
    headers = {"Authorization": f"Bearer {token(dataset.CLERK, TENANT)}"}

    def requests(operation: str, start: int, count: int) -> list[str]:
        some = [ids[n % len(ids)] for n in range(start, start + count)]
        match operation:
            case "get":
                return [load.request("GET", f"{THEIRS}/{i}", headers) for i in some]
            case "list":
                asked = [f"{THEIRS}?project={p}&status=approved&limit=50" for p in dataset.clerks_projects()]
                return [load.request("GET", path, headers) for path in asked]
            case "create":
                bodies = dataset.bodies(2_000, dataset.clerks_projects())
                return [load.request("POST", THEIRS, headers, b) for b in bodies]
            case "update":
                return [load.request("PATCH", f"{THEIRS}/{i}", headers, {"remark": f"r{start}"}) for i in some]
            case _:
                return [load.request("GET", f"{THEIRS}/sums", headers)]

    return requests


def ours(ids: list[str], secret: str) -> Callable[[str, int, int], list[str]]:
    headers = {"Authorization": f"Bearer {secret}"}

    def requests(operation: str, start: int, count: int) -> list[str]:
        some = [ids[n % len(ids)] for n in range(start, start + count)]
        match operation:
            case "get":
                return [load.request("GET", f"{OURS}/{i}", headers) for i in some]
            case "list":
                asked = [f"{OURS}?project={p}&status=approved&sort=-work_date&limit=50"
                         for p in dataset.clerks_projects()]  # fmt: skip
                return [load.request("GET", path, headers) for path in asked]
            case "create":
                bodies = dataset.bodies(2_000, dataset.clerks_projects())
                return [load.request("POST", OURS, headers, b) for b in bodies]
            case "update":
                first = headers | {"If-Match": '"1"'}
                return [load.request("PATCH", f"{OURS}/{i}", first, {"remark": f"r{start}"}) for i in some]
            case _:
                asked_for = "by=project&measures=entries:COUNT(id),hours:SUM(hours),amount:SUM(amount)"
                return [load.request("GET", f"{OURS}/aggregate?{asked_for}", headers)]

    return requests


OPERATIONS = ("get", "list", "create", "update", "aggregate")
PARTS = (*OPERATIONS, "scope", "limit")


def python(module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode:
        raise SystemExit(f"{module} failed:\n{done.stderr[-3_000:]}")
    return done.stdout


@contextmanager
def sides(
    database: str, sizes: Sizes, pg: Cluster | None, ids: list[str]
) -> Iterator[tuple[tuple[Side, Side], Mapping[str, str]]]:
    """Both servers, running on filled databases of one kind; the tokens of our people."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dougong-bench-")))
        if pg is None:
            their_url, our_url = f"sqlite+aiosqlite:///{folder}/theirs.db", f"sqlite:///{folder}/ours.db"
        else:
            with psycopg.connect(pg.url, autocommit=True) as admin:
                for name in ("bench_theirs", "bench_ours"):
                    admin.execute(f"DROP DATABASE IF EXISTS {name}")  # type: ignore[call-overload]
                    admin.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
            their_url, our_url = pg.sqlalchemy("bench_theirs"), pg.database("bench_ours")
        report.say(f"{database}: filling two databases with {sizes.entries:,} entries each")
        python("benchmarks.handwritten.fill", their_url, str(sizes.entries))
        tokens = json.loads(python("benchmarks.ours", our_url, str(sizes.entries)))

        their_port, our_port = free_port(), free_port()
        uvicorn = ["uvicorn", "--factory", "benchmarks.handwritten.app:create", "--port", str(their_port)]
        quiet = ["--log-level", "warning", "--no-access-log", "--loop", "uvloop", "--http", "httptools"]
        their_server = stack.enter_context(
            server([sys.executable, "-m", *uvicorn, *quiet], their_port, "/health", {"HANDWRITTEN_URL": their_url})
        )
        command = ["engine.cli", "serve", "benchmarks/pack", "--database", our_url, "--port", str(our_port)]
        our_server = stack.enter_context(server([sys.executable, "-m", *command], our_port, "/health", {}))

        def database_cpu() -> float:
            return postgres_cpu(pg.postmaster) if pg is not None and pg.postmaster else 0.0

        hand_written = Side("hand-written", their_server, theirs(ids), database_cpu)
        yield (hand_written, Side("ours", our_server, ours(ids, tokens[dataset.CLERK]), database_cpu, our_url)), tokens


def one_round(side: Side, operation: str, start: int, seconds: float, found: Found) -> int:
    """Measures once; gives how many requests were answered."""
    count = int(seconds * MOST_A_SECOND) if operation == "update" else 2_000
    requests = side.requests(operation, start, count)
    app, database = side.running.cpu(), side.database_cpu()
    result = load.measure(side.running.port, requests, seconds, start=0 if operation == "update" else start)
    app, database = side.running.cpu() - app, side.database_cpu() - database
    if result.failed or not result.requests:
        raise SystemExit(f"{side.name} failed at {operation}: {result.statuses} {result.sample[:800]}")
    found.rates.append(result.rate)
    found.p50.append(result.p50_ms)
    found.p99.append(result.p99_ms)
    found.app_us.append(app / result.requests * 1e6)
    found.database_us.append(database / result.requests * 1e6)
    return result.requests


def compare(
    database: str, sizes: Sizes, pg: Cluster | None, only: set[str]
) -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    lines: list[list[str]] = []
    ratios: dict[str, dict[str, float]] = {}
    ids = visible(sizes.entries)
    with sides(database, sizes, pg, ids) as (both, tokens):
        if "scope" in only or not only & set(PARTS):
            from benchmarks import scopes  # noqa: PLC0415  (it is made of what stands here)

            more, ratios = scopes.compare(database, sizes, both[1], tokens)
            report.table(scopes.HEAD, more)
        if "limit" in only or not only & set(PARTS):
            from benchmarks import limits  # noqa: PLC0415  (the same)

            more, near = limits.compare(database, sizes, both[1], both[1].database, ids)
            report.table(limits.HEAD, more)
            ratios |= near
        for operation in [o for o in OPERATIONS if not only & set(PARTS) or o in only]:
            found = {side.name: Found() for side in both}
            done = {side.name: 0 for side in both}
            for side in both:  # warms caches and prepared statements
                warm = one_round(side, operation, 0, min(1.0, sizes.seconds), Found())
                done[side.name] += warm + 16
            for _ in range(sizes.rounds):
                for side in both:
                    answered = one_round(side, operation, done[side.name], sizes.seconds, found[side.name])
                    done[side.name] += answered + 16  # one may be on its way on each connection at the end
            for name, f in found.items():
                lines.append([
                    f"{database} {operation}", name, f"{statistics.median(f.rates):,.0f}",
                    f"{min(f.rates):,.0f}–{max(f.rates):,.0f}", f"{statistics.median(f.p50):.1f}",
                    f"{statistics.median(f.p99):.1f}", f"{statistics.median(f.app_us):,.0f}",
                    f"{statistics.median(f.database_us):,.0f}",
                ])  # fmt: skip
            mine, other = found["ours"], found["hand-written"]
            middle, low, high = report.ratio(mine.rates, other.rates)
            cpu = statistics.median(
                (a + b) / (c + d)
                for a, b, c, d in zip(other.app_us, other.database_us, mine.app_us, mine.database_us, strict=True)
            )
            ratios[f"{database}.{operation}"] = {
                "rate": round(middle, 2), "low": round(low, 2), "high": round(high, 2), "cpu": round(cpu, 2),
            }  # fmt: skip
    return lines, ratios


def run(quick: bool, only: set[str]) -> dict[str, Any]:
    """``only`` may name databases (postgresql, sqlite) and parts."""
    sizes = QUICK if quick else FULL
    lines: list[list[str]] = []
    ratios: dict[str, dict[str, float]] = {}
    wanted = [d for d in ("postgresql", "sqlite") if d in only] or ["postgresql", "sqlite"]
    for database in wanted:
        with ExitStack() as stack:
            pg = stack.enter_context(cluster()) if database == "postgresql" else None
            more, found = compare(database, sizes, pg, only)
            lines += more
            ratios |= found
    if lines:
        report.table(HEAD, lines)
        report.say("")
    report.table(
        ["ours to hand-written", "rate", "spread", "mark", "less CPU", "mark"],
        [
            [name, f"{r['rate']:.2f}×", f"{r['low']:.2f}–{r['high']:.2f}", _told("≥", _mark(MARKS, name)),
             f"{r['cpu']:.2f}×", _told("≥", _mark(CPU_MARKS, name))]
            for name, r in ratios.items() if "rate" in r
        ],
    )  # fmt: skip
    report.table(
        ["restricted to administrator", "latency", "spread", "mark", "CPU"],
        [
            [name, f"{r['latency']:.2f}×", f"{r['low']:.2f}–{r['high']:.2f}", _told("≤", SCOPE_MARK),
             f"{r['cpu']:.2f}×"]
            for name, r in ratios.items() if "latency" in r
        ],
    )  # fmt: skip
    marks = {"rate": MARKS, "cpu": CPU_MARKS, "scope": SCOPE_MARK}
    return {"ratios": ratios, "marks": marks, "met": all(_met(name, r) for name, r in ratios.items())}


def _mark(marks: Mapping[str, Mapping[str, float]], name: str) -> float:
    database, operation = name.split(".")
    return marks.get(database, {}).get(operation, 0.0)


def _met(name: str, found: Mapping[str, float]) -> bool:
    if "part" in found:
        return True  # it tells how far there is to go, and has no mark
    if "latency" in found:
        return found["latency"] <= SCOPE_MARK
    return found["rate"] >= _mark(MARKS, name) and found["cpu"] >= _mark(CPU_MARKS, name)


def _told(sign: str, mark: float) -> str:
    return f"{sign} {mark:g}×" if mark else "–"
