"""Modules of the contractor go off and come back, over one server process and over four: how long a switch takes
through the API, and until every process follows.

Three kinds: one pressed at once after the first start (read and compiled in the request), one that the server has made
ahead by then, and one that was there before. Nobody lists the switches first.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks import postgres, report
from benchmarks.change import served
from engine import cache
from engine.paths import examples_dir
from engine.serve.people import auth
from engine.serve.tenant.ids import uuid7
from engine.studio.tenant.opening import opened

_MARK_MS = 200.0
_SYSTEM = examples_dir() / "contractor"
_TOP = "hongyuan"
_PATIENCE = 30.0
_AGREED = 24
"""So many answers on new connections in a row: then no process is behind."""
_DOORS = {"day-labor": "day_labor/sheet", "cost-center": "cost_center/budget"}
"""What is there while they are on."""


def run(quick: bool, only: set[str]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for dialect, folder, url in postgres.databases(only, "switch"):
        with _empty_cache():
            asyncio.run(_install(folder, url))
        for workers in (1, 4):
            with _empty_cache():
                told = asyncio.run(_run(folder, url, workers, 1 if quick else 5))
                figures[f"{dialect}, {workers}"] = told
    met = all(one[kind] <= _MARK_MS for one in figures.values() for kind in ("made ahead, ms", "seen before, ms"))
    return {"ratios": {}, "marks": {"ms": _MARK_MS}, "met": met, "figures": figures}


@contextmanager
def _empty_cache() -> Iterator[None]:
    before = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        try:
            yield
        finally:
            os.environ.pop("XDG_CACHE_HOME")
            if before is not None:
                os.environ["XDG_CACHE_HOME"] = before


async def _install(folder: Path, url: str) -> None:
    async with opened(_SYSTEM, url, make=True) as app:
        admin = uuid7()
        await auth.set_password(app.tenant.database, admin, "admin", "of-admin-here", admin=True)
        (folder / "token").write_text(await auth.open_session(app.tenant, admin), encoding="utf-8")


async def _run(folder: Path, url: str, workers: int, rounds: int) -> dict[str, Any]:
    token = (folder / "token").read_text(encoding="utf-8")
    async with served(_SYSTEM, url, folder / "server.log", workers) as place:
        people = _People(f"{place}/api/v1", {"authorization": f"Bearer {token}"})
        took: dict[str, list[float]] = {"at once": [], "made ahead": [], "seen before": []}
        took["at once"].append(await people.switch(_TOP, on=False))
        await people.made_ahead()
        for name in ("day-labor", "cost-center"):
            took["made ahead"].append(await people.switch(name, on=False))
            took["seen before"].append(await people.switch(name, on=True))
        for _ in range(rounds):
            for on in (True, False):
                took["seen before"].append(await people.switch(_TOP, on=on))
        await people.switch(_TOP, on=True)
    rows = [
        [kind, str(len(each)), *(f"{1_000 * f(each):.0f}" for f in (statistics.median, max))]
        for kind, each in took.items()
    ]
    processes = "one process" if workers == 1 else f"{workers} processes"
    report.table([f"{url.partition(':')[0]}, {processes}", "times", "median, ms", "longest, ms"], rows)
    report.say(f"all of them follow: {max(people.followed):.2f} s at the longest\n")
    told = {f"{kind}, ms": round(1_000 * statistics.median(each)) for kind, each in took.items()}
    return {**told, "followed, s": round(max(people.followed), 2)}


class _People:
    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url, self.headers, self.followed = url, headers, list[float]()

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """On a connection of its own: whichever process is free answers."""
        async with self._door() as door:
            return await door.request(method, path, json=body)

    def _door(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=60)

    async def switch(self, name: str, on: bool) -> float:
        async with self._door() as door:
            began = time.monotonic()
            answer = await door.post(f"/system/switches/{name}", json={"on": on})
            ended = time.monotonic()
        assert answer.is_success, answer.text
        if name in _DOORS:
            self.followed.append(await self._followed(_DOORS[name], 200 if on else 404, ended))
        return ended - began

    async def _followed(self, path: str, wanted: int, since: float) -> float:
        agreed, last = 0, since
        while agreed < _AGREED:
            assert last - since < _PATIENCE, f"{path} does not answer {wanted}"
            answer = await self.ask("GET", f"/{path}?limit=1")
            agreed = agreed + 1 if answer.status_code == wanted else 0
            last = last if agreed else time.monotonic()
        return last - since

    async def made_ahead(self) -> None:
        """Until nothing more is made."""
        seen, still = -1, 0
        while still < 12:
            await asyncio.sleep(0.5)
            there = len(list(cache.folder().glob("app-*")))
            seen, still = there, still + 1 if there == seen else 0
