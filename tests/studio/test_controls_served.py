"""Budget control across server processes: of several that do not all fit exactly one passes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from engine.serve import open_session
from tests.studio.serving import free_port, serving
from tests.studio.shop import WHOEVER, Shop, post

CLIENTS = 16
PACK: dict[str, Any] = {
    "entities": {
        "grant": {"fields": {"item": {"type": "ref", "to": "item"}, "amount": {"type": "money"}}},
        "book": {
            "ledger": {"period": "month"},
            "fields": {
                "item": {"type": "ref", "to": "item"},
                "month": {"type": "month"},
                "net": {"type": "money"},
            },
        },
        "need": {
            "fields": {
                "item": {"type": "ref", "to": "item", "required": True},
                "amount": {"type": "money", "required": True},
            }
        },
    },
    "workflows": {
        "admission": {
            "of": "need",
            "states": {"draft": "Draft", "effective": {"title": "Approved", "effective": True}},
            "transitions": {
                "admit": {"title": "Admit", "from": "draft", "to": "effective"},
                "take_back": {"title": "Take back", "from": "effective", "to": "draft"},
            },
        }
    },
    "postings": {
        "need": {
            "of": "need",
            "while": "state = 'effective'",
            "into": "book",
            "set": {"item": "=item", "month": "2026-03", "net": "=amount"},
        }
    },
    "aggregations": {
        "cost": {
            "sources": {
                "book": {"of": "book", "by": {"item": "item"}},
                "grant": {"of": "grant", "by": {"item": "item"}},
            },
            "measures": {"used": "SUM(book.net)", "granted": "SUM(grant.amount)"},
        }
    },
    "controls": {
        "budget": {
            "of": "book",
            "key": ["item"],
            "value": "cost.used",
            "limit": "cost.granted",
            "block": "100%",
        }
    },
}


class Race:
    def __init__(self, doors: list[httpx.AsyncClient], needs: list[str]) -> None:
        self.doors, self.needs = doors, needs

    async def act(self, n: int, name: str) -> int:
        answer = await self.doors[n].post(f"/need/{self.needs[n]}/actions/{name}", json={})
        if answer.status_code == 422:
            assert [e["check"] for e in answer.json()["errors"]] == ["shop.budget"], answer.text
        return answer.status_code

    async def run(self, rounds: int) -> None:
        """Each of them is 600, with 1,000 granted."""
        for _ in range(rounds):
            said = await asyncio.gather(*(self.act(n, "admit") for n in range(CLIENTS)))
            assert Counter(said) == {200: 1, 422: CLIENTS - 1}
            assert await self.act(said.index(200), "take_back") == 200


@asynccontextmanager
async def race(shop: Shop) -> AsyncIterator[Race]:
    for name, parts in PACK.items():
        shop.pack.setdefault(name, {}).update(parts)
    async with shop.served() as (tenant, door):
        item = (await post(door, "item", code="i"))["id"]
        await post(door, "grant", item=item, amount="1000")
        needs = [(await post(door, "need", item=item, amount="600"))["id"] for _ in range(CLIENTS)]
        token = await open_session(tenant, WHOEVER)
    port = free_port()
    with serving(shop, port, workers=2) as ready:
        await ready()
        base, headers = (
            f"http://127.0.0.1:{port}/api/v1/shop",
            {"authorization": f"Bearer {token}", "if-match": "*"},
        )
        # A connection each, so that both processes are asked; given up before the server does it.
        idle = httpx.Limits(keepalive_expiry=2)
        doors = [httpx.AsyncClient(base_url=base, headers=headers, timeout=60, limits=idle) for _ in range(CLIENTS)]
        try:
            yield Race(doors, needs)
        finally:
            await asyncio.gather(*(door.aclose() for door in doors))


async def test_of_sixteen_clients_one_passes(shop: Shop) -> None:
    async with race(shop) as made:
        await made.run(5)


@pytest.mark.long
async def test_control_of_sixteen_a_thousand_times(shop: Shop) -> None:
    async with race(shop) as made:
        await made.run(1000)
