"""What must be true afterwards, read from the database itself: nothing acknowledged is lost, nothing was done twice,
every event was delivered, in order, and none invented."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any

import httpx

from benchmarks.crowd import API, Books, Listener
from engine.db import Database

Event = tuple[str, str, int]
"""(record, kind, rev) of an event; its id is beside it."""


async def settled(database: Database, seconds: float = 90) -> bool:
    """Until everything has its place in the stream and nothing waits to be delivered."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        left = await database.read(
            "SELECT (SELECT count(*) FROM _outbox WHERE position IS NULL)"
            " + (SELECT count(*) FROM _delivery WHERE state = 'waiting')"
        )
        if not left[0][0]:
            return True
        await asyncio.sleep(0.2)
    return False


async def of_records(database: Database, books: Books, asking: httpx.AsyncClient) -> dict[str, Any]:
    """Acknowledged writes against what is there."""
    notes = await database.read("SELECT id, rev, mark, number, state, amount FROM site__note")
    there = {str(row[0]): int(row[1]) for row in notes}
    told = await database.read("SELECT record, rev FROM _history WHERE entity = 'site__note'")
    history = {(str(record), int(rev)) for record, rev in told}
    lost = [
        f"{one} at {rev}: there is {there.get(one)}, history {sorted(r for o, r in history if o == one)}"
        for one, rev in books.revs.items()
        if there.get(one, 0) < rev or (one, rev) not in history
    ]
    marks = [row[2] for row in notes]
    twice = len(marks) - len(set(marks))
    invented = set(marks) - books.marks
    numbers = sorted(int(str(row[3]).rpartition("-")[2]) for row in notes)
    entries = await database.read("SELECT net FROM site__cost")
    booked, owed = sum(row[0] for row in entries), sum(row[5] for row in notes if row[4] == "effective")
    for record, (paper, digest) in books.papers.items():
        answer = await asking.get(f"{API}/{record}/files/paper/{paper}")
        if answer.status_code != 200 or hashlib.sha256(answer.content).hexdigest() != digest:
            lost.append(f"the paper {paper} of {record}: {answer.status_code} {answer.text[:100]}")
    return {
        "lost": lost,
        "twice": twice + len(invented),
        "gaps": 0 if numbers == list(range(1, len(numbers) + 1)) else 1,
        "ledger_off": str(booked - owed) if booked != owed else 0,
    }


async def events_of(database: Database) -> list[tuple[str, Event, int]]:
    """(id, event, place), in the order of places."""
    found = await database.read("SELECT id, record, kind, rev, position FROM _outbox ORDER BY position")
    return [(str(i), (str(record), kind, int(rev)), int(place)) for i, record, kind, rev, place in found]


def of_deliveries(
    events: Sequence[tuple[str, Event, int]], got: Sequence[tuple[str, Event]], owed: set[str]
) -> list[str]:
    """What is wrong with what a peer was sent, ``got`` in the order it came; a second time is allowed. ``owed`` are
    the records that came to be after he had subscribed."""
    wrong = []
    known = {ident: (event, place) for ident, event, place in events}
    newest: dict[str, int] = {}
    seen: set[str] = set()
    for ident, event in got:
        if ident not in known or known[ident][0] != event:
            wrong.append(f"invented: {ident} {event}")
            continue
        if ident in seen:
            continue
        seen.add(ident)
        place = known[ident][1]
        if place < newest.get(event[0], 0):
            wrong.append(f"out of order: {event} at {place}, after {newest[event[0]]}")
        newest[event[0]] = max(newest.get(event[0], 0), place)
    wrong += [f"never delivered: {event}" for ident, event, _ in events if event[0] in owed and ident not in seen]
    places = [place for _, _, place in events]
    if places != list(range(1, len(places) + 1)):
        wrong.append("the stream's places have gaps")
    return wrong


def of_stream(events: Sequence[tuple[str, Event, int]], listener: Listener, entity_seen: set[str]) -> list[str]:
    """A listener is told each record's newest version, places only go up, and nothing that did not happen."""
    wrong = []
    happened = {(place, record, rev) for _, (record, _, rev), place in events}
    last = 0
    told: dict[str, int] = {}
    for place, record, rev in listener.told:
        if (place, record, rev) not in happened:
            wrong.append(f"told what did not happen: {record} {rev} at {place}")
        if place <= last:
            wrong.append(f"place {place} after {last}")
        last = place
        told[record] = rev
    newest = {record: rev for _, (record, _, rev), _ in events if record in entity_seen}
    for record, rev in newest.items():
        if told.get(record) != rev:
            wrong.append(f"not told: {record} {rev}, but {told.get(record)}")
    if listener.resets:
        wrong.append(f"{listener.resets} resets")
    return wrong


def message(headers: dict[str, str], body: bytes) -> tuple[str, Event]:
    data = json.loads(body)["data"]
    return headers["webhook-id"], (data["id"], data["kind"], int(data["rev"]))
