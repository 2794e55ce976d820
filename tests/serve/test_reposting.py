"""Postings sleep while their ledger is not there, and are made up for once, whatever happened meanwhile."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import httpx
import pytest

from engine.plan.app import App
from engine.serve.write import reposting
from tests.serve.stage import Stage

LEDGER = "works.entry"


async def sheet(stage: Stage, boss: httpx.AsyncClient, day: int) -> str:
    line = {"worker": stage.ids["赵"], "hours": "8"}
    answer = await boss.post("/sheet", json=stage.sheet(sheet_date=f"2026-02-{day:02}", lines=[line]))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def act(boss: httpx.AsyncClient, one: str, name: str) -> int:
    return (await boss.post(f"/sheet/{one}/actions/{name}", json={"reason": "r"})).status_code


async def standing(stage: Stage) -> Counter[tuple[str, str]]:
    """(document, kind) → the sum of what the ledger holds, in its storage; nothing where entries cancel out."""
    out: Counter[tuple[str, str]] = Counter()
    for source, kind, net in await stage.rows("works__entry", "_source_id", "kind", "net"):
        out[(str(source), str(kind))] += net
    return Counter({key: net for key, net in out.items() if net})


def switch(stage: Stage, whole: App, on: bool) -> None:
    """The app with or without the ledger's entity, as when the pack that holds it is off."""
    entities = whole.entities if on else {p: e for p, e in whole.entities.items() if p != LEDGER}
    stage.tenant.swap(replace(whole, entities=entities))


async def test_what_slept_is_made_up_for(stage: Stage) -> None:
    boss, whole = await stage.door("boss"), stage.tenant.app
    before = await sheet(stage, boss, 1)
    await act(boss, before, "submit")
    switch(stage, whole, False)
    waiting, gone, draft = [await sheet(stage, boss, day) for day in (2, 3, 4)]
    assert [await act(boss, one, "submit") for one in (waiting, gone)] == [200, 200]
    assert await act(boss, before, "withdraw") == 200
    assert await act(boss, gone, "withdraw") == 200
    assert {source for source, _ in await standing(stage)} == {before}
    switch(stage, whole, True)
    told = await reposting.repost(stage.tenant, dry_run=True)
    assert told == {LEDGER: 2}  # one is missing, one no longer holds
    assert {source for source, _ in await standing(stage)} == {before}  # a dry run changes nothing
    assert await reposting.repost(stage.tenant) == told
    assert {source for source, _ in await standing(stage)} == {waiting}
    assert not await reposting.repost(stage.tenant)
    assert draft not in {source for source, _ in await standing(stage)}
    events = [r for r in await stage.rows("_outbox", "entity", "kind") if r == ("works__entry", "post")]
    assert len(events) == 3  # the reserve, its mirror, the one that was missing


@pytest.mark.parametrize("seed", range(3))
async def test_any_way_leads_to_the_same_ledger(stage: Stage, seed: int) -> None:
    """Documents move at random while the ledger comes and goes: nothing counts twice, nothing is left out."""
    chance, boss, whole = random.Random(seed), await stage.door("boss"), stage.tenant.app
    made = [await sheet(stage, boss, day) for day in range(1, 6)]
    moved = Counter[int]()
    for _ in range(30):
        switch(stage, whole, chance.random() < 0.5)
        one = chance.choice(made)
        can = [action["name"] for action in (await boss.get(f"/sheet/{one}")).json()["actions"]]
        if can:
            moved[await act(boss, one, chance.choice(can))] += 1
    assert moved[200] > 5, moved
    switch(stage, whole, True)
    await reposting.repost(stage.tenant)
    states = {one: (await boss.get(f"/sheet/{one}")).json()["state"] for one in made}
    kinds = {"in_approval": "reserve", "effective": "actual"}
    held = await standing(stage)
    assert set(held) == {(one, kinds[state]) for one, state in states.items() if state in kinds}
    assert len(set(held.values())) <= 1  # sheets of one worker's day each: equal amounts, each counted once
    assert not await reposting.repost(stage.tenant, dry_run=True)
