"""A ledger's module goes and comes back: documents that came into effect meanwhile are posted to it, each once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.db import Call
from engine.studio.follow.owing import Owed, owe, owed
from engine.studio.follow.settling import settle
from tests.studio.shop import Shop
from tests.studio.test_doors import AT, codes, seen

COSTS: dict[str, Any] = {
    "module": "costs", "grammar": 1, "version": "1.0.0", "title": "Costs",
    "entities": {
        "entry": {
            "title": "Entry", "ledger": {"period": "period"},
            "fields": {"net": {"type": "money"}, "period": {"type": "month"}},
        }
    },
}  # fmt: skip
WORK: dict[str, Any] = {
    "module": "work", "grammar": 1, "version": "1.0.0", "title": "Work", "uses": {"costs": ">=1.0"},
    "entities": {
        "sheet": {
            "title": "Sheet",
            "fields": {
                "day": {"type": "date"},
                "done": {"type": "boolean", "required": True, "default": False},
                "lines": {"type": "lines", "of": "sheet_line"},
            },
        },
        "sheet_line": {"owned_by": "sheet", "fields": {"amount": {"type": "money"}}},
    },
    "postings": {
        "actual": {
            "of": "sheet_line", "while": "sheet.done", "into": "costs.entry",
            "set": {"net": "=amount", "period": "=TO_MONTH(sheet.day)"},
        }
    },
}  # fmt: skip


class Two(Shop):
    def write(self) -> None:
        self.folder.mkdir(exist_ok=True)
        app = {"app": "two", "title": "Two", "packs": ["costs", "work"]}
        (self.folder / "app.yaml").write_text(json.dumps(app), encoding="utf-8")
        for pack in (COSTS, WORK):
            place: Path = self.folder / "packs" / pack["module"]
            place.mkdir(parents=True, exist_ok=True)
            (place / "module.yaml").write_text(json.dumps(pack), encoding="utf-8")


async def switch(door: httpx.AsyncClient, on: bool) -> dict[str, Any]:
    place = f"{AT}/switches/costs"
    plan = await door.post(place, json={"on": on, "dry_run": True})
    assert plan.status_code == 200, plan.text
    done = await door.post(place, json={"on": on, "plan": seen(plan)})
    assert done.status_code == 200, done.text
    return {**done.json(), "kinds": [line["kind"] for line in plan.json()["changes"]]}


async def sheet(door: httpx.AsyncClient, done: bool) -> dict[str, Any]:
    body = {"day": "2026-03-01", "done": done, "lines": [{"amount": "8.00"}, {"amount": "2.50"}]}
    answer = await door.post("http://shop/api/v1/work/sheet", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def standing(door: httpx.AsyncClient) -> list[str]:
    answer = await door.get("http://shop/api/v1/costs/entry?sort=net")
    assert answer.status_code == 200, answer.text
    return [row["net"] for row in answer.json()["items"]]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_what_came_into_effect_meanwhile_is_posted_once(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite://{tmp_path}/t.db"
    if database == "postgresql":
        url = f"{request.getfixturevalue('postgres_url')}?schema=two"
    two = Two(tmp_path / "two", url)
    async with two.served() as (tenant, door):
        await sheet(door, True)
        assert await standing(door) == ["2.50", "8.00"]
        await switch(door, False)
        assert (await door.get("http://shop/api/v1/costs/entry")).status_code == 404
        await sheet(door, True)
        later = await sheet(door, False)
        unseen = await door.post(f"{AT}/switches/costs", json={"on": True})
        assert codes(unseen) == ["plan.unseen"]
        back = await switch(door, True)
        assert "posted" in back["kinds"]
        assert back["posted"] == {"costs.entry": 2}
        assert await standing(door) == ["2.50", "2.50", "8.00", "8.00"]
        assert await owed(tenant.database) == []
        for _ in range(2):
            await switch(door, False)
            assert "posted" not in await switch(door, True)
        assert await standing(door) == ["2.50", "2.50", "8.00", "8.00"]
        await switch(door, False)
        place = f"http://shop/api/v1/work/sheet/{later['id']}"
        tag = {"if-match": (await door.get(place)).headers["etag"]}
        assert (await door.patch(place, json={"done": True}, headers=tag)).status_code == 200
        await switch(door, True)
        assert len(await standing(door)) == 6

        def earlier() -> Any:
            yield Call("INSERT INTO _lease (name, holder, until, n) VALUES ('posting:work.actual', '', 0, 0)")

        left = [Owed("posting", "work.actual")]
        await tenant.database.write(lambda: owe(tenant.database.dialect, left))  # as one that is killed leaves it
        assert await settle(tenant) == {}
        assert await owed(tenant.database) == []
        await tenant.database.write(earlier)  # as an engine before this one left it
        assert await settle(tenant) == {}
        assert len(await standing(door)) == 6
        assert await owed(tenant.database) == []
        await tenant.database.write(lambda: owe(tenant.database.dialect, left))
        await switch(door, False)
        assert await owed(tenant.database) == []
        assert await tenant.database.read("SELECT 1 FROM _lease WHERE name = 'later:posting:work.actual'")
        await switch(door, True)
        assert await tenant.database.read("SELECT 1 FROM _lease WHERE name LIKE '%posting:%'") == []
