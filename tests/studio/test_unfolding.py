"""Large tables are changed beside those who write: nothing is lost, whoever writes meanwhile, and wherever it dies."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.db import Database
from engine.problem import Problems
from engine.studio.change import unfolding
from engine.studio.follow import batches, recoding
from tests.studio.shop import Shop, listed, post, taken

ROOT = Path(__file__).resolve().parents[2]
ROWS = 120


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred rows are many, and go over by few; nobody waits for other processes between two batches."""
    monkeypatch.setattr(unfolding, "LARGE", 100)
    monkeypatch.setattr(batches, "FIRST", 7)
    monkeypatch.setattr(batches, "MOST", 7)
    monkeypatch.setitem(batches.PAUSE, "sqlite", 0.02)


async def many(shop: Shop) -> None:
    shop.pack["aggregations"] = {
        "stock": {
            "of": "item",
            "by": {"kind": "kind"},
            "measures": {"items": "COUNT(id)", "count": "SUM(count)"},
            "rollups": {"kinds": ["kind"]},
        }
    }
    async with shop.served() as (_, door):
        for n in range(ROWS):
            await post(door, "item", code=f"c{n:03}", price=f"{n}.25", kind="ab"[n % 2], count=n, note=f"n{n}")
        first = (await listed(door))[0]["id"]
        await post(door, "sale", item=first, extras=[first], lines=[{"name": "one"}, {"name": "three"}])


def changed(shop: Shop) -> None:
    """A wider type, a required field, a computed one, a unique index, an index, a rename elsewhere, one retired."""
    fields = shop.fields()
    fields["price"]["scale"] = 6
    fields["paid"] = {"type": "boolean", "required": True, "default": False}
    fields["twice"] = {"type": "decimal", "scale": 6, "compute": "price * 2"}
    del fields["note"]
    shop.entities["item"]["unique"] = {"code": ["code"]}
    shop.pack["lists"] = {"item": {"of": "item", "columns": ["code", "count"], "sort": ["count"]}}


async def right(shop: Shop, codes: set[str]) -> None:
    """Everything is as if the shop had been so from its first day."""
    await shop.settled()
    async with shop.served() as (tenant, door):
        found = {row["code"]: row for row in await listed(door)}
        assert set(found) == codes
        for row in found.values():
            assert row["paid"] is False
            assert float(row["twice"]) == 2 * float(row["price"]), row
        assert (await door.post("/item", json={"code": min(codes)})).status_code in (409, 422)
        figure = (await door.get("/figures/stock?by=kind")).json()
        counted = Counter({str(row["kind"]): int(row["items"]) for row in figure["rows"]})
        assert counted == Counter(str(row["kind"]) for row in found.values())
        sums = {str(row["kind"]): row["count"] for row in figure["rows"]}
        for kind in "ab":
            assert sums[kind] == sum(row["count"] or 0 for row in found.values() if row["kind"] == kind)
        (sale,) = [row for row in await listed(door, "sale") if row["item"]]
        assert sale["item"]["id"] in {row["id"] for row in found.values()}
        await whole(tenant.database)


async def whole(database: Database) -> None:
    if database.dialect == "sqlite":
        assert await database.read("PRAGMA integrity_check") == [("ok",)]
        assert await database.read("PRAGMA foreign_key_check") == []
        left = await database.read("SELECT name FROM sqlite_master WHERE name GLOB '_new_*' OR name GLOB '_old_*'")
        assert left == []
        noting = "SELECT name FROM sqlite_master WHERE name GLOB '_touch*'"
    else:
        noting = (
            "SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND proname ~ '^_touch'"
        )
    assert await database.read(noting) == []


async def test_what_is_written_meanwhile_is_there_afterwards(shop: Shop) -> None:
    await many(shop)
    async with shop.served() as (tenant, door):
        changed(shop)
        codes = {f"c{n:03}" for n in range(ROWS)}
        steps: Counter[str] = Counter()
        found = {row["code"]: row for row in await listed(door)}

        async def meanwhile(step: str, n: int) -> None:
            """Old rows change places, new ones come, some go: at every step, by a process that knows nothing of it."""
            one, other = found[f"c{(2 * n) % ROWS:03}"], found[f"c{(2 * n + 1) % ROWS:03}"]
            for row, code in ((one, f"tmp{n}"), (other, one["code"]), (one, other["code"])):
                await patch(door, row, code=code, price=f"{n}.5")
            one["code"], other["code"] = other["code"], one["code"]
            await post(door, "item", code=f"{step}{n}", price="1.125", kind="a", count=1)
            codes.add(f"{step}{n}")
            gone = await post(door, "item", code=f"gone{step}{n}", kind="b", count=9)
            assert (await door.delete(f"/item/{gone['id']}", headers={"if-match": '"1"'})).status_code == 204

        waiting: list[asyncio.Task[None]] = []

        def tell(step: str, what: str, done: int, total: int) -> None:
            steps[step] += 1
            if step in ("copy", "fill", "compute", "index", "catch up") and steps[step] <= 4:
                waiting.append(asyncio.ensure_future(meanwhile(step.replace(" ", ""), len(waiting))))

        async with shop.database() as database:
            made = await shop.plan(database)
            assert (await taken(made, database, tell=tell)).number == 2
        await asyncio.gather(*waiting)
        assert steps["switch"] == 1
        assert steps["compute"] > 3
        assert steps["copy" if database.dialect == "sqlite" else "fill"] > 3
        assert tenant.app.epoch in (1, 2)
    await right(shop, codes)


async def test_whoever_writes_faster_than_it_is_copied_is_not_run_after(shop: Shop) -> None:
    await many(shop)
    changed(shop)
    codes = {row["code"] for row in await shop.items()}
    async with shop.served() as (_, door), shop.database() as database:
        made, over = await shop.plan(database), asyncio.Event()

        async def writing(who: int) -> None:
            n = 0
            while not over.is_set():
                n += 1
                await post(door, "item", code=f"w{who}-{n:05}", price="1.125", kind="a", count=1)
                codes.add(f"w{who}-{n:05}")
                await asyncio.sleep(0.03)

        writers = [asyncio.ensure_future(writing(n)) for n in range(2)]
        await asyncio.wait_for(taken(made, database), 60)
        over.set()
        await asyncio.gather(*writers)
    assert len(codes) > ROWS
    await right(shop, codes)


async def patch(door: httpx.AsyncClient, row: dict[str, Any], **values: Any) -> None:
    answer = await door.patch(f"/item/{row['id']}", json=values, headers={"if-match": f'"{row["rev"]}"'})
    assert answer.status_code == 200, answer.text
    row["rev"] = answer.json()["rev"]


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from engine.db import open_database
from engine.studio.change import applying, unfolding
from engine.studio.follow import batches, turns
from engine.studio.source.build import source_of
from engine.studio.change.planning import planned
from engine.studio.source.project import find_project

unfolding.LARGE, batches.FIRST, batches.MOST, batches.PAUSE["sqlite"] = 100, 7, 7, 0.02
step, times = sys.argv[3], int(sys.argv[4])

def tell(now, what, done, total):
    global times
    times -= now == step
    if times == 0:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    database = await open_database(sys.argv[2])
    made = await planned(source_of(find_project(Path(sys.argv[1]))), database)
    async with turns.turn(database, "", patience=turns.PATIENCE) as mine:
        await applying.applied(made, mine, tell=tell)

asyncio.run(main())
"""


@pytest.mark.parametrize("step", ["expand", "copy", "index", "compute", "catch up", "switch", "clean"])
async def test_killed_at_any_step_the_next_apply_makes_up_for_it(
    shop: Shop, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite = shop.url.startswith("sqlite")
    if (sqlite and step == "index") or (not sqlite and step == "clean"):
        pytest.skip("this database has no such step")
    name = step if sqlite or step != "copy" else "fill"
    await many(shop)
    before = await shop.items()
    changed(shop)
    shop.write()
    script = f"from engine.studio.follow import turns\nturns.SECONDS = 1.0\n{_KILLED}"
    command = [sys.executable, "-c", script, str(shop.folder), shop.url, name, "1" if step == "switch" else "2"]
    if step in ("expand", "catch up", "index"):
        command[-1] = "1"
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()[-2000:]
    codes = {row["code"] for row in before}
    if step != "clean":
        async with shop.served() as (tenant, door):
            assert (await listed(door), tenant.app.epoch) == (before, 1)
            await post(door, "item", code="later", price="3.5", kind="a", count=2)
            codes.add("later")
        await shop.apply()
    else:
        shop.fields()["more"] = {"type": "text"}
        await shop.apply()
    await right(shop, codes)


async def test_a_value_that_does_not_fit_undoes_all_of_it(shop: Shop) -> None:
    """Written after the plan was made: two items of one code."""
    await many(shop)
    changed(shop)
    async with shop.served() as (_, door), shop.database() as database:
        made = await shop.plan(database)
        await post(door, "item", code="c001")
        with pytest.raises(Problems) as caught:
            await taken(made, database)
        assert [p.code for p in caught.value.problems] == ["plan.violated"]
        await whole(database)
        assert len(await listed(door)) == ROWS + 1
        assert list((await shop.plan(database)).plan.drift) == []


async def test_lines_and_what_sums_them_up_are_filled_beside_those_who_write(shop: Shop) -> None:
    async with shop.served() as (_, door):
        for n in range(60):
            await post(door, "sale", lines=[{"name": "x" * (n % 5 + 1)}, {"name": "yy"}])
        shop.fields("sale_line")["length"] = {"type": "integer", "compute": "LENGTH(name)"}
        shop.fields("sale")["letters"] = {"type": "integer", "compute": "SUM(lines.length)"}
        sales = await listed(door, "sale")
        waiting: list[asyncio.Task[Any]] = []

        def tell(step: str, what: str, done: int, total: int) -> None:
            if step == "compute" and len(waiting) < 5:
                one = sales[len(waiting)]
                lines = {"lines": [{"name": "abcdef"}]}
                waiting.append(
                    asyncio.ensure_future(door.patch(f"/sale/{one['id']}", json=lines, headers={"if-match": "*"}))
                )

        async with shop.database() as database:
            await taken(await shop.plan(database), database, tell=tell)
        for answer in await asyncio.gather(*waiting):
            assert answer.status_code == 200, answer.text
        assert len(waiting) == 5
    await shop.settled()
    async with shop.served() as (tenant, door):
        for sale in await listed(door, "sale"):
            lines = (await door.get(f"/sale/{sale['id']}?expand=lines")).json()["lines"]
            assert all(line["length"] == len(line["name"]) for line in lines)
            assert sale["letters"] == sum(len(line["name"]) for line in lines)
        await whole(tenant.database)


def called(names: dict[str, str], among: str) -> dict[str, Any]:
    """Choices that are called otherwise, and those that stay."""
    otherwise = {now: {"title": now, "was": [was]} for was, now in names.items()}
    return {**{one: one for one in among if one not in names}, **otherwise}


@pytest.mark.parametrize(
    ("kinds", "marked"),
    [({"a": "z"}, {"p": "s"}), ({"a": "b", "b": "a"}, {"p": "q", "q": "r"})],
    ids=["new names", "names that others had"],
)
async def test_choices_are_called_otherwise_beside_those_who_write(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, kinds: dict[str, str], marked: dict[str, str]
) -> None:
    """One choice, and one of several; an index and a sum over them; old names are written until the switch."""
    monkeypatch.setattr(recoding, "LARGE", 100)
    fields = shop.fields()
    fields["marks"] = {"type": "choices", "options": {"p": "P", "q": "Q"}}
    shop.pack["lists"] = {"item": {"of": "item", "columns": ["code", "kind"], "sort": ["kind"]}}
    await many(shop)
    async with shop.served() as (_, door):
        await post(door, "item", code="m", kind="b", marks=["p", "q"])
        await post(door, "item", code="none", kind="b", marks=[])
    fields["kind"]["options"] = called(kinds, "ab")
    fields["marks"]["options"] = called(marked, "pq")

    def now(kind: str, marks: list[str] | None) -> tuple[str, list[str] | None]:
        return kinds.get(kind, kind), marks and [marked.get(one, one) for one in marks]

    steps: Counter[str] = Counter()
    waiting: list[asyncio.Task[Any]] = []
    kept: dict[str, tuple[str, list[str] | None]] = {f"c{n:03}": now("ab"[n % 2], None) for n in range(ROWS)}
    kept |= {"m": now("b", ["p", "q"]), "none": now("b", [])}
    async with shop.served() as (_, door), shop.database() as database:
        rows = {row["code"]: row for row in await listed(door)}

        async def meanwhile(n: int) -> None:
            """Of rows that went over already, and of those that did not; and new ones."""
            for at, kind, marks in ((n, "b", ["p"]), (ROWS - 1 - n, "a", ["p", "q"])):
                code = f"c{at:03}"
                await patch(door, rows[code], kind=kind, marks=marks)
                kept[code] = now(kind, marks)
            await post(door, "item", code=f"new{n}", kind="a", marks=["p"])
            kept[f"new{n}"] = now("a", ["p"])

        def tell(step: str, what: str, done: int, total: int) -> None:
            steps[step] += 1
            if step in ("copy", "fill") and len(waiting) < 6:
                waiting.append(asyncio.ensure_future(meanwhile(len(waiting))))

        made = await shop.plan(database)
        told = {line.path: (line.rows, line.lock.en) for line in made.plan.lines if line.kind == "recoded"}
        beside = "in batches beside those who work, who wait a moment at the end"
        rows_told = ROWS + 2 if "b" in kinds else ROWS // 2
        assert told == {"shop.item.kind": (rows_told, beside), "shop.item.marks": (1, beside)}
        assert {line.kind for line in made.plan.lines} == {"recoded", "changed"}
        await taken(made, database, tell=tell)
        await asyncio.gather(*waiting)
        assert steps["copy" if database.dialect == "sqlite" else "fill"] > 3
        assert len(waiting) == 6
    await shop.settled()
    async with shop.served() as (tenant, door):
        found = {row["code"]: (row["kind"], row["marks"]) for row in await listed(door)}
        assert found == kept
        figure = (await door.get("/figures/stock?by=kind")).json()
        assert figure["served"] == "rollup"
        assert {row["kind"]: row["items"] for row in figure["rows"]} == Counter(kind for kind, _ in kept.values())
        await post(door, "item", code="last", kind=kinds["a"])
        await whole(tenant.database)


async def test_nothing_is_copied_for_choices_that_nobody_holds(shop: Shop) -> None:
    shop.fields()["kind"]["options"]["c"] = "C"
    await many(shop)
    shop.fields()["kind"]["options"] = {"a": "A", "b": "B", "d": {"title": "C", "was": ["c"]}}
    steps: Counter[str] = Counter()
    async with shop.database() as database:
        await taken(await shop.plan(database), database, tell=lambda step, *_: steps.update([step]))
    assert set(steps) == {"switch"}


async def test_text_that_becomes_a_number_is_judged_again_at_the_switch(shop: Shop) -> None:
    await many(shop)
    had = {row["code"]: (row["count"], row["price"]) for row in await shop.items()}
    kept, fields = dict(shop.pack.pop("aggregations")), shop.fields()
    numbers = {name: dict(fields[name]) for name in ("count", "price")}
    fields |= {name: {"type": "text"} for name in numbers}
    await shop.apply()
    fields |= numbers
    shop.pack["aggregations"] = kept
    for value, stands in (("7 pieces", False), ("-7", True)):
        async with shop.served() as (_, door), shop.database() as database:
            row, waiting = (await listed(door))[0], list[asyncio.Task[None]]()

            write = partial(patch, door, row, count=value)

            def tell(step: str, *_: object, write: Any = write, on: Any = waiting) -> None:
                if step in ("copy", "fill") and not on:
                    on.append(asyncio.ensure_future(write()))

            made = await shop.plan(database)
            if stands:
                assert (await taken(made, database, tell=tell)).number == 3
            else:
                with pytest.raises(Problems) as caught:
                    await taken(made, database, tell=tell)
                assert [p.code for p in caught.value.problems] == ["plan.since"]
            assert waiting
            await asyncio.gather(*waiting)
            if not stands:
                await patch(door, row, count=str(had[row["code"]][0]))
    await shop.settled()
    had[row["code"]] = (-7, had[row["code"]][1])
    assert {row["code"]: (row["count"], row["price"]) for row in await shop.items()} == had
    async with shop.served() as (tenant, door):
        figure = (await door.get("/figures/stock")).json()
        assert figure["rows"][0]["count"] == sum(count for count, _ in had.values())
        await whole(tenant.database)
