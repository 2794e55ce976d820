"""Lists taken away: the same rows, the same rights, the same order; nothing in them that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from engine.serve import open_session
from engine.serve.query import export
from tests.serve.stage import Stage, errors
from tests.serve.test_account import outside


def table(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def sheets(stage: Stage, count: int = 3) -> list[str]:
    boss = await stage.door("boss")
    out = []
    for n in range(count):
        body = stage.sheet(sheet_date=f"2026-03-0{n + 1}", lines=[{"worker": stage.ids["赵"], "hours": n + 1}])
        out.append((await boss.post("/sheet", json=body)).json()["id"])
    return out


async def test_what_the_list_shows(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_PAGE", 2)
    await sheets(stage, 5)
    boss = await stage.door("boss")
    asked = "fields=sheet_date,project.name,liability,amount&sort=-sheet_date&sheet_date[gte]=2026-03-02"
    found = table(await boss.get(f"/sheet/export?{asked}"))
    listed = (await boss.get(f"/sheet?{asked}")).json()["items"]
    assert found[0] == ["Sheet date", "Name", "Liability", "Amount"]
    assert [row[3] for row in found[1:]] == [item["amount"] for item in listed]
    assert [row[0] for row in found[1:]] == ["2026-03-05", "2026-03-04", "2026-03-03", "2026-03-02"]
    assert found[1][1:3] == ["甲", "自有"] or found[1][1:3] == ["甲", "own"]
    lines = (await boss.get(f"/sheet/export?{asked}&format=ndjson")).text.splitlines()
    assert [json.loads(line) for line in lines] == listed
    stage.database.reads.clear()
    await boss.get("/sheet/export")
    assert len(stage.database.reads) == 3  # five rows, two at a time


async def test_a_workbook(stage: Stage, tmp_path: Path) -> None:
    await sheets(stage)
    boss = await stage.door("boss")
    await boss.post("/worker", json={"name": '=HYPERLINK("http://evil.example")'})
    answer = await boss.get("/sheet/export?format=xlsx&fields=sheet_date,amount,cut_rate,project,created_at")
    assert "attachment" in answer.headers["content-disposition"]
    book = ZipFile(io.BytesIO(answer.content))
    page = book.read("xl/worksheets/sheet1.xml").decode()
    assert page.count("<row ") == 4
    assert "<v>31.2</v>" in page  # an hour is 0.13 of a day at 240: a number
    assert "<f>" not in page
    workers = ZipFile(io.BytesIO((await boss.get("/worker/export?format=xlsx")).content))
    page = workers.read("xl/worksheets/sheet1.xml").decode()
    assert "HYPERLINK" in page
    assert "<f>" not in page
    assert not any("rels/sheet1" in name for name in workers.namelist())


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://evil.example","x")'])
async def test_nothing_a_spreadsheet_would_run(stage: Stage, hostile: str) -> None:
    boss = await stage.door("boss")
    made = await boss.post("/worker", json={"name": hostile})
    if made.status_code != 201:
        pytest.skip("the field takes no such text")
    kept = made.json()["name"]
    cells = {cell for row in table(await boss.get("/worker/export?fields=name")) for cell in row}
    assert f"'{kept}" in cells
    assert not any(cell.startswith(("=", "+", "@", "\t")) for cell in cells)


async def test_rights(stage: Stage) -> None:
    """A foreman takes away his own sheets of own cost alone, without the amounts; a manager nothing."""
    await sheets(stage, 2)
    wang, li, boss = await stage.door("wang"), await stage.door("li"), await stage.door("boss")
    own = (await wang.post("/sheet", json=stage.sheet(lines=[{"worker": stage.ids["钱"], "hours": 1}]))).json()["id"]
    charged = stage.sheet(liability="charge", charge_to="x", lines=[{"worker": stage.ids["孙"], "hours": 1}])
    assert (await wang.post("/sheet", json=charged)).status_code == 201
    assert len((await wang.get("/sheet")).json()["items"]) == 2
    lines = (await wang.get("/sheet/export?format=ndjson")).text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [own]
    assert "Amount" not in table(await wang.get("/sheet/export"))[0]
    assert errors(await wang.get("/sheet/export?fields=amount"))[0][0] == "api.unknown-parameter"
    assert errors(await li.get("/sheet/export")) == [("access.denied", "")]
    assert len(table(await boss.get("/sheet/export"))) == 5


@pytest.mark.parametrize(
    ("query", "status"),
    [("format=pdf", 400), ("limit=5", 400), ("cursor=x", 400), ("expand=lines", 400), ("fields=nope", 400),
     ("where=nope = 1", 400), ("sheet_date=x", 400), ("count=exact", 400)],
)  # fmt: skip
async def test_questions_that_are_not(stage: Stage, query: str, status: int) -> None:
    answer = await (await stage.door("boss")).get(f"/sheet/export?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_the_button_on_the_list(stage: Stage, tmp_path: Path) -> None:
    await sheets(stage)
    token = await open_session(stage.tenant, stage.ids["boss"], "page")
    page = outside(stage, cookies={"dougong": token})
    shown = (await page.get("/m/works/sheet?liability=own")).text
    address = shown.partition("/api/v1/works/sheet/export?")[2].partition('"')[0].replace("&amp;", "&")
    assert "liability=own" in address
    got: Any = await page.get(f"/api/v1/works/sheet/export?{address}")
    assert (got.status_code, len(ZipFile(io.BytesIO(got.content)).namelist()) > 3) == (200, True)
