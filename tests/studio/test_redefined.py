"""SQLite: what a table says of its rows, and not of how they lie, is changed where it stands; no row is written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.db.steps import rebuilt, redefined, statements
from engine.problem import Problems
from tests.studio.shop import Shop, filled, taken

DEAR = {"that": "price > 0", "message": {"zh": "价格须大于零", "en": "Costs more than nothing"}}

INDEXED = "SELECT name, rootpage FROM sqlite_master WHERE type = 'index' AND sql LIKE '%shop!__sale%item%' ESCAPE '!'"


@pytest.fixture
async def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "shop", f"sqlite://{tmp_path}/shop.db")
    await filled(made)
    return made


def raw(shop: Shop) -> sqlite3.Connection:
    connection = sqlite3.connect(shop.url.removeprefix("sqlite://"), isolation_level=None)
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def where(connection: sqlite3.Connection) -> dict[str, int]:
    """Table → the page it begins at: another one when it was made anew."""
    pages = "SELECT name, rootpage FROM sqlite_master WHERE type = 'table' AND name LIKE 'shop!_!_%' ESCAPE '!'"
    return dict(connection.execute(pages))


def points(connection: sqlite3.Connection) -> set[str]:
    return {row[3] for row in connection.execute("PRAGMA foreign_key_list(shop__sale)")}


async def test_what_rows_must_be_like_changes_where_they_lie(shop: Shop) -> None:
    with closing(raw(shop)) as other:
        before, rows = where(other), other.execute("SELECT * FROM shop__item ORDER BY id").fetchall()
        assert "item" in points(other)
        index = other.execute(INDEXED).fetchall()
        assert index
        shop.fields()["price"]["required"] = True
        shop.entities["item"]["checks"] = {"dear": DEAR}
        item = shop.fields("sale").pop("item")
        async with shop.database() as database:
            made = await shop.plan(database)
            changed = {one.after.name: one for one in made.difference.changes}
            assert all(redefined(changed[name], made.fills) for name in ("shop__item", "shop__sale"))
            assert "what its rows must be like is told anew" in {line.says.en for line in made.plan.lines}
            await taken(made, database)
        await shop.settled()
        assert where(other) == before
        assert other.execute("SELECT * FROM shop__item ORDER BY id").fetchall() == rows
        for wrong in ("NULL", "-1"):
            with pytest.raises(sqlite3.IntegrityError):
                other.execute(f"UPDATE shop__item SET price = {wrong}")
        assert "item" not in points(other)
        assert other.execute(INDEXED).fetchall() == index
        other.execute("UPDATE shop__sale SET item = 'nobody'")
        other.execute("UPDATE shop__sale SET item = NULL")
        shop.fields("sale")["item"] = item
        del shop.fields()["price"]["required"], shop.entities["item"]["checks"]
        await shop.apply()
        await shop.settled()
        assert where(other) == before
        assert other.execute(INDEXED).fetchall() == index
        with pytest.raises(sqlite3.IntegrityError):
            other.execute("UPDATE shop__sale SET item = 'nobody'")
        other.execute("UPDATE shop__item SET price = NULL")
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("what", ["required", "check", "reference"])
async def test_what_was_written_since_the_plan_refuses_it(shop: Shop, what: str) -> None:
    with closing(raw(shop)) as other:
        if what == "required":
            shop.fields()["price"]["required"] = True
            since = "UPDATE shop__item SET price = NULL"
        elif what == "check":
            shop.entities["item"]["checks"] = {"dear": DEAR}
            since = "UPDATE shop__item SET price = -1"
        else:
            item = shop.fields("sale").pop("item")
            await shop.apply()
            shop.fields("sale")["item"] = item
            since = "UPDATE shop__sale SET item = 'nobody'"
        async with shop.database() as database:
            made = await shop.plan(database)
            other.execute(since)
            told = other.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
            with pytest.raises(Problems) as found:
                await taken(made, database)
        assert [one.code for one in found.value.problems] == ["plan.violated"]
        assert other.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall() == told
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_other_values_make_a_table_anew(shop: Shop) -> None:
    shop.fields()["price"]["scale"] = 6
    async with shop.database() as database:
        made = await shop.plan(database)
    (change,) = [one for one in made.difference.changes if one.after.name == "shop__item"]
    assert rebuilt(change, made.fills)
    assert not redefined(change, made.fills)
    assert not any("writable_schema" in one for one in statements([change], "sqlite", made.fills))
