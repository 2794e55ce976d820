"""Every person × operation × record × field × door against ``oracle.py``, over all records as the administrator reads
them. Doors that the matrix never entered fail it: a new door comes with its rights tried."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from engine.plan.app import App
from engine.serve import OneTenant, asgi
from engine.serve.server import registry
from engine.serve.tenant.door import At, Door, Router
from engine.serve.tenant.filestore import Folder
from tests.serve import visits
from tests.serve.oracle import FIXED, HIDDEN, RULES, Person, Record, ever, everything, may, sees, told, world
from tests.serve.stage import Stage


class Seen(Router):
    """Remembers which doors were entered."""

    def __init__(self, router: Router) -> None:
        super().__init__(router.doors)
        self.entered: set[str] = set()

    def find(self, app: App, method: str, path: Sequence[str]) -> tuple[Door, At] | None:
        found = super().find(app, method, path)
        if found is not None:
            self.entered.add(found[0].name)
        return found


@pytest.fixture
def routers(monkeypatch: pytest.MonkeyPatch) -> tuple[Seen, Seen]:
    api, pages = Seen(registry.API), Seen(registry.PAGES)
    monkeypatch.setattr(registry, "API", api)
    monkeypatch.setattr(registry, "PAGES", pages)
    return api, pages


def all_entered(*routers: Seen) -> None:
    for router in routers:
        asked = {door.name for door in router.doors if door.who == "rights"}
        assert asked <= router.entered, f"no rights are tried at {sorted(asked - router.entered)}: see visits.py"


async def elsewhere(stage: Stage, known: list[Person]) -> int:
    """The doors of ``visits.py``. What changes something comes last."""
    boss, compared = await stage.door("boss"), 0
    sheets, entries = await everything(boss, "sheet"), await everything(boss, "entry")
    projects = {str(p["id"]): p for p in await everything(boss, "project")}
    few = sheets[:6]
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://works") as browser:
        for person in known:
            door = await stage.door(person.name)
            mine = [r for r in sheets if may(person, "sheet", "read", r)]
            compared += await visits.through(door, person, mine, projects)
            compared += await visits.figures(door, person, entries)
            compared += await visits.rules(door, person)
            for record in sheets:
                compared += await visits.contracts(stage, door, person, record)
            for record in few:
                compared += await visits.explained(door, person, "sheet", record)
            compared += await visits.pages(stage, browser, person, few, entries, len(mine) <= 20)
    for person in known:
        door = await stage.door(person.name)
        for record in [(await boss.get(f"/sheet/{r['id']}")).json() for r in few]:
            compared += await visits.lines(door, person, record)
            compared += await visits.moves(door, person, record)
        compared += await visits.in_bulk(door, person, [(await boss.get(f"/sheet/{r['id']}")).json() for r in few])
        compared += await visits.restored(stage, door, person)
        compared += await visits.imports(stage, door, person)
        compared += await visits.creates(stage, door, person)
    return compared


async def matrix(stage: Stage, seed: int, count: int, tmp: Path) -> int:
    """Compares; gives how many answers were compared."""
    stage.tenant.files = Folder(tmp / "files")
    known, boss, compared = await world(stage, seed, count), await stage.door("boss"), 0
    for entity in RULES:
        records = await everything(boss, entity)
        for person in known:
            door = await stage.door(person.name)
            readable = {r["id"] for r in records if may(person, entity, "read", r)}
            opens = ever(person, entity, "read")
            compared += await lists(door, entity, readable, opens)
            if entity == "sheet" and opens:
                compared += await amounts(door, person, records, readable)
                compared += await contacts(door, person, [r for r in records if r["id"] in readable])
            for record in records:
                compared += await one(door, person, entity, record, record["id"] in readable, opens)
                compared += await remark(door, person, record) if entity == "sheet" else 0
            compared += await taken(door, person, entity, records, opens)
    return compared + await elsewhere(stage, known)


async def lists(door: httpx.AsyncClient, entity: str, readable: set[str], opens: bool) -> int:
    listed = await door.get(f"/{entity}?limit=1000&count=exact")
    asked = await door.post(f"/{entity}/query", json={"limit": 1000, "where": "rev > 0"})
    binned = await door.get(f"/{entity}?bin=true")
    counted = await door.get(f"/{entity}/aggregate?measures=n:COUNT({entity})")
    if not opens:
        assert {a.status_code for a in (listed, asked, binned, counted)} == {403}, entity
        return 4
    assert {r["id"] for r in listed.json()["items"]} == readable
    assert listed.json()["total"] == len(readable)
    assert {r["id"] for r in asked.json()["items"]} == readable
    assert binned.json()["items"] == []
    assert counted.json()["rows"] == [{"n": len(readable)}]
    return 4


async def amounts(door: httpx.AsyncClient, person: Person, records: list[Record], readable: set[str]) -> int:
    """A hidden amount is empty on the record, adds nothing to a sum, and filters and conditions tell nothing of it."""
    shown = {r["id"]: r["amount"] for r in records if r["id"] in readable and sees(person, "sheet", r, "amount")}
    known = any(
        "amount" not in HIDDEN["sheet"].get(role, ()) for role in person.roles if role in RULES["sheet"]["read"]
    )
    if not known:
        for query in ("fields=amount", "sort=amount", "amount[gte]=0", "where=amount > 0"):
            assert (await door.get(f"/sheet?{query}")).status_code == 400, query
        return 4
    items = (await door.get("/sheet?limit=1000&fields=amount")).json()["items"]
    assert {i["id"]: i["amount"] for i in items} == {i: shown.get(i) for i in readable}
    for query in ("amount[gte]=0", "where=amount >= 0", "amount[null]=false"):
        found = (await door.get(f"/sheet?limit=1000&{query}")).json()["items"]
        assert {i["id"] for i in found} == set(shown), query
    total = (await door.get("/sheet/aggregate?measures=s:SUM(amount)")).json()["rows"][0]["s"]
    assert Decimal(total or 0) == sum((Decimal(a) for a in shown.values()), Decimal(0))
    return 5


async def contacts(door: httpx.AsyncClient, person: Person, records: list[Record]) -> int:
    """What is told in part is so at every door: listed, sought, filtered, sorted, grouped, computed, in history."""
    expected = {r["id"]: told(person, r) for r in records}
    items = (await door.get("/sheet?limit=1000&fields=contact,told&sort=contact")).json()["items"]
    assert {i["id"]: i["contact"] for i in items} == expected
    assert {i["id"]: i["told"] for i in items} == {k: v and f"{v}!" for k, v in expected.items()}
    known = [i["contact"] for i in items if i["contact"] is not None]
    assert known == sorted(known)
    for text in ("0000", "5678"):
        found = {i for i, v in expected.items() if v and text in v}
        for query in (f"contact[contains]={text}", f"q={text}", f"where=CONTAINS(contact, '{text}')"):
            asked = (await door.get(f"/sheet?limit=1000&{query}")).json()
            assert {i["id"] for i in asked["items"]} == found, (person.name, query, asked)
    groups = (await door.get("/sheet/aggregate?by=contact&measures=n:COUNT(sheet)")).json()["rows"]
    counted = {v: list(expected.values()).count(v) for v in expected.values()}
    assert {g["contact"]: g["n"] for g in groups} == counted
    for record, value in list(expected.items())[:5]:
        said = (await door.get(f"/sheet/{record}/history")).json()["items"]
        pairs = [change["change"]["contact"] for change in said if "contact" in change["change"]]
        assert all(pair[-1] == value for pair in pairs), (person.name, record)
        assert value is None or pairs, (person.name, record)
    return 9 + len(expected)


async def remark(door: httpx.AsyncClient, person: Person, record: Record) -> int:
    """A field is changed by a role that may change the record and this field of it."""
    rules = RULES["sheet"]["update"]
    by = {role for role in person.roles if role in rules and rules[role](person, record)}
    if record["state"] != "draft" or not by:
        return 0
    place = f"/sheet/{record['id']}"
    changed = await door.patch(place, json={"remark": "x"}, headers={"if-match": "*"})
    assert changed.status_code == (200 if by - FIXED else 422), (person.name, changed.text)
    return 1


async def one(door: httpx.AsyncClient, person: Person, entity: str, record: Record, readable: bool, opens: bool) -> int:
    place = f"/{entity}/{record['id']}"
    gone = {200} if readable else {404, 403} if not opens else {404}
    got = await door.get(place)
    assert got.status_code in gone, (person.name, place, got.text)
    assert (await door.get(f"{place}/history")).status_code in gone
    if readable and entity == "sheet" and not sees(person, entity, record, "amount"):
        assert got.json().get("amount") is None
        told = (await door.get(f"{place}/history")).json()["items"]
        assert not any({"amount", "price"} & change["change"].keys() for change in told), (person.name, place)
    field = {"sheet": {"due": "2026-12-31"}, "project": {"name": record.get("name")}, "period": {}}.get(entity, {})
    if not field:
        return 2
    changed = await door.patch(place, json=field, headers={"if-match": "*"})
    editable = entity != "sheet" or record["state"] == "draft"
    if not readable:
        assert changed.status_code in (403, 404), (person.name, place, changed.text)
    elif not may(person, entity, "update", record):
        signs = record.get("state") == "in_approval"  # whose turn it is may change hours, and only these
        assert changed.status_code in ((403, 422, 423) if signs else (403,)), (person.name, place, changed.text)
    else:
        assert changed.status_code in ((200,) if editable else (422, 423)), (person.name, place, changed.text)
    if not (readable and may(person, entity, "delete", record)):
        thrown = await door.delete(place, headers={"if-match": "*"})
        assert thrown.status_code in (403, 404, 423), (person.name, place, thrown.text)
    return 4


async def taken(door: httpx.AsyncClient, person: Person, entity: str, records: list[Record], opens: bool) -> int:
    lines = await door.get(f"/{entity}/export?format=ndjson&fields=id")
    if not opens or not ever(person, entity, "export"):
        assert lines.status_code == 403, (person.name, entity)
        return 1
    both = {r["id"] for r in records if may(person, entity, "read", r) and may(person, entity, "export", r)}
    assert {json.loads(line)["id"] for line in lines.text.splitlines()} == both
    table = (await door.get(f"/{entity}/export")).content.decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(table)))) == len(both) + 1
    return 2


async def test_access_matrix(stage: Stage, routers: tuple[Seen, Seen], tmp_path: Path) -> None:
    assert await matrix(stage, 1, 8, tmp_path) > 300
    all_entered(*routers)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
async def test_access_matrix_of_many(stage: Stage, seed: int, tmp_path: Path) -> None:
    assert await matrix(stage, seed, 60, tmp_path) > 1_000
