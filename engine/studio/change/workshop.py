"""Changing a tenant from inside the process that serves it: what API and pages are handed (``tenant/studio.py``)."""

from __future__ import annotations

import asyncio
import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.db import Body
from engine.label import Label
from engine.plan.change import Plan
from engine.plan.metadata import Difference, Done, Order, Revision, Running, Switch, Wanted
from engine.problem import Problem, Problems, problem
from engine.read import versions_of
from engine.serve.tenant.tenancy import Tenant
from engine.studio.change import bundles
from engine.studio.change.applying import applied
from engine.studio.change.bundling import Arrival, arriving, bundle_of, shown, unchanged
from engine.studio.change.planning import Planned, installed, planned, require_no_downgrade
from engine.studio.codes import CODES
from engine.studio.follow import turns
from engine.studio.follow.owing import owed
from engine.studio.follow.settling import settle
from engine.studio.source import switching
from engine.studio.source.ahead import Ahead
from engine.studio.source.build import Source, source_from, source_of
from engine.studio.source.project import find_project
from engine.tenants import revision
from engine.wording import in_language

Told = Callable[[Plan, Mapping[str, Any]], Body[None]]


@dataclass(slots=True)
class Workshop:
    """``folder`` is where the packs lie, if the process knows; ``beside`` where files are that scenarios name."""

    tenant: Tenant
    folder: Path | None = None
    beside: Sequence[Path] = ()
    under_way: set[asyncio.Task[Done]] = field(default_factory=set)
    ahead: Ahead = field(default_factory=Ahead)

    async def plan(self, wanted: Wanted) -> Plan:
        return (await self._planned(wanted)).plan

    async def apply(self, wanted: Wanted, order: Order, beside: Told) -> Done:
        task = asyncio.create_task(self._apply(wanted, order, beside))
        self.under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Done]) -> None:
        self.under_way.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may have left

    async def _apply(self, wanted: Wanted, order: Order, beside: Told) -> Done:
        tenant = self.tenant
        async with turns.turn(tenant.database, order.by) as turn:
            made = await self._planned(wanted)
            _as_reviewed(made.plan, order)
            if made.plan.empty:
                await unchanged(made, tenant.database)
                return Done(made.plan)

            def told(detail: Mapping[str, Any]) -> Body[None]:
                return (yield from beside(made.plan, detail))

            now = await applied(made, turn, order.note, order.despite, beside=told)
            if tenant.learn is not None:
                await tenant.learn()
            if await owed(tenant.database, ("posting",)):
                await turn.stage("posting")
            return Done(made.plan, now.number, await settle(tenant, kinds=("posting",)))

    async def _planned(self, wanted: Wanted) -> Planned:
        database = self.tenant.database
        if wanted.bundle:
            bundle = await asyncio.to_thread(bundles.read, wanted.bundle)
            return await arriving(bundle, database, Arrival(wanted.over_changes, wanted.downgrade), self.beside)
        have = await installed(database)
        now = source_from(have.source)
        source = await self._source(wanted, now)
        if wanted.folder and not wanted.downgrade:
            require_no_downgrade(now, source)
        played = wanted.overlays is not None or wanted.folder or bool(wanted.revision)
        back = wanted.revision
        return await planned(source, database, switched=True, beside=self.beside, played=played, back=back, have=have)

    async def bundle(self) -> str:
        return (await bundle_of(self.tenant.database)).told()

    async def shown(self, bundle: str) -> Mapping[str, Any]:
        return shown(await asyncio.to_thread(bundles.read, bundle))

    async def _source(self, wanted: Wanted, now: Source) -> Source:
        source = now
        if wanted.revision:
            source = source_from(await self._text(wanted.revision))
        elif wanted.folder:
            if self.folder is None:
                raise Problems([problem(CODES["plan.no-folder"])])
            source = await asyncio.to_thread(source_of, find_project(self.folder))
            source = replace(source, switches=switching.known(source, now.switches))
        if wanted.overlays is not None:
            source = replace(source, overlays=tuple(dict(files) for files in wanted.overlays))
        if wanted.switches:
            source = await asyncio.to_thread(switching.switched_to, source, wanted.switches)
        return source

    async def _text(self, number: int) -> str:
        text = await revision.source_of(self.tenant.database, number)
        if text is None:
            raise Problems([problem(CODES["plan.no-revision"], number=number)])
        return text

    async def running(self) -> Running | None:
        return await turns.running(self.tenant.database)

    async def switches(self) -> Sequence[Switch]:
        have = await installed(self.tenant.database)
        source = source_from(have.source)
        self.ahead.begin(source, self.tenant.database.dialect)
        found = await asyncio.to_thread(switching.listed, source)
        return await switching.counted(found, have.tables, self.tenant.database)

    async def look_ahead(self) -> None:
        """Whoever switches something finds it made, even if nobody has looked at the switches."""
        self.ahead.begin(source_from((await installed(self.tenant.database)).source), self.tenant.database.dialect)

    async def revisions(self) -> Sequence[Revision]:
        return [_revision(one) for one in await revision.listed(self.tenant.database)]

    async def revision(self, number: int) -> Revision:
        source = source_from(await self._text(number))
        (one,) = [one for one in await self.revisions() if one.number == number]
        packs = await asyncio.to_thread(versions_of, source.packs)
        return replace(one, switches=dict(source.switches), overlays=source.overlays, packs=packs)

    async def difference(self, before: int, after: int) -> Difference:
        old, new = source_from(await self._text(before)), source_from(await self._text(after))
        text = await asyncio.to_thread(_difference, old, new, (before, after))
        first, last = sorted((before, after))
        between = [one for one in reversed(await self.revisions()) if first < one.number <= last]
        changes = [{**line, "revision": one.number} for one in between for line in one.changes]
        return Difference(before, after, text, changes)

    def said(self, found: Problem) -> tuple[Label, Label]:
        (zh, zh_hint), (en, en_hint) = (in_language(found, language) for language in ("zh", "en"))
        return Label(zh, en), Label(zh_hint, en_hint)


def _as_reviewed(plan: Plan, order: Order) -> None:
    if order.reviewed is None:
        if order.careful and plan.careful and not plan.refused:
            raise Problems([problem(CODES["plan.unseen"])])
        return
    number, digest = order.reviewed
    if number != plan.revision:
        raise Problems([problem(CODES["plan.overtaken"], now=plan.revision, planned=number)])
    if digest != plan.digest:
        raise Problems([problem(CODES["plan.differs"])])


def _revision(one: revision.Entry) -> Revision:
    return Revision(one.number, revision.moment(one.at), one.by, one.note, one.digest, json.loads(one.changes))


def files_of(source: Source) -> dict[str, str]:
    """Everything a system is made of as text, by name."""
    switched = {"features": dict(sorted(source.features.items())), "switches": dict(sorted(source.switches.items()))}
    title = {"zh": source.title.zh, "en": source.title.en}
    app = {"app": source.name, "title": title, "language": source.language, "zone": source.zone, **switched}
    out = {"app.json": json.dumps(app, ensure_ascii=False, indent=2) + "\n"}
    for kind, layers in (("packs", source.packs), ("overlays", source.overlays)):
        out |= {f"{kind}/{name}": text for files in layers for name, text in files.items()}
    return out


def _difference(old: Source, new: Source, numbers: tuple[int, int]) -> str:
    before, after = files_of(old), files_of(new)
    names = [*before, *(name for name in after if name not in before)]
    return "".join(
        line
        for name in names
        if before.get(name) != after.get(name)
        for line in _unified(name, before.get(name), after.get(name), numbers)
    )


def _unified(name: str, old: str | None, new: str | None, numbers: tuple[int, int]) -> Iterator[str]:
    names = [f"{name} ({n})" if text is not None else "/dev/null" for n, text in zip(numbers, (old, new), strict=True)]
    before, after = (old or "").splitlines(), (new or "").splitlines()
    for line in difflib.unified_diff(before, after, names[0], names[1], lineterm=""):
        yield line + "\n"
