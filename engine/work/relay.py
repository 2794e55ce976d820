"""The relay: what was written to the outbox with its cause is put into the stream, and owed to whoever subscribed.

A row's place in the stream is given here and not when it is written: what commits late is not missed, because readers
only ever see places that have been given. One relay at a time publishes for a tenant: it holds the stream's row of
``_lease`` locked until it commits, so any process may try at any time, and none need be alive.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from engine.db import Body, Database, say
from engine.db.call import Row
from engine.fieldtypes.storage import bind, moment_text
from engine.plan.statement import Dialect
from engine.work.statements import decoded, insert, pairs

BATCH = 500
STREAM = "stream"
KEPT_DAYS = 14
"""How long a reader of the stream may be away and still resume."""


async def publish(database: Database, batch: int = BATCH) -> int:
    """Gives places to what has been committed; how many rows it were. Doing it again does nothing."""
    done = 0
    while await database.read("SELECT 1 FROM _outbox WHERE position IS NULL LIMIT 1"):
        made = await database.write(lambda: _publish(database.dialect, batch))
        if not made:
            break
        done += made
    return done


async def head(database: Database) -> int:
    """The last place given."""
    found = await database.read(f"SELECT n FROM _lease WHERE name = '{STREAM}'")
    return int(found[0][0]) if found else 0


def _publish(dialect: Dialect, batch: int) -> Body[int]:
    yield say(
        dialect,
        f"INSERT INTO _lease (name, holder, until, n) VALUES ('{STREAM}', '', 0, 0) ON CONFLICT DO NOTHING",
    )
    last = int((yield say(dialect, f"UPDATE _lease SET n = n WHERE name = '{STREAM}' RETURNING n"))[0][0])
    # All of a record's rows or none: what is older must not stay behind because another clock gave it a later id.
    found = yield say(
        dialect,
        "SELECT id, entity, record, rev, kind, at FROM _outbox WHERE position IS NULL AND (entity, record) IN"
        " (SELECT entity, record FROM _outbox WHERE position IS NULL ORDER BY id LIMIT :1)",
        batch,
    )
    if not found:
        return 0
    placed = list(enumerate(in_order(found), last + 1))
    yield from _place(dialect, placed)
    yield from _owe(dialect, placed)
    yield say(dialect, f"UPDATE _lease SET n = :1 WHERE name = '{STREAM}'", placed[-1][0])
    return len(placed)


def in_order(found: Iterable[Row]) -> list[Row]:
    """By id, which is the order of birth as far as clocks agree; of one record always by its versions."""
    rows = sorted(found, key=lambda row: str(row[0]))
    mine: dict[tuple[Any, str], list[Row]] = {}
    for row in rows:
        mine.setdefault((row[1], str(row[2])), []).append(row)
    turns = {key: iter(sorted(own, key=lambda row: (row[3], str(row[0])))) for key, own in mine.items()}
    return [next(turns[row[1], str(row[2])]) for row in rows]


def _place(dialect: Dialect, placed: list[tuple[int, Row]]) -> Body[None]:
    given = json.dumps([{"id": str(row[0]), "p": place} for place, row in placed])
    source = pairs(dialect, {"id": "uuid", "p": "bigint"})
    yield say(dialect, f"UPDATE _outbox SET position = x.p FROM {source} WHERE _outbox.id = x.id", given)


def _owe(dialect: Dialect, placed: list[tuple[int, Row]]) -> Body[None]:
    """One delivery for each subscription that wants the event, in the same transaction as its place."""
    hooks = yield say(dialect, "SELECT id, entities, kinds FROM _webhook")
    owed = [
        {
            "webhook": str(hook),
            "event": str(row[0]),
            "position": place,
            "entity": row[1],
            "record": str(row[2]),
            "rev": row[3],
            "kind": row[4],
            "born": moment_text(row[5]),
            "state": "waiting",
            "attempts": 0,
            "due": 0,
        }
        for hook, entities, kinds in hooks
        for place, row in placed
        if wants(decoded(entities), row[1]) and wants(decoded(kinds), row[4])
    ]
    if owed:
        yield insert("_delivery", owed, dialect)


def wants(chosen: list[str] | None, name: str) -> bool:
    """Nothing chosen is everything."""
    return not chosen or name in chosen


async def forget(database: Database, now_ms: int, kept_days: int = KEPT_DAYS) -> None:
    """Ends what is past: published rows, finished deliveries, idempotency keys after a day. Dead deliveries stay until
    somebody decides."""
    before = f"{now_ms - kept_days * 86_400_000:012x}"
    oldest = f"{before[:8]}-{before[8:]}-0000-0000-000000000000"
    day_ago = datetime.fromtimestamp((now_ms - 86_400_000) / 1000, UTC)
    past = bind("datetime", 0, database.dialect, day_ago)

    def body() -> Body[None]:
        yield say(database.dialect, "DELETE FROM _outbox WHERE position IS NOT NULL AND id < :1", oldest)
        yield say(database.dialect, "DELETE FROM _delivery WHERE state IN ('done', 'skipped') AND event < :1", oldest)
        yield say(database.dialect, "DELETE FROM _idempotency WHERE at < :1", past)

    await database.write(body)
