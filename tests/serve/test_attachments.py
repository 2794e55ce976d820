"""What fields ask of their files, and the small pictures that are made of them."""

from __future__ import annotations

import errno
import os
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import xlsxwriter
from PIL import Image

from engine.serve.files import files, scans, sniff, thumbnails
from engine.serve.tenant.filestore import Folder
from tests.serve.stage import Stage, errors
from tests.serve.test_files import PDF, PNG, SEND, kept, send

WAITING = "http://works/api/v1/system/files"


@pytest.fixture
def store(stage: Stage, tmp_path: Path) -> Folder:
    stage.tenant.files = Folder(tmp_path / "files")
    return stage.tenant.files


def workbook() -> bytes:
    out = BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.add_worksheet().write(0, 0, "x")
    return out.getvalue()


def packed(name: str, content: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", compression) as made:
        made.writestr(name, content)
    return out.getvalue()


def photo(width: int = 1200, height: int = 800, orientation: int = 0, kind: str = "JPEG") -> bytes:
    """Red on the left, blue on the right, taken somewhere."""
    made = Image.new("RGB", (width, height), "red")
    made.paste((0, 0, 255), (width // 2, 0, width, height))
    out, exif = BytesIO(), Image.Exif()
    exif[0x010F] = "Camera of ours"
    if orientation:
        exif[0x0112] = orientation
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (24.0, 28.0, 47.0)
    made.save(out, kind, exif=exif, comment=b"a secret") if kind == "JPEG" else made.save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "media"),
    [
        (workbook(), "a.bin", f"{sniff.OFFICE}spreadsheetml.sheet"),
        (packed("word/document.xml", b"<a/>"), "x", f"{sniff.OFFICE}wordprocessingml.document"),
        (packed("a.txt", b"x"), "a.xlsx", "application/zip"),
        (packed("[Content_Types].xml", bytes(50_000_000)), "bomb.xlsx", "application/zip"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "old.xls", "application/vnd.ms-excel"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "old.msi", "application/octet-stream"),
        (b"AC1032" + bytes(100), "plan.dwg", "image/x-dwg"),
        ("甲,乙\n".encode("gb18030"), "a.csv", "text/csv"),
        ("长".encode() * 6000, "a.txt", "text/plain"),
        (b"<html>", "a.txt", "text/html"),
        (b"a\0b", "a.csv", "application/octet-stream"),
        (b"\x7fELF" + bytes(100), "a.txt", "application/octet-stream"),
    ],
)  # fmt: skip
def test_what_a_content_is(content: bytes, name: str, media: str) -> None:
    assert sniff.detect(content[:16384], name) == media


async def test_a_field_takes_what_it_is_made_for(stage: Stage, store: Folder) -> None:
    boss = await stage.door("boss")
    for_licences = {"field": "works.worker.licences"}
    good = await boss.post(SEND, content=workbook(), params={"name": "a.xlsx", **for_licences})
    assert good.status_code == 201, good.text
    large = await boss.post(SEND, content=b"%PDF-1.7\n" + bytes(100 * 1024), params={"name": "l.pdf", **for_licences})
    assert (large.status_code, errors(large)) == (413, [("file.too-large", "")])
    assert "l.pdf is larger than 100 KB" in large.text
    other = await boss.post(SEND, content=PNG, params={"name": "p.png", **for_licences})
    assert (other.status_code, errors(other)) == (422, [("file.kind", "")])
    photo_ = await boss.post(SEND, content=PDF, params={"field": "works.worker.portrait"})
    assert errors(photo_) == [("file.no-picture", "")]
    for wrong in ("works.worker.name", "works.worker.nothing", "works.nothing.papers", "worker", "works.sheet.lines"):
        assert errors(await boss.post(SEND, content=PDF, params={"field": wrong})) == [("file.field", "")], wrong
    line = await boss.post(SEND, content=PNG, params={"field": "works.sheet.lines.photos"})
    assert line.status_code == 201
    assert len(await stage.rows("_file", "id")) == 2, "what was refused is nobody's"

    named = [(await send(boss, PDF + more, "a.pdf"))["id"] for more in (b"", b"1", b"2")]
    long, picture = await send(boss, b"%PDF-1.7\n" + bytes(100 * 1024), "long.pdf"), await send(boss, PNG, "p.png")
    no = await boss.post("/worker", json={"name": "周", "licences": [long["id"], picture["id"]]})
    assert errors(no) == [("file.too-large", "/licences/0"), ("file.kind", "/licences/1")]
    no = await boss.post("/worker", json={"name": "周", "licences": named})
    assert errors(no) == [("value.files", "/licences")]
    made = await boss.post("/worker", json={"name": "周", "licences": named[:2]})
    assert (made.status_code, made.json()["licensed"]) == (201, 2), made.text


async def test_a_check_can_ask_for_files(stage: Stage, store: Folder) -> None:
    boss = await stage.door("boss")
    no = await boss.post("/worker", json={"name": "电工"})
    assert [code for code, _ in errors(no)] == ["electrician"], no.text
    licence, portrait = await send(boss, PDF), await send(boss, PNG)
    half = await boss.post("/worker", json={"name": "电工", "licences": [licence["id"]]})
    assert half.status_code == 422
    made = await boss.post("/worker", json={"name": "电工", "licences": [licence["id"]], "portrait": portrait["id"]})
    assert made.status_code == 201, made.text
    gone = await boss.patch(f"/worker/{made.json()['id']}", json={"licences": []}, headers={"if-match": "*"})
    assert [code for code, _ in errors(gone)] == ["electrician"]
    found = await boss.get("/worker", params={"where": "COUNT(licences) = 1", "fields": "name"})
    assert [one["name"] for one in found.json()["items"]] == ["电工"]


async def test_the_same_key_keeps_a_file_once(stage: Stage, store: Folder) -> None:
    boss, wang = await stage.door("boss"), await stage.door("wang")
    key = {"idempotency-key": "photo-1"}
    one, again = [await boss.post(SEND, content=PDF, params={"name": "a.pdf"}, headers=key) for _ in "12"]
    assert (one.status_code, again.status_code, again.json()) == (201, 201, one.json())
    assert len(await stage.rows("_file", "id")) == 1
    other = await boss.post(SEND, content=PNG, params={"name": "a.pdf"}, headers=key)
    assert errors(other) == [("api.idempotency", "")]
    assert (await wang.post(SEND, content=PDF, params={"name": "a.pdf"}, headers=key)).json()["id"] != one.json()["id"]
    assert (await boss.post(SEND, content=PDF, headers={"idempotency-key": ""})).status_code == 400


async def pictured(boss: httpx.AsyncClient, content: bytes) -> str:
    made = await boss.post("/worker", json={"name": "周", "portrait": (await send(boss, content, "p.jpg"))["id"]})
    record: dict[str, Any] = made.json()
    return f"/worker/{record['id']}/files/portrait/{record['portrait']['id']}"


def colour(point: Any) -> str:
    red, _, blue = point
    return "red" if red - blue > 150 else "blue" if blue - red > 150 else str(point)


async def test_small_pictures_are_upright_and_say_nothing_of_the_camera(stage: Stage, store: Folder) -> None:
    boss = await stage.door("boss")
    original = photo(orientation=6)  # the camera was held on its side: turned a quarter to the right it is upright
    place = await pictured(boss, original)
    answer = await boss.get(f"{place}/small")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert "sandbox" in answer.headers["content-security-policy"]
    small = Image.open(BytesIO(answer.content))
    assert small.size == (213, 320)
    top, bottom = small.getpixel((100, 20)), small.getpixel((100, 300))
    assert [colour(top), colour(bottom)] == ["red", "blue"]
    assert dict(small.getexif()) == {}
    assert "comment" not in small.info
    assert [word for word in (b"Camera of ours", b"a secret") if word in answer.content] == []
    assert Image.open(BytesIO((await boss.get(f"{place}/large")).content)).size == (800, 1200)
    assert (await boss.get(place)).content == original, "the original stays as it came"
    tag = answer.headers["etag"]
    assert (await boss.get(f"{place}/small", headers={"if-none-match": tag})).status_code == 304
    assert (await boss.head(f"{place}/small")).content == b""
    assert (await boss.get(f"{place}/huge")).status_code == 404


async def test_small_pictures_are_made_once_and_go_with_their_file(
    stage: Stage, store: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss = await stage.door("boss")
    waiting = await send(boss, photo())
    first = await boss.get(f"{WAITING}/{waiting['id']}/small")
    assert first.status_code == 200
    with monkeypatch.context() as patched:
        patched.setattr(thumbnails, "make", lambda *_: pytest.fail("made again"))
        assert (await boss.get(f"{WAITING}/{waiting['id']}/small")).content == first.content
    assert sorted(p.suffix for p in kept(store)) == ["", ".small"]
    stage.later(86_401)
    for path in kept(store):
        os.utime(path, (0, 0))
    assert await files.sweep(stage.tenant, store) == 1
    assert kept(store) == []

    place = await pictured(boss, photo())

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        assert (await boss.get(f"{place}/small")).status_code == 200, "a full disk: shown, not kept"
    assert [p.suffix for p in kept(store)] == [""]


async def test_who_sees_small_pictures(stage: Stage, store: Folder) -> None:
    boss, wang, zhao = [await stage.door(n) for n in ("boss", "wang", "zhao")]
    waiting = await send(wang, photo())
    assert (await wang.get(f"{WAITING}/{waiting['id']}/small")).status_code == 200
    assert (await boss.get(f"{WAITING}/{waiting['id']}/small")).status_code == 404, "another's"
    sheet = stage.sheet()
    sheet["lines"][0]["photos"] = [waiting["id"]]
    record = (await wang.post("/sheet", json=sheet)).json()["id"]
    assert (await wang.get(f"{WAITING}/{waiting['id']}/small")).status_code == 404, "waits no more"
    assert (await wang.get(f"/sheet/{record}/files/lines.photos/{waiting['id']}/small")).status_code == 200
    secret = await send(zhao, photo())
    await zhao.patch(f"/sheet/{record}", json={"contract": secret["id"]}, headers={"if-match": "*"})
    hidden = f"/sheet/{record}/files/contract/{secret['id']}/small"
    assert [(await door.get(hidden)).status_code for door in (wang, zhao)] == [404, 200]
    assert (await boss.get(f"{WAITING}/x/small")).status_code == 404


def bomb() -> bytes:
    """A PNG of 60,000 by 60,000 in a few bytes."""
    small = BytesIO()
    Image.new("1", (8, 8)).save(small, "PNG")
    whole = bytearray(small.getvalue())
    whole[16:24] = (60_000).to_bytes(4, "big") * 2
    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4, "big")
    return bytes(whole)


def rescanned(times: int, **kind: bool) -> bytes:
    """A JPEG whose last scan comes again and again."""
    out = BytesIO()
    Image.new("L", (64, 64)).save(out, "JPEG", **kind)
    whole = out.getvalue()
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + scan * times + whole[-2:]


@pytest.mark.parametrize(
    "content", [bomb(), rescanned(60, progressive=True), PNG, photo()[:2000], b"GIF89a<script>alert(1)</script>"]
)
async def test_what_cannot_be_shown_small_is_no_fault(stage: Stage, store: Folder, content: bytes) -> None:
    boss = await stage.door("boss")
    place = await pictured(boss, content)
    for _ in "12":
        answer = await boss.get(f"{place}/small")
        assert (answer.status_code, errors(answer)) == (404, [("file.no-preview", "")])
    assert (await boss.get(place)).content == content
    papers = await boss.post("/worker", json={"name": "吴", "papers": [(await send(boss, PDF))["id"]]})
    told = papers.json()
    none = await boss.get(f"/worker/{told['id']}/files/papers/{told['papers'][0]['id']}/small")
    assert errors(none) == [("file.no-preview", "")]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_other_kinds_of_pictures(kind: str) -> None:
    made = Image.open(BytesIO(thumbnails.make(BytesIO(photo(kind=kind)), 320)))
    assert (made.format, made.size) == ("JPEG", (320, 213))


def test_what_is_see_through_lies_on_white() -> None:
    out = BytesIO()
    Image.new("RGBA", (400, 200), (0, 0, 0, 0)).save(out, "PNG")
    assert Image.open(BytesIO(thumbnails.make(BytesIO(out.getvalue()), 320))).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    "content", [rescanned(60, progressive=True), b"\xff\xd8" + b"\xff\xfe\0\2" * (scans.MOST_SEGMENTS + 1)]
)
def test_what_goes_over_its_picture_too_often_is_not_decoded(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    with pytest.raises(thumbnails.NoPicture):
        thumbnails.make(BytesIO(content), 320)


def test_large_pictures_go_over_themselves_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "_MOST_SCANNED", 64 * 64 * 20)
    usual = scans.scans_of(BytesIO(rescanned(0, progressive=True)), 50)
    assert thumbnails.make(BytesIO(rescanned(20 - len(usual), progressive=True)), 320)
    with pytest.raises(thumbnails.NoPicture):
        thumbnails.make(BytesIO(rescanned(21 - len(usual), progressive=True)), 320)


def test_what_is_kept_whole_until_its_last_scan_may_have_a_third(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "MOST_PIXELS", 64 * 64)
    monkeypatch.setattr(thumbnails, "_MOST_WHOLE", 64 * 64 // 3)
    assert thumbnails.make(BytesIO(rescanned(0)), 8)
    for content in (rescanned(1), rescanned(0, progressive=True)):
        with pytest.raises(thumbnails.NoPicture):
            thumbnails.make(BytesIO(content), 8)


@pytest.mark.parametrize("piece", [8, 64 * 1024])
def test_only_scans_of_the_picture_itself_count(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "_PIECE", piece)
    scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0"
    hidden = b"\xff\xfe" + (2 + 5 * len(scan)).to_bytes(2) + scan * 5
    data = b"\xff\0\xda\xff\xd0\xda" * 9
    told = b"\xff\xd8" + hidden + b"x\0\xff\0\xff" + scan + data + scan + b"\xff\xd9" + scan * 60
    assert scans.scans_of(BytesIO(told), 2) == [1, 1]
    assert scans.scans_of(BytesIO(rescanned(7)), 50) == [1] * 8
    assert scans.scans_of(BytesIO(photo()), 50) == [3]
    assert scans.scans_of(BytesIO(PNG + scan), 50) == []
    for cut in range(len(told)):
        assert len(scans.scans_of(BytesIO(told[:cut]), 50)) <= 2


@pytest.mark.parametrize(("width", "height"), [(8000, 200), (200, 8000), (8, 4000)])
def test_long_thin_pictures_are_unpacked_by_their_long_side(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import ImageOps  # noqa: PLC0415

    unpacked: list[tuple[int, int]] = []
    turned = ImageOps.exif_transpose
    monkeypatch.setattr(ImageOps, "exif_transpose", lambda opened: (unpacked.append(opened.size), turned(opened))[1])
    made = Image.open(BytesIO(thumbnails.make(BytesIO(photo(width, height)), 320)))
    assert max(made.size) == 320
    assert max(unpacked[0]) <= max(width, height) // 8
    monkeypatch.setattr(thumbnails, "_MOST_WHOLE", unpacked[0][0] * unpacked[0][1] - 1)
    with pytest.raises(thumbnails.NoPicture):
        thumbnails.make(BytesIO(photo(width, height)), 320)
