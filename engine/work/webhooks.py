"""Deliveries: what the relay owes to subscriptions is sent until it is taken, in the order of each record's versions.

One process at a time delivers for a tenant: it holds a lease with an end, and begins nothing that could outlast it.
A subscription is served by a task of its own, so a slow peer delays nobody else. A record's next event waits until
the one before is taken or given up; other records go on. What was sent but not yet noted when a process died is sent
again, with the same ``webhook-id``.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.db import Body, Database, Lost, say
from engine.db.call import Row
from engine.plan.born import Born
from engine.work.peer import TIMEOUT, Told, signatures

Send = Callable[[str, dict[str, str], bytes], Awaitable[Told]]
Admits = Callable[[str, str, Sequence[Row]], Awaitable[set[str]]]
"""(who subscribed, condition, what is owed as ``_DUE`` gives it) → ids of the events whose record it admits now."""
LEASE = 30.0
DELAYS = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400)
"""Seconds before the second attempt, the third …; after the last one the delivery is dead until it is replayed."""
_TOGETHER = 8
"""Messages under way at once to one peer."""
_BATCH = 64
"""Rows looked up at once: finding what is due costs more than sending it."""
_COURIER = "courier"
_log = logging.getLogger("dougong.work")

_DUE = (
    "SELECT d.event, d.entity, d.record, d.rev, d.kind, d.born, d.attempts FROM _delivery AS d"
    " WHERE d.webhook = :1 AND d.state = 'waiting' AND d.due <= :2 AND d.position = (SELECT min(e.position)"
    " FROM _delivery AS e WHERE e.webhook = d.webhook AND e.state = 'waiting' AND e.record = d.record"
    f" AND e.entity = d.entity) ORDER BY d.position LIMIT {_BATCH}"
)
"""Each record's first. As ``NOT EXISTS`` PostgreSQL makes a join of it, and all pairs of a long queue of which it has
no statistics yet."""


@dataclass(slots=True)
class Courier:
    """``holder`` is this process; ``send`` sends one message."""

    database: Database
    send: Send
    holder: str
    born: Callable[[], Born]
    delays: tuple[float, ...] = DELAYS
    lease: float = LEASE
    admits: Admits | None = None
    ends: float = 0.0
    """Until when, by this process's own clock, the lease is ours."""
    working: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def look(self) -> None:
        """Begins what is due, if the lease is ours or can be had. Does not wait for it."""
        due = await self._read(
            "SELECT DISTINCT w.id FROM _webhook AS w JOIN _delivery AS d ON d.webhook = w.id"
            " WHERE w.state = 'active' AND d.state = 'waiting' AND d.due <= :1",
            _now(),
        )
        waiting = [str(row[0]) for row in due if str(row[0]) not in self.working]
        if not waiting or not await self._hold():
            return
        for hook in waiting:
            task = self.working[hook] = asyncio.create_task(self._drain(hook))
            task.add_done_callback(lambda _, hook=hook: self.working.pop(hook, None))  # type: ignore[misc]

    async def _hold(self) -> bool:
        if self.ends - time.monotonic() > self.lease * 2 / 3:
            return True
        dialect, began = self.database.dialect, time.monotonic()

        def body() -> Body[bool]:
            now = _now()
            yield say(
                dialect,
                f"INSERT INTO _lease (name, holder, until, n) VALUES ('{_COURIER}', '', 0, 0) ON CONFLICT DO NOTHING",
            )
            got = yield say(
                dialect,
                f"UPDATE _lease SET holder = :1, until = :2 WHERE name = '{_COURIER}'"
                " AND (holder = :1 OR until < :3) RETURNING name",
                self.holder,
                now + int(self.lease * 1000),
                now,
            )
            return bool(got)

        if await self.database.write(body):
            self.ends = began + self.lease
        return self._enough()

    def _enough(self) -> bool:
        """One message may take its whole time before somebody else could begin."""
        return self.ends - time.monotonic() > TIMEOUT + 2

    async def _drain(self, hook: str) -> None:
        try:
            while await self._hold():
                found = await self._read(
                    'SELECT url, secret, old_secret, old_until, condition, "by" FROM _webhook'
                    " WHERE id = :1 AND state = 'active'",
                    hook,
                )
                due = await self._read(_DUE, hook, _now()) if found else []
                if not due:
                    return
                wanted = await self._wanted(hook, found[0], due)
                few = asyncio.Semaphore(_TOGETHER)
                await asyncio.gather(*(self._in_turn(few, hook, found[0], row) for row in wanted))
        except Exception:
            _log.warning("deliveries stopped for a while", exc_info=True)

    async def _wanted(self, hook: str, to: Row, due: list[Row]) -> list[Row]:
        """What the subscription's condition admits; the rest is put aside. A condition that cannot be asked (its
        fields are gone, or the rights of who made it) is an attempt that failed."""
        condition, by = to[4], str(to[5])
        if not condition:
            return due
        try:
            admitted = await self.admits(by, condition, due) if self.admits is not None else set()
        except Lost:
            raise
        except Exception as error:
            told = Told(0, f"condition: {error}"[:200])
            for row in due:
                await self._note(hook, str(row[0]), int(row[6]) + 1, told, 0)
            return []
        for row in due:
            if str(row[0]) not in admitted:
                await self._note(hook, str(row[0]), int(row[6]), None, 0)
        return [row for row in due if str(row[0]) in admitted]

    async def _in_turn(self, few: asyncio.Semaphore, hook: str, to: Row, row: Row) -> None:
        async with few:
            if await self._hold():
                await self._deliver(hook, to, row)

    async def _deliver(self, hook: str, to: Row, row: Row) -> None:
        event, table, record, rev, kind, born, attempts = row
        entity = self.born().entity(table)
        url, secret, old, old_until = to[:4]
        body = json.dumps(
            {
                "type": f"{entity}.{kind}",
                "timestamp": born,
                "data": {"entity": entity, "id": str(record), "rev": rev, "kind": kind},
            }
        ).encode()
        now = int(time.time())
        held = [secret, old] if old and (old_until or 0) > _now() else [secret]
        headers = {
            "content-type": "application/json",
            "user-agent": "dougong",
            "webhook-id": str(event),
            "webhook-timestamp": str(now),
            "webhook-signature": signatures(held, str(event), now, body),
        }
        began = time.monotonic()
        told = await self.send(url, headers, body)
        await self._note(hook, str(event), int(attempts) + 1, told, int((time.monotonic() - began) * 1000))

    async def _note(self, hook: str, event: str, attempts: int, told: Told | None, took: int) -> None:
        """``told`` is what became of an attempt; None: it was not wanted."""
        dialect = self.database.dialect
        state, due = ("skipped" if told is None else "done"), 0
        if told is not None and not told.taken:
            state = "waiting" if attempts <= len(self.delays) else "dead"
            if state == "waiting":
                due = _now() + int(self.delays[attempts - 1] * 1000 * random.uniform(0.8, 1.2))

        def body() -> Body[None]:
            yield say(
                dialect,
                "UPDATE _delivery SET state = :1, attempts = :2, due = :3, status = :4, said = :5, sent = :6,"
                " took = :7 WHERE webhook = :8 AND event = :9 AND state = 'waiting'",
                *(state, attempts, due, told.status if told else None, told.said or None if told else None),
                *(_now(), took, hook, event),
            )
            if told is not None and told.status == 410:  # the peer says: never again
                yield say(dialect, "UPDATE _webhook SET state = 'paused' WHERE id = :1", hook)

        await self.database.write(body)

    async def _read(self, sql: str, *values: Any) -> list[Row]:
        made = say(self.database.dialect, sql, *values)
        return await self.database.read(made.sql, made.values)

    async def stop(self) -> None:
        """Lets what is on its way arrive, and gives the lease back."""
        tasks = list(self.working.values())
        if tasks:
            await asyncio.wait(tasks, timeout=TIMEOUT)
        dialect = self.database.dialect

        def body() -> Body[None]:
            yield say(dialect, f"UPDATE _lease SET until = 0 WHERE name = '{_COURIER}' AND holder = :1", self.holder)

        if self.ends > time.monotonic():
            await self.database.write(body)


def _now() -> int:
    return time.time_ns() // 1_000_000
