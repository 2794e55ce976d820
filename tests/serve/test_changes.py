"""Who changes a system's metadata: administrators alone, of this tenant, with a token that may write."""

from __future__ import annotations

import httpx
import pytest

from engine.serve import OneTenant, asgi
from engine.serve.server import registry
from engine.serve.system.changes import DOORS
from tests.serve.stage import Stage, errors

PLACES = [(door, method) for door in DOORS for method in door.methods]


def place(path: str) -> str:
    return path.replace("{number}", "1").replace("{before}", "1").replace("{after}", "2").replace("{switch}", "works")


@pytest.mark.parametrize("name", ["wang", "li", "zhao"])
async def test_no_role_of_the_packs_gets_in(stage: Stage, name: str) -> None:
    client = await stage.door(name)
    for door, method in PLACES:
        answer = await client.request(method, f"http://works/api/v1/{place(door.path)}", json={})
        assert (answer.status_code, errors(answer)) == (403, [("access.administrator", "")]), door.name


async def test_nobody_and_people_of_another_tenant_are_strangers(stage: Stage) -> None:
    transport = httpx.ASGITransport(app=asgi(OneTenant(stage.tenant)), raise_app_exceptions=False)
    elsewhere = {"authorization": "Bearer 0198a000-of-another-tenant"}
    async with httpx.AsyncClient(transport=transport, base_url="http://works/api/v1/") as client:
        for door, method in PLACES:
            for headers in ({}, elsewhere):
                answer = await client.request(method, place(door.path), headers=headers, json={})
                assert answer.status_code == 401, door.name


async def test_a_token_that_only_reads_plans_and_applies_nothing(stage: Stage) -> None:
    boss = await stage.door("boss")
    made = await boss.post("http://works/api/v1/system/tokens", json={"name": "x", "scopes": ["read"]})
    headers = {"authorization": f"Bearer {made.json()['token']}"}
    for door, method in PLACES:
        answer = await boss.request(method, f"http://works/api/v1/{place(door.path)}", headers=headers, json={})
        wanted = "auth.read-only" if door.scope == "write" else "change.nowhere"
        assert errors(answer)[0][0] == wanted, door.name
    assert {door.name for door, _ in PLACES if door.scope == "write"} == {
        "changes.apply", "revisions.revert", "switches.set",
    }  # fmt: skip
    assert {door.name for door in DOORS} <= {door.name for door in registry.API.doors if door.who == "administrator"}
