"""Budget control: what documents post into a ledger may not take a figure past its limit; of two that do not both fit
exactly one passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.compile import compile_app
from engine.plan.statement import Dialect
from tests.kept import Kept
from tests.serve.stage import Stage, catalog, errors

BROKEN = "works.allowance"


class Site:
    """Sheets of one price: an hour is 30, so a day of eight is 240; each of a worker and a day of its own."""

    def __init__(self, stage: Stage, boss: httpx.AsyncClient, allowed: Any) -> None:
        self.stage, self.boss, self.allowed, self.made = stage, boss, allowed, 0

    async def allow(self, amount: str, subject: str = "0102") -> None:
        body = {"project": self.stage.ids["A"], "subject": self.stage.ids[subject], "amount": amount}
        answer = await self.boss.post("/allowance", json=body)
        assert answer.status_code == 201, answer.text

    async def sheet(self, amount: str, project: str = "A", subject: str = "0102") -> str:
        """A draft of that amount: its fee does not count, its price is what makes it."""
        self.made += 1
        line = {"worker": self.stage.ids["赵"], "hours": "8", "price": amount}
        day = f"2026-02-{self.made:02d}" if self.made < 28 else f"2026-01-{self.made - 27:02d}"
        body = self.stage.sheet(
            sheet_date=day,
            project=self.stage.ids[project],
            lines=[line],
            reasons={"cap": "agreed"},
            subject=self.stage.ids[subject],
        )
        answer = await self.boss.post("/sheet", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def act(self, sheet: str, name: str, **more: Any) -> httpx.Response:
        return await self.boss.post(
            f"/sheet/{sheet}/actions/{name}", json={"reasons": {"not_late": "rain", "cap": "agreed"}, **more}
        )


@pytest.fixture
async def site(stage: Stage) -> Site:
    zhao = await stage.door("zhao")
    made = Site(stage, await stage.door("boss"), zhao)
    await made.allow("1000")
    return made


def warned(answer: httpx.Response) -> list[str]:
    return [w["check"] for w in answer.json().get("warnings", []) if w["check"] == BROKEN]


async def test_warned_from_ninety_and_refused_past_a_hundred(site: Site) -> None:
    for amount, warns in (("100", False), ("280", False), ("300", False), ("219.99", False), ("0.01", True)):
        answer = await site.act(await site.sheet(amount), "submit")
        assert (answer.status_code, bool(warned(answer))) == (200, warns), (amount, answer.text)
    last = await site.sheet("100")
    assert bool(warned(await site.act(last, "submit"))) is True  # exactly all of it
    over = await site.sheet("0.01")
    refused = await site.act(over, "submit")
    assert refused.status_code == 422
    assert errors(refused) == [(BROKEN, "/lines/0")]
    assert refused.json()["detail"] == "点工 has 1,000.00, used 1,000.01, 0.01 of it here, 0.01 too much"
    assert (await site.boss.get(f"/sheet/{over}")).json()["state"] == "draft"
    await site.act(last, "withdraw")
    assert (await site.act(over, "submit")).status_code == 200


async def test_whoever_may_passes_with_a_reason(site: Site, stage: Stage) -> None:
    foreman, head = await stage.door("wang"), await stage.door("zhao")
    own = stage.sheet(lines=[{"worker": stage.ids["赵"], "hours": "8"}])
    sheet = (await foreman.post("/sheet", json=own)).json()["id"]
    await site.act(await site.sheet("900"), "submit")
    refused = await foreman.post(f"/sheet/{sheet}/actions/submit", json={})
    assert errors(refused) == [(BROKEN, "/lines/0")]
    unsaid = await site.act(await site.sheet("290"), "submit")
    assert [e["code"] for e in unsaid.json()["errors"]] == ["api.needs-reason"]
    said = await site.act(await site.sheet("290"), "submit", reasons={BROKEN: "flood", "not_late": "rain", "cap": "x"})
    assert (said.status_code, warned(said)) == (200, [BROKEN])
    assert head is not None


async def test_approval_counts_once(site: Site, stage: Stage) -> None:
    """In approval a sheet reserves, in force it is cost: its own reserve is gone when that is judged."""
    sheet = await site.sheet("600")
    await site.act(sheet, "submit")
    for _ in range(2):
        answer = await site.act(sheet, "approve")
        assert answer.status_code == 200, answer.text
        if answer.json()["state"] == "effective":
            break
    assert answer.json()["state"] == "effective"
    figures = await site.boss.get("/figures/cost?by=project&measures=used,actual,reserved,allowed")
    row = next(r for r in figures.json()["rows"] if r["project"]["id"] == stage.ids["A"])
    assert (row["used"], row["actual"], row["reserved"]) == ("600.00", "600.00", "0.00")
    assert (await site.act(await site.sheet("300"), "submit")).status_code == 200


async def test_other_keys_have_limits_of_their_own(site: Site) -> None:
    await site.act(await site.sheet("950"), "submit")
    elsewhere = await site.sheet("5000", "B")
    assert (await site.act(elsewhere, "submit")).status_code == 200  # B is not controlled: the condition does not hold
    assert errors(await site.act(await site.sheet("51"), "submit")) == [(BROKEN, "/lines/0")]
    await site.allow("100")
    assert (await site.act(await site.sheet("51"), "submit")).status_code == 200


async def at_once(*asked: Awaitable[httpx.Response]) -> list[httpx.Response]:
    return list(await asyncio.gather(*asked))


async def race(site: Site, rounds: int) -> None:
    """Of two that are 600 each, with 1,000 to use, exactly one; and whichever came, the figure is what came."""
    for _ in range(rounds):
        sheets = [await site.sheet("600") for _ in range(2)]
        answers = await at_once(*(site.act(one, "submit") for one in sheets))
        assert sorted(a.status_code for a in answers) == [200, 422], [a.text for a in answers]
        passed = sheets[0] if answers[0].status_code == 200 else sheets[1]
        assert (await site.act(passed, "withdraw")).status_code == 200


async def test_of_two_that_do_not_both_fit_one_passes(site: Site) -> None:
    await race(site, 3)


async def test_a_limit_cut_at_the_same_moment(site: Site) -> None:
    """Whoever lowers the limit and whoever posts wait for each other: which comes first is open, never both."""
    allowed = (await site.boss.get("/allowance")).json()["items"][0]["id"]
    place = f"/allowance/{allowed}"
    for _ in range(3):
        one = await site.sheet("600")
        cut, sent = await at_once(
            site.boss.patch(place, json={"amount": "1"}, headers={"if-match": "*"}), site.act(one, "submit")
        )
        assert cut.status_code == 200, cut.text
        if sent.status_code == 200:
            assert (await site.act(one, "withdraw")).status_code == 200
        assert errors(await site.act(one, "submit")) == [(BROKEN, "/lines/0")]
        assert (await site.boss.delete(f"/sheet/{one}", headers={"if-match": "*"})).status_code == 204
        assert (await site.boss.patch(place, json={"amount": "1000"}, headers={"if-match": "*"})).status_code == 200


@pytest.fixture(scope="module")
def levelled(tmp_path_factory: pytest.TempPathFactory) -> type[Stage]:
    """The same site, where an allowance of a subject limits those under it, and the whole project those of all."""
    text = (Path(__file__).parent / "works.yaml").read_text(encoding="utf-8")
    key = "    key: [project, subject]\n"
    assert key in text
    file = tmp_path_factory.mktemp("levelled") / "works.yaml"
    file.write_text(text.replace(key, f"{key}    levels: {{subject: whole}}\n"), encoding="utf-8")

    class Levelled(Stage):
        pack = str(file)

    return Levelled


@pytest.fixture
async def above(levelled: type[Stage], kept: Kept, dialect: Dialect, tmp_path: Path) -> AsyncIterator[Site]:
    async with levelled.copied(kept, dialect, tmp_path) as stage:
        stage.ids["9"] = await stage.make("subject", code="9", name="专项")
        for code in ("91", "92"):
            stage.ids[code] = await stage.make("subject", code=code, name=f"专项{code}", parent=stage.ids["9"])
        yield Site(stage, await stage.door("boss"), None)


async def test_a_node_limits_what_hangs_under_it(above: Site) -> None:
    await above.allow("1000", "9")
    first = await above.sheet("899.99", subject="91")
    assert warned(await above.act(first, "submit")) == []
    more = await above.sheet("100.02", subject="92")
    refused = await above.act(more, "submit")
    assert errors(refused) == [(BROKEN, "/lines/0")] * 2  # at 9, and at all of it
    said = [e["message"] for e in refused.json()["errors"]]
    assert sorted(said) == [
        "– has 1,000.00, used 1,000.01, 100.02 of it here, 0.01 too much",
        "专项 has 1,000.00, used 1,000.01, 100.02 of it here, 0.01 too much",
    ]
    await above.allow("1", "0102")  # elsewhere: more of the whole, not of 9
    refused = await above.act(more, "submit")
    assert [e["message"] for e in refused.json()["errors"]] == [said for said in said if said.startswith("专项")]
    exactly = await above.sheet("100.01", subject="92")
    assert warned(await above.act(exactly, "submit")) == [BROKEN, BROKEN]
    nowhere = await above.sheet("1.01", subject="0102")  # of its own 1, and of the whole 1001
    assert len(errors(await above.act(nowhere, "submit"))) == 2


async def test_of_two_under_one_node_one_passes(above: Site) -> None:
    await above.allow("1000", "9")
    for _ in range(3):
        sheets = [await above.sheet("600", subject=subject) for subject in ("91", "92")]
        answers = await at_once(*(above.act(one, "submit") for one in sheets))
        assert sorted(a.status_code for a in answers) == [200, 422], [a.text for a in answers]
        passed = sheets[0] if answers[0].status_code == 200 else sheets[1]
        assert (await above.act(passed, "withdraw")).status_code == 200


def test_posters_and_the_limit_share_a_key() -> None:
    """Races are rare, so that the lock is asked for on both sides is looked at too."""
    app = compile_app(catalog(), "postgresql")
    for path in ("works.sheet", "works.allowance"):
        write = app.entities[path].write
        assert write is not None
        assert "'works.allowance:project,subject'" in " ".join(s.sql for s in write.guards)
