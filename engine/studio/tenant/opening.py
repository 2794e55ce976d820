"""Opening a tenant: database, first revision, seeds. What commands begin with that touch data."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from engine.ask import Ask
from engine.catalog import Catalog
from engine.db import Database, file_of, open_database, rollups, url_of
from engine.problem import Problems, problem
from engine.serve.tenant.filestore import Folder
from engine.serve.tenant.tenancy import Tenant
from engine.studio.codes import CODES
from engine.studio.follow.following import Following, held, require_narrow, require_shape
from engine.studio.source.build import Source, catalog_of, source_from, source_of
from engine.studio.source.project import Project, find_project
from engine.studio.tenant import terms
from engine.studio.tenant.planting import Planter
from engine.studio.tenant.ways import of_environment
from engine.tenants import identity, revision


@dataclass(frozen=True, slots=True)
class Opened:
    """``fresh``: the database was empty and has just been installed. ``behind``: the project's text has been changed
    since it was applied; ``catalog`` is what was applied."""

    project: Project
    catalog: Catalog
    tenant: Tenant
    planter: Planter
    fresh: bool
    behind: bool = False


def database_url(project: Project, given: str) -> str:
    """Where the data lives: as given, or ``var/<app>.db`` under the working directory."""
    return url_of(given or f"var/{project.name}.db")


def files_folder(project: Project, given: str) -> Path:
    """Where the files of records lie: beside an SQLite database, else ``var/<app>.files``."""
    url = database_url(project, given)
    place = Path(file_of(url)) if url.startswith("sqlite://") else None
    return (place.with_suffix(".files") if place is not None else Path("var") / f"{project.name}.files").resolve()


@asynccontextmanager
async def opened(target: Path, url: str = "", make: bool = False) -> AsyncIterator[Opened]:
    """Reads the project, opens its database; closes it again. With ``make`` a database that is not there or is empty
    is installed; without, it is refused: its name was probably mistyped."""
    project = find_project(target)
    where = database_url(project, url)
    catalog, wrong = _read(project)
    if wrong is not None and not _may_hold(where):
        raise wrong
    if make and not url:
        Path("var").mkdir(exist_ok=True)
    database = await open_database(where, make)
    try:
        if wrong is not None and await held(database) is None:
            raise wrong
        made = await opened_in(project, catalog, database, make)
        made.tenant.files = Folder(files_folder(project, url))
        await terms.learn(made.tenant, terms.vendor_key(), named=False)
        yield made
    finally:
        await database.close()


def _read(project: Project) -> tuple[Catalog | None, Problems | None]:
    """What the packs say, or what is wrong with them: a system that was installed serves what it was last given."""
    try:
        return catalog_of(project), None
    except Problems as problems:
        return None, problems


def _may_hold(url: str) -> bool:
    """Whether there can be anything in the database; a file that is not there is not made in vain."""
    return not url.startswith("sqlite://") or Path(file_of(url)).exists()


async def opened_in(project: Project, catalog: Catalog | None, database: Database, make: bool = True) -> Opened:
    """What the database holds is what is served: text that was changed since is for ``dougong plan`` and ``apply``.
    Without a ``catalog`` (it could not be read) there must be something in the database."""
    have = await held(database)
    if have is None and not make:
        raise Problems([problem(CODES["tenant.empty"])])
    source = None if catalog is None else source_of(project)
    if have is not None:
        kept = source_from(have.source)
        if source is not None:
            source = replace(source, switches=kept.switches, layout=kept.layout)
        behind = source is None or source.told() != have.source
        if source is None or catalog is None or behind or source.switches or source.layout:
            source, catalog = kept, kept.catalog()
    else:
        behind = False
    assert source is not None
    assert catalog is not None
    app = replace(source.app(database.dialect), epoch=have.epoch if have else 1)
    if have is not None:
        require_shape(have, app)
    tenant = Tenant(source.name, app, database, Ask(), zone=source.zone, language=source.language, title=source.title)
    tenant.file_size = project.files.get("max_size", tenant.file_size)
    tenant.file_quota = project.files.get("quota")
    tenant.policy = of_environment(os.environ)
    planter = Planter(tenant, catalog)
    if have is None:
        await _installed(source, planter)
    else:
        await tenant.load_settings()
    tenant.learn = Following(tenant).learn
    tenant.sums = await rollups.settle(database, app.logs)
    await rollups.forget(database, app.logs, identity.tables_of(app))
    return Opened(project, catalog, tenant, planter, have is None, behind)


async def install(source: Source, database: Database) -> None:
    """An empty database becomes a system of this text, seeds and all."""
    app = replace(source.app(database.dialect), epoch=1)
    tenant = Tenant(source.name, app, database, Ask(), zone=source.zone, language=source.language, title=source.title)
    await _installed(source, Planter(tenant, source.catalog()))
    await rollups.settle(database, app.logs)


async def _installed(source: Source, planter: Planter) -> None:
    """Tables, revision 1 and seeds; nothing of it when the seeds cannot be planted."""
    tenant = planter.tenant
    require_narrow(tenant.app.tables)
    await revision.install(tenant.database, tenant.app, source.told())
    try:
        await tenant.load_settings()
        await tenant.database.write(lambda: planter.plant(planter.catalog.seeds))
    except BaseException:
        await revision.undo_install(tenant.database, tenant.app)
        raise
