"""Faults under load: a mixed crowd works on four server processes while things break; nothing acknowledged may be lost.

Reported: acknowledged writes, lost, done twice, 5xx outside the database's absence, recovery time of each fault. It
ends with an error when one of the marks is missed.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks import afterwards, report
from benchmarks.crowd import Books, Crowd, Failure, Listener
from benchmarks.site import Site, prepare
from engine.db import open_database
from tests.restarting import Restarting, restarting
from tests.work.receiver import Receiver, receiver

_SPACE = "256m"
"""The crowd's own files of half an hour fit in."""
_HOOKS = "/api/v1/system/webhooks"


@dataclass
class Fault:
    """``began`` and ``ended``: when it was done and when its cause was gone again; ``back``: when the last request had
    failed for it, or the last delivery had waited."""

    name: str
    began: float
    ended: float = 0.0
    back: float = 0.0
    said: str = ""

    @property
    def recovery(self) -> float:
        return max(0.0, self.back - self.ended)


@dataclass
class Run:
    site: Site
    server: Restarting
    crowd: Crowd
    prompt: Receiver
    slow: Receiver
    space: Path | None
    faults: list[Fault] = field(default_factory=list)

    @asynccontextmanager
    async def fault(self, name: str) -> AsyncIterator[Fault]:
        one = Fault(name, time.monotonic())
        self.faults.append(one)
        yield one
        one.ended = one.ended or time.monotonic()


async def kill(run: Run) -> None:
    async with run.fault("kill -9 of a server process"):
        run.site.kill(len(run.faults))
    await _four_again(run)


async def _four_again(run: Run) -> None:
    fault, until = run.faults[-1], time.monotonic() + 60
    while len(run.site.served_by()) < run.site.workers and time.monotonic() < until:
        await asyncio.sleep(0.05)
    fault.said = f"replaced after {time.monotonic() - fault.began:.1f} s"


async def database_crash(run: Run) -> None:
    """Away for two seconds."""
    async with run.fault("database crashes, away 2 s"):
        await asyncio.to_thread(run.server.stop)
        await asyncio.sleep(2)
        await asyncio.to_thread(run.server.start)


async def disk_full(run: Run) -> None:
    """The place of attachments is filled to the brim for three seconds."""
    if run.space is None:
        return
    async with run.fault("disk of attachments full, 3 s"):
        filling = run.space / "filling"
        with suppress(OSError), filling.open("wb", buffering=0) as out:
            while True:
                out.write(bytes(4096))
        await asyncio.sleep(3)
        filling.unlink()


async def slow_peer(run: Run) -> None:
    """One peer answers after three seconds; another, who is prompt, must not wait for him."""
    async with run.fault("a webhook peer answers after 3 s, for 6 s") as fault:
        run.slow.pause = 3
        before = len(run.prompt.got)
        await asyncio.sleep(6)
        run.slow.pause = 0
        fault.said = f"the prompt peer was sent {len(run.prompt.got) - before} meanwhile"


FAULTS: tuple[Callable[[Run], Awaitable[None]], ...] = (kill, disk_full, database_crash, slow_peer)


def run(quick: bool, only: set[str], seconds: float = 0) -> dict[str, Any]:
    seconds = seconds or (60 if quick else 1_800)
    with restarting(durable=True) as server:
        folder = Path(tempfile.mkdtemp(prefix="dougong-faults-"))
        space = _small_space(folder / "var" / "site.files")
        try:
            return asyncio.run(_run(server, folder, space, seconds))
        finally:
            if space is not None:
                subprocess.run(["umount", "--lazy", space], check=False)
            shutil.rmtree(folder, ignore_errors=True)


def _small_space(folder: Path) -> Path | None:
    """A small file system where the attachments lie; only who may mount can make one."""
    folder.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_SPACE}", "tmpfs", folder], capture_output=True, check=False
    )
    return folder if made.returncode == 0 else None


async def _run(server: Restarting, folder: Path, space: Path | None, seconds: float) -> dict[str, Any]:
    url = f"{server.url}?schema=site"
    tokens = await prepare(url)
    site = Site(folder, url, workers=4)
    async with receiver() as prompt, receiver() as slow:
        try:
            site.start()
            await site.ready()
            crowd = Crowd(site.url, tokens, pause=0.1, paper=2_000)
            for name, peer in (("prompt", prompt), ("slow", slow)):
                made = await crowd.people["admin"].post(_HOOKS, json={"name": name, "url": peer.url})
                made.raise_for_status()
            listener = Listener(site.url, tokens["reader"])
            listening = asyncio.create_task(listener.listen())
            one = Run(site, server, crowd, prompt, slow, space)
            began = time.monotonic()
            await crowd.begin()
            await _break_things(one, began + seconds)
            await crowd.end()
            found = await _judged(one, listener, tokens)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        finally:
            site.stop()
    return _told(one, found, seconds)


async def _break_things(run: Run, until: float) -> None:
    """Each fault in turn, with time between them to see how long it lasted; the last part is quiet."""
    number, pause = 0, 4.0 if until - time.monotonic() < 300 else 20.0
    while time.monotonic() < until - 2 * pause or number < len(FAULTS):
        await asyncio.sleep(pause)
        await FAULTS[number % len(FAULTS)](run)
        number += 1
    await asyncio.sleep(pause)


async def _judged(run: Run, listener: Listener, tokens: dict[str, str]) -> dict[str, Any]:
    database = await open_database(run.site.database, make=False)
    try:
        delivered = await afterwards.settled(database)
        events = await afterwards.events_of(database)
        with suppress(TimeoutError):
            async with asyncio.timeout(30):
                while listener.place != str(events[-1][2]):
                    await asyncio.sleep(0.1)
        bearer = {"authorization": f"Bearer {tokens['reader']}"}
        async with httpx.AsyncClient(base_url=run.site.url, headers=bearer, timeout=30) as asking:
            found = await afterwards.of_records(database, run.crowd.books, asking)
        notes = {str(row[0]) for row in await database.read("SELECT id FROM site__note")}
    finally:
        await database.close()
    wrong = [] if delivered else ["deliveries still wait"]
    for peer in (run.prompt, run.slow):
        wrong += afterwards.of_deliveries(events, [afterwards.message(*one) for one in peer.got], notes)
    wrong += afterwards.of_stream(events, listener, notes)
    return {**found, "events": len(events), "streams": listener.again, "wrong": wrong + run.crowd.books.wrong}


def outside(run: Run, failures: list[Failure]) -> list[Failure]:
    """Answers of 5xx but for 503 while the database was away, and 507 while there was no room."""
    away = [(f.began, f.ended) for f in run.faults if f.name.startswith("database")]
    full = [(f.began, f.ended) for f in run.faults if f.name.startswith("disk")]
    allowed = {503: away, 507: full}
    return [
        one
        for one in failures
        if one.status >= 500
        and not any(began <= one.ended and one.began <= ended for began, ended in allowed.get(one.status, ()))
    ]


def _attribute(run: Run, books: Books) -> None:
    """The last failure after each fault and before the next is when it was over."""
    ends = [*(f.began for f in run.faults[1:]), float("inf")]
    for fault, end in zip(run.faults, ends, strict=True):
        fault.back = max((f.ended for f in books.failures if fault.began <= f.ended < end), default=fault.ended)


def _told(run: Run, found: dict[str, Any], seconds: float) -> dict[str, Any]:
    books = run.crowd.books
    _attribute(run, books)
    by_name: dict[str, list[Fault]] = {}
    for fault in run.faults:
        by_name.setdefault(fault.name, []).append(fault)
    report.table(
        ["fault", "times", "requests failed", "over after, worst", "seen"],
        [
            [
                name,
                str(len(faults)),
                str(sum(f.began <= one.ended <= max(f.back, f.ended) for f in faults for one in books.failures)),
                f"{max(f.recovery for f in faults):.2f} s",
                "; ".join(dict.fromkeys(f.said for f in faults if f.said))[:60],
            ]
            for name, faults in by_name.items()
        ],
    )
    unexplained = outside(run, books.failures)
    acknowledged = books.acknowledged.total()
    figures = {
        "seconds": round(seconds),
        "answers": books.answers,
        "acknowledged": acknowledged,
        "lost": len(found["lost"]),
        "twice": found["twice"],
        "5xx outside": len(unexplained),
        "503 while away": sum(f.status == 503 for f in books.failures),
        "507 while full": sum(f.status == 507 for f in books.failures),
        "broken connections": sum(f.status == 0 for f in books.failures),
        "slowest answer, s": round(books.slowest, 2),
        "events": found["events"],
        "streams resumed": found["streams"],
    }
    report.table(["", ""], [[name, f"{value:,}"] for name, value in figures.items()])
    if run.space is None:
        print("No file system could be mounted here: the disk was not filled.")
    wrong = [*found["lost"], *found["wrong"], *(f"{one.status} {one.said}" for one in unexplained)]
    for line in wrong[:20]:
        print(line)
    met = acknowledged > 0 and not wrong and not found["twice"] and not found["gaps"] and not found["ledger_off"]
    recovery = {name: round(max(f.recovery for f in faults), 2) for name, faults in by_name.items()}
    return {"ratios": {}, "marks": {"lost": 0, "5xx outside": 0}, "met": met, "figures": figures, "recovery": recovery}
