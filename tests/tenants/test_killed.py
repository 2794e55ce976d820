"""kill -9 in the midst of what is done to a tenant: what is left, and that the next command ends it or undoes it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from engine.db import Call, Lost, open_database
from engine.problem import Problems
from engine.studio.directory import archiving, placing, tenanting
from engine.studio.directory.archiving import Restoring
from engine.studio.directory.tenanting import Wanted
from engine.studio.tenant import terms
from engine.studio.tenant.directories import directory_at
from engine.tenants.directory import Directory, Entry
from tests.tenants.village import PASSWORD

PACK = """module: shop
grammar: 1
version: 1.0.0
title: Shop
entities:
  item:
    title: Item
    fields:
      code: {type: text, required: true}
"""
Do = Callable[[Directory], Awaitable[Any]]


@dataclass(frozen=True)
class Land:
    """A directory that no process has open, so that one can be forked and killed."""

    folder: Path
    home: str

    def done(self, do: Do) -> Any:
        async def run() -> Any:
            async with directory_at(self.home) as directory:
                return await do(directory)

        return asyncio.run(run())

    def killed(self, at: tuple[Any, str], do: Do, after: bool = False) -> None:
        """A process that does it, killed where it comes to that function (``after`` it has done its work)."""
        child = os.fork()
        if not child:
            module, name = at
            had = getattr(module, name)

            async def dies(*given: Any, **named: Any) -> None:
                if after:
                    await had(*given, **named)
                os.kill(os.getpid(), signal.SIGKILL)

            setattr(module, name, dies)
            try:
                self.done(do)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "it came to its end"

    def entry(self, name: str) -> Entry:
        found: Entry = self.done(lambda d: d.get(name))
        return found

    @property
    def app(self) -> Path:
        """The least there can be: what is tried here is not of the app."""
        folder = self.folder / "shop"
        folder.mkdir(exist_ok=True)
        (folder / "module.yaml").write_text(PACK)
        return folder

    def make(self, name: str, **more: Any) -> None:
        wanted = Wanted(name, self.app, hosts=(f"{name}.example",), password=PASSWORD, **more)
        self.done(lambda d: tenanting.create(d, self.home, wanted))

    def place(self, name: str) -> str:
        if self.home.startswith("sqlite"):
            return f"sqlite://{self.folder}/other/{name}.db"
        return urlsplit(self.home)._replace(query=f"schema={name}").geturl()

    def there(self, url: str) -> bool:
        return asyncio.run(placing.is_there(url))

    def holds(self, url: str, more: str = "") -> set[str]:
        """Writes a mark into the database of a tenant; the marks that are there."""

        async def run() -> set[str]:
            database = await open_database(url, make=False)
            try:
                if more:
                    await terms.keep(database, f"mark {more}", 1)
                rows = await database.read("SELECT name FROM _setting WHERE name LIKE 'mark %'")
                return {str(row[0]).removeprefix("mark ") for row in rows}
            finally:
                await database.close()

        return asyncio.run(run())


@pytest.fixture(params=["sqlite", "postgresql"])
def land(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Land:
    monkeypatch.chdir(tmp_path)
    if request.param == "sqlite":
        return Land(tmp_path, f"sqlite://{tmp_path}/directory.db")
    return Land(tmp_path, f"{request.getfixturevalue('postgres_url')}?schema=directory")


def test_while_it_is_made(land: Land) -> None:
    wanted = Wanted("ada", land.app, hosts=("ada.example",), password=PASSWORD)

    async def make(directory: Directory) -> Any:
        return await tenanting.create(directory, land.home, wanted)

    for at, after in (((tenanting, "open_new"), False), ((tenanting, "administrator"), True)):
        land.killed(at, make, after)
        left = land.entry("ada")
        assert left.state == "making"
        with pytest.raises(Problems, match=r"tenant\.half"):
            land.done(make)
        land.done(lambda d: tenanting.delete(d, "ada", "ada", False))
        assert not land.there(left.url)
    land.done(make)
    assert land.entry("ada").state == "active"


def test_what_was_to_be_taken_over_stays(land: Land) -> None:
    """``--adopt`` that was killed: deleting the half made tenant leaves the system that was there before."""
    land.make("ada")
    url = land.entry("ada").url
    land.holds(url, "old")
    land.done(lambda d: d.change("ada", "forgotten", "test", state="deleted", hosts=()))
    wanted = Wanted("eve", land.app, url, password=PASSWORD)
    with pytest.raises(Problems, match="--adopt takes that over"):
        land.done(lambda d: tenanting.create(d, land.home, wanted))
    adopting = replace(wanted, adopt=True)
    land.killed((tenanting, "administrator"), lambda d: tenanting.create(d, land.home, adopting))
    land.done(lambda d: tenanting.delete(d, "eve", "eve", False))
    assert land.holds(url) == {"old"}
    land.done(lambda d: tenanting.create(d, land.home, adopting))
    assert land.holds(land.entry("eve").url) == {"old"}


def test_while_it_is_moved(land: Land) -> None:
    land.make("ada")
    old, to = land.entry("ada").url, land.place("moved")

    async def move(directory: Directory) -> Any:
        return await archiving.move(directory, "ada", to, pause=0)

    async def resume(directory: Directory) -> Any:
        return await tenanting.resume(directory, "ada")

    async def suspend(directory: Directory) -> Any:
        return await tenanting.suspend(directory, "ada", "")

    steps = [((archiving, "freeze"), False), ((archiving, "freeze"), True), ((archiving, "require_same"), True),
             ((archiving, "_carried"), True)]  # fmt: skip
    for n, (at, after) in enumerate(steps):
        land.killed(at, move, after)
        assert land.entry("ada").state == "moving"
        with pytest.raises(Problems, match=r"tenant\.state"):
            land.done(move)
        back, state = ((resume, "active"), (suspend, "suspended"))[n % 2]
        land.killed((tenanting, "remove_data"), back)  # the way back may be killed too
        made = land.done(back)
        assert (made.url, made.state, made.going) == (old, state, "")
        assert not land.there(to), "what was half made is gone"
        if back is suspend:
            land.done(resume)
        assert land.holds(old, str(n)) == {str(k) for k in range(n + 1)}, "it takes writes again"
    made, _ = land.done(move)
    assert land.holds(made.url) == {str(k) for k in range(len(steps))}


def test_one_that_was_taken_for_dead_does_not_switch(land: Land, monkeypatch: pytest.MonkeyPatch) -> None:
    """A move that is only slow is taken back, and writes are taken where it was: they are not lost."""
    land.make("ada")
    old, to = land.entry("ada").url, land.place("moved")
    had = archiving._carried

    async def slow(*given: Any) -> None:
        await had(*given)
        async with directory_at(land.home) as other:
            await tenanting.resume(other, "ada")
        await asyncio.to_thread(land.holds, old, "meanwhile")

    monkeypatch.setattr(archiving, "_carried", slow)
    with pytest.raises(Problems, match=r"tenant\.overtaken"):
        land.done(lambda d: archiving.move(d, "ada", to, pause=0))
    assert (land.entry("ada").url, land.entry("ada").state) == (old, "active")
    assert land.holds(old, "after") == {"meanwhile", "after"}


def test_while_it_is_restored(land: Land) -> None:
    land.make("ada")
    old = land.entry("ada").url
    land.holds(old, "kept")
    kept = land.done(lambda d: archiving.backup(d, "ada", land.folder / "ada.zip"))
    land.holds(old, "later")
    land.done(lambda d: tenanting.suspend(d, "ada", ""))

    async def over(directory: Directory) -> Any:
        return await archiving.restore(directory, land.home, Restoring("ada", kept.file, over=True))

    async def beside(directory: Directory) -> Any:
        return await archiving.restore(directory, land.home, Restoring("eve", kept.file, hosts=("Eve.Example.",)))

    for at in ((archiving, "counted_at"), (archiving, "thaw")):
        land.killed(at, over)
        half = land.entry("ada")
        assert (half.state, half.url) == ("restoring", old)
        with pytest.raises(Problems, match=r"tenant\.state"):
            land.done(over)
        land.done(lambda d: tenanting.suspend(d, "ada", ""))
        assert not land.there(half.filling)
        land.killed(at, beside)
        half = land.entry("eve")
        with pytest.raises(Problems, match=r"tenant\.half"):
            land.done(beside)
        land.done(lambda d: tenanting.delete(d, "eve", "eve", False))
        assert not land.there(half.filling)
    assert land.holds(old) == {"kept", "later"}
    land.done(over)
    assert land.holds(land.entry("ada").url) == {"kept"}
    made, _ = land.done(beside)
    assert made.hosts == ("eve.example",)


def test_while_it_is_backed_up(land: Land) -> None:
    land.make("ada")
    file = land.folder / "out" / "ada.zip"
    file.parent.mkdir()

    async def backup(directory: Directory) -> Any:
        return await archiving.backup(directory, "ada", file)

    land.killed((archiving, "_database_into"), backup, after=True)
    land.killed((archiving.carrying, "counted_file" if land.home.startswith("sqlite") else "pour"), backup, after=True)
    assert not file.exists()
    assert land.done(backup).file == file
    assert [one.name for one in file.parent.iterdir()] == ["ada.zip"]


def test_while_it_is_deleted(land: Land) -> None:
    land.make("ada")
    url = land.entry("ada").url

    async def delete(directory: Directory) -> Any:
        return await tenanting.delete(directory, "ada", "ada", False)

    land.done(lambda d: tenanting.suspend(d, "ada", ""))
    land.done(lambda d: archiving.backup(d, "ada", land.folder / "ada.zip"))
    land.killed((tenanting, "counted_at"), delete, after=True)  # it takes no writes, and is not deleted yet
    assert land.entry("ada").state == "suspended"
    land.done(lambda d: tenanting.resume(d, "ada"))
    assert land.holds(url, "after") == {"after"}
    land.done(lambda d: tenanting.suspend(d, "ada", ""))
    kept = land.done(lambda d: archiving.backup(d, "ada", land.folder / "ada2.zip"))
    land.killed((tenanting, "remove_data"), delete, after=True)
    assert land.entry("ada").state == "deleting"
    with pytest.raises(Problems, match="delete finishes it"):
        land.done(lambda d: tenanting.resume(d, "ada"))
    with pytest.raises(Problems, match=r"tenant\.state"):
        land.done(lambda d: archiving.backup(d, "ada", land.folder / "ada3.zip"))
    land.done(delete)
    assert not land.there(url)
    land.done(lambda d: archiving.restore(d, land.home, Restoring("ada", kept.file)))
    assert land.holds(land.entry("ada").url) == {"after"}


def test_what_was_written_after_the_backup_is_not_deleted(land: Land) -> None:
    """By a process that had not heard of the suspension when it took the write."""
    land.make("ada")
    url = land.entry("ada").url
    land.done(lambda d: tenanting.suspend(d, "ada", ""))
    land.done(lambda d: archiving.backup(d, "ada", land.folder / "ada.zip"))
    land.holds(url, "late")
    with pytest.raises(Problems, match="written since: _setting"):
        land.done(lambda d: tenanting.delete(d, "ada", "ada", False))
    assert land.holds(url, "and again") == {"late", "and again"}
    land.done(lambda d: archiving.backup(d, "ada", land.folder / "again.zip"))
    land.done(lambda d: tenanting.delete(d, "ada", "ada", False))


def test_no_two_have_one_folder_of_files(land: Land) -> None:
    """Who deletes one would delete the other's."""
    land.make("ada", files=str(land.folder / "shared"))
    for files in ("shared", "shared/below", "."):
        with pytest.raises(Problems, match="the files of ada lie there"):
            land.make("bob", files=str(land.folder / files))
    land.make("bob")
    (land.folder / "shared" / "ab").mkdir(parents=True)
    (land.folder / "shared" / "mine.txt").write_text("not a tenant's")
    made = set()
    for name in ("ada", "bob"):
        land.done(lambda d, name=name: tenanting.suspend(d, name, ""))
        kept = land.done(lambda d, name=name: archiving.backup(d, name, land.folder / f"{name}.zip"))
        for _ in range(2):
            asked = Restoring(name, kept.file, over=True)
            entry, _ = land.done(lambda d, asked=asked: archiving.restore(d, land.home, asked))
            made.add(entry.files)
    assert len(made) >= 2 if land.home.startswith("postgresql") else len(made) == 4
    assert not {land.entry("ada").files} & {land.entry("bob").files}


def test_a_directory_of_a_newer_engine(land: Land) -> None:
    land.done(lambda d: d.add(Entry("ada", "sqlite:///nowhere", ""), "test"))

    async def newer(directory: Directory) -> None:
        await directory.database.write(lambda: (yield Call("UPDATE _directory SET form = form + 1")))
        with pytest.raises(Problems, match=r"directory\.newer"):
            await directory.version()

    land.done(newer)
    with pytest.raises(Problems, match=r"directory\.newer"):
        land.entry("ada")


def test_a_directory_of_before(land: Land) -> None:
    land.done(lambda d: d.add(Entry("ada", "sqlite:///nowhere", ""), "test"))

    async def older(directory: Directory) -> None:
        await directory.database.run_script(
            ["ALTER TABLE _directory DROP COLUMN form", "ALTER TABLE _tenant DROP COLUMN going"]
        )

    land.done(older)
    assert land.entry("ada").going == ""
    made = land.done(lambda d: d.change("ada", "test", "test", state="moving", going="x sqlite:///there"))
    assert made.filling == "sqlite:///there"


def test_a_directory_that_is_away(land: Land) -> None:
    away = "postgresql://nobody@127.0.0.1:1/x?schema=directory"
    if land.home.startswith("sqlite"):
        (land.folder / "no").write_text("not a database, and longer than a header " * 10)
        away = f"sqlite://{land.folder}/no"
    with pytest.raises(Lost):
        replace(land, home=away).entry("ada")
