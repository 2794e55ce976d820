"""A record in one statement: it keeps, notes and refuses what the way of many does, whoever comes at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.compile import compile_app
from engine.plan.statement import Dialect
from engine.serve.write import at_once
from tests.kept import Kept
from tests.serve.stage import Stage, catalog, errors

GONE = "01941f29-0000-7000-8000-00000000dead"
FULL = {
    "name": "钢筋\"工\"", "kind": "hired", "marks": ["a", "b"], "day": "2026-03-01", "month": "2026-02",
    "at": "07:30", "seen": "2026-03-01T08:00:00Z", "took": 5400, "many": 3, "hours": "7.5", "price": "240.5",
    "late": False, "more": {"a": [1, None, "x"]}, "note": "a\\b\n\"c\"",
}  # fmt: skip


class Alone(Stage):
    pack = "alone.yaml"

    async def plant(self) -> None:
        for name in ("boss", "wang", "hu"):
            self.ids[name] = await self.make("user", name=name)
            await self._may_sign_in(self.ids[name], name)
        for name in ("A", "B", "gone"):
            self.ids[name] = await self.make("project", name=name)
        for name, role in (("wang", "clerk"), ("hu", "reader")):
            await self.make("member", user=self.ids[name], project=self.ids["A"], role=role)
        boss = await self.door("boss")
        await boss.delete(f"/project/{self.ids['gone']}", headers={"if-match": "*"})

    def step_by_step(self) -> None:
        """As if the compiler had proved nothing."""
        app = self.tenant.app
        plain = {
            path: replace(entity, write=replace(entity.write, at_once=None)) if entity.write else entity
            for path, entity in app.entities.items()
        }
        self.tenant.swap(replace(app, entities=plain))


@pytest.fixture
async def alone(kept: Kept, dialect: Dialect, tmp_path: Path) -> AsyncIterator[Alone]:
    async with Alone.copied(kept, dialect, tmp_path) as made:
        yield made


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How each write through one statement ended."""
    seen: list[str] = []
    plain = at_once.written

    def noted(*given: Any) -> Any:
        try:
            done = yield from plain(*given)
        except at_once.Otherwise:
            seen.append("otherwise")
            raise
        seen.append("whole")
        return done

    monkeypatch.setattr(at_once, "written", noted)
    return seen


def test_the_compiler_says_which_records_are_alone() -> None:
    app = compile_app(catalog(Alone.pack), "postgresql")
    alone = {e.name for e in app.entities.values() if e.write and e.write.at_once}
    assert alone == {"user", "project", "member", "entry"}, "looked_up asks its project, which somebody may hold"
    lite = compile_app(catalog(Alone.pack), "sqlite")
    assert not any(e.write.at_once for e in lite.entities.values() if e.write)
    works = compile_app(catalog("works.yaml"), "postgresql")
    alone = {e.name for e in works.entities.values() if e.write and e.write.at_once}
    assert not alone & {"sheet", "project", "subject"}


Said = tuple[int, Any, str, str]


async def story(stage: Alone) -> list[Said]:  # noqa: PLR0915
    """Everything that may happen to such a record, by an administrator, a clerk of one project, and a reader."""
    boss, wang, hu = [await stage.door(name) for name in ("boss", "wang", "hu")]
    ids = [f"01941f29-0000-7000-8000-0000000000{n:02d}" for n in range(20)]
    mine, other = {"project": stage.ids["A"]}, {"project": stage.ids["B"]}
    out: list[Said] = []
    names = {value: name for name, value in stage.ids.items()}

    def told(answer: httpx.Response) -> None:
        text = answer.text
        for value, name in names.items():
            text = text.replace(value, name)
        body = json.loads(text) if text else None
        tag = answer.headers.get("etag", "").partition("-")[0]  # what comes after tells ids of others apart
        out.append((answer.status_code, body, tag, answer.headers.get("location", "")))

    async def create(who: httpx.AsyncClient, n: int, **values: Any) -> None:
        told(await who.post("/entry", json={"id": ids[n], "code": f"C{n}", **values}))

    async def change(who: httpx.AsyncClient, n: int, rev: str, **values: Any) -> None:
        told(await who.patch(f"/entry/{ids[n]}", json=values, headers={"if-match": rev}))

    await create(boss, 0, **mine, **FULL, author=stage.ids["hu"])
    await create(wang, 1, **mine)
    await create(boss, 2, **other, due="2026-09-09")
    await create(wang, 3, **other)
    await create(hu, 3, **mine)
    await create(wang, 4, **mine, hours="-1")
    await create(wang, 4, **mine, hours="25", price="2000")
    await create(wang, 4, **mine, price="2000")
    await create(wang, 4, **mine, price="2000", reasons={"dear": "it is gold"})
    await create(wang, 5, project=stage.ids["gone"], author=GONE)
    await create(wang, 5)
    await create(wang, 1, **mine)
    await create(wang, 6, **mine, code="C1")
    stage.later(60)
    await change(wang, 1, '"1"', name="李", hours="3.25", price="2", more={}, note=None, marks=["b"])
    await change(wang, 1, '"1"', name="王")
    await change(wang, 1, '"1", "2"', name="王")
    await change(wang, 1, "*", name="王")
    await change(wang, 1, '"4"', day="2026-04-01", late=True, seen="2026-04-01T00:00:00Z")
    await change(wang, 1, '"5"', due="2026-05-05")
    await change(wang, 1, '"6"', day="2026-04-02", code="")
    await change(wang, 1, '"6"', day="2026-04-02", **other)
    await change(wang, 1, '"6"', hours="30")
    await change(wang, 1, '"6"', price="3000", reasons={"dear": "why not"})
    await change(wang, 1, '"7"', project=stage.ids["gone"])
    await change(wang, 1, '"7"', code="C0")
    await change(wang, 2, '"1"', name="x")
    await change(hu, 1, '"7"', name="x")
    await change(boss, 2, '"1"', author=GONE)
    await change(boss, 2, '"1"', **mine)
    await change(boss, 19, '"1"', name="x")
    told(await boss.delete(f"/entry/{ids[2]}", headers={"if-match": "*"}))
    await change(boss, 2, "*", name="x")
    for who, n in ((wang, 1), (hu, 0)):
        told(await who.get(f"/entry/{ids[n]}"))
    told(await boss.get("/entry?q=wang&sort=code"))
    told(await boss.get("/entry/aggregate?measures=h:SUM(hours)"))
    return out


async def noted(stage: Alone) -> dict[str, list[Any]]:
    asked = {
        "_history": ("entity", "record", "root", "rev", "at", "by", "action", "change"),
        "_outbox": ("entity", "record", "rev", "at", "kind", "body"),
        "_audit": ("act", "entity", "record", "at", "by", "detail", "address"),
        "works__entry": ("code", "rev", "_sort", "_find", "_typed", "amount", "due", "updated_at"),
    }
    names = {value: name for name, value in stage.ids.items()}

    def plain(value: Any) -> Any:
        text = value if isinstance(value, str) else str(value)
        if text.startswith(("{", "[")):
            text = json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
        for one, name in names.items():
            text = text.replace(one, name)
        return text

    out = {}
    for table, columns in asked.items():
        found = [tuple(map(plain, row)) for row in await stage.rows(table, *columns)]
        out[table] = sorted(row for row in found if {"works.entry", "works__entry"} & {*row} or table == "works__entry")
    return out


async def test_both_ways_keep_note_and_refuse_the_same(kept: Kept, tmp_path: Path, ways: list[str]) -> None:
    """All that is said, record by record, and all that is kept beside them."""
    said, kept_there = [], []
    for at_once_too in (True, False):
        async with Alone.copied(kept, "postgresql", tmp_path) as stage:
            if not at_once_too:
                stage.step_by_step()
            ways.clear()
            said.append(await story(stage))
            kept_there.append(await noted(stage))
            assert ways.count("whole") == (9 if at_once_too else 0), ways
    assert said[0] == said[1]
    assert kept_there[0] == kept_there[1]
    assert len(kept_there[0]["_history"]) == 11


async def test_the_places_of_a_writer_are_listed_once(alone: Alone) -> None:
    if alone.tenant.app.dialect == "sqlite":
        pytest.skip("it has no such statement")
    await (await alone.door("wang")).post("/entry", json={"code": "x", "project": alone.ids["A"]})
    (made,) = [one for one in alone.tenant.facts.values() if isinstance(one, at_once.Ready)]
    assert made.statement.sql.count("jsonb_array_elements_text") == 1


async def test_of_two_who_saw_the_same_version_one_writes(alone: Alone) -> None:
    wang = await alone.door("wang")
    made = (await wang.post("/entry", json={"code": "x", "project": alone.ids["A"]})).json()
    at = f"/entry/{made['id']}"
    for rev in range(1, 5):
        tag = {"if-match": f'"{rev}"'}
        found = await asyncio.gather(*(wang.patch(at, json={"many": rev * 10 + n}, headers=tag) for n in range(6)))
        assert sorted(one.status_code for one in found) == [200, *[412] * 5]
    await asyncio.gather(*(wang.patch(at, json={"many": n}, headers={"if-match": "*"}) for n in range(8)))
    assert (await wang.get(at)).json()["rev"] == 13
    noted = [(int(rev), json.loads(told)["fields"]) for rev, told in await alone.rows("_history", "rev", "change")]
    moves = [told["many"] for _, told in sorted(noted, key=lambda one: one[0]) if "many" in told]
    assert len(moves) == 12
    assert [before for before, _ in moves] == [None, *(after for _, after in moves[:-1])], "each began from the last"


async def test_who_waited_for_the_record_goes_on_from_what_it_became(alone: Alone, ways: list[str]) -> None:
    if alone.tenant.app.dialect == "sqlite":
        pytest.skip("one writer: nobody waits for a lock")
    wang = await alone.door("wang")
    made = (await wang.post("/entry", json={"code": "x", "many": 1, "project": alone.ids["A"]})).json()
    ways.clear()
    postgres: Any = alone.database._database
    async with postgres.lend() as holder, holder.transaction():
        await holder.execute(f"UPDATE works__entry SET rev = rev + 1, many = 7 WHERE id = '{made['id']}'")
        ask = wang.patch(f"/entry/{made['id']}", json={"many": 8}, headers={"if-match": "*"})
        waiting = asyncio.create_task(ask)
        await asyncio.sleep(0.3)
        assert not waiting.done()
    changed = await waiting
    assert (changed.status_code, changed.json()["rev"], ways) == (200, 3, ["otherwise"])
    (told,) = [json.loads(row[0]) for row in await alone.rows("_history", "change", "rev") if row[1] == 3]
    assert told["fields"] == {"many": [7, 8]}


async def test_of_two_who_refer_to_a_record_and_bin_it_one_passes(alone: Alone) -> None:
    """Whichever comes first; and whoever comes second was made to wait, if need be."""
    boss, wang = await alone.door("boss"), await alone.door("wang")
    for n in range(8):
        user = await alone.make("user", name=f"u{n}")
        body = {"code": f"r{n}", "project": alone.ids["A"], "author": user}
        away = boss.delete(f"/user/{user}", headers={"if-match": "*"})
        both = [wang.post("/entry", json=body), away]
        found = await asyncio.gather(*(both if n % 2 else both[::-1]))
        codes = sorted(one.status_code for one in found)
        assert codes in ([201, 409], [204, 422]), [one.text for one in found]
    if alone.tenant.app.dialect == "sqlite":
        return
    user = await alone.make("user", name="slow")
    postgres: Any = alone.database._database
    async with postgres.lend() as holder, holder.transaction():
        await holder.fetch("SELECT id FROM works__user WHERE id = $1 FOR UPDATE", user)
        await holder.execute(f"UPDATE works__user SET deleted_at = now() WHERE id = '{user}'")
        body = {"code": "slow", "project": alone.ids["A"], "author": user}
        waiting = asyncio.create_task(wang.post("/entry", json=body))
        await asyncio.sleep(0.3)
        assert not waiting.done()
    assert errors(await waiting) == [("api.no-reference", "/author")]


async def test_with_a_key_it_is_done_once(alone: Alone) -> None:
    wang = await alone.door("wang")
    key = {"idempotency-key": "k1"}
    body = {"code": "once", "project": alone.ids["A"]}
    first, second = [await wang.post("/entry", json=body, headers=key) for _ in "ab"]
    assert (first.status_code, first.json()) == (second.status_code, second.json())
