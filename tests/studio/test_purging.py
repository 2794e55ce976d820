"""What is retired is deleted for good only when it is asked for, after a backup from which it comes back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.db import open_database
from engine.problem import Problems
from engine.studio.change import purging
from tests.studio.shop import Shop, filled, listed

RUN = CliRunner()


async def asked(shop: Shop, *words: str) -> str:
    command = ["purge", str(shop.folder), *words, "--database", shop.url]
    done = await asyncio.to_thread(RUN.invoke, app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


async def test_purged_after_a_backup_and_put_back_from_it(shop: Shop, tmp_path: Path) -> None:
    await filled(shop)
    await shop.settled()
    whole = await shop.items()
    note, price = shop.fields().pop("note"), shop.fields().pop("price")
    sale = {name: shop.entities.pop(name) for name in ("sale", "sale_line")}
    await shop.apply()
    assert "shop.item.note" in await asked(shop)
    told = json.loads(await asked(shop, "--json"))
    assert [(one["path"], one["values"], one["also"]) for one in told] == [
        ("shop.item.note", 1, []),
        ("shop.item.price", 2, []),
        ("shop.sale", 1, ["shop.sale_line"]),
        ("shop.sale_line", 2, []),
    ]
    names = ["shop.item.note", "shop.item.price", "shop.sale"]
    await asked(shop, *names)  # without --delete it is only told
    assert len(json.loads(await asked(shop, "--json"))) == 4
    said = await asked(shop, *names, "--delete", "--backup", str(tmp_path / "kept"), "--note", "years are over")
    assert "revision 3" in said
    await shop.settled()
    assert await asked(shop) == "Nothing is retired.\n"
    async with shop.database() as database:
        for column in ("note", "price"):
            with pytest.raises(Exception, match=column):
                await database.read(f"SELECT {column} FROM shop__item")
        rows = await database.read("SELECT act, detail FROM _audit WHERE act = 'command.purge'")
        assert json.loads(rows[0][1])["paths"] == [*names, "shop.sale_line"]
        (entry,) = await database.read("SELECT note, changes FROM _revision WHERE n = 3")
        assert entry[0] == "years are over"
        assert {one["risk"] for one in json.loads(entry[1])} == {"destructive"}
    (file,) = (tmp_path / "kept").glob("*.ndjson")
    if shop.url.startswith("sqlite"):
        copy = await open_database(f"sqlite://{file.with_suffix('.db')}", make=False)
        assert len(await copy.read("SELECT note FROM shop__item WHERE note IS NOT NULL")) == 1
        await copy.close()
    await asked(shop, "--restore", str(file))
    await shop.settled()
    shop.fields().update(note=note, price=price)
    shop.entities.update(sale)
    await shop.apply()
    await shop.settled()
    assert await shop.items() == whole
    async with shop.served() as (_, door):
        (found,) = await listed(door, "sale")
        assert found["number"] == "S-0001"
        lines = (await door.get(f"/sale/{found['id']}?expand=lines")).json()["lines"]
        assert [line["name"] for line in lines] == ["one", "two"]


async def test_a_reference_goes_with_the_index_it_had_kept(shop: Shop, tmp_path: Path) -> None:
    await filled(shop)
    item = shop.fields("sale").pop("item")
    await shop.apply()
    await asked(shop, "shop.sale.item", "--delete", "--backup", str(tmp_path / "kept"))
    await shop.settled()
    (file,) = (tmp_path / "kept").glob("*.ndjson")
    await asked(shop, "--restore", str(file))
    shop.fields("sale")["item"] = item
    await shop.apply()
    await shop.settled()
    async with shop.served() as (_, door):
        (found,) = await listed(door, "sale")
        assert found["item"]["id"] in {one["id"] for one in await listed(door)}


async def test_what_came_in_its_place_is_not_overwritten(shop: Shop, tmp_path: Path) -> None:
    await filled(shop)
    note = shop.fields().pop("note")
    await shop.apply()
    done = await asyncio.to_thread(purging.purge, shop.folder, shop.url, ["shop.item.note"], tmp_path / "kept")
    shop.fields()["note"] = note
    await shop.apply()
    assert {row["note"] for row in await shop.items()} == {None}
    with pytest.raises(Problems) as caught:
        await asyncio.to_thread(purging.restore, shop.folder, shop.url, Path(done.backup))
    assert [p.code for p in caught.value.problems] == ["purge.taken"]
    await shop.settled()


async def test_a_backup_that_is_not_whole_puts_nothing_back(shop: Shop, tmp_path: Path) -> None:
    await filled(shop)
    price = shop.fields().pop("price")
    await shop.apply()
    done = await asyncio.to_thread(purging.purge, shop.folder, shop.url, ["shop.item.price"], tmp_path / "kept")
    whole = Path(done.backup).read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) > 3
    spoilt = {
        b"".join(lines[:-1]): "purge.cut",
        lines[0]: "purge.cut",
        b"".join([*lines[:1], *lines[2:]]): "purge.cut",
        whole[: len(lines[0]) + 9]: "purge.cut",
        whole[:20]: "purge.file",
        b"": "purge.file",
        b"[]": "purge.file",
        b"\xff\xfe": "purge.file",
    }
    for n, (content, code) in enumerate(spoilt.items()):
        file = tmp_path / f"{n}.ndjson"
        file.write_bytes(content)
        with pytest.raises(Problems) as caught:
            await asyncio.to_thread(purging.restore, shop.folder, shop.url, file)
        assert [p.code for p in caught.value.problems] == [code], content
    for place in (tmp_path / "nowhere.ndjson", tmp_path):
        with pytest.raises(Problems) as caught:
            await asyncio.to_thread(purging.restore, shop.folder, shop.url, place)
        assert [p.code for p in caught.value.problems] == ["purge.folder"]
    await asyncio.to_thread(purging.restore, shop.folder, shop.url, Path(done.backup))
    shop.fields()["price"] = price
    await shop.apply()
    assert sorted(float(row["price"]) for row in await shop.items() if row["price"]) != []


async def test_a_backup_that_cannot_be_kept_purges_nothing(shop: Shop, tmp_path: Path) -> None:
    await filled(shop)
    del shop.fields()["price"]
    await shop.apply()
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Problems) as caught:
        await asyncio.to_thread(purging.purge, shop.folder, shop.url, ["shop.item.price"], tmp_path / "taken")
    assert [p.code for p in caught.value.problems] == ["purge.folder"]
    assert "shop.item.price" in await asked(shop)


async def test_what_is_in_use_is_not_purged(shop: Shop, tmp_path: Path) -> None:
    await filled(shop)
    with pytest.raises(Problems) as caught:
        await asyncio.to_thread(purging.purge, shop.folder, shop.url, ["shop.item.note"], tmp_path)
    assert [p.code for p in caught.value.problems] == ["purge.unknown"]
    assert list(tmp_path.glob("*.ndjson")) == []
