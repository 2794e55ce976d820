"""Records over the API: one generic handler for every entity of the pinned App."""

from __future__ import annotations

import re
from typing import Any

from engine.plan.entity import Entity
from engine.problem import nearest
from engine.serve import actions, decode, request, rights
from engine.serve.answer import Answer, as_json, headers_of
from engine.serve.fault import Refusal, refuse
from engine.serve.here import Here, record_id, require_method
from engine.serve.reading import ask_list, figures_text, get_text
from engine.serve.store import Op
from engine.serve.write import require_writable
from engine.serve.writing import body_of, perform, preview, reasons_of, rev_of, rules_of, write

_REV = re.compile(r'"rev"\s*:\s*(\d+)')


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
            require_method(here, "GET")
            return await _history(here, entity, record_id(record, entity))
        case [record, "restore"]:
            require_method(here, "POST")
            return await write(
                here, entity, Op("restore", entity.path, record_id(record, entity), rev=rev_of(here, False))
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


async def _collection(here: Here, entity: Entity) -> Answer:
    require_method(here, "GET", "HEAD", "POST")
    if here.asked.method == "POST":
        return await _create(here, entity)
    return await _list(here, entity, request.pairs_of(here.asked.query))


async def _word(here: Here, entity: Entity, word: str) -> Answer:
    if word == "aggregate":
        require_method(here, "GET", "POST")
        rights.require(here.app, here.me, entity, "read")
        pairs = _pairs(here)
        return await _figures(here, request.figures(here.app, here.me, "", entity.path, pairs))
    require_method(here, "POST")
    if word == "query":
        return await _list(here, entity, _pairs(here))
    if word == "bulk":
        return await _bulk(here, entity)
    return await preview(here, entity)


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


async def _list(here: Here, entity: Entity, pairs: list[tuple[str, str]]) -> Answer:
    text, _ = await ask_list(here, entity, request.listing(here.app, here.me, entity, pairs))
    return Answer(200, text.encode())


async def _record(here: Here, entity: Entity, record: str) -> Answer:
    require_method(here, "GET", "HEAD", "PATCH", "DELETE")
    match here.asked.method:
        case "PATCH":
            body = body_of(here)
            reasons, reason = reasons_of(body, entity)
            change = decode.document(here.app, entity, body, False, rules_of(here, entity))
            if change.id and change.id != record:
                raise refuse("api.id-differs", "/id")
            op = Op("update", entity.path, record, change, rev=rev_of(here), reason=reason, reasons=reasons)
            return await write(here, entity, op)
        case "DELETE":
            return await write(here, entity, Op("delete", entity.path, record, rev=rev_of(here)))
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


async def _history(here: Here, entity: Entity, record: str) -> Answer:
    asking = request.one(here.app, here.me, entity, record, [("fields", "id")])
    await get_text(here, entity, asking, plain=True)
    return Answer(200, as_json({"items": await actions.history_of(here.tenant, here.app, record, here.me)}))


async def _declared_figures(here: Here, name: str) -> Answer:
    require_method(here, "GET", "POST")
    plan = here.app.figures.get(name)
    if plan is None:
        meant = nearest(name, here.app.figures) or ""
        shown = "/api/v1/" + meant.replace(".", "/figures/", 1) if meant else ""
        raise refuse("api.no-route", path="/api/v1/" + "/".join(here.asked.path), nearest=shown)
    return await _figures(here, request.figures(here.app, here.me, name, "", _pairs(here)))


async def _figures(here: Here, asking: request.AskingFigures) -> Answer:
    return Answer(200, (await figures_text(here, asking)).encode())


async def _create(here: Here, entity: Entity) -> Answer:
    require_writable(here.app, entity, ())
    body = body_of(here)
    rights.require(here.app, here.me, entity, "create")
    reasons, reason = reasons_of(body, entity)
    change = decode.document(here.app, entity, body, True, rules_of(here, entity))
    op = Op("create", entity.path, "", change, reason=reason, reasons=reasons)
    return await write(here, entity, op)


async def _bulk(here: Here, entity: Entity) -> Answer:
    """Several new documents, all or none: ``{"items": [...]}``."""
    require_writable(here.app, entity, ())
    rights.require(here.app, here.me, entity, "create")
    items = body_of(here).get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise refuse("api.lines", "/items")
    if len(items) > decode.MAX_LINES:
        raise refuse("api.too-many-lines", "/items", limit=decode.MAX_LINES, got=len(items))
    faults, ops = [], []
    for n, item in enumerate(items):
        try:
            change = decode.document(here.app, entity, item, True, rules_of(here, entity))
            ops.append(Op("create", entity.path, "", change, pointer=f"/items/{n}"))
        except Refusal as found:
            faults += [decode.moved(one, f"/items/{n}") for one in found.faults]
    if faults:
        raise Refusal(faults, 422)
    done = await perform(here.tenant, here.me, ops, here.app)
    return Answer(201, as_json({"items": [{"id": d.id, "rev": d.rev} for d in done]}))


async def _act(here: Here, entity: Entity, record: str, name: str) -> Answer:
    require_method(here, "POST")
    body = body_of(here) if here.asked.body.strip() else {}
    reasons, reason = reasons_of(body)
    values = body.pop("with", None)
    values = body.pop("values", body) if values is None else values
    if not isinstance(values, dict):
        raise refuse("api.not-object", "/values")
    change = decode.document(here.app, entity, values, False, rules_of(here, entity))
    op = Op("act", entity.path, record, change, name, reason, reasons, rev_of(here, False))
    return await write(here, entity, op)


async def _replace_lines(here: Here, entity: Entity, record: str, name: str) -> Answer:
    require_method(here, "PUT")
    data = decode.parse_json(here.asked.body)
    change = decode.lines(here.app, entity, name, data, rules_of(here, entity))
    return await write(here, entity, Op("update", entity.path, record, change, rev=rev_of(here)))
