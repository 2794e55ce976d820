"""kill -9 at random moments: whatever was committed is delivered at least once, in order, and nothing is invented."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from benchmarks import afterwards
from benchmarks.crowd import Crowd, Listener
from benchmarks.site import Site, prepare
from engine.db import open_database
from tests.restarting import restarting
from tests.work.receiver import Receiver, receiver


async def killed_at_random(folder: Path, url: str, workers: int, seconds: float, seed: int) -> None:
    chance = random.Random(seed)
    site = Site(folder, url, workers)
    tokens = await prepare(url)
    async with receiver() as peer:
        # Now and then the peer takes a message without saying so, or says no.
        peer.answer = lambda _body: 500 if chance.random() < 0.02 else 204
        try:
            site.start()
            await site.ready()
            await _under_fire(site, tokens, peer, seconds, chance)
        finally:
            site.stop()


async def _under_fire(
    site: Site, tokens: dict[str, str], peer: Receiver, seconds: float, chance: random.Random
) -> None:
    crowd = Crowd(site.url, tokens, chance.randrange(1 << 30))
    hook = await crowd.people["admin"].post("/api/v1/system/webhooks", json={"name": "peer", "url": peer.url})
    assert hook.status_code == 201, hook.text
    listener = Listener(site.url, tokens["reader"])
    listening = asyncio.create_task(listener.listen())
    while not listener.place:
        await asyncio.sleep(0.05)
    await crowd.begin()
    until, kills = asyncio.get_running_loop().time() + seconds, 0
    while asyncio.get_running_loop().time() < until or kills < 3:  # a busy machine gets up slowly
        if chance.random() < 0.8:  # the rest hits whoever is just getting up
            await site.ready()
        await asyncio.sleep(chance.uniform(0.3, 2.5))
        site.kill(chance.randrange(99))
        kills += 1
    await crowd.end()
    await site.ready()
    database = await open_database(site.database, make=False)
    try:
        assert await afterwards.settled(database), "deliveries still wait"
        events = await afterwards.events_of(database)
        await _until(lambda: bool(listener.told) and listener.place == str(events[-1][2]))
        async with httpx.AsyncClient(
            base_url=site.url, headers={"authorization": f"Bearer {tokens['reader']}"}
        ) as asking:
            found = await afterwards.of_records(database, crowd.books, asking)
        notes = {str(row[0]) for row in await database.read("SELECT id FROM site__note")}
    finally:
        await database.close()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert crowd.books.acknowledged.total() > 10
    assert crowd.books.wrong == []
    assert [f for f in crowd.books.failures if f.status >= 500] == []
    assert found == {"lost": [], "twice": 0, "gaps": 0, "ledger_off": 0}
    of_notes = [event for event in events if event[1][0] in notes]
    assert len(of_notes) >= crowd.books.acknowledged.total()
    assert afterwards.of_deliveries(events, [afterwards.message(*one) for one in peer.got], notes) == []
    assert afterwards.of_stream(events, listener, notes) == []


async def _until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not what():
            await asyncio.sleep(0.1)


async def on_sqlite(folder: Path, seconds: float, seed: int) -> None:
    await killed_at_random(folder, f"sqlite://{folder}/site.db", 1, seconds, seed)


async def on_postgresql(folder: Path, seconds: float, seed: int) -> None:
    with restarting() as server:
        await killed_at_random(folder, f"{server.url}?schema=site", 4, seconds, seed)


BOTH = pytest.mark.parametrize("run", [on_sqlite, on_postgresql])
Run = Callable[[Path, float, int], Awaitable[None]]


@BOTH
async def test_what_is_killed_at_random_loses_nothing(run: Run, tmp_path: Path) -> None:
    await run(tmp_path, 8, 3)


@pytest.mark.long
@BOTH
async def test_outbox_for_long(run: Run, tmp_path: Path) -> None:
    """``DOUGONG_SEED`` repeats a run."""
    seed = int(os.environ.get("DOUGONG_SEED", random.randrange(10_000)))
    print(f"DOUGONG_SEED={seed}")
    await run(tmp_path, 240, seed)
