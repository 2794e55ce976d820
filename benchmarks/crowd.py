"""Four kinds of people at work, who repeat what got no answer as a good client does, and keep books of every answer."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx

API = "/api/v1/site/note"
_PATIENCE = {"timeout": httpx.Timeout(20), "limits": httpx.Limits(keepalive_expiry=2)}


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer of 500 or more, or none (status 0). Times are of ``time.monotonic``."""

    began: float
    ended: float
    who: str
    status: int
    said: str


@dataclass
class Books:
    """What was asked and what was answered. ``revs``: record → the newest version somebody was told is kept."""

    revs: dict[str, int] = field(default_factory=dict)
    marks: set[str] = field(default_factory=set)
    made: dict[str, str] = field(default_factory=dict)
    papers: dict[str, tuple[str, str]] = field(default_factory=dict)
    acknowledged: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    answers: int = 0
    slowest: float = 0.0

    def kept(self, what: str, record: dict[str, Any]) -> None:
        self.acknowledged[what] += 1
        self.revs[record["id"]] = max(self.revs.get(record["id"], 0), int(record["rev"]))


class Crowd:
    def __init__(
        self, url: str, tokens: dict[str, str], seed: int = 1, pause: float = 0.05, paper: int = 20_000
    ) -> None:
        self.url, self.books, self.chance, self.pause = url, Books(), random.Random(seed), pause
        self.over, self.paper = asyncio.Event(), paper
        self.people = {
            name: httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {token}"}, **_PATIENCE)  # type: ignore[arg-type]
            for name, token in tokens.items()
        }
        self.teams: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._number = 0

    async def begin(self, clerks: int = 4, approvers: int = 1, readers: int = 1, exporters: int = 1) -> None:
        found = await self.ask("clerk", "GET", "/api/v1/site/team")
        self.teams = [item["id"] for item in found.json()["items"]]
        loops: list[tuple[int, Callable[[], Coroutine[Any, Any, None]]]] = [
            (clerks, self._records),
            (approvers, self._approves),
            (readers, self._looks),
            (exporters, self._exports),
        ]
        self._tasks = [asyncio.create_task(self._until_over(one)) for count, one in loops for _ in range(count)]

    async def end(self) -> None:
        """Everybody finishes what he has begun."""
        self.over.set()
        for one in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(one, BaseException):
                self.books.wrong.append(repr(one))
        for client in self.people.values():
            await client.aclose()

    async def _until_over(self, one: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while not self.over.is_set():
            await one()
            await asyncio.sleep(self.chance.uniform(0, 2 * self.pause))

    async def ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        """Until there is an answer that is not 503 (or any other of our faults); each of those is noted."""
        until = time.monotonic() + 120
        while True:
            began = time.monotonic()
            try:
                answer = await self.people[who].request(method, path, **more)
                self.books.answers += 1
                self.books.slowest = max(self.books.slowest, time.monotonic() - began)
                if answer.status_code == 409 and "api.in-flight" in answer.text:  # what died is not quite gone yet
                    await asyncio.sleep(0.1)
                    continue
                if answer.status_code < 500:
                    return answer
                told, status = answer.text[:200], answer.status_code
                if status == 507:
                    self.books.failures.append(Failure(began, time.monotonic(), who, status, told))
                    return answer
            except httpx.HTTPError as error:
                told, status = repr(error), 0
            self.books.failures.append(Failure(began, time.monotonic(), who, status, f"{method} {path}: {told}"))
            if time.monotonic() > until:
                raise TimeoutError(f"{method} {path}: no answer in two minutes")
            await asyncio.sleep(0.1)

    def _expect(self, answer: httpx.Response, *statuses: int) -> bool:
        if answer.status_code not in statuses:
            self.books.wrong.append(
                f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:200]}"
            )
            return False
        return True

    async def _records(self) -> None:
        """The clerk: a note, often with a paper, often corrected, mostly submitted."""
        self._number += 1
        mark = f"m{self._number}"
        self.books.marks.add(mark)
        lines = [
            {"hours": f"{self.chance.randint(1, 16) / 2}", "price": "21.5"} for _ in range(self.chance.randint(1, 3))
        ]
        body: dict[str, Any] = {"team": self.chance.choice(self.teams), "mark": mark, "lines": lines}
        content = self.chance.randbytes(self.paper) if self.chance.random() < 0.3 else b""
        if content:
            sent = await self.ask("clerk", "POST", f"/api/v1/system/files?name={mark}.bin", content=content)
            if sent.status_code == 201:
                body["paper"] = sent.json()["id"]
            elif not self._expect(sent, 507):
                return
        made = await self.ask("clerk", "POST", API, json=body, headers={"idempotency-key": mark})
        if not self._expect(made, 201):
            return
        record = made.json()
        self.books.kept("create", record)
        self.books.made[mark] = record["id"]
        if "paper" in body:
            self.books.papers[record["id"]] = (body["paper"], hashlib.sha256(content).hexdigest())
        if self.chance.random() < 0.5:
            record = await self._corrects(record)
        if self.chance.random() < 0.8:
            done = await self.ask(
                "clerk", "POST", f"{API}/{record['id']}/actions/submit", headers={"idempotency-key": f"s{mark}"}
            )
            if self._expect(done, 200):
                self.books.kept("submit", done.json())

    async def _corrects(self, record: dict[str, Any]) -> dict[str, Any]:
        team = self.chance.choice([one for one in self.teams if one != record["team"]["id"]])
        place, version = f"{API}/{record['id']}", {"if-match": f'"{record["rev"]}"'}
        done = await self.ask("clerk", "PATCH", place, json={"team": team}, headers=version)
        if done.status_code == 412:  # it was kept, and its answer lost
            done = await self.ask("clerk", "GET", place)
        if self._expect(done, 200):
            record = done.json()
            self.books.kept("update", record)
        return record

    async def _approves(self) -> None:
        found = await self.ask("approver", "GET", f"{API}?state=in_approval&limit=10&fields=id,rev")
        if not self._expect(found, 200):
            return
        for item in found.json()["items"]:
            key = {"idempotency-key": f"a{item['id']}{item['rev']}"}
            done = await self.ask("approver", "POST", f"{API}/{item['id']}/actions/approve", headers=key)
            if self._expect(done, 200, 409, 403) and done.status_code == 200:
                self.books.kept("approve", done.json())

    async def _looks(self) -> None:
        for place in ("/d/site/board", "/m/site/note", "/"):
            self._expect(await self.ask("reader", "GET", place), 200)

    async def _exports(self) -> None:
        """Whatever was acknowledged before is in the file."""
        before = len(self.books.made)
        answer = await self.ask("reader", "GET", f"{API}/export?format=ndjson")
        if self._expect(answer, 200):
            rows = [json.loads(line) for line in answer.text.splitlines()]
            if len(rows) < before:
                self.books.wrong.append(f"an export of {len(rows)} rows, {before} were acknowledged before")


class Listener:
    """Somebody who listens to the stream, and says where he was when he comes back."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self.place = ""
        self.told: list[tuple[int, str, int]] = []
        self.again = 0
        self.resets = 0

    async def listen(self) -> None:
        while True:
            headers = {"authorization": f"Bearer {self.token}"} | ({"last-event-id": self.place} if self.place else {})
            try:
                async with httpx.AsyncClient(timeout=httpx.Timeout(5, read=60)) as client:  # noqa: SIM117
                    async with client.stream("GET", f"{self.url}/api/v1/system/events", headers=headers) as answer:
                        if answer.status_code == 200:
                            await self._read(answer)
            except httpx.HTTPError:
                pass
            self.again += 1
            await asyncio.sleep(0.1)

    async def _read(self, answer: httpx.Response) -> None:
        event: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
                continue
            if event.get("event") == "change":
                data = json.loads(event["data"])
                self.told.append((int(event["id"]), data["id"], data["rev"]))
            self.resets += event.get("event") == "reset"
            self.place = event.get("id", self.place)
            event = {}
