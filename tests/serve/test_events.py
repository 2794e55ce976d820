"""Events: places in the stream, what readers are told, what subscribers are sent."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from engine.db import Body, say
from engine.serve.people.auth import open_session
from engine.serve.people.session import caller
from engine.serve.server import registry
from engine.serve.system import conditions
from engine.serve.tenant import rows
from engine.serve.tenant.bind import Me
from engine.serve.tenant.here import Here
from engine.serve.tenant.ids import uuid7
from engine.serve.wire.answer import Asked
from engine.work import relay, sealer, webhooks
from engine.work.background import Background
from engine.work.peer import public
from tests.serve.stage import Stage, errors
from tests.work.receiver import receiver

HOOKS = "http://works/api/v1/system/webhooks"


@asynccontextmanager
async def running(stage: Stage, delays: tuple[float, ...] = (0.01, 0.01, 0.01)) -> AsyncIterator[None]:
    tenant = stage.tenant
    admits = partial(conditions.admitted, tenant)
    made = Background(
        *(stage.database, tenant.committed, tenant.published, lambda: tenant.app.born),
        private=True,
        delays=delays,
        admits=admits,
    )
    await made.start()
    try:
        yield
    finally:
        await made.stop()


async def until(what: Any, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.02)


async def outbox(stage: Stage, *events: tuple[str, str, int]) -> None:
    """Rows as writers leave them: (id, record, rev)."""
    made = [
        {
            "id": one,
            "at": stage.tenant.clock(),
            "entity": "works__sheet",
            "record": record,
            "rev": rev,
            "kind": "update",
        }
        for one, record, rev in events
    ]

    def body() -> Body[None]:
        yield rows.insert("_outbox", made, stage.database.dialect)

    await stage.database.write(body)


async def test_places_follow_versions_also_when_clocks_do_not_agree(stage: Stage) -> None:
    await relay.publish(stage.database)
    before = await relay.head(stage.database)
    ids = sorted(uuid7() for _ in range(4))
    one, other = uuid7(), uuid7()
    await outbox(stage, (ids[0], one, 8), (ids[1], other, 1), (ids[2], one, 7), (ids[3], other, 2))
    assert await relay.publish(stage.database, batch=1) == 4
    assert await relay.publish(stage.database) == 0
    found = await stage.rows("_outbox", "record", "rev", "position")
    told = [(str(r), v) for r, v, p in sorted(found, key=lambda row: row[2]) if p > before]
    assert [v for r, v in told if r == one] == [7, 8]
    assert [v for r, v in told if r == other] == [1, 2]
    places = sorted(p for *_, p in found)
    assert places == list(range(1, len(found) + 1))


async def test_many_relays_give_each_place_once(stage: Stage) -> None:
    await outbox(stage, *((uuid7(), uuid7(), 1) for _ in range(30)))
    await asyncio.gather(*(relay.publish(stage.database, batch=3) for _ in range(6)))
    places = sorted(p for (p,) in await stage.rows("_outbox", "position"))
    assert places == list(range(1, len(places) + 1))


class Stream:
    """The door's own stream, read as a browser would."""

    def __init__(self, stage: Stage, token: str, last: str = "") -> None:
        self.stage, self.token, self.last = stage, token, last
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.ids: list[int] = []

    async def open(self) -> None:
        headers = {"authorization": f"Bearer {self.token}", **({"last-event-id": self.last} if self.last else {})}
        tenant = self.stage.tenant
        me = await caller(tenant, "GET", headers)
        assert isinstance(me, Me)
        found = registry.API.find(tenant.app, "GET", ("system", "events"))
        assert found is not None
        here = Here(tenant, tenant.app, me, Asked("GET", ("system", "events"), headers=headers), "en")
        answer = await found[0].handler(here, found[1])
        assert answer.stream is not None
        assert answer.media == b"text/event-stream"
        self.stream = answer.stream
        self.task = asyncio.create_task(self._read())
        await until(lambda: self.started)

    started = False

    async def _read(self) -> None:
        async for piece in self.stream:
            for block in piece.decode().split("\n\n"):
                fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
                if "id" in fields:
                    self.ids.append(int(fields["id"]))
                if fields.get("event"):
                    self.events.append((fields["event"], json.loads(fields["data"])))
            self.started = True

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.stream.aclose()  # type: ignore[attr-defined]

    def changes(self) -> list[dict[str, Any]]:
        return [data for name, data in self.events if name == "change"]


async def test_a_stream_tells_each_reader_what_he_may_see_and_resumes(stage: Stage) -> None:
    async with running(stage):
        wang = await stage.door("wang")
        streams = {who: Stream(stage, await open_session(stage.tenant, stage.ids[who])) for who in ("wang", "zhao")}
        for one in streams.values():
            await one.open()
        made = (await wang.post("/sheet", json=stage.sheet())).json()
        wanted = {"entity": "works.sheet", "id": made["id"], "rev": made["rev"], "kind": "create"}
        await until(lambda: wanted in streams["wang"].changes())
        left = streams["wang"].ids[-1]
        await until(lambda: streams["zhao"].ids and streams["zhao"].ids[-1] >= left)
        for one in streams.values():
            await one.close()
        assert stage.tenant.streams == {}
        allowed = (await (await stage.door("zhao")).get(f"/sheet/{made['id']}")).status_code == 200
        assert (wanted in streams["zhao"].changes()) == allowed

        changed = await wang.patch(f"/sheet/{made['id']}", json={"lines": []}, headers={"if-match": "*"})
        assert changed.status_code in (200, 422)
        other = (await wang.post("/sheet", json=stage.sheet())).json()
        back = Stream(stage, await open_session(stage.tenant, stage.ids["wang"]), str(left))
        await back.open()
        await until(lambda: any(c["id"] == other["id"] for c in back.changes()))
        assert all(place > left for place in back.ids)
        await back.close()


async def test_nobody_who_may_not_read_is_told(stage: Stage) -> None:
    await relay.publish(stage.database)
    async with running(stage):
        stranger = Stream(stage, await open_session(stage.tenant, stage.ids["wang"]))
        boss = Stream(stage, await open_session(stage.tenant, stage.ids["boss"]))
        await stranger.open()
        await boss.open()
        entity = next(p for p, e in stage.tenant.app.entities.items() if not e.owner and not e.access.get("read"))
        table = stage.tenant.app.entities[entity].table
        row = {"id": uuid7(), "at": stage.tenant.clock(), "entity": table, "record": uuid7(), "rev": 1, "kind": "x"}

        def body() -> Body[None]:
            yield rows.insert("_outbox", [row], stage.database.dialect)

        await stage.database.write(body)
        stage.tenant.committed.ring()
        await until(lambda: any(c["entity"] == entity for c in boss.changes()))
        await until(lambda: stranger.ids and stranger.ids[-1] == boss.ids[-1])
        assert all(c["entity"] != entity for c in stranger.changes())
        await stranger.close()
        await boss.close()


async def test_who_was_away_for_too_long_begins_anew(stage: Stage) -> None:
    await relay.publish(stage.database)
    stream = Stream(stage, await open_session(stage.tenant, stage.ids["wang"]), "999999")
    await stream.open()
    await until(lambda: stream.events)
    assert stream.events[0][0] == "reset"
    await stream.close()


async def test_streams_are_counted(stage: Stage) -> None:
    stage.tenant.streams[stage.ids["wang"]] = 8
    answer = await (await stage.door("wang")).get("http://works/api/v1/system/events")
    assert (answer.status_code, errors(answer)) == (429, [("events.many", "")])


async def made(boss: httpx.AsyncClient, url: str, **more: Any) -> dict[str, Any]:
    answer = await boss.post(HOOKS, json={"name": "ERP", "url": url, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_webhook_is_signed_and_in_order(stage: Stage) -> None:
    boss, wang = await stage.door("boss"), await stage.door("wang")
    async with receiver() as peer, running(stage):
        hook = await made(boss, peer.url, entities=["works.sheet"])
        sheet = (await wang.post("/sheet", json=stage.sheet())).json()
        etag = str(sheet["rev"])
        for day in ("2026-03-04", "2026-03-03", "2026-03-05"):
            headers = {"if-match": f'"{etag}"'}
            answer = await wang.patch(f"/sheet/{sheet['id']}", json={"sheet_date": day}, headers=headers)
            assert answer.status_code == 200, answer.text
            etag = str(answer.json()["rev"])
        await until(lambda: len(peer.got) == 4)
        assert [rev for _, rev, _ in peer.told()] == sorted(rev for _, rev, _ in peer.told())
        assert {record for record, *_ in peer.told()} == {sheet["id"]}
        headers, body = peer.got[0]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(hook["secret"].removeprefix("whsec_"))
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == wanted
        assert json.loads(body)["type"] == "works.sheet.create"
        fresh = (await boss.post(f"{HOOKS}/{hook['id']}/secret")).json()["secret"]
        assert fresh != hook["secret"]
        await wang.post("/sheet", json=stage.sheet())
        await until(lambda: len(peer.got) == 5)
        assert len(peer.got[4][0]["webhook-signature"].split(" ")) == 2


async def test_what_fails_is_tried_again_then_given_up_then_replayed(stage: Stage) -> None:
    boss, wang = await stage.door("boss"), await stage.door("wang")
    async with receiver() as peer, running(stage, delays=(0.01, 0.01)):
        hook = await made(boss, peer.url, entities=["works.sheet"], kinds=["create"])
        peer.answer = lambda _body: 302  # not followed: nobody listens there, and it is no success
        sheet = (await wang.post("/sheet", json=stage.sheet())).json()

        async def state() -> dict[str, int]:
            return dict((await boss.get(HOOKS)).json()["items"][0]["deliveries"])

        async with asyncio.timeout(15):
            while (await state())["dead"] != 1:
                await asyncio.sleep(0.05)
        log = (await boss.get(f"{HOOKS}/{hook['id']}/deliveries")).json()["items"]
        assert [(one["state"], one["status"], one["attempts"]) for one in log] == [("dead", 302, 3)]
        peer.answer = lambda _body: 204
        assert (await boss.post(f"{HOOKS}/{hook['id']}/replay")).json() == {"replayed": 1}
        await until(lambda: peer.told() == [(sheet["id"], sheet["rev"], "create")])
        assert (await boss.patch(f"{HOOKS}/{hook['id']}", json={"state": "paused"})).status_code == 204
        await wang.post("/sheet", json=stage.sheet())
        async with asyncio.timeout(15):
            while (await state())["waiting"] != 1:
                await asyncio.sleep(0.05)
        assert len(peer.got) == 1
        await boss.patch(f"{HOOKS}/{hook['id']}", json={"state": "active"})
        await until(lambda: len(peer.got) == 2)


async def test_private_addresses_are_refused(stage: Stage) -> None:
    boss, wang = await stage.door("boss"), await stage.door("wang")
    async with receiver() as peer:
        tenant = stage.tenant
        background = Background(stage.database, tenant.committed, tenant.published, lambda: tenant.app.born, delays=())
        await background.start()
        hook = await made(boss, peer.url)
        await wang.post("/sheet", json=stage.sheet())
        log: list[dict[str, Any]] = []
        async with asyncio.timeout(15):
            while not log or log[0]["state"] == "waiting":
                await asyncio.sleep(0.05)
                log = (await boss.get(f"{HOOKS}/{hook['id']}/deliveries")).json()["items"]
        assert (log[0]["state"], log[0]["said"]) == ("dead", "a private or local address: refused")
        assert peer.got == []
        await background.stop()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "169.254.169.254",
        "::1",
        "fe80::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "fd00::1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not public(address)


def test_addresses_that_are_public() -> None:
    assert public("8.8.8.8")
    assert public("2606:4700::1111")


async def test_what_a_webhook_must_be(stage: Stage) -> None:
    boss = await stage.door("boss")
    for body, code in (
        ({"name": "", "url": "https://a.example"}, "webhook.name"),
        ({"name": "x", "url": "ftp://a.example"}, "webhook.url"),
        ({"name": "x", "url": "https://a.example", "entities": ["works.sheat"]}, "webhook.entity"),
    ):
        answer = await boss.post(HOOKS, json=body)
        assert (answer.status_code, errors(answer)[0][0]) == (422, code)
    assert (await (await stage.door("wang")).get(HOOKS)).status_code == 403


async def test_a_condition_lets_through_what_its_maker_sees(stage: Stage) -> None:
    boss, wang = await stage.door("boss"), await stage.door("wang")
    async with receiver() as peer, running(stage):
        hook = await made(boss, peer.url, entities=["works.sheet"], condition="liability = 'charge'")
        own = (await wang.post("/sheet", json=stage.sheet())).json()
        lines = [{"worker": stage.ids["钱"], "hours": "1"}]
        charged = stage.sheet(liability="charge", charge_to="甲方", lines=lines)
        charged = (await wang.post("/sheet", json=charged)).json()
        await until(peer.told)
        assert [record for record, *_ in peer.told()] == [charged["id"]]
        async with asyncio.timeout(15):
            while True:
                told = (await boss.get(HOOKS)).json()["items"][0]
                if (told["deliveries"]["skipped"], told["deliveries"]["done"]) == (1, 1):
                    break
                await asyncio.sleep(0.05)
        assert told["condition"] == "liability = 'charge'"
        log = (await boss.get(f"{HOOKS}/{hook['id']}/deliveries")).json()["items"]
        assert {one["record"]: one["state"] for one in log} == {own["id"]: "skipped", charged["id"]: "done"}
        # What is deleted is looked for in the bin.
        zhao = await stage.door("zhao")
        assert (await zhao.delete(f"/sheet/{charged['id']}", headers={"if-match": "*"})).status_code == 204
        await until(lambda: len(peer.got) == 2)
        assert peer.told()[1][2] == "delete"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"entities": ["works.sheet"], "condition": "no_such_field = 1"}, "webhook.condition"),
        ({"entities": ["works.sheet"], "condition": "amount >"}, "webhook.condition"),
        ({"entities": ["works.sheet"], "condition": 7}, "webhook.condition"),
        ({"entities": [], "condition": "amount > 1"}, "webhook.condition-of"),
    ],
)
async def test_a_condition_that_cannot_be_asked_is_refused(stage: Stage, more: dict[str, Any], code: str) -> None:
    boss = await stage.door("boss")
    answer = await boss.post(HOOKS, json={"name": "x", "url": "https://a.example", **more})
    assert (answer.status_code, errors(answer)[0]) == (422, (code, "/condition"))


async def test_a_condition_whose_maker_may_not_sign_in_any_more_is_a_failed_attempt(stage: Stage) -> None:
    boss, wang = await stage.door("boss"), await stage.door("wang")
    async with receiver() as peer, running(stage, delays=()):
        hook = await made(boss, peer.url, entities=["works.sheet"], condition="liability = 'own'")

        def gone() -> Body[None]:
            yield rows.update("_webhook", stage.database.dialect, {"id": hook["id"]}, {"by": uuid7()})

        await stage.database.write(gone)
        await wang.post("/sheet", json=stage.sheet())
        log: list[dict[str, Any]] = []
        async with asyncio.timeout(15):
            while not log or log[0]["state"] == "waiting":
                await asyncio.sleep(0.05)
                log = (await boss.get(f"{HOOKS}/{hook['id']}/deliveries")).json()["items"]
        assert log[0]["state"] == "dead"
        assert log[0]["said"].startswith("condition: ")
        assert peer.got == []


async def test_what_goes_on_behind_is_told_to_administrators(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.work.loops.EVERY", 0.0)
    boss, wang = await stage.door("boss"), await stage.door("wang")
    at = "http://works/api/v1/system/work"
    await wang.post("/sheet", json=stage.sheet())
    before = (await boss.get(at)).json()
    assert before["outbox"]["waiting"] > 0
    assert before["outbox"]["oldest"] is not None
    async with running(stage):
        real = sealer.seal

        async def broken(_database: Any) -> int:
            monkeypatch.setattr(sealer, "seal", real)
            raise RuntimeError("the seal is lost")

        monkeypatch.setattr(sealer, "seal", broken)
        async with asyncio.timeout(15):
            while not any(one["last"] for one in (await boss.get(at)).json()["loops"]):
                await asyncio.sleep(0.2)
        now = (await boss.get(at)).json()
    assert now["outbox"]["waiting"] == 0
    assert now["outbox"]["place"] > 0
    failed = {one["name"]: (one["failed"], one["said"]) for one in now["loops"]}
    assert failed["sealer"] == (1, "RuntimeError: the seal is lost")
    assert failed["relay"] == (0, "")
    page = await boss.get("http://works/system/work", headers={"accept-language": "en"})
    assert page.status_code == 200
    assert "the seal is lost" in page.text
    assert (await wang.get(at)).status_code == 403
    assert (await wang.get("http://works/system/work")).status_code == 403


async def test_a_long_queue_is_not_looked_through_for_every_message(stage: Stage) -> None:
    """Nobody has told the database yet how long it is."""
    boss = await stage.door("boss")
    hook = await made(boss, "http://127.0.0.1:1/")
    records = [uuid7() for _ in range(600)]
    await outbox(stage, *((uuid7(), record, rev) for rev in range(1, 6) for record in records))
    await relay.publish(stage.database)
    made_ = say(stage.database.dialect, webhooks._DUE, hook["id"], webhooks._now())
    began = time.monotonic()
    due = await stage.database.read(made_.sql, made_.values)
    assert time.monotonic() - began < 2
    assert [row[3] for row in due] == [1] * len(due)
    assert len(due) == 64
