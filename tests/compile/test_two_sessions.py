"""What two writers at once must not break: each guard, with sessions that really overlap."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.compile import compile_app
from engine.db import Body, Call, Database
from engine.plan.statement import Statement
from tests.compile.stage import Stage
from tests.compile.test_site import Site, catalog

HOURS = Decimal("16")


class Refused(Exception):
    pass


@pytest.fixture
async def site(database: Database) -> Site:
    return await Site(await Stage(compile_app(catalog(), database.dialect), database).build()).plant()


def sheet(site: Site, guarded: bool, **values: Any) -> Body[str]:
    """The transaction of a new sheet of 16 hours, as the server runs it."""
    stage = site.stage
    write = stage.write_of("site.sheet")
    line = write.lines[0]
    root = stage.id()
    given = {"id": root, "project": site.ids["A"], "sheet_date": date(2026, 3, 5), **values}
    mine = {"id": stage.id(), "sheet": root, "worker": site.ids["W1"], "hours": HOURS}

    def call(statement: Statement, **inputs: Any) -> Call:
        return Call(statement.sql, tuple(stage.value(p, inputs) for p in statement.params))

    yield call(write.root.insert, rows=stage.rows(write.root, [given]))
    yield call(line.write.insert, rows=stage.rows(line.write, [mine]))
    for statement in (*write.passes, *(write.guards if guarded else ())):
        yield call(statement, roots=[root])
    broken = yield call(write.checks["save"], roots=[root])
    if broken:
        raise Refused(broken[0][0])
    return root


async def outcomes(site: Site, bodies: Iterable[Any]) -> list[str]:
    found = await asyncio.gather(*(site.stage.database.write(b) for b in bodies), return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, Refused):
            raise one
    return sorted(str(one) if isinstance(one, Refused) else "kept" for one in found)


async def test_of_sheets_that_do_not_all_fit_one_passes(site: Site) -> None:
    """Six sessions give one worker 16 hours of the same day, in two projects."""
    projects = [site.ids[name] for name in "ABABAB"]
    found = await outcomes(site, [lambda p=p: sheet(site, True, project=p) for p in projects])
    assert found == ["day_24"] * 5 + ["kept"]


async def test_other_days_do_not_wait_for_each_other(site: Site) -> None:
    days = [date(2026, 3, n) for n in range(1, 6)]
    assert await outcomes(site, [lambda d=d: sheet(site, True, sheet_date=d) for d in days]) == ["kept"] * 5


async def test_whoever_closes_the_month_and_whoever_writes_in_it_meet(site: Site) -> None:
    """Never both: a sheet that was let in while the month closed without seeing it would be lost to both."""
    stage = site.stage
    period = await stage.create("site.period", project=site.ids["A"], month=date(2026, 3, 1))
    write = stage.write_of("site.period")
    close = stage.app.machines["site.closing"].transitions["close"].apply
    assert close is not None
    order: list[str] = []

    def closing() -> Body[str]:
        for statement in (close, *write.guards):
            yield Call(statement.sql, tuple(stage.value(p, {"roots": [period]}) for p in statement.params))
        order.append("closed")
        return "kept"

    def writing() -> Body[str]:
        made = yield from sheet(site, True)
        order.append("written")
        return made

    found = await outcomes(site, [closing, writing])
    assert found in (["kept", "kept"], ["kept", "month_open"])
    if found == ["kept", "kept"]:
        assert order == ["written", "closed"], "the sheet was there before the month closed"


async def test_a_lock_that_was_waited_for_says_so(site: Site) -> None:
    """PostgreSQL gives the root as it is now, but lines as they were: the reader is told to look again."""
    stage = site.stage
    if stage.app.dialect == "sqlite":
        pytest.skip("one writer: nobody waits for a lock")
    made = await site.sheet(site.line(hours=Decimal("8")))
    write = stage.write_of("site.sheet")
    entered, leave = asyncio.Event(), asyncio.Event()
    postgres: Any = stage.database
    async with postgres._leases.lend() as first, postgres._leases.lend() as second:

        async def holds() -> None:
            async with first.transaction():
                update = write.root.update
                rows = stage.rows(write.root, [{"id": made, "liability": "charge"}])
                await first.fetch(update.sql, *(stage.value(p, {"rows": rows}) for p in update.params))
                gone = write.lines[0].write.remove
                line = (await stage.read("site.sheet", made))["lines"][0]["id"]
                rows = json.dumps([{"id": line}])
                await first.fetch(gone.sql, *(stage.value(p, {"rows": rows}) for p in gone.params))
                entered.set()
                await leave.wait()

        async def waits() -> Any:
            await entered.wait()
            asyncio.get_running_loop().call_later(0.3, leave.set)
            async with second.transaction():
                return await second.fetch(write.lock.sql, json.dumps([made]))

        _, rows = await asyncio.gather(holds(), waits())
    (row,) = rows
    assert row[2] is True
    document = json.loads(row[1])
    assert (document["liability"], document["rev"]) == ("charge", 2)
    assert len(document["lines"]) == 1, "the line of before the wait"
    assert (await stage.read("site.sheet", made))["lines"] == []
    fresh = await stage.run(write.lock, roots=[made])
    assert fresh[0][2] is False


async def test_without_its_guard_the_check_lets_two_pass(site: Site) -> None:
    """That the guard is what holds: the same transactions without it, on the database that runs them side by side."""
    if site.stage.app.dialect == "sqlite":
        pytest.skip("one writer")
    gate = asyncio.Barrier(2)
    postgres: Any = site.stage.database

    async def session() -> str:
        async with postgres._leases.lend() as connection:
            body = sheet(site, False)
            try:
                async with connection.transaction():
                    call = next(body)
                    try:
                        while True:
                            rows = await connection.fetch(call.sql, *call.values)
                            call = body.send([tuple(r) for r in rows])
                    except StopIteration:
                        await gate.wait()  # both have asked before one of them commits
                return "kept"
            except Refused as refused:
                return str(refused)

    assert await asyncio.wait_for(asyncio.gather(session(), session()), 20) == ["kept", "kept"]
