"""Databases for scenarios to play on, each its own: copies of one that is made once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from engine.ask import Ask
from engine.catalog import Catalog, Scenario
from engine.db import Database, open_database, rollups
from engine.db.template import Template
from engine.serve.server.http import asgi
from engine.serve.tenant.filestore import Folder
from engine.serve.tenant.tenancy import OneTenant, Tenant
from engine.studio.scenarios.playing import Failure, Stage
from engine.studio.source.build import Source
from engine.studio.tenant.planting import Planter
from engine.tenants import revision


@dataclass(slots=True)
class Stages:
    """``folder`` is for what is thrown away afterwards; ``beside`` where files that scenarios name are looked for."""

    source: Source
    catalog: Catalog
    folder: Path
    beside: Sequence[Path] = ()
    server: Template | None = None
    """Of PostgreSQL; left out: files of SQLite."""
    filled: bool = False
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    async def play(self, scenario: Scenario) -> list[Failure]:
        if not self.filled:
            await self._fill()
        database = await open_database(await self._copy())
        try:
            planter = await self._planter(database)
            planter.names = dict(self.names)
            tenant = planter.tenant
            tenant.files = Folder(self.folder / f"{uuid4().hex}.files")
            return await Stage(tenant, self.catalog, asgi(OneTenant(tenant)), planter, self.beside).play(scenario)
        finally:
            await database.close()

    async def _fill(self) -> None:
        database = await open_database(self.server.url if self.server else f"sqlite://{self._first}")
        try:
            self.names = (await self._installed(database)).names
        finally:
            await database.close()
        if self.server:
            await self.server.keep()
        self.filled = True

    async def _copy(self) -> str:
        if self.server:
            await self.server.again()
            return self.server.url
        copy = self.folder / f"{uuid4().hex}.db"
        shutil.copy(self._first, copy)
        return f"sqlite://{copy}"

    @property
    def _first(self) -> Path:
        return self.folder / "first.db"

    async def _planter(self, database: Database) -> Planter:
        source, app = self.source, self.source.app(database.dialect)
        tenant = Tenant(source.name, app, database, Ask(), zone=source.zone, language=source.language)
        tenant.title = source.title
        await tenant.load_settings()
        tenant.sums = await rollups.filled(database)
        return Planter(tenant, self.catalog)

    async def _installed(self, database: Database) -> Planter:
        app = self.source.app(database.dialect)
        await revision.install(database, app, self.source.told())
        planter = await self._planter(database)
        await database.write(lambda: planter.plant(self.catalog.seeds))
        await rollups.settle(database, app.logs)
        return planter


@asynccontextmanager
async def stages(
    source: Source, catalog: Catalog, server: str = "", beside: Sequence[Path] = ()
) -> AsyncIterator[Stages]:
    """``server``: the URL of a PostgreSQL server; left out: SQLite."""
    with tempfile.TemporaryDirectory(prefix="dougong-test-") as folder:
        async with AsyncExitStack() as stack:
            made = Stages(source, catalog, Path(folder), beside)
            if server:
                made.server = Template(server)
                stack.push_async_callback(made.server.remove)
                await made.server.make()
            yield made
