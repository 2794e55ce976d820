"""A system is changed fifty times while sixteen people work with it, over four server processes; one table is large.

Reported: requests that failed, writes that were acknowledged and are not there, the longest anybody waited for an
answer, on PostgreSQL and SQLite. It ends with an error when a request failed or a write is lost.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks import postgres, report
from benchmarks.server import ROOT, free_port
from engine.db import Body, Call, Database, open_database
from engine.fieldtypes.storage import bind
from engine.serve.people import auth
from engine.serve.tenant.ids import uuid7
from engine.studio.tenant.opening import opened

PEOPLE, WORKERS, CHANGES = 16, 4, 50
_ROWS = {True: 25_000, False: 1_000_000}
_PATIENCE = 60
_SMALL = {"title": "Thing", "fields": {"name": {"type": "text", "required": True}, "n": {"type": "integer"}}}
_LARGE = {"title": "Reading", "fields": {"code": {"type": "text"}, "amount": {"type": "decimal", "scale": 2}}}


@dataclass
class Text:
    """The pack and its overlay as they are at the moment; each change makes them a little different."""

    folder: Path
    entities: dict[str, Any] = field(
        default_factory=lambda: json.loads(json.dumps({"thing": _SMALL, "reading": _LARGE}))
    )
    lists: dict[str, Any] = field(default_factory=dict)
    aggregations: dict[str, Any] = field(default_factory=dict)
    label: str = "Name"
    kinds: list[str] = field(default_factory=list)

    def write(self) -> None:
        pack = {"module": "plant", "grammar": 1, "version": "1.0.0", "title": "Plant", "entities": self.entities}
        side = {"module": "side", "grammar": 1, "version": "1.0.0", "title": "Side", "requires": {"plant": "^1.0"}}
        side["entities"] = {"extra": {"title": "Extra", "fields": {"thing": {"type": "ref", "to": "plant.thing"}}}}
        over = {"overlay": "acme", "grammar": 1, "title": "Acme", "extends": {"plant": "^1.0"}}
        over["entities"] = {"plant.thing": {"fields": {"name": {"title": self.label}}}}
        app = {"app": "plant", "title": "Plant", "packs": ["plant", "side"], "overlays": ["acme.yaml"]}
        if self.lists:
            pack["lists"] = self.lists
        if self.aggregations:
            pack["aggregations"] = self.aggregations
        for place, whole in (
            ("plant/module.yaml", pack),
            ("side/module.yaml", side),
            ("acme.yaml", over),
            ("app.yaml", app),
        ):
            (self.folder / place).parent.mkdir(exist_ok=True, parents=True)
            (self.folder / place).write_text(json.dumps(whole), encoding="utf-8")

    def changes(self) -> Iterator[tuple[str, list[str]]]:
        """(kind of change, the command that makes it) for ever; the large ones come early and once."""
        fields = self.entities["thing"]["fields"]
        n = 0
        while True:
            n += 1
            fields[f"f{n}"] = {"type": "text"}
            fields[f"q{n}"] = {"type": "integer", "required": True, "default": n}
            yield "fields added, one required", ["apply"]
            if n == 1:
                self.entities["reading"]["fields"]["checked"] = {"type": "boolean", "required": True, "default": False}
                yield "a required field over the large table", ["apply"]
                self.lists["reading"] = {"of": "reading", "columns": ["code"], "sort": "amount"}
                yield "an index over the large table", ["apply"]
            fields[f"g{n}"] = {**fields.pop(f"f{n}"), "was": f"f{n}"}
            yield "a field renamed", ["apply"]
            if n == 1:
                self.entities["reading"]["fields"]["twice"] = {"type": "decimal", "scale": 2, "compute": "amount * 2"}
                yield "a computed field over the large table", ["apply"]
                self.entities["reading"]["fields"]["amount"] = {"type": "decimal", "scale": 4}
                self.entities["reading"]["fields"]["twice"]["scale"] = 4
                yield "another type in the large table", ["apply"]
            del fields[f"g{n}"], fields[f"q{n}"]
            yield "fields retired", ["apply"]
            self.entities[f"e{n}"] = {"title": f"Entity {n}", "fields": {"name": {"type": "text"}}}
            yield "an entity added", ["apply"]
            self.label = f"Name {n}"
            yield "the overlay changed", ["apply"]
            yield "a module off", ["switch", "side", "off"]
            yield "a module on", ["switch", "side", "on"]


@dataclass
class People:
    """Sixteen who read and write, and keep books. Nobody asks again: every answer counts."""

    url: str
    token: str
    large: list[str]
    over: asyncio.Event = field(default_factory=asyncio.Event)
    kept: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    answers: int = 0
    waits: list[tuple[float, float]] = field(default_factory=list)
    """(when it was asked, how long it took)"""

    async def one(self, number: int) -> None:
        chance, own = random.Random(number), list[str]()
        headers = {"authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(base_url=f"{self.url}/api/v1/plant", headers=headers, timeout=_PATIENCE) as door:
            while not self.over.is_set():
                match chance.randint(0, 4):
                    case 0 | 1:
                        made = await self._ask(door, "POST", "/thing", {"name": f"{number}", "n": len(own)}, 201)
                        own += [self._keep(made)] if made else []
                    case 2 if own:
                        await self._patch(door, f"/thing/{chance.choice(own)}", {"n": chance.randint(0, 999)})
                    case 3:
                        place = f"/reading/{chance.choice(self.large[number::PEOPLE])}"
                        await self._patch(door, place, {"amount": f"{chance.randint(1, 9999)}.25"})
                    case _:
                        await self._ask(door, "GET", "/thing?limit=20", None, 200)
                await asyncio.sleep(chance.uniform(0, 0.1))

    def _keep(self, record: dict[str, Any]) -> str:
        self.kept[record["id"]] = int(record["rev"])
        return str(record["id"])

    async def _patch(self, door: httpx.AsyncClient, place: str, values: dict[str, Any]) -> None:
        done = await self._ask(door, "PATCH", place, values, 200, {"if-match": "*"})
        if done:
            self._keep(done)

    async def _ask(
        self,
        door: httpx.AsyncClient,
        method: str,
        place: str,
        body: Any,
        wanted: int,
        more: dict[str, str] | None = None,
    ) -> Any:
        began = time.monotonic()
        try:
            answer = await door.request(method, place, json=body, headers=more or {})
        except httpx.HTTPError as error:
            self.failed.append(f"{method} {place}: {error!r}")
            return None
        self.waits.append((began, time.monotonic() - began))
        self.answers += 1
        if answer.status_code != wanted:
            self.failed.append(f"{method} {place}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer.json()


def run(quick: bool, only: set[str]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    wrong: list[str] = []
    for dialect, folder, url in postgres.databases(only, "change"):
        told = asyncio.run(_run(folder, url, quick))
        wrong += told.pop("wrong")
        figures[dialect] = told
    for line in wrong[:20]:
        print(line)
    met = not wrong and all(one["changes"] and one["answers"] > 100 for one in figures.values())
    return {"ratios": {}, "marks": {"failed": 0, "lost": 0}, "met": met, "figures": figures}


async def _run(folder: Path, url: str, quick: bool) -> dict[str, Any]:
    text = Text(folder)
    text.write()
    token, large = await prepare(folder, url, _ROWS[quick])
    async with served(folder, url, folder / "server.log", WORKERS) as place:
        people = People(place, token, large)
        tasks = [asyncio.create_task(people.one(n)) for n in range(PEOPLE)]
        await asyncio.sleep(2)
        steps, wrong = await _change(text, url, 12 if quick else CHANGES)
        await asyncio.sleep(2)
        people.over.set()
        for one in await asyncio.gather(*tasks, return_exceptions=True):
            wrong += [repr(one)] if isinstance(one, BaseException) else []
    lost = await _lost(url, people.kept)
    wrong += people.failed + [f"lost: {one}" for one in lost]
    return {**_told(url, steps, people), "lost": len(lost), "wrong": wrong}


async def prepare(folder: Path, url: str, rows: int) -> tuple[str, list[str]]:
    """Installs it and fills the large table. The administrator's token, and a few hundred of its rows."""
    async with opened(folder, url, make=True) as app:
        database, admin = app.tenant.database, uuid7()
        await auth.set_password(database, admin, "admin", "of-admin-here", admin=True)
        ids = [uuid7() for _ in range(rows)]
        for start in range(0, rows, 10_000):
            await database.write(lambda s=start: _readings(database, ids[s : s + 10_000], s))  # type: ignore[misc]
        return await auth.open_session(app.tenant, admin), ids[:: max(1, rows // 800)]


def _readings(database: Database, ids: list[str], start: int) -> Body[None]:
    now = bind("datetime", 0, database.dialect, datetime.now(UTC))
    given = json.dumps([[one, f"c{start + n}", (start + n) * 100 + 25] for n, one in enumerate(ids)])
    names = "id, rev, created_at, updated_at, code, amount"
    if database.dialect == "sqlite":
        each = "value ->> 0, 1, ?2, ?2, value ->> 1, value ->> 2 FROM json_each(?1)"
    else:
        each = (
            "(v ->> 0)::uuid, 1, $2, $2, v ->> 1, (v ->> 2)::numeric / 100 FROM jsonb_array_elements($1::jsonb) AS e(v)"
        )
    yield Call(f"INSERT INTO plant__reading ({names}) SELECT {each}", (given, now))


@asynccontextmanager
async def served(folder: Path, url: str, said: Path, workers: int) -> AsyncIterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "engine.cli", "serve", str(folder), "--database", url, "--port", str(port)]
    command += ["--workers", str(workers), "--person-limit", "1000000/minute", "--address-limit", "1000000/minute"]
    with said.open("wb") as log:
        process = subprocess.Popen(
            command, cwd=said.parent, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log
        )
    try:
        async with httpx.AsyncClient() as asking:
            until = time.monotonic() + 120
            while time.monotonic() < until and process.poll() is None:
                try:
                    if (await asking.get(f"http://127.0.0.1:{port}/health")).status_code == 200:
                        break
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


async def _change(text: Text, url: str, count: int) -> tuple[list[tuple[str, float, float]], list[str]]:
    """Each by a command of its own, as an engineer would: (kind, when it began, when it was done)."""
    steps, wrong, made = [], list[str](), text.changes()
    for _ in range(count):
        kind, (verb, *more) = next(made)
        text.write()
        command = [sys.executable, "-m", "engine.cli", verb, str(text.folder), *more, "--database", url]
        began = time.monotonic()
        done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
        steps.append((kind, began, time.monotonic()))
        if done.returncode:
            wrong.append(f"{kind}: {done.stdout[-300:]} {done.stderr[-300:]}")
    return steps, wrong


async def _lost(url: str, kept: dict[str, int]) -> list[str]:
    database = await open_database(url, make=False)
    try:
        there: dict[str, int] = {}
        for table in ("plant__thing", "plant__reading"):
            there |= {str(row[0]): row[1] for row in await database.read(f"SELECT id, rev FROM {table}")}
    finally:
        await database.close()
    return [one for one, rev in kept.items() if there.get(one, 0) < rev]


def _told(url: str, steps: list[tuple[str, float, float]], people: People) -> dict[str, Any]:
    """The longest wait is told by what was being changed then."""
    worst: dict[str, float] = {}
    took: dict[str, float] = {}
    for kind, began, ended in steps:
        waits = [w for asked, w in people.waits if asked <= ended and asked + w >= began]
        worst[kind] = max(worst.get(kind, 0), *waits, 0)
        took[kind] = max(took.get(kind, 0), ended - began)
    times = Counter(kind for kind, _, _ in steps)
    report.table(
        [url.partition(":")[0], "times", "longest, s", "worst pause, s"],
        [[kind, str(times[kind]), f"{took[kind]:.1f}", f"{worst[kind]:.2f}"] for kind in times],
    )
    ordered = sorted(w for _, w in people.waits)
    return {
        "changes": len(steps),
        "answers": people.answers,
        "acknowledged": len(people.kept),
        "failed": len(people.failed),
        "worst pause, s": round(ordered[-1], 2) if ordered else 0,
        "median, ms": round(1_000 * ordered[len(ordered) // 2], 1) if ordered else 0,
    }
