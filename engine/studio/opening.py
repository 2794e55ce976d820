"""Opening a tenant: database, first revision, seeds. What ``serve``, ``import``, ``test`` and ``user`` begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.ask import Ask
from engine.catalog import Catalog
from engine.compile.app import compile_app
from engine.db import Database, open_database
from engine.problem import Problems, problem
from engine.serve.filestore import Folder
from engine.serve.tenancy import Tenant
from engine.studio.build import catalog_of, sources
from engine.studio.codes import CODES
from engine.studio.planting import Planter
from engine.studio.project import Project, find_project
from engine.tenants import revision


@dataclass(frozen=True, slots=True)
class Opened:
    """``fresh``: the database was empty and has just been installed."""

    project: Project
    catalog: Catalog
    tenant: Tenant
    planter: Planter
    fresh: bool


def database_url(project: Project, given: str) -> str:
    """Where the data lives: as given, or ``var/<app>.db`` under the working directory."""
    if given and "://" not in given:
        return f"sqlite://{Path(given).resolve()}"
    if given:
        return given
    folder = Path("var").resolve()
    folder.mkdir(exist_ok=True)
    return f"sqlite://{folder / project.name}.db"


def files_folder(project: Project, given: str) -> Path:
    """Where the files of records lie: beside an SQLite database, else ``var/<app>.files``."""
    url = database_url(project, given)
    place = Path(url.removeprefix("sqlite://").partition("?")[0]) if url.startswith("sqlite://") else None
    return (place.with_suffix(".files") if place is not None else Path("var") / f"{project.name}.files").resolve()


@asynccontextmanager
async def opened(target: Path, url: str = "") -> AsyncIterator[Opened]:
    """Reads the project, opens its database, installs it when empty; closes it again."""
    project = find_project(target)
    catalog = catalog_of(project)
    database = await open_database(database_url(project, url))
    try:
        made = await opened_in(project, catalog, database)
        made.tenant.files = Folder(files_folder(project, url))
        yield made
    finally:
        await database.close()


async def opened_in(project: Project, catalog: Catalog, database: Database) -> Opened:
    app = compile_app(catalog, database.dialect)
    try:
        have = await revision.current(database)
    except LookupError:
        raise Problems([problem(CODES["tenant.foreign"])]) from None
    if have is not None and have.digest != app.digest:
        said = problem(CODES["tenant.other-revision"], have=have.digest[:12], want=app.digest[:12])
        raise Problems([said])
    if have is None:
        await revision.install(database, app, sources(project))
    tenant = Tenant(
        project.name, app, database, Ask(), zone=project.zone, language=project.language, title=project.title
    )
    await tenant.load_settings()
    planter = Planter(tenant, catalog)
    if have is None:
        try:
            await database.write(lambda: planter.plant(catalog.seeds))
        except BaseException:
            await revision.undo_install(database, app)
            raise
    return Opened(project, catalog, tenant, planter, have is None)
