"""Sums of many records are begun while several processes write, and whoever counts them is killed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from typing import Any

import httpx
import pytest

from engine.db import Body, Call, Database, rollups
from tests.studio.serving import ROOT, command, free_port, serving
from tests.studio.shop import Shop
from tests.studio.test_sums import BY_KIND
from tests.studio.test_sums_killed import Site, built

ROWS = 30_000


def _items(database: Database) -> Body[None]:
    given = json.dumps([[f"0198a000-0000-7000-8001-{n:012x}", f"i{n}", "ab"[n % 2], n] for n in range(ROWS)])
    if database.dialect == "sqlite":
        rows = "SELECT value ->> 0, 1, 0, 0, value ->> 1, value ->> 2, value ->> 3, 12500 FROM json_each(?1)"
    else:
        rows = (
            "SELECT (v ->> 0)::uuid, 1, now(), now(), v ->> 1, v ->> 2, (v ->> 3)::bigint, 1.25"
            " FROM jsonb_array_elements($1::jsonb) AS e(v)"
        )
    names = "id, rev, created_at, updated_at, code, kind, count, price"
    yield Call(f"INSERT INTO shop__item ({names}) {rows}", (given,))


async def _moved(site: Site, port: int) -> None:
    """Writes to the table that is counted, beside what the site's people do."""
    base = f"http://127.0.0.1:{port}/api/v1/shop"
    async with httpx.AsyncClient(base_url=base, headers=site.headers, timeout=20) as door:
        while True:
            n = site.pick.randint(0, ROWS - 1)
            change: dict[str, Any] = {"kind": site.pick.choice("ab"), "count": site.pick.randint(0, 9)}
            answer = await door.patch(f"/item/0198a000-0000-7000-8001-{n:012x}", json=change)
            assert answer.status_code == 200, answer.text
            site.said[0] = site.said.get(0, 0) + 1


@pytest.mark.long
async def test_whoever_counts_is_killed_and_somebody_else_goes_on(shop: Shop) -> None:
    """No write fails, and the sums are there and right in the end, though the command that began them never ended."""
    site = await built(shop)
    async with shop.database() as database:
        await database.write(lambda: _items(database))
    port = free_port()
    with serving(shop, port, 3) as ready:
        await ready()
        writers = [asyncio.create_task(_moved(site, port)) for _ in range(6)]
        try:
            # A group for every record: on SQLite they are written for seconds.
            kept = {**BY_KIND, "by": {"kind": "kind", "code": "code"}, "rollups": {"codes": ["code"], "all": ["kind"]}}
            shop.pack["aggregations"] |= {"stock": kept}
            shop.write()
            told = command("apply", shop.folder, "--database", shop.url)
            apply = subprocess.Popen(told, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            async with shop.database() as database:
                while not await database.read("SELECT 1 FROM _lease WHERE name LIKE 'filling:_log_shop__item%'"):
                    assert apply.poll() is None
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.3)
                apply.send_signal(signal.SIGKILL)
                apply.wait()
                for _ in range(600):
                    if len(await rollups.filled(database)) >= 4:
                        break
                    await asyncio.sleep(0.1)
                else:
                    raise AssertionError("nobody went on")
                await asyncio.sleep(1)
        finally:
            for one in writers:
                one.cancel()
            failed = [e for e in await asyncio.gather(*writers, return_exceptions=True) if isinstance(e, Exception)]
    assert not failed
    assert site.said[0] > 100
    await site.verified()
