"""What every page goes out with: its headers, and who looks at it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from engine.plan.viewer import Viewer
from engine.serve.document import rights
from engine.serve.pages import menu, reference
from engine.serve.tenant.bind import Me
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.answer import Answer

_HTML = b"text/html; charset=utf-8"
_CSP = (
    f"default-src 'self'; img-src 'self' data: blob:; style-src 'self' '{reference.STYLE_HASH}'; object-src 'none';"
    " base-uri 'self'; frame-ancestors 'none'; form-action 'self'"
)


def html(text: str, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
    return Answer(status, text.encode(), ((b"content-security-policy", _CSP.encode()), *headers), _HTML)


def go(place: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
    return Answer(303, b"", ((b"location", place.encode()), *headers))


def viewer(tenant: Tenant, me: Me, language: str) -> Viewer:
    moment = tenant.moment(me)
    can = rights.operations(tenant.app, me) if me.user is not None else {}
    called = (tenant.names or {}).get(me.user or "", {}).get("display") or me.name
    return Viewer(
        me.user or "",
        called,
        language,
        tenant.zone,
        me.roles,
        can,
        me.csrf,
        moment.today.isoformat(),
        tenant.title,
        menu.tools(me),
        bool(me.behind),
        _near(tenant) if me.user else None,
    )


def _near(tenant: Tenant) -> int | None:
    terms, now = tenant.terms, tenant.clock().astimezone(UTC)
    return terms.days_left(now) if terms is not None and terms.near(now) else None
