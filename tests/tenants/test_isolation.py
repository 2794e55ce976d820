"""Every door of the table, entered at one tenant with everything that is another one's: never a byte of the other.

``ada`` has texts that nobody else has. What is hers (ids, tokens, cookies, files, keys, cursors, host names in headers)
is brought to every door of ``bob``; nothing of hers comes out, and nothing of hers is changed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from engine.db import carrying
from engine.db.postgres import PostgresDatabase
from engine.serve import asgi, open_session
from engine.serve.people import auth
from engine.serve.server import registry
from engine.serve.server.reception import Lodgers
from engine.serve.tenant.door import Door
from tests.tenants.village import PASSWORD, Village, codes

SECRETS = (
    "Adelheid", "adas-paper", "ada-peer.example", "adas-reason", "adas-key", "adas-subject", "adas_field", "adas-note"
)  # fmt: skip
OVERLAY = """overlay: hers
grammar: 1
extends: {works: ">=1"}
entities:
  worker:
    fields:
      adas_field: {type: text}
"""
_VOLATILE = ("_lease", "_audit", "_rollup")
"""Written by loops, not by requests."""
Sent = list[dict[str, Any]]
SENT: dict[str, Sent] = {
    "account.password": [{"old": "wrong", "new": "another one entirely"}],
    "account.end-all": [{}], "account.end": [{}], "second.begin": [{}], "people.password": [{}], "people.end": [{}],
    "people.second": [{}], "people.set": [{}], "standins.end": [{}], "webhooks.remove": [{}], "grants.end": [{}],
    "webhooks.rotate": [{}], "import.undo": [{}], "records.delete": [{}], "records.restore": [{}], "records.act": [{}],
    "account.token": [{"name": "{user}", "scopes": ["read"], "days": 3}],
    "second.confirm": [{"code": "000000"}], "second.end": [{"password": "wrong"}],
    "standins.give": [{"to_user": "{user}", "from": "2030-01-01", "to": "2030-01-02"}],
    "people.give": [{"users": ["{user}"]}, {"roles": {"{user}": ["head"]}}],
    "webhooks.make": [{"name": "h", "url": "https://x.example/", "entities": ["{id}"], "kinds": []}],
    "webhooks.state": [{"state": "paused"}], "webhooks.replay": [{"event": "{id}"}, {}],
    "grants.give": [{"name": "{user}", "what": "support", "hours": 1, "reason": "x"}],
    "changes.plan": [{"revision": 2}, {"overlays": []}], "changes.apply": [{"revision": 2}],
    "revisions.revert": [{"dry_run": True}], "switches.set": [{"on": False, "dry_run": True}],
    "files.send": [{}],
    "import.bring": [{"file": "{waiting}"}], "import.sheet": [{"file": "{waiting}"}],
    "bulk.create": [{"items": [{"name": "x", "papers": ["{file}"]}]}],
    "bulk.update": [{"items": [{"id": "{id}", "rev": 1, "papers": ["{file}"]}]},
                    {"ids": ["{id}"], "set": {"name": "x"}}],
    "bulk.delete": [{"ids": ["{id}"]}, {"items": [{"id": "{id}", "rev": 1}]}],
    "bulk.restore": [{"ids": ["{id}"]}], "bulk.act": [{"ids": ["{id}"]}],
    "figures.declared": [{"filter": "subject = '{id}'"}, {}],
    "records.create": [{"name": "x", "papers": ["{file}"]}],
    "records.query": [{"filter": "id = '{id}'"}, {}], "records.aggregate": [{"measures": {"n": "COUNT(id)"}}, {}],
    "records.check": [{"id": "{id}", "name": "x", "papers": ["{file}"]}],
    "records.change": [{"papers": ["{waiting}"]}], "records.lines": [{"items": [{"id": "{file}"}]}],
    "page.account-do": [
        {"_do": "end", "session": "{session}"}, {"_do": "standin-end", "standin": "{standin}"},
        {"_do": "standin", "to_user": "{user}", "from": "2030-01-01", "to": "2030-01-02"},
    ],
    "page.people-do": [{"_do": what, "user": "{user}"} for what in ("disable", "admin", "password", "end", "second")],
    "page.eyes": [{"user": "{user}"}], "page.eyes-closed": [{}],
    "page.webhooks-do": [{"_do": what, "webhook": "{webhook}", "event": "{id}"}
                         for what in ("active", "paused", "rotate", "remove", "replay")],
    "page.grants-do": [{"_do": "end", "grant": "{grant}"},
                       {"_do": "give", "name": "{user}", "what": "support", "hours": "1", "reason": "x"}],
    "page.switches-do": [{"switch": "{switch}", "on": "true"}],
    "page.changes-do": [{"_do": "plan", "name": "a.yaml", "text": "overlay: a"}],
    "page.revisions-do": [{"_do": "revert", "revision": "2"}, {"revision": "2"}],
    "page.bundle-do": [{"_do": "export"}, {"_do": "plan", "file": "{waiting}"}],
    "page.login": [{"name": "admin", "password": "{user}"}], "page.language": [{"language": "en"}], "page.logout": [{}],
    "page.bin-restore": [{"id": "{id}"}], "page.save": [{"name": "x", "papers": "{file}", "_rev": "1"}],
    "page.import-do": [{"_do": "undo", "run": "{run}"}, {"_do": "keep", "file": "{waiting}"}],
}  # fmt: skip
"""What of hers could be sent to a door that takes something: whoever adds one says it here."""
FORGED: tuple[Mapping[str, str], ...] = (
    {},
    {"x-forwarded-host": "ada.example", "x-host": "ada.example", "forwarded": "host=ada.example"},
    {"x-original-host": "ada.example", "x-forwarded-prefix": "/t/ada", "x-rewrite-url": "/t/ada/api/v1/me"},
)


@dataclass
class Hers:
    """What is ada's: by the names that paths of doors have, and how she proves who she is."""

    token: str = ""
    cookie: str = ""
    names: dict[str, str] = field(default_factory=dict)


async def administrator(many: Village, name: str, kind: Any = "api") -> str:
    stay = await many.house.enter(name)
    try:
        row = await auth.login_of(stay.tenant, {"name": "admin"})
        assert row is not None
        return await open_session(stay.tenant, str(row["user"]), kind)
    finally:
        many.house.leave(stay)


async def settle(many: Village, name: str, words: tuple[str, ...]) -> Hers:
    await many.make(name)
    token = await administrator(many, name)
    door = many.door(f"{name}.example", authorization=f"Bearer {token}")
    worker, paper, peer, reason, key, subject = words[:6]
    system = "/api/v1/system"
    sent = await door.post(f"{system}/files?name={paper}.txt", content=paper.encode())
    assert sent.status_code == 201, sent.text
    made = await door.post(
        "/api/v1/works/worker",
        json={"name": worker, "papers": [sent.json()["id"]]},
        headers={"idempotency-key": key},
    )
    assert made.status_code == 201, made.text
    waiting = await door.post(f"{system}/files?name={paper}.txt", content=f"{paper} waits".encode())
    await door.post("/api/v1/works/subject", json={"code": "01", "name": subject})
    hook = await door.post(
        f"{system}/webhooks", json={"name": "h", "url": f"https://{peer}/x", "entities": [], "kinds": []}
    )
    assert hook.status_code == 201, hook.text
    grant = await door.post(
        f"{system}/grants", json={"what": "auditor", "name": f"aud{name}", "reason": reason, "days": 3}
    )
    sessions = (await door.get(f"{system}/sessions")).json()["items"]
    me = (await door.get("/api/v1/me")).json()
    names = {
        "module": "works", "entity": "worker", "id": made.json()["id"], "field": "papers", "file": sent.json()["id"],
        "waiting": waiting.json()["id"], "size": "small", "webhook": hook.json()["id"], "lines": "papers",
        "grant": grant.json().get("id", made.json()["id"]), "session": sessions[0]["id"], "user": me["id"],
        "what": "disable", "action": "submit", "name": "cost", "import": "works.projects",
        "standin": made.json()["id"], "run": made.json()["id"], "number": "2", "before": "1", "after": "2",
        "switch": "works", "tile": "cost",
    }  # fmt: skip
    return Hers(token, await administrator(many, name, "page"), names)


def address(door: Door, base: str, names: Mapping[str, str]) -> str:
    """A door with a place in its path that ``settle`` has nothing of hers for is one that was not thought of."""
    return base + "/".join(names[p[1:-1]] if p[:1] == "{" else p for p in door.path.split("/"))


def sent(door: Door, method: str, names: Mapping[str, str]) -> Sent:
    """The bodies it is entered with."""
    if method in ("GET", "HEAD"):
        return [{}]
    assert door.name in SENT, f"{door.name} takes something: say in SENT what of hers that could be"
    told: Sent = json.loads(re.sub(r"\{(\w+)\}", lambda found: names[found[1]], json.dumps(SENT[door.name])))
    return told


def doors() -> list[tuple[str, Door, str]]:
    """(base, door, method), all but the stream, which never ends."""
    both = (("/api/v1/", registry.API.doors), ("/", registry.PAGES.doors))
    return [(base, d, m) for base, table in both for d in table for m in d.methods if d.name != "events.stream"]


def test_a_door_that_nobody_thought_of_is_told() -> None:
    async def nothing(_here: object, _at: object) -> Any: ...

    names = dict.fromkeys(("id", "file"), "x")
    with pytest.raises(KeyError, match="invoice"):
        address(Door("new", ("GET",), "system/{invoice}", nothing), "/", names)
    with pytest.raises(AssertionError, match="say in SENT"):
        sent(Door("new", ("POST",), "system/{id}", nothing), "POST", names)
    assert {d.name for _, d, m in doors() if m not in ("GET", "HEAD")} == set(SENT), "no more than there are"


def clean(answer: httpx.Response, words: tuple[str, ...], what: object) -> None:
    told = answer.content + repr(answer.headers).encode()
    assert not [word for word in words if word.encode() in told], (what, answer.text[:300])


async def holds(many: Village, name: str) -> dict[str, carrying.Counted]:
    """Digests of all that requests write, of one tenant."""
    room = many.house.rooms[name]
    database = room.tenant.database
    if isinstance(database, PostgresDatabase):
        found = await carrying.counted(database)
    else:
        found = await carrying.counted_file(urlsplit(room.entry.url).path)
    kept = {t: one for t, one in found.items() if t not in _VOLATILE and t[:5] not in ("_log_", "_sum_")}
    return kept | {t: carrying.Counted(kept[t].rows, "") for t in ("_delivery",)}  # tried again meanwhile


async def both(many: Village) -> tuple[Hers, Hers]:
    ada = await settle(many, "ada", SECRETS)
    bob = await settle(many, "bob", ("Bobby", "bobs-paper", "bob-peer.example", "bobs-reason", "k", "s"))
    await settled(many)
    return ada, bob


async def settled(many: Village) -> dict[str, carrying.Counted]:
    """What ada has when the loops have passed on what there is."""
    before, now = None, await holds(many, "ada")
    for _ in range(40):
        if before == now:
            break
        await asyncio.sleep(0.5)
        before, now = now, await holds(many, "ada")
    return now


async def test_her_proofs_open_no_door_of_his(many: Village) -> None:
    ada, bob = await both(many)
    before = await holds(many, "ada")
    door = many.door("bob.example")
    words = (*SECRETS, "Bobby", "bobs-paper", "bobs-reason")
    for base, one, method in doors():
        path = address(one, base, ada.names)
        proofs: list[dict[str, str]] = [{"authorization": f"Bearer {ada.token}"}, {"cookie": f"dougong={ada.cookie}"}]
        proof = proofs[len(path) % 2] if base == "/api/v1/" else proofs[1]
        answer = await door.request(method, path, headers={**proof, **FORGED[len(path) % len(FORGED)]})
        clean(answer, words, (one.name, method))
        if one.who != "nobody":
            assert answer.status_code == (401 if base == "/api/v1/" else 303), (one.name, answer.text[:200])
    for method, path in (("GET", "/api/v1/me"), ("POST", "/api/v1/logout"), ("GET", "/api/v1/openapi.json")):
        for proof in ({"authorization": f"Bearer {ada.token}"}, {"cookie": f"dougong={ada.cookie}"}):
            assert (await door.request(method, path, headers=proof)).status_code == 401
    assert await holds(many, "ada") == before
    await _prefixes_tokens_and_two_hosts(many, ada, bob)


async def test_her_ids_name_nothing_of_his(many: Village) -> None:
    """He is an administrator, and asks for what is hers at every door of his own, in paths and in bodies."""
    ada, _ = await both(many)
    hers = many.door("ada.example", authorization=f"Bearer {ada.token}")
    wanted = {"overlays": [{"hers.yaml": OVERLAY}], "note": "adas-note"}
    plan = (await hers.post("/api/v1/system/changes/plan", json={"overlays": wanted["overlays"]})).json()
    seen = {"revision": plan["revision"], "digest": plan["digest"]}
    done = await hers.post("/api/v1/system/changes", json={**wanted, "plan": seen})
    assert done.status_code == 200, done.text
    assert "adas_field" in (await hers.get(f"/api/v1/works/worker/{ada.names['id']}")).json()
    before = await settled(many)
    door = many.door("bob.example")
    entered = 0
    for base, one, method in doors():
        names = {**ada.names, "file": ada.names["waiting" if one.name.startswith("files.waiting") else "file"]}
        for body in sent(one, method, names):
            kind: Any = "api" if base == "/api/v1/" else "page"
            token = await administrator(many, "bob", kind)
            headers = dict(FORGED[entered % len(FORGED)])
            more: dict[str, Any] = {}
            if kind == "api":
                headers["authorization"] = f"Bearer {token}"
                more = {"json": body} if method in ("POST", "PUT", "PATCH") else {}
            else:
                headers["cookie"] = f"dougong={token}"
                more = {"data": {**body, "_csrf": await csrf(many, "bob")}} if method == "POST" else {}
            headers |= {"if-match": "*", "idempotency-key": f"adas-key-{entered}"} if method != "GET" else {}
            asking = door.request(method, address(one, base, names), headers=headers, **more)
            answer = await asyncio.wait_for(asking, 30)
            clean(answer, SECRETS, (one.name, method))
            assert answer.status_code != 500, (one.name, answer.text[:300])
            assert one.who == "nobody" or not {"auth.needed", "auth.csrf"} & set(told(answer)), one.name
            if "{id}" in one.path and method == "GET":
                assert answer.status_code in (400, 403, 404), (one.name, answer.status_code)
            entered += 1
    assert entered > 130
    assert await holds(many, "ada") == before


def told(answer: httpx.Response) -> list[str]:
    """Why it was refused before it was looked at; a page says it in its address, or in words."""
    if answer.content and answer.headers["content-type"].startswith("application/problem+json"):
        return codes(answer)
    if answer.headers.get("location", "") == "/login" and answer.request.url.path not in ("/logout", "/system/me"):
        return ["auth.needed"]
    foreign = ("did not come from our own pages", "请求不是来自本系统页面")
    return ["auth.csrf"] if any(one in answer.text for one in foreign) else []


async def csrf(many: Village, name: str) -> str:
    """Of the newest session of pages."""
    database = many.house.rooms[name].tenant.database
    return str((await database.read("SELECT csrf FROM _session WHERE kind = 'page' ORDER BY id DESC LIMIT 1"))[0][0])


async def _prefixes_tokens_and_two_hosts(many: Village, ada: Hers, bob: Hers) -> None:
    at_bob, nowhere = many.door("bob.example"), many.door("shared.example")
    hers, his = f"Bearer {ada.token}", f"Bearer {bob.token}"
    list_ = "/api/v1/works/worker"
    # a prefix counts only at a host that is nobody's
    assert (await at_bob.get(f"/t/ada{list_}", headers={"authorization": hers})).status_code in (303, 404)
    assert (await nowhere.get(f"/t/ada{list_}", headers={"authorization": his})).status_code == 401
    assert (await nowhere.get(f"/t/bob{list_}", headers={"authorization": hers})).status_code == 401
    # nobody is known by a cookie there
    assert (await nowhere.get(f"/t/ada{list_}", headers={"cookie": f"dougong={ada.cookie}"})).status_code == 401
    # the name before a token says whose it is, not that it is right
    for forged in (f"bob.{ada.token.partition('.')[2]}", f"ada.{bob.token.partition('.')[2]}", "ada.", "ada..x", ".x"):
        answer = await nowhere.get(list_, headers={"authorization": f"Bearer {forged}"})
        assert answer.status_code in (401, 404), forged
    clean(await nowhere.get(list_, headers={"authorization": his}), SECRETS, "token")
    for path in ("/t/ada/../bob/api/v1/me", "/t//api/v1/me", "/t/ada%2f..%2fbob/api/v1/me", "/t/ADA/api/v1/me"):
        assert (await nowhere.get(path, headers={"authorization": hers})).status_code in (401, 404), path
    # two Host headers are nobody's
    two = [(b"host", b"bob.example"), (b"host", b"ada.example"), (b"cookie", f"dougong={ada.cookie}".encode())]
    status, _ = await raw(many, list_, two, 5)
    assert status == 404


async def raw(
    many: Village, path: str, headers: list[tuple[bytes, bytes]], seconds: float, until: str = ""
) -> tuple[int, bytes]:
    """A request as it is, for so long as it is listened to, or until that was told."""
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "client": ("1.2.3.4", 1), "scheme": "http", "http_version": "1.1", "server": ("x", 80),
    }  # fmt: skip
    status, out, ended, enough = 0, b"", asyncio.Event(), asyncio.Event()

    async def receive() -> dict[str, Any]:
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        nonlocal status, out
        status = message.get("status", status)
        out += message.get("body", b"")
        if until and until.encode() in out:
            enough.set()

    asking = asyncio.create_task(asgi(Lodgers(), house=many.house)(scope, receive, send))  # type: ignore[arg-type]
    heard = asyncio.create_task(enough.wait())
    await asyncio.wait((asking, heard), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    heard.cancel()
    ended.set()
    await asking
    return status, out


async def test_her_cursors_and_keys_at_his(many: Village) -> None:
    ada, bob = await both(many)
    his = [(b"host", b"bob.example"), (b"authorization", f"Bearer {bob.token}".encode())]
    stream = "/api/v1/system/events"
    cursors = (b"0", b"1", b"2", b"999999")
    for status, heard in await asyncio.gather(*(raw(many, stream, [*his, (b"last-event-id", c)], 1) for c in cursors)):
        assert status == 200
        assert ada.names["id"].encode() not in heard
    status, heard = await raw(many, stream, [*his, (b"last-event-id", b"0")], 10, bob.names["id"])
    assert bob.names["id"].encode() in heard, "his own are told"
    hers = [(b"host", b"bob.example"), (b"authorization", f"Bearer {ada.token}".encode())]
    assert (await raw(many, "/api/v1/system/events", hers, 5))[0] == 401
    # the same key and body at his: done there, not answered with hers
    door = many.door("bob.example", authorization=f"Bearer {bob.token}")
    made = await door.post("/api/v1/works/worker", json={"name": "Karl"}, headers={"idempotency-key": "adas-key"})
    assert made.status_code == 201
    assert made.json()["id"] != ada.names["id"]
    # cursors of lists say where to go on, in his own rows
    mine = many.door("ada.example", authorization=f"Bearer {ada.token}")
    for n in range(3):
        await mine.post("/api/v1/works/worker", json={"name": f"Adelheid {n}"})
    cursor = (await mine.get("/api/v1/works/worker?limit=1")).json()["next"]
    answer = await door.get("/api/v1/works/worker", params={"limit": "5", "cursor": cursor})
    clean(answer, SECRETS, "cursor")
    for path in (f"files/papers/{ada.names['file']}", f"files/papers/{ada.names['file']}/small"):
        for record in (ada.names["id"], bob.names["id"]):
            link = await door.get(f"/api/v1/works/worker/{record}/{path}")
            assert link.status_code in (403, 404), link.text
            clean(link, SECRETS, path)
    # a file of hers cannot be bound to a record of his
    bound = await door.post("/api/v1/works/worker", json={"name": "Lena", "papers": [ada.names["file"]]})
    assert bound.status_code == 422, bound.text
    assert json.dumps(PASSWORD) not in bound.text
