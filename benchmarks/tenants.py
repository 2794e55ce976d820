"""Many tenants on one process: what one costs in memory, and how long the first answer takes.

All of them are of the same text, as a vendor's customers are. Each is a database of its own, made as a copy of the
first; the server is ``dougong serve --directory``, asked over HTTP by host name with a session's token.
"""

from __future__ import annotations

import asyncio
import http.client
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil

from benchmarks.postgres import cluster
from benchmarks.report import say, table
from benchmarks.server import ROOT, Running, free_port, postgres_cpu, server
from engine.db import Call, open_database
from engine.serve import open_session
from engine.serve.people import auth
from engine.studio.directory import archiving, tenanting
from engine.studio.directory.archiving import Restoring
from engine.studio.directory.housing import Limits, Lodging
from engine.studio.directory.tenanting import Wanted
from engine.studio.tenant.directories import directory_at
from engine.tenants.directory import Directory, Entry

APP = ROOT / "examples" / "contractor"
SIZES = {"sqlite": (1000, 20), "postgresql": (50, 3)}
"""Tenants, and with ``--quick``."""
_MB = 1024 * 1024
MARKS = {"KB a tenant, SQLite": 1500, "s cold, SQLite": 0.5, "ms warm, SQLite": 50}
"""At most."""


def run(quick: bool, only: set[str]) -> dict[str, Any]:
    figures: dict[str, dict[str, float]] = {}
    for dialect, (many, few) in SIZES.items():
        if only and dialect not in only:
            continue
        with tempfile.TemporaryDirectory(prefix="dougong-tenants-") as folder, _site(dialect, Path(folder)) as site:
            count = few if quick else many
            say(f"{dialect}: {count} tenants are made")
            token = asyncio.run(_make(dialect, site.home, Path(folder), count))
            figures[dialect] = {"tenants": count} | _asked(site, count, token)
    rows = [[name, *(f"{found.get(name, 0):,.3g}" for found in figures.values())] for name in _names(figures)]
    table(["", *figures], rows)
    told = figures.get("sqlite", {})
    marks = {
        "KB a tenant, SQLite": told.get("KB a tenant", 0.0),
        "s cold, SQLite": told.get("cold ms, median", 0.0) / 1000,
        "ms warm, SQLite": told.get("warm ms, median", 0.0),
    }
    met = {name: value <= MARKS[name] for name, value in marks.items()} if told else {}
    return {"figures": figures, "ratios": {}, "marks": met, "met": all(met.values())}


def _names(figures: dict[str, dict[str, float]]) -> list[str]:
    return list(dict.fromkeys(name for found in figures.values() for name in found))


@dataclass(frozen=True, slots=True)
class Site:
    """``postmaster`` and ``url`` are of PostgreSQL's database of all tenants."""

    home: str
    postmaster: int = 0
    url: str = ""

    def connections(self) -> int:
        """How many are open to the tenants' schemas; the server's own to the directory is not one of them."""
        return asyncio.run(_connections(self.url))


@contextmanager
def _site(dialect: str, folder: Path) -> Iterator[Site]:
    if dialect == "sqlite":
        yield Site(f"sqlite://{folder}/directory.db")
        return
    with cluster() as own:
        asyncio.run(_new_database(own.url))
        url = own.database("tenants")
        home = f"{url}{'&' if urlsplit(url).query else '?'}schema=directory"
        yield Site(home, own.postmaster, url)


async def _connections(url: str) -> int:
    connection = await asyncpg.connect(url)
    found = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    await connection.close()
    return int(found) - 1


async def _new_database(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE DATABASE tenants")
    await connection.close()


async def _make(dialect: str, home: str, folder: Path, count: int) -> str:
    """The token's secret: as the databases are copies, it is the same for each, behind its name."""
    async with directory_at(home) as directory:
        await tenanting.create(directory, home, Wanted(_name(0), APP, hosts=(_host(0),)))
        first = await directory.get(_name(0))
        token = await _token(directory)
        kept = await archiving.backup(directory, first.name, folder / "first.zip")
        for n in range(1, count):
            if dialect == "sqlite":
                await _copied(directory, first, n)
            else:
                asked = Restoring(_name(n), kept.file, hosts=(_host(n),))
                await archiving.restore(directory, home, asked)
                await _sessions(first, await directory.get(_name(n)))
    return token


async def _token(directory: Directory) -> str:
    house = Lodging(directory, Limits(), "benchmark")
    await house.look()
    room = await house.enter(_name(0))
    row = await auth.login_of(room.tenant, {"name": "admin"})
    assert row is not None
    await room.tenant.database.write(_no_change_needed)
    room.tenant.token_prefix = ""
    token = await open_session(room.tenant, str(row["user"]))
    house.leave(room)
    await house.stop()
    return token


def _no_change_needed() -> Any:
    yield Call("UPDATE _login SET must_change = false")


async def _copied(directory: Directory, first: Entry, n: int) -> None:
    path = Path(urlsplit(first.url).path).with_name(f"{_name(n)}.db")
    shutil.copyfile(urlsplit(first.url).path, path)
    entry = Entry(_name(n), f"sqlite://{path}", str(path.with_suffix(".files")), "active", hosts=(_host(n),))
    await directory.add(entry, "benchmark")


async def _sessions(first: Entry, other: Entry) -> None:
    """A restored tenant has nobody signed in; here the same person is."""
    source, target = await open_database(first.url, make=False), await open_database(other.url, make=False)
    rows = await source.read('SELECT token, id, "user", kind, csrf, born, ends, seen FROM _session')

    def body() -> Any:
        for row in rows:
            marks = ", ".join(f"${n}" for n in range(1, 9))
            yield Call(
                f'INSERT INTO _session (token, id, "user", kind, csrf, born, ends, seen) VALUES ({marks})', tuple(row)
            )

    await target.write(body)
    await source.close()
    await target.close()


def _name(n: int) -> str:
    return f"t{n:04}"


def _host(n: int) -> str:
    return f"{_name(n)}.example"


def _asked(site: Site, count: int, token: str) -> dict[str, float]:
    """All open at once; then a tenth of them at a time; on PostgreSQL then all, with connections for a fifth."""
    out: dict[str, float] = {}
    with _served(site.home, count + 1) as running:
        process = psutil.Process(running.pid)
        out["RSS MB, none open"] = process.memory_info().rss / _MB
        out["first cold ms"] = _get(running, 0, token)
        one = process.memory_info().rss
        out["RSS MB, one open"] = one / _MB
        cold = [_get(running, n, token) for n in range(1, count)]
        out["RSS MB, all open"] = process.memory_info().rss / _MB
        out["KB a tenant"] = (process.memory_info().rss - one) / 1024 / (count - 1)
        out |= {"cold ms, median": median(cold), "cold ms, 95 of 100": sorted(cold)[int(len(cold) * 0.95)]}
        warm = [_get(running, n % count, token) for n in range(max(200, count))]
        out |= {"warm ms, median": median(warm), "warm ms, 95 of 100": sorted(warm)[int(len(warm) * 0.95)]}
        if site.url:
            out["connections, all open"] = site.connections()
        out |= _quiet(site, running, "nobody asks")
        if site.url:
            backends = psutil.Process(site.postmaster).children()
            out["PostgreSQL, MB a process"] = median(one.memory_full_info().uss for one in backends) / _MB
    few = max(2, count // 10)
    with _served(site.home, few) as running:
        cold = [_get(running, n, token) for n in range(min(count, 3 * few))]
        out["RSS MB, a tenth open"] = psutil.Process(running.pid).memory_info().rss / _MB
        out["cold ms when full, median"] = median(cold[few:])
    if site.url:
        scarce = max(2, count // 5)
        with _served(site.home, count + 1, scarce) as running:
            asked = [_get(running, n % count, token) for n in range(max(200, 4 * count))][count:]
            out["connections allowed, scarce"] = scarce
            out |= {"warm ms, scarce, median": median(asked), "connections, scarce": site.connections()}
            out["warm ms, scarce, 95 of 100"] = sorted(asked)[int(len(asked) * 0.95)]
            out |= _quiet(site, running, "scarce, nobody asks")
    return out


def _quiet(site: Site, running: Running, what: str) -> dict[str, float]:
    """What it costs to have them open, from a moment after the last request on."""
    time.sleep(6)
    before, began = running.cpu(), time.monotonic()
    database = postgres_cpu(site.postmaster) if site.url else 0.0
    time.sleep(20)
    took = time.monotonic() - began
    out = {f"CPU %, {what}": 100 * (running.cpu() - before) / took}
    if site.url:
        out[f"CPU % of PostgreSQL, {what}"] = 100 * (postgres_cpu(site.postmaster) - database) / took
    return out


@contextmanager
def _served(home: str, most: int, connections: int = 64) -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "-m", "engine.cli", "serve", "--directory", home, "--port", str(port)]
    limits = ["--open-tenants", str(most), "--connections", str(connections)]
    with server([*command, *limits], port, "/health", {}) as running:
        yield running


def _get(running: Running, n: int, token: str) -> float:
    """Milliseconds of an answer: a list that this person may read."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    headers = {"Host": _host(n), "Authorization": f"Bearer {token}"}
    began = time.perf_counter()
    connection.request("GET", "/api/v1/day_labor/sheet?limit=20", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - began) * 1000
    connection.close()
    assert answer.status == 200, (n, answer.status, body[:300])
    return took
