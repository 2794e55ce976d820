"""Backing a tenant up, restoring it, moving it: the database first, then the files it names."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import asyncpg

from engine.db import Body, Call, Database, Held, Lost, carrying, file_of, open_database, url_of
from engine.db.carrying import Counted
from engine.db.frozen import freeze, thaw
from engine.db.postgres import PostgresDatabase
from engine.label import Label
from engine.problem import Problems, problem
from engine.serve.tenant.ids import uuid7
from engine.studio.directory import archives
from engine.studio.directory.archives import DATABASE, FILES, Writer
from engine.studio.directory.housing import LOOKS
from engine.studio.directory.placing import (
    TAKEN,
    counted_at,
    free_files,
    going_to,
    holds_something,
    is_there,
    open_new,
    remove_data,
    remove_files,
    require_free,
    unplaced,
)
from engine.studio.directory.tenanting import audited, thawed, unfit
from engine.studio.tenant import terms
from engine.studio.tenant.directories import account
from engine.studio.tenant.noting import noted
from engine.tenants import naming
from engine.tenants.codes import CODES
from engine.tenants.directory import Directory, Entry, State, taken


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that was made."""

    file: Path
    seal: str
    rows: int
    files: int
    missing: tuple[str, ...] = ()


# backing up


async def backup(directory: Directory, name: str, to: Path | None) -> Kept:
    entry = await directory.get(name)
    if entry.state in ("making", "deleting"):
        raise unfit(entry, "backup", Label("没有完整的数据可备份", "there is nothing whole to back up"))
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    file = (to if to is not None else Path(f"{name}-{stamp}.zip")).resolve()
    if file.is_dir():
        file = file / f"{name}-{stamp}.zip"
    if file.exists():
        raise Problems([problem(CODES["archive.there"], file=file)])
    database = await open_database(entry.url, make=False)
    try:
        with _written(file) as archive:
            kept = await _archived(entry, database, archive, file)
        with suppress(Lost):  # one that is being moved takes no writes; in the directory it stands all the same
            await noted(database, "tenant-backup", {"file": str(file), "seal": kept.seal})
    finally:
        await database.close()
    detail = {"file": str(file), "seal": kept.seal, "rows": kept.rows, "files": kept.files}
    await directory.note(name, "backup", account(), detail)
    return kept


def _private(path: str, flags: int) -> int:
    """It holds everything."""
    return os.open(path, flags | os.O_CREAT, 0o600)


@contextmanager
def _written(file: Path) -> Iterator[zipfile.ZipFile]:
    """All of it, or no file."""
    part = file.with_name(f".{file.name}.part")
    try:
        with open(part, "r+b", opener=_private) as out:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
            out.truncate(0)
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                yield archive
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    except OSError as error:
        raise Problems([problem(CODES["archive.disk"], file=file, reason=error.strerror or error)]) from error
    except sqlite3.OperationalError as error:
        raise Problems([problem(CODES["archive.disk"], file=file, reason=error)]) from error
    finally:
        part.unlink(missing_ok=True)


async def _archived(entry: Entry, database: Database, archive: zipfile.ZipFile, file: Path) -> Kept:
    writer = Writer(archive)
    tables, named, revision = await _database_into(
        writer, database, entry.url, file.with_name(f".{file.name}.{DATABASE}")
    )
    files, missing = Path(entry.files), []
    for digest in sorted(named):
        try:
            writer.put_file(FILES + digest, files / digest[:2] / digest[2:])
        except FileNotFoundError:
            missing.append(digest)
    told = {
        "id": uuid7(),
        "tenant": entry.name,
        "dialect": database.dialect,
        "engine": version("dougong"),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": revision,
        "options": dict(entry.options),
        "tables": {name: {"rows": one.rows, "sha256": one.digest} for name, one in tables.items()},
        "missing": missing,
    }
    rows = sum(one.rows for one in tables.values())
    return Kept(file, writer.finish(told), rows, len(named) - len(missing), tuple(missing))


async def _database_into(
    writer: Writer, database: Database, url: str, copy: Path
) -> tuple[dict[str, Counted], set[str], int]:
    """(tables, digests of the files that its records name, revision), all of the moment that was kept."""
    if isinstance(database, PostgresDatabase):
        tables = await carrying.pour(database, writer.put)
        named = {row[0] for row in await database.read("SELECT digest FROM _file")}
        return tables, named, int((await database.read("SELECT max(n) FROM _revision"))[0][0])
    try:
        copy.unlink(missing_ok=True)  # of one that was killed
        copy.touch(0o600)
        await carrying.copy_file(file_of(url), copy)
        tables = await carrying.counted_file(str(copy))
        with closing(sqlite3.connect(copy)) as own:
            named = {str(row[0]) for row in own.execute("SELECT digest FROM _file")}
            revision = int(own.execute("SELECT max(n) FROM _revision").fetchone()[0])
        writer.put_file(DATABASE, copy)
    finally:
        copy.unlink(missing_ok=True)
    return tables, named, revision


# restoring


@dataclass(frozen=True, slots=True)
class Restoring:
    """``over``: an existing tenant, which is suspended, is to be what the archive says."""

    name: str
    file: Path
    url: str = ""
    files: str = ""
    hosts: tuple[str, ...] = ()
    seal: str = ""
    over: bool = False


async def restore(directory: Directory, home: str, asked: Restoring) -> tuple[Entry, str]:
    """The tenant, and where the data of before still lies (nowhere: "")."""
    name = naming.require_name(asked.name)
    hosts = tuple(dict.fromkeys(naming.require_host(host) for host in asked.hosts))
    with archives.opened_archive(asked.file) as archive:
        told = archives.manifest_of(archive)
        seal = archives.seal_of(archive)
        await _require_seal(directory, asked, str(told["id"]), seal)
        before = next((one for one in await directory.all() if one.name == name), None)
        if before is not None and (before.state == "making" or not asked.over):
            raise taken(name, before.state)
        if before is not None and before.state != "suspended":
            raise unfit(before, "restore")
        url = url_of(asked.url) if asked.url else await _free_place(directory, home, name, before)
        _require_dialect(told["dialect"], url)
        place = files_beside if before is None else free_files
        files = asked.files or await place(directory, url, home, name)
        await require_free(directory, name, url, files)
        if await holds_something(url):
            raise unplaced(name, url, TAKEN)
        detail = {"file": str(asked.file), "seal": seal, "of": told["tenant"], "made": told["made"]}
        going = going_to(url)
        if before is None:
            made = Entry(name, url, files, "making", "", told["options"], going=going, hosts=hosts)
            await directory.add(made, account())
        else:
            states: dict[str, Any] = {"state": "restoring", "going": going}
            await directory.change(name, "restoring", account(), detail, ("suspended",), **states)
        try:
            await _restored(archive, told, url, Path(files), before is None or told["tenant"] != name)
        except BaseException:
            await _given_up(directory, name, going, "suspended" if before else "deleted", "restore-failed", detail)
            raise
    sets: dict[str, Any] = {"state": "suspended" if before else "active", "url": url, "files": files, "going": ""}
    if hosts:
        sets["hosts"] = hosts
    entry = await directory.change(name, "restore", account(), detail, ours=going, **sets)
    await audited(entry, "tenant-restore", detail)
    return entry, before.url if before is not None else ""


async def files_beside(_directory: Directory, url: str, home: str, name: str) -> str:
    return naming.files_beside(url, home, name)


async def _given_up(directory: Directory, name: str, going: str, state: State, act: str, detail: Any) -> None:
    """Takes away what was filled, unless somebody took that from us: then it may be his by now. Where even this fails
    the tenant stays as it is, and `dougong tenant resume` or `delete` does it."""
    with suppress(Lost, Held, Problems, OSError):
        entry = await directory.get(name)
        if entry.going == going:
            await remove_data(entry.filling)
            if state == "deleted":
                remove_files(Path(entry.files))
        if act == "move-failed" and (entry.going == going or not entry.going):
            await thawed(entry.url)
        if entry.going != going:
            return
        hosts: dict[str, Any] = {"hosts": ()} if state == "deleted" else {}
        await directory.change(name, act, account(), detail, ours=going, state=state, going="", **hosts)


async def _require_seal(directory: Directory, asked: Restoring, number: str, seal: str) -> None:
    """What was kept elsewhere, or what the directory knows of the tenant's backups."""
    known = {
        event.detail["seal"]
        for event in await directory.events(most=100_000)
        if event.act == "backup" and Path(str(event.detail["file"])).name == asked.file.name
    }
    if (asked.seal and seal != asked.seal) or (not asked.seal and known and seal not in known):
        reason = "its seal is not the one that was told when it was made"
        raise Problems([problem(CODES["archive.broken"], file=asked.file.name, reason=reason)])


async def _free_place(directory: Directory, home: str, name: str, before: Entry | None) -> str:
    known = await directory.all()
    taken = {one.url for one in known} | {one.filling for one in known} | ({before.url} if before else set())
    for n in range(1, 1000):
        url = naming.place_beside(home, name if n == 1 else f"{name}-{n}")
        if url not in taken and not await is_there(url):
            return url
    raise AssertionError("a thousand places are taken")


def _require_dialect(had: str, url: str) -> None:
    want = "sqlite" if url.startswith("sqlite:") else "postgresql"
    if had != want:
        raise Problems([problem(CODES["archive.dialect"], had=had, want=want)])


async def _restored(archive: zipfile.ZipFile, told: dict[str, Any], url: str, files: Path, another: bool) -> None:
    """Into a place where nothing is."""
    with _named_problems(url, archive.filename):
        await _database_from(archive, url)
        tables = {name: Counted(one["rows"], one["sha256"]) for name, one in told["tables"].items()}
        await require_same(told["tenant"], tables, await counted_at(url))
        database = await open_database(url, make=False)
        try:
            await thaw(database)
            if another:
                await database.write(lambda: _as_another(database.dialect))
        finally:
            await database.close()
        for name in archive.namelist():
            if name.startswith(FILES):
                await asyncio.to_thread(_file_from, archive, name, files)


@contextmanager
def _named_problems(url: str, archive: object) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise Problems([problem(CODES["archive.disk"], file=naming.shown(url), reason=error)]) from error
    except asyncpg.PostgresError as error:
        raise Problems([problem(CODES["archive.broken"], file=archive, reason=error)]) from error


def _as_another(dialect: str) -> Body[None]:
    """A copy beside its original: whoever is signed in there is not here, and nobody hears of anything twice."""
    yield Call("DELETE FROM _session")
    yield Call("UPDATE _lease SET until = 0 WHERE name = 'courier'")
    yield Call("UPDATE _webhook SET state = 'paused'")
    yield Call(f"DELETE FROM _setting WHERE name = '{terms.OF}'")


async def _database_from(archive: zipfile.ZipFile, url: str) -> None:
    if not url.startswith("sqlite:"):
        database = await open_new(url)
        assert isinstance(database, PostgresDatabase)
        try:
            await carrying.fill(database, lambda name: archives.entry(archive, name))
        finally:
            await database.close()
        return
    path = Path(file_of(url))
    path.parent.mkdir(parents=True, exist_ok=True)
    with archives.entry(archive, DATABASE) as source, path.open("xb") as out:
        while piece := source.read(1024 * 1024):
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    if wrong := await carrying.whole_file(path):
        raise Problems([problem(CODES["archive.broken"], file=archive.filename, reason=wrong)])


def _file_from(archive: zipfile.ZipFile, name: str, files: Path) -> None:
    digest = name.removeprefix(FILES)
    path = files / digest[:2] / digest[2:]
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = files / f"part-{uuid7()}"
    try:
        with archives.entry(archive, name) as source, part.open("xb") as out:
            while piece := source.read(1024 * 1024):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


async def require_same(name: str, had: dict[str, Counted], have: dict[str, Counted]) -> None:
    odd = sorted(table for table in had.keys() | have.keys() if had.get(table) != have.get(table))
    if odd:
        raise Problems([problem(CODES["tenant.differs"], name=name, what=", ".join(odd[:5]))])


# moving


async def move(directory: Directory, name: str, to: str, pause: float = 3 * LOOKS) -> tuple[Entry, int]:
    """To another database of the same kind; the entry, and how many rows went. Requests wait meanwhile; what they would
    write is refused by the old place from the moment of the copy on, also to a process that has not heard of it."""
    entry = await directory.get(name)
    if entry.state not in ("active", "suspended"):
        back = f"dougong tenant resume {name}"
        raise unfit(entry, "move", Label(f"{back} 可撤回中断的迁移", f"{back} takes back a move that was broken off"))
    url = url_of(to)
    _require_dialect("sqlite" if entry.url.startswith("sqlite:") else "postgresql", url)
    await require_free(directory, name, url)
    if url == entry.url or await holds_something(url):
        raise unplaced(name, url, Label("数据本来就在那里", "it is there") if url == entry.url else TAKEN)
    detail = {"from": naming.shown(entry.url), "to": naming.shown(url)}
    going = going_to(url)
    sets: dict[str, Any] = {"state": "moving", "note": entry.note, "going": going}
    source = await open_database(entry.url, make=False)  # one that is away is not begun with
    try:
        begun = await directory.change(name, "move", account(), detail, ("active", "suspended"), **sets)
    except BaseException:
        await source.close()
        raise
    try:
        try:
            if begun.url != entry.url:  # somebody moved it a moment ago
                raise Problems([problem(CODES["tenant.overtaken"], name=name)])
            if entry.state == "active":
                await asyncio.sleep(pause)  # until those who serve have heard of it, and their requests have ended
            await noted(source, "tenant-move", detail)
            await freeze(source)
            had = await counted_at(begun.url)
            await _carried(begun, source, url, had)
        finally:
            await source.close()
        rows = sum(one.rows for one in had.values())
        told = {**detail, "rows": rows}
        # Refused when somebody took it back meanwhile: then the old place takes writes again, which are not here.
        made = await directory.change(name, "moved", account(), told, ours=going, state=entry.state, url=url, going="")
    except BaseException:
        await _given_up(directory, name, going, entry.state, "move-failed", detail)
        raise
    return made, rows


async def _carried(entry: Entry, source: Database, url: str, had: dict[str, Counted]) -> None:
    with _named_problems(url, naming.shown(url)):
        if isinstance(source, PostgresDatabase):
            with tempfile.TemporaryFile() as kept:
                with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                    await carrying.pour(source, Writer(archive).put)
                with zipfile.ZipFile(kept) as archive:
                    await _database_from(archive, url)
        else:
            path = Path(file_of(url))
            path.parent.mkdir(parents=True, exist_ok=True)
            await carrying.copy_file(file_of(entry.url), path)
        await require_same(entry.name, had, await counted_at(url))
        target = await open_database(url, make=False)
        try:
            await thaw(target)
        finally:
            await target.close()
