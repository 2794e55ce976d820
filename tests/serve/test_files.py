"""Files of records: sent in, bound with their document, read by the rights of record and field, else swept."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.serve.files import files
from engine.serve.tenant.filestore import Folder
from tests.serve.stage import Stage, errors

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)
PDF = b"%PDF-1.7\n" + b"0123456789" * 100
SEND = "http://works/api/v1/system/files"


@pytest.fixture
def store(stage: Stage, tmp_path: Path) -> Folder:
    stage.tenant.files = Folder(tmp_path / "files")
    return stage.tenant.files


async def send(door: httpx.AsyncClient, content: bytes, name: str = "a.bin") -> dict[str, Any]:
    answer = await door.post(SEND, content=content, params={"name": name})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def kept(store: Folder) -> list[Path]:
    return [p for p in store.root.rglob("*") if p.is_file()]


async def test_a_file_comes_in_is_bound_and_read(stage: Stage, store: Folder) -> None:
    boss = await stage.door("boss")
    one, two = await send(boss, PDF, "合同.pdf"), await send(boss, b"plain words", "notes.txt")
    assert (one["type"], one["size"], two["type"]) == ("application/pdf", len(PDF), "text/plain")
    made = await boss.post("/worker", json={"name": "周", "papers": [one["id"], two]})
    assert made.status_code == 201, made.text
    record = made.json()
    assert record["papers"] == [one, two]
    place = f"/worker/{record['id']}/files/papers/{one['id']}"
    whole = await boss.get(place)
    assert (whole.status_code, whole.content) == (200, PDF)
    assert whole.headers["content-type"] == "application/pdf"
    assert whole.headers["content-length"] == str(len(PDF))
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in whole.headers["content-security-policy"]
    assert whole.headers["content-disposition"] == (
        "attachment; filename=\"__.pdf\"; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf"
    )
    head = await boss.head(place)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(PDF)))
    tag = whole.headers["etag"]
    assert (await boss.get(place, headers={"if-none-match": tag})).status_code == 304
    changed = await boss.patch(f"/worker/{record['id']}", json={"papers": [two]}, headers={"if-match": "*"})
    assert changed.json()["papers"] == [two]
    assert (await boss.get(place)).status_code == 404
    told = (await boss.get(f"/worker/{record['id']}/history")).json()["items"]
    assert [c["change"]["papers"] for c in told] == [[[one, two], [two]], [None, [one, two]]]
    back = await boss.patch(f"/worker/{record['id']}", json={"papers": [one, two]}, headers={"if-match": "*"})
    assert back.json()["papers"] == [one, two]


async def test_parts_of_a_file(stage: Stage, store: Folder) -> None:
    boss = await stage.door("boss")
    one = await send(boss, PDF)
    record = (await boss.post("/worker", json={"name": "周", "papers": [one["id"]]})).json()["id"]
    place, size = f"/worker/{record}/files/papers/{one['id']}", len(PDF)
    for asked, start, end in (("0-3", 0, 4), ("5-", 5, size), ("-7", size - 7, size), (f"9-{size * 2}", 9, size)):
        part = await boss.get(place, headers={"range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, PDF[start:end]), asked
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    for asked in (f"{size}-", "-0"):
        none = await boss.get(place, headers={"range": f"bytes={asked}"})
        assert (none.status_code, none.headers["content-range"]) == (416, f"bytes */{size}"), asked
    for asked in ("0-1,4-5", "7-3", "x-", "-"):
        assert (await boss.get(place, headers={"range": f"bytes={asked}"})).content == PDF, asked
    other = await boss.get(place, headers={"range": "bytes=0-3", "if-range": '"another"'})
    assert (other.status_code, other.content) == (200, PDF)


async def test_whose_files_a_record_may_take(stage: Stage, store: Folder) -> None:
    boss, wang = await stage.door("boss"), await stage.door("wang")
    hers, mine, picture = await send(wang, PDF), await send(boss, PDF), await send(boss, PNG)
    assert len(kept(store)) == 2, "the same content lies there once"
    nowhere = "00000000-0000-7000-8000-00000000abcd"
    wrong = await boss.post("/worker", json={"name": "周", "papers": [hers["id"], mine["id"], nowhere]})
    assert (wrong.status_code, errors(wrong)) == (422, [("file.unknown", "/papers/0"), ("file.unknown", "/papers/2")])
    wrong = await boss.post("/worker", json={"name": "周", "portrait": mine["id"]})
    assert errors(wrong) == [("file.no-picture", "/portrait")]
    taken = await boss.post("/worker", json={"name": "周", "papers": [mine["id"]], "portrait": picture["id"]})
    assert taken.status_code == 201, "what was refused has bound nothing"
    again = await boss.post("/worker", json={"name": "吴", "papers": [mine["id"]]})
    assert errors(again) == [("file.unknown", "/papers/0")]
    moved = {"papers": [picture["id"]]}
    other = await boss.patch(f"/worker/{taken.json()['id']}", json=moved, headers={"if-match": "*"})
    assert errors(other) == [("file.unknown", "/papers/0")], "nor from one field to another"
    for bad in ("x", ["x"], [1], {"id": mine["id"]}, [mine["id"]] * 101):
        assert (await boss.post("/worker", json={"name": "吴", "papers": bad})).status_code == 422


async def test_of_two_records_at_once_one_gets_it(stage: Stage, store: Folder) -> None:
    boss = await stage.door("boss")
    one = await send(boss, PDF)
    both = await asyncio.gather(*(boss.post("/worker", json={"name": n, "papers": [one["id"]]}) for n in "甲乙"))
    assert sorted(answer.status_code for answer in both) == [201, 422]


async def test_files_of_lines_are_read_by_the_rights_of_the_record_and_the_field(stage: Stage, store: Folder) -> None:
    boss, wang, li, zhao = [await stage.door(n) for n in ("boss", "wang", "li", "zhao")]
    photo = await send(wang, PNG, "现场.png")
    sheet = stage.sheet()
    sheet["lines"][0]["photos"] = [photo["id"]]
    made = await wang.post("/sheet", json=sheet)
    assert made.status_code == 201, made.text
    record = made.json()["id"]
    place = f"/sheet/{record}/files/lines.photos/{photo['id']}"
    for door, status in ((wang, 200), (li, 200), (zhao, 200), (boss, 200)):
        assert (await door.get(place)).status_code == status
    secret = await send(zhao, PDF)
    kept_from = await zhao.patch(f"/sheet/{record}", json={"contract": secret["id"]}, headers={"if-match": "*"})
    assert kept_from.status_code == 200, kept_from.text
    hidden = f"/sheet/{record}/files/contract/{secret['id']}"
    assert [(await door.get(hidden)).status_code for door in (wang, zhao)] == [404, 200]
    others = (await boss.post("/sheet", json=stage.sheet(contract=(await send(boss, PDF))["id"]))).json()
    far = f"/sheet/{others['id']}/files/contract/{others['contract']['id']}"
    assert [(await door.get(far)).status_code for door in (wang, boss)] == [404, 200]
    for field in ("lines", "project", "nothing", "lines.nothing", "..", "lines.photos.id"):
        assert (await boss.get(f"/sheet/{record}/files/{field}/{photo['id']}")).status_code in (400, 404), field
    await boss.delete(f"/sheet/{record}", headers={"if-match": "*"})
    assert (await boss.get(place)).status_code == 404


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\x.pdf", "x.pdf"),
        ("a\0b\r\nset-cookie: x.pdf", "abset-cookie: x.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("..", "file"),
        ("", "file"),
        ('a";b.pdf', 'a";b.pdf'),
        ("长" * 300 + ".pdf", "长" * 116 + ".pdf"),
    ],
)
def test_names(given: str, name: str) -> None:
    assert files.safe_name(given) == name


@pytest.mark.parametrize(
    "content", [b"<html><script>alert(1)</script>", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>"]
)
async def test_what_a_browser_would_run_goes_out_as_bytes(stage: Stage, store: Folder, content: bytes) -> None:
    boss = await stage.door("boss")
    one = await send(boss, content, 'x";\r\n.svg')
    no = await boss.post("/worker", json={"name": "周", "portrait": one["id"]})
    assert errors(no) == [("file.no-picture", "/portrait")]
    record = (await boss.post("/worker", json={"name": "周", "papers": [one["id"]]})).json()["id"]
    got = await boss.get(f"/worker/{record}/files/papers/{one['id']}")
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith('attachment; filename="x__.svg";')


async def test_a_full_disk_keeps_nothing(stage: Stage, store: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = await stage.door("boss")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        refused = await boss.post(SEND, content=PDF)
    assert (refused.status_code, errors(refused)) == (507, [("file.no-space", "")])
    assert kept(store) == []
    assert await stage.rows("_file", "id") == []
    await send(boss, PDF)


async def test_what_breaks_off_or_is_too_much_leaves_nothing(stage: Stage, store: Folder) -> None:
    boss = await stage.door("boss")

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(60):
            yield bytes(1024 * 1024)

    assert (await boss.post(SEND, content=endless())).status_code == 413
    assert (await boss.post(SEND, content=b"")).status_code == 422
    stage.tenant.file_quota = 10
    await send(boss, b"0123456789")
    full = await boss.post(SEND, content=b"x")
    assert (full.status_code, errors(full)) == (507, [("file.quota", "")])
    assert [p.stat().st_size for p in kept(store) if p.stat().st_size] == [10]


async def test_what_nobody_binds_is_swept(stage: Stage, store: Folder) -> None:
    boss = await stage.door("boss")
    bound, free, shared = await send(boss, PDF), await send(boss, PNG), await send(boss, PDF)
    await boss.post("/worker", json={"name": "周", "papers": [bound["id"]]})
    for path in kept(store):
        os.utime(path, (0, 0))
    young = store.root / "part-young"
    young.write_bytes(b"on its way")
    later = stage.tenant.clock().timestamp() + 1
    os.utime(young, (later + 2 * 86_400, later + 2 * 86_400))
    assert await files.sweep(stage.tenant, store) == 0
    stage.later(86_401)
    assert await files.sweep(stage.tenant, store) == 2
    left = await stage.rows("_file", "id")
    assert [str(row[0]) for row in left] == [bound["id"]]
    assert {p.name for p in kept(store)} == {(await files.named(stage.tenant))[0][2:], "part-young"}
    assert free["id"] != shared["id"]
