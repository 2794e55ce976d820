"""One process serves the tenants of a directory: by host, by prefix, by token; few are open at a time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from engine.db import Lost, open_database
from engine.problem import Problems
from engine.studio.change.planning import planned
from engine.studio.directory import tenanting
from engine.studio.source.build import source_of
from engine.studio.source.project import find_project
from tests.studio.shop import taken
from tests.tenants.village import Village, codes


async def test_by_host_by_prefix_and_by_token(many: Village) -> None:
    for name in ("ada", "bob"):
        await many.make(name)
    ada, bob = await many.admin("ada.example"), await many.admin("bob.example:8000")
    made = await ada.post("/api/v1/works/work_type", json={"name": "mason"})
    assert made.status_code == 201, made.text
    assert [one["name"] for one in (await ada.get("/api/v1/works/work_type")).json()["items"]] == ["mason"]
    assert (await bob.get("/api/v1/works/work_type")).json()["items"] == []

    somewhere = many.door("shared.example")
    assert codes(await somewhere.get("/api/v1/works/work_type")) == ["server.no-tenant"]
    assert codes(await somewhere.get("/t/nobody/api/v1/me")) == ["server.no-tenant"]
    assert codes(await somewhere.get("/t/ada/api/v1/me")) == ["auth.needed"]
    assert (await somewhere.get("/t/ada/login")).status_code == 404  # pages are at a host of one's own
    by_prefix = await many.admin("shared.example", "/t/ada")
    written = await by_prefix.post("/t/ada/api/v1/works/work_type", json={"name": "joiner"})
    assert written.headers["location"].startswith("/t/ada/api/v1/works/work_type/")
    assert (await by_prefix.get(written.headers["location"])).json()["name"] == "joiner"
    token = ada.headers["authorization"]
    assert token.startswith("Bearer ada.")
    found = await somewhere.get("/api/v1/works/work_type", headers={"authorization": token})
    assert len(found.json()["items"]) == 2
    assert (await somewhere.get("/health")).status_code == 200


async def test_apps_of_the_same_text_are_one(many: Village) -> None:
    for name in ("ada", "bob"):
        await many.make(name)
        assert (await many.door(f"{name}.example").get("/login")).status_code == 200
    ada, bob = (many.house.rooms[name].tenant for name in ("ada", "bob"))
    assert ada.app.entities is bob.app.entities
    assert ada.facts is bob.facts
    assert ada.asker is bob.asker


async def test_few_are_open_and_all_are_served(many: Village) -> None:
    names = [f"n{n}" for n in range(5)]
    for name in names:
        await many.make(name)
    for _ in range(2):
        answers = await asyncio.gather(*(many.door(f"{name}.example").get("/login") for name in names))
        assert {answer.status_code for answer in answers} == {200}
        assert len(many.house.rooms) <= 3
        assert many.house.budget.open <= 5
    await asyncio.sleep(0.1)
    assert all(room.pins == 0 for room in many.house.rooms.values())


async def test_suspended_nobody_gets_in_and_nothing_is_touched(many: Village) -> None:
    await many.make("ada")
    ada = await many.admin("ada.example")
    assert (await ada.post("/api/v1/works/work_type", json={"name": "mason"})).status_code == 201
    room = many.house.rooms["ada"]
    await tenanting.suspend(many.directory, "ada", "unpaid")
    await many.house.look()
    refused = await ada.get("/api/v1/works/work_type")
    assert (refused.status_code, codes(refused)) == (503, ["server.suspended"])
    page = await many.door("ada.example", **{"accept-language": "zh"}).get("/")
    assert page.status_code == 503
    assert "本系统已暂停使用" in page.text
    assert "content-security-policy" in page.headers
    for _ in range(100):
        if "ada" not in many.house._closing:
            break
        await asyncio.sleep(0.05)
    assert all(task.done() for task in room.background.tasks)
    with pytest.raises(Problems, match=r"tenant\.state"):
        await tenanting.suspend(many.directory, "ada", "")
    await tenanting.resume(many.directory, "ada")
    await many.house.look()
    assert len((await ada.get("/api/v1/works/work_type")).json()["items"]) == 1
    acts = [event.act for event in await many.directory.events("ada")]
    assert acts == ["resume", "suspend", "created", "create"]
    audit = (await ada.get("/api/v1/system/audit")).json()["items"]
    assert {"command.tenant-suspend", "command.tenant-resume"} <= {row["act"] for row in audit}


async def test_what_cannot_be(many: Village) -> None:
    await many.make("ada", "www.ada.example", "ada.example")
    for name in ("", "a", "Ada", "api", "a_b", "a--b", "a-", "x" * 40, "../x", "ada;drop"):
        with pytest.raises(Problems, match=r"tenant\.name"):
            await many.make(name, "other.example")
    with pytest.raises(Problems, match=r"tenant\.taken"):
        await many.make("ada", "other.example")
    with pytest.raises(Problems, match=r"tenant\.host-taken"):
        await many.make("eve", "ada.example")
    with pytest.raises(Problems, match=r"tenant\.host:|tenant\.host\b"):
        await many.make("eve", "no host")
    with pytest.raises(Problems, match=r"did you mean ada"):
        await tenanting.suspend(many.directory, "adaa", "")
    here = (await many.directory.get("ada")).url
    with pytest.raises(Problems, match="ada lives there"):
        await many.make("eve", url=here)
    assert [entry.name for entry in await many.directory.all()] == ["ada"]


async def test_hosts_are_given_and_taken(many: Village) -> None:
    await many.make("ada")
    await tenanting.settle_hosts(many.directory, "ada", ["New.Example.", "new.example"])
    await many.house.look()
    assert (await many.door("new.example").get("/login")).status_code == 200
    assert (await many.door("ada.example").get("/api/v1/me")).json()["code"] == "server.no-tenant"


async def test_suspended_while_a_request_runs(many: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is in is answered, and what he wrote is there; who comes then is refused."""
    await many.make("ada")
    ada = await many.admin("ada.example")
    room = many.house.rooms["ada"]
    write, inside, go_on = room.tenant.database.write, asyncio.Event(), asyncio.Event()

    async def slow(*given: Any, **named: Any) -> Any:
        inside.set()
        await go_on.wait()
        return await write(*given, **named)

    monkeypatch.setattr(room.tenant.database, "write", slow)
    asking = asyncio.create_task(ada.post("/api/v1/works/work_type", json={"name": "mason"}))
    await asyncio.wait_for(inside.wait(), 10)
    await tenanting.suspend(many.directory, "ada", "")
    await many.house.look()
    assert codes(await ada.get("/api/v1/me")) == ["server.suspended"]
    assert not asking.done()
    go_on.set()
    assert (await asking).status_code == 201
    await tenanting.resume(many.directory, "ada")
    await many.house.look()
    assert [one["name"] for one in (await ada.get("/api/v1/works/work_type")).json()["items"]] == ["mason"]


async def test_who_comes_back_sees_what_was_changed_while_it_rested(many: Village) -> None:
    await many.make("ada")
    ada = await many.admin("ada.example")
    assert (await ada.get("/api/v1/works/work_type")).status_code == 200
    room = many.house.rooms["ada"]
    assert not room.resting()
    overlay = "overlay: o\ngrammar: 1\nextends: {works: '>=1'}\nentities: {work_type: {fields: {more: {type: text}}}}\n"
    source = source_of(find_project(many.folder / "works"))
    database = await open_database(room.entry.url, make=False)
    try:
        room.used -= 60  # nobody has asked for anything for a minute
        assert room.resting()
        made = await planned(replace(source, overlays=({"o.yaml": overlay},)), database)
        await taken(made, database, settled=False)
        assert "more" in (await ada.post("/api/v1/works/work_type", json={"name": "x", "more": "y"})).json()
    finally:
        await database.close()


async def test_a_directory_that_is_away_or_of_a_newer_engine(many: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those whom the process knows go on, and it hears of what was done meanwhile when it is back."""
    await many.make("ada")
    ada = await many.admin("ada.example")
    version = many.directory.version
    asked: list[str] = []

    async def away() -> int:
        asked.append("")
        raise (Lost("gone", ""), Problems([]), ValueError("what nobody thought of"))[len(asked) % 3]

    monkeypatch.setattr("engine.studio.directory.housing.AGAIN", 0.05)
    monkeypatch.setattr(many.directory, "version", away)
    while len(asked) < 4:
        await asyncio.sleep(0.05)
    assert (await ada.get("/api/v1/me")).status_code == 200
    await tenanting.suspend(many.directory, "ada", "")
    assert (await ada.get("/api/v1/me")).status_code == 200
    monkeypatch.setattr(many.directory, "version", version)
    for _ in range(100):
        if many.house.entries["ada"].state == "suspended":
            break
        await asyncio.sleep(0.05)
    assert codes(await ada.get("/api/v1/me")) == ["server.suspended"]
