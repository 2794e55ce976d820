"""The HTTP shell: records over one catch-all door, fixed doors by FastAPI, pages; an error is problem+json or a page.

Records do not pass FastAPI: hundreds of entities are one dictionary look-up, and the JSON that the database built goes
out as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote

from engine.db import Lost
from engine.problem import Problems
from engine.serve import pages, records
from engine.serve.answer import Answer, Asked, choose_language, problem
from engine.serve.doors import fixed_doors
from engine.serve.fault import Refusal, fault, of_problem, refuse
from engine.serve.here import Here
from engine.serve.ids import uuid7
from engine.serve.session import SAFE, caller
from engine.serve.tenancy import Tenant, Tenants

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 4 * 1024 * 1024
_FIXED = frozenset({"/health", "/api/v1/login", "/api/v1/logout", "/api/v1/me", "/api/v1/openapi.json"})
_log = logging.getLogger("dougong.serve")


class Gone(Exception):
    """The caller left before all of the body had come."""


def asgi(tenants: Tenants, max_body: int = MAX_BODY) -> Asgi:
    """The whole server as an ASGI application."""
    fixed = fixed_doors(tenants)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _FIXED:
            await fixed(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        try:
            answer = await _answer(tenants, scope, headers, receive, max_body)
        except Gone:
            return
        await _send(answer, scope["method"], send)

    return application


async def _answer(
    tenants: Tenants, scope: Scope, headers: Mapping[str, str], receive: Receive, max_body: int
) -> Answer:
    path = scope["path"]
    api = path == "/api" or path.startswith("/api/")
    language = choose_language(headers.get("accept-language", ""), "zh")
    tenant = tenants.find(headers.get("host", ""))
    try:
        if tenant is None:
            raise refuse("server.no-tenant")
        language = choose_language(headers.get("accept-language", ""), tenant.language)
        body = await _body(receive, headers, max_body) if scope["method"] not in SAFE else b""
        asked = Asked(scope["method"], _parts(path, api), scope["query_string"], body, headers)
        if api:
            return await _api(tenant, asked, path, language)
        return await pages.handle(tenant, asked, language)
    except Refusal as refusal:
        said = refusal
    except Problems as found:
        said = Refusal([of_problem(p) for p in found.problems])
    except Lost as lost:
        said = Refusal([fault("server.lost", says=lost.says, hint=lost.hint)])
    except Gone:
        raise
    except Exception:
        reference = uuid7()[-12:]
        _log.exception("request failed: %s %s [%s]", scope["method"], path, reference)
        said = Refusal([fault("server.fault", reference=reference)])
    if api or tenant is None:
        return problem(said, language)
    return pages.refused(tenant, said, language)


def _parts(path: str, api: bool) -> tuple[str, ...]:
    cut = path[len("/api/v1/") :] if api else path[1:]
    return tuple(unquote(part) for part in cut.rstrip("/").split("/"))


async def _api(tenant: Tenant, asked: Asked, path: str, language: str) -> Answer:
    if not path.startswith("/api/v1/"):
        raise refuse("api.no-route", path=path[:120], nearest="/api/v1/")
    me = await caller(tenant, asked.method, asked.headers)
    if me is None:
        raise Refusal((fault("auth.needed"),), 401, {"www-authenticate": "Bearer"})
    if not asked.headers.get("accept-language"):
        language = me.language
    return await records.handle(Here(tenant, tenant.app, me, asked, language))


async def _body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """The whole body, or a refusal before it has filled the memory."""
    told = headers.get("content-length", "")
    if told.isdigit() and int(told) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _too_large(limit: int) -> Refusal:
    return Refusal((fault("api.too-large", limit=limit),), 413, {"connection": "close"})


async def _send(answer: Answer, method: str, send: Send) -> None:
    headers = [(b"content-type", answer.media), (b"content-length", str(len(answer.body)).encode()), *answer.headers]
    if answer.status in (204, 304):
        headers = list(answer.headers)
    else:
        headers.append((b"x-content-type-options", b"nosniff"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})
