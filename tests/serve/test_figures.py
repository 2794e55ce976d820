"""The door of figures and all its words, as a reader meets them, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.db import rollups
from engine.plan.statement import Dialect
from tests.kept import Kept
from tests.serve.stage import Stage
from tests.serve.test_dashboards import visitor

NETS = {
    ("A", "11", "01"): 100, ("A", "12", "01"): 40, ("A", "2", "03"): 7, ("B", "11", "01"): 1000, ("B", "1", "02"): 5,
}  # fmt: skip
"""Project, subject, month → what is booked there."""
DAYS = {"01": "2026-01-04", "02": "2026-02-04", "03": "2026-03-20"}


class Ledger(Stage):
    pack = "ledger.yaml"

    async def plant(self) -> None:
        ids = self.ids
        for name in ("wang", "zhao", "boss"):
            ids[name] = await self.make("user", name=name)
            await self._may_sign_in(ids[name], name)
        await self.make("post", user=ids["zhao"], role="head")
        ids["A"] = await self.make("project", name="A", members=[{"user": ids["wang"], "role": "foreman"}])
        ids["B"] = await self.make("project", name="B")
        for code, parent in (("1", None), ("11", "1"), ("12", "1"), ("2", None)):
            ids[code] = await self.make("subject", code=code, **({"parent": ids[parent]} if parent else {}))
        for (project, subject, month), net in NETS.items():
            more = {"day": DAYS[month], "month": f"2026-{month}", "net": str(net), "doc": f"{subject[0]}{month}"}
            await self.make("entry", project=ids[project], subject=ids[subject], **more)
        for project, value in (("A", "100.00"), ("B", "0.02")):
            await self.make("work", project=ids[project], starts="2026-01-01", ends="2026-03-31", value=value)


@pytest.fixture
async def ledger(kept: Kept, dialect: Dialect, tmp_path: Path) -> AsyncIterator[Ledger]:
    async with Ledger.copied(kept, dialect, tmp_path) as made:
        yield made


async def asked(ledger: Ledger, query: str, name: str = "zhao", of: str = "cost") -> dict[str, Any]:
    answer = await (await ledger.door(name)).get(f"/figures/{of}?{query}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def column(answer: dict[str, Any], key: str, value: str) -> dict[Any, Any]:
    def plain(of: Any) -> Any:
        return of["display"] if isinstance(of, dict) else of

    def number(of: Any) -> Any:
        return Decimal(str(of)) if isinstance(of, str | float) else of

    return {plain(r[key]): number(r[value]) for r in answer["rows"]}


async def test_along_time(ledger: Ledger) -> None:
    months = await asked(ledger, "by=month&measures=net,so_far,held&fill=month&project[in]=" + ledger.ids["A"])
    assert column(months, "month", "net") == {"2026-01": 140, "2026-02": 0, "2026-03": 7}
    assert column(months, "month", "so_far") == {"2026-01": 140, "2026-02": 140, "2026-03": 147}
    whole = await asked(ledger, "by=project&measures=so_far,held")
    assert column(whole, "project", "so_far") == {"A": 147, "B": 1005}
    assert column(whole, "project", "held") == {"A": 7, "B": 5}
    later = await asked(ledger, "by=month&measures=so_far&month[gte]=2026-03")
    assert column(later, "month", "so_far") == {"2026-03": 1152}
    before = await asked(ledger, "by=month&measures=net&compare=month&month=2026-02")
    assert column(before, "month", "net_before") == {"2026-02": 1140}
    assert column(before, "month", "net_growth") == {"2026-02": Decimal("-0.995614")}


async def test_pages_and_the_rest(ledger: Ledger) -> None:
    first = await asked(ledger, "by=subject&measures=net&top=1&share=net&totals=true")
    assert column(first, "subject", "net") == {"11": 1100}
    assert (first["groups"], first["others"]["groups"]) == (4, 3)
    assert Decimal(str(first["others"]["net"])) == 52
    assert Decimal(str(first["others"]["net_share"])) + column(first, "subject", "net_share")["11"] == 1
    pages = [await asked(ledger, f"by=subject&measures=net&sort=-net&limit=3&offset={at}") for at in (0, 3)]
    assert [r["subject"]["display"] for page in pages for r in page["rows"]] == ["11", "12", "2", "1"]
    door = await ledger.door("zhao")
    for wrong in ("offset=2", "top=2&offset=2", "limit=2&offset=-1", "limit=2&offset=x", "top=1&limit=1", "level=1",
                  "tree=subject&top=2", "tree=subject&level=0", "tree=month", "tree=subject&below=x", "as_of=soon",
                  "share=what", "fill=subject", "compare=never"):  # fmt: skip
        refused = await door.get(f"/figures/cost?by=subject,month&measures=net&{wrong}")
        assert refused.status_code == 400, (wrong, refused.text)
        assert all(e["code"] for e in refused.json()["errors"])


async def test_trees(ledger: Ledger) -> None:
    """Told from kept sums, folded or not, where these hold all that is asked."""
    for _ in range(2):
        tree = await asked(ledger, "by=subject&measures=net,entries&tree=subject&totals=true")
        assert tree["served"] == "rollup"
        assert column(tree, "subject", "net") == {"1": 1145, "11": 1100, "12": 40, "2": 7}
        assert [r["subject"]["level"] for r in tree["rows"]] == [1, 2, 2, 1]
        assert tree["totals"]["entries"] == 5
        await rollups.fold_all(ledger.tenant.database, ledger.tenant.app.logs)
    top = await asked(ledger, "by=subject&measures=net,docs&tree=subject&level=1&sort=-net")
    assert top["served"] == "grouped"
    assert column(top, "subject", "docs") == {"1": 2, "2": 1}
    below = await asked(ledger, f"by=subject&measures=net&tree=subject&below={ledger.ids['1']}&totals=true")
    assert column(below, "subject", "net") == {"11": 1100, "12": 40}
    assert Decimal(str(below["totals"]["net"])) == 1145
    under = await asked(ledger, f"measures=net&subject[under]={ledger.ids['1']}")
    assert (under["served"], Decimal(str(under["rows"][0]["net"]))) == ("rollup", 1145)
    door = await ledger.door("zhao")
    listed = await door.get(f"/entry?subject[under]={ledger.ids['1']}&count=exact&fields=net")
    assert listed.json()["total"] == 4
    assert (await door.get(f"/entry?project[under]={ledger.ids['A']}")).status_code == 400
    free = await door.get("/entry/aggregate?by=s:subject&measures=n:COUNT(id)&tree=s&depth=1")
    assert column(free.json(), "s", "n") == {"1": 4, "2": 1}
    sent = {"by": "subject", "measures": "net", "tree": "subject", "level": "1"}
    assert (await door.post("/figures/cost", json=sent)).json()["rows"] == [
        {k: v for k, v in r.items() if k != "docs"} for r in sorted(top["rows"], key=lambda r: r["subject"]["display"])
    ]


async def test_ages_and_what_is_laid_over_time(ledger: Ledger) -> None:
    ages = await asked(ledger, "by=age&measures=net")  # it is the fifth of March
    assert column(ages, "age", "net") == {-1: 7, 0: 5, 31: 1140}
    then = await asked(ledger, "by=age&measures=net&as_of=2026-04-30")
    assert column(then, "age", "net") == {31: 7, 61: 1145}
    assert column(await asked(ledger, "by=project&measures=net&age[gte]=31"), "project", "net") == {"A": 140, "B": 1000}
    plan = await asked(ledger, "by=month&measures=planned,paid,planned_so_far&project=" + ledger.ids["A"], of="plan")
    planned = column(plan, "month", "planned")
    assert list(planned) == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert sum(planned.values()) == 100
    assert column(plan, "month", "paid") == {"2026-01": 0, "2026-02": 140, "2026-03": 0, "2026-04": 7}
    assert column(plan, "month", "planned_so_far")["2026-03"] == 100
    cents = await asked(ledger, "by=month&measures=planned&project=" + ledger.ids["B"], of="plan")
    assert sum(column(cents, "month", "planned").values()) == Decimal("0.02")


QUERIES = (
    "by=month&measures=net,so_far,held&fill=month", "by=project&measures=so_far,held",
    "by=subject&measures=net&top=1&share=net",
    "by=subject&measures=net&limit=2&offset=0&totals=true", "by=month&measures=net&compare=month",
    "by=subject&measures=net,docs,entries&tree=subject&totals=true", "by=subject&measures=net&tree=subject&level=1",
    "by=age&measures=net,docs&as_of=2026-04-30", "measures=least,most,docs,net", "by=month&measures=least,most",
)  # fmt: skip


async def test_a_reader_sees_what_is_his(ledger: Ledger) -> None:
    """With every word the answer is what it would be if there were nothing but his rows."""
    his = [await asked(ledger, query, "wang") for query in QUERIES]
    plans = await asked(ledger, "by=month&measures=planned,paid,planned_so_far&totals=true", "wang", "plan")
    alone = [await asked(ledger, f"{query}&project={ledger.ids['A']}") for query in QUERIES]
    for query, mine, wanted in zip(QUERIES, his, alone, strict=True):
        assert {**mine, "served": ""} == {**wanted, "served": ""}, query
    query = f"by=month&measures=planned,paid,planned_so_far&totals=true&project={ledger.ids['A']}"
    assert plans == await asked(ledger, query, of="plan")
    nothing = await asked(ledger, f"by=subject&measures=net&tree=subject&project={ledger.ids['B']}", "wang")
    assert nothing["rows"] == []


async def test_every_answer_says_what_it_came_from(ledger: Ledger) -> None:
    """And is the same from the records alone."""
    for query, served in (
        ("by=project&measures=net,entries", "rollup"), ("by=project&measures=docs", "grouped"),
        ("by=project&measures=net,docs", "grouped"), ("by=project&measures=least,most", "grouped"),
        ("by=subject&measures=net&tree=subject", "rollup"), ("by=age&measures=net", "grouped"),
        ("by=month&measures=so_far", "rollup"),
    ):  # fmt: skip
        told = await asked(ledger, query)
        assert told["served"] == served, query
        ready, ledger.tenant.sums = ledger.tenant.sums, frozenset()
        assert (await asked(ledger, query))["rows"] == told["rows"]
        ledger.tenant.sums = ready


async def test_a_board_leads_down_a_tree_and_into_an_age(ledger: Ledger) -> None:
    seen = await visitor(ledger, "zhao")
    found = await seen.cut("/d/works/costs")
    assert "1,145.00" in found.tiles["top"]
    nets = ["1,145.00", "1,100.00", "40.00", "7.00", "1,152.00"]
    assert [text for text in found.tiles["all"] if text in nets] == nets
    down = next(link for link in found.links["top"] if "subject%5Bunder%5D" in link and "by=subject" in link)
    below = await seen.cut(down)
    assert {"11", "12"} <= set(below.tiles["top"])
    assert "1,100.00" in below.tiles["top"]
    listed = next(link for link in found.links["all"] if "/m/works/entry" in link and "under" in link)
    assert "1000" in (await seen.get(listed)).text.replace(",", "")
    assert {"0–30 days", "31–60 days", "Over 60 days"} <= set(found.tiles["ages"])
    old = next(link for link in found.links["ages"] if "where=" in link)
    assert "today" in old
    assert (await seen.get(old)).status_code == 200
