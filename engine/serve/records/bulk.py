"""Many records with one request: created, changed, sent to the bin, brought back, acted upon; all or none, or each by
itself.

Each item is what its own door takes, with ``id`` and ``rev`` beside the fields. All or none is one
transaction. Each by itself is one transaction an item, each under a key made of the request's: a request that is sent
again does what is left.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from engine.db import Body
from engine.plan.entity import Entity
from engine.serve.document import decode, rights
from engine.serve.document.store import Done, Kind, Op
from engine.serve.tenant import idempotency
from engine.serve.tenant.bind import Moment
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here, looks_like_id
from engine.serve.wire.answer import Answer, as_json, problem, warning
from engine.serve.wire.fault import Fault, Refusal, refuse
from engine.serve.wire.parsing import body_of, require_known, wrong
from engine.serve.write.write import require_writable
from engine.serve.write.writing import Telling, command, reasons_of, rules_of, under

MOST_APART = 1_000
"""Items that are done each by itself."""
_NEEDS = {"create": "create", "update": "update", "delete": "delete", "restore": "delete"}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a body asks for: an operation or what is wrong with the item, in order."""

    items: list[Op | Refusal]
    atomic: bool


async def _do(here: Here, at: At, kind: Kind) -> Answer:
    require_writable(here.app, at.entity, ())
    if kind in _NEEDS:
        rights.require(here.app, here.me, at.entity, _NEEDS[kind])
    asked = _read(here, at.entity, kind, at.names.get("action", ""))
    return await (_together if asked.atomic else _apart)(here, asked, kind)


def _read(here: Here, entity: Entity, kind: Kind, action: str) -> _Asked:
    body = body_of(here.asked)
    require_known(body, ("items", "atomic"))
    items, atomic = body.get("items"), body.get("atomic", True)
    if not isinstance(atomic, bool):
        raise wrong("atomic", "true | false")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise refuse("api.lines", "/items")
    most = decode.MAX_LINES if atomic else MOST_APART
    if len(items) > most:
        raise refuse("api.too-many-lines", "/items", limit=most, got=len(items))
    made: list[Op | Refusal] = []
    seen: set[str] = set()
    for n, item in enumerate(items):
        try:
            op = _op(here, entity, kind, action, item)
            if op.id and op.id in seen:
                raise refuse("api.line-twice", "/id", id=op.id)
            seen.add(op.id)
            made.append(replace(op, pointer=f"/items/{n}"))
        except Refusal as found:
            made.append(Refusal([decode.moved(one, f"/items/{n}") for one in found.faults], found.status))
    return _Asked(made, atomic)


def _op(here: Here, entity: Entity, kind: Kind, action: str, item: dict[str, Any]) -> Op:
    item = dict(item)
    reasons, reason = reasons_of(item, entity if kind in ("create", "update") else None)
    if kind == "create":
        change = decode.document(here.app, entity, item, True, rules_of(here, entity))
        return Op("create", entity.path, "", change, reason=reason, reasons=reasons)
    record = item.pop("id", "")
    if not isinstance(record, str) or not looks_like_id(record):
        raise refuse("api.bulk-id", "/id")
    rev = _rev(here, item, kind in ("update", "delete"))
    values = item.pop("with", {}) if kind == "act" else item if kind == "update" else {}
    if not isinstance(values, dict):
        raise refuse("api.not-object", "/with")
    if kind != "update":
        require_known(item, ())
    change = decode.document(here.app, entity, values, False, rules_of(here, entity))
    return Op(kind, entity.path, record.lower(), change, action, reason, reasons, rev)


def _rev(here: Here, item: dict[str, Any], needed: bool) -> tuple[int, ...] | None:
    """The version the caller saw; ``"*"``, of the item or in ``If-Match`` of the request, is whichever."""
    rev = item.pop("rev", None)
    if rev == "*" or (rev is None and (not needed or here.asked.headers.get("if-match", "").strip() == "*")):
        return None
    if rev is None:
        raise refuse("api.bulk-rev", "/rev")
    if isinstance(rev, bool) or not isinstance(rev, int):
        raise refuse("api.parameter", "/rev", name="rev", got=str(rev)[:40], expected='3 | "*"', expected_zh='3 | "*"')
    return (rev,)


async def _together(here: Here, asked: _Asked, kind: Kind) -> Answer:
    faults: list[Fault] = [f for one in asked.items if isinstance(one, Refusal) for f in one.faults]
    if faults:
        first = next(one for one in asked.items if isinstance(one, Refusal))
        raise Refusal(faults, first.status)
    ops = [one for one in asked.items if isinstance(one, Op)]

    def answer(done: list[Done], _moment: Moment) -> Body[Answer]:
        yield from ()
        return Answer(201 if kind == "create" else 200, as_json({"items": [_told(here, one) for one in done]}))

    return await command(here, ops, answer)


def _told(here: Here, done: Done) -> dict[str, Any]:
    out: dict[str, Any] = {"id": done.id, "rev": done.rev}
    if done.warnings:
        out["warnings"] = [warning(one, here.language) for one in done.warnings]
    return out


async def _apart(here: Here, asked: _Asked, kind: Kind) -> Answer:
    key = idempotency.key_of(here.asked, here.me)

    def answer(done: list[Done], _moment: Moment) -> Body[Answer]:
        yield from ()
        return Answer(201 if kind == "create" else 200, as_json(_told(here, done[0])))

    async def each() -> Answer:
        out = []
        for n, one in enumerate(asked.items):
            out.append(await _one(here, one, answer, key and key.part(n)))
        done = sum(one["status"] < 400 for one in out)
        return Answer(200, as_json({"items": out, "done": done, "refused": len(out) - done}))

    return await each() if key is None else await _once(here, key, each)


async def _once(here: Here, key: idempotency.Key, each: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer given before to the whole request, or the one that is given now."""
    tenant, moment = here.tenant, here.moment()
    with idempotency.alone(tenant, key):
        kept = await tenant.database.write(lambda: idempotency.recall(key, moment))
        if kept is not None:
            return kept
        made = await each()
        await tenant.database.write(lambda: idempotency.put(key, made, moment))
    return made


async def _one(here: Here, one: Op | Refusal, answer: Telling, key: idempotency.Key | None) -> dict[str, Any]:
    try:
        if isinstance(one, Refusal):
            raise one
        made = await under(key, here, [one], answer)
    except Refusal as refusal:
        made = problem(refusal, here.language)
        return {"status": made.status, "error": json.loads(made.body)}
    return {"status": made.status, **json.loads(made.body)}


async def _create(here: Here, at: At) -> Answer:
    return await _do(here, at, "create")


async def _update(here: Here, at: At) -> Answer:
    return await _do(here, at, "update")


async def _delete(here: Here, at: At) -> Answer:
    return await _do(here, at, "delete")


async def _restore(here: Here, at: At) -> Answer:
    return await _do(here, at, "restore")


async def _act(here: Here, at: At) -> Answer:
    return await _do(here, at, "act")


_BULK = "{module}/{entity}/bulk"
DOORS = (
    Door("bulk.create", ("POST",), _BULK, _create, scope="write"),
    Door("bulk.update", ("POST",), f"{_BULK}/update", _update, scope="write"),
    Door("bulk.delete", ("POST",), f"{_BULK}/delete", _delete, scope="write"),
    Door("bulk.restore", ("POST",), f"{_BULK}/restore", _restore, scope="write"),
    Door("bulk.act", ("POST",), f"{_BULK}/actions/{{action}}", _act, scope="write"),
)
