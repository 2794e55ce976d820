"""Ledgers brought to what their documents say now: after a ledger's pack was switched on, or a posting was changed.

A posting whose ledger is not there sleeps: documents move on, and nothing is written. Reposting asks every document as
a move of its own would, mirror first and then post, so what stands already stays and doing it twice does nothing. Other
writers go on: a batch of documents is locked, brought up to date, and let go.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

from engine.db import Body
from engine.plan.entity import Entity
from engine.serve.document.store import World
from engine.serve.tenant import rows
from engine.serve.tenant.bind import call, id_array
from engine.serve.tenant.tenancy import Tenant
from engine.serve.write import posting
from engine.serve.write.writing import world_of

_BATCH = 200
_FIRST = "00000000-0000-0000-0000-000000000000"


class _Undo(Exception):
    """Carries a count out of a transaction that must leave nothing."""

    def __init__(self, made: Counter[str], last: str) -> None:
        self.made, self.last = made, last
        super().__init__()


async def repost(tenant: Tenant, dry_run: bool = False, only: frozenset[str] = frozenset()) -> Counter[str]:
    """Ledger → entries made, mirrors included; of a dry run those that would be. 0 everywhere: the ledgers are right.

    ``only``: these postings, by path; empty is all. Nothing is asked of checks and controls: what documents did is not
    judged again."""
    app = tenant.app
    world = world_of(tenant, app, tenant.moment())
    made: Counter[str] = Counter()
    for entity in map(partial(_with, only=only), app.entities.values()):
        if entity.write is None or all(p.into not in app.entities for p in entity.write.postings):
            continue
        after = _FIRST
        while after:
            found, after = await _next(tenant, world, entity, after, dry_run)
            made += found
    return made


def _with(entity: Entity, only: frozenset[str]) -> Entity:
    """The entity with these of its postings."""
    if not only or entity.write is None:
        return entity
    kept = tuple(p for p in entity.write.postings if p.name in only)
    return replace(entity, write=replace(entity.write, postings=kept))


async def _next(tenant: Tenant, world: World, entity: Entity, after: str, dry_run: bool) -> tuple[Counter[str], str]:
    try:
        return await tenant.database.write(lambda: _batch(world, entity, after, dry_run), world.app.epoch)
    except _Undo as told:
        return told.made, told.last


def _batch(world: World, entity: Entity, after: str, dry_run: bool) -> Body[tuple[Counter[str], str]]:
    """Documents of the next ids: what was made for them, and the last id; none left: no id."""
    write, moment = entity.write, world.moment
    assert write is not None
    ids = [str(row[0]) for row in (yield rows.ids_after(entity.table, after, _BATCH, moment.dialect))]
    if not ids:
        return Counter(), ""
    roots = {"roots": id_array(ids)}
    yield call(write.lock, moment, roots)
    for statement in write.guards:
        yield call(statement, moment, roots)
    events = yield from posting.post(world, write, roots)
    made = Counter(world.app.born.entity(event["entity"]) for event in events)
    if dry_run:
        raise _Undo(made, ids[-1])
    for one in rows.insert_many({"_outbox": events}, moment.dialect):  # noqa: UP028 - a list cannot be sent the rows
        yield one
    return made, ids[-1]
