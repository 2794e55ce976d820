"""Writing: what a body asks for, in one transaction; its answer is read in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from engine.db import Body, Unsettled, Violation
from engine.fieldtypes.storage import quote
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.serve.document import actions, decode, licensing, rights
from engine.serve.document.store import Done, Op, World
from engine.serve.tenant import idempotency
from engine.serve.tenant.bind import Me, Moment
from engine.serve.tenant.here import Here
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.answer import Answer, as_json, headers_of, warning
from engine.serve.wire.fault import Refusal, refuse
from engine.serve.wire.parsing import body_of, storable, wrong
from engine.serve.write import at_once, numbers, refs
from engine.serve.write.violations import of_violation
from engine.serve.write.write import documents

T = TypeVar("T")
_ATTEMPTS = 5
MOST_TAGS = 50


def reasons_of(body: dict[str, Any], entity: Entity | None = None) -> tuple[dict[str, str], str]:
    """``reasons`` and ``reason`` stand beside the fields, unless the entity has fields of these names."""
    fields = entity.fields if entity is not None else {}
    reasons = body.pop("reasons", {}) if "reasons" not in fields else {}
    reason = body.pop("reason", "") if "reason" not in fields else ""
    if not isinstance(reasons, dict) or not all(isinstance(v, str) for v in reasons.values()):
        raise wrong("reasons", '{"check": "text"}')
    storable({"reasons": reasons, "reason": reason})
    if not isinstance(reason, str):
        raise wrong("reason", "text", "文本")
    return {name: said.replace("\0", "") for name, said in reasons.items()}, reason.replace("\0", "")


def rules_of(here: Here, entity: Entity) -> decode.Rules:
    return rights.rules(here.app, here.me, entity)


_TAG = re.compile(r'(?:W/)?"?(\d{1,15})(?:-[0-9a-f]{8})?"?')


def rev_of(here: Here, needed: bool = True) -> tuple[int, ...] | None:
    """The versions the caller may have seen: one ETag or several. ``*`` means whichever."""
    text = here.asked.headers.get("if-match", "").strip()
    if text == "*":
        return None
    if not text:
        if needed:
            raise refuse("api.if-match")
        return None
    found = [_TAG.fullmatch(part.strip()) for part in text.split(",")]
    if len(found) > MOST_TAGS or not all(found):
        raise refuse("api.if-match-form")
    return tuple(int(one[1]) for one in found if one)


async def write(here: Here, entity: Entity, op: Op) -> Answer:
    """One document; the answer is the document as it became."""

    def answer(done: list[Done], moment: Moment) -> Body[Answer]:
        return (yield from _answered(here, entity, op, done[0], moment))

    return await under(idempotency.key_of(here.asked, here.me), here, [op], answer, alone=True)


Telling = Callable[[list[Done], Moment], Body[Answer]]
"""What makes the answer, in the transaction."""


async def command(here: Here, ops: Sequence[Op], answer: Telling) -> Answer:
    """Documents in one transaction, and the answer made in it; with an Idempotency-Key it is kept with them."""
    return await under(idempotency.key_of(here.asked, here.me), here, ops, answer)


async def under(
    key: idempotency.Key | None, here: Here, ops: Sequence[Op], answer: Telling, alone: bool = False
) -> Answer:
    """The same, under this key or none. ``alone``: the answer is the one document that is written."""
    licensing.require_ops(here.tenant, here.app, ops)
    moment = here.moment()
    world = world_of(here.tenant, here.app, moment)
    if alone and here.app.dialect == "postgresql":
        world = replace(world, telling=partial(_told, here, here.app.entities[ops[0].entity], moment))

    def body() -> Body[Answer]:
        if key is not None and (kept := (yield from idempotency.find(key, moment))) is not None:
            return kept
        done = yield from documents(world, ops)
        made = yield from answer(done, moment)
        if key is not None:
            yield from idempotency.keep(key, made, moment)
        return made

    if alone and key is None and (ready := at_once.ready(here.tenant, here.app, ops[0], here.me)) is not None:

        def whole(ready: at_once.Ready = ready) -> Body[Answer]:
            done = yield from at_once.written(world, ready, ops[0])
            return (yield from answer([done], moment))

        with suppress(at_once.Otherwise):
            return await transact(here.tenant, here.app, ops, whole)

    with nullcontext() if key is None else idempotency.alone(here.tenant, key):
        try:
            return await transact(here.tenant, here.app, ops, body)
        except Unsettled:
            if key is None:
                raise
            return await transact(here.tenant, here.app, ops, body)  # what was kept is found by its key


def _told(here: Here, entity: Entity, moment: Moment, record: str) -> Body[str | None]:
    return (yield from actions.read_in(here.tenant, here.app, entity, record, moment, here.language))


def _answered(here: Here, entity: Entity, op: Op, done: Done, moment: Moment) -> Body[Answer]:
    if op.kind == "delete":
        return Answer(204)
    headers = {"etag": f'"{done.rev}"'}
    if done.created:
        headers["location"] = f"/api/v1/{entity.module.replace('-', '_')}/{entity.name}/{done.id}"
    status = 201 if done.created else 200
    text = done.told
    if text is None:
        text = yield from _told(here, entity, moment, done.id)
    if text is None:  # written, but not for this reader's eyes
        text = json.dumps({"id": done.id, "rev": done.rev})
    if done.warnings:
        told = json.dumps([warning(w, here.language) for w in done.warnings], ensure_ascii=False)
        text = f'{text[:-1]},"warnings":{told}}}'
    return Answer(status, text.encode(), headers_of(headers))


async def perform(tenant: Tenant, me: Me, ops: Sequence[Op], app: App | None = None) -> list[Done]:
    """Any number of operations in one transaction: the entry for imports and everything else inside the process."""
    app = app or tenant.app
    licensing.require_ops(tenant, app, ops)
    world = world_of(tenant, app, tenant.moment(me))
    return await transact(tenant, app, ops, lambda: documents(world, ops))


async def transact(tenant: Tenant, app: App, ops: Sequence[Op], body: Callable[[], Body[T]]) -> T:
    """Runs a write; what the database refused is told in the entity's words."""
    try:
        result = await _with_numbers(tenant, app, body)
    except Violation as found:
        faults = await refs.explain(tenant, app, ops) if found.kind == "foreign" else []
        if faults:
            raise Refusal(faults, 422) from found
        raise of_violation(app, app.entities[ops[0].entity], found) from found
    tenant.committed.ring()
    if not _people_entities(tenant, app).isdisjoint(op.entity for op in ops):
        tenant.forget_people()
    return result


def _people_entities(tenant: Tenant, app: App) -> frozenset[str]:
    """Entities whose records say who holds which role: a write to them ends what is remembered of people."""
    kept: frozenset[str] | None = tenant.kept(app).get("people")
    if kept is None:
        texts = [assignment.statement.sql for assignment in app.people.assignments]
        tables = {quote(e.table): e for e in app.entities.values()}
        kept = frozenset(
            rights.root_of(app, e).path for name, e in tables.items() if any(name in text for text in texts)
        ) | {app.people.users}
        tenant.kept(app)["people"] = kept
    return kept


def world_of(tenant: Tenant, app: App, moment: Moment) -> World:
    """SQLite has one writer, who never waits for a counter; there numbers are taken in place."""
    return World(app, tenant.asker, moment, tenant.blocks if app.dialect == "postgresql" else None)


async def _with_numbers(tenant: Tenant, app: App, body: Callable[[], Body[T]]) -> T:
    """Runs a write again when it ran out of reserved numbers, after reserving more."""
    for _ in range(_ATTEMPTS):
        try:
            return await tenant.database.write(body, app.epoch)
        except numbers.Exhausted as short:
            wanted = short.wanted
        async with tenant.reserving:
            still = numbers.short_of(tenant.blocks, wanted)
            if still:
                take = partial(numbers.reserve, still, tenant.database.dialect)
                tenant.blocks.update(await tenant.database.write(take))
    return await tenant.database.write(body, app.epoch)


class _Undo(Exception):
    """Carries a preview's answer out of a transaction that must leave nothing."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__()


async def preview(here: Here, entity: Entity) -> Answer:
    """What would become of a document, and which checks it would fail; nothing is kept."""
    body = body_of(here.asked)
    rights.require(here.app, here.me, entity, "create")
    reasons, reason = reasons_of(body, entity)
    record = str(body.get("id") or "")
    stored = bool(record) and here.asked.headers.get("if-match") is not None
    try:
        change = decode.document(here.app, entity, body, not stored, rules_of(here, entity))
    except Refusal as found:
        return Answer(200, as_json({"record": None, "checks": [warning(one, here.language) for one in found.faults]}))
    kind: Any = "update" if stored else "create"
    op = Op(kind, entity.path, record if stored else "", change, reason=reason, reasons=reasons)
    moment = here.moment()
    world = World(here.app, here.tenant.asker, moment, preview=True)

    def preview() -> Body[None]:
        done = (yield from documents(world, [op]))[0]
        text = yield from actions.read_in(here.tenant, here.app, entity, done.id, moment, here.language)
        checks = json.dumps([warning(w, here.language) for w in done.warnings], ensure_ascii=False)
        raise _Undo(Answer(200, f'{{"record":{text or "null"},"checks":{checks}}}'.encode()))

    try:
        await transact(here.tenant, here.app, [op], preview)
    except _Undo as made:
        return made.answer
    except Refusal as found:
        if found.status not in (409, 422):
            raise
        errors = [warning(one, here.language) for one in found.faults]
        return Answer(200, as_json({"record": None, "checks": errors}))
    raise AssertionError("unreachable")
