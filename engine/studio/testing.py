"""Playing the scenarios that packs bring: each on a database of its own, one line each."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from engine.catalog import Catalog, Scenario
from engine.db import Database, open_database, raze
from engine.serve.filestore import Folder
from engine.serve.http import asgi
from engine.serve.tenancy import OneTenant
from engine.studio.build import catalog_of
from engine.studio.opening import Opened, opened_in
from engine.studio.playing import Failure, Stage
from engine.studio.project import Project, find_project


@dataclass(frozen=True, slots=True)
class Played:
    scenario: Scenario
    failures: tuple[Failure, ...]
    seconds: float


def run(targets: Sequence[Path], k: str, database: str, as_json: bool) -> bool:
    """Plays and prints; whether every scenario held."""
    played = [p for target in targets for p in asyncio.run(play(target, k, database))]
    if as_json:
        print(json.dumps([_plain(p) for p in played], ensure_ascii=False, indent=2))
    else:
        _print(played)
    return all(not p.failures for p in played)


async def play(target: Path, k: str = "", database: str = "sqlite") -> list[Played]:
    """Every scenario with steps whose path contains ``k``, in order."""
    project = find_project(target)
    catalog = catalog_of(project)
    chosen = [s for path, s in catalog.scenarios.items() if s.steps and k in path and _own(project, s)]
    played = []
    async with _stages(project, catalog, database) as stages:
        for scenario in chosen:
            begun = time.perf_counter()
            failures = await stages.play(scenario)
            played.append(Played(scenario, tuple(failures), time.perf_counter() - begun))
    return played


def _own(project: Project, scenario: Scenario) -> bool:
    """A pack's folder stands for its own scenarios, not for those of the packs it requires."""
    return not (project.folder / "module.yaml").is_file() or scenario.module.replace("_", "-") == project.name


class _Stages:
    """Databases with the seeds in them: SQLite copies one made once, PostgreSQL gets a schema each."""

    def __init__(self, project: Project, catalog: Catalog, folder: Path, server: str) -> None:
        self.project = project
        self.catalog = catalog
        self.folder = folder
        self.server = server
        self.template: Path | None = None
        self.names: dict[tuple[str, str], str] = {}

    async def play(self, scenario: Scenario) -> list[Failure]:
        mark = "&" if "?" in self.server else "?"
        url = f"{self.server}{mark}schema=scenario_{uuid4().hex[:12]}" if self.server else ""
        database = await self._database(url)
        try:
            opened = await opened_in(self.project, self.catalog, database)
            return await self._stage(opened).play(scenario)
        finally:
            await database.close()
            if url:
                await raze(url)

    async def _database(self, url: str) -> Database:
        if url:
            return await open_database(url)
        if self.template is None:
            self.template = self.folder / "template.db"
            database = await open_database(f"sqlite://{self.template}")
            opened = await opened_in(self.project, self.catalog, database)
            self.names = opened.planter.names
            await database.close()
        copy = self.folder / f"{uuid4().hex}.db"
        shutil.copy(self.template, copy)
        return await open_database(f"sqlite://{copy}")

    def _stage(self, opened: Opened) -> Stage:
        planter = opened.planter
        opened.tenant.files = Folder(self.folder / f"{uuid4().hex}.files")
        planter.names = planter.names or dict(self.names)
        return Stage(opened.tenant, self.catalog, asgi(OneTenant(opened.tenant)), planter, self.project.folder)


@asynccontextmanager
async def _stages(project: Project, catalog: Catalog, database: str) -> AsyncIterator[_Stages]:
    with tempfile.TemporaryDirectory(prefix="dougong-test-") as folder:
        server = "" if database == "sqlite" else database
        yield _Stages(project, catalog, Path(folder), server)


def _print(played: Sequence[Played]) -> None:
    out = Console(highlight=False, soft_wrap=True)
    for one in played:
        mark = "[green]✓[/green]" if not one.failures else "[red]✗[/red]"
        out.print(f"{mark} {one.scenario.path}  {one.scenario.title.to('zh')}  [dim]{one.seconds * 1000:.0f} ms[/dim]")
        for failure in one.failures:
            out.print(f"    {failure.where}: {failure.step}: {failure.says}", markup=False)
    failed = sum(bool(p.failures) for p in played)
    out.print(f"{len(played) - failed} passed, {failed} failed")


def _plain(one: Played) -> dict[str, object]:
    return {
        "scenario": one.scenario.path,
        "passed": not one.failures,
        "seconds": round(one.seconds, 3),
        "failures": [{"step": f.step, "says": f.says, "where": str(f.where)} for f in one.failures],
    }
