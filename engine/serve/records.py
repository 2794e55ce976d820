"""Records over the API: one generic handler for every entity of the pinned App."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.db import Body, Violation
from engine.fieldtypes.storage import encode_list
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.question import Question
from engine.plan.statement import Statement
from engine.problem import Problems, nearest
from engine.serve import actions, decode, idempotency, refs, request, rights
from engine.serve.answer import Answer, Asked, as_json, headers_of, warning
from engine.serve.bind import Me, Moment, call
from engine.serve.fault import Refusal, fault, of_problem, refuse
from engine.serve.ids import uuid7 as new_id
from engine.serve.request import Asking, Listed
from engine.serve.store import Done, Op, World
from engine.serve.tenancy import Tenant
from engine.serve.write import documents, require_writable

T = TypeVar("T")
_NEXT = re.compile(r'"next"\s*:\s*')
_REV = re.compile(r'"rev"\s*:\s*(\d+)')


@dataclass(frozen=True, slots=True)
class Here:
    """A request at a tenant: who asks, and the App it is served by from beginning to end."""

    tenant: Tenant
    app: App
    me: Me
    asked: Asked
    language: str

    def moment(self, board: Mapping[str, Any] | None = None) -> Moment:
        return self.tenant.moment(self.me, board)


async def handle(here: Here) -> Answer:
    """``/api/v1/{module}/…`` after its first two parts."""
    module, *rest = here.asked.path
    if not rest:
        raise _nothing(here)
    if rest[0] == "figures" and len(rest) == 2:
        return await _declared_figures(here, f"{module}.{rest[1]}")
    entity = here.app.entities.get(f"{module}.{rest[0]}")
    if entity is None:
        raise _nothing(here)
    match rest[1:]:
        case []:
            return await _collection(here, entity)
        case ["query" | "aggregate" | "check" | "bulk" as word]:
            return await _word(here, entity, word)
        case [record]:
            return await _record(here, entity, record_id(record, entity))
        case [record, "actions", name]:
            return await _act(here, entity, record_id(record, entity), name)
        case [record, "history"]:
            _methods(here, "GET")
            return await _history(here, entity, record_id(record, entity))
        case [record, "restore"]:
            _methods(here, "POST")
            return await _write(
                here, entity, Op("restore", entity.path, record_id(record, entity), rev=_rev(here, False))
            )
        case [record, lines] if lines in entity.fields and entity.fields[lines].origin == "lines":
            return await _replace_lines(here, entity, record_id(record, entity), lines)
    raise _nothing(here)


def _nothing(here: Here) -> Refusal:
    module, *rest = here.asked.path
    names = [path.replace(".", "/") for path in here.app.entities]
    meant = nearest("/".join((module, *rest[:1])), names)
    path = "/api/v1/" + "/".join(here.asked.path)
    return refuse("api.no-route", path=path[:120], nearest=f"/api/v1/{meant}" if meant else "")


def _methods(here: Here, *allowed: str) -> None:
    if here.asked.method not in allowed:
        said = fault("api.method", method=here.asked.method, allowed=", ".join(allowed))
        raise Refusal((said,), headers={"allow": ", ".join(allowed)})


def looks_like_id(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None


def record_id(text: str, entity: Entity) -> str:
    if not looks_like_id(text):
        raise refuse("api.not-found", entity=entity.title)
    return text.lower()


# reading


async def _collection(here: Here, entity: Entity) -> Answer:
    _methods(here, "GET", "HEAD", "POST")
    if here.asked.method == "POST":
        return await _create(here, entity)
    return await _list(here, entity, request.pairs_of(here.asked.query))


async def _word(here: Here, entity: Entity, word: str) -> Answer:
    if word == "aggregate":
        _methods(here, "GET", "POST")
        rights.require(here.app, here.me, entity, "read")
        pairs = _pairs(here)
        return await _figures(here, request.figures(here.app, here.me, "", entity.path, pairs))
    _methods(here, "POST")
    if word == "query":
        return await _list(here, entity, _pairs(here))
    if word == "bulk":
        return await _bulk(here, entity)
    return await _check(here, entity)


def _pairs(here: Here) -> list[tuple[str, str]]:
    """Parameters from the address, or from a JSON body of the same names."""
    if here.asked.method != "POST":
        return request.pairs_of(here.asked.query)
    data = decode.parse_object(here.asked.body)
    return [(name, _parameter(name, value)) for name, value in data.items()]


def _parameter(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(v, str | int) for v in value):
        return ",".join(str(v) for v in value)
    if isinstance(value, dict | list) or value is None:
        told = "text", "文本"
        raise refuse("api.parameter", name=name[:60], got=str(value)[:40], expected=told[0], expected_zh=told[1])
    return str(value)


async def ask_list(here: Here, entity: Entity, asking: Asking) -> tuple[str, str]:
    """The JSON text of a list and the cursor of its next page, both as the API gives them."""
    rights.require(here.app, here.me, entity, "read")
    text = (await _read(here, asking.question, asking.inputs))[0][0]
    found = None
    for found in _NEXT.finditer(text):  # noqa: B007 - the last one is the list's own
        pass
    if found is None or text.startswith("null", found.end()):
        return text, ""
    values, end = json.JSONDecoder().raw_decode(text, found.end())
    cursor = request.make_cursor(values, asking.shape)
    return f'{text[: found.end()]}"{cursor}"{text[end:]}', cursor


async def _list(here: Here, entity: Entity, pairs: list[tuple[str, str]]) -> Answer:
    text, _ = await ask_list(here, entity, request.listing(here.app, here.me, entity, pairs))
    return Answer(200, text.encode())


async def _read(here: Here, question: Question, inputs: dict[str, Any]) -> list[tuple[Any, ...]]:
    """One statement. What its expressions are wrong in is told as a problem of the request."""
    try:
        asked = here.tenant.asker.records(here.app, question)
    except Problems as found:
        raise _of_problems(found) from found
    return await run(here, asked.statement, inputs)


async def run(here: Here, statement: Statement, inputs: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    dialect = here.app.dialect
    given = {
        name: encode_list(value.kind, value.scale, dialect, value.values) if isinstance(value, Listed) else value
        for name, value in inputs.items()
    }
    if any(isinstance(value, str) and "\0" in value for value in given.values()):
        raise refuse("api.parameter", name="?", got="U+0000", expected="text", expected_zh="文本")
    try:
        made = call(statement, here.moment(), given)
    except (ValueError, ArithmeticError, TypeError) as error:
        if any(name.startswith("c") and name[1:].isdigit() for name in inputs):
            raise refuse("api.cursor") from error
        raise
    try:
        return await here.tenant.database.read(made.sql, made.values)
    except OverflowError as error:
        raise refuse("api.parameter", name="?", got="…", expected="fewer digits", expected_zh="位数过多") from error


def _of_problems(found: Problems) -> Refusal:
    closed = any(p.code == "ask.closed" for p in found.problems)
    return Refusal([of_problem(p, 403 if closed else 400) for p in found.problems])


async def _record(here: Here, entity: Entity, record: str) -> Answer:
    _methods(here, "GET", "HEAD", "PATCH", "DELETE")
    match here.asked.method:
        case "PATCH":
            body = _body(here)
            reasons, reason = _reasons(body, entity)
            change = decode.document(here.app, entity, body, False, _rules(here, entity))
            if change.id and change.id != record:
                raise refuse("api.id-differs", "/id")
            op = Op("update", entity.path, record, change, rev=_rev(here), reason=reason, reasons=reasons)
            return await _write(here, entity, op)
        case "DELETE":
            return await _write(here, entity, Op("delete", entity.path, record, rev=_rev(here)))
    return await _get(here, entity, record)


async def _get(here: Here, entity: Entity, record: str) -> Answer:
    pairs = request.pairs_of(here.asked.query)
    asking = request.one(here.app, here.me, entity, record, pairs)
    text = await get_text(here, entity, asking, plain=bool(asking.question.fields))
    found = _REV.search(text)
    headers = {"etag": f'"{found[1]}"'} if found and not asking.question.fields else {}
    if headers and here.asked.headers.get("if-none-match") == headers["etag"] and not entity.machine:
        return Answer(304, b"", headers_of(headers))
    return Answer(200, text.encode(), headers_of(headers))


async def get_text(here: Here, entity: Entity, asking: Asking, plain: bool = False) -> str:
    """A record's JSON text; of an entity with a workflow with what may be done next, in the same statement."""
    try:
        statement = actions.record_statement(here.tenant, here.app, entity, asking.question, here.me, plain)
    except Problems as found:
        raise _of_problems(found) from found
    if statement is None:
        raise refuse("access.denied", operation=rights.WORDS["read"], entity=entity.title)
    rows = await run(here, statement, {**asking.inputs, "roots": json.dumps([asking.inputs["id"]])})
    if not rows or rows[0][0] is None:
        raise refuse("api.not-found", entity=entity.title)
    return actions.with_actions(here.app, entity, here.me, rows[0], here.language)


async def _history(here: Here, entity: Entity, record: str) -> Answer:
    asking = request.one(here.app, here.me, entity, record, [("fields", "id")])
    await get_text(here, entity, asking, plain=True)
    return Answer(200, as_json({"items": await actions.history_of(here.tenant, here.app, record, here.me)}))


async def _declared_figures(here: Here, name: str) -> Answer:
    _methods(here, "GET", "POST")
    plan = here.app.figures.get(name)
    if plan is None:
        meant = nearest(name, here.app.figures) or ""
        shown = "/api/v1/" + meant.replace(".", "/figures/", 1) if meant else ""
        raise refuse("api.no-route", path="/api/v1/" + "/".join(here.asked.path), nearest=shown)
    return await _figures(here, request.figures(here.app, here.me, name, "", _pairs(here)))


async def _figures(here: Here, asking: request.AskingFigures) -> Answer:
    return Answer(200, (await figures_text(here, asking)).encode())


async def figures_text(here: Here, asking: request.AskingFigures) -> str:
    try:
        asked = here.tenant.asker.figures(here.app, asking.question)
    except Problems as found:
        raise _of_problems(found) from found
    inputs = request.figure_values(asking, asked.filters)
    rows = await run(here, asked.statement, inputs)
    return str(rows[0][0])


# writing


def _body(here: Here) -> dict[str, Any]:
    media = here.asked.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media not in ("application/json", "application/merge-patch+json"):
        raise refuse("api.media-type", expected="application/json")
    return decode.parse_object(here.asked.body)


def _reasons(body: dict[str, Any], entity: Entity | None = None) -> tuple[dict[str, str], str]:
    """``reasons`` and ``reason`` stand beside the fields, unless the entity has fields of these names."""
    fields = entity.fields if entity is not None else {}
    reasons = body.pop("reasons", {}) if "reasons" not in fields else {}
    reason = body.pop("reason", "") if "reason" not in fields else ""
    if not isinstance(reasons, dict) or not all(isinstance(v, str) for v in reasons.values()):
        raise refuse("api.parameter", "/reasons", name="reasons", got="…", expected='{"check": "text"}', expected_zh="")
    if not isinstance(reason, str):
        raise refuse("api.parameter", "/reason", name="reason", got="…", expected="text", expected_zh="文本")
    return reasons, reason


def _rules(here: Here, entity: Entity) -> decode.Rules:
    return decode.Rules(hidden=rights.hidden_everywhere(here.app, here.me, entity))


def _rev(here: Here, needed: bool = True) -> int | None:
    """The version the caller saw. ``*`` means whichever."""
    text = here.asked.headers.get("if-match", "").strip()
    if text == "*":
        return None
    if not text:
        if needed:
            raise refuse("api.if-match")
        return None
    found = re.fullmatch(r'(?:W/)?"?(\d{1,15})"?', text)
    if found is None:
        raise refuse("api.if-match-form")
    return int(found[1])


async def _create(here: Here, entity: Entity) -> Answer:
    require_writable(here.app, entity, ())
    body = _body(here)
    rights.require(here.app, here.me, entity, "create")
    reasons, reason = _reasons(body, entity)
    change = decode.document(here.app, entity, body, True, _rules(here, entity))
    op = Op("create", entity.path, "", change, reason=reason, reasons=reasons)
    return await _write(here, entity, op)


async def _bulk(here: Here, entity: Entity) -> Answer:
    """Several new documents, all or none: ``{"items": [...]}``."""
    require_writable(here.app, entity, ())
    rights.require(here.app, here.me, entity, "create")
    items = _body(here).get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise refuse("api.lines", "/items")
    faults, ops = [], []
    for n, item in enumerate(items):
        try:
            change = decode.document(here.app, entity, item, True, _rules(here, entity))
            ops.append(Op("create", entity.path, "", change, pointer=f"/items/{n}"))
        except Refusal as found:
            faults += [decode.moved(one, f"/items/{n}") for one in found.faults]
    if faults:
        raise Refusal(faults, 422)
    done = await perform(here.tenant, here.me, ops, here.app)
    return Answer(201, as_json({"items": [{"id": d.id, "rev": d.rev} for d in done]}))


async def _act(here: Here, entity: Entity, record: str, name: str) -> Answer:
    _methods(here, "POST")
    body = _body(here) if here.asked.body.strip() else {}
    reasons, reason = _reasons(body)
    values = body.pop("with", None)
    values = body.pop("values", body) if values is None else values
    if not isinstance(values, dict):
        raise refuse("api.not-object", "/values")
    change = decode.document(here.app, entity, values, False, _rules(here, entity))
    op = Op("act", entity.path, record, change, name, reason, reasons, _rev(here, False))
    return await _write(here, entity, op)


async def _replace_lines(here: Here, entity: Entity, record: str, name: str) -> Answer:
    _methods(here, "PUT")
    data = decode.parse_json(here.asked.body)
    change = decode.lines(here.app, entity, name, data, _rules(here, entity))
    return await _write(here, entity, Op("update", entity.path, record, change, rev=_rev(here)))


async def _write(here: Here, entity: Entity, op: Op) -> Answer:
    """One document in one transaction, its answer read in it; with an Idempotency-Key the answer is kept."""
    key = idempotency.key_of(here.asked, here.me)
    moment = here.moment()
    world = World(here.app, here.tenant.asker, moment)

    def body() -> Body[Answer]:
        if key is not None and (kept := (yield from idempotency.find(key, moment))) is not None:
            return kept
        done = (yield from documents(world, [op]))[0]
        answer = yield from _answered(here, entity, op, done, moment)
        if key is not None:
            yield from idempotency.keep(key, answer, moment)
        return answer

    return await transact(here.tenant, here.app, [op], body)


def _answered(here: Here, entity: Entity, op: Op, done: Done, moment: Moment) -> Body[Answer]:
    if op.kind == "delete":
        return Answer(204)
    headers = {"etag": f'"{done.rev}"'}
    if done.created:
        headers["location"] = f"/api/v1/{entity.module.replace('-', '_')}/{entity.name}/{done.id}"
    status = 201 if done.created else 200
    text = yield from actions.read_in(here.tenant, here.app, entity, done.id, moment, here.language)
    if text is None:  # written, but not for this reader's eyes
        text = json.dumps({"id": done.id, "rev": done.rev})
    if done.warnings:
        told = json.dumps([warning(w, here.language) for w in done.warnings], ensure_ascii=False)
        text = f'{text[:-1]},"warnings":{told}}}'
    return Answer(status, text.encode(), headers_of(headers))


async def perform(tenant: Tenant, me: Me, ops: Sequence[Op], app: App | None = None) -> list[Done]:
    """Any number of operations in one transaction: the entry for imports and everything else inside the process."""
    app = app or tenant.app
    world = World(app, tenant.asker, tenant.moment(me))
    return await transact(tenant, app, ops, lambda: documents(world, ops))


async def transact(tenant: Tenant, app: App, ops: Sequence[Op], body: Callable[[], Body[T]]) -> T:
    """Runs a write; what the database refused is told in the entity's words."""
    try:
        result = await tenant.database.write(body)
    except Violation as found:
        faults = await refs.explain(tenant, app, ops) if found.kind == "foreign" else []
        if faults:
            raise Refusal(faults, 422) from found
        raise actions.of_violation(app, app.entities[ops[0].entity], found) from found
    if not actions.people_entities(tenant, app).isdisjoint(op.entity for op in ops):
        tenant.forget_people()
    return result


# preview


class _Undo(Exception):
    """Carries a preview's answer out of a transaction that must leave nothing."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__()


async def _check(here: Here, entity: Entity) -> Answer:
    """What would become of a document, and which checks it would fail; nothing is kept."""
    body = _body(here)
    rights.require(here.app, here.me, entity, "create")
    reasons, reason = _reasons(body, entity)
    record = str(body.get("id") or "")
    stored = bool(record) and here.asked.headers.get("if-match") is not None
    try:
        change = decode.document(here.app, entity, body, not stored, _rules(here, entity))
    except Refusal as found:
        return Answer(200, as_json({"record": None, "checks": [warning(one, here.language) for one in found.faults]}))
    kind: Any = "update" if stored else "create"
    op = Op(kind, entity.path, record if stored else "", change, reason=reason, reasons=reasons)
    moment = here.moment()
    world = World(here.app, here.tenant.asker, moment)

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


__all__ = ["Here", "handle", "new_id", "perform", "record_id"]
