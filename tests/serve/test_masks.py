"""Fields told in part, fields that a role does not change, and moves that name nobody."""

from __future__ import annotations

import pytest

from engine.serve.document import decode
from tests.serve.stage import Stage


async def test_a_value_is_told_in_part(stage: Stage) -> None:
    head, li = await stage.door("zhao"), await stage.door("li")
    made = (await head.post("/sheet", json=stage.sheet(contact="13800001234"))).json()
    place = f"/sheet/{made['id']}"
    assert made["contact"] == "13800001234"
    got = (await li.get(place)).json()
    assert (got["contact"], got["told"]) == ("138****1234", "138****1234!")
    assert (await li.get(f"{place}?fields=contact")).json()["contact"] == "138****1234"
    assert (await head.get(place)).json()["contact"] == "13800001234"
    short = (await head.post("/sheet", json=stage.sheet(contact="1234567"))).json()
    assert (await li.get(f"/sheet/{short['id']}")).json()["contact"] == "****"


@pytest.mark.parametrize(
    ("text", "sent", "left"),
    [
        (False, "138****1234", {}),
        (False, "13811112222", {"contact": "13811112222"}),
        (False, None, {"contact": None}),
        (True, "", {}),
        (True, "****", {}),
        (True, "13811112222", {"contact": "13811112222"}),
    ],
)
async def test_what_is_told_in_part_comes_back_untouched(
    stage: Stage, text: bool, sent: str | None, left: dict[str, str | None]
) -> None:
    entity = stage.tenant.app.entities["works.sheet"]
    rules = decode.Rules(text=text, partly={"works.sheet": frozenset({"contact"})})
    assert decode.document(stage.tenant.app, entity, {"contact": sent}, False, rules).values == left


async def test_a_message_tells_nothing_that_is_told_in_part(stage: Stage) -> None:
    li = await stage.door("li")
    assert (await li.get("/sheet?contact[contains]=0000")).json()["items"] == []
    unknown = await li.get("/sheet?fields=contacts")
    assert unknown.status_code == 400
    assert "contact" in unknown.text


async def test_a_role_that_reads_a_field_only_does_not_write_it(stage: Stage) -> None:
    wang, zhao = await stage.door("wang"), await stage.door("zhao")
    refused = await wang.post("/sheet", json=stage.sheet(remark="x"))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["code"] == "api.readonly-field"
    assert refused.json()["errors"][0]["pointer"] == "/remark"
    made = (await wang.post("/sheet", json=stage.sheet())).json()
    place = f"/sheet/{made['id']}"
    refused = await wang.patch(place, json={"remark": "x"}, headers={"if-match": "*"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/remark"
    several = await wang.post("/sheet/bulk", json={"items": [stage.sheet(), stage.sheet(remark="y")]})
    assert several.status_code == 422
    assert several.json()["errors"][0]["pointer"] == "/items/1/remark"
    assert (await zhao.patch(place, json={"remark": "x"}, headers={"if-match": "*"})).json()["remark"] == "x"
    assert (await wang.get(place)).json()["remark"] == "x"
    # Sent along with a move it is the same.
    moved = await wang.post(f"{place}/actions/submit", json={"reason": "r", "remark": "z"})
    assert moved.status_code == 422, moved.text
    assert moved.json()["errors"][0]["pointer"] == "/remark"


async def test_a_move_that_names_nobody_is_for_whoever_may_act(stage: Stage) -> None:
    head, li, wang = await stage.door("zhao"), await stage.door("li"), await stage.door("wang")
    made = (await head.post("/period", json={"project": stage.ids["A"], "month": "2026-01"})).json()
    place = f"/period/{made['id']}"
    closed = await head.post(f"{place}/actions/close", json={})
    assert closed.status_code == 200
    assert closed.json()["actions"] == []
    assert (await head.post(f"{place}/actions/reopen", json={})).status_code == 403
    assert (await wang.post(f"{place}/actions/reopen", json={})).status_code in (403, 404)
    assert [a["name"] for a in (await li.get(place)).json()["actions"]] == ["reopen"]
    assert (await li.post(f"{place}/actions/reopen", json={})).json()["state"] == "open"
    other = (await head.post("/period", json={"project": stage.ids["B"], "month": "2026-01"})).json()
    await head.post(f"/period/{other['id']}/actions/close", json={})
    assert (await li.post(f"/period/{other['id']}/actions/reopen", json={})).status_code == 404
