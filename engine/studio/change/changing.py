"""``dougong plan``, ``apply``, ``revisions`` and ``revert``: what people see of a change, and what scripts do."""

from __future__ import annotations

import asyncio
import getpass
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.db import Database, open_database
from engine.plan.metadata import Switch
from engine.problem import Problems, problem
from engine.serve.document import licensing
from engine.studio.change.applying import applied, tenant_of
from engine.studio.change.planning import Planned, installed, planned, require_no_downgrade
from engine.studio.change.telling import CHANGES, NOTHING, REFUSED, Shown, Told
from engine.studio.codes import CODES
from engine.studio.follow.settling import settle
from engine.studio.follow.turns import PATIENCE, turn
from engine.studio.source import switching
from engine.studio.source.build import source_from, source_of
from engine.studio.source.project import find_project
from engine.studio.tenant import terms
from engine.studio.tenant.opening import database_url
from engine.tenants import revision

__all__ = ["CHANGES", "NOTHING", "REFUSED", "Told", "apply", "plan", "revert", "revisions", "switch", "switches"]


def plan(target: Path, url: str, downgrade: bool = False) -> Told:
    return asyncio.run(_run(target, url, Asked(downgrade=downgrade)))


def apply(target: Path, url: str, reviewed: str, note: str, despite: bool = False, downgrade: bool = False) -> Told:
    return asyncio.run(_run(target, url, Asked(True, note, despite, review_of(reviewed), reviewed, downgrade)))


def review_of(file: str) -> Any:
    """The plan that was looked at, as ``--json`` printed it."""
    if not file:
        return None
    try:
        review = json.loads(Path(file).read_text(encoding="utf-8"))
        return {"revision": int(review["revision"]), "digest": str(review["digest"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Problems([problem(CODES["plan.file"], file=file, reason=error)]) from None


@dataclass(frozen=True, slots=True)
class Asked:
    """Whether a plan is taken (``go``), why, and ``despite`` scenarios, with older packs (``downgrade``);
    ``review`` is the one that was looked at."""

    go: bool = False
    note: str = ""
    despite: bool = False
    review: Any = None
    file: str = ""
    downgrade: bool = False


async def _run(target: Path, url: str, asked: Asked) -> Told:
    project = find_project(target)
    source = source_of(project)
    database = await open_database(database_url(project, url), make=False)
    try:
        have = await installed(database)
        if not asked.downgrade:
            require_no_downgrade(source_from(have.source), source)
        return await taken(await planned(source, database, beside=project.places, have=have), database, asked)
    finally:
        await database.close()


async def taken(made: Planned, database: Database, asked: Asked) -> Told:
    review = asked.review
    if review is not None and review["revision"] != made.plan.revision:
        raise Problems([problem(CODES["plan.overtaken"], now=made.plan.revision, planned=review["revision"])])
    if review is not None and review["digest"] != made.plan.digest:
        raise Problems([problem(CODES["plan.other"], file=asked.file)])
    told = Told(made.plan, despite=asked.despite)
    if not asked.go or made.plan.empty or told.refused:
        return told
    before = await tenant_of(made, database)
    await terms.learn(before, terms.vendor_key(), named=False)
    licensing.require_writable(before)
    shown = Shown()
    async with turn(database, _who(), patience=PATIENCE) as mine:
        now = await applied(made, mine, asked.note, asked.despite, shown)
    await settle(await tenant_of(made, database, now.epoch), shown)
    return replace(told, applied=now.number)


def _who() -> str:
    with suppress(Exception):
        return getpass.getuser()
    return ""


def revisions(target: Path, url: str, as_json: bool) -> str:
    return asyncio.run(_revisions(target, url, as_json))


async def _revisions(target: Path, url: str, as_json: bool) -> str:
    database = await open_database(database_url(find_project(target), url), make=False)
    try:
        await installed(database)
        entries = await revision.listed(database)
    finally:
        await database.close()
    if as_json:
        rows = [
            {
                "revision": e.number,
                "at": revision.moment(e.at),
                "by": e.by,
                "note": e.note,
                "digest": e.digest,
                "changes": json.loads(e.changes),
            }
            for e in entries
        ]
        return json.dumps(rows, ensure_ascii=False, indent=2)
    return "\n".join(
        f"{e.number:>4}  {revision.moment(e.at)}  {e.by:<12} {len(json.loads(e.changes)):>3} changes  {e.note}".rstrip()
        for e in entries
    )


def revert(target: Path, number: int, url: str, dry_run: bool, despite: bool = False) -> Told:
    return asyncio.run(_revert(target, number, url, Asked(not dry_run, f"back to revision {number}", despite)))


async def _revert(target: Path, number: int, url: str, asked: Asked) -> Told:
    project = find_project(target)
    database = await open_database(database_url(project, url), make=False)
    try:
        have = await installed(database)
        text = await revision.source_of(database, number)
        if text is None:
            raise Problems([problem(CODES["plan.no-revision"], number=number)])
        made = await planned(
            source_from(text), database, switched=True, beside=project.places, back=number, have=have
        )
        return await taken(made, database, asked)
    finally:
        await database.close()


def switches(target: Path, url: str, as_json: bool) -> str:
    """Modules and features, whether they are on, and what needs them."""
    return asyncio.run(_switches(target, url, as_json))


async def _switches(target: Path, url: str, as_json: bool) -> str:
    database = await open_database(database_url(find_project(target), url), make=False)
    try:
        found = switching.listed(source_from((await installed(database)).source))
    finally:
        await database.close()
    if as_json:
        return json.dumps([one.plain() for one in found], ensure_ascii=False, indent=2)
    return "\n".join(_switch_line(one) for one in found)


def _switch_line(one: Switch) -> str:
    needed = f"  (needed by {', '.join(one.needed_by)})" if one.needed_by else ""
    return f"{'on ' if one.on else 'off'}  {one.name:<32} {one.title.to('zh')}{needed}".rstrip()


def switch(target: Path, name: str, on: bool, url: str, dry_run: bool) -> Told:
    asked = Asked(not dry_run, f"{name} {'on' if on else 'off'}")
    return asyncio.run(_switch(target, name, on, url, asked))


async def _switch(target: Path, name: str, on: bool, url: str, asked: Asked) -> Told:
    """On what the database holds: text that waits to be applied goes on waiting. No scenarios are played."""
    project = find_project(target)
    database = await open_database(database_url(project, url), make=False)
    try:
        have = await installed(database)
        source = switching.switched(source_from(have.source), name, on)
        made = await planned(source, database, switched=True, played=False, have=have)
        return await taken(made, database, asked)
    finally:
        await database.close()
