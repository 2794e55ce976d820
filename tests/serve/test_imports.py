"""Files brought through the API: rehearsed, kept, mended, taken back; by whoever may, and no further than he may."""

from __future__ import annotations

import asyncio
import io
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import xlsxwriter
from python_calamine import load_workbook

from engine.serve import OneTenant, asgi, open_session
from engine.serve.tenant.filestore import Folder
from tests.serve.stage import Stage, errors

SYSTEM = "http://works/api/v1/system"
PROJECTS = "编号,名称,开工,完工,预算\n"
SHEETS = "项目,日期,姓名,工时\n"


@pytest.fixture(autouse=True)
def store(stage: Stage, tmp_path: Path) -> None:
    stage.tenant.files = Folder(tmp_path / "files")


async def sent(door: httpx.AsyncClient, text: str, name: str = "rows.csv") -> str:
    made = await door.post(f"{SYSTEM}/files?name={name}", content=text.encode())
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def bring(door: httpx.AsyncClient, of: str, text: str, **asked: Any) -> httpx.Response:
    return await door.post(f"{SYSTEM}/imports/works.{of}", json={"file": await sent(door, text), **asked})


def told(answer: httpx.Response) -> list[tuple[int, str, str]]:
    return [(one["row"], one["column"], one["code"]) for one in answer.json()["problems"]]


def counts(answer: httpx.Response) -> tuple[int, ...]:
    return tuple(answer.json()[name] for name in ("rows", "created", "updated", "skipped", "refused"))


async def codes(stage: Stage) -> list[str]:
    return sorted(row[0] for row in await stage.rows("works__project", "code", "deleted_at") if row[1] is None)


async def test_what_one_may_bring_is_listed(stage: Stage) -> None:
    listed = (await (await stage.door("zhao")).get(f"{SYSTEM}/imports")).json()["items"]
    assert [one["name"] for one in listed] == ["works.projects", "works.sheets", "works.moved"]
    assert listed[0]["columns"][0] == {"field": "code", "headers": ["编号", "Code"], "required": True}
    wang = (await (await stage.door("wang")).get(f"{SYSTEM}/imports")).json()["items"]
    assert [one["name"] for one in wang] == ["works.sheets", "works.moved"]
    assert (await (await stage.door("li")).get(f"{SYSTEM}/imports")).json()["items"] == []


async def test_a_rehearsal_tells_all_and_keeps_nothing(stage: Stage) -> None:
    zhao = await stage.door("zhao")
    text = (
        PROJECTS + 'C,丙,2026-01-01,2026-12-31,"1,000.50"\n'
        "D,丁,2026-12-31,2026-01-01,\n"
        "A,甲,,,\n"
        "E,,,,x\n"
        "C,又丙,,,\n"
        "F,己,,,2\n"
        "合计,,,,1002.5\n"
    )
    asked = await bring(zhao, "projects", text)
    assert (asked.status_code, counts(asked)) == (200, (6, 2, 0, 1, 3)), asked.text
    assert told(asked) == [
        (3, "", "check.in_order"),
        (5, "名称", "import.required"),
        (5, "预算", "import.value"),
        (6, "", "import.duplicate"),
    ]
    assert asked.json()["run"] is None
    assert asked.json()["left_out"] == [{"row": 8, "text": "合计"}]
    assert asked.json()["totals"] == {"budget": "1002.50"}
    assert await codes(stage) == ["A", "B"]
    assert await stage.rows("_import", "id") == []


async def test_it_is_all_or_none_unless_one_says_so(stage: Stage) -> None:
    zhao = await stage.door("zhao")
    text = PROJECTS + "C,丙,,,\nD,丁,2026-12-31,2026-01-01,\n"
    none = await bring(zhao, "projects", text, keep=True)
    assert (none.status_code, counts(none), await codes(stage)) == (200, (2, 1, 0, 0, 1), ["A", "B"])
    some = await bring(zhao, "projects", text, keep=True, partly=True)
    assert (some.status_code, counts(some), await codes(stage)) == (201, (2, 1, 0, 0, 1), ["A", "B", "C"])
    (run,) = (await zhao.get(f"{SYSTEM}/imports/runs")).json()["items"]
    assert (run["id"], run["name"], run["title"], run["created"], run["refused"]) == (
        some.json()["run"], "works.projects", "rows.csv", 1, 1,
    )  # fmt: skip
    assert run["by"] == stage.ids["zhao"]


async def test_what_is_there_is_skipped_changed_or_refused(stage: Stage) -> None:
    zhao = await stage.door("zhao")
    text = PROJECTS + "A,甲改,,,\nC,丙,,,\n"
    assert counts(await bring(zhao, "projects", text)) == (2, 1, 0, 1, 0)
    refused = await bring(zhao, "projects", text, existing="refuse")
    assert told(refused) == [(2, "", "import.there")]
    changed = await bring(zhao, "projects", text, existing="update", keep=True)
    assert (changed.status_code, counts(changed)) == (201, (2, 1, 1, 0, 0)), changed.text
    assert (await zhao.get(f"/project/{stage.ids['A']}")).json()["name"] == "甲改"
    wrong = await bring(zhao, "projects", text, existing="whatever")
    assert errors(wrong) == [("api.parameter", "/existing")]


async def test_a_run_is_taken_back(stage: Stage) -> None:
    zhao = await stage.door("zhao")
    done = await bring(zhao, "projects", PROJECTS + "A,甲改,,,7\nC,丙,,,\nD,丁,,,\n", existing="update", keep=True)
    run = done.json()["run"]
    refused = await zhao.post(f"{SYSTEM}/imports/runs/{run}/undo")
    assert refused.status_code == 403  # nobody here may throw projects away but the administrator
    boss = await stage.door("boss")
    back = await boss.post(f"{SYSTEM}/imports/runs/{run}/undo")
    assert (back.status_code, back.json()) == (200, {"undone": 3}), back.text
    assert await codes(stage) == ["A", "B"]
    was = (await zhao.get(f"/project/{stage.ids['A']}")).json()
    assert (was["name"], was["budget"]) == ("甲", None)
    assert errors(await boss.post(f"{SYSTEM}/imports/runs/{run}/undo")) == [("import.undone", "")]
    (told_run,) = (await boss.get(f"{SYSTEM}/imports/runs")).json()["items"]
    assert told_run["undone_by"] == stage.ids["boss"]


async def test_what_others_changed_since_is_not_taken_back(stage: Stage) -> None:
    boss = await stage.door("boss")
    done = await bring(boss, "projects", PROJECTS + "C,丙,,,\nD,丁,,,\n", keep=True)
    (record,) = [r for r, code in await stage.rows("works__project", "id", "code") if code == "D"]
    changed = await boss.patch(f"/project/{record}", json={"name": "新"}, headers={"if-match": "*"})
    assert changed.status_code == 200
    refused = await boss.post(f"{SYSTEM}/imports/runs/{done.json()['run']}/undo")
    assert (refused.status_code, errors(refused)) == (409, [("import.changed-since", "/rows/3")])
    assert await codes(stage) == ["A", "B", "C", "D"]


async def test_rows_of_one_document_are_its_lines(stage: Stage) -> None:
    boss = await stage.door("boss")
    text = SHEETS + "A,2026-03-05,赵,8\nB,2026-03-05,钱,4\nA,2026-03-05,孙,6.5\n"
    done = await bring(boss, "sheets", text, keep=True)
    assert (done.status_code, counts(done)) == (201, (3, 2, 0, 0, 0)), done.text
    found = (await boss.get("/sheet?expand=lines&sort=project.code&fields=project,lines")).json()["items"]
    assert [[line["hours"] for line in one["lines"]] for one in found] == [["8.00", "6.50"], ["4.00"]]
    full = await bring(boss, "sheets", SHEETS + "A,2026-03-05,赵,8\nB,2026-03-05,赵,8.5\n")
    assert told(full) == [(2, "", "check.day_24"), (3, "", "check.day_24")]
    assert errors(await bring(boss, "sheets", text, existing="update")) == [("import.lines-stay", "/existing")]


async def test_nobody_sets_by_a_file_what_he_may_not_set(stage: Stage) -> None:
    """A mapping names fields; what its user may set of them is as at any other door."""
    text = "单号,项目,备注\nDG-OLD-7,A,旧\n"
    wang, zhao, boss = [await stage.door(name) for name in ("wang", "zhao", "boss")]
    assert told(await bring(wang, "moved", text)) == [(2, "单号", "api.computed-field")]
    assert told(await bring(wang, "moved", text.replace("DG-OLD-7", ""))) == [(2, "备注", "api.readonly-field")]
    assert told(await bring(zhao, "moved", text)) == [(2, "单号", "api.computed-field")]
    kept = await bring(boss, "moved", text, keep=True)
    assert kept.status_code == 201, kept.text
    assert await stage.rows("works__sheet", "number") == [("DG-OLD-7",)]  # whoever moves in brings old numbers along


async def test_a_name_tells_nothing_of_records_one_may_not_read(stage: Stage) -> None:
    zhao = await stage.door("zhao")
    asked = await bring(zhao, "sheets", SHEETS + "A,2026-03-05,赵,8\nA,2026-03-05,无此人,8\n")
    there, nowhere = asked.json()["problems"]
    assert there["message"].replace("赵", "") == nowhere["message"].replace("无此人", "")
    assert told(asked) == [(2, "姓名", "import.reference"), (3, "姓名", "import.reference")]


async def test_no_run_goes_further_than_its_bringer(stage: Stage) -> None:
    li, wang, zhao, boss = [await stage.door(name) for name in ("li", "wang", "zhao", "boss")]
    text = PROJECTS + "C,丙,,,\n"
    for door in (li, wang):
        refused = await bring(door, "projects", text, keep=True)
        assert (refused.status_code, errors(refused)) == (404, [("import.none", "")])
    mine = await sent(zhao, text)
    other = await boss.post(f"{SYSTEM}/imports/works.projects", json={"file": mine})
    assert errors(other) == [("file.none", "/file")]
    done = await zhao.post(f"{SYSTEM}/imports/works.projects", json={"file": mine, "keep": True})
    assert done.status_code == 201
    assert (await li.get(f"{SYSTEM}/imports/runs")).json()["items"] == []
    assert len((await boss.get(f"{SYSTEM}/imports/runs")).json()["items"]) == 1
    undo = f"{SYSTEM}/imports/runs/{done.json()['run']}/undo"
    assert (await li.post(undo)).status_code == 404
    nobody = httpx.AsyncClient(transport=li._transport, base_url="http://works")
    for method, path in (("GET", "imports"), ("GET", "imports/runs"), ("POST", "imports/works.projects")):
        assert (await nobody.request(method, f"{SYSTEM}/{path}")).status_code == 401
    assert (await nobody.post(undo)).status_code == 401
    assert (await nobody.post(f"{SYSTEM}/imports/works.projects/workbook")).status_code == 401


async def test_the_same_key_brings_once(stage: Stage) -> None:
    zhao = await stage.door("zhao")
    asked = {"file": await sent(zhao, PROJECTS + "C,丙,,,\n"), "keep": True, "existing": "refuse"}
    key = {"idempotency-key": "one"}
    first, second = [await zhao.post(f"{SYSTEM}/imports/works.projects", json=asked, headers=key) for _ in range(2)]
    assert (first.status_code, second.status_code, second.content) == (201, 201, first.content)
    assert await codes(stage) == ["A", "B", "C"]
    both = await asyncio.gather(*(bring(zhao, "projects", PROJECTS + "X,x,,,\n", keep=True) for _ in range(2)))
    assert sorted(one.json()["created"] for one in both) in ([0, 1], [1, 1])
    assert await codes(stage) == ["A", "B", "C", "X"]


async def test_refused_rows_come_back_as_a_workbook_to_mend(stage: Stage) -> None:
    zhao = await stage.door("zhao")
    text = PROJECTS + "C,丙,,,\nD,丁,2026-12-31,2026-01-01,\nE,戊,昨天,,\n"
    answer = await zhao.post(
        f"{SYSTEM}/imports/works.projects/workbook", json={"file": await sent(zhao, text)},
        headers={"accept-language": "zh"},
    )  # fmt: skip
    assert answer.status_code == 200
    with load_workbook(io.BytesIO(answer.content)) as book:
        rows = book.get_sheet_by_index(0).to_python()
    assert rows[0] == ["编号", "名称", "开工", "完工", "预算", "错误原因", "原行号"]
    assert [(row[0], row[2], row[6]) for row in rows[1:]] == [("D", "2026-12-31", 3.0), ("E", "昨天", 4.0)]
    assert "结束早于开始" in rows[1][5]
    mended = [[*row] for row in rows]
    mended[1][3], mended[2][2] = "2027-01-01", "2026-01-01"
    again = "\n".join(",".join(str(cell) for cell in row) for row in mended)
    assert counts(await bring(zhao, "projects", again)) == (2, 2, 0, 0, 0)


async def test_bad_input_is_told(stage: Stage) -> None:
    boss = await stage.door("boss")
    url = f"{SYSTEM}/imports/works.projects"
    for asked, wanted in (
        ({}, ("file.none", "/file")),
        ({"file": "x"}, ("file.none", "/file")),
        ({"file": 7}, ("api.parameter", "/file")),
        ({"keep": "yes"}, ("api.parameter", "/keep")),
        ({"fiel": "x"}, ("api.unknown-parameter", "/fiel")),
        ({"reasons": {"a": 1}}, ("api.parameter", "/reasons")),
    ):
        assert errors(await boss.post(url, json=asked)) == [wanted], asked
    assert errors(await boss.post(f"{SYSTEM}/imports/works.project", json={})) == [("import.none", "")]
    assert errors(await boss.post(f"{SYSTEM}/imports/runs/{stage.ids['A']}/undo")) == [("import.no-run", "")]
    unreadable = await bring(boss, "projects", "一,二\n1,2\n")
    assert told(unreadable) == [(1, "", "import.no-column")] * 5
    empty = await boss.post(url, json={"file": await sent(boss, "\n\n\n \n")})
    assert told(empty) == [(1, "", "import.empty")]


async def test_a_workbook_that_asks_for_too_much_ends_its_reader_alone(stage: Stage) -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        sheet = made.add_worksheet()
        sheet.write_string(0, 0, "编号")
        sheet.write_string(1_048_575, 16_383, "x")
    boss = await stage.door("boss")
    sent_file = await boss.post(f"{SYSTEM}/files?name=far.xlsx", content=out.getvalue())
    asked = await boss.post(f"{SYSTEM}/imports/works.projects", json={"file": sent_file.json()["id"]})
    assert (asked.status_code, told(asked)) == (200, [(0, "", "import.too-heavy")])
    assert counts(await bring(boss, "projects", PROJECTS + "C,丙,,,\n")) == (1, 1, 0, 0, 0)


async def test_the_page_from_choice_to_taking_back(stage: Stage) -> None:
    token = await open_session(stage.tenant, stage.ids["zhao"], "page")
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://works", headers={"cookie": f"dougong={token}; language=en"}
    ) as page:
        shown = await page.get("/i/works/projects")
        assert (shown.status_code, "编号 / Code" in shown.text) == (200, True)
        assert 'href="/i/works/projects"' in (await page.get("/m/works/project")).text
        csrf = re.findall(r'name="_csrf" value="([^"]+)"', shown.text)[0]

        async def post(text: str = "", **inputs: str) -> httpx.Response:
            files = {"file": ("rows.csv", text.encode(), "text/csv")} if text else None
            return await page.post("/i/works/projects", data={"_csrf": csrf, **inputs}, files=files)

        none = await post(_do="rehearse")
        assert (none.status_code, "Choose a file" in none.text) == (422, True)
        wrong = await post(PROJECTS + "C,丙,,,\nD,丁,2026-12-31,2026-01-01,\n", _do="rehearse")
        assert wrong.status_code == 200, wrong.text
        assert "The end is before the start" in wrong.text
        file = re.findall(r'name="file" value="([^"]+)"', wrong.text)[0]
        sheet = await post(_do="sheet", file=file)
        assert sheet.content.startswith(b"PK")
        assert await codes(stage) == ["A", "B"]
        unsaid = await page.post("/i/works/projects", data={"_do": "partly", "file": file})
        assert unsaid.status_code == 403  # without the page's own token
        kept = await post(_do="partly", file=file)
        assert kept.status_code == 303, kept.text
        assert await codes(stage) == ["A", "B", "C"]
        after = await page.get(kept.headers["location"])
        assert "It is in." in after.text
        run = re.findall(r'name="run" value="([^"]+)"', after.text)[0]
        refused = await post(_do="undo", run=run)
        assert refused.status_code == 403  # he may make projects, and not throw them away
        assert await codes(stage) == ["A", "B", "C"]
        other = await open_session(stage.tenant, stage.ids["li"], "page")
        strange = await page.get("/i/works/projects", headers={"cookie": f"dougong={other}; language=en"})
        assert strange.status_code == 404
    async with httpx.AsyncClient(transport=transport, base_url="http://works") as nobody:
        assert (await nobody.get("/i/works/projects")).status_code in (303, 401)
