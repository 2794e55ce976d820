"""The rules of ``works.yaml`` once more, as functions of a person and a record, and a world to try them in. It is slow
and shares no code with the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import httpx

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
        "create": {"head": lambda p, r: True},
        "update": {"head": lambda p, r: True},
    },
    "period": {
        "read": {"manager": lambda p, r: where(r) in p.places["manager"], "head": lambda p, r: True},
        "update": {"head": lambda p, r: True},
    },
    "worker": {},
    "allowance": {
        "read": {"manager": lambda p, r: where(r) in p.places["manager"], "head": lambda p, r: True},
    },
    "entry": {
        "read": {"manager": lambda p, r: where(r) in p.places["manager"], "head": lambda p, r: True},
    },
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
        if name == "boss" and stage.tenant.files is not None:
            sent = await boss.post("/../system/files?name=c.pdf", content=b"%PDF-1.7\n0123456789")
            charged["contract"] = sent.json()["id"]
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
