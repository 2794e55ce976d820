"""Tenants as a whole: made, listed, suspended, resumed, deleted. Each step stands in the directory's events, and where
the tenant's database can be reached in its own audit too."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.db import Database, Lost, open_database, raze, url_of
from engine.db.frozen import thaw
from engine.problem import Problems, problem
from engine.serve.filestore import Folder
from engine.studio.archives import opened_archive, seal_of
from engine.studio.build import catalog_of
from engine.studio.directories import account
from engine.studio.following import held
from engine.studio.noting import noted
from engine.studio.opening import opened_in
from engine.studio.project import find_project
from engine.studio.run import administrator
from engine.tenants import naming
from engine.tenants.codes import CODES
from engine.tenants.directory import Directory, Entry, Event


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
    files = wanted.files or naming.files_beside(url, home, name)
    await directory.add(Entry(name, url, files, "making", "", project.files, hosts=hosts), account())
    try:
        database = await open_new(url)
        ours = False
        try:
            ours = await held(database) is None
            if not ours and not wanted.adopt:
                raise unplaced(name, url, "it holds a system already; --adopt takes that over")
            app = await opened_in(project, catalog, database)
            app.tenant.files = Folder(Path(files))
            said = await administrator(app, wanted.password)
            await noted(database, "tenant-create", {"tenant": name, "adopted": not app.fresh})
        except BaseException:
            await database.close()
            if ours:  # nothing half made is left; what was there before stays
                await remove_data(url)
            await directory.change(name, "create-failed", account(), state="deleted", hosts=())
            raise
        await database.close()
    except Lost:
        await directory.change(name, "create-failed", account(), state="deleted", hosts=())
        raise
    return await directory.change(name, "created", account(), state="active"), said


async def require_free(directory: Directory, name: str, url: str) -> None:
    for other in await directory.all():
        if other.url == url and other.name != name:
            raise unplaced(name, url, f"{other.name} lives there")


async def open_new(url: str) -> Database:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        try:
            Path(parts.path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Lost(f"{parts.path} cannot be made: {error.strerror}", "name another place") from error
    return await open_database(url)


def unfit(entry: Entry, command: str) -> Problems:
    """For what is only done to a tenant that is suspended."""
    fits = f"dougong tenant suspend {entry.name} first"
    return Problems([problem(CODES["tenant.state"], name=entry.name, state=entry.state, command=command, fits=fits)])


def unplaced(name: str, url: str, reason: str) -> Problems:
    return Problems([problem(CODES["tenant.place"], name=name, place=naming.shown(url), reason=reason)])


async def remove_data(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        for end in ("", "-wal", "-shm"):
            Path(parts.path + end).unlink(missing_ok=True)
    else:
        await raze(url)


async def suspend(directory: Directory, name: str, reason: str) -> Entry:
    entry = await directory.get(name)
    said = {"reason": reason} if reason else {}
    entry = await directory.change(
        name, "suspend", account(), said, ("active",), "only one that is active", state="suspended", note=reason
    )
    await audited(entry, "tenant-suspend", said)
    return entry


async def resume(directory: Directory, name: str) -> Entry:
    """Also out of a move that did not come to its end."""
    entry = await directory.get(name)
    if entry.state == "moving":
        database = await open_database(entry.url, make=False)
        try:
            await thaw(database)
        finally:
            await database.close()
    fits = "one that is suspended, or whose move was broken off"
    entry = await directory.change(
        name, "resume", account(), {}, ("suspended", "moving"), fits, state="active", note=""
    )
    await audited(entry, "tenant-resume", {})
    return entry


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
    if entry.state not in ("suspended", "making"):
        raise unfit(entry, "delete")
    if not without_backup and entry.state != "making":
        _require_backup(name, await directory.events(name))
    await remove_data(entry.url)
    if Path(entry.files).is_dir():
        shutil.rmtree(entry.files)
    detail = {"url": naming.shown(entry.url), "without_backup": without_backup}
    return await directory.change(name, "delete", account(), detail, state="deleted", hosts=())


def _require_backup(name: str, events: Sequence[Event]) -> None:
    """One that was made since it was suspended, so that nothing is younger, and that is there and whole."""

    def lacking(reason: str) -> Problems:
        return Problems([problem(CODES["tenant.no-backup"], name=name, reason=reason)])

    for event in events:  # newest first
        if event.act == "suspend":
            raise lacking("none was made since it was suspended")
        if event.act == "backup":
            file = Path(str(event.detail["file"]))
            if not file.exists():
                raise lacking(f"{file} is gone")
            with opened_archive(file) as archive:
                if seal_of(archive) != event.detail["seal"]:
                    raise lacking(f"{file} is another one than was made then")
            return
    raise lacking("none was ever made")
