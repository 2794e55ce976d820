"""Postings with ``each``: an entry for each group of a document's lines, which counts once whatever becomes of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.plan.statement import Dialect
from engine.serve.write import reposting
from tests.kept import Kept
from tests.serve.stage import Stage

WORKS = Path(__file__).parent / "works.yaml"
_SET = (
    "{project: =this.project, subject: =this.subject, period: =TO_MONTH(this.sheet_date), kind: KIND,"
    " net: =SUM(sheet_line.amount), document: =worker.name}"
)
GROUPED = "".join(
    f"  {name}:\n    of: sheet\n    while: state = '{state}'\n    each: sheet_line BY worker WHERE sheet = this.id\n"
    f"    into: entry\n    set: {_SET.replace('KIND', name)}\n"
    for name, state in (("reserve", "in_approval"), ("actual", "effective"))
)
ANY = {"if-match": "*"}


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> type[Stage]:
    text = WORKS.read_text(encoding="utf-8")
    head, _, rest = text.partition("postings:\n")
    made = f"{head}postings:\n{GROUPED}aggregations:\n" + rest.partition("aggregations:\n")[2]
    place = tmp_path_factory.mktemp("groups") / "works.yaml"
    place.write_text(made, encoding="utf-8")
    return type("Grouped", (Stage,), {"pack": str(place)})


@pytest.fixture
async def stage(grouped: type[Stage], kept: Kept, dialect: Dialect, tmp_path: Path) -> AsyncIterator[Stage]:
    async with grouped.copied(kept, dialect, tmp_path) as made:
        yield made


async def exact(stage: Stage) -> Counter[tuple[str, str, str]]:
    """(sheet, worker, kind) → what the ledger holds, which is what the lines say; no group stands twice."""
    names = {row[0]: row[1] for row in await stage.rows("works__worker", "id", "name")}
    kinds = {"in_approval": "reserve", "effective": "actual"}
    sheets = {s: kinds.get(state) for s, state, gone in await stage.rows("works__sheet", "id", "state", "deleted_at")
              if gone is None}  # fmt: skip
    told: Counter[tuple[str, str, str]] = Counter()
    for sheet, worker, amount, gone in await stage.rows("works__sheet_line", "sheet", "worker", "amount", "deleted_at"):
        if gone is None and (kind := sheets.get(sheet)):
            told[str(sheet), names[worker], kind] += amount
    held: Counter[tuple[str, str, str]] = Counter()
    entries = await stage.rows("works__entry", "id", "_source_id", "_posting", "_element", "_mirrors", "document",
                               "kind", "net")  # fmt: skip
    mirrored = {e[4] for e in entries}
    standing = [e[1:4] for e in entries if e[4] is None and e[0] not in mirrored]
    assert len(standing) == len(set(standing))
    for entry in entries:
        held[str(entry[1]), entry[5], entry[6]] += entry[7]
    found = Counter({key: net for key, net in held.items() if net})
    assert found == Counter({key: net for key, net in told.items() if net})
    return found


async def made(stage: Stage, *workers: str, day: str = "2026-02-05") -> str:
    lines = [{"worker": stage.ids[w], "hours": "2"} for w in workers]
    answer = await (await stage.door("boss")).post("/sheet", json=stage.sheet(sheet_date=day, lines=lines))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def act(stage: Stage, name: str, sheet: str, action: str) -> int:
    door = await stage.door(name)
    return (await door.post(f"/sheet/{sheet}/actions/{action}", json={"reason": "r"})).status_code


async def test_each_group_counts_once_through_a_life(stage: Stage) -> None:
    boss = await stage.door("boss")
    one = await made(stage, "赵", "赵", "钱")
    assert not await exact(stage)
    assert await act(stage, "boss", one, "submit") == 200
    held = await exact(stage)
    assert len(held) == 2  # two lines of one man are one entry
    assert held[one, "赵", "reserve"] == 2 * held[one, "钱", "reserve"]
    assert await act(stage, "boss", one, "withdraw") == 200
    assert not await exact(stage)
    lines = (await boss.get(f"/sheet/{one}")).json()["lines"]
    change = [{"id": lines[0]["id"], "$delete": True}, {"id": lines[2]["id"], "worker": stage.ids["孙"]},
              {"worker": stage.ids["钱"], "hours": "1"}]  # fmt: skip
    assert (await boss.patch(f"/sheet/{one}", json={"lines": change}, headers=ANY)).status_code == 200
    assert await act(stage, "boss", one, "submit") == 200
    assert len(await exact(stage)) == 3
    for name in ("li", "zhao"):
        await act(stage, name, one, "approve")
    assert {kind for _, _, kind in await exact(stage)} == {"actual"}
    assert not await reposting.repost(stage.tenant)
    assert await act(stage, "zhao", one, "void") == 200
    assert not await exact(stage)


async def test_groups_that_slept_are_made_up_for(stage: Stage) -> None:
    whole = stage.tenant.app
    before = await made(stage, "孙", day="2026-02-04")
    assert await act(stage, "boss", before, "submit") == 200
    entities = {path: e for path, e in whole.entities.items() if path != "works.entry"}
    stage.tenant.swap(replace(whole, entities=entities))
    one = await made(stage, "赵", "钱", "钱")
    assert await act(stage, "boss", one, "submit") == 200
    assert await act(stage, "boss", before, "withdraw") == 200
    stage.tenant.swap(whole)
    assert await reposting.repost(stage.tenant) == {"works.entry": 3}  # two are missing, one no longer holds
    assert len(await exact(stage)) == 2
    assert not await reposting.repost(stage.tenant)


async def test_groups_of_random_days(stage: Stage) -> None:
    boss, pick = await stage.door("boss"), random.Random(5)
    sheets = [await made(stage, "赵", "钱", day=f"2026-02-{n + 1:02}") for n in range(4)]
    for step in range(60):
        one = pick.choice(sheets)
        match pick.randint(0, 7):
            case 0 | 1:
                await act(stage, "boss", one, "submit")
            case 2 | 3:
                for name in ("li", "zhao"):
                    await act(stage, name, one, pick.choice(("approve", "reject")))
            case 4:
                await act(stage, "zhao", one, pick.choice(("void", "withdraw")))
            case 5:
                await boss.delete(f"/sheet/{one}", headers=ANY)
            case 6:
                await boss.post(f"/sheet/{one}/restore")
            case _:
                lines: list[dict[str, Any]] = [{"worker": stage.ids[pick.choice("赵钱孙")], "hours": "1.5"}]
                if there := (await boss.get(f"/sheet/{one}")).json().get("lines"):
                    lines.append({"id": pick.choice(there)["id"], "$delete": True})
                await boss.patch(f"/sheet/{one}", json={"lines": lines}, headers=ANY)
        if step % 6 == 5:
            await exact(stage)
    await exact(stage)
    assert not await reposting.repost(stage.tenant)
