"""Where a tenant's data lies: whether a place is free, what is there, how it is taken away."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from engine.db import Database, Lost, carrying, file_of, open_database, raze
from engine.db.carrying import Counted
from engine.db.postgres import PostgresDatabase
from engine.label import Label
from engine.problem import Problems, problem
from engine.serve.tenant.ids import uuid7
from engine.studio.follow.following import held
from engine.tenants import naming
from engine.tenants.codes import CODES
from engine.tenants.directory import Directory

_CONTENTS = re.compile(r"[0-9a-f]{2}")


TAKEN = Label("那里已有内容", "something is there already")


def unplaced(name: str, url: str, reason: Label) -> Problems:
    return Problems([problem(CODES["tenant.place"], name=name, place=naming.shown(url), reason=reason)])


def going_to(url: str) -> str:
    """For a place that is about to be filled; of two who fill one, only one has the token that is in the directory."""
    return f"{uuid7()} {url}"


async def require_free(directory: Directory, name: str, url: str, files: str = "") -> None:
    """No other tenant has its data there, or its files: who deletes one would delete both."""
    for other in await directory.all():
        if other.name == name:
            continue
        if url in (other.url, other.filling):
            raise unplaced(name, url, Label(f"租户 {other.name} 的数据在那里", f"{other.name} lives there"))
        if files and _overlap(Path(files), Path(other.files)):
            raise unplaced(
                name, files, Label(f"租户 {other.name} 的文件在那里", f"the files of {other.name} lie there")
            )


def _overlap(one: Path, other: Path) -> bool:
    one, other = one.resolve(), other.resolve()
    return one == other or one in other.parents or other in one.parents


async def free_files(directory: Directory, url: str, home: str, name: str) -> str:
    """For what replaces a tenant's data, whose files stay where they are until somebody removes them."""
    taken = {one.files for one in await directory.all()}
    for n in range(1, 1000):
        files = naming.files_beside(url, home, name if n == 1 else f"{name}-{n}")
        if files not in taken and (url.startswith("sqlite:") or not Path(files).exists()):
            return files
    raise AssertionError("a thousand folders are taken")


async def open_new(url: str) -> Database:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        try:
            Path(file_of(url)).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Lost(f"{file_of(url)} cannot be made: {error.strerror}", "name another place") from error
    return await open_database(url)


async def is_there(url: str) -> bool:
    try:
        database = await open_database(url, make=False)
    except Lost:
        return False
    await database.close()
    return True


async def holds_system(url: str) -> bool:
    try:
        database = await open_database(url, make=False)
    except Lost:
        return False
    try:
        return await held(database) is not None
    finally:
        await database.close()


async def holds_something(url: str) -> bool:
    """A file; or a schema that is not empty: one may have been made for us."""
    return await is_there(url) if url.startswith("sqlite:") else await holds_system(url)


async def remove_data(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        for end in ("", "-wal", "-shm", "-journal"):
            Path(file_of(url) + end).unlink(missing_ok=True)
    else:
        await raze(url)


def remove_files(folder: Path) -> None:
    """What a store puts there; the folder too, unless somebody has something else in it."""
    if not folder.is_dir():
        return
    for one in folder.iterdir():
        if one.is_dir() and _CONTENTS.fullmatch(one.name):
            shutil.rmtree(one)
        elif one.name.startswith("part-"):
            one.unlink()
    with suppress(OSError):
        folder.rmdir()


async def counted_at(url: str) -> dict[str, Counted]:
    if url.startswith("sqlite:"):
        return await carrying.counted_file(file_of(url))
    database = await open_database(url, make=False)
    assert isinstance(database, PostgresDatabase)
    try:
        return await carrying.counted(database)
    finally:
        await database.close()
