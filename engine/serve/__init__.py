"""Serving: a request → a question or an operation (pure) → one transaction → an answer."""

from __future__ import annotations

from engine.serve.document.store import Done, Op
from engine.serve.people.auth import login, open_session, set_password
from engine.serve.server.http import asgi
from engine.serve.tenant.bind import ENGINE, Me
from engine.serve.tenant.tenancy import OneTenant, Tenant, Tenants
from engine.serve.write.resolve import resolve
from engine.serve.write.writing import perform


async def apply_document(tenant: Tenant, me: Me, op: Op) -> Done:
    """One operation on one document, in a transaction of its own."""
    return (await perform(tenant, me, [op]))[0]


__all__ = [
    "ENGINE",
    "Done",
    "Me",
    "OneTenant",
    "Op",
    "Tenant",
    "Tenants",
    "apply_document",
    "asgi",
    "login",
    "open_session",
    "perform",
    "resolve",
    "set_password",
]
