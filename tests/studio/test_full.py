"""No room: a change and a write are told so, and nothing is lost."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from engine.db import Lost, sqlite
from tests.studio.shop import Shop, listed, post

LONG = "x" * 2000


async def stuffed(shop: Shop) -> None:
    shop.fields()["note"]["type"] = "long_text"
    async with shop.served() as (_, door):
        for n in range(40):
            await post(door, "item", code=f"c{n}", price="1", note=LONG * 9)
        assert len(await listed(door)) == 40


async def test_a_change_that_finds_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path / "shop", f"sqlite://{tmp_path}/t.db")
    await stuffed(shop)
    connect = sqlite._connect

    def narrow(path: str) -> object:
        made = connect(path)
        pages = made.execute("PRAGMA page_count").fetchone()[0]
        made.execute(f"PRAGMA max_page_count = {pages + 20}")
        return made

    shop.fields()["price"]["scale"] = 6
    with monkeypatch.context() as patched:
        patched.setattr(sqlite, "_connect", narrow)
        with pytest.raises(Lost, match="the disk is full"):
            await shop.apply()
        async with shop.served() as (_, door):
            answers = [await door.post("/item", json={"code": f"d{n}", "note": LONG * 9}) for n in range(9)]
            assert {answer.status_code for answer in answers} == {201, 503}, [a.text[:200] for a in answers]
            assert "the disk is full" in answers[-1].text
            assert len(await listed(door)) == 40 + sum(a.status_code == 201 for a in answers)
    assert (await shop.apply()).number == 2
    await shop.settled()
    async with shop.served() as (_, door):
        await post(door, "item", code="z")


async def test_a_commit_that_finds_no_room(tmp_path: Path) -> None:
    """The whole of it is written at the end."""
    shop = Shop(tmp_path / "shop", f"sqlite://{tmp_path}/t.db")
    await stuffed(shop)
    shop.fields()["price"]["scale"] = 6
    shop.write()

    def narrow() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    command = [sys.executable, "-m", "engine.cli", "apply", str(shop.folder), "--database", shop.url]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False, preexec_fn=narrow
    )
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr[-2000:]
    assert "nothing was written" in done.stderr
    assert (await shop.apply()).number == 2
    await shop.settled()
