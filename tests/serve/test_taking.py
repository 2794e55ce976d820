"""What somebody takes who may not: fields nobody sets, through forms and lines; rights, through nested writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from engine.serve import open_session
from tests.serve.stage import Stage, errors
from tests.serve.test_web import browser, csrf

TAKEN = {
    "rev": "9",
    "created_at": "2020-01-01T00:00:00Z",
    "created_by": "01900000-0000-7000-8000-000000000001",
    "updated_by": "01900000-0000-7000-8000-000000000001",
    "deleted_at": "2020-01-01T00:00:00Z",
    "display": "x",
    "_sort": "x",
    "_find": "x",
}
SYSTEM = ("rev", "created_at", "created_by", "updated_at", "updated_by", "deleted_at")


async def in_browser(stage: Stage, name: str) -> httpx.AsyncClient:
    token = await open_session(stage.tenant, stage.ids[name], "page")
    return browser(stage, cookies={"dougong": token})


@pytest.fixture
async def boss(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with await in_browser(stage, "boss") as client:
        yield client


async def everything(stage: Stage) -> list[Any]:
    """Who is what, and every system field of the records that are tried."""
    member = await stage.rows("works__member", "id", "user", "role", "project")
    post = await stage.rows("works__post", "id", "user", "role")
    login = await stage.rows("_login", "user", "admin")
    worker = await stage.rows("works__worker", "id", "name", *SYSTEM)
    return [sorted(map(str, rows)) for rows in (member, post, login, worker)]


async def test_a_form_sets_no_system_field(stage: Stage, boss: httpx.AsyncClient) -> None:
    token, before = await csrf(boss), await everything(stage)
    for name, value in TAKEN.items():
        for place in ("/r/works/worker/new", f"/r/works/worker/{stage.ids['赵']}"):
            sent = {"_csrf": token, "name": "周", name: value, "_rev": "1"}
            answer = await boss.post(place, data=sent)
            if name.startswith("_"):  # an input of the page's own, or none: nothing of the record
                assert answer.status_code in (303, 412, 422), (place, name)
            else:
                assert answer.status_code == 422, (place, name)
    rows = await stage.rows("works__worker", "name", "created_by", "deleted_at", "_sort")
    assert {str(by) for name, by, _, _ in rows if name == "周"} <= {stage.ids["boss"], "None"}
    assert not [row for row in rows if "2020" in str(row[2]) or row[3] == "x"]
    if before[3] == (await everything(stage))[3]:
        return
    changed = [row for row in (await everything(stage))[3] if row not in before[3]]
    assert all("周" in row for row in changed)


async def test_lines_set_no_system_field(stage: Stage) -> None:
    """Of a new record, of a change, of a whole set of lines, and in bulk."""
    door = await stage.door("boss")
    made = (await door.post("/sheet", json=stage.sheet())).json()
    line = (await door.get(f"/sheet/{made['id']}")).json()["lines"][0]
    for name in ("created_at", "created_by", "deleted_at", "sheet", "amount", "man_days"):
        value = {"sheet": stage.ids["A"], "amount": "1", "man_days": "1"}.get(name, TAKEN.get(name))
        for path, answer in (
            ("/lines/0", await door.post("/sheet", json=stage.sheet(lines=[{"worker": stage.ids["赵"], name: value}]))),
            ("/lines/0", await door.patch(
                f"/sheet/{made['id']}", json={"lines": [{"id": line["id"], name: value}]}, headers={"if-match": "*"}
            )),
            ("/0", await door.put(
                f"/sheet/{made['id']}/lines", json=[{"worker": stage.ids["赵"], name: value}], headers={"if-match": "*"}
            )),
            ("/items/0/lines/0", await door.post("/sheet/bulk", json={"items": [
                stage.sheet(lines=[{"worker": stage.ids["赵"], name: value}])]})),
        ):  # fmt: skip
            assert answer.status_code == 422, (name, path, answer.text[:200])
            assert any(at.endswith(f"/{name}") for _, at in errors(answer)), (name, path, answer.text[:300])
    assert (await door.get(f"/sheet/{made['id']}")).json()["rev"] == made["rev"]
    given_back = [{"worker": stage.ids["赵"], "rev": 9, "display": "x"}]  # as it was read: left alone
    assert (await door.post("/sheet", json=stage.sheet(lines=given_back))).status_code == 201
    assert {rev for (rev,) in await stage.rows("works__sheet_line", "rev")} == {1}


RAISING: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    (
        "himself as manager, in lines of his project",
        "PATCH",
        "/project/{A}",
        {"members": [{"user": "{wang}", "role": "manager"}]},
    ),
    ("the lines alone", "PUT", "/project/{A}/members", {"": [{"user": "{wang}", "role": "manager"}]}),
    (
        "a project of his own",
        "POST",
        "/project",
        {"code": "X", "name": "X", "members": [{"user": "{wang}", "role": "manager"}]},
    ),
    (
        "a project of his own, in bulk",
        "POST",
        "/project/bulk",
        {"items": [{"code": "X", "name": "X", "members": [{"user": "{wang}", "role": "manager"}]}]},
    ),
    ("a post", "POST", "/post", {"user": "{wang}", "role": "head"}),
    ("a post in bulk", "POST", "/post/bulk", {"items": [{"user": "{wang}", "role": "head"}]}),
    ("a post that is there", "PATCH", "/post/{post}", {"user": "{wang}"}),
    ("a line as a record", "POST", "/member", {"user": "{wang}", "role": "manager", "project": "{A}"}),
    ("a line that is there", "PATCH", "/member/{member}", {"role": "manager"}),
    (
        "nested in what he refers to",
        "POST",
        "/sheet",
        {"project": {"id": "{A}", "members": [{"user": "{wang}", "role": "manager"}]}},
    ),
    ("nested in a line", "POST", "/sheet", {"lines": [{"worker": {"id": "{zhao}", "name": "x"}, "hours": "8"}]}),
    ("roles in what he writes", "POST", "/sheet", {"roles": ["head"], "admin": True}),
    ("somebody else's name", "PATCH", "/user/{wang}", {"name": "boss"}),
    (
        "grants",
        "POST",
        "http://works/api/v1/system/grants",
        {"name": "x", "what": "support", "reason": "x", "write": True},
    ),
    (
        "a token with roles that are not his",
        "POST",
        "http://works/api/v1/system/tokens",
        {"name": "x", "scopes": ["role:head"]},
    ),
    (
        "a token that is an administrator",
        "POST",
        "http://works/api/v1/system/tokens",
        {"name": "x", "scopes": ["role:admin"]},
    ),
    ("a password for the administrator", "POST", "http://works/api/v1/system/people/{boss}/password", {}),
)


def filled_in(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, one in ids.items():
            value = value.replace("{" + name + "}", one)
        return value
    if isinstance(value, dict):
        return {key: filled_in(item, ids) for key, item in value.items()}
    return [filled_in(item, ids) for item in value] if isinstance(value, list) else value


async def test_nobody_raises_his_rights(stage: Stage) -> None:
    wang = await stage.door("wang")
    me = (await wang.get("http://works/api/v1/me")).json()
    ids = {name: one for name, one in stage.ids.items() if name.isascii()}
    ids["post"] = str((await stage.rows("works__post", "id"))[0][0])
    ids["member"] = str((await stage.rows("works__member", "id"))[0][0])
    before = await everything(stage)
    for what, method, place, sent in RAISING:
        body = filled_in(sent, ids)
        body = body.get("", body)
        if place == "/sheet":
            body = {**stage.sheet(), **body}
        answer = await wang.request(method, filled_in(place, ids), json=body, headers={"if-match": "*"})
        taken = (201, 400, 422) if what.startswith("nested") else range(400, 500)  # a reference is its id
        assert answer.status_code in taken, (what, answer.status_code, answer.text[:300])
        assert await everything(stage) == before, what
    stage.tenant.forget_people()
    assert (await wang.get("http://works/api/v1/me")).json() == me


async def test_nobody_raises_his_rights_by_a_form(stage: Stage) -> None:
    before = await everything(stage)
    async with await in_browser(stage, "wang") as wang:
        token = await csrf(wang)
        for place, sent in (
            (f"/r/works/project/{stage.ids['A']}", {"members.0.user": stage.ids["wang"], "members.0.role": "manager"}),
            (
                "/r/works/project/new",
                {"code": "X", "name": "X", "members.0.user": stage.ids["wang"], "members.0.role": "manager"},
            ),
            ("/r/works/post/new", {"user": stage.ids["wang"], "role": "head"}),
            ("/r/works/member/new", {"user": stage.ids["wang"], "role": "manager", "project": stage.ids["A"]}),
            (f"/r/works/user/{stage.ids['wang']}", {"name": "boss"}),
        ):
            answer = await wang.post(place, data={"_csrf": token, "_rev": "1", **sent})
            assert 400 <= answer.status_code < 500, (place, answer.status_code)
            assert await everything(stage) == before, place


async def test_a_number_of_a_record_is_no_way_in(stage: Stage) -> None:
    """Ids of what is not his: nothing is there, and every door says the same of what never was."""
    boss_, wang = await stage.door("boss"), await stage.door("wang")
    made = (await boss_.post("/sheet", json=stage.sheet())).json()
    never = "01900000-0000-7000-8000-00000000abcd"
    for method, tail, body in (
        ("GET", "", None), ("GET", "/history", None), ("PATCH", "", {"remark": "x"}), ("DELETE", "", None),
        ("POST", "/actions/submit", {}), ("POST", "/restore", {}), ("PUT", "/lines", []),
        ("GET", f"/files/contract/{never}", None), ("GET", "/why", None), ("GET", "/explain", None),
    ):  # fmt: skip
        answers = [
            await wang.request(method, f"/sheet/{id_}{tail}", json=body, headers={"if-match": "*"})
            for id_ in (made["id"], never)
        ]
        told = [(a.status_code, a.text.replace(made["id"], "ID").replace(never, "ID")) for a in answers]
        assert told[0] == told[1], (method, tail, told)
        assert 400 <= answers[0].status_code < 500, (method, tail)
