"""The HTTP shell: records over one catch-all door, fixed doors by FastAPI, pages; an error is problem+json or a page.

Records do not pass FastAPI: hundreds of entities are one dictionary look-up, and the JSON that the database built goes
out as it is. Who asks is known before a body is read: strangers fill no memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from engine.db import Held, Lost, Stale
from engine.problem import Problems
from engine.serve.document import licensing
from engine.serve.files import uploads
from engine.serve.pages import pages
from engine.serve.people import audit
from engine.serve.people.session import SAFE, somebody
from engine.serve.server import registry
from engine.serve.server.doors import fixed_doors
from engine.serve.server.front import UNGUARDED, Front, guarded
from engine.serve.server.reception import House, received
from engine.serve.tenant.door import let_in
from engine.serve.tenant.here import Here
from engine.serve.tenant.ids import uuid7
from engine.serve.tenant.tenancy import Tenant, Tenants
from engine.serve.wire import bodies
from engine.serve.wire.answer import PROBLEMS, Answer, Asked, choose_language, problem
from engine.serve.wire.bodies import Gone
from engine.serve.wire.fault import Refusal, fault, of_lost, of_problem, refuse
from engine.serve.wire.shield import Asgi, Receive, Scope, Send, shielded

MAX_FORM = 4 * 1024 * 1024
_REPLAYED = 32 * 1024 * 1024
_PATIENCE = 10.0
"""Seconds without learning anything new; where changes come as fast as they are learnt, each gives as many again."""
_PATIENT_AT_MOST = 60.0
_IN_VAIN = 3
_FIXED = frozenset({"/health", "/api/v1/login", "/api/v1/logout", "/api/v1/me", "/api/v1/openapi.json"})
_log = logging.getLogger("dougong.serve")


def asgi(tenants: Tenants, https: bool = False, front: Front = UNGUARDED, house: House | None = None) -> Asgi:
    """The whole server as an ASGI application. ``https``: people always come over it. ``house``: of many tenants, who
    are opened when somebody comes; ``tenants`` are ``Lodgers`` then."""
    fixed = fixed_doors(tenants, front)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _FIXED or scope["path"].startswith(f"{PROBLEMS}/"):
            await fixed(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        try:
            answer = await _answer(tenants, front, scope, headers, receive)
        except Gone:
            return
        await _send(answer, scope["method"], receive, send)

    whole = guarded(application, front)
    return shielded(whole if house is None else received(whole, house), https)


async def _answer(tenants: Tenants, front: Front, scope: Scope, headers: Mapping[str, str], receive: Receive) -> Answer:
    path, method = scope["path"], scope["method"]
    api = path == "/api" or path.startswith("/api/")
    language = choose_language(headers.get("accept-language", ""), "zh")
    tenant = tenants.find(scope)
    try:
        if tenant is None:
            raise refuse("server.no-tenant")
        language = choose_language(headers.get("accept-language", ""), tenant.language)
        address = scope["client"][0]
        front.pace.address(tenant.name, address)
        asked = Asked(method, _parts(path, api), scope["query_string"], headers=headers, address=address)
        return await _by_what_holds(tenant, front, asked, path, language, Replayed(receive))
    except Refusal as refusal:
        said = refusal
    except Problems as found:
        said = Refusal([of_problem(p) for p in found.problems])
    except Lost as lost:
        said = of_lost(lost)
    except (Stale, Held):
        said = Refusal((fault("server.changing"),), 503, {"retry-after": "1"})
    except Gone:
        raise
    except Exception:
        reference = uuid7()[-12:]
        _log.exception("request failed: %s %s [%s]", method, path, reference)
        said = Refusal([fault("server.fault", reference=reference)])
    if api or tenant is None:
        return problem(said, language)
    return pages.refused(tenant, said, language)


async def _by_what_holds(
    tenant: Tenant, front: Front, asked: Asked, path: str, language: str, received: Replayed
) -> Answer:
    """A request that the tenant's metadata changed under begins anew, by what holds now; its caller does not notice."""
    began = time.monotonic()
    until, in_vain = began + _PATIENCE, 0
    while True:
        app = tenant.app
        try:
            return await _served(tenant, front, asked, path, language, received)
        except Stale:
            if tenant.learn is None or not received.again() or in_vain == _IN_VAIN or time.monotonic() > until:
                raise
            # Another request may have learnt it already; if nobody has, it is our statement that is wrong.
            await tenant.learn()
            in_vain = in_vain + 1 if tenant.app is app else 0
            if not in_vain:
                until = min(time.monotonic() + _PATIENCE, began + _PATIENT_AT_MOST)


async def _served(tenant: Tenant, front: Front, asked: Asked, path: str, language: str, receive: Receive) -> Answer:
    if path == "/api" or path.startswith("/api/"):
        return await _api(tenant, front, asked, path, language, receive)
    if asked.method not in SAFE and uploads.is_multipart(asked.headers):
        asked = replace(asked, chunks=bodies.chunks(receive, asked.headers, uploads.MOST, front.seconds))
    elif asked.method not in SAFE:
        asked = replace(asked, body=await bodies.whole(receive, asked.headers, MAX_FORM, front.seconds))
    return await pages.handle(tenant, asked, language, registry.PAGES.find, front.pace.person)


class Replayed:
    """A request's body that can be received once more, as long as it was not too large to keep."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: list[MutableMapping[str, Any]] = []
        self._next = 0
        self._size = 0

    async def __call__(self) -> MutableMapping[str, Any]:
        if self._next < len(self._kept):
            self._next += 1
            return self._kept[self._next - 1]
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size <= _REPLAYED:
            self._kept.append(message)
            self._next += 1
        else:
            self._kept.clear()
        return message

    def again(self) -> bool:
        self._next = 0
        return self._size <= _REPLAYED


def _parts(path: str, api: bool) -> tuple[str, ...]:
    cut = path[len("/api/v1/") :] if api else path[1:]
    return tuple(unquote(part) for part in cut.rstrip("/").split("/"))


async def _api(tenant: Tenant, front: Front, asked: Asked, path: str, language: str, receive: Receive) -> Answer:
    if not path.startswith("/api/v1/"):
        raise refuse("api.no-route", path=path[:120], nearest="/api/v1/")
    app = tenant.app
    me = await somebody(tenant, asked.method, asked.headers)
    front.pace.person(tenant.name, me)
    if not asked.headers.get("accept-language"):
        language = me.language
    found = registry.API.find(app, asked.method, asked.path)
    if found is None:
        raise registry.nothing(app, asked.path)
    door, at = found
    let_in(door, me)
    licensing.admit(tenant, door, at)
    if asked.method not in SAFE:
        if door.streams:
            asked = replace(asked, chunks=bodies.chunks(receive, asked.headers, door.most, front.seconds))
        else:
            asked = replace(asked, body=await bodies.whole(receive, asked.headers, door.most, front.seconds))
    here = Here(tenant, app, me, asked, language)
    return await audit.through(here, door, at, await door.handler(here, at))


async def _send(answer: Answer, method: str, receive: Receive, send: Send) -> None:
    headers = [(b"content-type", answer.media), *answer.headers]
    if answer.status in (204, 304):
        headers = list(answer.headers)
    elif answer.stream is None:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.stream is not None and method != "HEAD":
        await _stream(answer.stream, receive, send)
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})


async def _stream(pieces: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Sends piece after piece until there are no more or the caller has left; then the source is closed."""
    left = asyncio.ensure_future(_left(receive))
    try:
        while True:
            piece = asyncio.ensure_future(anext(pieces, None))
            await asyncio.wait((piece, left), return_when=asyncio.FIRST_COMPLETED)
            if left.done():
                piece.cancel()
                await asyncio.gather(piece, return_exceptions=True)
                return
            body = piece.result()
            if body is None:
                return
            await send({"type": "http.response.body", "body": body, "more_body": True})
    finally:
        left.cancel()
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
