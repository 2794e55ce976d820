"""Many at once: changed, deleted, brought back, acted upon; all or none, or each by itself; sent twice, done once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest

from engine.serve import OneTenant, asgi
from engine.serve.tenant import idempotency
from engine.work import relay
from tests.serve.stage import Stage, errors

KINDS = ("bulk", "bulk/update", "bulk/delete", "bulk/restore", "bulk/actions/submit")


async def workers(stage: Stage, n: int) -> list[dict[str, Any]]:
    made = await (await stage.door("boss")).post("/worker/bulk", json={"items": [{"name": f"w{i}"} for i in range(n)]})
    return list(made.json()["items"])


async def sheets(stage: Stage, n: int, **more: Any) -> list[dict[str, Any]]:
    names = ("赵", "钱", "孙")
    items = [stage.sheet(lines=[{"worker": stage.ids[names[i]], "hours": "8"}], **more) for i in range(n)]
    made = await (await stage.door("boss")).post("/sheet/bulk", json={"items": items})
    assert made.status_code == 201, made.text
    return list(made.json()["items"])


async def test_several_are_changed_deleted_and_brought_back(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = await workers(stage, 3)
    asked = [{"id": one["id"], "rev": one["rev"], "name": f"n{n}"} for n, one in enumerate(made)]
    changed = await boss.post("/worker/bulk/update", json={"items": asked})
    assert (changed.status_code, [one["rev"] for one in changed.json()["items"]]) == (200, [2, 2, 2])
    assert [(await boss.get(f"/worker/{one['id']}")).json()["name"] for one in made] == ["n0", "n1", "n2"]
    gone = await boss.post("/worker/bulk/delete", json={"items": [{"id": o["id"], "rev": "*"} for o in made]})
    assert gone.status_code == 200, gone.text
    assert (await boss.get(f"/worker/{made[0]['id']}")).status_code == 404
    back = await boss.post("/worker/bulk/restore", json={"items": [{"id": one["id"]} for one in made]})
    assert [one["id"] for one in back.json()["items"]] == [one["id"] for one in made]
    assert (await boss.get(f"/worker/{made[0]['id']}")).status_code == 200


async def test_all_or_none_says_which(stage: Stage) -> None:
    boss = await stage.door("boss")
    one, two = await workers(stage, 2)
    stale = [{"id": one["id"], "rev": 1, "name": "a"}, {"id": two["id"], "rev": 7, "name": "b"}]
    refused = await boss.post("/worker/bulk/update", json={"items": stale})
    assert (refused.status_code, errors(refused)) == (412, [("api.stale", "/items/1")])
    nothing = [{"id": one["id"], "rev": 1, "name": "a"}, {"id": two["id"], "name": "b"}]
    assert errors(await boss.post("/worker/bulk/update", json={"items": nothing})) == [("api.bulk-rev", "/items/1/rev")]
    twice = [{"id": one["id"], "rev": 1, "name": "a"}, {"id": one["id"], "rev": 1, "name": "b"}]
    assert errors(await boss.post("/worker/bulk/update", json={"items": twice})) == [("api.line-twice", "/items/1/id")]
    wrong = [{"id": one["id"], "rev": 1, "nmae": "a"}, {"id": "x"}, {"id": two["id"], "rev": True}]
    assert errors(await boss.post("/worker/bulk/update", json={"items": wrong})) == [
        ("api.unknown-field", "/items/0/nmae"),
        ("api.bulk-id", "/items/1/id"),
        ("api.parameter", "/items/2/rev"),
    ]
    assert (await boss.get(f"/worker/{one['id']}")).json()["rev"] == 1
    whichever = [{"id": one["id"], "name": "a"}]
    assert (await boss.post("/worker/bulk/update", json={"items": whichever}, headers={"if-match": "*"})).is_success


async def test_each_by_itself_says_what_became_of_each(stage: Stage) -> None:
    boss = await stage.door("boss")
    items = [{"name": "a"}, {"nmae": "b"}, {"name": "c"}]
    made = (await boss.post("/worker/bulk", json={"items": items, "atomic": False})).json()
    assert (made["done"], made["refused"]) == (2, 1)
    assert [one["status"] for one in made["items"]] == [201, 422, 201]
    assert made["items"][1]["error"]["errors"][0]["pointer"] == "/items/1/nmae"
    ids = [made["items"][n]["id"] for n in (0, 2)]
    asked = [{"id": ids[0], "rev": 1, "name": "x"}, {"id": ids[1], "rev": 9, "name": "y"}, {"id": ids[1][:-1] + "0"}]
    changed = (await boss.post("/worker/bulk/update", json={"items": asked, "atomic": False})).json()
    assert [one["status"] for one in changed["items"]] == [200, 412, 428]
    assert changed["items"][1]["error"]["code"] == "api.stale"


async def test_several_are_acted_upon(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = await sheets(stage, 2)
    asked = {"items": [{"id": one["id"], "rev": one["rev"]} for one in made]}
    sent = await boss.post("/sheet/bulk/actions/submit", json=asked)
    assert sent.status_code == 200, sent.text
    again = await boss.post("/sheet/bulk/actions/submit", json={"items": [{"id": made[1]["id"]}]})
    assert (again.status_code, errors(again)) == (409, [("workflow.state", "/items/0")])
    more = await sheets(stage, 1, sheet_date="2026-03-04")
    mixed = {"items": [{"id": made[0]["id"]}, {"id": more[0]["id"]}], "atomic": False}
    told = (await boss.post("/sheet/bulk/actions/submit", json=mixed)).json()
    assert [one["status"] for one in told["items"]] == [409, 200]
    unknown = await boss.post("/sheet/bulk/actions/fly", json={"items": [{"id": more[0]["id"]}]})
    assert errors(unknown) == [("workflow.unknown-action", "/items/0")]


async def test_rights_are_each_items(stage: Stage) -> None:
    """A foreman changes his own project's sheets; of one bulk the others are refused, or all of it is."""
    boss, wang = await stage.door("boss"), await stage.door("wang")
    other = await stage.make("project", code="C", name="丙")
    mine = (await wang.post("/sheet", json=stage.sheet())).json()
    foreign = (await boss.post("/sheet", json=stage.sheet(project=other, lines=[]))).json()
    asked = [{"id": one["id"], "rev": "*", "sheet_date": "2026-03-04"} for one in (mine, foreign)]
    apart = (await wang.post("/sheet/bulk/update", json={"items": asked, "atomic": False})).json()
    assert [one["status"] for one in apart["items"]] == [200, 404]
    together = await wang.post("/sheet/bulk/update", json={"items": asked})
    assert (together.status_code, errors(together)) == (404, [("api.not-found", "/items/1")])


async def test_who_may_not_does_nothing(stage: Stage) -> None:
    li = await stage.door("li")
    for kind in KINDS[:-1]:
        refused = await li.post(f"/worker/{kind}", json={"items": [{"id": stage.ids["赵"], "rev": "*"}]})
        assert (refused.status_code, errors(refused)) == (403, [("access.denied", "")]), kind
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works/api/v1/works") as nobody:
        for kind in KINDS:
            assert (await nobody.post(f"/sheet/{kind}", json={"items": []})).status_code == 401


@pytest.mark.parametrize("atomic", [True, False])
async def test_sent_twice_is_done_once(stage: Stage, atomic: bool) -> None:
    boss = await stage.door("boss")
    made = await workers(stage, 2)
    asked = {"items": [{"id": one["id"], "rev": "*", "name": "z"} for one in made], "atomic": atomic}
    key = {"idempotency-key": "u1"}
    first, again = [await boss.post("/worker/bulk/update", json=asked, headers=key) for _ in range(2)]
    assert (first.status_code, first.content) == (200, again.content)
    assert [(await boss.get(f"/worker/{one['id']}")).json()["rev"] for one in made] == [2, 2]
    other = await boss.post("/worker/bulk/update", json={**asked, "items": []}, headers=key)
    assert errors(other) == [("api.idempotency", "")]


async def test_what_was_cut_off_is_taken_up_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself: the process went after some were done; sent again, these are answered and the rest is done."""
    boss = await stage.door("boss")
    asked = {"items": [{"name": "p"}, {"name": "q"}], "atomic": False}
    key = {"idempotency-key": "cut"}
    whole = idempotency.put
    monkeypatch.setattr(idempotency, "put", lambda *_: (_ for _ in ()).throw(RuntimeError("gone")))
    assert (await boss.post("/worker/bulk", json=asked, headers=key)).status_code == 500
    monkeypatch.setattr(idempotency, "put", whole)
    again = await boss.post("/worker/bulk", json=asked, headers=key)
    assert again.json()["done"] == 2
    assert len((await boss.get("/worker?name[in]=p,q")).json()["items"]) == 2


async def test_while_it_is_being_done_the_second_is_refused(stage: Stage) -> None:
    boss = await stage.door("boss")
    key = {"idempotency-key": "flight"}
    asked = {"items": [{"name": f"f{n}"} for n in range(200)], "atomic": False}
    answers = await asyncio.gather(*(boss.post("/worker/bulk", json=asked, headers=key) for _ in range(3)))
    assert sorted(a.status_code for a in answers) == [200, 409, 409]
    refused = next(a for a in answers if a.status_code == 409)
    assert (errors(refused), refused.headers["retry-after"]) == ([("api.in-flight", "")], "1")
    assert (await boss.get("/worker?q=f&count=exact&limit=1")).json()["total"] == 200


async def test_another_process_sees_the_key_too(stage: Stage) -> None:
    """On PostgreSQL: what the first has not yet committed is refused to the second, not waited for."""
    if stage.tenant.database.dialect != "postgresql":
        pytest.skip("SQLite has one writer")
    boss = await stage.door("boss")
    asked: dict[str, Any] = {"json": {"name": "e"}, "headers": {"idempotency-key": "elsewhere"}}
    with psycopg.connect(stage.url.partition("?")[0]) as elsewhere:
        mine = f"{stage.ids['boss']} elsewhere"
        elsewhere.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", (mine,))
        assert errors(await boss.post("/worker", **asked)) == [("api.in-flight", "")]
    assert (await boss.post("/worker", **asked)).status_code == 201


async def test_a_key_is_known_for_a_day(stage: Stage) -> None:
    boss = await stage.door("boss")
    key = {"idempotency-key": "old"}
    first = await boss.post("/worker", json={"name": "o"}, headers=key)
    stage.later(23 * 3600)
    assert (await boss.post("/worker", json={"name": "o"}, headers=key)).content == first.content
    stage.later(3600)
    anew = await boss.post("/worker", json={"name": "o"}, headers=key)
    assert (anew.status_code, anew.json()["id"] != first.json()["id"]) == (201, True)
    now = int(datetime.now(UTC).timestamp() * 1000)
    await relay.forget(stage.database, now + 10 * 365 * 86_400_000)
    assert await stage.rows("_idempotency", "key") == []


async def test_one_of_several_versions(stage: Stage) -> None:
    boss = await stage.door("boss")
    at = f"/worker/{(await workers(stage, 1))[0]['id']}"
    stale = await boss.patch(at, json={"name": "a"}, headers={"if-match": '"7", "9"'})
    assert (stale.status_code, stale.headers["etag"]) == (412, '"1"')
    assert (await boss.patch(at, json={"name": "a"}, headers={"if-match": '"7", "1-0a0b0c0d"'})).status_code == 200
    assert (await boss.patch(at, json={"name": "a"}, headers={"if-match": "*"})).status_code == 200
    bad = await boss.patch(at, json={"name": "a"}, headers={"if-match": '"1", x'})
    assert errors(bad) == [("api.if-match-form", "")]
