"""Tenants as a whole: made, listed, suspended, resumed, deleted. Each step stands in the directory's events, and where
the tenant's database can be reached in its own audit too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.catalog import Catalog
from engine.db import Lost, open_database, url_of
from engine.db.frozen import freeze, thaw
from engine.label import Label
from engine.problem import Problems, problem
from engine.serve.tenant.filestore import Folder
from engine.studio.directory.archives import manifest_of, opened_archive, seal_of
from engine.studio.directory.placing import (
    counted_at,
    going_to,
    holds_system,
    open_new,
    remove_data,
    remove_files,
    require_free,
    unplaced,
)
from engine.studio.source.build import catalog_of
from engine.studio.source.project import Project, find_project
from engine.studio.tenant.accounts import administrator
from engine.studio.tenant.directories import account
from engine.studio.tenant.noting import noted
from engine.studio.tenant.opening import opened_in
from engine.tenants import naming
from engine.tenants.codes import CODES
from engine.tenants.directory import Directory, Entry, Event, State, taken, unfitting


@dataclass(frozen=True, slots=True)
class Wanted:
    """What ``tenant create`` was asked for. ``adopt``: the database holds a system already, which is taken over."""

    name: str
    target: Path
    url: str = ""
    files: str = ""
    hosts: tuple[str, ...] = ()
    password: str = ""
    adopt: bool = False


async def create(directory: Directory, home: str, wanted: Wanted) -> tuple[Entry, list[str]]:
    """The tenant, and what is to be told once: the administrator's password. ``home`` is the directory's address."""
    name = naming.require_name(wanted.name)
    hosts = tuple(naming.require_host(host) for host in wanted.hosts)
    project = find_project(wanted.target)
    catalog = catalog_of(project)
    url = url_of(wanted.url) if wanted.url else naming.place_beside(home, name)
    await require_free(directory, name, url)
    for other in await directory.all():
        if other.name == name:
            raise taken(name, other.state)
    files = wanted.files or naming.files_beside(url, home, name)
    await require_free(directory, name, url, files)
    there = await holds_system(url)
    if there and not wanted.adopt:
        raise unplaced(
            name, url, Label("那里已有系统；--adopt 可接管", "it holds a system already; --adopt takes that over")
        )
    going = "" if there else going_to(url)
    entry = Entry(name, url, files, "making", "", project.files, going=going, hosts=hosts)
    await directory.add(entry, account())
    try:
        said = await _installed(entry, project, catalog, wanted.password)
    except BaseException:
        if not there:  # nothing half made is left; what was there before stays
            with suppress(Lost, OSError):
                await remove_data(url)
        await directory.change(name, "create-failed", account(), ours=going, state="deleted", hosts=(), going="")
        raise
    return await directory.change(name, "created", account(), ours=going, state="active", going=""), said


async def _installed(entry: Entry, project: Project, catalog: Catalog, password: str) -> list[str]:
    database = await open_new(entry.url)
    try:
        app = await opened_in(project, catalog, database)
        app.tenant.files = Folder(Path(entry.files))
        said = await administrator(app, password)
        await noted(database, "tenant-create", {"tenant": entry.name, "adopted": not app.fresh})
    finally:
        await database.close()
    return said


_FINISH = Label("dougong tenant delete 可将删除做完", "dougong tenant delete finishes it")


def unfit(entry: Entry, command: str, fits: Label | None = None) -> Problems:
    """For what is only done to a tenant that is suspended, or as ``fits`` says."""
    first = f"dougong tenant suspend {entry.name}"
    return unfitting(entry.name, entry.state, command, fits or Label(f"请先运行 {first}", f"{first} first"))


async def suspend(directory: Directory, name: str, reason: str) -> Entry:
    """Also out of a move or a restoration that did not come to its end."""
    entry = await directory.get(name)
    said = {"reason": reason} if reason else {}
    if entry.state in _AT_IT:
        entry = await _taken_back(directory, entry)
    entry = await directory.change(
        *(
            name,
            "suspend",
            account(),
            said,
            ("active", *_AT_IT),
            Label("只能对启用中的租户执行", "only one that is active"),
        ),
        ours=entry.going,
        state="suspended",
        note=reason,
        going="",
    )
    await audited(entry, "tenant-suspend", said)
    return entry


async def resume(directory: Directory, name: str) -> Entry:
    """The same, and a database that takes no writes takes them again."""
    entry = await directory.get(name)
    fits = Label(
        "只能对已暂停的租户，或迁移、恢复中断的租户执行",
        "one that is suspended, or whose move or restoration was broken off",
    )
    if entry.state not in ("suspended", *_AT_IT):
        raise unfit(entry, "resume", _FINISH if entry.state == "deleting" else fits)
    entry = await _taken_back(directory, entry)
    entry = await directory.change(
        *(name, "resume", account(), {}, ("suspended", *_AT_IT), fits),
        ours=entry.going,
        state="active",
        note="",
        going="",
    )
    await audited(entry, "tenant-resume", {})
    return entry


_AT_IT: tuple[State, ...] = ("moving", "restoring")


async def _taken_back(directory: Directory, entry: Entry) -> Entry:
    """Whoever is at it, if he lives, finds that it is not his any more before anything of his counts; then what he has
    made is taken away. Killed in between, this can be done again."""
    if entry.state in _AT_IT:
        place = entry.filling
        entry = await directory.change(
            entry.name, "taken-back", account(), {}, (entry.state,), ours=entry.going, going=going_to(place)
        )
        with suppress(Lost, OSError):
            await remove_data(place)
    await thawed(entry.url)
    return entry


async def thawed(url: str) -> None:
    database = await open_database(url, make=False)
    try:
        await thaw(database)
    finally:
        await database.close()


async def audited(entry: Entry, command: str, detail: Mapping[str, Any]) -> None:
    """In the tenant's own audit, when its database is there; in the directory it stands already."""
    with suppress(Lost, OSError):
        database = await open_database(entry.url, make=False)
        try:
            await noted(database, command, detail)
        finally:
            await database.close()


async def settle_hosts(directory: Directory, name: str, hosts: Sequence[str]) -> Entry:
    known = tuple(dict.fromkeys(naming.require_host(host) for host in hosts))
    await directory.get(name)
    return await directory.change(name, "hosts", account(), {"hosts": list(known)}, hosts=known)


async def delete(directory: Directory, name: str, typed: str, without_backup: bool) -> Entry:
    """Its database, its files, its hosts; the events stay."""
    entry = await directory.get(name)
    if typed != name:
        raise Problems([problem(CODES["tenant.confirm"], name=name)])
    if entry.state not in ("suspended", "making", "deleting"):
        raise unfit(entry, "delete")
    if entry.state == "suspended":
        if not without_backup:
            await _require_backup(entry, await directory.events(name))
        # From here on there is no way back; killed, it is finished by the same command.
        entry = await directory.change(name, "deleting", account(), {}, ("suspended",), state="deleting")
    if entry.state != "making" or entry.filling:  # what was to be taken over, and is not yet, stays where it was
        await remove_data(entry.url)
        remove_files(Path(entry.files))
    detail = {"url": naming.shown(entry.url), "without_backup": without_backup}
    return await directory.change(name, "delete", account(), detail, state="deleted", hosts=(), going="")


async def _require_backup(entry: Entry, events: Sequence[Event]) -> None:
    """One that was made since it was suspended, that is there and whole, and that has all that is to be deleted."""

    def lacking(zh: str, en: str) -> Problems:
        return Problems([problem(CODES["tenant.no-backup"], name=entry.name, reason=Label(zh, en))])

    for event in events:  # newest first
        if event.act == "suspend":
            raise lacking("暂停之后没有做过备份", "none was made since it was suspended")
        if event.act == "backup":
            file = Path(str(event.detail["file"]))
            if not file.exists():
                raise lacking(f"{file} 已不在", f"{file} is gone")
            with opened_archive(file) as archive:
                if seal_of(archive) != event.detail["seal"]:
                    raise lacking(f"{file} 不是当时所做的那一份", f"{file} is another one than was made then")
                kept = manifest_of(archive)["tables"]
            if odd := await _written_since(entry, kept):
                names = ", ".join(odd[:5])
                raise lacking(f"之后又有写入：{names}", f"written since: {names}")
            return
    raise lacking("从未做过备份", "none was ever made")


_LOOPS = ("_audit", "_delivery", "_idempotency", "_lease", "_outbox", "_rollup", "_session")
"""What changes although nobody wrote, and what nobody misses."""


async def _written_since(entry: Entry, kept: Mapping[str, Any]) -> list[str]:
    """The tables that have something else than was kept: a process that had not heard of the suspension may have
    taken a write after the backup. From now on nobody writes; where something was written it may be written again."""
    database = await open_database(entry.url, make=False)
    try:
        await freeze(database)
        have = {name: {"rows": one.rows, "sha256": one.digest} for name, one in (await counted_at(entry.url)).items()}
        names = {n for n in kept.keys() | have.keys() if n not in _LOOPS and not n.startswith(("_log_", "_sum_"))}
        odd = sorted(name for name in names if kept.get(name) != have.get(name))
        if odd:
            await thaw(database)
        return odd
    finally:
        await database.close()
