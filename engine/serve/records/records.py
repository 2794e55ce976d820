"""Records over the API: the same few doors for every entity of the pinned App."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Any

from engine.plan.entity import Entity
from engine.problem import nearest
from engine.serve.document import decode, rights
from engine.serve.document.store import Op
from engine.serve.query import acting, asof, explaining, export, grouping, past, reckoning, request
from engine.serve.query.grouping import AskingFigures
from engine.serve.query.reading import ask_list, figures_text, get_text
from engine.serve.tenant.door import At, Door
from engine.serve.tenant.here import Here
from engine.serve.wire.answer import Answer, as_json, headers_of, unchanged
from engine.serve.wire.fault import refuse
from engine.serve.wire.parsing import body_of, pairs_of, parse_json, parse_object
from engine.serve.write.write import require_writable
from engine.serve.write.writing import preview, reasons_of, rev_of, rules_of, write

_REV = re.compile(r'"rev"\s*:\s*(\d+)')


async def _list(here: Here, at: At) -> Answer:
    return await _listed(here, at.entity, pairs_of(here.asked.query))


async def _query(here: Here, at: At) -> Answer:
    return await _listed(here, at.entity, _pairs(here))


async def _listed(here: Here, entity: Entity, pairs: list[tuple[str, str]]) -> Answer:
    asking = request.listing(here.app, here.me, entity, pairs)
    if asking.actions:
        return Answer(200, (await acting.listed(here, entity, asking)).encode())
    text, _ = await ask_list(here, entity, asking)
    return Answer(200, text.encode())


async def _aggregate(here: Here, at: At) -> Answer:
    rights.require(here.app, here.me, at.entity, "read")
    return await _figures(here, grouping.figures(here.app, here.me, "", at.entity.path, _pairs(here)))


async def _check(here: Here, at: At) -> Answer:
    return await preview(here, at.entity)


def _pairs(here: Here) -> list[tuple[str, str]]:
    """Parameters from the address, or from a JSON body of the same names."""
    if here.asked.method != "POST":
        return pairs_of(here.asked.query)
    data = parse_object(here.asked.body)
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


async def _change(here: Here, at: At) -> Answer:
    entity, record = at.entity, at.id
    body = body_of(here.asked)
    reasons, reason = reasons_of(body, entity)
    change = decode.document(here.app, entity, body, False, rules_of(here, entity))
    if change.id and change.id != record:
        raise refuse("api.id-differs", "/id")
    op = Op("update", entity.path, record, change, rev=rev_of(here), reason=reason, reasons=reasons)
    return await write(here, entity, op)


async def _delete(here: Here, at: At) -> Answer:
    return await write(here, at.entity, Op("delete", at.entity.path, at.id, rev=rev_of(here)))


async def _restore(here: Here, at: At) -> Answer:
    return await write(here, at.entity, Op("restore", at.entity.path, at.id, rev=rev_of(here, False)))


async def _get(here: Here, at: At) -> Answer:
    entity, record = at.entity, at.id
    pairs = pairs_of(here.asked.query)
    if when := dict(pairs).get("as_of"):
        if len(pairs) > 1:
            raise refuse("api.parameter", name="as_of", got="…", expected="as_of alone", expected_zh="单独使用 as_of")
        return Answer(200, as_json(await asof.document(here, entity, record, when)))
    asking = request.one(here.app, here.me, entity, record, pairs)
    text = await get_text(here, entity, asking, plain=bool(asking.question.fields))
    found = _REV.search(text)
    headers = {"etag": _tag(found[1], text)} if found and not asking.question.fields else {}
    if headers and unchanged(here.asked.headers, headers["etag"]):
        return Answer(304, b"", headers_of(headers))
    return Answer(200, text.encode(), headers_of(headers))


def _tag(rev: str, text: str) -> str:
    """The version, for ``If-Match``, and a digest of the answer: names of other records in it change without it."""
    return f'"{rev}-{blake2b(text.encode(), digest_size=4).hexdigest()}"'


async def _history(here: Here, at: At) -> Answer:
    entity, record = at.entity, at.id
    asking = request.one(here.app, here.me, entity, record, [("fields", "id")])
    await get_text(here, entity, asking, plain=True)
    items, more = await past.changes(here, record, *past.page_of(pairs_of(here.asked.query)))
    return Answer(200, as_json({"items": items, "next": more or None}))


async def _declared(here: Here, at: At) -> Answer:
    name = f"{at.names['module']}.{at.names['name']}"
    plan = here.app.figures.get(name)
    if plan is None:
        meant = nearest(name, here.app.figures) or ""
        shown = "/api/v1/" + meant.replace(".", "/figures/", 1) if meant else ""
        raise refuse("api.no-route", path="/api/v1/" + "/".join(here.asked.path), nearest=shown)
    return await _figures(here, grouping.figures(here.app, here.me, name, "", _pairs(here)))


async def _figures(here: Here, asking: AskingFigures) -> Answer:
    return Answer(200, (await figures_text(here, asking)).encode())


async def _create(here: Here, at: At) -> Answer:
    entity = at.entity
    require_writable(here.app, entity, ())
    body = body_of(here.asked)
    rights.require(here.app, here.me, entity, "create")
    reasons, reason = reasons_of(body, entity)
    change = decode.document(here.app, entity, body, True, rules_of(here, entity))
    op = Op("create", entity.path, "", change, reason=reason, reasons=reasons)
    return await write(here, entity, op)


async def _act(here: Here, at: At) -> Answer:
    entity, record, name = at.entity, at.id, at.names["action"]
    body = body_of(here.asked) if here.asked.body.strip() else {}
    reasons, reason = reasons_of(body)
    values = body.pop("with", None)
    values = body.pop("values", body) if values is None else values
    if not isinstance(values, dict):
        raise refuse("api.not-object", "/values")
    change = decode.document(here.app, entity, values, False, rules_of(here, entity))
    op = Op("act", entity.path, record, change, name, reason, reasons, rev_of(here, False))
    return await write(here, entity, op)


async def _replace_lines(here: Here, at: At) -> Answer:
    entity, name = at.entity, at.names["lines"]
    data = parse_json(here.asked.body)
    change = decode.lines(here.app, entity, name, data, rules_of(here, entity))
    return await write(here, entity, Op("update", entity.path, at.id, change, rev=rev_of(here)))


def _names_lines(at: At) -> bool:
    field = at.entity.fields.get(at.names["lines"])
    return field is not None and field.origin == "lines"


_ENTITY = "{module}/{entity}"
_RECORD = "{module}/{entity}/{id}"

DOORS = (
    Door("figures.declared", ("GET", "POST"), "{module}/figures/{name}", _declared),
    explaining.DOORS[0],
    *reckoning.DOORS,
    Door("records.list", ("GET", "HEAD"), _ENTITY, _list),
    Door("records.export", ("GET",), f"{_ENTITY}/export", export.door, audited="export"),
    Door("records.create", ("POST",), _ENTITY, _create, scope="write"),
    Door("records.query", ("POST",), f"{_ENTITY}/query", _query),
    Door("records.aggregate", ("GET", "POST"), f"{_ENTITY}/aggregate", _aggregate),
    Door("records.check", ("POST",), f"{_ENTITY}/check", _check),
    Door("records.get", ("GET", "HEAD"), _RECORD, _get, audited="read"),
    Door("records.change", ("PATCH",), _RECORD, _change, scope="write"),
    Door("records.delete", ("DELETE",), _RECORD, _delete, scope="write"),
    Door("records.act", ("POST",), f"{_RECORD}/actions/{{action}}", _act, scope="write"),
    explaining.DOORS[1],
    Door("records.history", ("GET",), f"{_RECORD}/history", _history, audited="read-history"),
    Door("records.restore", ("POST",), f"{_RECORD}/restore", _restore, scope="write"),
    Door("records.lines", ("PUT",), f"{_RECORD}/{{lines}}", _replace_lines, scope="write", fits=_names_lines),
)
