"""A small system that is changed while it runs: its pack is a dictionary, its doors are asked as an administrator."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from engine.db import Body, Database, open_database
from engine.db.diff import wanting
from engine.db.inspect import drift
from engine.db.system import TABLES
from engine.serve import OneTenant, asgi, open_session
from engine.serve.tenant import rows
from engine.serve.tenant.tenancy import Tenant
from engine.studio.change.applying import applied, tenant_of
from engine.studio.change.planning import Planned, installed, planned
from engine.studio.change.workshop import Workshop
from engine.studio.follow.following import held
from engine.studio.follow.settling import settle
from engine.studio.follow.turns import PATIENCE, turn
from engine.studio.source import switching
from engine.studio.source.build import source_from, source_of
from engine.studio.source.project import find_project
from engine.studio.tenant.opening import opened
from engine.tenants import revision
from engine.tenants.revision import Revision

ITEM: dict[str, Any] = {
    "title": "Item",
    "key": ["code"],
    "display": "{code}",
    "fields": {
        "code": {"type": "text", "required": True},
        "price": {"type": "decimal", "scale": 4},
        "kind": {"type": "choice", "options": {"a": "A", "b": "B"}},
        "count": {"type": "integer"},
        "note": {"type": "text"},
    },
}
SALE: dict[str, Any] = {
    "title": "Sale",
    "fields": {
        "number": {"type": "number", "pattern": "S-{0000}"},
        "item": {"type": "ref", "to": "item"},
        "extras": {"type": "refs", "to": "item"},
        "lines": {"type": "lines", "of": "sale_line"},
    },
}
LINE: dict[str, Any] = {"owned_by": "sale", "fields": {"name": {"type": "text"}}}
WHOEVER = "0198a000-0000-7000-8000-000000000001"


def pack() -> dict[str, Any]:
    return {
        "module": "shop",
        "grammar": 1,
        "version": "1.0.0",
        "title": "Shop",
        "entities": deepcopy({"item": ITEM, "sale": SALE, "sale_line": LINE}),
    }


async def taken(made: Planned, database: Database, settled: bool = True, **how: Any) -> Revision:
    """As a command does."""
    async with turn(database, "", patience=PATIENCE) as mine:
        now = await applied(made, mine, **how)
    if settled:
        await settle(await tenant_of(made, database, now.epoch))
    return now


@dataclass
class Shop:
    """``pack`` is what the file says; ``url`` where the database is."""

    folder: Path
    url: str
    pack: dict[str, Any] = field(default_factory=pack)

    @property
    def entities(self) -> dict[str, Any]:
        found: dict[str, Any] = self.pack["entities"]
        return found

    def fields(self, entity: str = "item") -> dict[str, Any]:
        found: dict[str, Any] = self.entities[entity]["fields"]
        return found

    def write(self) -> None:
        self.folder.mkdir(exist_ok=True)
        # Every JSON document is one of YAML's.
        (self.folder / "module.yaml").write_text(json.dumps(self.pack, indent=1), encoding="utf-8")

    def another(self, folder: Path) -> Shop:
        """A system of the same name somewhere else."""
        url = self.url.replace("schema=shop", "schema=prod")
        (folder / "prod").mkdir(exist_ok=True)
        return Shop(folder / "prod" / "shop", url if "schema" in url else f"sqlite://{folder}/prod.db")

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        database = await open_database(self.url)
        try:
            yield database
        finally:
            await database.close()

    async def plan(self, database: Database) -> Planned:
        self.write()
        project = find_project(self.folder)
        return await planned(source_of(project), database, beside=project.places)

    async def apply(self) -> Revision:
        async with self.database() as database:
            return await taken(await self.plan(database), database)

    async def revert(self, number: int) -> Revision:
        async with self.database() as database:
            text = await revision.source_of(database, number)
            assert text is not None
            return await taken(await planned(source_from(text), database, switched=True, back=number), database)

    async def switch(self, name: str, on: bool) -> Revision:
        async with self.database() as database:
            source = switching.switched(source_from((await installed(database)).source), name, on)
            return await taken(await planned(source, database, switched=True), database)

    async def told(self) -> list[tuple[str, str, int]]:
        """(kind, path, offenders) of the plan, without what only says how."""
        async with self.database() as database:
            lines = (await self.plan(database)).plan.lines
            return [
                (one.kind, one.path, one.against) for one in lines if one.kind not in ("changed", "table", "rights")
            ]

    async def settled(self) -> None:
        """What is there is what is wanted, and what the revision says; planning again finds nothing."""
        async with self.database() as database:
            made = await self.plan(database)
            have = await held(database)
            assert have is not None
            assert made.plan.empty, made.plan
            assert not wanting(have.tables, (*TABLES, *made.app.tables))
            assert await drift(database, have.tables) == []

    @asynccontextmanager
    async def served(self) -> AsyncIterator[tuple[Tenant, httpx.AsyncClient]]:
        """A process that serves it."""
        self.write()
        async with opened(self.folder, self.url, make=True) as app:
            tenant = app.tenant
            tenant.studio = Workshop(tenant, app.project.folder)
            if not await tenant.database.read('SELECT 1 FROM "_login"'):
                await tenant.database.write(lambda: _login(tenant.database))
            token = await open_session(tenant, WHOEVER)
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app=asgi(OneTenant(tenant)), raise_app_exceptions=False),
                base_url="http://shop/api/v1/shop",
                headers={"authorization": f"Bearer {token}", "accept-language": "en"},
            ) as door:
                yield tenant, door

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Tenant]:
        """Installed where it is not, whatever kind of project the folder holds."""
        async with opened(self.folder, self.url, make=True) as app:
            yield app.tenant

    async def items(self, entity: str = "item") -> list[dict[str, Any]]:
        async with self.served() as (_, door):
            return await listed(door, entity)


def _login(database: Database) -> Body[None]:
    row = {"user": WHOEVER, "name": "admin", "hash": "!", "must_change": False, "language": "en", "admin": True}
    yield rows.insert("_login", [row], database.dialect)


async def listed(door: httpx.AsyncClient, entity: str = "item") -> list[dict[str, Any]]:
    answer = await door.get(f"/{entity}?limit=1000")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def post(door: httpx.AsyncClient, entity: str, **values: Any) -> dict[str, Any]:
    answer = await door.post(f"/{entity}", json=values)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def filled(shop: Shop) -> None:
    async with shop.served() as (_, door):
        x = await post(door, "item", code="x", price="1.25", kind="a", count=3)
        await post(door, "item", code="y", price="2.5", kind="b", note="n")
        await post(door, "sale", item=x["id"], extras=[x["id"]], lines=[{"name": "one"}, {"name": "two"}])
