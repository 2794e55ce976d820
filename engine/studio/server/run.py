"""Serving an app: its logins, its demo data, its port."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import secrets
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console

from engine import cache
from engine.db import Body, Lost
from engine.problem import Problems, problem
from engine.serve.files import files
from engine.serve.people import audit, auth
from engine.serve.server.front import Front, Pace, networks, origins
from engine.serve.server.http import asgi
from engine.serve.server.reception import Lodgers
from engine.serve.system import conditions
from engine.serve.tenant import rows
from engine.serve.tenant.bind import ENGINE, EVERYONE, Me
from engine.serve.tenant.ids import uuid7
from engine.serve.tenant.tenancy import OneTenant, Tenant
from engine.serve.write import reposting
from engine.studio.change.workshop import Workshop
from engine.studio.codes import CODES
from engine.studio.directory.housing import Limits, Lodging
from engine.studio.follow.following import Keeping, keep_up
from engine.studio.scenarios.stories import moment, plant_stories
from engine.studio.server import workers
from engine.studio.server.listening import Server, bound
from engine.studio.tenant import terms
from engine.studio.tenant.accounts import administrator
from engine.studio.tenant.directories import directory_at
from engine.studio.tenant.noting import noted
from engine.studio.tenant.opening import Opened, opened
from engine.work.background import Background

_DEMO = "$demo"
_HOUR = 3600
_log = logging.getLogger("dougong.files")
_served = logging.getLogger("dougong.serve")


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """What stands before the doors, as it was written."""

    proxies: str = ""
    origins: str = ""
    person: str = ""
    address: str = ""
    seconds: float = 30.0

    def made(self) -> Front:
        """Raises Problems that name the setting."""
        made: dict[str, Any] = {}
        makers: dict[str, Callable[[str], Any]] = {"proxies": networks, "origins": origins}
        for name, option in (("proxies", "--trusted-proxies"), ("origins", "--cors-origins")):
            made[name] = _tried(option, makers[name], getattr(self, name))
        for name in ("person", "address"):
            _tried(f"--{name}-limit", lambda text: Pace(text) and None, getattr(self, name))
        return Front(**made, pace=Pace(self.person, self.address), seconds=self.seconds)


def _tried(option: str, make: Callable[[str], Any], text: str) -> Any:
    try:
        return make(text)
    except ValueError as error:
        raise Problems([problem(CODES["serve.setting"], option=option, text=text, reason=error)]) from None


@dataclass(frozen=True, slots=True)
class Serving:
    """What ``dougong serve`` was asked for."""

    target: Path | None
    url: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    demo: bool = False
    admin_password: str = ""
    workers: int = 1
    private_webhooks: bool = False
    https: bool = False
    front: FrontSettings = FrontSettings()
    directory: str = ""
    """Of many tenants, instead of the one of ``target``."""
    open_tenants: int = 200
    connections: int = 64


def serve(asked: Serving) -> None:
    """Opens the app and serves it until it is told to end: in this process, or in ``workers`` that it looks after."""
    asked.front.made()  # before anything is begun
    if (asked.target is None) != bool(asked.directory) or (asked.directory and (asked.url or asked.demo)):
        raise Problems([problem(CODES["serve.directory"])])
    if socket_ := workers.inherited():
        _run(_work(asked, socket_))
        return
    listening = bound(asked.host, asked.port)
    _run(_open(asked, None if asked.workers > 1 else listening))
    if asked.workers > 1:
        workers.supervise(listening, asked.workers)


def _loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed (not on Windows): a third less work for each request."""
    if find_spec("uvloop") is None:
        return None
    return importlib.import_module("uvloop").new_event_loop  # type: ignore[no-any-return]


def repost(target: Path, url: str, dry_run: bool) -> dict[str, int]:
    """Ledger → entries that were made, or with ``dry_run`` would be."""
    return asyncio.run(_repost(target, url, dry_run))


async def _repost(target: Path, url: str, dry_run: bool) -> dict[str, int]:
    async with opened(target, url) as app:
        if not dry_run:
            await noted(app.tenant.database, "repost", {})
        return dict(await reposting.repost(app.tenant, dry_run))


def _run(made: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_loop()) as runner:
        runner.run(made)


async def _open(asked: Serving, listening: socket.socket | None) -> None:
    """Everything that is done once: tables, seeds, logins. Serves too when there is something to listen on."""
    out = Console(highlight=False)
    if asked.target is None:
        await _many(asked, listening, out=out)
        return
    async with opened(asked.target, asked.url, make=True) as app:
        said = await administrator(app, asked.admin_password)
        if asked.demo:
            said += await _demo(app, out)
        out.print(f"[bold]{app.project.title.to('zh')}[/bold]  http://{asked.host}:{asked.port}/")
        if app.behind:
            out.print("  The packs have been changed since they were applied: see dougong plan")
        for line in said:
            out.print(f"  {line}")
        out.print("Ctrl+C ends it.")
        if listening is not None:
            await _listen(asked, app, listening)


async def _many(asked: Serving, listening: socket.socket | None, parent: int = 0, out: Console | None = None) -> None:
    limits = Limits(asked.open_tenants, asked.connections, asked.private_webhooks)
    async with directory_at(asked.directory, make=False) as directory:
        if out is not None:
            count = len(await directory.all())
            out.print(f"{count} tenants of the directory  http://{asked.host}:{asked.port}/")
            out.print("Ctrl+C ends it.")
        if listening is None:
            return
        house = Lodging(directory, limits, workers.holder())
        await house.start()
        try:
            front = asked.front.made()
            await Server(asgi(Lodgers(), asked.https, front, house), house.end_streams).serve_on(listening, parent)
        finally:
            await house.stop()


async def _sweep(tenant: Tenant) -> None:
    """Once an hour, whatever became of the last time; several processes may do it at once."""
    while tenant.files is not None:
        try:
            await files.sweep(tenant, tenant.files)
        except (OSError, Lost):
            _log.warning("files were not swept", exc_info=True)
        await asyncio.sleep(_HOUR)


async def _work(asked: Serving, listening: socket.socket) -> None:
    """One process of several: it ends when whoever looks after it is gone. One that is started while the database is
    away waits for it."""
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            if asked.target is None:
                await _many(asked, listening, parent)
                return
            async with opened(asked.target, asked.url) as app:
                await _listen(asked, app, listening, parent)
            return
        except Lost as lost:
            _served.warning("waiting for the database: %s", lost)
            await asyncio.sleep(1)


async def _listen(asked: Serving, app: Opened, listening: socket.socket, parent: int = 0) -> None:
    tenant = app.tenant
    tenant.studio = workshop = Workshop(tenant, app.project.folder, app.project.places)
    background = Background(
        tenant.database,
        tenant.committed,
        tenant.published,
        lambda: tenant.app.born,
        partial(audit.flush, tenant),
        lambda: tenant.app.logs,
        asked.private_webhooks,
        holder=workers.holder(),
        admits=partial(conditions.admitted, tenant),
    )

    def end_streams() -> None:
        tenant.closing = True
        tenant.published.ring()

    key = terms.vendor_key()
    server = Server(asgi(OneTenant(tenant), asked.https, asked.front.made()), end_streams)
    await background.start()
    beside = [
        asyncio.create_task(one)
        for one in (_sweep(tenant), keep_up(Keeping(tenant)), terms.watch(tenant, key, named=False), _settled(workshop))
    ]
    try:
        await server.serve_on(listening, parent)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await background.stop()


async def _settled(workshop: Workshop) -> None:
    """Soon after an App has begun to serve: it is set aside, and what it is one switch away from is made ready."""
    served = None
    while True:
        if (app := workshop.tenant.app) is not served:
            cache.set_aside()
            with suppress(Lost, Problems):
                await workshop.look_ahead()
                served = app
        await asyncio.sleep(1)


async def _demo(app: Opened, out: Console) -> list[str]:
    """Loads the demo data once, and gives everybody in it one password, anew at every start."""
    tenant, database = app.tenant, app.tenant.database
    marked = rows.select("_setting", database.dialect, {"name": _DEMO})
    if not await database.read(marked.sql, marked.values):
        rows_ = app.catalog.demo
        with out.status("demo data") as status:
            await plant_stories(
                app.planter,
                rows_,
                lambda text: moment(text, tenant.zone),
                lambda n: status.update(f"demo data {n}/{len(rows_)}"),
            )
        note = {"id": str(uuid7()), "name": _DEMO, "scope": "tenant", "at": datetime.now(UTC)}

        def body() -> Body[None]:
            yield rows.insert("_setting", [note], database.dialect)

        await database.write(body)
    users = tenant.app.people.users
    password = secrets.token_urlsafe(6)
    lines = []
    for row in app.catalog.demo:
        if row.entity != users:
            continue
        user = await database.write(lambda name=row.name: app.planter.resolve(users, name))  # type: ignore[misc]
        await auth.set_password(database, user, row.name, password, language=tenant.language)
        me = await auth.with_roles(tenant, _nobody(user))
        known = [tenant.app.roles[r] for r in me.roles if r in tenant.app.roles and r != EVERYONE]
        held = [role.title.to(tenant.language) for role in known]
        lines.append(f"{row.name} / {password}   {'、'.join(held)}")
    return lines


def _nobody(user: str) -> Me:
    return Me(user, roles=()) if user else ENGINE
