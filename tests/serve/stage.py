"""A compiled system on a real database behind its front door, with a few people and records in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx

from engine.ask import Ask
from engine.catalog import Catalog
from engine.compile import compile_app
from engine.db import Call, Database, install, open_database, rollups
from engine.db.call import Body, Rows
from engine.db.system import TABLES
from engine.plan.app import App
from engine.plan.statement import Dialect
from engine.read import read
from engine.serve import OneTenant, Op, Tenant, apply_document, asgi, open_session
from engine.serve.document.decode import Rules, document
from engine.serve.tenant import rows
from engine.serve.tenant.bind import ENGINE
from engine.serve.wire.parsing import parse_json
from tests.kept import Kept

NOW = datetime(2026, 3, 5, 0, 30, tzinfo=UTC)


@cache
def catalog(pack: str = "works.yaml") -> Catalog:
    return read([Path(__file__).parent / pack])


@cache
def app_of(pack: str, dialect: Dialect) -> App:
    return compile_app(catalog(pack), dialect)


class Counting:
    """A database that counts what it is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dialect = database.dialect
        self.reads: list[str] = []

    async def read(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        self.reads.append(sql)
        return await self._database.read(sql, values)

    async def write(self, make_body: Any, epoch: int = 0) -> Any:
        return await self._database.write(make_body, epoch)

    def moment(self) -> Any:
        return self._database.moment()  # type: ignore[attr-defined]

    async def change(self, make_body: Any) -> Any:
        return await self._database.change(make_body)

    async def outside(self, sql: str) -> None:
        await self._database.outside(sql)

    async def run_script(self, statements: Sequence[str]) -> None:
        await self._database.run_script(statements)

    async def close(self) -> None:
        await self._database.close()


@dataclass
class Stage:
    pack: ClassVar[str] = "works.yaml"
    """Its module is called ``works`` whichever it is."""

    database: Counting
    tenant: Tenant
    doors: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    url: str = ""

    @classmethod
    async def build(cls, database: Database) -> Self:
        """In an empty database."""
        app = app_of(cls.pack, database.dialect)
        await install(database, (*TABLES, *app.tables))
        await rollups.settle(database, app.logs)
        stage = await cls._over(database)
        await stage.plant()
        return stage

    @classmethod
    async def _over(cls, database: Database) -> Self:
        app = app_of(cls.pack, database.dialect)
        counting = Counting(database)
        tenant = Tenant("works", app, counting, Ask(), clock=lambda: NOW)
        await tenant.load_settings()
        tenant.sums = await rollups.filled(database)
        return cls(counting, tenant)

    @classmethod
    @asynccontextmanager
    async def copied(cls, kept: Kept, dialect: Dialect, folder: Path) -> AsyncIterator[Self]:
        """In a copy of the database that was built first."""

        async def fill(database: Database) -> dict[str, str]:
            return (await cls.build(database)).ids

        async with kept.copy(dialect, (cls, cls.pack), fill, folder) as (url, ids):
            database = await open_database(url)
            try:
                stage = await cls._over(database)
                stage.ids, stage.url = dict(ids), url
                yield stage
                await stage.close()
            finally:
                await database.close()

    async def make(self, entity: str, state: str = "", **values: Any) -> str:
        """A record put there by the engine itself; references are ids or keys."""
        path = f"works.{entity}"
        plan = self.tenant.app.entities[path]
        rules = Rules(trusted=True)
        change = document(self.tenant.app, plan, parse_json(_json(values)), True, rules)
        done = await apply_document(self.tenant, ENGINE, Op("create", path, change=change, rules=rules, state=state))
        return done.id

    async def plant(self) -> None:
        ids = self.ids
        for name in ("wang", "li", "zhao", "boss"):
            ids[name] = await self.make("user", name=name)
            await self._may_sign_in(ids[name], name)
        await self.make("post", user=ids["zhao"], role="head")
        members = [{"user": ids["wang"], "role": "foreman"}, {"user": ids["li"], "role": "manager"}]
        ids["A"] = await self.make("project", code="A", name="甲", members=members)
        ids["B"] = await self.make("project", code="B", name="乙", members=members[:1])
        ids["0102"] = await self.make("subject", code="0102", name="点工")
        ids["mason"] = await self.make("work_type", name="瓦工")
        for worker in ("赵", "钱", "孙"):
            ids[worker] = await self.make("worker", name=worker, work_type=ids["mason"])
        await self.make("price", work_type=ids["mason"], price="200", cap="300", since="2026-01-01")
        await self.make("price", work_type=ids["mason"], price="240", cap="300", since="2026-03-01")

    async def _may_sign_in(self, user: str, name: str) -> None:
        """Without a password: hashing one takes as long as a test."""
        row = {"user": user, "name": name, "hash": "!", "must_change": False, "language": "zh", "admin": name == "boss"}

        def body() -> Body[None]:
            yield rows.insert("_login", [row], self.database.dialect)

        await self.tenant.database.write(body)

    async def door(self, name: str, language: str = "en") -> httpx.AsyncClient:
        if name not in self.doors:
            token = await open_session(self.tenant, self.ids[name])
            self.doors[name] = httpx.AsyncClient(
                transport=httpx.ASGITransport(app=asgi(OneTenant(self.tenant)), raise_app_exceptions=False),
                base_url="http://works/api/v1/works",
                headers={"authorization": f"Bearer {token}", "accept-language": language},
            )
        return self.doors[name]

    def later(self, seconds: int) -> None:
        """The clock moves on."""
        now = self.tenant.clock() + timedelta(seconds=seconds)
        self.tenant.clock = lambda: now

    def sheet(self, **more: Any) -> dict[str, Any]:
        line = {"worker": self.ids["赵"], "hours": "8"}
        return {"project": self.ids["A"], "sheet_date": "2026-03-05", "lines": [line], **more}

    async def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []

        def body() -> Body[None]:
            names = ", ".join(f'"{c}"' for c in columns)
            found.extend(tuple(row) for row in (yield Call(f'SELECT {names} FROM "{table}"')))

        await self.tenant.database.write(body)
        return found

    async def close(self) -> None:
        for door in self.doors.values():
            await door.aclose()


def _json(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values).encode()


def errors(answer: httpx.Response) -> list[tuple[str, str]]:
    """(check or code, pointer) of a refusal."""
    return [(e.get("check") or e["code"], e["pointer"]) for e in answer.json()["errors"]]
