"""Documents through the front door, on both databases."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.serve.tenant.ids import uuid7
from tests.serve.stage import Stage, errors


async def test_a_sheet_with_lines(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = await boss.post("/sheet", json=stage.sheet())
    assert made.status_code == 201, made.text
    body = made.json()
    assert made.headers["etag"] == '"1"'
    assert made.headers["location"] == f"/api/v1/works/sheet/{body['id']}"
    line = body["lines"][0]
    assert (line["hours"], line["price"], line["man_days"], line["amount"]) == ("8.00", "240.000000", "1.00", "240.00")
    assert (body["amount"], body["fee"], body["persons"], body["due"]) == ("240.00", "24.00", 1, "2026-03-12")
    assert body["subject"]["display"] == "0102 点工"
    assert (body["state"], body["number"], [a["name"] for a in body["actions"]]) == ("draft", None, ["submit"])
    assert (await boss.get(f"/sheet/{body['id']}")).json() == body


async def test_a_check_that_the_table_holds_speaks_in_the_words_of_the_pack(stage: Stage) -> None:
    boss = await stage.door("boss")
    body = {"code": "Z", "name": "z", "starts": "2026-03-02", "ends": "2026-03-01"}
    refused = await boss.post("/project", json=body)
    assert refused.status_code == 422
    assert errors(refused) == [("in_order", "")]
    assert refused.json()["detail"] in ("结束早于开始", "The end is before the start")


async def test_the_id_of_a_new_record_may_be_the_clients(stage: Stage) -> None:
    boss = await stage.door("boss")
    mine = uuid7()
    assert (await boss.post("/worker", json={"id": mine, "name": "x"})).json()["id"] == mine
    assert (await boss.post("/worker", json={"id": mine, "name": "x"})).status_code == 409
    patched = await boss.patch(f"/worker/{mine}", json={"id": uuid7()}, headers={"if-match": "*"})
    assert errors(patched) == [("api.id-differs", "/id")]


async def test_who_has_this_answer_is_not_sent_it_again(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = await boss.post("/worker", json={"name": "x", "work_type": stage.ids["mason"]})
    at = f"/worker/{made.json()['id']}"
    tag = (await boss.get(at)).headers["etag"]
    for told, status in {
        tag: 304, f"W/{tag}": 304, f'"7", W/{tag}': 304, "*": 304,
        '"1"': 200, tag[:-2] + '"': 200, tag[1:-1]: 200, "": 200,
    }.items():  # fmt: skip
        answer = await boss.get(at, headers={"if-none-match": told})
        assert (answer.status_code, answer.headers["etag"]) == (status, tag), told
    await boss.patch(f"/work_type/{stage.ids['mason']}", json={"name": "泥瓦工"}, headers={"if-match": "*"})
    renamed = await boss.get(at, headers={"if-none-match": tag})  # the same version, with another name in it
    assert (renamed.status_code, renamed.json()["work_type"]["display"]) == (200, "泥瓦工")
    assert (await boss.patch(at, json={"name": "y"}, headers={"if-match": tag})).status_code == 200
    assert (await boss.patch(at, json={"name": "z"}, headers={"if-match": tag})).status_code == 412


async def test_lines_change_come_and_go(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = (await boss.post("/sheet", json=stage.sheet())).json()
    first, at = made["lines"][0]["id"], f"/sheet/{made['id']}"
    body: dict[str, Any] = {"lines": [{"id": first, "hours": 4}, {"worker": stage.ids["钱"], "hours": "2.5"}]}
    changed = (await boss.patch(at, json=body, headers={"if-match": '"1"'})).json()
    assert [(li["hours"], li["amount"]) for li in changed["lines"]] == [("4.00", "120.00"), ("2.50", "74.40")]
    assert (changed["amount"], changed["rev"]) == ("194.40", 2)
    gone = (await boss.patch(at, json={"lines": [{"id": first, "$delete": True}]}, headers={"if-match": '"2"'})).json()
    assert [li["hours"] for li in gone["lines"]] == ["2.50"]
    again = await boss.patch(at, json={"lines": [{"id": first, "hours": 1}]}, headers={"if-match": '"3"'})
    assert errors(again) == [("api.unknown-line", "/lines/0/id")]
    replaced = await boss.put(
        f"{at}/lines", json=[{"worker": stage.ids["孙"], "hours": 8}], headers={"if-match": '"3"'}
    )
    assert [(li["worker"]["display"], li["hours"]) for li in replaced.json()["lines"]] == [("孙", "8.00")]
    assert errors(await boss.put(f"{at}/lines", json=[])) == [("api.if-match", "")]


async def test_a_default_follows_until_somebody_types(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = (await boss.post("/sheet", json=stage.sheet())).json()
    at = f"/sheet/{made['id']}"
    moved = (await boss.patch(at, json={"sheet_date": "2026-03-02"}, headers={"if-match": '"1"'})).json()
    assert moved["due"] == "2026-03-09"
    typed = (await boss.patch(at, json={"due": "2026-04-01"}, headers={"if-match": '"2"'})).json()
    assert typed["due"] == "2026-04-01"
    moved = (await boss.patch(at, json={"sheet_date": "2026-03-03"}, headers={"if-match": '"3"'})).json()
    assert moved["due"] == "2026-04-01"
    assert moved["lines"][0]["price"] == "240.000000"
    early = (await boss.patch(at, json={"sheet_date": "2026-02-03"}, headers={"if-match": '"4"'})).json()
    assert early["lines"][0]["price"] == "200.000000"


@pytest.mark.parametrize("number", ["123456789012345.67", "-0.01", "999999999999999.99", "1e3"])
async def test_decimals_survive_as_json_numbers(stage: Stage, number: str) -> None:
    boss = await stage.door("boss")
    text = f'{{"work_type": "{stage.ids["mason"]}", "price": {number}, "since": "2027-01-01"}}'
    made = await boss.post("/price", content=text, headers={"content-type": "application/json"})
    if len(number.split(".", maxsplit=1)[0]) > 12:
        assert errors(made) == [("value.digits", "/price")]
        return
    assert made.status_code == 201, made.text
    assert Decimal(made.json()["price"]) == Decimal(number)
    found = await boss.get(f"/price?price={number}")
    assert [i["id"] for i in found.json()["items"]] == [made.json()["id"]]


async def test_more_digits_than_there_are_is_said(stage: Stage) -> None:
    boss = await stage.door("boss")
    text = f'{{"work_type": "{stage.ids["mason"]}", "price": 1.2345678, "cap": 12345678901234567.89,'
    text += ' "since": "2027-01-01"}'
    made = await boss.post("/price", content=text, headers={"content-type": "application/json"})
    assert errors(made) == [("value.scale", "/price"), ("value.digits", "/cap")]


async def test_what_is_required_of_a_draft_and_what_of_a_document(stage: Stage) -> None:
    boss = await stage.door("boss")
    missing = await boss.post("/worker", json={})
    assert errors(missing) == [("field.required", "/name")]
    made = await boss.post("/sheet", json=stage.sheet(liability="charge", lines=[]))
    assert made.status_code == 201, made.text
    submitted = await boss.post(f"/sheet/{made.json()['id']}/actions/submit")
    assert sorted(errors(submitted)) == [("lines:lines", "/lines"), ("required:charge_to", "/charge_to")]
    assert (await boss.get(f"/sheet/{made.json()['id']}")).json()["state"] == "draft"


async def test_a_warning_wants_a_reason_and_then_lets_pass(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = (await boss.post("/sheet", json=stage.sheet(sheet_date="2026-03-01"))).json()
    at = f"/sheet/{made['id']}/actions/submit"
    asked = await boss.post(at)
    assert errors(asked) == [("not_late", "")]
    error = asked.json()["errors"][0]
    assert (error["code"], error["needs_reason"], error["message"]) == (
        "api.needs-reason",
        True,
        "More than 3 days late",
    )
    passed = await boss.post(at, json={"reasons": {"not_late": "rain"}})
    assert passed.status_code == 200, passed.text
    assert [w["check"] for w in passed.json()["warnings"]] == ["not_late"]
    history = (await boss.get(f"/sheet/{made['id']}/history")).json()["items"]
    assert history[0]["note"] == {"reasons": {"not_late": "rain"}}


async def test_a_check_of_either_level(stage: Stage) -> None:
    boss = await stage.door("boss")
    line = {"worker": stage.ids["赵"], "hours": 24, "price": 299}
    warned = await boss.post("/sheet", json=stage.sheet(lines=[line] * 1))
    assert warned.status_code == 201, warned.text
    many = [{"worker": w, "hours": 24, "price": 290} for w in (stage.ids["赵"], stage.ids["钱"])]
    days = await boss.post("/sheet", json=stage.sheet(sheet_date="2026-03-04", lines=many))
    assert days.status_code == 201


async def test_a_price_above_the_cap_needs_who_may_override(stage: Stage) -> None:
    boss = await stage.door("boss")
    line = {"worker": stage.ids["赵"], "hours": 8, "price": 301}
    refused = await boss.post("/sheet", json=stage.sheet(lines=[line]))
    assert errors(refused) == [("cap", "/lines/0/price")] or errors(refused) == [("cap", "/lines/0")]
    assert refused.json()["errors"][0]["needs_reason"]
    passed = await boss.post("/sheet", json={**stage.sheet(lines=[line]), "reasons": {"cap": "night shift"}})
    assert passed.status_code == 201, passed.text


async def test_the_bin_takes_lines_along_and_gives_back_exactly_those(stage: Stage) -> None:
    boss = await stage.door("boss")
    two = [{"worker": stage.ids[w], "hours": 1} for w in ("赵", "钱")]
    made = (await boss.post("/sheet", json=stage.sheet(lines=two))).json()
    at = f"/sheet/{made['id']}"
    dropped = {"lines": [{"id": made["lines"][0]["id"], "$delete": True}]}
    assert (await boss.patch(at, json=dropped, headers={"if-match": '"1"'})).status_code == 200
    stage.later(60)
    assert (await boss.delete(at, headers={"if-match": '"2"'})).status_code == 204
    assert (await boss.get(at)).status_code == 404
    assert (await boss.get("/sheet")).json()["items"] == []
    binned = (await boss.get("/sheet?bin=true")).json()["items"]
    assert [i["id"] for i in binned] == [made["id"]]
    assert errors(await boss.patch(at, json={}, headers={"if-match": "*"})) == [("api.in-bin", "")]
    back = await boss.post(f"{at}/restore")
    assert [li["worker"]["display"] for li in back.json()["lines"]] == ["钱"]
    assert errors(await boss.post(f"{at}/restore")) == [("api.not-in-bin", "")]


async def test_unique_means_among_the_living(stage: Stage) -> None:
    boss = await stage.door("boss")
    first = (await boss.post("/project", json={"code": "C", "name": "x"})).json()["id"]
    await boss.delete(f"/project/{first}", headers={"if-match": "*"})
    assert (await boss.post("/project", json={"code": "C", "name": "y"})).status_code == 201
    assert errors(await boss.post(f"/project/{first}/restore")) == [("api.not-unique", "/code")]


async def test_references_lead_somewhere(stage: Stage) -> None:
    boss = await stage.door("boss")
    lines = [{"worker": stage.ids["A"], "hours": 1}, {"worker": uuid7(), "hours": 1}]
    made = await boss.post("/sheet", json=stage.sheet(subject=uuid7(), lines=lines))
    assert errors(made) == [("api.no-reference", f"/{p}") for p in ("subject", "lines/0/worker", "lines/1/worker")]
    await boss.delete(f"/worker/{stage.ids['孙']}", headers={"if-match": "*"})
    gone = await boss.post("/sheet", json=stage.sheet(lines=[{"worker": stage.ids["孙"], "hours": 1}]))
    assert errors(gone) == [("api.no-reference", "/lines/0/worker")]


async def test_a_ledger_is_written_by_postings_alone(stage: Stage) -> None:
    boss = await stage.door("boss")
    assert errors(await boss.post("/entry", json={"net": 1})) == [("api.append-only", "")]
    assert errors(await boss.post("/sheet_line", json={"hours": 1})) == [("api.owned", "")]


async def test_a_preview_keeps_nothing(stage: Stage) -> None:
    boss = await stage.door("boss")
    seen = (await boss.post("/sheet/check", json=stage.sheet())).json()
    assert seen["record"]["amount"] == "240.00"
    assert seen["checks"] == []
    line = {"worker": stage.ids["赵"], "hours": 20}
    wrong = (await boss.post("/sheet/check", json=stage.sheet(lines=[line, line]))).json()
    assert [c["check"] for c in wrong["checks"]] == ["day_24", "day_24"]
    typed = (await boss.post("/sheet/check", json=stage.sheet(amuont=1))).json()
    assert [c["pointer"] for c in typed["checks"]] == ["/amuont"]
    assert (await boss.get("/sheet")).json()["items"] == []


async def test_all_of_a_bulk_or_nothing(stage: Stage) -> None:
    boss = await stage.door("boss")
    wrong = await boss.post("/worker/bulk", json={"items": [{"name": "a"}, {"nmae": "b"}, {"name": 3}]})
    assert errors(wrong) == [
        ("api.unknown-field", "/items/1/nmae"),
        ("field.required", "/items/1/name"),
        ("value.type", "/items/2/name"),
    ]
    empty = await boss.post("/worker/bulk", json={"items": [{"name": "a"}, {}]})
    assert errors(empty) == [("field.required", "/items/1/name")]
    made = await boss.post("/worker/bulk", json={"items": [{"name": "a"}, {"name": "b"}]})
    assert made.status_code == 201
    assert len((await boss.get("/worker?name[in]=a,b")).json()["items"]) == 2


async def test_history_comes_in_pages_and_calls_things_by_name(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = (await boss.post("/worker", json={"name": "一", "work_type": stage.ids["mason"]})).json()
    place = f"/worker/{made['id']}"
    for name in ("二", "三", "四"):
        await boss.patch(place, json={"name": name}, headers={"if-match": "*"})
    first = (await boss.get(f"{place}/history?limit=3")).json()
    assert [i["change"]["name"][1] for i in first["items"]] == ["四", "三", "二"]
    rest = (await boss.get(f"{place}/history", params={"before": first["next"]})).json()
    assert rest["next"] is None
    assert rest["items"][0]["change"]["work_type"] == [None, {"id": stage.ids["mason"], "display": "瓦工"}]
    for query in ("limit=0", "limit=x", "limit=201", "before=x", "limit=5&page=2"):
        assert (await boss.get(f"{place}/history?{query}")).status_code == 400, query
    stage.database.reads.clear()
    await boss.get(f"{place}/history")
    assert len(stage.database.reads) <= 3  # the record, its changes, all names


async def test_history_and_events_of_one_write(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = (await boss.post("/sheet", json=stage.sheet())).json()
    before = len(await stage.rows("_outbox", "id"))
    line = {"id": made["lines"][0]["id"], "hours": 4}
    await boss.patch(f"/sheet/{made['id']}", json={"lines": [line]}, headers={"if-match": '"1"'})
    assert len(await stage.rows("_outbox", "id")) == before + 1
    items = (await boss.get(f"/sheet/{made['id']}/history")).json()["items"]
    changed = {h["entity"]: h["change"] for h in items if h["rev"] == 2}
    assert changed["works.sheet"] == {"amount": ["240.00", "120.00"], "fee": ["24.00", "12.00"]}
    assert changed["works.sheet_line"]["hours"] == ["8.00", "4.00"]
    assert items[0]["by"]["display"] == "boss"


async def test_a_refused_write_leaves_nothing(stage: Stage) -> None:
    boss = await stage.door("boss")
    before = [await stage.rows(t, "id") for t in ("_history", "_outbox", "works__sheet", "works__sheet_line")]
    line = {"worker": stage.ids["赵"], "hours": 20}
    assert (await boss.post("/sheet", json=stage.sheet(lines=[line, line]))).status_code == 422
    after = [await stage.rows(t, "id") for t in ("_history", "_outbox", "works__sheet", "works__sheet_line")]
    assert before == after


HOSTILE = [
    "'; DROP TABLE works__sheet; --",
    '"',
    "\\",
    "$1 ?1 {0} %s",
    "\u202e\u0000"[:1],
    "😀" * 20,
    "<script>",
    "NULL",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_only_text(stage: Stage, text: str) -> None:
    boss = await stage.door("boss")
    made = await boss.post("/worker", json={"name": text})
    assert made.status_code == 201, made.text
    assert made.json()["name"] == text
    for query in ({"name": text}, {"name[contains]": text}, {"q": text}):
        found = await boss.get("/worker", params=query)
        assert made.json()["id"] in [i["id"] for i in found.json()["items"]], query


async def test_control_characters_are_refused(stage: Stage) -> None:
    boss = await stage.door("boss")
    assert errors(await boss.post("/worker", json={"name": "a\u0000b"})) == [("value.text-control", "/name")]
    found = await boss.get("/worker", params={"name": "a\u0000b"})
    assert found.status_code == 400
    assert (await boss.get("/worker", params={"q": "a\u0000b"})).status_code in (200, 400)


async def test_people_find_by_sound(stage: Stage) -> None:
    boss = await stage.door("boss")
    await boss.post("/worker", json={"name": "钢筋工老王"})
    await boss.post("/worker", json={"name": "钢筋工小李"})
    for q in ("老", "gangjin 老", "laowang  钢筋", "gjglw", "GANGJIN　wang"):
        assert [i["name"] for i in (await boss.get("/worker", params={"q": q})).json()["items"]] == ["钢筋工老王"]


async def test_people_find_entries_that_nobody_typed(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = (await boss.post("/sheet", json=stage.sheet())).json()
    submitted = await boss.post(f"/sheet/{made['id']}/actions/submit")
    assert submitted.status_code == 200, submitted.text
    for q in ("diangong", submitted.json()["number"]):
        found = (await boss.get("/entry", params={"q": q})).json()["items"]
        assert [(e["kind"], e["net"]) for e in found] == [("reserve", "240.00")], q


async def test_several_at_once_are_made_once(stage: Stage) -> None:
    boss = await stage.door("boss")
    key = {"idempotency-key": "bulk-1"}
    items = {"items": [{"name": "陈一"}, {"name": "陈二"}]}
    first = await boss.post("/worker/bulk", json=items, headers=key)
    again = await boss.post("/worker/bulk", json=items, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    other = await boss.post("/worker/bulk", json={"items": [{"name": "陈三"}]}, headers=key)
    assert errors(other) == [("api.idempotency", "")]
    assert len((await boss.get("/worker", params={"name[starts]": "陈"})).json()["items"]) == 2
    assert (await boss.post("/worker/bulk", json={"items": []})).json() == {"items": []}


async def test_a_place_is_two_numbers(stage: Stage) -> None:
    boss = await stage.door("boss")
    place = f"/project/{stage.ids['A']}"
    good = await boss.patch(place, content=b'{"place": {"lat": 24.4798, "lon": "118.08940"}}',
                            headers={"if-match": "*", "content-type": "application/json"})  # fmt: skip
    assert good.json()["place"] == {"lat": "24.4798", "lon": "118.08940"}
    for bad in ({"lat": 91, "lon": 0}, {"lat": 1}, {"lat": "x", "lon": 0}, "24, 118", [1, 2], {"lat": 0, "lon": 181}):
        refused = await boss.patch(place, json={"place": bad}, headers={"if-match": "*"})
        assert errors(refused) == [("value.location", "/place")], bad
    assert (await boss.patch(place, json={"place": None}, headers={"if-match": "*"})).json()["place"] is None
