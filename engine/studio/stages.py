"""Databases for scenarios to play on, each its own: SQLite copies one made once, PostgreSQL gets a schema each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from engine.ask import Ask
from engine.catalog import Catalog, Scenario
from engine.compile.app import compile_app
from engine.db import Database, open_database, raze, rollups
from engine.plan.app import App
from engine.serve.filestore import Folder
from engine.serve.http import asgi
from engine.serve.tenancy import OneTenant, Tenant
from engine.studio.build import Source
from engine.studio.planting import Planter
from engine.studio.playing import Failure, Stage
from engine.tenants import revision


@dataclass(slots=True)
class Stages:
    """``folder`` is for what is thrown away afterwards; ``beside`` where files that scenarios name are looked for."""

    source: Source
    catalog: Catalog
    folder: Path
    server: str = ""
    beside: Sequence[Path] = ()
    template: Path | None = None
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    app: App | None = None

    async def play(self, scenario: Scenario) -> list[Failure]:
        mark = "&" if "?" in self.server else "?"
        url = f"{self.server}{mark}schema=scenario_{uuid4().hex[:12]}" if self.server else ""
        database = await self._database(url)
        try:
            planter = await (self._installed(database) if url else self._planter(database))
            planter.names = planter.names or dict(self.names)
            tenant = planter.tenant
            tenant.files = Folder(self.folder / f"{uuid4().hex}.files")
            return await Stage(tenant, self.catalog, asgi(OneTenant(tenant)), planter, self.beside).play(scenario)
        finally:
            await database.close()
            if url:
                await raze(url)

    async def _database(self, url: str) -> Database:
        if url:
            return await open_database(url)
        if self.template is None:
            template = self.folder / "template.db"
            database = await open_database(f"sqlite://{template}")
            try:
                self.names = (await self._installed(database)).names
            finally:
                await database.close()
            self.template = template
        copy = self.folder / f"{uuid4().hex}.db"
        shutil.copy(self.template, copy)
        return await open_database(f"sqlite://{copy}")

    async def _planter(self, database: Database) -> Planter:
        source = self.source
        self.app = self.app or compile_app(self.catalog, database.dialect)
        tenant = Tenant(source.name, self.app, database, Ask(), zone=source.zone, language=source.language)
        tenant.title = source.title
        await tenant.load_settings()
        return Planter(tenant, self.catalog)

    async def _installed(self, database: Database) -> Planter:
        self.app = self.app or compile_app(self.catalog, database.dialect)
        await revision.install(database, self.app, self.source.told())
        planter = await self._planter(database)
        await database.write(lambda: planter.plant(self.catalog.seeds))
        planter.tenant.sums = await rollups.settle(database, self.app.logs)
        return planter


@asynccontextmanager
async def stages(
    source: Source, catalog: Catalog, server: str = "", beside: Sequence[Path] = ()
) -> AsyncIterator[Stages]:
    """``server``: the URL of a PostgreSQL server; left out: SQLite."""
    with tempfile.TemporaryDirectory(prefix="dougong-test-") as folder:
        yield Stages(source, catalog, Path(folder), server, beside)
