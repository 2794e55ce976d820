"""Kept sums through kill -9: several server processes, many writers, no moment to tidy up."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.serve import open_session
from tests.studio.shop import WHOEVER, Shop

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 4
SECONDS = 5.0


def command(*told: object) -> list[str]:
    return [sys.executable, "-m", "engine.cli", *map(str, told)]


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


class Site:
    """What is served, and who writes to it."""

    def __init__(self, shop: Shop, token: str) -> None:
        self.shop = shop
        self.headers = {"authorization": f"Bearer {token}", "if-match": "*"}
        self.sales: list[str] = []
        self.pick = random.Random(11)
        self.said: dict[int, int] = {}

    def serve(self, port: int) -> subprocess.Popen[bytes]:
        told = command("serve", self.shop.folder, "--database", self.shop.url, "--port", port, "--workers", 2)
        quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(told, cwd=ROOT, start_new_session=True, **quiet)

    async def ready(self, port: int) -> None:
        async with httpx.AsyncClient() as client:
            for _ in range(600):
                with suppress(httpx.HTTPError):
                    if (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200:
                        return
                await asyncio.sleep(0.1)
        raise AssertionError("the server does not start")

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

    async def step(self, door: httpx.AsyncClient) -> httpx.Response:
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


@pytest.mark.long
async def test_rollups_are_right_after_kill_9(shop: Shop) -> None:
    shop.fields("sale")["place"] = {"type": "text"}
    shop.fields("sale_line")["amount"] = {"type": "money"}
    shop.pack["aggregations"] = {
        "sold": {
            "of": "sale_line",
            "by": {"place": "sale.place", "name": "name"},
            "measures": {"lines": "COUNT(id)", "amount": "SUM(amount)", "large": "COUNT(id WHERE amount > 50)"},
            "rollups": {"places": ["place"], "names": ["name", "place"]},
        }
    }
    async with shop.served() as (tenant, _):
        site = Site(shop, await open_session(tenant, WHOEVER))
    for _ in range(ROUNDS):
        port = free_port()
        server = site.serve(port)
        try:
            await site.ready(port)
            writers = [asyncio.create_task(site.write(port)) for _ in range(8)]
            await asyncio.sleep(SECONDS)
            os.killpg(server.pid, signal.SIGKILL)  # its workers with it, in the midst of what they do
            await asyncio.sleep(0.2)
            for one in writers:
                one.cancel()
            await asyncio.gather(*writers, return_exceptions=True)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        told = command("verify", shop.folder, "--database", shop.url)
        done = await asyncio.to_thread(subprocess.run, told, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert site.said.get(200, 0) > 20, site.said
    assert site.said.get(201, 0) > 20, site.said
