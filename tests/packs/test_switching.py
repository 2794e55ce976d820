"""Modules of the packs we ship go and come back under servers that serve: what follows, what stops, what is posted."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.db import Body
from engine.paths import modules_dir
from engine.serve import OneTenant, asgi, open_session
from engine.serve.tenant import rows
from engine.serve.tenant.tenancy import Tenant
from engine.serve.write import reposting
from engine.studio.scenarios.playing import Stage
from engine.studio.tenant.opening import opened
from tests.studio.shop import WHOEVER

ROOT = Path(__file__).resolve().parents[2]
DAY_LABOR = modules_dir() / "day-labor"
FOLLOWED = 15.0
"""Seconds; servers look twice a second."""


@asynccontextmanager
async def works(url: str) -> AsyncIterator[tuple[Tenant, dict[str, str], dict[str, str]]]:
    """A company with an approved sheet: (tenant, token by name, id by name)."""
    async with opened(DAY_LABOR, url, make=True) as app:
        tenant = app.tenant
        clock, settings = tenant.clock, tenant.settings
        stage = Stage(tenant, app.catalog, asgi(OneTenant(tenant)), app.planter, [DAY_LABOR])
        assert await stage.play(app.catalog.scenarios["day_labor.sheet_to_cost"]) == []
        tenant.clock, tenant.settings = clock, settings
        ids = {name: key for (_, name), key in app.planter.names.items()}
        people = {"admin": WHOEVER, "wang": ids["wang"], "li": ids["li"]}
        known = {row[0] for row in await tenant.database.read('SELECT name FROM "_login"')}
        made = [
            {"user": user, "name": name, "hash": "!", "must_change": False, "language": "en", "admin": name == "admin"}
            for name, user in people.items()
            if name not in known
        ]

        def logins() -> Body[None]:
            yield rows.insert("_login", made, tenant.database.dialect)

        await tenant.database.write(logins)
        yield tenant, {name: await open_session(tenant, user) for name, user in people.items()}, ids


@contextmanager
def serving(url: str) -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "engine.cli", "serve", str(DAY_LABOR), "--database", url, "--port", str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    try:
        assert any("ends it" in line for line in process.stdout)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


class Servers:
    """Several processes over one database."""

    def __init__(self, urls: list[str], tokens: dict[str, str], page: str) -> None:
        self.clients = [httpx.AsyncClient(base_url=url, timeout=60) for url in urls]
        self.tokens, self.page = tokens, page

    async def ask(self, n: int, method: str, path: str, who: str = "admin", **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens[who]}", "accept-language": "en", **more.pop("headers", {})}
        return await self.clients[n].request(method, f"/api/v1/{path}", headers=headers, **more)

    async def done(self, n: int, method: str, path: str, who: str = "admin", **more: Any) -> Any:
        answer = await self.ask(n, method, path, who, **more)
        assert answer.status_code in (200, 201), (path, answer.text)
        return answer.json()

    async def all(self, path: str, status: int) -> None:
        """Each of them answers so, within the time they have."""
        for n in range(len(self.clients)):
            for _ in range(int(FOLLOWED / 0.1)):
                answer = await self.ask(n, "GET", path)
                if answer.status_code == status:
                    break
                await asyncio.sleep(0.1)
            assert answer.status_code == status, (n, path, answer.text)

    async def menus(self) -> list[str]:
        cookie = {"cookie": f"dougong={self.page}; language=en"}
        answers = [await client.get("/", headers=cookie) for client in self.clients]
        assert all(one.status_code == 200 for one in answers)
        return [one.text for one in answers]

    async def switch(self, n: int, name: str, on: bool) -> dict[str, Any]:
        plan = await self.done(n, "POST", f"system/switches/{name}", json={"on": on, "dry_run": True})
        assert not plan["refused"], plan
        seen = {"revision": plan["revision"], "digest": plan["digest"]}
        made: dict[str, Any] = await self.done(n, "POST", f"system/switches/{name}", json={"on": on, "plan": seen})
        return {**made, "kinds": {line["kind"] for line in plan["changes"]}}

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()


async def cost(servers: Servers, project: str) -> list[str]:
    """What the cost centre shows, server by server."""
    path = f"cost_center/figures/cost?by=project&measures=actual,reserved&project={project}"
    return [(await servers.done(n, "GET", path))["rows"][0]["actual"] for n in range(2)]


async def entries(servers: Servers) -> list[str]:
    found = await servers.done(0, "GET", "cost_center/cost_entry?limit=1000")
    return sorted(row["id"] for row in found["items"])


async def approved(servers: Servers, ids: dict[str, str]) -> dict[str, Any]:
    """Another sheet, by its people, each at another server."""
    line = {"worker": ids["W2"], "hours": "8"}
    body = {"project": ids["A"], "sheet_date": date.today().isoformat(), "team": ids["TA"], "lines": [line]}
    sheet = await servers.done(
        0, "POST", "day_labor/sheet", "wang", json={**body, "content": "清理地下室积水及外运垃圾"}
    )
    at = f"day_labor/sheet/{sheet['id']}"
    await servers.done(1, "POST", f"{at}/actions/submit", "wang", json={}, headers={"if-match": "*"})
    await servers.done(0, "POST", f"{at}/actions/approve", "li", json={}, headers={"if-match": "*"})
    found: dict[str, Any] = await servers.done(1, "GET", at)
    assert found["state"] == "effective", found
    return found


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
async def test_modules_go_and_come_back_under_several_servers(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite://{tmp_path}/t.db"
    if database == "postgresql":
        url = f"{request.getfixturevalue('postgres_url')}?schema=works"
    async with works(url) as (tenant, tokens, ids):
        page = await open_session(tenant, WHOEVER, "page")
        with ExitStack() as stack:
            servers = Servers([stack.enter_context(serving(url)) for _ in range(2)], tokens, page)
            try:
                await _day_labor_goes(servers, tenant, ids)
                await _cost_center_goes(servers, tenant, ids)
            finally:
                await servers.close()


async def _day_labor_goes(servers: Servers, tenant: Tenant, ids: dict[str, str]) -> None:
    before, stood = await entries(servers), await servers.done(0, "GET", "day_labor/sheet")
    assert (len(before), len(stood["items"])) == (3, 1)
    assert await cost(servers, ids["A"]) == ["333.20", "333.20"]
    assert all("/m/day_labor/sheet" in menu for menu in await servers.menus())
    assert {log.entity for log in tenant.app.logs} & {"day_labor.sheet", "day_labor.sheet_line"}
    await servers.switch(0, "day-labor", on=False)
    for path in ("day_labor/sheet", "day_labor/figures/man_days", f"day_labor/sheet/{stood['items'][0]['id']}"):
        await servers.all(path, 404)
    await servers.all("cost_center/cost_entry", 200)
    assert not any("day_labor" in menu for menu in await servers.menus())
    for n in range(2):
        told = await servers.done(n, "GET", "openapi.json")
        assert not any("day_labor" in path for path in told["paths"])
        refused = await servers.ask(n, "POST", "day_labor/sheet", "wang", json={})
        assert refused.status_code == 404
    assert tenant.learn is not None
    await tenant.learn()
    assert not any(log.entity.startswith("day_labor.") for log in tenant.app.logs)  # nothing is folded for it
    assert not [p for p in tenant.app.entities if p.startswith("day_labor.")]
    assert await entries(servers) == before
    assert await cost(servers, ids["A"]) == ["333.20", "333.20"]
    assert int((await tenant.database.read("SELECT count(*) FROM day_labor__sheet_line"))[0][0]) == 1
    back = await servers.switch(1, "day-labor", on=True)
    assert not back.get("posted")
    await servers.all("day_labor/sheet", 200)
    assert all("/m/day_labor/sheet" in menu for menu in await servers.menus())
    again = await servers.done(0, "GET", "day_labor/sheet")
    assert again["items"] == stood["items"]
    assert await entries(servers) == before


async def _cost_center_goes(servers: Servers, tenant: Tenant, ids: dict[str, str]) -> None:
    before = await entries(servers)
    await servers.switch(1, "cost-center", on=False)
    await servers.all("cost_center/cost_entry", 404)
    await servers.all("cost_center/figures/cost", 404)
    assert not any("cost_center" in menu for menu in await servers.menus())
    sheet = await approved(servers, ids)
    assert int((await tenant.database.read("SELECT count(*) FROM cost_center__cost_entry"))[0][0]) == len(before)
    back = await servers.switch(0, "cost-center", on=True)
    assert "posted" in back["kinds"]
    assert back["posted"] == {"cost_center.cost_entry": 1}
    await servers.all("cost_center/cost_entry", 200)
    after = await entries(servers)
    assert set(before) < set(after)
    assert len(after) == len(before) + 1
    assert sheet["amount"] == "300.00"
    assert await cost(servers, ids["A"]) == ["633.20", "633.20"]
    for n in range(2):
        await servers.switch(n, "cost-center", on=False)
        assert not (await servers.switch(n, "cost-center", on=True)).get("posted")
    await servers.all("cost_center/cost_entry", 200)
    assert await entries(servers) == after
    assert tenant.learn is not None
    await tenant.learn()
    assert await reposting.repost(tenant, True) == {}
