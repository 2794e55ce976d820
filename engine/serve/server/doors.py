"""The fixed doors, served by FastAPI: health, signing in and out, who am I, the tenant's own OpenAPI document."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from engine.db import Lost
from engine.problem import KNOWN
from engine.serve.document import rights
from engine.serve.people import auth, session
from engine.serve.server import registry
from engine.serve.server.front import Front
from engine.serve.system import describing
from engine.serve.tenant.bind import Me
from engine.serve.tenant.tenancy import Tenant, Tenants
from engine.serve.wire.answer import PROBLEMS, Answer, as_json, choose_language, problem
from engine.serve.wire.bodies import Gone, whole
from engine.serve.wire.fault import Refusal, fault, of_lost, refuse
from engine.serve.wire.parsing import parse_object

_MAX_LOGIN = 10_000
_HEALTH_SECONDS = 3


def fixed_doors(tenants: Tenants, front: Front) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    def tenant_of(request: Request) -> Tenant:
        tenant = tenants.find(request.scope)
        if tenant is None:
            raise refuse("server.no-tenant")
        front.pace.address(tenant.name, _address(request))
        return tenant

    async def caller_of(request: Request) -> tuple[Tenant, Me]:
        tenant = tenant_of(request)
        me = await session.somebody(tenant, request.method, request.headers)
        front.pace.person(tenant.name, me)
        return tenant, me

    @app.get("/health")
    async def health(request: Request) -> Response:
        """Whether the process answers and its database too."""
        tenant = tenants.find(request.scope)
        if tenant is not None:
            await _database_answers(tenant)
        return _response(Answer(200, as_json({"status": "ok"})))

    @app.post("/api/v1/login")
    async def login(request: Request) -> Response:
        tenant = tenant_of(request)
        try:
            data = parse_object(await whole(request.receive, request.headers, _MAX_LOGIN, front.seconds))
        except Gone:
            return Response(status_code=400)
        came = auth.From(_address(request), request.headers.get("user-agent", ""))
        name, password, code = _shown(data)
        made = await auth.login(tenant, name, password, "api", came, code[:80])
        return _response(Answer(200, as_json({"token": made.token, "user": _who(tenant, made.me)})))

    @app.post("/api/v1/logout")
    async def logout(request: Request) -> Response:
        tenant, _ = await caller_of(request)
        given = request.headers.get("authorization", "")
        await auth.logout(tenant, given[7:].strip() if given else session.cookie(request.headers))
        return Response(status_code=204)

    @app.get("/api/v1/me")
    async def whoami(request: Request) -> Response:
        return _response(Answer(200, as_json(_who(*await caller_of(request)))))

    @app.get("/api/v1/openapi.json")
    async def openapi(request: Request) -> Response:
        tenant, me = await caller_of(request)
        return _response(Answer(200, as_json(describing.document(tenant, me, registry.SYSTEM))))

    @app.get("/api/v1/problems/{code}")
    async def explained(request: Request, code: str) -> Response:
        tenant_of(request)
        return _response(Answer(200, as_json(_explained(code))))

    _tell_refusals(app, tenants)
    return app


async def _database_answers(tenant: Tenant) -> None:
    try:
        async with asyncio.timeout(_HEALTH_SECONDS):
            await tenant.database.read("SELECT 1")
    except TimeoutError as error:
        raise Lost(f"The database does not answer within {_HEALTH_SECONDS} s") from error


def _shown(data: Mapping[str, Any]) -> tuple[str, str, str]:
    """By what somebody signs in: name, password, and a code if he has a second step."""
    name, password, code = data.get("name"), data.get("password"), data.get("code", "")
    unknown = set(data) - {"name", "password", "code"}
    if not (isinstance(name, str) and isinstance(password, str) and isinstance(code, str)) or unknown:
        expected = '{"name": "…", "password": "…"}'
        raise refuse("api.parameter", name="name, password", got="…", expected=expected, expected_zh=expected)
    return name, password, code


def _tell_refusals(app: FastAPI, tenants: Tenants) -> None:
    """Every error of these doors in our form, FastAPI's own included."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return _response(problem(error, _language(request, tenants)))

    async def lost(request: Request, error: Exception) -> Response:
        assert isinstance(error, Lost)
        return _response(problem(of_lost(error), _language(request, tenants)))

    async def standard(request: Request, error: Exception) -> Response:
        """FastAPI's own refusals in our form."""
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "")
            said = fault("api.method", method=request.method, allowed=allowed)
            return _response(problem(Refusal((said,), 405, {"allow": allowed}), _language(request, tenants)))
        said = fault("api.no-route", path=request.url.path[:120], nearest="")
        return _response(problem(Refusal((said,)), _language(request, tenants)))

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        Refusal: refused,
        Lost: lost,
        HTTPException: standard,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _language(request: Request, tenants: Tenants) -> str:
    tenant = tenants.find(request.scope)
    return choose_language(request.headers.get("accept-language", ""), tenant.language if tenant else "zh")


def _explained(code: str) -> dict[str, Any]:
    """What a code means, for anybody: sentences with ``{…}`` where values are filled in."""
    if code.startswith("check."):
        says = {
            "en": "A check of a pack does not hold; the answer has its own sentence",
            "zh": "不满足业务校验，详见返回的说明",
        }
        return {"type": f"{PROBLEMS}/{code}", "code": code, "status": 422, "says": says}
    known = KNOWN.get(code)
    if known is None:
        raise refuse("api.no-problem")
    told: dict[str, Any] = {"type": f"{PROBLEMS}/{code}", "code": code, "status": known.status}
    told["says"] = {"en": known.en, "zh": known.zh}
    if known.hint_en:
        told["hint"] = {"en": known.hint_en, "zh": known.hint_zh}
    return told


def _who(tenant: Tenant, me: Me) -> dict[str, Any]:
    can = rights.operations(tenant.app, me)
    return {
        "id": me.user,
        "name": me.name,
        "language": me.language,
        "must_change": me.must_change,
        "roles": list(me.roles),
        "places": {name: list(ids) for name, ids in me.places.items()},
        "can": {path: sorted(operations) for path, operations in can.items() if operations},
    }


def _response(answer: Answer) -> Response:
    made = Response(answer.body, answer.status, media_type=answer.media.decode())
    for name, value in answer.headers:
        made.headers[name.decode()] = value.decode()
    return made
