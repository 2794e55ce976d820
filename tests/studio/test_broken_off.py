"""Changes that the machine breaks off, by a full disk or a cut connection: nothing has happened, and again it can."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.db import Call, sqlite
from engine.studio import renaming
from tests.studio.shop import Shop, filled, listed, post
from tests.studio.test_bundles import dougong, exported
from tests.studio.test_doors import AT, OVERLAY, planned, seen

WIDER = OVERLAY.replace("colour: {type: text}", "count: {type: decimal, scale: 2}")
"""Makes SQLite write the table anew."""


async def refused_and_again(shop: Shop, door: Any, heal: Any) -> None:
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


async def test_a_connection_that_is_cut_leaves_everything_as_it_was(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(tmp_path / "shop", f"{postgres_url}?schema=shop")
    await filled(shop)
    kept = renaming.calls

    def cut(made: Any) -> Any:
        """In the transaction of the change, when tables have been altered."""
        ((pid,),) = yield Call("SELECT pg_backend_pid()")
        with psycopg.connect(postgres_url, autocommit=True) as other:
            assert other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,)).fetchone() == (True,)
        yield from kept(made)
        yield Call("SELECT 1")

    async with shop.served() as (_, door):
        monkeypatch.setattr(renaming, "calls", cut)
        await refused_and_again(shop, door, lambda: monkeypatch.setattr(renaming, "calls", kept))


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
