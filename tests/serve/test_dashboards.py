"""Dashboards through their pages: what each look shows, filters, the ways behind, rights, one statement for all."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from decimal import Decimal
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from engine.plan.page import Light
from engine.plan.periods import moved
from engine.serve.people import auth
from engine.serve.people.auth import open_session
from renderer.figures import tone
from tests.serve.stage import Stage
from tests.serve.test_doors import outside

BOARD = "/d/works/figures"


class Cut(HTMLParser):
    """The texts and links of each tile of a page, and whether the page is sound."""

    VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tiles: dict[str, list[str]] = {}
        self.links: dict[str, list[str]] = {}
        self.wrong: list[str] = []
        self._open: list[tuple[str, str]] = []
        self.feed(html)
        self.wrong += [tag for tag, _ in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.wrong += [f"{tag} {name}" for name in held if name == "style" or name.startswith("on")]
        if tag == "script" and "src" not in held:
            self.wrong.append("inline script")
        here = held.get("data-tile") or (self._open[-1][1] if self._open else "")
        if tag not in self.VOID:
            self._open.append((tag, here))
        if tag == "a" and here:
            self.links.setdefault(here, []).append(held.get("href") or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop()[0] != tag:
            self.wrong.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][1] and data.strip():
            self.tiles.setdefault(self._open[-1][1], []).append(data.strip())


class Visitor:
    """The browser of one person."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, place: str) -> httpx.Response:
        return await self.client.get(place)

    async def cut(self, place: str = BOARD) -> Cut:
        answer = await self.get(place)
        assert answer.status_code == 200, answer.text[:400]
        found = Cut(answer.text)
        assert found.wrong == []
        return found


async def visitor(stage: Stage, name: str, language: str = "en") -> Visitor:
    token = await open_session(stage.tenant, stage.ids[name], "page")
    return Visitor(outside(stage, cookies={auth.COOKIE: token, "language": language}))


async def filled(stage: Stage) -> None:
    """Two projects, three months, three workers; what is in approval is reserved in the ledger."""
    wang = await stage.door("wang")
    for n, (place, day, worker, hours) in enumerate((
        ("A", "2026-01-10", "赵", "8"), ("A", "2026-02-10", "钱", "6"), ("B", "2026-02-11", "赵", "10"),
        ("A", "2026-03-03", "孙", "4"), ("B", "2026-03-04", "赵", "7"),
    )):  # fmt: skip
        lines = [{"worker": stage.ids[worker], "hours": hours}]
        charge = {"liability": "own"} if n % 2 else {"liability": "charge", "charge_to": "乙"}
        body = stage.sheet(project=stage.ids[place], sheet_date=day, lines=lines, **charge)
        made = await wang.post("/sheet", json=body)
        assert made.status_code == 201, made.text
        if n > 2:
            acted = await wang.post(f"/sheet/{made.json()['id']}/actions/submit", json={"reason": "r"})
            assert acted.status_code == 200, acted.text
    for place, amount in (("A", "1000"), ("B", "400")):
        await stage.make("allowance", project=stage.ids[place], subject=stage.ids["0102"], amount=amount)


def query(href: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(href).query))


def way(found: Cut, tile: str, **wanted: str) -> str:
    """The link of a tile whose address says all this."""
    ways = [h for h in found.links[tile] if wanted.items() <= query(h).items()]
    assert ways, found.links[tile]
    return ways[0]


async def test_every_look_shows_its_figures(stage: Stage) -> None:
    await filled(stage)
    boss = await visitor(stage, "boss")
    found = await boss.cut()
    plan = stage.tenant.app.dashboards["works.figures"]
    assert set(found.tiles) == {tile.name for tile in plan.tiles}
    said = {name: " ".join(texts) for name, texts in found.tiles.items()}
    assert "5" in found.tiles["lines"]
    assert "2026-03: +0.0 % vs period before" in said["lines"]
    assert "Past the limit" in said["amount"]
    assert "of allowed 1,400.00" in said["allowed"].lower()
    assert "甲" in said["projects"]
    assert "18.00" in said["projects"]
    assert "Others\nHours: 17.00" in said["projects"]  # the rest of a top list, which can be added up
    assert "2026-02 Hours: 24.00" in said["curve"].replace("\n", " ")  # 8 of January and 16 of February
    assert "Total" in said["grid"]
    assert "35.00" in said["grid"]
    rows = [t for t in found.tiles["people"] if t.isdigit()]
    assert rows == ["1", "1", "1", "3", "1", "1", "1", "1", "2", "2", "3"]  # of distinct workers totals are no sums
    assert "35.00" in said["adds"]
    assert "1,400.00" in said["steps"]
    assert found.tiles["table"].count("赵") == 2


async def test_in_chinese_no_word_is_english(stage: Stage) -> None:
    await filled(stage)
    found = await (await visitor(stage, "boss", "zh")).cut()
    said = " ".join(t for texts in found.tiles.values() for t in texts)
    of_the_pack = {
        word
        for figures in stage.tenant.app.figures.values()
        for one in (*figures.dimensions.values(), *figures.measures.values())
        for word in one.title.to("zh").split()
    }
    assert set(re.findall(r"[A-Za-z]{3,}", said)) <= of_the_pack | {"Excel", "CSV"}


async def test_filters_narrow_every_tile_that_knows_them_and_the_others_say_so(stage: Stage) -> None:
    await filled(stage)
    boss = await visitor(stage, "boss")
    a = stage.ids["A"]
    found = await boss.cut(f"{BOARD}?project={a}&month=2026-02")
    assert "1" in found.tiles["lines"]
    assert "6.00" in found.tiles["table"]
    assert "10.00" not in found.tiles["table"]
    assert not any(t.startswith("Not narrowed") for t in found.tiles["limits"])
    narrowed = await boss.cut(f"{BOARD}?worker={stage.ids['赵']}")
    assert any(t.startswith("Not narrowed by") for t in narrowed.tiles["allowed"])
    assert not any(t.startswith("Not narrowed by") for t in narrowed.tiles["lines"])
    ranged = await boss.cut(f"{BOARD}?month[gte]=2026-02&month[lte]=2026-03")
    assert "4" in ranged.tiles["lines"]
    several = await boss.cut(f"{BOARD}?worker[in]={stage.ids['赵']},{stage.ids['孙']}")
    assert "4" in several.tiles["lines"]


async def test_a_filter_that_cannot_be_is_told(stage: Stage) -> None:
    boss = await visitor(stage, "boss")
    for wrong in ("project=nobody", "month=May", "month[gte]=2026-13", "project[gte]=x"):
        answer = await boss.get(f"{BOARD}?{wrong}")
        assert answer.status_code == 200
        assert 'class="said wrong"' in answer.text, wrong
    assert 'class="said wrong"' not in (await boss.get(f"{BOARD}?nothing=1")).text


async def test_a_period_is_held_against_the_one_before(stage: Stage) -> None:
    await filled(stage)
    boss = await visitor(stage, "boss")
    found = await boss.cut(f"{BOARD}?month=2026-02")
    assert "+100.0 % vs period before" in " ".join(found.tiles["lines"])  # two lines after one


async def test_every_part_leads_on_and_the_end_are_its_records(stage: Stage) -> None:
    """From the project by month, then by worker, to the records: the same count all the way."""
    await filled(stage)
    boss = await visitor(stage, "boss")
    a = stage.ids["A"]
    by_month = way(await boss.cut(), "projects", project=a, by="month")
    months = await boss.cut(by_month)
    by_worker = way(months, "projects", project=a, month="2026-02", by="worker")
    workers = await boss.cut(by_worker)
    assert "6.00" in workers.tiles["projects"]
    reckoned = way(workers, "projects", project=a, month="2026-02", worker=stage.ids["钱"])
    assert urlsplit(reckoned).path == "/f/works/work"  # no list of sheets can say whose line it is
    assert "6.00" in (await boss.get(reckoned)).text
    records = way(await boss.cut(f"{BOARD}?project={a}&month=2026-02"), "parts", liability="own")
    assert urlsplit(records).path == "/m/works/sheets"
    wanted = {"project": a, "sheet_date[gte]": "2026-02-01", "sheet_date[lte]": "2026-02-28", "liability": "own"}
    assert query(records) == wanted
    listed = await boss.get(records)
    assert listed.status_code == 200
    assert listed.text.count('data-href="/r/works/sheet/') == 1


async def test_all_ways_of_a_board_can_be_gone(stage: Stage) -> None:
    """No link of any tile is refused to whoever is shown it."""
    await filled(stage)
    for name in ("boss", "zhao", "li"):
        person = await visitor(stage, name)
        found = await person.cut()
        for place in {h for links in found.links.values() for h in links}:
            answer = await person.get(place)
            assert answer.status_code == 200, (name, place)
            assert 'class="said wrong"' not in answer.text, (name, place)


async def test_everyone_sees_the_figures_of_his_records(stage: Stage) -> None:
    await filled(stage)
    head, manager, foreman = [await visitor(stage, n) for n in ("zhao", "li", "wang")]
    assert "5" in (await head.cut()).tiles["lines"]
    assert "3" in (await manager.cut()).tiles["lines"]  # of his project only
    mine = await foreman.cut()
    assert "You may not read what this sums." in mine.tiles["limits"]  # he reads no ledger
    assert "amount" not in mine.tiles  # of an amount that is hidden from him
    assert "Amount" in (await foreman.get(BOARD)).text.split("You may not read what these sum")[1][:80]
    assert (await foreman.get("/d/works/nothing")).status_code == 404
    assert (await foreman.get(f"{BOARD}/nothing")).status_code == 404


async def test_figures_are_taken_away_by_who_may_take_their_records(stage: Stage) -> None:
    await filled(stage)
    head, manager, foreman = [await visitor(stage, n) for n in ("zhao", "li", "wang")]
    taken = await head.get(f"{BOARD}/table/export?format=csv")
    assert taken.status_code == 200
    rows = list(csv.reader(io.StringIO(taken.text.removeprefix("\ufeff"))))
    assert sorted(float(r[3]) for r in rows[1:]) == [4, 6, 8, 17]
    book = await head.get(f"{BOARD}/grid/export?format=xlsx&project={stage.ids['A']}")
    with zipfile.ZipFile(io.BytesIO(book.content)) as file:
        sheet = file.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count("<row ") == 4  # the head and three months
    assert (await manager.get(f"{BOARD}/table/export")).status_code == 403
    assert "/export" not in (await manager.get(BOARD)).text
    own = await foreman.get(f"{BOARD}/trend/export?format=csv")  # of what he may take: of his own cost only
    assert own.status_code == 200
    assert sum(float(r[1]) for r in list(csv.reader(io.StringIO(own.text)))[1:]) == 10
    assert (await foreman.get(f"{BOARD}/limits/export")).status_code == 403
    assert (await head.get(f"{BOARD}/table/export?format=pdf")).status_code == 400


async def test_a_page_is_one_statement_however_many_tiles_and_rows(stage: Stage) -> None:
    boss = await visitor(stage, "boss")

    async def statements(place: str) -> int:
        """The least of a few visits: now and then a session is looked at again."""
        counts = []
        for _ in range(4):
            stage.database.reads.clear()
            assert (await boss.get(place)).status_code == 200
            counts.append(len(stage.database.reads))
        return min(counts)

    empty = await statements(BOARD)
    small = await statements("/d/works/costs")
    await filled(stage)
    assert await statements(BOARD) == empty == small
    chosen = await statements(f"{BOARD}?project={stage.ids['A']}&worker={stage.ids['赵']}&month=2026-02")
    assert chosen == empty + 1  # what the chosen records are called
    figures = [sql for sql in stage.database.reads if "sheet_line" in sql]
    assert len(figures) == 1


async def test_lights_and_shares() -> None:
    falling = Light(Decimal("0.08"), Decimal("0.05"))
    rising = Light(Decimal("0.9"), Decimal(1))
    assert [tone(rising, Decimal(v)) for v in ("0.89", "0.9", "1", "1.01")] == ["good", "warn", "warn", "alarm"]
    assert [tone(falling, Decimal(v)) for v in ("0.09", "0.08", "0.05", "0.04")] == ["good", "warn", "warn", "alarm"]


@pytest.mark.parametrize(
    ("compare", "now", "then"),
    [
        ("previous month", "2026-01", "2025-12"),
        ("previous quarter", "2026-02", "2025-11"),
        ("previous year", "2024-02-29", "2023-02-28"),
        ("previous week", "2026-03-02", "2026-02-23"),
        ("previous day", "2026-03", ""),
        ("previous month", "2026-13", ""),
    ],
)
def test_the_period_before(compare: str, now: str, then: str) -> None:
    assert moved(now, compare) == then
