"""A server for many tenants: whose a request is, before anything else is asked of it.

By host name: pages and API. At a host that is nobody's, the API alone: by the path ``/t/<name>/api/v1/…``, or by the
token of a program, which begins with the name of its tenant. Pages are only at a host of the tenant's own: to a browser
one host is one house, whose cookies and scripts share everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from engine.db import Lost
from engine.problem import Problems
from engine.serve.tenant.tenancy import Tenant, host_of
from engine.serve.wire.answer import Answer, choose_language, headers_of, problem, said
from engine.serve.wire.fault import Refusal, of_lost, of_problem
from engine.serve.wire.shield import Asgi, Receive, Scope, Send
from renderer import outside

_KEY = "dougong.tenant"
_PREFIX = "/t/"


class Stay(Protocol):
    """A tenant for as long as a request lasts: it is not closed meanwhile."""

    @property
    def tenant(self) -> Tenant: ...


class House(Protocol):
    """The tenants of a process; opened when somebody comes."""

    def by_host(self, host: str) -> str | None:
        """The tenant's name."""
        ...

    async def enter(self, name: str) -> Stay:
        """Raises Refusal where there is no such tenant, or nobody gets in now."""
        ...

    def leave(self, stay: Stay) -> None: ...


class Lodgers:
    """``Tenants`` of a server where ``received`` has found out whose a request is."""

    def find(self, scope: Mapping[str, Any]) -> Tenant | None:
        found: Tenant | None = scope.get(_KEY)
        return found


@dataclass(frozen=True, slots=True)
class _Whose:
    name: str
    prefix: str = ""


def received(app: Asgi, house: House) -> Asgi:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        whose = _whose(scope, house) if scope["type"] == "http" else None
        if whose is None:
            await app({**scope, _KEY: None}, receive, send)
            return
        try:
            stay = await house.enter(whose.name)
        except (Refusal, Lost, Problems) as error:
            await _refused(error, scope, whose, send)
            return
        try:
            await app(*_as_his(scope, stay.tenant, whose, receive, send))
        finally:
            house.leave(stay)

    return application


def _whose(scope: Scope, house: House) -> _Whose | None:
    name = house.by_host(host_of(scope))
    if name is not None:
        return _Whose(name)
    path = scope["path"]
    if path.startswith(_PREFIX):
        name, _, rest = path[len(_PREFIX) :].partition("/")
        return _Whose(name, f"{_PREFIX}{name}") if rest.startswith("api/") else None
    if path.startswith("/api/"):
        told = [v for k, v in scope["headers"] if k == b"authorization" and v[:7].lower() == b"bearer "]
        name, dot, _ = (told[0][7:].decode("latin-1").strip() if len(told) == 1 else "").partition(".")
        return _Whose(name) if dot and name else None
    return None


def _as_his(scope: Scope, tenant: Tenant, whose: _Whose, receive: Receive, send: Send) -> tuple[Scope, Receive, Send]:
    """By a prefix nobody is known by a cookie: the host's cookies may be anybody's."""
    if not whose.prefix:
        return {**scope, _KEY: tenant}, receive, send
    headers = [(k, v) for k, v in scope["headers"] if k != b"cookie"]
    path = scope["path"][len(whose.prefix) :]

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            told = [
                (k, whose.prefix.encode() + v if k == b"location" and v.startswith(b"/") else v)
                for k, v in message.get("headers", ())
                if k != b"set-cookie"
            ]
            message = {**message, "headers": told}
        await send(message)

    return {**scope, _KEY: tenant, "path": path, "raw_path": path.encode(), "headers": headers}, receive, sending


async def _refused(error: Refusal | Lost | Problems, scope: Scope, whose: _Whose, send: Send) -> None:
    """There is no tenant to answer: in the caller's language, as a problem or as a page that needs nothing."""
    match error:
        case Lost():
            refusal = of_lost(error)
        case Problems():
            refusal = Refusal([of_problem(p) for p in error.problems], 503)
        case _:
            refusal = error
    headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
    language = choose_language(headers.get("accept-language", ""), "zh")
    path = scope["path"].removeprefix(whose.prefix)
    if path == "/api" or path.startswith("/api/") or path == "/health":
        answer = problem(refusal, language)
    else:
        page = outside.closed_page(language, refusal.status, said(refusal.faults, language))
        answer = Answer(refusal.status, page.encode(), headers_of(refusal.headers), b"text/html; charset=utf-8")
    told = [(b"content-type", answer.media), (b"content-length", str(len(answer.body)).encode()), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": told})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})
