"""Kept sums through kill -9 of the server's processes and of the database: many writers, no moment to tidy up."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine.serve import open_session
from tests.restarting import Restarting, restarting
from tests.studio.serving import ROOT, command, free_port, killed, ready, served
from tests.studio.shop import WHOEVER, Shop

ROUNDS = 4
SECONDS = 5.0
PROCESSES = 8


class Site:
    """What is served, and who writes to it."""

    def __init__(self, shop: Shop, token: str) -> None:
        self.shop = shop
        self.headers = {"authorization": f"Bearer {token}", "if-match": "*"}
        self.sales: list[str] = []
        self.pick = random.Random(11)
        self.said: dict[int, int] = {}

    async def write(self, port: int) -> None:
        base = f"http://127.0.0.1:{port}/api/v1/shop"
        async with httpx.AsyncClient(base_url=base, headers=self.headers, timeout=20) as door:
            while True:
                try:
                    answer = await self.step(door)
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)
                    continue
                self.said[answer.status_code] = self.said.get(answer.status_code, 0) + 1
                if answer.status_code == 201:
                    self.sales.append(answer.json()["id"])
                if answer.status_code == 503:
                    await asyncio.sleep(0.05)

    async def step(self, door: httpx.AsyncClient) -> httpx.Response:
        """One in some is refused by a check after it was written: what it wrote is rolled back."""
        pick = self.pick
        place = pick.choice(("x", "y", None))
        lines = [{"name": "n", "amount": str(pick.randint(-5, 90))} for _ in range(pick.randint(1, 4))]
        one = pick.choice(self.sales) if self.sales else ""
        match pick.randint(0, 6) if one else 0:
            case 0 | 1 | 2:
                return await door.post("/sale", json={"place": place, "lines": lines})
            case 3:
                return await door.patch(f"/sale/{one}", json={"place": place})
            case 4:
                return await door.patch(f"/sale/{one}", json={"lines": lines, "place": pick.choice(("x", "y"))})
            case 5:
                return await door.delete(f"/sale/{one}")
            case _:
                return await door.post(f"/sale/{one}/restore")

    async def verified(self) -> None:
        told = command("verify", self.shop.folder, "--database", self.shop.url)
        done = await asyncio.to_thread(subprocess.run, told, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


async def built(shop: Shop) -> Site:
    shop.fields("sale")["place"] = {"type": "text"}
    shop.fields("sale_line")["amount"] = {"type": "money"}
    shop.entities["sale"]["checks"] = {"small": {"that": "SUM(lines.amount) < 200", "message": "Too large"}}
    shop.pack["aggregations"] = {
        "sold": {
            "of": "sale_line",
            "by": {"place": "sale.place", "name": "name"},
            "measures": {"lines": "COUNT(id)", "amount": "SUM(amount)", "large": "COUNT(id WHERE amount > 50)"},
            "rollups": {"places": ["place"], "names": ["name", "place"]},
        }
    }
    async with shop.served() as (tenant, _):
        return Site(shop, await open_session(tenant, WHOEVER))


async def round_of(site: Site, database: Restarting | None = None) -> None:
    """Writers at eight processes, and then kill -9: of the database where there is one, and of whoever serves."""
    port = free_port()
    server = served(site.shop, port, PROCESSES)
    writers: list[asyncio.Task[None]] = []
    try:
        await ready(port)
        writers = [asyncio.create_task(site.write(port)) for _ in range(2 * PROCESSES)]
        await asyncio.sleep(SECONDS)
        if database is not None:
            await asyncio.to_thread(database.stop, signal.SIGKILL)
            await asyncio.to_thread(database.start)
            await asyncio.sleep(SECONDS / 2)  # the same processes go on with it
        killed(server)
        await asyncio.sleep(0.2)
    finally:
        for one in writers:
            one.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
        killed(server)
    await site.verified()


def said(site: Site) -> None:
    """Written, refused and rolled back: each of them often."""
    assert all(site.said.get(code, 0) > 20 for code in (200, 201, 422)), site.said


@pytest.mark.long
async def test_rollups_are_right_after_kill_9(shop: Shop) -> None:
    """On SQLite whoever serves is the database."""
    site = await built(shop)
    for _ in range(ROUNDS):
        await round_of(site)
    said(site)


@pytest.fixture
def cluster() -> Iterator[Restarting]:
    with restarting() as made:
        yield made


@pytest.mark.long
async def test_rollups_are_right_after_kill_9_of_postgresql(cluster: Restarting, tmp_path: Path) -> None:
    """The postmaster and with it, as soon as they notice, its sessions; it recovers from its log."""
    site = await built(Shop(tmp_path / "shop", f"{cluster.url}?schema=shop"))
    for _ in range(ROUNDS):
        await round_of(site, cluster)
    said(site)
