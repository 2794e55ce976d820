"""The tenants of a directory in one process: opened when somebody comes, closed again when others need the room.

What is open is bounded, and so are the connections of all together. Background work of a tenant runs while he is open;
one nobody uses is looked after on a round, an hour apart or when his next delivery is due.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from engine.db import Budget, Database, Lost, open_database, rollups
from engine.label import Label
from engine.plan.app import App
from engine.problem import Problems, problem
from engine.serve.files import files
from engine.serve.people import audit
from engine.serve.server.reception import Stay
from engine.serve.system import conditions
from engine.serve.tenant.filestore import Folder
from engine.serve.tenant.policy import Policy
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import Refusal, fault, refuse
from engine.studio.change.workshop import Workshop
from engine.studio.codes import CODES
from engine.studio.follow.following import Following, Keeping, held, keep_up, made_of
from engine.studio.source.shelf import Shelf
from engine.studio.tenant import terms
from engine.studio.tenant.ways import of_environment
from engine.tenants import revision
from engine.tenants.directory import Directory, Entry
from engine.work.background import RESTING, Background

LOOKS = 0.5
"""Seconds between two looks at the directory."""
AGAIN = 5.0
"""The same when it did not answer."""
PATIENCE = 10.0
"""How long a request waits for a tenant that is being moved."""
_ROUND = 3600.0
_QUIET = 5.0
"""Seconds without a request after which a tenant rests."""
_LEAVE = 10.0
_log = logging.getLogger("dougong.serve")


@dataclass(frozen=True, slots=True)
class Limits:
    """``open``: tenants at a time; ``connections``: to PostgreSQL, of all together."""

    open: int = 200
    connections: int = 64
    private_webhooks: bool = False


@dataclass(slots=True, eq=False)
class Room:
    """An open tenant; ``pins`` are the requests under way."""

    entry: Entry
    tenant: Tenant
    background: Background
    keeping: Keeping
    beside: list[asyncio.Task[None]] = field(default_factory=list)
    pins: int = 0
    used: float = field(default_factory=time.monotonic)

    def resting(self) -> bool:
        return not self.pins and time.monotonic() - self.used > _QUIET

    def streaming(self) -> bool:
        """Nothing but streams of events keeps it open; they come back."""
        return self.pins == sum(self.tenant.streams.values())


class Lodging:
    """A ``House`` (``engine.serve.server.reception``)."""

    def __init__(self, directory: Directory, limits: Limits, holder: str, policy: Policy | None = None) -> None:
        self.directory = directory
        self.limits = limits
        self.holder = holder
        self.policy = policy or of_environment(os.environ)
        self.key = terms.vendor_key()
        self.budget = Budget(limits.connections)
        self.shelf = Shelf()
        self.entries: dict[str, Entry] = {}
        self.rooms: OrderedDict[str, Room] = OrderedDict()
        self._hosts: dict[str, str] = {}
        self._opening: dict[str, asyncio.Task[Room]] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._due: dict[str, float] = {}
        self._seen = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self.look()
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._rounds())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._opening.values(), return_exceptions=True)
        await asyncio.gather(*(self._shut(room) for room in list(self.rooms.values())), return_exceptions=True)
        await asyncio.gather(*self._closing.values(), return_exceptions=True)

    def end_streams(self) -> None:
        for room in self.rooms.values():
            room.tenant.closing = True
            room.tenant.published.ring()

    # who lives here

    async def look(self) -> None:
        """Takes over what has become of the directory."""
        version = await self.directory.version()
        if version == self._seen:
            return
        for entry in await self.directory.newer(self._seen):
            self._take(entry)
        self._seen = version

    def _take(self, entry: Entry) -> None:
        before = self.entries.pop(entry.name, None)
        for host in before.hosts if before else ():
            if self._hosts.get(host) == entry.name:
                del self._hosts[host]
        if entry.state != "deleted":
            self.entries[entry.name] = entry
            self._hosts.update(dict.fromkeys(entry.hosts, entry.name))
            self._due.setdefault(entry.name, time.monotonic() + random.uniform(60, _ROUND))
        room = self.rooms.get(entry.name)
        same = before is not None and (before.url, before.files, before.options) == (
            (entry.url, entry.files, entry.options)
        )
        if room is not None and (entry.state != "active" or not same):
            self._shut(room)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOKS)
            try:
                await self.look()
            except Exception as error:  # whatever it is: those whom we know go on, and it is looked again
                _log.warning("the directory does not answer: %s", error)
                await asyncio.sleep(AGAIN)

    def by_host(self, host: str) -> str | None:
        return self._hosts.get(host)

    # coming and going

    async def enter(self, name: str) -> Room:
        until = time.monotonic() + PATIENCE
        while True:
            entry = self.entries.get(name)
            if entry is None or entry.state in ("making", "deleting"):
                raise refuse("server.no-tenant")
            if entry.state in ("suspended", "restoring"):
                raise refuse("server.suspended")
            if entry.state == "moving":
                if time.monotonic() > until:
                    raise Refusal((fault("server.moving"),), 503, {"retry-after": "2"})
                await asyncio.sleep(0.1)
                continue
            if name in self._closing:
                await asyncio.wait((self._closing[name],))
                continue
            room = self.rooms.get(name)
            if room is None:
                room = await self._opened(entry)
                if self.rooms.get(name) is not room:  # closed again meanwhile
                    continue
            rested = room.resting()
            room.pins += 1
            room.used = time.monotonic()
            self.rooms.move_to_end(name)
            if rested:
                await self._woken(room)
            return room

    async def _woken(self, room: Room) -> None:
        """While it rested nobody looked whether it has been changed, and what this request gets is to be of now."""
        room.keeping.woken.ring()
        try:
            if room.tenant.learn is not None:
                await room.tenant.learn()
        except Exception as error:
            _log.warning("the newest revision could not be taken over: %s", error)
        except BaseException:
            self.leave(room)
            raise

    def leave(self, stay: Stay) -> None:
        assert isinstance(stay, Room)
        stay.pins -= 1

    async def _opened(self, entry: Entry) -> Room:
        """Whoever comes meanwhile waits for the same; that the first one leaves does not end it."""
        task = self._opening.get(entry.name)
        if task is None:
            await self._make_room()
            task = self._opening.get(entry.name) or asyncio.create_task(self._open(entry))
            self._opening[entry.name] = task
            task.add_done_callback(lambda _: self._opening.pop(entry.name, None))
        return await asyncio.shield(task)

    async def _make_room(self) -> None:
        until = time.monotonic() + PATIENCE
        while len(self.rooms) + len(self._opening) >= self.limits.open:
            free = next((one for one in self.rooms.values() if not one.pins), None)
            free = free or next((one for one in self.rooms.values() if one.streaming()), None)
            if free is not None:
                self._shut(free)
            elif time.monotonic() > until:
                raise Refusal((fault("server.full"),), 503, {"retry-after": "5"})
            else:
                await asyncio.sleep(0.05)

    async def _open(self, entry: Entry) -> Room:
        database = await open_database(entry.url, make=False, budget=self.budget)
        try:
            tenant = await lodged(database, entry, self.shelf, self.policy)
            await terms.learn(tenant, self.key)
            tenant.studio = Workshop(tenant)
            room = Room(entry, tenant, self._background(tenant), Keeping(tenant))
            room.background.resting = room.resting
            await room.background.start()
        except BaseException:
            await database.close()
            raise
        room.beside = [
            asyncio.create_task(keep_up(room.keeping, room.resting)),
            asyncio.create_task(_rest(room)),
            asyncio.create_task(_sweep_files(tenant)),
            asyncio.create_task(terms.watch(tenant, self.key)),
        ]
        self.rooms[entry.name] = room
        now = self.entries.get(entry.name)
        if now is None or now.state != "active" or now.url != entry.url:
            self._shut(room)
        return room

    def _background(self, tenant: Tenant) -> Background:
        return Background(
            tenant.database,
            tenant.committed,
            tenant.published,
            lambda: tenant.app.born,
            partial(audit.flush, tenant),
            lambda: tenant.app.logs,
            self.limits.private_webhooks,
            holder=self.holder,
            admits=partial(conditions.admitted, tenant),
        )

    def _shut(self, room: Room) -> asyncio.Task[None]:
        """Nobody enters any more; closed when those who are in have left, or have had their time."""
        name = room.entry.name
        if self.rooms.get(name) is room:
            del self.rooms[name]
            self._closing[name] = task = asyncio.create_task(self._close(room))
            task.add_done_callback(lambda _: self._closing.pop(name, None))
        return self._closing[name]

    async def _close(self, room: Room) -> None:
        tenant, until = room.tenant, time.monotonic() + _LEAVE
        tenant.closing = True
        tenant.published.ring()
        while room.pins and time.monotonic() < until:
            await asyncio.sleep(0.02)
        for task in room.beside:
            task.cancel()
        await asyncio.gather(*room.beside, return_exceptions=True)
        await room.background.stop()
        with suppress(Lost, OSError):
            self._note_due(room.entry.name, await room.background.due())
        await tenant.database.close()

    # those nobody uses

    def _note_due(self, name: str, due: int | None) -> None:
        wait = _ROUND if due is None else min(_ROUND, max(5.0, due / 1000 - time.time()))
        self._due[name] = time.monotonic() + wait

    async def _rounds(self) -> None:
        while True:
            await asyncio.sleep(5)
            for name in [one for one, due in self._due.items() if due <= time.monotonic()]:
                self._due[name] = time.monotonic() + _ROUND
                entry = self.entries.get(name)
                if entry is None:
                    del self._due[name]
                elif entry.state == "active" and name not in self.rooms and name not in self._opening:
                    await self._round(entry)

    async def _round(self, entry: Entry) -> None:
        try:
            database = await open_database(entry.url, make=False, budget=self.budget)
            try:
                tenant = await lodged(database, entry, self.shelf, self.policy)
                self._note_due(entry.name, await self._background(tenant).once())
                if tenant.files is not None:
                    await files.sweep(tenant, tenant.files)
            finally:
                await database.close()
        except Exception as error:
            _log.warning("the round did not do %s: %s", entry.name, error)


async def _rest(room: Room) -> None:
    """One look after another, so that a tenant that rests uses one connection, and that for a moment."""
    while True:
        await asyncio.sleep(random.uniform(0.8, 1.2) * RESTING)
        if room.resting():
            await room.background.look()
            await room.keeping.look()


async def _sweep_files(tenant: Tenant) -> None:
    while tenant.files is not None:
        await asyncio.sleep(_ROUND)
        try:
            await files.sweep(tenant, tenant.files)
        except (OSError, Lost):
            _log.warning("files were not swept", exc_info=True)


async def lodged(database: Database, entry: Entry, shelf: Shelf, policy: Policy) -> Tenant:
    """A tenant as his database holds him, served by an App that others of the same text may share."""
    app, zone, language, title = await _made(database, shelf)
    tenant = Tenant(
        entry.name,
        app,
        database,
        shelf.asker,
        zone=zone,
        language=language,
        title=title,
        token_prefix=f"{entry.name}.",
        facts=shelf.facts(app),
        files=Folder(Path(entry.files)),
        policy=policy,
    )
    tenant.file_size = entry.options.get("max_size", tenant.file_size)
    tenant.file_quota = entry.options.get("quota")
    tenant.learn = Following(tenant, shelf).learn
    await tenant.load_settings()
    if not {rollup.table for log in app.logs for rollup in log.rollups} <= tenant.sums:
        tenant.sums = await rollups.settle(database, app.logs)
    return tenant


async def _made(database: Database, shelf: Shelf) -> tuple[App, str, str, Label]:
    seen = await revision.glance(database)
    if seen is not None and (app := shelf.held(seen[0], database.dialect, seen[1])) is not None:
        told = json.loads(seen[2])
        return app, told["zone"], told["language"], Label(*told["title"])
    have = await held(database)
    if have is None:
        raise Problems([problem(CODES["tenant.empty"])])
    return await asyncio.to_thread(made_of, have, database.dialect, shelf)
