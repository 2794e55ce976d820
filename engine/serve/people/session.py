"""Who asks: by bearer token, or by the session's cookie, which must also show that one of our own pages asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie

from engine.label import LANGUAGES
from engine.serve.people import auth
from engine.serve.tenant.bind import Me
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import Refusal, fault, refuse

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


EYES = "dougong-eyes"
"""The cookie and, with ``dougong-view-as`` as its name, the header by which an administrator sees as somebody else."""


async def caller(tenant: Tenant, method: str, headers: Mapping[str, str], form_token: str = "") -> Me | None:
    me = await _signed_in(tenant, method, headers, form_token)
    wanted = headers.get("dougong-view-as", "") or cookie(headers, EYES)
    if me is None or not me.admin or not wanted or wanted == me.user:
        return me
    seen = await auth.as_person(tenant, wanted)
    if seen is None:
        return me
    return replace(seen, csrf=me.csrf, session=me.session, token=me.token, reads_only=True, behind=me.user or "")


async def somebody(tenant: Tenant, method: str, headers: Mapping[str, str]) -> Me:
    """The caller, where nobody else gets further."""
    me = await caller(tenant, method, headers)
    if me is None:
        raise Refusal((fault("auth.needed"),), 401, {"www-authenticate": "Bearer"})
    return me


async def _signed_in(tenant: Tenant, method: str, headers: Mapping[str, str], form_token: str) -> Me | None:
    given = headers.get("authorization", "")
    if given[:7].lower() == "bearer ":
        return await auth.who(tenant, given[7:].strip())
    token = cookie(headers)
    if not token:
        return None
    me = await auth.who(tenant, token)
    if me is not None and method not in SAFE:
        check_origin(me, headers, form_token)
    return me


def check_origin(me: Me, headers: Mapping[str, str], form_token: str) -> None:
    given = headers.get("x-csrf-token") or form_token
    if from_elsewhere(headers) or not compare_digest(given.encode(), me.csrf.encode()):
        raise refuse("auth.csrf")


def from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether the browser says that another site asks. ``Origin: null`` is another site too."""
    origin, host = headers.get("origin", ""), headers.get("host", "")
    return bool(origin and origin.partition("://")[2] != host) or headers.get("sec-fetch-site", "") == "cross-site"


def cookie(headers: Mapping[str, str], name: str = auth.COOKIE) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def chosen_language(headers: Mapping[str, str]) -> str:
    """What the person chose on a page; stronger than what the browser asks for."""
    chosen = cookie(headers, "language")
    return chosen if chosen in LANGUAGES else ""
