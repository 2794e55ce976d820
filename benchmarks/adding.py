"""Kept sums are added to a large table, then more of them, then taken away, while four processes write to it.

Reported: how long the command took, and the longest that a write waited meanwhile. It ends with an error when a write
failed, or sums are not what the records say.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import postgres, report
from benchmarks.change import Text, prepare
from benchmarks.server import ROOT
from engine.db import Body, Call, open_database
from engine.studio.tenant.keeping import verify

WRITERS, _PAUSE = 4, 0.02
_ROWS = {True: 50_000, False: 1_000_000}


def run(quick: bool, only: set[str]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    wrong: list[str] = []
    for dialect, folder, url in postgres.databases(only, "adding"):
        figures[dialect] = _run(folder, url, quick, wrong)
    for line in wrong[:20]:
        print(line)
    return {"ratios": {}, "marks": {"failed": 0, "groups that differ": 0}, "met": not wrong, "figures": figures}


def _changes(text: Text) -> Iterator[str]:
    measures = {"n": "COUNT(id)", "sum": "SUM(amount)"}
    kept: dict[str, Any] = {"of": "reading", "by": {"size": "ROUND(amount / 1000, 0)"}, "measures": measures}
    kept["rollups"] = {"sizes": ["size"]}
    text.aggregations = {"readings": kept}
    yield "sums of a thousand groups"
    kept["by"]["code"] = "code"
    kept["rollups"]["codes"] = ["code"]
    yield "more, of as many groups as rows"
    text.aggregations = {}
    yield "none any more"


def _run(folder: Path, url: str, quick: bool, wrong: list[str]) -> dict[str, Any]:
    text = Text(folder)
    text.write()
    _, large = asyncio.run(prepare(folder, url, _ROWS[quick]))
    spawn = multiprocessing.get_context("spawn")
    over, told = spawn.Event(), spawn.Queue()
    writers = [spawn.Process(target=_writing, args=(url, large[n::WRITERS], over, told)) for n in range(WRITERS)]
    for one in writers:
        one.start()
    waits: list[tuple[float, float]] = []
    steps: list[tuple[str, float, float]] = []
    try:
        time.sleep(3)
        for kind in _changes(text):
            text.write()
            command = [sys.executable, "-m", "engine.cli", "apply", str(folder), "--database", url]
            began = time.time()
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            steps.append((kind, began, time.time()))
            if done.returncode:
                wrong.append(f"{kind}: {done.stdout[-300:]} {done.stderr[-300:]}")
            elif text.aggregations and (found := {k: n for k, n in verify(folder, url).items() if n}):
                wrong.append(f"differ: {found}")
            time.sleep(1)
    finally:
        over.set()
        for _ in writers:
            mine, failed = told.get()
            waits += mine
            wrong += failed
        for one in writers:
            one.join()
    return _told(url, steps, waits)


def _writing(url: str, large: list[str], over: Any, told: Any) -> None:
    told.put(asyncio.run(_write(url, large, over)))


async def _write(url: str, large: list[str], over: Any) -> tuple[list[tuple[float, float]], list[str]]:
    database = await open_database(url, make=False)
    pick, waits, failed = random.Random(large[0]), list[tuple[float, float]](), list[str]()
    unit = 100 if database.dialect == "sqlite" else 1

    def body() -> Body[None]:
        to = pick.randint(1, 1_000_000) * unit
        yield Call(f"UPDATE plant__reading SET amount = {to} WHERE id = '{pick.choice(large)}'")

    while not over.is_set():
        began, clock = time.time(), time.monotonic()
        try:
            await database.write(body)
        except Exception as error:
            failed.append(repr(error))
        waits.append((began, time.monotonic() - clock))
        await asyncio.sleep(_PAUSE)
    await database.close()
    return waits, failed


def _told(url: str, steps: list[tuple[str, float, float]], waits: list[tuple[float, float]]) -> dict[str, Any]:
    rows, out = [], dict[str, Any]()
    for kind, began, ended in steps:
        met = sorted(w for asked, w in waits if asked <= ended and asked + w >= began)
        median, longest = met[len(met) // 2], met[-1]
        rows.append([kind, f"{ended - began:.1f}", str(len(met)), f"{1000 * median:.1f}", f"{longest:.2f}"])
        out[kind] = {"s": round(ended - began, 1), "worst wait, s": round(longest, 2)}
    report.table([url.partition(":")[0], "took, s", "writes", "median, ms", "longest wait, s"], rows)
    return out
