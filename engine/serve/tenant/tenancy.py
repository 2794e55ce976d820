"""A tenant as it is served: the one mutable cell. A request pins the App it began with; a new revision is a swap."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from engine.db import Bell, Database, rollups
from engine.fieldtypes import REGISTRY
from engine.label import Label
from engine.plan.app import App
from engine.plan.licence import Terms
from engine.plan.question import Asker
from engine.serve.tenant import reserved
from engine.serve.tenant.bind import ENGINE, Me, Moment, clock
from engine.serve.tenant.filestore import FileStore
from engine.serve.tenant.policy import Policy
from engine.serve.tenant.rows import by_name, select_all
from engine.serve.tenant.studio import Studio


@dataclass(slots=True)
class Tenant:
    """``app`` and ``settings`` are replaced whole, never changed. ``people`` keeps who a token is for a moment."""

    name: str
    app: App
    database: Database
    asker: Asker
    zone: str = "Asia/Shanghai"
    language: str = "zh"
    token_prefix: str = ""
    """What tokens begin with, so that a server of several tenants knows whose they are."""
    title: Label = field(default_factory=Label)
    settings: Mapping[str, Any] = field(default_factory=dict)
    clock: Callable[[], datetime] = clock
    people: dict[str, tuple[float, Me]] = field(default_factory=dict)
    facts: dict[Any, Any] = field(default_factory=dict)
    """Things made of ``app`` once; emptied by a swap."""
    blocks: dict[str, list[int]] = field(default_factory=dict)
    """Running numbers reserved ahead: see ``write.numbers``."""
    reserving: asyncio.Lock = field(default_factory=asyncio.Lock)
    names: dict[str, dict[str, str]] | None = None
    """What people are called."""
    files: FileStore | None = None
    terms: Terms | None = None
    """Of the licence; None: nothing is licensed, everything is allowed."""
    file_size: int = 50 * 1024 * 1024
    """Bytes that one file may have; a field may take less."""
    file_quota: int | None = None
    """Bytes that files may take before no more are let in."""
    policy: Policy = field(default_factory=Policy)
    """Numbers for ways in."""
    committed: Bell = field(default_factory=Bell)
    """Rung after a write, for whoever passes events on."""
    published: Bell = field(default_factory=Bell)
    """Rung when the stream of events has grown."""
    streams: dict[str, int] = field(default_factory=dict)
    """Per user, how many streams of events are open in this process."""
    under_way: set[tuple[str, str]] = field(default_factory=set)
    """Idempotency keys (user, key) of requests that are being done."""
    closing: bool = False
    """The process is about to end: streams end too."""
    learn: Callable[[], Awaitable[bool]] | None = None
    """Takes over what the tenant's metadata has become, if it has: whether it had."""
    studio: Studio | None = None
    """Changes its metadata."""
    sums: frozenset[str] = frozenset()
    """Tables of rollups that are filled, as far as this process knows; not knowing of one is slower, never wrong."""
    noted: list[dict[str, Any]] = field(default_factory=list)
    """Audit rows not yet written: see ``people.audit``."""

    def moment(self, me: Me = ENGINE, board: Mapping[str, Any] | None = None) -> Moment:
        return Moment(self.database.dialect, me, self.clock(), self.zone, self.settings, board or {})

    def swap(self, app: App, settings: Mapping[str, Any] | None = None) -> None:
        """Whoever began with the App of before goes on with it."""
        self.blocks = reserved.kept(self.blocks, self.app, app)
        self.app = app
        self.settings = self.settings if settings is None else settings
        self.facts = {}
        self.forget_people()

    def kept(self, app: App) -> dict[Any, Any]:
        """Where things made of ``app`` are kept; those of an App of before are not."""
        return self.facts if app is self.app else {}

    def forget_people(self) -> None:
        self.people = {}
        self.names = None

    async def load_settings(self) -> None:
        """And which sums are there to be read."""
        self.sums = await rollups.filled(self.database)
        self.settings = await self.settings_of(self.app)

    async def settings_of(self, app: App) -> Mapping[str, Any]:
        """What the administrator set for the whole tenant, over the packs' defaults; the newest that has begun."""
        values = {name: setting.default for name, setting in app.settings.items()}
        call = select_all("_setting", self.database.dialect, "since, at")
        for row in await self.database.read(call.sql, call.values):
            found = by_name("_setting", row)
            begun = found["since"] is None or str(found["since"]) <= self.moment().today.isoformat()
            if found["place"] is None and begun and found["name"] in values:
                raw = found["value"]
                values[found["name"]] = json.loads(raw) if isinstance(raw, str) else raw
        for name, value in values.items():
            spec = app.settings[name].spec
            values[name] = None if value is None else REGISTRY[spec.type].coerce(value, spec)
        return values


class Tenants(Protocol):
    """Who lives where."""

    def find(self, scope: Mapping[str, Any]) -> Tenant | None:
        """Whose a request is, by its ASGI scope."""
        ...


@dataclass(frozen=True, slots=True)
class OneTenant:
    """A server for one customer: whatever the address, it is his."""

    tenant: Tenant

    def find(self, scope: Mapping[str, Any]) -> Tenant | None:
        return self.tenant


@dataclass(frozen=True, slots=True)
class ByHost:
    """A server for several: each by the host names that are his, in small letters and without a port. Nobody lives at
    any other; what a header other than ``Host`` says does not count."""

    hosts: Mapping[str, Tenant]

    def find(self, scope: Mapping[str, Any]) -> Tenant | None:
        return self.hosts.get(host_of(scope))


def host_of(scope: Mapping[str, Any]) -> str:
    """The name a request was sent to. Two of them name nobody: a proxy may have meant the other one."""
    told = [value for key, value in scope["headers"] if key == b"host"]
    host = told[0].decode("latin-1") if len(told) == 1 else ""
    name, colon, port = host.rpartition(":")
    known = name if colon and port.isascii() and port.isdigit() else host
    return known.lower().removesuffix(".")
