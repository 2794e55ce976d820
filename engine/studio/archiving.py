"""Backing a tenant up, restoring it, moving it: the database first, then the files it names."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from engine.db import Body, Call, Database, Held, Lost, carrying, open_database, url_of
from engine.db.carrying import Counted
from engine.db.frozen import freeze, thaw
from engine.db.postgres import PostgresDatabase
from engine.problem import Problems, problem
from engine.serve.ids import uuid7
from engine.studio import archives
from engine.studio.archives import DATABASE, FILES, Writer
from engine.studio.directories import account
from engine.studio.following import held
from engine.studio.housing import LOOKS
from engine.studio.noting import noted
from engine.studio.tenanting import audited, open_new, remove_data, require_free, unfit, unplaced
from engine.tenants import naming
from engine.tenants.codes import CODES
from engine.tenants.directory import Directory, Entry


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
        if entry.state != "moving":
            await noted(database, "tenant-backup", {"file": str(file), "seal": kept.seal})
    finally:
        await database.close()
    detail = {"file": str(file), "seal": kept.seal, "rows": kept.rows, "files": kept.files}
    await directory.note(name, "backup", account(), detail)
    return kept


@contextmanager
def _written(file: Path) -> Iterator[zipfile.ZipFile]:
    """All of it, or no file."""
    part = file.with_name(f".{file.name}.part")
    try:
        with part.open("xb") as out:
            os.chmod(part, 0o600)  # noqa: PTH101 - it holds everything
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
    tables, named, revision = await _database_into(writer, database, entry.url, file.parent)
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
    writer: Writer, database: Database, url: str, beside: Path
) -> tuple[dict[str, Counted], set[str], int]:
    """(tables, digests of the files that its records name, revision), all of the moment that was kept."""
    if isinstance(database, PostgresDatabase):
        tables = await carrying.pour(database, writer.put)
        named = {row[0] for row in await database.read("SELECT digest FROM _file")}
        return tables, named, int((await database.read("SELECT max(n) FROM _revision"))[0][0])
    with tempfile.TemporaryDirectory(dir=beside, prefix=".backup-") as folder:
        copy = Path(folder) / DATABASE
        await carrying.copy_file(urlsplit(url).path, copy)
        tables = await carrying.counted_file(str(copy))
        with sqlite3.connect(copy) as own:
            named = {str(row[0]) for row in own.execute("SELECT digest FROM _file")}
            revision = int(own.execute("SELECT max(n) FROM _revision").fetchone()[0])
        own.close()
        writer.put_file(DATABASE, copy)
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
    with archives.opened_archive(asked.file) as archive:
        told = archives.manifest_of(archive)
        seal = archives.seal_of(archive)
        await _require_seal(directory, asked, str(told["id"]), seal)
        before = next((one for one in await directory.all() if one.name == name), None)
        if before is not None and not asked.over:
            raise Problems([problem(CODES["tenant.taken"], name=name)])
        if before is not None and before.state != "suspended":
            raise unfit(before, "restore")
        url = url_of(asked.url) if asked.url else await _free_place(directory, home, name, before)
        _require_dialect(told["dialect"], url)
        await require_free(directory, name, url)
        files = asked.files or naming.files_beside(url, home, Path(urlsplit(url).path).stem if before else name)
        detail = {"file": str(asked.file), "seal": seal, "of": told["tenant"], "made": told["made"]}
        if before is None:
            made = Entry(name, url, files, "making", "", told["options"], hosts=asked.hosts)
            await directory.add(made, account())
        try:
            await _restored(archive, told, url, Path(files), anew=before is None)
        except BaseException:
            if before is None:
                await directory.change(name, "restore-failed", account(), detail, state="deleted", hosts=())
            raise
    state = "active" if before is None else "suspended"
    entry = await directory.change(name, "restore", account(), detail, state=state, url=url, files=files)
    await audited(entry, "tenant-restore", detail)
    return entry, before.url if before is not None and before.url != url else ""


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
    taken = {one.url for one in await directory.all()} | ({before.url} if before else set())
    for n in range(1, 1000):
        url = naming.place_beside(home, name if n == 1 else f"{name}-{n}")
        if url not in taken and not await _is_there(url):
            return url
    raise AssertionError("a thousand places are taken")


async def _is_there(url: str) -> bool:
    try:
        database = await open_database(url, make=False)
    except Lost:
        return False
    await database.close()
    return True


def _require_dialect(had: str, url: str) -> None:
    want = "sqlite" if url.startswith("sqlite:") else "postgresql"
    if had != want:
        raise Problems([problem(CODES["archive.dialect"], had=had, want=want)])


async def _restored(archive: zipfile.ZipFile, told: dict[str, Any], url: str, files: Path, anew: bool) -> None:
    """Into a place where nothing is; where it fails nothing is left."""
    if await _holds_something(url):
        raise unplaced(told["tenant"], url, "something is there already")
    try:
        await _database_from(archive, url)
        tables = {name: Counted(one["rows"], one["sha256"]) for name, one in told["tables"].items()}
        await require_same(told["tenant"], tables, await counted_at(url))
        database = await open_database(url, make=False)
        try:
            await thaw(database)
            if anew:
                await database.write(lambda: _as_another(database.dialect))
        finally:
            await database.close()
        for name in archive.namelist():
            if name.startswith(FILES):
                await asyncio.to_thread(_file_from, archive, name, files)
    except (OSError, sqlite3.OperationalError) as error:
        await remove_data(url)
        raise Problems([problem(CODES["archive.disk"], file=naming.shown(url), reason=error)]) from error
    except asyncpg.PostgresError as error:
        await remove_data(url)
        raise Problems([problem(CODES["archive.broken"], file=archive.filename, reason=error)]) from error
    except BaseException:
        with suppress(Lost, OSError):
            await remove_data(url)
        raise


async def _holds_something(url: str) -> bool:
    """A file; or a schema that is not empty: one may have been made for us."""
    if not await _is_there(url):
        return False
    if url.startswith("sqlite:"):
        return True
    database = await open_database(url, make=False)
    try:
        return await held(database) is not None
    finally:
        await database.close()


def _as_another(dialect: str) -> Body[None]:
    """A copy beside its original: whoever is signed in there is not here, and nobody hears of anything twice."""
    yield Call("DELETE FROM _session")
    yield Call("UPDATE _lease SET until = 0 WHERE name = 'courier'")
    yield Call("UPDATE _webhook SET state = 'paused'")


async def _database_from(archive: zipfile.ZipFile, url: str) -> None:
    if not url.startswith("sqlite:"):
        database = await open_new(url)
        assert isinstance(database, PostgresDatabase)
        try:
            await carrying.fill(database, lambda name: archives.entry(archive, name))
        finally:
            await database.close()
        return
    path = Path(urlsplit(url).path)
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


async def counted_at(url: str) -> dict[str, Counted]:
    if url.startswith("sqlite:"):
        return await carrying.counted_file(urlsplit(url).path)
    database = await open_database(url, make=False)
    assert isinstance(database, PostgresDatabase)
    try:
        return await carrying.counted(database)
    finally:
        await database.close()


async def require_same(name: str, had: dict[str, Counted], have: dict[str, Counted]) -> None:
    odd = sorted(table for table in had.keys() | have.keys() if had.get(table) != have.get(table))
    if odd:
        raise Problems([problem(CODES["tenant.differs"], name=name, what=", ".join(odd[:5]))])


# moving


async def move(directory: Directory, name: str, to: str, pause: float = 3 * LOOKS) -> tuple[Entry, int]:
    """To another database of the same kind; the entry, and how many rows went. Requests wait meanwhile; what they would
    write is refused by the old place from the moment of the copy on, also to a process that has not heard of it."""
    entry = await directory.get(name)
    url = url_of(to)
    _require_dialect("sqlite" if entry.url.startswith("sqlite:") else "postgresql", url)
    await require_free(directory, name, url)
    if url == entry.url or await _holds_something(url):
        raise unplaced(name, url, "it is there" if url == entry.url else "something is there already")
    detail = {"from": naming.shown(entry.url), "to": naming.shown(url)}
    await directory.change(name, "move", account(), detail, ("active", "suspended"), state="moving", note=entry.note)
    source = await open_database(entry.url, make=False)
    try:
        try:
            if entry.state == "active":
                await asyncio.sleep(pause)  # until those who serve have heard of it, and their requests have ended
            await noted(source, "tenant-move", detail)
            await freeze(source)
            had = await counted_at(entry.url)
            await _carried(entry, source, url, had)
        except BaseException:
            # Where even this fails the tenant stays refused, and `dougong tenant resume` does it.
            with suppress(Lost, Held):
                await thaw(source)
                await directory.change(name, "move-failed", account(), detail, state=entry.state)
            raise
    finally:
        await source.close()
    rows = sum(one.rows for one in had.values())
    made = await directory.change(name, "moved", account(), {**detail, "rows": rows}, state=entry.state, url=url)
    return made, rows


async def _carried(entry: Entry, source: Database, url: str, had: dict[str, Counted]) -> None:
    try:
        if isinstance(source, PostgresDatabase):
            with tempfile.TemporaryFile() as kept:
                with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                    await carrying.pour(source, Writer(archive).put)
                with zipfile.ZipFile(kept) as archive:
                    await _database_from(archive, url)
        else:
            path = Path(urlsplit(url).path)
            path.parent.mkdir(parents=True, exist_ok=True)
            await carrying.copy_file(urlsplit(entry.url).path, path)
        await require_same(entry.name, had, await counted_at(url))
        target = await open_database(url, make=False)
        try:
            await thaw(target)
        finally:
            await target.close()
    except (OSError, sqlite3.OperationalError) as error:
        await remove_data(url)
        raise Problems([problem(CODES["archive.disk"], file=naming.shown(url), reason=error)]) from error
    except BaseException:
        with suppress(Lost, OSError):
            await remove_data(url)
        raise
