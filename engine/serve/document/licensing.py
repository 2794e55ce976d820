"""What a tenant's licence allows, where something is about to be done. Reading and export are always allowed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from engine.db import Body, Call
from engine.plan.app import App
from engine.serve.document.store import Op
from engine.serve.tenant.door import LEAVING, OWN_PASSWORD, PRIVATE, At, Door
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import refuse

_OWN = ("second.", *PRIVATE)
COUNT = (
    "SELECT count(*) FROM _login AS l WHERE l.disabled IS NULL"
    ' AND NOT EXISTS (SELECT 1 FROM _grant AS g WHERE g."user" = l."user")'
)
_ONE_AT_A_TIME = (
    "INSERT INTO _guard (key, n) VALUES ('licence.seats', 0) ON CONFLICT (key) DO UPDATE SET n = _guard.n RETURNING n"
)


def admit(tenant: Tenant, door: Door, at: At) -> None:
    """Before a door's handler: one that writes is shut when the licence has ended, or is not for its module. One's own
    password, second step and sessions are not what is licensed."""
    if tenant.terms is None or door.scope != "write":
        return
    if door.name in OWN_PASSWORD or door.name in LEAVING or door.name.startswith(_OWN):
        return
    require(tenant, [at.found.module] if at.found is not None else [])


def require_writable(tenant: Tenant) -> None:
    terms = tenant.terms
    if terms is not None and terms.over(now_of(tenant)):
        if terms.licence.edition == "trial":
            raise refuse("licence.trial-over", until=terms.licence.until)
        raise refuse("licence.over", until=terms.licence.until)


def require_module(tenant: Tenant, module: str) -> None:
    if tenant.terms is not None and not tenant.terms.covers(module):
        info = tenant.app.modules.get(module)
        raise refuse("licence.module", module=info.title if info else module)


def require_ops(tenant: Tenant, app: App, ops: Iterable[Op]) -> None:
    """The same for whatever comes not through a door: imports, commands."""
    require(tenant, (app.entities[op.entity].module for op in ops))


def require(tenant: Tenant, modules: Iterable[str]) -> None:
    if tenant.terms is None:
        return
    require_writable(tenant)
    for module in modules:
        require_module(tenant, module)


def now_of(tenant: Tenant) -> datetime:
    return tenant.clock().astimezone(UTC)


async def seats(tenant: Tenant) -> int:
    """How many may sign in now; whoever has access for a time is not counted."""
    return int((await tenant.database.read(COUNT))[0][0])


def take_seats(tenant: Tenant, more: int) -> Body[None]:
    """In the transaction that lets somebody sign in who could not: refused when there are no seats for them. Whoever
    can sign in already keeps that, however many they are."""
    if tenant.terms is None or tenant.terms.licence.users is None:
        return
    yield Call(_ONE_AT_A_TIME)
    held = int((yield Call(COUNT))[0][0])
    if held + more > tenant.terms.licence.users:
        raise refuse("licence.seats", users=tenant.terms.licence.users, held=held, more=more)
