"""Forms with files, as a browser without scripts sends them: nothing that was typed or sent is lost."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import httpx
import pytest

from engine.serve.files import uploads
from engine.serve.tenant.filestore import Folder
from tests.serve.stage import Stage
from tests.serve.test_attachments import photo
from tests.serve.test_files import PDF, PNG, kept
from tests.serve.test_pages import Browser, browser, sheet

File = tuple[str, str, bytes]


@pytest.fixture
def store(stage: Stage, tmp_path: Path) -> Folder:
    stage.tenant.files = Folder(tmp_path / "files")
    return stage.tenant.files


async def send(by: Browser, path: str, inputs: list[tuple[str, str]], *files: File, csrf: str = "") -> httpx.Response:
    """``multipart/form-data`` as browsers write it, the form's token first as our pages have it."""
    mark = b"--form-of-a-browser"
    parts = [
        b'Content-Disposition: form-data; name="' + n.encode() + b'"\r\n\r\n' + v.encode()
        for n, v in [("_csrf", csrf or by.csrf), *inputs]
    ]
    parts += [
        f'Content-Disposition: form-data; name="{n}"; filename="{name}"\r\nContent-Type: text/html\r\n\r\n'.encode() + c
        for n, name, c in files
    ]
    body = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=form-of-a-browser", "origin": "http://works"}
    return await by.client.post(path, content=body, headers=headers)


def held(page: str, name: str) -> list[str]:
    """The ids that a form would send again."""
    return re.findall(rf'name="{re.escape(name)}" value="([0-9a-f-]{{36}})" checked', page)


async def test_files_come_with_a_form_are_seen_kept_and_taken_away(stage: Stage, store: Folder) -> None:
    boss = await browser(stage, "boss")
    empty = (await boss.get("/r/works/worker/new")).text
    assert 'enctype="multipart/form-data"' in empty
    assert re.search(r'<input type="file"[^>]*name="papers"[^>]*multiple', empty)
    assert re.search(r'<input type="file"[^>]*name="portrait"[^>]*accept="image/', empty)
    assert re.search(r'<input type="file"[^>]*name="licences"[^>]*accept=".pdf,.xls,.xlsx"', empty)
    files = [("papers", "合同.pdf", PDF), ("papers", "b.pdf", PDF + b"b"), ("portrait", "", b""), ("licences", "", b"")]
    made = await send(boss, "/r/works/worker/new", [("name", "周"), ("papers", "")], *files)
    assert made.status_code == 303, made.text
    place = made.headers["location"].partition("?")[0]
    page = (await boss.get(place)).text
    one, two = held(page, "papers")
    assert "合同.pdf" in page
    assert re.search(r"1009 B · .+ · 2026-", page), "how large, who, when"
    api = place.replace("/r/", "/api/v1/")
    assert f'href="{api}/files/papers/{one}"' in page
    assert (await boss.get(f"{api}/files/papers/{one}")).content == PDF
    rev = [("_rev", re.search(r'name="_rev" value="(\d+)"', page)[1])]  # type: ignore[index]
    kept_two = await send(boss, place, [*rev, ("papers", ""), ("papers", two)], ("portrait", "p.jpg", photo()))
    assert kept_two.status_code == 303, kept_two.text
    page = (await boss.get(place)).text
    assert held(page, "papers") == [two]
    (portrait,) = held(page, "portrait")
    assert f'src="{api}/files/portrait/{portrait}/small"' in page
    assert (await boss.get(f"{api}/files/portrait/{portrait}/small")).headers["content-type"] == "image/jpeg"
    rev = [("_rev", re.search(r'name="_rev" value="(\d+)"', page)[1])]  # type: ignore[index]
    other = ("portrait", "q.png", photo(kind="PNG"))
    replaced = await send(boss, place, [*rev, ("portrait", ""), ("portrait", portrait)], other)
    assert replaced.status_code == 303
    page = (await boss.get(place)).text
    assert held(page, "portrait") != [portrait]
    assert held(page, "papers") == [two], "an input that is not sent is left alone"
    rev = [("_rev", re.search(r'name="_rev" value="(\d+)"', page)[1])]  # type: ignore[index]
    assert (await send(boss, place, [*rev, ("portrait", "")])).status_code == 303
    assert held((await boss.get(place)).text, "portrait") == []


async def test_photos_of_lines(stage: Stage, store: Folder) -> None:
    wang, zhao = await browser(stage, "wang"), await browser(stage, "zhao")
    one = ("lines.0.photos", "现场.jpg", photo())
    made = await send(wang, "/r/works/sheet/new", sheet(stage), one, ("lines.1.photos", "", b""))
    assert made.status_code == 303, made.text
    place = made.headers["location"].partition("?")[0]
    page = (await wang.get(place)).text
    (photo_id,) = held(page, "lines.0.photos")
    assert f"/files/lines.photos/{photo_id}/small" in page
    readers = (await zhao.get(place)).text
    assert f"/files/lines.photos/{photo_id}/small" in readers


async def test_what_is_wrong_with_a_file_is_said_at_its_field_and_nothing_is_lost(stage: Stage, store: Folder) -> None:
    boss = await browser(stage, "boss")
    boss.client.cookies.set("language", "en")
    files = [
        ("licences", "plan.png", PNG),
        ("licences", "long.pdf", b"%PDF-1.7\n" + bytes(100 * 1024)),
        ("papers", "a.pdf", PDF),
        ("portrait", "p.jpg", photo()),
        ("papers", "empty.txt", b""),
    ]
    no = await send(boss, "/r/works/worker/new", [("name", "周 <b>"), ("papers", "")], *files)
    assert no.status_code in (413, 422), no.text
    assert 'value="周 &lt;b&gt;"' in no.text
    assert "plan.png is of another kind; taken here: PDF, Excel workbook" in no.text
    assert "long.pdf is larger than 100 KB" in no.text
    assert re.search(r'data-box="licences".*?is larger than', no.text, re.DOTALL)
    (paper,), (portrait,) = held(no.text, "papers"), held(no.text, "portrait")
    assert f'src="/api/v1/system/files/{portrait}/small"' in no.text
    again = [("name", "周"), ("papers", ""), ("papers", paper), ("portrait", ""), ("portrait", portrait)]
    made = await send(boss, "/r/works/worker/new", again)
    assert made.status_code == 303, made.text
    page = (await boss.get(made.headers["location"])).text
    assert (held(page, "papers"), held(page, "portrait")) == ([paper], [portrait])
    refused = await send(boss, "/r/works/worker/new", [("name", ""), ("papers", "")], ("papers", "b.pdf", PDF))
    assert refused.status_code == 422
    assert len(held(refused.text, "papers")) == 1, "also when something else is wrong"
    strange = [("name", "吴"), ("papers", ""), ("papers", paper)]
    other = await send(boss, "/r/works/worker/new", strange)
    assert (other.status_code, held(other.text, "papers")) == (422, []), "a file of another record is not shown here"


async def test_a_full_disk_is_said_and_nothing_is_half_there(
    stage: Stage, store: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss = await browser(stage, "boss")
    boss.client.cookies.set("language", "en")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        no = await send(boss, "/r/works/worker/new", [("name", "周"), ("papers", "")], ("papers", "a.pdf", PDF))
    assert no.status_code == 507
    assert 'value="周"' in no.text
    assert "There is no room for the file" in no.text
    assert kept(store) == []
    assert await stage.rows("_file", "id") == []
    assert (await boss.client.get("/api/v1/works/worker", params={"q": "周"})).json()["items"] == []


async def test_who_may_bring_files(stage: Stage, store: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = await browser(stage, "boss")
    file = ("papers", "a.pdf", PDF)
    forged = await send(boss, "/r/works/worker/new", [("name", "周")], file, csrf="forged")
    assert forged.status_code == 403
    nobody = Browser(httpx.AsyncClient(transport=boss.client._transport, base_url="http://works"), "")
    stranger = await send(nobody, "/r/works/worker/new", [("name", "周")], file)
    assert (stranger.status_code, stranger.headers["location"][:7]) == (303, "/login?")
    elsewhere = await send(boss, "/system/me", [], file)
    assert elsewhere.status_code == 415
    nowhere = await send(boss, "/r/works/worker/new", [("name", "周")], ("name", "a.pdf", PDF), ("none", "a", PDF))
    assert nowhere.status_code == 422
    assert (kept(store), await stage.rows("_file", "id")) == ([], [])
    monkeypatch.setattr(uploads, "MOST_FILES", 1)
    many = await send(boss, "/r/works/worker/new", [("name", "周"), ("papers", "")], file, file)
    assert many.status_code == 422
    monkeypatch.setattr(uploads, "MOST_TEXT", 10)
    assert (await send(boss, "/r/works/worker/new", [("name", "周" * 10)])).status_code == 413


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"b" * 10_000 + b"\r\n\r\n"),
        ("multipart/form-data; boundary=" + "x" * 4000, b"--x--"),
    ],
)
async def test_what_is_no_form(stage: Stage, store: Folder, kind: str, body: bytes) -> None:
    boss = await browser(stage, "boss")
    headers = {"content-type": kind, "origin": "http://works"}
    answer = await boss.client.post("/r/works/worker/new", content=body, headers=headers)
    assert answer.status_code in (400, 403), answer.text
    assert kept(store) == []
