"""Subscriptions to events, as the API gives them; what is owed to them and when it is sent is not decided here."""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from engine.db import Body, Call
from engine.fieldtypes.storage import moment_text
from engine.problem import nearest
from engine.serve.system import conditions
from engine.serve.tenant import rows
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.tenant.ids import uuid7
from engine.serve.wire import shapes
from engine.serve.wire.answer import Answer, as_json
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import own_body, wrong
from engine.serve.wire.shapes import ID, MOMENT_OR_NOT, TEXT, TEXT_OR_NOT, WHOLE, items, listed, thing, words

MOST = 50
_ROTATION = 24 * 3_600_000
"""Milliseconds during which the old secret still signs beside the new one."""
LOG = 100


def _secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


async def all_of(here: Here) -> list[dict[str, Any]]:
    """Without their secrets; with how many deliveries are in which state."""
    database = here.tenant.database
    found = await database.read(rows.select_all("_webhook", database.dialect, "born, id").sql)
    counted = await database.read("SELECT webhook, state, count(*) FROM _delivery GROUP BY webhook, state")
    counts: dict[str, dict[str, int]] = {}
    for hook, state, n in counted:
        counts.setdefault(str(hook), {})[state] = int(n)
    return [_told(here, rows.by_name("_webhook", row), counts) for row in found]


def _told(here: Here, row: dict[str, Any], counts: dict[str, dict[str, int]]) -> dict[str, Any]:
    own = counts.get(str(row["id"]), {})
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "url": row["url"],
        "entities": [here.app.born.entity(table) for table in _list(row["entities"])],
        "kinds": _list(row["kinds"]),
        "condition": row["condition"] or "",
        "state": row["state"],
        "born": moment_text(row["born"]),
        "deliveries": {state: own.get(state, 0) for state in ("waiting", "done", "dead", "skipped")},
    }


def _list(value: Any) -> list[str]:
    return list(json.loads(value) if isinstance(value, str) else value or [])


async def make(
    here: Here, name: str, url: str, entities: list[str], kinds: list[str], condition: str = ""
) -> dict[str, Any]:
    """A new subscription; its secret is told once."""
    values = _judged(here, name, url, entities)
    await conditions.require_good(here, entities, condition)
    if len(await all_of(here)) >= MOST:
        raise refuse("webhook.many", most=MOST)
    secret, record = _secret(), uuid7()
    row = {
        **values,
        "id": record,
        "secret": secret,
        "kinds": kinds,
        "condition": condition or None,
        "state": "active",
        "by": here.me.user,
        "born": here.tenant.clock(),
    }
    await _write(here, rows.insert("_webhook", [row], here.tenant.database.dialect))
    return {"id": record, "secret": secret}


def _judged(here: Here, name: str, url: str, entities: list[str]) -> dict[str, Any]:
    if not name.strip() or len(name) > 80:
        raise refuse("webhook.name", "/name")
    try:
        parts = urlsplit(url)
        plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        plain = False
    if not plain or len(url) > 1_000 or " " in url:
        raise refuse("webhook.url", "/url")
    for n, path in enumerate(entities):
        if path not in here.app.entities:
            close = nearest(path, here.app.entities) or ""
            raise refuse("webhook.entity", f"/entities/{n}", name=path[:80], nearest=close)
    return {"name": name.strip(), "url": url, "entities": [here.app.entities[path].table for path in entities]}


async def set_state(here: Here, record: str, state: str) -> None:
    await _one(here, record)
    await _write(here, rows.update("_webhook", here.tenant.database.dialect, {"id": record}, {"state": state}))
    here.tenant.published.ring()


async def rotate(here: Here, record: str) -> dict[str, Any]:
    """A new secret, told once; for a day messages carry both signatures."""
    row = await _one(here, record)
    secret = _secret()
    until = time.time_ns() // 1_000_000 + _ROTATION
    sets = {"secret": secret, "old_secret": row["secret"], "old_until": until}
    await _write(here, rows.update("_webhook", here.tenant.database.dialect, {"id": record}, sets))
    return {"id": record, "secret": secret}


async def remove(here: Here, record: str) -> None:
    await _one(here, record)
    dialect = here.tenant.database.dialect
    await _write(
        here,
        rows.delete("_webhook", dialect, {"id": record}),
        rows.delete("_delivery", dialect, {"webhook": record}),
    )


async def log_of(here: Here, record: str) -> list[dict[str, Any]]:
    """The newest deliveries."""
    await _one(here, record)
    names = ("event", "entity", "record", "rev", "kind", "state", "attempts", "due", "status", "said", "sent", "took")
    p = rows.placeholder(here.tenant.database.dialect, 1)
    sql = (
        f"SELECT {', '.join(names)} FROM _delivery WHERE webhook = {p}"
        f" ORDER BY CASE state WHEN 'dead' THEN 0 ELSE 1 END, position DESC LIMIT {LOG}"
    )
    found = await here.tenant.database.read(sql, (record,))
    out = []
    for row in found:
        one = dict(zip(names, row, strict=True))
        one |= {"event": str(one["event"]), "record": str(one["record"])}
        one["entity"] = here.app.born.entity(one["entity"])
        one |= {name: _moment(one[name]) for name in ("due", "sent")}
        out.append(one)
    return out


def _moment(ms: int | None) -> str | None:
    return moment_text(ms / 1000) if ms else None


async def replay(here: Here, record: str, event: str = "") -> int:
    """What is dead is owed again (or one delivery, whatever became of it); how many."""
    await _one(here, record)
    if event and not looks_like_id(event):
        raise refuse("webhook.none")
    dialect = here.tenant.database.dialect
    p1, p2 = rows.placeholder(dialect, 1), rows.placeholder(dialect, 2)
    chosen, values = (f"event = {p2}", (record, event)) if event else ("state = 'dead'", (record,))
    sql = (
        "UPDATE _delivery SET state = 'waiting', attempts = 0, due = 0"
        f" WHERE webhook = {p1} AND {chosen} AND state <> 'waiting' RETURNING event"
    )

    def body() -> Body[int]:
        return len((yield Call(sql, values)))

    count = await here.tenant.database.write(body)
    here.tenant.published.ring()
    return count


async def _one(here: Here, record: str) -> dict[str, Any]:
    if looks_like_id(record):
        made = rows.select("_webhook", here.tenant.database.dialect, {"id": record})
        for row in await here.tenant.database.read(made.sql, made.values):
            return rows.by_name("_webhook", row)
    raise refuse("webhook.none")


async def _write(here: Here, *calls: Call) -> None:
    def body() -> Body[None]:
        for one in calls:  # noqa: UP028 - a tuple cannot be sent the rows
            yield one

    await here.tenant.database.write(body)


# doors


def _texts(body: dict[str, Any], name: str) -> list[str]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise wrong(name, '["text"]', '["文本"]')
    return value


async def _list_door(here: Here, _at: At) -> Answer:
    return Answer(200, as_json({"items": await all_of(here)}))


async def _make_door(here: Here, _at: At) -> Answer:
    body = own_body(here.asked, "name", "url", "entities", "kinds", "condition")
    name, url, condition = body.get("name"), body.get("url"), body.get("condition") or ""
    if not isinstance(condition, str):
        raise refuse("webhook.condition", "/condition", reason="…")
    if not isinstance(name, str):
        raise refuse("webhook.name", "/name")
    if not isinstance(url, str):
        raise refuse("webhook.url", "/url")
    return Answer(201, as_json(await make(here, name, url, _texts(body, "entities"), _texts(body, "kinds"), condition)))


async def _state_door(here: Here, at: At) -> Answer:
    body = own_body(here.asked, "state")
    if body.get("state") not in ("active", "paused"):
        raise wrong("state", "active | paused")
    await set_state(here, at.names["webhook"], str(body["state"]))
    return Answer(204)


async def _remove_door(here: Here, at: At) -> Answer:
    await remove(here, at.names["webhook"])
    return Answer(204)


async def _rotate_door(here: Here, at: At) -> Answer:
    return Answer(200, as_json(await rotate(here, at.names["webhook"])))


async def _log_door(here: Here, at: At) -> Answer:
    return Answer(200, as_json({"items": await log_of(here, at.names["webhook"])}))


async def _replay_door(here: Here, at: At) -> Answer:
    body = own_body(here.asked, "event") if here.asked.body.strip() else {}
    event = body.get("event", "")
    if not isinstance(event, str):
        raise wrong("event", "an id", "编号")
    return Answer(200, as_json({"replayed": await replay(here, at.names["webhook"], event)}))


_HOOK = "system/webhooks/{webhook}"
_HOOK_TOLD = thing(
    "id",
    "state",
    id=ID,
    name=TEXT,
    url=TEXT,
    entities=listed(TEXT),
    kinds=listed(TEXT),
    state=TEXT,
    born=MOMENT_OR_NOT,
    condition=TEXT,
    deliveries=thing(waiting=WHOLE, done=WHOLE, dead=WHOLE, skipped=WHOLE),
)
_SECRET_TOLD = thing("id", "secret", id=ID, secret=TEXT)
_DELIVERY_TOLD = thing(
    "event",
    "state",
    event=ID,
    entity=TEXT,
    record=ID,
    rev=WHOLE,
    kind=TEXT,
    state=TEXT,
    attempts=WHOLE,
    said=TEXT_OR_NOT,
)
DOORS = (
    Door(
        "webhooks.list",
        ("GET",),
        "system/webhooks",
        _list_door,
        who="administrator",
        says="Subscriptions to events",
        gives=items(_HOOK_TOLD),
    ),
    Door(
        "webhooks.make",
        ("POST",),
        "system/webhooks",
        _make_door,
        who="administrator",
        says="Subscribe; the secret is told once",
        status=201,
        takes=shapes.body(
            "name", "url", name=TEXT, url=TEXT, entities=listed(TEXT), kinds=listed(TEXT), condition=TEXT
        ),
        gives=_SECRET_TOLD,
        scope="write",
    ),
    Door(
        "webhooks.state",
        ("PATCH",),
        _HOOK,
        _state_door,
        who="administrator",
        says="Pause a subscription, or let it go on",
        status=204,
        takes=shapes.body("state", state=words("active", "paused")),
        scope="write",
    ),
    Door(
        "webhooks.remove",
        ("DELETE",),
        _HOOK,
        _remove_door,
        who="administrator",
        says="Remove a subscription and its deliveries",
        status=204,
        scope="write",
    ),
    Door(
        "webhooks.rotate",
        ("POST",),
        f"{_HOOK}/secret",
        _rotate_door,
        who="administrator",
        says="A new secret, told once",
        gives=_SECRET_TOLD,
        scope="write",
    ),
    Door(
        "webhooks.log",
        ("GET",),
        f"{_HOOK}/deliveries",
        _log_door,
        who="administrator",
        says="What became of its newest deliveries",
        gives=items(_DELIVERY_TOLD),
    ),
    Door(
        "webhooks.replay",
        ("POST",),
        f"{_HOOK}/replay",
        _replay_door,
        who="administrator",
        says="Send again what was given up",
        takes=shapes.body(event=ID),
        gives=thing("replayed", replayed=WHOLE),
        scope="write",
    ),
)
