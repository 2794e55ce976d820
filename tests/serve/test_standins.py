"""Standing in: for a time, for all tasks or those asked of a role; never in a chain, never on one's own document."""

from __future__ import annotations

import json
from typing import Any

import httpx

from engine.db import Body, Call
from engine.db.call import Rows
from engine.serve import OneTenant, asgi
from tests.serve.stage import errors
from tests.serve.test_posts import Company, company

__all__ = ["company"]
DAYS = {"from": "2026-03-05", "to": "2026-03-07"}
ANY = {"if-match": "*"}


async def cast(stage: Company) -> dict[str, httpx.AsyncClient]:
    """an: chief of East works; bo and cai: nobody; dai: auditor of East; er writes."""
    await stage.make("post", user=stage.ids["an"], role="chief", org=stage.ids["East works"])
    await stage.make("post", user=stage.ids["an"], role="auditor", org=stage.ids["East"])
    stage.tenant.forget_people()
    return {name: await stage.door(name) for name in ("an", "bo", "cai", "dai", "er", "boss")}


async def paper(stage: Company, writer: httpx.AsyncClient, **more: Any) -> str:
    body = {"name": "p", "department": stage.ids["East works"], **more}
    made = await writer.post("/paper", json=body)
    assert made.status_code == 201, made.text
    record = str(made.json()["id"])
    boss = await stage.door("boss")
    # He may not hand it in by his role; the administrator does, and the document stays the writer's.
    assert (await boss.post(f"/paper/{record}/actions/submit", json={})).status_code == 200
    return record


async def give(door: httpx.AsyncClient, taker: str, **more: Any) -> httpx.Response:
    return await door.post("http://works/api/v1/system/standins", json={"to_user": taker, **DAYS, **more})


async def approve(door: httpx.AsyncClient, record: str) -> httpx.Response:
    return await door.post(f"/paper/{record}/actions/approve", json={})


async def page(stage: Company, name: str, path: str = "/") -> str:
    door = await stage.door(name)
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    token = door.headers["authorization"].removeprefix("Bearer ")
    async with httpx.AsyncClient(
        transport=transport, base_url="http://works", cookies={"dougong": token, "language": "en"}
    ) as client:
        return (await client.get(path, headers={"accept-language": "en"})).text


async def test_who_stands_in_sees_and_decides_and_it_is_written_down(company: Company) -> None:
    doors = await cast(company)
    record = await paper(company, doors["er"])
    assert (await doors["bo"].get(f"/paper/{record}")).status_code == 404
    assert (await give(doors["an"], "bo")).status_code == 201
    assert (await doors["bo"].get(f"/paper/{record}")).status_code == 200
    assert (await doors["cai"].get(f"/paper/{record}")).status_code == 404
    assert "for an" in await page(company, "bo")
    assert "for an" not in await page(company, "an")
    assert (await approve(doors["cai"], record)).status_code == 404
    assert (await approve(doors["bo"], record)).status_code == 200
    history = (await doors["boss"].get(f"/paper/{record}/history")).json()["items"]
    done = next(item for item in history if item["action"] == "approve")
    assert (done["by"]["display"], done["for"]["display"]) == ("bo", "an")
    noted = [json.loads(d) for act, d in await company.rows("_audit", "act", "detail") if act == "approve" and d]
    assert [one["for"] for one in noted] == [company.ids["an"]]
    assert "bo for an" in await page(company, "boss", f"/r/works/paper/{record}")


async def test_it_begins_and_ends_with_its_days_and_either_ends_it(company: Company) -> None:
    doors = await cast(company)
    record = await paper(company, doors["er"])
    made = await give(doors["an"], "bo", **{"from": "2026-03-06", "to": "2026-03-06"})
    assert (await approve(doors["bo"], record)).status_code == 404, "not yet"
    company.later(24 * 3600)
    company.tenant.forget_people()
    assert (await doors["bo"].get(f"/paper/{record}")).status_code == 200
    company.later(24 * 3600)
    company.tenant.forget_people()
    assert (await approve(doors["bo"], record)).status_code == 404, "over"
    again = await give(doors["an"], "bo", **{"from": "2026-03-07", "to": "2026-03-08"})
    address = "http://works/api/v1/system/standins"
    held = (await doors["bo"].get(address)).json()["items"]
    assert [(one["giver"]["display"], one["mine"]) for one in held] == [("an", False)]
    assert errors(await doors["cai"].delete(f"{address}/{again.json()['id']}")) == [("standin.none", "")]
    assert (await doors["an"].delete(f"{address}/{again.json()['id']}")).status_code == 204
    assert (await approve(doors["bo"], record)).status_code == 404, "ended"
    third = await give(doors["an"], "bo", **{"from": "2026-03-07", "to": "2026-03-08"})
    assert (await doors["bo"].delete(f"{address}/{third.json()['id']}")).status_code == 204
    assert (await doors["bo"].delete(f"{address}/{made.json()['id']}")).status_code == 204
    assert (await doors["bo"].get(address)).json()["items"] == []


async def test_of_some_roles_only_what_is_asked_of_them(company: Company) -> None:
    doors = await cast(company)
    record = await paper(company, doors["er"], project=company.ids["Bridge"])
    assert (await give(doors["an"], "bo", roles=["auditor"])).status_code == 201
    assert (await doors["bo"].get(f"/paper/{record}")).status_code == 404, "the chief is asked first"
    assert "for an" not in await page(company, "bo")
    assert (await approve(doors["an"], record)).status_code == 200
    assert (await doors["bo"].get(f"/paper/{record}")).status_code == 200
    assert "for an" in await page(company, "bo")
    assert (await approve(doors["bo"], record)).status_code == 200
    for roles in (["clerk"], ["admin"], []):
        assert errors(await give(doors["an"], "bo", roles=roles))[0][0] == "standin.role"


async def test_no_chains(company: Company) -> None:
    doors = await cast(company)
    record = await paper(company, doors["er"])
    await give(doors["an"], "bo")
    await give(doors["bo"], "cai")
    assert (await doors["bo"].get(f"/paper/{record}")).status_code == 200
    assert (await doors["cai"].get(f"/paper/{record}")).status_code == 404
    assert (await approve(doors["cai"], record)).status_code == 404


async def test_nobody_decides_for_another_on_a_document_of_either(company: Company) -> None:
    """bo wrote it: an may not have him approve it; an wrote it: he could himself, but bo not for him."""
    doors = await cast(company)
    await give(doors["an"], "bo")
    for writer in ("bo", "an"):
        record = await paper(company, doors[writer])
        seen = await doors["bo"].get(f"/paper/{record}")
        assert seen.status_code == 200
        assert [a for a in seen.json()["actions"] if a["kind"] == "approve"] == []
        refused = await approve(doors["bo"], record)
        assert (refused.status_code, errors(refused)) == (403, [("standin.own", "")])
        assert (await approve(doors["an"], record)).status_code == 200


async def test_whom_one_lets(company: Company) -> None:
    doors = await cast(company)
    assert errors(await give(doors["an"], "an")) == [("standin.self", "/to_user")]
    assert errors(await give(doors["an"], "ghost")) == [("standin.nobody", "/to_user")]
    assert errors(await give(doors["an"], "bo", to="2026-03-04")) == [("standin.days", "/to")]
    assert errors(await give(doors["an"], "bo", to="2028-03-04")) == [("standin.days", "/to")]
    assert errors(await give(doors["an"], "bo", to="soon")) == [("api.parameter", "/to")]
    assert errors(await give(doors["an"], "bo", more=1)) == [("api.unknown-parameter", "/more")]
    token = (
        await doors["an"].post("http://works/api/v1/system/tokens", json={"name": "x", "scopes": ["write"]})
    ).json()
    program = {"authorization": f"Bearer {token['token']}"}
    refused = await doors["an"].post(
        "http://works/api/v1/system/standins", json={"to_user": "bo", **DAYS}, headers=program
    )
    assert errors(refused) == [("auth.token", "")]


async def test_who_may_not_log_in_lends_nothing(company: Company) -> None:
    doors = await cast(company)
    record = await paper(company, doors["er"])
    await give(doors["an"], "bo")
    assert (await doors["bo"].get(f"/paper/{record}")).status_code == 200
    gone = await doors["boss"].patch(f"/user/{company.ids['an']}", json={"enabled": False}, headers=ANY)
    assert gone.status_code == 200, gone.text
    assert (await doors["bo"].get(f"/paper/{record}")).status_code == 404


async def test_the_page_gives_and_ends(company: Company) -> None:
    doors = await cast(company)
    assert "Who stands in" in await page(company, "an", "/system/me")
    token = doors["an"].headers["authorization"].removeprefix("Bearer ")
    transport = httpx.ASGITransport(app=asgi(OneTenant(company.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://works", cookies={"dougong": token, "language": "en"}
    ) as client:
        text = (await client.get("/system/me")).text
        csrf = text.partition('name="_csrf" value="')[2].partition('"')[0]
        sent = {"_csrf": csrf, "_do": "standin", "to_user": "bo", **DAYS, "role": ""}
        assert (await client.post("/system/me", data=sent)).status_code == 303
        wrong = await client.post("/system/me", data={**sent, "to_user": "nobody"}, headers={"accept-language": "en"})
        assert (wrong.status_code, 'id="to_user-wrong"' in wrong.text) == (422, True)
        found: list[Any] = []

        def body() -> Body[None]:
            rows: Rows = yield Call("SELECT id, ended FROM _standin")
            found.extend(rows)

        await company.tenant.database.write(body)
        ((record, ended),) = found
        assert ended is None
        done = await client.post("/system/me", data={"_csrf": csrf, "_do": "standin-end", "standin": str(record)})
        assert done.status_code == 303
    assert "bo for me" not in await page(company, "an", "/system/me")
