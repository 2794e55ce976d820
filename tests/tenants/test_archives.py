"""Backing up, restoring, moving and deleting a tenant, on both databases and while it is in use."""

from __future__ import annotations

import asyncio
import errno
import json
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from engine.db import Call, Lost, open_database, rollups
from engine.db.frozen import freeze
from engine.problem import Problems
from engine.serve.tenant.filestore import Folder
from engine.studio.directory import archives, archiving, tenanting
from engine.studio.directory.archiving import Restoring
from engine.work import sealer
from tests.tenants.village import Village, codes


async def a_file(door: httpx.AsyncClient, text: str) -> str:
    """A work type with a contract in a file; the file's address."""
    put = await door.post(
        "/api/v1/system/files", content=text.encode(), headers={"content-type": "text/plain", "file-name": "a.txt"}
    )
    assert put.status_code == 201, put.text
    return str(put.json()["id"])


async def names(door: httpx.AsyncClient) -> list[str]:
    out: list[str] = []
    cursor = ""
    while cursor is not None:
        asked: dict[str, str] = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        found = await door.get("/api/v1/works/work_type", params=asked)
        assert found.status_code == 200, found.text
        out += [one["name"] for one in found.json()["items"]]
        cursor = found.json().get("next")
    return sorted(out)


async def filled(many: Village, name: str = "ada") -> httpx.AsyncClient:
    await many.make(name)
    door = await many.admin(f"{name}.example")
    for one in ("瓦工", "mason\t\\N\n'\"", "木工"):
        assert (await door.post("/api/v1/works/work_type", json={"name": one})).status_code == 201
    for n in range(5):
        made = await door.post("/api/v1/works/subject", json={"code": f"01{n:02}", "name": f"s{n}"})
        assert made.status_code == 201, made.text
    return door


async def test_what_is_backed_up_is_restored_beside_it(many: Village, tmp_path: Path) -> None:
    ada = await filled(many)
    file = await a_file(ada, "a contract")
    hook = {"name": "h", "url": "https://peer.example/x", "entities": [], "kinds": []}
    assert (await ada.post("/api/v1/system/webhooks", json=hook)).status_code == 201
    kept = await archiving.backup(many.directory, "ada", tmp_path / "ada.zip")
    assert (kept.files, kept.missing) == (1, ())
    assert kept.file.stat().st_mode & 0o077 == 0
    await ada.post("/api/v1/works/work_type", json={"name": "later"})

    asked = Restoring("eve", kept.file, hosts=("eve.example",), seal=kept.seal)
    made, former = await archiving.restore(many.directory, many.home, asked)
    assert (made.state, former) == ("active", "")
    await many.house.look()
    eve = await many.admin("eve.example")
    assert await names(eve) == sorted(["瓦工", "mason\t\\N\n'\"", "木工"])
    assert "later" in await names(ada)
    # whoever is signed in there is not here, and nobody hears of anything twice
    stranger = many.door("eve.example", authorization=ada.headers["authorization"])
    assert (await stranger.get("/api/v1/me")).status_code == 401
    assert [h["state"] for h in (await eve.get("/api/v1/system/webhooks")).json()["items"]] == ["paused"]
    assert (await eve.get(f"/api/v1/system/files/{file}/content")).status_code in (200, 404)
    content = Folder(Path(made.files))
    with zipfile.ZipFile(kept.file) as archive:
        digests = [n.removeprefix("files/") for n in archive.namelist() if n.startswith("files/")]
    assert [b"".join([p async for p in content.read(d, 0, 10)]) for d in digests] == [b"a contract"]
    # what the database looks after itself goes on: writes, kept sums, the audit's chain
    assert (await eve.post("/api/v1/works/work_type", json={"name": "new"})).status_code == 201
    room = many.house.rooms["eve"]
    assert not any((await rollups.verify(room.tenant.database, room.tenant.app.logs)).values())
    assert (await sealer.verify(room.tenant.database, None))[1] == []


async def test_over_a_suspended_one(many: Village, tmp_path: Path) -> None:
    ada = await filled(many)
    kept = await archiving.backup(many.directory, "ada", tmp_path)
    await ada.post("/api/v1/works/work_type", json={"name": "later"})
    again = Restoring("ada", kept.file, over=True)
    with pytest.raises(Problems, match=r"tenant\.taken"):
        await archiving.restore(many.directory, many.home, Restoring("ada", kept.file))
    with pytest.raises(Problems, match=r"suspend ada first"):
        await archiving.restore(many.directory, many.home, again)
    await tenanting.suspend(many.directory, "ada", "")
    made, former = await archiving.restore(many.directory, many.home, again)
    assert made.state == "suspended"
    await tenanting.resume(many.directory, "ada")
    await many.house.look()
    assert "later" not in await names(ada)
    database = await open_database(former, make=False)  # nothing of before is gone
    assert ("later",) in [tuple(row) for row in await database.read("SELECT name FROM works__work_type")]
    await database.close()


def altered(file: Path, to: Path, **changed: bytes | None) -> Path:
    with zipfile.ZipFile(file) as had, zipfile.ZipFile(to, "w") as made:
        for name in had.namelist():
            data: bytes | None = had.read(name)
            for part, value in changed.items():
                if part in name:
                    data = value
            if data is not None:
                made.writestr(name, data)
    return to


async def test_what_was_altered_is_refused(many: Village, tmp_path: Path) -> None:
    await filled(many)
    kept = await archiving.backup(many.directory, "ada", tmp_path / "a.zip")
    whole = kept.file.read_bytes()
    with zipfile.ZipFile(kept.file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        some = "database" if "database.sqlite" in manifest["entries"] else "_login.copy"
    told = dict(manifest, tables={})
    endless = dict(manifest, entries={**manifest["entries"], some: {"size": float("inf"), "sha256": ""}})
    broken = [
        altered(kept.file, tmp_path / "b.zip", **{some: b"other"}),
        altered(kept.file, tmp_path / "c.zip", **{some: None}),
        altered(kept.file, tmp_path / "d.zip", manifest=None),
        altered(kept.file, tmp_path / "e.zip", manifest=b"{}"),
        altered(kept.file, tmp_path / "g.zip", manifest=b"["),
        altered(kept.file, tmp_path / "k.zip", manifest=json.dumps(endless).encode()),
        tmp_path / "no.zip",
        tmp_path / "h.zip",
        tmp_path / "i.zip",
        tmp_path / "j.zip",
    ]
    (tmp_path / "h.zip").write_bytes(b"no zip")
    (tmp_path / "i.zip").write_bytes(whole[: len(whole) // 2])
    middle = len(whole) // 2
    (tmp_path / "j.zip").write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    for file in broken:
        with pytest.raises(Problems, match=r"archive\.broken"):
            await archiving.restore(many.directory, many.home, Restoring("eve", file))
    # one whose manifest was made to fit: the seal tells
    forged = altered(kept.file, tmp_path / "f.zip", manifest=json.dumps(told).encode())
    with pytest.raises(Problems, match=r"seal"):
        await archiving.restore(many.directory, many.home, Restoring("eve", forged, seal=kept.seal))
    (tmp_path / "x").mkdir()
    same = forged.rename(tmp_path / "x" / "a.zip")  # under the name the directory knows
    with pytest.raises(Problems, match=r"seal"):
        await archiving.restore(many.directory, many.home, Restoring("eve", same))
    assert [entry.name for entry in await many.directory.all()] == ["ada"]


async def test_a_full_disk(many: Village, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(many)

    def full(*_: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives.Writer, "finish", full)
    with pytest.raises(Problems, match="No space left"):
        await archiving.backup(many.directory, "ada", tmp_path / "a.zip")
    assert list(tmp_path.glob("*.zip*")) == list(tmp_path.glob(".*.part")) == []
    monkeypatch.undo()
    kept = await archiving.backup(many.directory, "ada", tmp_path / "a.zip")
    with pytest.raises(Problems, match=r"archive\.there"):
        await archiving.backup(many.directory, "ada", tmp_path / "a.zip")
    monkeypatch.setattr(archiving, "counted_at", full)
    with pytest.raises(Problems, match="No space left"):
        await archiving.restore(many.directory, many.home, Restoring("eve", kept.file))
    assert [entry.name for entry in await many.directory.all()] == ["ada"]


def elsewhere(many: Village, tmp_path: Path, name: str) -> str:
    if many.home.startswith("sqlite"):
        return f"sqlite://{tmp_path}/other/{name}.db"
    return urlsplit(many.home)._replace(query=f"schema={name}").geturl()


async def test_moved_while_it_is_written_to(many: Village, tmp_path: Path) -> None:
    """Every write that was answered is there afterwards, also those by a process that hears of it late."""
    ada = await filled(many)
    before = (await many.directory.get("ada")).url
    done: list[str] = []
    refused = 0
    ending = False

    async def write(who: int) -> None:
        nonlocal refused
        n = 0
        while not ending:
            name = f"w{who}-{n}"
            answer = await ada.post("/api/v1/works/work_type", json={"name": name})
            if answer.status_code == 201:
                done.append(name)
                n += 1
            else:
                assert answer.status_code == 503, answer.text
                refused += 1
                await asyncio.sleep(0.05)

    writing = [asyncio.create_task(write(n)) for n in range(4)]
    await asyncio.sleep(0.5)
    to = elsewhere(many, tmp_path, "moved")
    # no pause at all: the process has not heard of it when the copy begins
    made, rows = await archiving.move(many.directory, "ada", to, pause=0)
    count = len(done)
    await asyncio.sleep(1.5)
    ending = True
    await asyncio.gather(*writing)
    assert made.url == to
    assert rows > 8
    assert len(done) > count, "it goes on at the new place"
    assert set(done) <= set(await names(ada))
    assert many.house.rooms["ada"].entry.url == to
    old = await open_database(before, make=False)
    with pytest.raises(Lost, match="moved"):
        await old.write(lambda: (yield Call("DELETE FROM _session")))
    await old.close()


async def test_a_move_that_fails_leaves_all_as_it_was(
    many: Village, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await filled(many)
    to = elsewhere(many, tmp_path, "moved")
    counted = archiving.counted_at

    async def other(url: str) -> Any:
        found = await counted(url)
        return found if url != to else {**found, "_epoch": archiving.Counted(0, "")}

    monkeypatch.setattr(archiving, "counted_at", other)
    with pytest.raises(Problems, match=r"tenant\.differs: .*_epoch"):
        await archiving.move(many.directory, "ada", to, pause=0)
    monkeypatch.undo()
    await many.house.look()
    assert (await ada.post("/api/v1/works/work_type", json={"name": "after"})).status_code == 201
    with pytest.raises(Problems, match=r"tenant\.place"):
        await archiving.move(many.directory, "ada", (await many.directory.get("ada")).url, pause=0)
    wrong = "sqlite:///x.db" if not many.home.startswith("sqlite") else "postgresql://localhost/x?schema=y"
    with pytest.raises(Problems, match=r"archive\.dialect"):
        await archiving.move(many.directory, "ada", wrong, pause=0)
    assert (await many.directory.get("ada")).state == "active"


async def test_a_move_that_was_killed_is_taken_back(many: Village) -> None:
    ada = await filled(many)
    entry = await many.directory.change("ada", "move", "test", {}, ("active",), state="moving")
    database = await open_database(entry.url)
    await freeze(database)
    await database.close()
    await many.house.look()
    many.house.PATIENCE = 0  # type: ignore[attr-defined]
    await tenanting.resume(many.directory, "ada")
    await many.house.look()
    assert (await ada.post("/api/v1/works/work_type", json={"name": "after"})).status_code == 201


async def test_deleted_with_a_backup_alone(many: Village, tmp_path: Path) -> None:
    ada = await filled(many)
    before = await many.directory.get("ada")
    early = await archiving.backup(many.directory, "ada", tmp_path / "early.zip")
    with pytest.raises(Problems, match=r"tenant\.confirm"):
        await tenanting.delete(many.directory, "ada", "eve", True)
    with pytest.raises(Problems, match="suspend ada first"):
        await tenanting.delete(many.directory, "ada", "ada", True)
    await tenanting.suspend(many.directory, "ada", "")
    with pytest.raises(Problems, match="since it was suspended"):
        await tenanting.delete(many.directory, "ada", "ada", False)
    kept = await archiving.backup(many.directory, "ada", tmp_path / "late.zip")
    late = kept.file.read_bytes()
    kept.file.write_bytes(early.file.read_bytes())
    with pytest.raises(Problems, match="another one"):
        await tenanting.delete(many.directory, "ada", "ada", False)
    kept.file.unlink()
    with pytest.raises(Problems, match="is gone"):
        await tenanting.delete(many.directory, "ada", "ada", False)
    kept.file.write_bytes(late)
    await tenanting.delete(many.directory, "ada", "ada", False)
    await many.house.look()
    assert codes(await ada.get("/api/v1/me")) == ["server.no-tenant"]
    with pytest.raises(Lost):
        await open_database(before.url, make=False)
    acts = [event.act for event in await many.directory.events("ada")]
    assert acts == ["delete", "deleting", "backup", "suspend", "backup", "created", "create"]
    await archiving.restore(many.directory, many.home, Restoring("ada", kept.file, hosts=("ada.example",)))
    await many.house.look()
    assert len(await names(await many.admin("ada.example"))) == 3
