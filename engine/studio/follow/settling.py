"""What changes have left to be done is done: by whoever changed, and by any process that serves the tenant."""

from __future__ import annotations

import asyncio

from engine.db import Stale
from engine.problem import Problems
from engine.serve.tenant.tenancy import Tenant
from engine.studio.follow import refreshing, waking
from engine.studio.follow.batches import Progress
from engine.studio.follow.owing import KINDS, Kind, owed
from engine.studio.follow.turns import SETTLING, turn
from engine.studio.source.build import source_from
from engine.tenants import revision

_TRIES = 5
_PATIENCE = 3_600.0


async def settle(
    tenant: Tenant, tell: Progress = lambda *_: None, kinds: tuple[Kind, ...] = KINDS, patience: float = _PATIENCE
) -> dict[str, int]:
    """Ledger → entries made. Whatever else is changed meanwhile; waits for whoever is at it, and raises Problems when
    he still is after ``patience`` seconds."""
    for _ in range(_TRIES):
        if not await owed(tenant.database, kinds):
            break
        try:
            async with turn(tenant.database, "", SETTLING, patience):
                return await _settled(tenant, tell, kinds)
        except Stale:
            if tenant.learn is None:
                raise
            await tenant.learn()
    return {}


async def _settled(tenant: Tenant, tell: Progress, kinds: tuple[Kind, ...]) -> dict[str, int]:
    waiting = await owed(tenant.database, kinds)
    posted = [one for one in waiting if one.kind == "posting"]
    made = await waking.settle(tenant, posted) if posted else {}
    if len(posted) < len(waiting):
        have = await revision.current(tenant.database)
        if have is None or have.epoch != tenant.app.epoch:
            raise Stale
        catalog = await asyncio.to_thread(source_from(have.source).catalog)
        await refreshing.settle(tenant, catalog, [one for one in waiting if one.kind == "refresh"], tell)
    return made


async def settled(tenant: Tenant) -> bool:
    """The same, unless somebody is at it: whether nothing is left."""
    try:
        await settle(tenant, patience=0)
    except Problems:
        return False
    return not await owed(tenant.database)
