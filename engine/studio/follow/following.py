"""A process follows what its tenant becomes: the newest revision's text, compiled here and swapped in whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from engine.db import Bell, Database, Stale, rollups
from engine.db.diff import MOST_COLUMNS, wanting
from engine.db.system import TABLES
from engine.label import Label
from engine.plan.app import App
from engine.plan.statement import Dialect
from engine.plan.table import Table
from engine.problem import Problems, problem
from engine.serve.tenant.tenancy import Tenant
from engine.studio.codes import CODES
from engine.studio.follow import turns
from engine.studio.follow.settling import settled
from engine.studio.source.build import source_from
from engine.studio.source.shelf import Shelf
from engine.tenants import revision
from engine.tenants.revision import Revision
from engine.work.background import RESTING

LOOKS = 0.5
"""Seconds between two looks at whether the tenant has changed."""
_log = logging.getLogger("dougong.serve")


async def held(database: Database) -> Revision | None:
    """The revision a database holds, or None when it is empty."""
    try:
        return await revision.current(database)
    except LookupError:
        raise Problems([problem(CODES["tenant.foreign"])]) from None
    except revision.TooOld:
        raise Problems([problem(CODES["tenant.too-old"])]) from None


def require_shape(have: Revision, app: App) -> None:
    """Refuses to serve tables that are not there: another version of the engine may want others for the same text."""
    if wanting(have.tables, (*TABLES, *app.tables)):
        raise Problems([problem(CODES["tenant.other-revision"], number=have.number)])


def require_narrow(tables: Iterable[Table]) -> None:
    """The database would say so only in the middle of making them."""
    wide = [(table.entity or table.name, len(table.columns)) for table in tables if len(table.columns) > MOST_COLUMNS]
    if wide:
        raise Problems(problem(CODES["plan.too-wide"], entity=name, count=n, most=MOST_COLUMNS) for name, n in wide)


def made_of(have: Revision, dialect: Dialect, shelf: Shelf | None = None) -> tuple[App, str, str, Label]:
    """(App, zone, language, title) of a revision."""
    source = source_from(have.source)
    app = shelf.made(source, dialect) if shelf is not None else source.app(dialect)
    require_shape(have, app)
    return replace(app, epoch=have.epoch), source.zone, source.language, source.title


@dataclass(slots=True)
class Following:
    """``shelf``: where Apps are kept that several tenants of the process are served by."""

    tenant: Tenant
    shelf: Shelf | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def learn(self) -> bool:
        """Takes over the newest revision when it is not the one served: whether it was not."""
        tenant = self.tenant
        async with self.turn:
            if await revision.epoch(tenant.database) == tenant.app.epoch:
                return False
            have = await held(tenant.database)
            if have is None:
                return False
            app, zone, language, title = await asyncio.to_thread(made_of, have, tenant.database.dialect, self.shelf)
            settings = await tenant.settings_of(app)
            tenant.sums = await rollups.filled(tenant.database)
            tenant.zone, tenant.language, tenant.title = zone, language, title
            tenant.swap(app, settings)
            if self.shelf is not None:
                tenant.facts = self.shelf.facts(app)
            tenant.published.ring()
            _log.info("revision %s is served", have.number)
            return True


async def owing(tenant: Tenant) -> bool:
    """Whether there is still something to look at: somebody is at it, or it was not done."""
    if await turns.running(tenant.database) is None:
        return not await settled(tenant)
    return True


async def _counted(tenant: Tenant) -> frozenset[str]:
    """What is not filled is counted, unless somebody is at it: whoever began it may have been killed."""
    try:
        return await rollups.settle(tenant.database, tenant.app.logs, tenant.app.epoch, wait=False)
    except Stale:
        return await rollups.filled(tenant.database)


@dataclass(slots=True)
class Keeping:
    """One look after another at what the tenant has become. What cannot be made here leaves the last good revision in
    place. What a process that was killed still owed is posted by another."""

    tenant: Tenant
    left: bool = True
    woken: Bell = field(default_factory=Bell)

    async def look(self) -> bool:
        """Whether it went well."""
        tenant = self.tenant
        try:
            if tenant.learn is not None:
                self.left |= await tenant.learn()
            self.left = self.left and await owing(tenant)
            if any(rollup.table not in tenant.sums for log in tenant.app.logs for rollup in log.rollups):
                tenant.sums = await _counted(tenant)
        except Exception as error:
            _log.warning("the newest revision could not be taken over: %s", error)
            return False
        return True


async def keep_up(keeping: Keeping, resting: Callable[[], bool] = lambda: False) -> None:
    """For as long as the process serves; a tenant that rests is looked after by others until it is woken."""
    heard = 0
    while True:
        heard = await keeping.woken.wait(heard, RESTING if resting() else LOOKS)
        if not resting() and not await keeping.look():
            await asyncio.sleep(5)
