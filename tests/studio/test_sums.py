"""Kept sums follow a system that changes: begun over what is there, through renames, while people write."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from engine.db import Call, Database, rollups
from engine.serve.tenant.tenancy import Tenant
from tests.studio.shop import Shop, post
from tests.typed import dougong

BY_KIND: dict[str, Any] = {
    "of": "item",
    "by": {"kind": "kind"},
    "measures": {"items": "COUNT(id)", "price": "SUM(price)", "count": "SUM(count)"},
    "rollups": {"kinds": ["kind"]},
}
ASKED = "/figures/stock?by=kind&measures=items,price,count"


async def exact(tenant: Tenant, door: httpx.AsyncClient, served: str = "rollup") -> dict[str, Any]:
    """What the records say, by whatever way it is answered; gives (items, price) by kind."""
    assert tenant.learn is not None
    await tenant.learn()
    tenant.sums = await rollups.filled(tenant.database)
    found = await rollups.verify(tenant.database, tenant.app.logs)
    assert not any(found.values()), found
    answer = (await door.get(ASKED)).json()
    assert answer["served"] == served, answer
    return {row["kind"]: (row["items"], row["price"]) for row in answer["rows"]}


async def held(database: Database) -> set[str]:
    return {str(row[0]) for row in await database.read("SELECT name FROM _rollup")}


async def test_they_are_begun_and_kept_through_every_change(shop: Shop) -> None:
    async with shop.served() as (tenant, door):
        for n in range(6):
            await post(door, "item", code=f"i{n}", price="1.25", kind="ab"[n % 2], count=n)
        shop.pack["aggregations"] = {"stock": BY_KIND}
        await shop.apply()
        assert await exact(tenant, door) == {"a": (3, "3.7500"), "b": (3, "3.7500")}
        fields = shop.fields()
        fields["sort"] = {**fields.pop("kind"), "was": "kind"}
        by_new = {**BY_KIND, "by": {"kind": "sort"}}
        shop.pack["aggregations"] = {"stock": by_new}
        await shop.apply()
        await exact(tenant, door)
        await post(door, "item", code="j", price="2", sort="a", count=1)
        assert await exact(tenant, door) == {"a": (4, "5.7500"), "b": (3, "3.7500")}
        fields["price"]["scale"] = 6
        await shop.apply()
        await post(door, "item", code="k", price="0.5", sort="b")
        assert await exact(tenant, door) == {"a": (4, "5.750000"), "b": (4, "4.250000")}
        fields["note"]["required"] = False
        fields["code"]["min_length"] = 1
        fields["paid"] = {"type": "boolean", "required": True, "default": True}
        await shop.apply()
        await post(door, "item", code="l", price="1", sort="b")
        assert await exact(tenant, door) == {"a": (4, "5.750000"), "b": (5, "5.250000")}
        before = await held(tenant.database)
        shop.pack["aggregations"] = {"stock": {k: v for k, v in by_new.items() if k != "rollups"}}
        await shop.apply()
        assert await exact(tenant, door, "grouped") == {"a": (4, "5.750000"), "b": (5, "5.250000")}
        assert before
        assert await held(tenant.database) == set()
    await shop.settled()


async def counted(database: Database) -> dict[str, Any]:
    """What is kept → since when it is filled."""
    return {str(row[0]): row[1] for row in await database.read("SELECT name, filled FROM _rollup")}


async def left(database: Database) -> list[str]:
    """Tables, triggers and functions of kept sums."""
    asked = "SELECT name FROM sqlite_master WHERE name LIKE '\\_%' ESCAPE '\\'"
    if database.dialect == "postgresql":
        schema = "current_schema()::regnamespace"
        asked = f"SELECT relname::text FROM pg_class WHERE relnamespace = {schema} UNION ALL"
        asked += f" SELECT proname::text FROM pg_proc WHERE pronamespace = {schema}"
    return sorted(name for (name,) in await database.read(asked) if name.startswith(("_log_", "_sum_")))


async def test_those_of_what_is_switched_off_rest_with_it(shop: Shop) -> None:
    """Its records do not change meanwhile, so nothing is counted when it is back; unless it is to be something else."""
    for name in ("extra", "gift"):
        fields = {"kind": {"type": "text"}, "price": {"type": "decimal", "scale": 4}, "count": {"type": "integer"}}
        shop.entities[name] = {"title": name, "fields": fields}
    shop.pack["aggregations"] = {"stock": {**BY_KIND, "of": "extra"}, "gifts": {**BY_KIND, "of": "gift"}}
    async with shop.served() as (tenant, door):
        for n in range(4):
            await post(door, "extra", kind="ab"[n % 2], price="1.5", count=n)
        assert await exact(tenant, door) == {"a": (2, "3.0000"), "b": (2, "3.0000")}
        before, there = await counted(tenant.database), await left(tenant.database)
        entity, stock = shop.entities.pop("extra"), shop.pack["aggregations"].pop("stock")
        await shop.apply()
        shop.fields()["more"] = {"type": "text"}
        await shop.apply()
        assert await counted(tenant.database) == before
    async with shop.served() as (tenant, door):  # who opens it takes away what is of no use
        assert not [log for log in tenant.app.logs if log.entity == "shop.extra"]
        assert await counted(tenant.database) == before
        shop.entities["extra"], shop.pack["aggregations"]["stock"] = entity, stock
        await shop.apply()
        assert await exact(tenant, door) == {"a": (2, "3.0000"), "b": (2, "3.0000")}
        assert (await counted(tenant.database), await left(tenant.database)) == (before, there)
        await post(door, "extra", kind="a", price="1", count=1)
        assert await exact(tenant, door) == {"a": (3, "4.0000"), "b": (2, "3.0000")}
        del shop.entities["extra"], shop.pack["aggregations"]["stock"]
        await shop.apply()
        wider = {**entity["fields"], "price": {"type": "decimal", "scale": 6}}
        shop.entities["extra"], shop.pack["aggregations"]["stock"] = {**entity, "fields": wider}, stock
        await shop.apply()
        assert await exact(tenant, door) == {"a": (3, "4.000000"), "b": (2, "3.000000")}
        assert before.keys() - (await counted(tenant.database)).keys()
    await shop.settled()


async def test_nothing_is_left_of_them_when_what_rests_is_purged(shop: Shop, tmp_path: Path) -> None:
    shop.entities["extra"] = {"title": "extra", "fields": {"kind": {"type": "text"}, "price": {"type": "money"}}}
    by_kind = {**BY_KIND, "of": "extra", "measures": {"items": "COUNT(id)", "price": "SUM(price)"}}
    shop.pack["aggregations"] = {"stock": BY_KIND}
    async with shop.served() as (tenant, door):
        await post(door, "item", code="x", price="1", kind="a", count=1)
        there, kept = await left(tenant.database), await counted(tenant.database)
        assert there
        shop.pack["aggregations"]["extra"] = by_kind
        await shop.apply()
        assert len(await left(tenant.database)) > len(there)
        del shop.entities["extra"], shop.pack["aggregations"]["extra"]
        await shop.apply()
        rests = await left(tenant.database)
        assert len(rests) > len(there)
        how = ["shop.extra", "--delete", "--database", shop.url, "--backup", tmp_path / "kept"]
        told = await asyncio.to_thread(dougong, "purge", shop.folder, *how)
        assert told.returncode == 0, told.stdout + told.stderr
        assert (await left(tenant.database), await counted(tenant.database)) == (there, kept)
        assert await exact(tenant, door) == {"a": (1, "1.0000")}


async def test_those_of_lines_go_where_their_document_is_used_on(shop: Shop) -> None:
    """Their triggers are on the document's table too, and would write down what nobody folds."""
    shop.fields("sale")["place"] = {"type": "text"}
    line = shop.entities["sale_line"]
    line["fields"]["amount"] = {"type": "money"}
    measures = {"items": "COUNT(id)", "price": "SUM(amount)"}
    lines = {"of": "sale_line", "by": {"kind": "sale.place"}, "measures": measures}
    shop.pack["aggregations"] = {"stock": {**lines, "rollups": {"places": ["kind"]}}}
    async with shop.served() as (tenant, door):
        made = await post(door, "sale", place="x", lines=[{"name": "1", "amount": "2"}])
        assert await held(tenant.database)
        shop.pack = {**shop.pack, "aggregations": {}}
        whole = shop.entities["sale"]
        shop.entities["sale"] = {k: v for k, v in whole.items() if k != "lines"}
        shop.entities["sale"]["fields"] = {k: v for k, v in whole["fields"].items() if k != "lines"}
        del shop.entities["sale_line"]
        await shop.apply()
        assert await left(tenant.database) == []
        assert tenant.learn is not None
        await tenant.learn()
        assert (await door.patch(f"/sale/{made['id']}", json={"place": "y"}, headers={"if-match": "*"})).is_success


async def test_lines_by_what_their_document_says(shop: Shop) -> None:
    """On SQLite the document's table is made anew, which its triggers do not survive."""
    shop.fields("sale")["place"] = {"type": "text"}
    shop.fields("sale_line")["amount"] = {"type": "money"}
    shop.pack["aggregations"] = {
        "stock": {
            "of": "sale_line",
            "by": {"kind": "sale.place"},
            "measures": {"items": "COUNT(id)", "price": "SUM(amount)", "count": "SUM(amount)"},
            "rollups": {"places": ["kind"]},
        }
    }
    async with shop.served() as (tenant, door):
        made = await post(door, "sale", place="x", lines=[{"name": "1", "amount": "2"}, {"name": "2", "amount": "3"}])
        assert await exact(tenant, door) == {"x": (2, "5.00")}
        shop.fields("sale")["paid"] = {"type": "boolean", "required": True, "default": False}
        shop.fields("sale")["place"]["min_length"] = 1
        await shop.apply()
        await exact(tenant, door)
        moved = await door.patch(f"/sale/{made['id']}", json={"place": "y"}, headers={"if-match": "*"})
        assert moved.status_code == 200, moved.text
        assert await exact(tenant, door) == {"y": (2, "5.00")}
        await tenant.database.write(lambda: (yield Call(f"DELETE FROM shop__sale WHERE id = '{made['id']}'")))  # type: ignore[arg-type, misc]
        assert await exact(tenant, door) == {}


async def test_no_figure_is_wrong_while_rollups_come_and_go_under_writers(shop: Shop) -> None:
    shop.pack["aggregations"] = {"stock": {k: v for k, v in BY_KIND.items() if k != "rollups"}}
    async with shop.served() as (tenant, door):
        for n in range(30):
            await post(door, "item", code=f"i{n}", price="1", kind="a")
        ended = False
        written = 30

        async def writing(name: str) -> None:
            nonlocal written
            n = 0
            while not ended:
                await post(door, "item", code=f"{name}{(n := n + 1)}", price="1", kind="a")
                written += 1

        async def asking() -> int:
            asked = 0
            while not ended:
                least = written
                answer = await door.get(ASKED)
                assert answer.status_code == 200, answer.text
                (row,) = answer.json()["rows"]
                assert least <= row["items"] <= written + 2
                assert row["price"] == f"{row['items']}.0000"
                asked += 1
                await asyncio.sleep(0.01)
            return asked

        async def changing() -> None:
            nonlocal ended
            try:
                for n in range(3):
                    shop.pack["aggregations"] = {"stock": BY_KIND}
                    await shop.apply()
                    assert tenant.learn is not None
                    await tenant.learn()
                    tenant.sums = await rollups.filled(tenant.database)
                    await asyncio.sleep(0.2)
                    await rollups.fold_all(tenant.database, tenant.app.logs)
                    shop.fields()[f"m{n}"] = {"type": "integer"}
                    measures = {**BY_KIND["measures"], "more": f"SUM(m{n})"}
                    shop.pack["aggregations"] = {"stock": {**BY_KIND, "measures": measures}}
                    await shop.apply()
                    await asyncio.sleep(0.2)
            finally:
                ended = True

        *_, asked, _ = await asyncio.gather(writing("w"), writing("v"), asking(), changing())
        assert asked > 3
        assert (await exact(tenant, door))["a"][0] == written
