"""Conditions of subscriptions: expressions over one entity, asked with the rights of who subscribed.

They are asked of the record as it is when the event is about to be sent: what he may not see now, he is not told.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.serve.people import auth
from engine.serve.query import reading, request
from engine.serve.tenant.here import Here
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.answer import Asked
from engine.serve.wire.fault import Refusal, fault, refuse

LONGEST = 1_000


async def require_good(here: Here, entities: Sequence[str], condition: str) -> None:
    """A condition names fields, so it is of exactly one entity; it is asked once to see whether it can be."""
    if not condition:
        return
    if len(entities) != 1:
        raise refuse("webhook.condition-of", "/condition")
    if len(condition) > LONGEST:
        raise refuse("webhook.condition", "/condition", reason=f"> {LONGEST}")
    try:
        await _meeting(here, entities[0], condition, [])
    except Refusal as refusal:
        first = refusal.faults[0]
        raise Refusal(
            (replace(fault("webhook.condition", "/condition", reason=first.says), hint=first.hint),)
        ) from None


async def admitted(tenant: Tenant, by: str, condition: str, owed: Sequence[tuple[Any, ...]]) -> set[str]:
    """``owed`` are (event, table, record, …). What is in the bin is looked for there."""
    here = await _as(tenant, by)
    out: set[str] = set()
    for table in {row[1] for row in owed}:
        path = tenant.app.born.entity(table)
        if path not in tenant.app.entities:
            continue
        mine = [row for row in owed if row[1] == table]
        ids = sorted({str(row[2]) for row in mine})
        there = await _meeting(here, path, condition, ids)
        if left := [one for one in ids if one not in there]:
            there |= await _meeting(here, path, condition, left, bin_=True)
        out |= {str(row[0]) for row in mine if str(row[2]) in there}
    return out


async def _as(tenant: Tenant, user: str) -> Here:
    """Who subscribed, with the rights he has today; without a login he has none."""
    login = await auth.login_of(tenant, {"user": user})
    me = await auth.as_person(tenant, user) if login is not None else None
    if login is None or me is None or not await auth.may_enter(tenant, user, login):
        raise LookupError("whoever subscribed may not sign in any more")
    return Here(tenant, tenant.app, me, Asked("GET", ()), tenant.language)


async def _meeting(here: Here, path: str, condition: str, ids: Sequence[str], bin_: bool = False) -> set[str]:
    pairs = [("where", condition), ("fields", "id"), ("limit", "1000")]
    pairs += [("id[in]", ",".join(ids))] if ids else []
    pairs += [("bin", "true")] if bin_ else []
    asking = request.listing(here.app, here.me, here.app.entities[path], pairs)
    found = await reading.read(here, asking.question, asking.inputs)
    return {str(item["id"]) for item in json.loads(found[0][0])["items"]}
