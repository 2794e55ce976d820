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
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psutil

from benchmarks.postgres import cluster
from benchmarks.report import say, table
from benchmarks.server import ROOT, Running, free_port, server
from engine.db import Call, open_database
from engine.serve import auth, open_session
from engine.studio import archiving, tenanting
from engine.studio.archiving import Restoring
from engine.studio.directories import directory_at
from engine.studio.housing import Limits, Lodging
from engine.studio.tenanting import Wanted
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
        with tempfile.TemporaryDirectory(prefix="dougong-tenants-") as folder, _home(dialect, Path(folder)) as home:
            count = few if quick else many
            say(f"{dialect}: {count} tenants are made")
            token = asyncio.run(_make(dialect, home, Path(folder), count))
            figures[dialect] = {"tenants": count} | _asked(dialect, home, count, token)
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


@contextmanager
def _home(dialect: str, folder: Path) -> Iterator[str]:
    if dialect == "sqlite":
        yield f"sqlite://{folder}/directory.db"
        return
    with cluster() as own:
        asyncio.run(_new_database(own.url))
        url = own.database("tenants")
        yield f"{url}{'&' if urlsplit(url).query else '?'}schema=directory"


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


def _asked(dialect: str, home: str, count: int, token: str) -> dict[str, float]:
    """All open at once; then a tenth of them at a time."""
    out: dict[str, float] = {}
    with _served(home, count + 1) as running:
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
        before, began = running.cpu(), time.monotonic()
        time.sleep(10)
        out["CPU %, all open, nobody asks"] = 100 * (running.cpu() - before) / (time.monotonic() - began)
    few = max(2, count // 10)
    with _served(home, few) as running:
        cold = [_get(running, n, token) for n in range(min(count, 3 * few))]
        out["RSS MB, a tenth open"] = psutil.Process(running.pid).memory_info().rss / _MB
        out["cold ms when full, median"] = median(cold[few:])
    return out


@contextmanager
def _served(home: str, most: int) -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "-m", "engine.cli", "serve", "--directory", home, "--port", str(port)]
    with server([*command, "--open-tenants", str(most)], port, "/health", {}) as running:
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
