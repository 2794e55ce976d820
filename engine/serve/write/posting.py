"""Postings of documents: what no longer holds is mirrored, what newly holds is posted. Doing it again does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.db import Body
from engine.plan.entity import Entity, Write
from engine.serve.document.store import World
from engine.serve.tenant.bind import call, id_array
from engine.serve.write import companions, history


def post(world: World, write: Write, roots: Mapping[str, Any]) -> Body[list[dict[str, Any]]]:
    """Mirrors what no longer holds, then posts what newly holds; the events of the entries."""
    events = []
    entries: dict[str, list[str]] = {}
    for posting in write.postings:
        if posting.into not in world.app.entities:
            continue
        table = world.app.entities[posting.into].table
        for statement in (posting.reverse, posting.post):
            made = yield call(statement, world.moment, roots)
            events += [history.event(table, str(row[0]), 1, "post", world.moment) for row in made]
            entries.setdefault(posting.into, []).extend(str(row[0]) for row in made)
    for ledger, ids in entries.items():
        yield from _findable(world, world.app.entities[ledger], ids)
    return events


def _findable(world: World, ledger: Entity, ids: list[str]) -> Body[None]:
    """Entries are made by the database; what people find and sort them by is made here, as for every record."""
    write = ledger.write
    if not ids or write is None or write.root.companions is None:
        return
    found = yield call(write.read_back, world.moment, {"roots": id_array(ids)})
    yield from companions.keep(world, ledger, write.root, [history.parsed(row[1]) for row in found])
