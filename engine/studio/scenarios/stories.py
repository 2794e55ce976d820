"""Records that say how they came to be: who entered them, when, and who signed. Demo data is made of these."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, time
from functools import partial
from itertools import groupby
from zoneinfo import ZoneInfo

from engine.catalog import Row
from engine.serve.document.store import Op, World
from engine.serve.people import auth
from engine.serve.tenant.bind import ENGINE, Me, Moment
from engine.serve.wire.fault import Refusal
from engine.serve.write.write import documents
from engine.studio.tenant.planting import Planter, not_planted

_MORNING = time(9)


def moment(text: str, zone: str) -> datetime:
    """A moment as packs write it, in the tenant's zone; a date alone means nine in the morning."""
    found = datetime.fromisoformat(text)
    if len(text) <= len("2026-03-05"):
        found = datetime.combine(found.date(), _MORNING)
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


async def plant_stories(
    planter: Planter,
    rows: Iterable[Row],
    moment_of: Callable[[str], datetime],
    seen: Callable[[int], None] = lambda n: None,
) -> int:
    """Plants rows in order; those without a story go in together, as the engine itself. How many."""
    done = 0
    for told, group in groupby(rows, key=lambda row: row.story is not None):
        if not told:
            plain = list(group)
            done += await planter.tenant.database.write(partial(planter.plant, plain), planter.tenant.app.epoch)
            seen(done)
            continue
        for row in group:
            await _live_through(planter, row, moment_of)
            done += 1
            seen(done)
    return done


async def _live_through(planter: Planter, row: Row, moment_of: Callable[[str], datetime]) -> None:
    story = row.story
    assert story is not None
    tenant = planter.tenant
    at = moment_of(story.now) if story.now else tenant.clock()
    moment = await _moment(planter, story.as_, at)
    who = story.as_
    try:
        made = await tenant.database.write(lambda: planter.one(row, moment), tenant.app.epoch)
        for act in story.acts:
            at = moment_of(act.now) if act.now else at
            who = f"{act.as_} {act.action}"
            moment = await _moment(planter, act.as_, at)
            op = Op("act", row.entity, made.id, action=act.action, reason=story.reason)
            world = World(tenant.app, tenant.asker, moment)
            await tenant.database.write(lambda w=world, o=op: documents(w, [o]), tenant.app.epoch)  # type: ignore[misc]
    except (LookupError, Refusal) as error:
        raise not_planted(row, error, who) from error


async def _moment(planter: Planter, who: str, at: datetime) -> Moment:
    me = await _person(planter, who) if who and who != "admin" else ENGINE
    return replace(planter.tenant.moment(me), now=at)


async def _person(planter: Planter, who: str) -> Me:
    user = planter.names.get((planter.tenant.app.people.users, who))
    if user is None:
        raise LookupError(f"nobody is called {who}")
    return await auth.with_roles(planter.tenant, Me(user, who, planter.tenant.language))
