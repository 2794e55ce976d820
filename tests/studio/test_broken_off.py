"""Changes that the machine breaks off, by a full disk or a cut connection: nothing has happened, and again it can."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from engine.db import Call, sqlite
from engine.studio.follow import recoding
from tests import pg
from tests.studio.shop import Shop, filled, listed, post
from tests.studio.test_bundles import dougong, exported
from tests.studio.test_doors import AT, OVERLAY, planned, seen

WIDER = OVERLAY.replace("colour: {type: text}", "count: {type: decimal, scale: 2}")
"""Makes SQLite write the table anew."""


async def refused_and_again(shop: Shop, door: Any, heal: Any) -> dict[str, Any]:
    """The door says 503 in words, everything is as it was, and when the machine is well the same plan is applied."""
    before = await listed(door)
    wanted = {"overlays": [{"acme.yaml": WIDER}]}
    plan = await planned(door, **wanted)
    broken = await door.post(f"{AT}/changes", json={**wanted, "plan": seen(plan)})
    assert broken.status_code == 503, broken.text
    assert broken.headers["content-type"] == "application/problem+json"
    heal()
    assert await listed(door) == before
    state = (await door.get(f"{AT}/changes")).json()
    assert (state["revision"], state["running"]) == (1, None)
    again = await door.post(f"{AT}/changes", json={**wanted, "plan": seen(plan)})
    assert (again.status_code, again.json().get("applied")) == (200, 2), again.text
    assert len(await listed(door)) == len(before)
    said: dict[str, Any] = broken.json()
    return said


async def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path / "shop", f"sqlite://{tmp_path}/t.db")
    await filled(shop)
    async with shop.served() as (_, door):
        for n in range(200):
            await post(door, "item", code=f"c{n}", note="n" * 490)
        connect = sqlite._connect

        def full(path: str) -> sqlite3.Connection:
            made = connect(path)
            pages = int(made.execute("PRAGMA page_count").fetchone()[0])
            made.execute(f"PRAGMA max_page_count={pages + 2}")
            return made

        monkeypatch.setattr(sqlite, "_connect", full)
        await refused_and_again(shop, door, lambda: monkeypatch.setattr(sqlite, "_connect", connect))


async def test_a_commit_that_finds_no_room(tmp_path: Path) -> None:
    """What fits into memory is written at the end."""
    shop = Shop(tmp_path / "shop", f"sqlite://{tmp_path}/t.db")
    shop.fields()["note"]["type"] = "long_text"
    async with shop.served() as (_, door):
        for n in range(40):
            await post(door, "item", code=f"c{n}", price="1", note="n" * 18_000)
    shop.fields()["price"]["scale"] = 6
    shop.write()
    command = [sys.executable, "-m", "engine.cli", "apply", str(shop.folder), "--database", shop.url]

    def narrow() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False, preexec_fn=narrow
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr[-2000:]
    assert "nothing was written" in done.stderr
    assert (await shop.apply()).number == 2
    await shop.settled()
    assert len(await shop.items()) == 40


@pytest.fixture
def small(postgres_server: str, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a database that lies on a disk of its own, and where that is; only who may mount can make one."""
    if os.environ.get("DOUGONG_TEST_POSTGRES"):
        pytest.skip("the server's disks are not ours")
    place = Path(tempfile.mkdtemp(prefix="dougong-small-"))
    asked = ["mount", "-t", "tmpfs", "-o", "size=32m,mode=0777", "tmpfs", place]
    if os.geteuid() or subprocess.run(asked, capture_output=True, check=False).returncode:
        place.rmdir()
        pytest.skip("no file system can be mounted here")
    try:
        data, name = place / "data", f"small_{uuid4().hex[:8]}"
        data.mkdir(mode=0o700)
        if user := pg.unprivileged():
            shutil.chown(data, user)
        with psycopg.connect(postgres_server, autocommit=True) as server:
            server.execute(f"CREATE TABLESPACE {name} LOCATION '{data}'")  # type: ignore[call-overload]
            with pg.fresh_database(postgres_server) as url:
                moved = urlsplit(url).path[1:]
                server.execute(f"ALTER DATABASE {moved} SET TABLESPACE {name}")  # type: ignore[call-overload]
                yield url, place
            server.execute(f"DROP TABLESPACE {name}")  # type: ignore[call-overload]
    finally:
        subprocess.run(["umount", "--lazy", place], check=False)
        place.rmdir()


async def test_a_full_disk_of_postgresql_leaves_everything_as_it_was(small: tuple[str, Path], tmp_path: Path) -> None:
    url, place = small
    shop = Shop(tmp_path / "shop", f"{url}?schema=shop")
    await filled(shop)
    async with shop.served() as (_, door):
        for n in range(300):
            await post(door, "item", code=f"c{n}", note="n" * 490)
        room = os.statvfs(place)
        with (place / "full").open("wb") as file:
            file.write(b"x" * (room.f_bavail * room.f_frsize - 100_000))
        said = await refused_and_again(shop, door, (place / "full").unlink)
        assert "disk is full" in said["detail"], said


async def test_a_connection_that_is_cut_leaves_everything_as_it_was(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path / "shop", f"{postgres_url}?schema=shop")
    await filled(shop)
    kept = recoding.calls

    def cut(*given: Any) -> Any:
        """In the transaction of the change, when tables have been altered."""
        ((pid,),) = yield Call("SELECT pg_backend_pid()")
        with psycopg.connect(postgres_url, autocommit=True) as other:
            assert other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,)).fetchone() == (True,)
        yield from kept(*given)
        yield Call("SELECT 1")

    async with shop.served() as (_, door):
        monkeypatch.setattr(recoding, "calls", cut)
        await refused_and_again(shop, door, lambda: monkeypatch.setattr(recoding, "calls", kept))


def test_what_is_not_there_is_not_changed_and_not_made(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop", f"sqlite://{tmp_path}/t.db")
    shop.write()
    none, directory = tmp_path / "none.db", tmp_path / "directory.db"
    target = str(shop.folder)
    assert dougong("tenant", "create", "ada", target, "--directory", str(directory)).code == 0
    file = tmp_path / "a.bundle"
    assert dougong("bundle", "export", str(file), "--tenant", "ada", "--directory", str(directory)).code == 0
    for command in (
        ["plan", target], ["apply", target], ["revert", target, "1"], ["revisions", target],
        ["switch", target, "shop", "off"], ["bundle", "export", str(tmp_path / "b")], ["bundle", "import", str(file)],
    ):  # fmt: skip
        assert dougong(*command, "--database", str(none)).code == 1
        assert not none.exists()
    for command in (["bundle", "export", str(tmp_path / "b")], ["bundle", "import", str(file)]):
        refused = dougong(*command, "--tenant", "adda", "--directory", str(directory))
        assert refused.codes == ["tenant.unknown"]
    assert not (tmp_path / "b").exists()
    assert dougong("bundle", "import", str(file), "--tenant", "ada", "--directory", str(directory)).code == 0
    assert exported(f"sqlite://{tmp_path}/tenants/ada.db", tmp_path / "c.bundle") == file.read_bytes()
