"""Metadata changed through the API, while it is served: plans, applies, revisions, switches, and what can be wrong."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.db import Call
from engine.problem import Problems
from engine.studio.follow.turns import turn
from engine.studio.source.build import source_of
from engine.studio.source.project import find_project
from tests.studio.shop import Shop, filled, listed, post

AT = "http://shop/api/v1/system"
OVERLAY = """overlay: acme
grammar: 1
extends: {shop: ">=1"}
entities:
  item:
    fields:
      colour: {type: text}
"""
REQUIRED = OVERLAY.replace("      colour: {type: text}\n", "      note: {required: true}\n")


def codes(answer: httpx.Response) -> list[str]:
    return [one["code"] for one in answer.json()["errors"]]


def seen(plan: httpx.Response) -> dict[str, Any]:
    told = plan.json()
    return {"revision": told["revision"], "digest": told["digest"]}


def overlays(text: str = OVERLAY) -> dict[str, Any]:
    return {"overlays": [{"acme.yaml": text}]}


async def planned(door: httpx.AsyncClient, **wanted: Any) -> httpx.Response:
    answer = await door.post(f"{AT}/changes/plan", json=wanted)
    assert answer.status_code == 200, answer.text
    return answer


async def test_an_overlay_is_planned_applied_and_taken_back(shop: Shop) -> None:
    await filled(shop)
    async with shop.served() as (_, door):
        assert (await door.get(f"{AT}/changes")).json()["running"] is None
        plan = await planned(door, **overlays())
        (line,) = [one for one in plan.json()["changes"] if one["kind"] == "added"]
        assert (line["path"], line["risk"], line["where"]) == ("shop.item.colour", "safe", "acme.yaml:7:7")
        assert "colour" not in (await listed(door))[0]
        done = await door.post(f"{AT}/changes", json={**overlays(), "plan": seen(plan), "note": "colours"})
        assert (done.status_code, done.json()["applied"]) == (200, 2)
        await post(door, "item", code="z", colour="red")
        assert (await planned(door, **overlays())).json()["empty"]
        newest = (await door.get(f"{AT}/revisions")).json()["items"][0]
        assert (newest["revision"], newest["by"], newest["note"]) == (2, "admin", "colours")
        one = (await door.get(f"{AT}/revisions/2")).json()
        assert (one["overlays"], one["packs"]) == ([{"acme.yaml": OVERLAY}], {"shop": "1.0.0"})
        difference = (await door.get(f"{AT}/revisions/1/diff/2")).json()
        assert "+      colour: {type: text}" in difference["text"].split("\n")
        assert ("shop.item.colour", 2) in [(c["path"], c["revision"]) for c in difference["changes"]]
        back = (await door.post(f"{AT}/revisions/1/revert", json={"dry_run": True})).json()
        assert ("retired", "shop.item.colour") in [(c["kind"], c["path"]) for c in back["changes"]]
        assert "colour" in (await listed(door))[0]
        assert (await door.post(f"{AT}/revisions/1/revert", json={})).json()["applied"] == 3
        assert "colour" not in (await listed(door))[0]
        acts = [one["act"] for one in (await door.get(f"{AT}/audit")).json()["items"]]
        assert acts.count("metadata.applied") == 2
        assert "changes.apply" in acts


async def test_what_is_wrong_is_told_with_file_line_column_and_the_nearest_name(shop: Shop) -> None:
    await filled(shop)
    async with shop.served() as (_, door):
        broken = OVERLAY.replace("type: text", "type: txet").replace("  item:", "  itme:")
        for place in ("changes/plan", "changes"):
            answer = await door.post(f"{AT}/{place}", json=overlays(broken))
            assert answer.status_code == 422
            assert answer.headers["content-type"] == "application/problem+json"
            told = {one["code"]: (one["where"], one.get("hint", "")) for one in answer.json()["errors"]}
            with pytest.raises(Problems) as caught:
                replace(source_of(find_project(shop.folder)), overlays=({"acme.yaml": broken},)).catalog()
            assert told == {p.code: (str(p.where), p.hint.en) for p in caught.value.problems}
            assert any(
                where.startswith("acme.yaml:5:") or where.startswith("acme.yaml:7:") for where, _ in told.values()
            )
        chinese = await door.post(f"{AT}/changes/plan", json=overlays(broken), headers={"accept-language": "zh"})
        assert any("一" <= sign <= "鿿" for sign in chinese.json()["errors"][0]["message"])
        for body in (
            {"overlays": "x"}, {"overlays": [{}]}, {"overlays": [{"../x.yaml": ""}]}, {"overlays": [{"x.txt": ""}]},
            {"switches": {"shop": 1}}, {"folder": True, "revision": 1}, {"revision": -1}, {"unknown": 1}, {"note": 1},
        ):  # fmt: skip
            assert (await door.post(f"{AT}/changes", json=body)).status_code == 400, body
        assert codes(await door.post(f"{AT}/changes/plan", json={"revision": 9})) == ["plan.no-revision"]
        many = "".join(f"      f{n}: {{type: text}}\n" for n in range(1500))
        wide = OVERLAY.replace("      colour: {type: text}\n", many)
        assert codes(await door.post(f"{AT}/changes/plan", json=overlays(wide))) == ["plan.too-wide"]
        assert codes(await door.get(f"{AT}/revisions/x")) == ["change.number"]
        assert (await door.get(f"{AT}/revisions/1/diff/9")).status_code == 404


async def test_what_is_more_than_safe_wants_to_be_seen_and_what_is_in_the_way_is_linked(shop: Shop) -> None:
    await filled(shop)
    async with shop.served() as (_, door):
        wider = overlays(OVERLAY.replace("colour: {type: text}", "count: {type: decimal, scale: 2}"))
        assert codes(await door.post(f"{AT}/changes", json=wider)) == ["plan.unseen"]
        plan = await planned(door, **wider)
        assert (await door.post(f"{AT}/changes", json={**wider, "plan": seen(plan)})).status_code == 200
        stale = await door.post(f"{AT}/changes", json={**overlays(), "plan": seen(plan)})
        assert (stale.status_code, codes(stale)) == (409, ["plan.overtaken"])
        other = await planned(door, **overlays())
        answer = await door.post(f"{AT}/changes", json={**wider, "plan": seen(other)})
        assert (answer.status_code, codes(answer)) == (409, ["plan.differs"])
        plan = await planned(door, **overlays(REQUIRED))
        (line,) = [one for one in plan.json()["changes"] if one["against"]]
        assert plan.json()["refused"]
        (record,) = line["records"]
        found = await door.get(f"http://shop/api/v1/{record}")
        assert found.json()["code"] == "x"
        refused = await door.post(f"{AT}/changes", json={**overlays(REQUIRED), "plan": seen(plan)})
        assert (refused.status_code, codes(refused)) == (422, ["plan.refused"])


async def test_the_folder_can_be_planned_and_applied(shop: Shop) -> None:
    await filled(shop)
    async with shop.served() as (_, door):
        shop.fields()["day"] = {"type": "date"}
        shop.write()
        plan = await planned(door, folder=True)
        assert "shop.item.day" in [one["path"] for one in plan.json()["changes"]]
        done = await door.post(f"{AT}/changes", json={"folder": True, "plan": seen(plan)})
        assert done.json()["applied"] == 2
        assert "day" in (await listed(door))[0]


async def test_a_feature_is_switched_its_records_counted_and_kept(shop: Shop) -> None:
    shop.pack["features"] = {"notes": {"title": {"zh": "备注", "en": "Notes"}}}
    shop.fields()["note"]["feature"] = "notes"
    await filled(shop)
    async with shop.served() as (_, door):
        (pack, feature) = (await door.get(f"{AT}/switches")).json()["items"]
        assert (pack["name"], pack["kind"], pack["on"]) == ("shop", "module", True)
        assert {one["path"]: one["records"] for one in pack["holds"]}["shop.item"] == 2
        assert feature["holds"] == [
            {"path": "shop.item.note", "title": {"zh": "Item · note", "en": "Item · note"}, "records": 1}
        ]
        dry = await door.post(f"{AT}/switches/shop.notes", json={"on": False, "dry_run": True})
        assert ("retired", "shop.item.note") in [(c["kind"], c["path"]) for c in dry.json()["changes"]]
        assert (await door.post(f"{AT}/switches/shop.notes", json={"on": False})).json()["applied"] == 2
        assert "note" not in (await listed(door))[0]
        (_, feature) = (await door.get(f"{AT}/switches")).json()["items"]
        assert (feature["on"], feature["holds"][0]["records"]) == (False, 1)
        again = await door.post(f"{AT}/switches/shop.notes", json={"on": True})
        assert again.json()["applied"] == 3, again.text
        assert [row["note"] for row in await listed(door)] == [None, "n"]
        assert codes(await door.post(f"{AT}/switches/shop.nots", json={"on": True})) == ["switch.unknown"]
        assert (await door.post(f"{AT}/switches/shop.notes", json={})).status_code == 400


async def test_a_key_applies_once_however_often_it_is_sent(shop: Shop) -> None:
    await filled(shop)
    async with shop.served() as (_, door):
        key = {"idempotency-key": "a"}
        wanted = {**overlays(), "plan": seen(await planned(door, **overlays()))}
        first = await door.post(f"{AT}/changes", json=wanted, headers=key)
        again = await door.post(f"{AT}/changes", json=wanted, headers=key)
        assert (first.json(), again.json()["applied"]) == (again.json(), 2)
        assert len((await door.get(f"{AT}/revisions")).json()["items"]) == 2
        other = await door.post(f"{AT}/changes", json=overlays(REQUIRED), headers=key)
        assert codes(other) == ["api.idempotency"]


async def test_one_change_at_a_time_and_the_second_is_told_by_whom(shop: Shop) -> None:
    await filled(shop)
    async with shop.served() as (tenant, door):
        async with turn(tenant.database, "li"):
            told = (await door.get(f"{AT}/changes")).json()["running"]
            assert (told["by"], told["stage"]) == ("li", "planning")
            answer = await door.post(f"{AT}/changes", json=overlays())
            assert (answer.status_code, codes(answer), answer.headers["retry-after"]) == (409, ["plan.running"], "2")
            assert "li" in answer.json()["detail"]
            assert (await planned(door, **overlays())).json()["changes"]
        assert (await door.get(f"{AT}/changes")).json()["running"] is None
        wanted = {**overlays(), "plan": seen(await planned(door, **overlays()))}
        both = await asyncio.gather(*(door.post(f"{AT}/changes", json=wanted) for _ in range(2)))
        assert sorted(one.status_code for one in both) == [200, 409]
        assert len((await door.get(f"{AT}/revisions")).json()["items"]) == 2
        await _dead(tenant.database)
        assert (await door.post(f"{AT}/revisions/1/revert", json={})).status_code == 200


async def _dead(database: Any) -> None:
    """A process that was killed while it changed the system, half a minute ago."""

    def body() -> Any:
        holder = '{"by": "x", "stage": "applying", "since": ""}'
        yield Call(f"UPDATE _lease SET until = 1, holder = '{holder}' WHERE name = 'changing'")

    await database.write(body)


async def test_a_caller_who_leaves_does_not_stop_the_change(shop: Shop) -> None:
    await filled(shop)
    async with shop.served() as (tenant, door):
        key = {"idempotency-key": "gone"}
        wanted = {**overlays(), "plan": seen(await planned(door, **overlays()))}
        asking = asyncio.create_task(door.post(f"{AT}/changes", json=wanted, headers=key))
        while (await door.get(f"{AT}/changes")).json()["running"] is None:
            assert not asking.done()
            await asyncio.sleep(0)  # asking a door in the same process lets nobody else have a turn
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        for _ in range(200):
            if (await door.get(f"{AT}/changes")).json()["revision"] == 2:
                break
            await asyncio.sleep(0.02)
        again = await door.post(f"{AT}/changes", json=wanted, headers=key)
        assert again.json()["applied"] == 2, again.text
        assert len((await door.get(f"{AT}/revisions")).json()["items"]) == 2
        assert not tenant.under_way


async def test_a_bundle_is_taken_from_one_system_and_brought_to_another(shop: Shop, tmp_path: Path) -> None:
    production = shop.another(tmp_path)
    await filled(production)
    shop.fields()["day"] = {"type": "date"}
    shop.pack["version"] = "1.1.0"
    await filled(shop)
    async with shop.served() as (_, test), production.served() as (_, door):
        before = (await door.get(f"{AT}/bundle")).text
        bundle = (await test.get(f"{AT}/bundle")).text
        plan = await planned(door, bundle=bundle)
        assert "shop.item.day" in [one["path"] for one in plan.json()["changes"]]
        done = await door.post(f"{AT}/changes", json={"bundle": bundle, "plan": seen(plan), "note": "1.1"})
        assert (done.status_code, done.json()["applied"]) == (200, 2), done.text
        assert (await door.get(f"{AT}/bundle")).text == bundle
        assert (await planned(door, bundle=bundle)).json()["empty"]
        assert {row["day"] for row in await listed(door)} == {None}
        for more, code in (
            ({"bundle": bundle[:-9]}, "bundle.broken"), ({"bundle": bundle.replace("Item", "Itme")}, "bundle.altered"),
            ({"bundle": before}, "plan.downgrade"), ({"folder": True}, "plan.downgrade"),
        ):  # fmt: skip
            assert codes(await door.post(f"{AT}/changes", json=more)) == [code]
        for wrong in (
            {"bundle": bundle, "revision": 1},
            {"bundle": bundle, "switches": {}, "overlays": []},
            {"bundle": 1},
        ):
            assert (await door.post(f"{AT}/changes", json=wrong)).status_code == 400
        by_hand = {**overlays(), "plan": seen(await planned(door, **overlays()))}
        assert (await door.post(f"{AT}/changes", json=by_hand)).status_code == 200
        shop.fields()["hour"] = {"type": "integer"}
        await shop.apply()
        newer = (await test.get(f"{AT}/bundle")).text
        assert codes(await door.post(f"{AT}/changes/plan", json={"bundle": newer})) == ["bundle.changed"]
        plan = await planned(door, bundle=newer, over_changes=True)
        wanted = {"bundle": newer, "over_changes": True, "plan": seen(plan)}
        assert (await door.post(f"{AT}/changes", json=wanted)).json()["applied"] == 4
        back = await planned(door, bundle=before, over_changes=True, downgrade=True)
        assert ("retired", "shop.item.day") in [(one["kind"], one["path"]) for one in back.json()["changes"]]


@pytest.mark.parametrize(
    "body", [{"revision": 0}, {"revision": -1}, {"revision": True}, {"bundle": ""}, {"bundle": None}]
)
async def test_what_names_nothing_is_no_plan(shop: Shop, body: dict[str, Any]) -> None:
    await filled(shop)
    async with shop.served() as (_, door):
        for place in ("changes/plan", "changes"):
            answer = await door.post(f"{AT}/{place}", json=body)
            assert (answer.status_code, codes(answer)) == (400, ["api.parameter"]), answer.text
