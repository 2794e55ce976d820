"""Pages as a browser without scripts uses them: forms in, redirects and forms with what was wrong out."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from engine.serve.people import auth
from engine.serve.people.auth import open_session
from tests.serve.stage import Stage
from tests.serve.test_doors import outside


class Browser:
    """Somebody signed in, who fills forms."""

    def __init__(self, client: httpx.AsyncClient, csrf: str) -> None:
        self.client = client
        self.csrf = csrf

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def send(self, path: str, *inputs: tuple[str, str]) -> httpx.Response:
        form = httpx.QueryParams([*inputs, ("_csrf", self.csrf)])
        headers = {"content-type": "application/x-www-form-urlencoded", "origin": "http://works"}
        return await self.client.post(path, content=str(form), headers=headers)


async def browser(stage: Stage, name: str, language: str = "zh-CN") -> Browser:
    token = await open_session(stage.tenant, stage.ids[name], "page")
    me = await auth.who(stage.tenant, token)
    assert me is not None
    cookies = {auth.COOKIE: token}
    return Browser(outside(stage, cookies=cookies, headers={"accept-language": language}), me.csrf)


def sheet(stage: Stage, **more: str) -> list[tuple[str, str]]:
    values = {
        "project": stage.ids["A"],
        "sheet_date": "2026-03-05",
        "liability": "own",
        "charge_to": "",
        "lines.0.worker": stage.ids["赵"],
        "lines.0.hours": "8",
        "lines.1.worker": "",
        "lines.1.hours": "",
        **more,
    }
    return list(values.items())


async def test_a_form_is_saved_shown_changed_and_handed_in(stage: Stage) -> None:
    wang = await browser(stage, "wang")
    empty = await wang.get("/r/works/sheet/new")
    assert empty.status_code == 200
    assert "0102 点工" in empty.text  # the subject it begins with, before anything is typed
    saved = await wang.send("/r/works/sheet/new", *sheet(stage))
    assert saved.status_code == 303, saved.text
    place = saved.headers["location"]
    assert place.endswith("?saved=1")
    at = place.removesuffix("?saved=1")
    page = await wang.get(place)
    assert page.status_code == 200
    line = re.search(r'name="lines\.0\.id" value="([^"]+)"', page.text)
    assert line is not None
    changed = await wang.send(at, ("_rev", "1"), ("lines.0.id", line[1]), ("lines.0.hours", "9.5"))
    assert changed.status_code == 303, changed.text
    stale = await wang.send(at, ("_rev", "1"), ("liability", "own"))
    assert stale.status_code == 412
    assert "已被他人修改" in stale.text
    handed = await wang.send(at, ("_rev", "2"), ("_action", "submit"))
    assert handed.status_code == 303, handed.text
    li = await browser(stage, "li")
    assert "DG-A-202603-0001" in (await li.get("/")).text
    assert (await li.send(at, ("_rev", "3"), ("_action", "reject"))).status_code == 422
    assert (await li.send(at, ("_rev", "3"), ("_action", "approve"), ("_reason", "好"))).status_code == 303
    trail = (await li.get(at)).text
    assert "好" in trail


async def test_what_is_wrong_stands_in_the_form_with_what_was_typed(stage: Stage) -> None:
    wang = await browser(stage, "wang")
    wrong = await wang.send("/r/works/sheet/new", *sheet(stage, **{"lines.0.hours": "25", "sheet_date": "5.3.2026"}))
    assert wrong.status_code == 422
    assert 'value="25"' in wrong.text
    assert "5.3.2026" in wrong.text
    assert "赵" in wrong.text
    over = await wang.send(
        "/r/works/sheet/new", *sheet(stage, **{"lines.1.worker": stage.ids["赵"], "lines.1.hours": "20"})
    )
    assert over.status_code == 422
    assert "赵当天超过24小时" in over.text
    assert (await (await stage.door("boss")).get("/sheet")).json()["items"] == []


async def test_save_and_hand_in_are_one_transaction(stage: Stage) -> None:
    wang = await browser(stage, "wang")
    late = [*sheet(stage, sheet_date="2026-03-01"), ("_action", "submit")]
    asked = await wang.send("/r/works/sheet/new", *late)
    assert asked.status_code == 422
    assert "_reasons.not_late" in asked.text
    assert (await (await stage.door("boss")).get("/sheet")).json()["items"] == []
    done = await wang.send("/r/works/sheet/new", *late, ("_reasons.not_late", "下雨"))
    assert done.status_code == 303
    assert (await (await stage.door("boss")).get("/sheet")).json()["items"][0]["state"] == "in_approval"


async def test_the_bin_by_a_button(stage: Stage) -> None:
    boss = await browser(stage, "boss")
    saved = await boss.send("/r/works/worker/new", ("name", "李四"))
    at = saved.headers["location"].removesuffix("?saved=1")
    gone = await boss.send(at, ("_rev", "1"), ("_do", "delete"))
    assert (gone.status_code, gone.headers["location"]) == (303, "/m/works/worker")
    assert (await boss.get(at)).status_code == 404


async def test_filters_of_a_list_are_parameters(stage: Stage) -> None:
    boss = await browser(stage, "boss")
    await (await stage.door("boss")).post("/worker/bulk", json={"items": [{"name": f"w{n}"} for n in range(60)]})
    first = await boss.get("/m/works/worker?name[contains]=w&q=&work_type=")
    assert first.status_code == 200
    assert "cursor=" in first.text
    wrong = await boss.get("/m/works/worker?nmae=x")
    assert wrong.status_code == 200
    assert "nmae" in wrong.text


async def test_what_is_not_theirs_is_a_page_that_says_so(stage: Stage) -> None:
    wang = await browser(stage, "wang", "en")
    for path, status in (
        ("/m/works/worker", 403),
        ("/r/works/worker/" + stage.ids["赵"], 403),
        ("/r/works/worker/new", 403),
        ("/m/works/nothing", 404),
        ("/r/works/sheet/nonsense", 404),
        ("/r/works/sheet_line/new", 404),
        ("/assets/../pyproject.toml", 404),
        ("/nothing", 404),
    ):
        answer = await wang.get(path)
        assert answer.status_code == status, path
        assert answer.headers["content-type"].startswith("text/html")


async def test_the_reference_of_the_api(stage: Stage) -> None:
    page = (await (await browser(stage, "wang")).get("/docs")).text
    assert "/api/v1/works/sheet/{id}/actions/submit" in page
    assert "点工单" in page
    assert "http" not in re.sub(r"https?://www.w3.org", "", page).replace("http-equiv", "")


async def test_hostile_text_is_shown_as_text(stage: Stage) -> None:
    boss = await browser(stage, "boss")
    bad = "<script>alert(1)</script>\"'&"
    saved = await boss.send("/r/works/worker/new", ("name", bad))
    for path in (saved.headers["location"], "/m/works/worker", "/m/works/worker?q=<script>alert(1)</script>"):
        assert "<script>alert(1)" not in (await boss.get(path)).text, path


@pytest.mark.parametrize("path", ["/m/works/sheet", "/r/works/sheet/{id}", "/"])
async def test_a_page_asks_as_much_for_many_rows_as_for_few(stage: Stage, path: str) -> None:
    boss = await browser(stage, "boss")
    api = await stage.door("boss")

    async def asked() -> int:
        made: dict[str, Any] = (await api.get("/sheet?limit=1")).json()["items"][0]
        where = path.format(id=made["id"])
        await boss.get(where)
        stage.database.reads.clear()
        assert (await boss.get(where)).status_code == 200
        return len(stage.database.reads)

    async def sheets(number: int, lines: int) -> None:
        workers = [stage.ids[w] for w in ("赵", "钱", "孙")][:lines]
        for n in range(number):
            body = stage.sheet(sheet_date=f"2026-03-0{n % 5 + 1}", lines=[{"worker": w, "hours": 1} for w in workers])
            made = (await api.post("/sheet", json=body)).json()
            await api.post(f"/sheet/{made['id']}/actions/submit", json={"reason": "r"})

    await sheets(1, 1)
    few = await asked()
    await sheets(9, 3)
    assert await asked() == few <= 9


async def test_a_place_is_typed_as_two_numbers(stage: Stage) -> None:
    page = await stage.door("boss")
    token = await open_session(stage.tenant, stage.ids["boss"], "page")
    async with httpx.AsyncClient(
        transport=page._transport, base_url="http://works", cookies={"dougong": token}
    ) as boss:
        at = f"/r/works/project/{stage.ids['A']}"
        shown = (await boss.get(at)).text
        form = {"_csrf": shown.partition('name="_csrf" value="')[2].partition('"')[0], "_rev": "1"}
        wrong = await boss.post(at, data={**form, "place": "24.4798"})
        assert wrong.status_code == 422
        assert "24.4798" in wrong.text
        assert (await boss.post(at, data={**form, "place": "24.4798，118.0894"})).status_code == 303
        assert 'value="24.4798, 118.0894"' in (await boss.get(at)).text
