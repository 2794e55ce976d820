"""What people are called, by their ids."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from engine.fieldtypes.storage import among, encode_list
from engine.plan.app import App
from engine.plan.question import Filter, Question
from engine.serve.tenant import rows
from engine.serve.tenant.bind import ADMIN, call, id_array
from engine.serve.tenant.tenancy import Tenant

_NAMES_KEPT = 20_000


async def people_names(tenant: Tenant, app: App, wanted: Iterable[Any]) -> dict[str, dict[str, str]]:
    """What these people are called; each is asked for once, until the App is swapped or somebody writes a person."""
    kept = tenant.names
    if kept is None or len(kept) > _NAMES_KEPT:
        kept = tenant.names = {}
    missing = [one for one in dict.fromkeys(str(w) for w in wanted if w) if one not in kept]
    for n in range(0, len(missing), 1000):
        for user, name in await _named(tenant, app, missing[n : n + 1000]):
            kept[user] = {"id": user, "display": name}
    return kept


async def _named(tenant: Tenant, app: App, ids: list[str]) -> list[tuple[str, str]]:
    """As the pack displays them; who is in no list of people, by the name he logs in with."""
    mark = rows.placeholder(app.dialect, 1)
    wanted = among(app.dialect, '"user"', mark)
    sql = f'SELECT "user", name FROM _login WHERE {wanted}'
    found: dict[Any, str] = dict(await tenant.database.read(sql, (id_array(ids),)))
    users = app.entities.get(app.people.users)
    if users is not None:
        question = Question(users.path, fields=("display",), filters=(Filter("id", "in"),), roles=(ADMIN,))
        asked = tenant.asker.records(app, question)
        inputs = {"f0": encode_list("uuid", 0, app.dialect, tuple(ids)), "limit": 1000}
        made = call(asked.statement, tenant.moment(), inputs)
        text = (await tenant.database.read(made.sql, made.values))[0][0]
        found |= {item["id"]: item["display"] or "" for item in json.loads(text)["items"]}
    return [(str(user), name) for user, name in found.items()]
