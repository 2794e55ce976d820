"""Every person × operation × record × field × door against an oracle that is slow and shares no code with the engine:
the rules of ``works.yaml`` once more, as functions of a record, over all records as the administrator reads them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from typing import Any

import httpx
import pytest

from tests.serve.stage import Stage

Record = Mapping[str, Any]


class Person:
    """Who somebody is, said by hand: his roles, and where he holds them."""

    def __init__(self, name: str, foreman: str = "", manager: str = "", head: bool = False) -> None:
        self.name, self.at, self.head = name, {"foreman": set(foreman), "manager": set(manager)}, head
        self.id = ""
        self.places: dict[str, set[str]] = {}

    @property
    def roles(self) -> list[str]:
        return [*(role for role, places in self.at.items() if places), *(["head"] if self.head else [])]


def people() -> list[Person]:
    return [
        Person("wang", foreman="AB"),
        Person("li", manager="A"),
        Person("zhao", head=True),
        Person("mei", foreman="B", manager="A"),
        Person("new"),
    ]


def where(record: Record, field: str = "project") -> str:
    return str(record[field]["id"]) if field != "id" else str(record["id"])


def mine(person: Person, record: Record) -> bool:
    return bool((record.get("created_by") or {}).get("id") == person.id)


Rule = Callable[[Person, Record], bool]
RULES: dict[str, dict[str, dict[str, Rule]]] = {
    "sheet": {
        "read": {
            "foreman": mine,
            "manager": lambda p, r: where(r) in p.places["manager"],
            "head": lambda p, r: True,
        },
        "update": {"foreman": lambda p, r: r["state"] == "draft" and mine(p, r), "head": lambda p, r: True},
        "delete": {"head": lambda p, r: True},
        "export": {"foreman": lambda p, r: r["liability"] == "own", "head": lambda p, r: True},
    },
    "project": {
        "read": {"foreman": lambda p, r: where(r, "id") in p.places["foreman"], "head": lambda p, r: True},
        "update": {"head": lambda p, r: True},
    },
    "period": {
        "read": {"manager": lambda p, r: where(r) in p.places["manager"], "head": lambda p, r: True},
        "update": {"head": lambda p, r: True},
    },
    "worker": {},
    "allowance": {},
}
HIDDEN = {"sheet": {"foreman": {"amount"}}}
MASKED = {"manager"}
"""Roles to which ``sheet.contact`` is told in part."""
FIXED = {"foreman"}
"""Roles that do not change ``sheet.remark``."""


def may(person: Person, entity: str, operation: str, record: Record) -> bool:
    rules = RULES[entity].get(operation, {})
    return any(rules[role](person, record) for role in person.roles if role in rules)


def ever(person: Person, entity: str, operation: str) -> bool:
    return any(role in RULES[entity].get(operation, {}) for role in person.roles)


def sees(person: Person, entity: str, record: Record, field: str) -> bool:
    """On a record: when a role that admits it shows the field."""
    rules = RULES[entity].get("read", {})
    admitting = [role for role in person.roles if role in rules and rules[role](person, record)]
    return any(field not in HIDDEN.get(entity, {}).get(role, ()) for role in admitting)


def told(person: Person, record: Record) -> str | None:
    """``contact`` of a record that he may read: whole when a role that admits him to it shows it so."""
    rules = RULES["sheet"]["read"]
    admitting = [role for role in person.roles if role in rules and rules[role](person, record)]
    whole: str | None = record["contact"]
    return whole if set(admitting) - MASKED or whole is None else f"{whole[:3]}****{whole[-4:]}"


async def world(stage: Stage, seed: int, count: int) -> list[Person]:
    known = people()
    for person in known:
        if person.name not in stage.ids:
            stage.ids[person.name] = await stage.make("user", name=person.name)
            await stage._may_sign_in(stage.ids[person.name], person.name)
        person.id = stage.ids[person.name]
        person.places = {role: {stage.ids[place] for place in places} for role, places in person.at.items()}
    boss = await stage.door("boss")
    mei = [{"user": stage.ids["mei"], "role": role} for role in ("manager", "foreman")]
    for place, line in zip("AB", mei, strict=True):
        await boss.patch(f"/project/{stage.ids[place]}", json={"lines": []} if not line else {"members": [line]},
                         headers={"if-match": "*"})  # fmt: skip
    stage.tenant.forget_people()
    random = Random(seed)
    for n in range(count):
        # Always one that she may read as foreman alone, and one that she manages besides.
        name, place = ("mei", "BA"[n]) if n < 2 else (random.choice(["boss", "wang", "mei"]), random.choice("AB"))
        writer = await stage.door(name)
        liability = random.choice(["own", "charge"])
        line = {"worker": stage.ids[random.choice("赵钱孙")], "hours": "1"}
        contact = random.choice(["13800001234", "13900005678", None])
        charged = {"charge_to": "x"} if liability == "charge" else {}
        body = stage.sheet(contact=contact, project=stage.ids[place], sheet_date=f"2026-03-{n % 5 + 1:02d}",
                           lines=[line], liability=liability, **charged)  # fmt: skip
        made = await writer.post("/sheet", json=body)
        assert made.status_code == 201, made.text
        if random.random() < 0.4:
            await boss.post(f"/sheet/{made.json()['id']}/actions/submit", json={"reason": "r"})
    await boss.post("/period", json={"project": stage.ids["A"], "month": "2026-01"})
    return known


async def everything(boss: httpx.AsyncClient, entity: str) -> list[Record]:
    found: list[Record] = (await boss.get(f"/{entity}?limit=1000")).json()["items"]
    return found


async def matrix(stage: Stage, seed: int, count: int) -> int:
    """Compares; gives how many answers were compared."""
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
    return compared


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


async def test_access_matrix(stage: Stage) -> None:
    assert await matrix(stage, 1, 8) > 200


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
async def test_access_matrix_of_many(stage: Stage, seed: int) -> None:
    assert await matrix(stage, seed, 60) > 1_000
