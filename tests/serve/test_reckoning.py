"""How a figure came to be: formula, choice, records, and the same reckoned from them."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from engine.serve import OneTenant, asgi, open_session
from tests.serve.stage import Stage, errors


async def reserved(stage: Stage) -> None:
    wang = await stage.door("wang")
    for place in "AB":
        line = {"worker": stage.ids["赵"], "hours": "8" if place == "A" else "4"}
        body = stage.sheet(project=stage.ids[place], lines=[line])
        made = (await wang.post("/sheet", json=body)).json()
        handed = await wang.post(f"/sheet/{made['id']}/actions/submit", json={"reason": "r"})
        assert handed.status_code == 200, handed.text


async def test_a_figure_says_what_it_is_made_of_and_proves_it(stage: Stage) -> None:
    await reserved(stage)
    head = await stage.door("zhao")
    told = (await head.get(f"/figures/cost/explain?measure=used&project={stage.ids['A']}")).json()
    assert told["measure"]["formula"] == "actual + reserved"
    assert [(m["measure"], m["formula"]) for m in told["made_of"]] == [
        ("actual", "SUM(entry.net WHERE kind = 'actual')"),
        ("reserved", "SUM(entry.net WHERE kind = 'reserve')"),
    ]
    assert [(c["dimension"], c["display"]) for c in told["chosen"]] == [("project", "甲")]
    assert told["value"] == told["reckoned"]
    assert told["agrees"] is True
    assert Decimal(told["made_of"][1]["value"]) > 0
    entries = next(s for s in told["sources"] if s["entity"] == "works.entry")
    listed = (await head.get(f"http://works{entries['list']}")).json()["items"]
    assert len(listed) == entries["records"] == 1
    assert Decimal(listed[0]["net"]) == Decimal(told["made_of"][1]["value"])


async def test_everyone_is_told_of_what_he_may_see(stage: Stage) -> None:
    await reserved(stage)
    li, head, wang = await stage.door("li"), await stage.door("zhao"), await stage.door("wang")
    mine = (await li.get("/figures/cost/explain?measure=reserved")).json()
    every = (await head.get("/figures/cost/explain?measure=reserved")).json()
    assert Decimal(mine["value"]) < Decimal(every["value"])
    assert mine["agrees"]
    assert every["agrees"]
    assert [s["records"] for s in mine["sources"]] == [1, 0]
    assert [s["records"] for s in every["sources"]] == [2, 0]
    assert (await wang.get("/figures/cost/explain")).status_code == 403


async def test_bad_questions(stage: Stage) -> None:
    head = await stage.door("zhao")
    for asked, code in (
        ("cost/explain?measure=usd", ("api.unknown-parameter", "/measure")),
        ("cost/explain?projct=x", ("api.unknown-parameter", "")),
        ("cost/explain?project=x", ("api.parameter", "")),
    ):
        refused = await head.get(f"/figures/{asked}")
        assert refused.status_code == 400, refused.text
        assert errors(refused) == [code] or code[0] == "api.parameter"
    assert (await head.get("/figures/costs/explain")).status_code == 404


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_page(stage: Stage, language: str) -> None:
    await reserved(stage)
    token = await open_session(stage.tenant, stage.ids["zhao"], "page")
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works") as head:
        head.cookies = httpx.Cookies({"dougong": token, "language": language})
        board = await head.get(f"/d/works/costs?project={stage.ids['A']}")
        assert "/f/works/cost?measure=reserved" in board.text
        page = await head.get(f"/f/works/cost?measure=used&project={stage.ids['A']}")
        assert page.status_code == 200
        assert "actual + reserved" in page.text
        assert "甲" in page.text
        assert ("两者一致" if language == "zh" else "They agree") in page.text
        assert (await head.get("/f/works/cost?measure=x")).status_code == 400
        assert (await head.get("/f/works/nothing")).status_code == 404
