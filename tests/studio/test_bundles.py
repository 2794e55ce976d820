"""Bundles, by the commands: the same bytes there and back, nothing to change after, and everything that is refused."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.db import Body, Database, Lost, open_database
from engine.label import Label
from engine.problem import Problems
from engine.serve.tenant import rows
from engine.serve.tenant.ids import uuid7
from engine.studio.change import bundles
from engine.studio.source.build import Source
from engine.studio.tenant.opening import opened
from tests.studio.shop import Shop, filled
from tests.studio.test_doors import OVERLAY


@dataclass
class Said:
    code: int
    out: str
    codes: list[str]
    told: str


def dougong(*arguments: str) -> Said:
    done = CliRunner().invoke(app, list(arguments))
    found = done.exception.problems if isinstance(done.exception, Problems) else ()
    if done.exception is not None and not isinstance(done.exception, Problems | SystemExit | Lost):
        raise done.exception
    return Said(done.exit_code, done.stdout, [one.code for one in found], " ".join(one.says for one in found))


@pytest.fixture
def other(shop: Shop, tmp_path: Path) -> str:
    """Where bundles come to: of the same kind, and empty."""
    return shop.another(tmp_path).url


@pytest.fixture
def configured(shop: Shop) -> Shop:
    """With everything that is configuration: an overlay, a switch, a setting."""
    shop.pack["features"] = {"notes": {"title": "Notes"}}
    shop.pack["settings"] = {"most": {"type": "integer", "default": 5, "title": "Most"}}
    shop.fields()["note"]["feature"] = "notes"
    place = shop.folder / "packs" / "shop"
    place.mkdir(parents=True)
    (place / "module.yaml").write_text(json.dumps(shop.pack), encoding="utf-8")
    (shop.folder / "overlays").mkdir()
    (shop.folder / "overlays" / "acme.yaml").write_text(OVERLAY, encoding="utf-8")
    told = {"app": "shop", "title": {"zh": "店", "en": "Shop"}, "packs": ["shop"], "zone": "UTC"}
    (shop.folder / "app.yaml").write_text(json.dumps(told), encoding="utf-8")

    async def made() -> None:
        async with opened(shop.folder, shop.url, make=True):
            pass
        await shop.switch("shop.notes", on=False)
        await setting(shop.url, 9)

    asyncio.run(made())
    return shop


async def setting(url: str, value: Any) -> None:
    database = await open_database(url)

    def body() -> Body[None]:
        row = {"id": uuid7(), "name": "shop.most", "scope": "tenant", "value": value, "at": datetime.now(UTC)}
        yield rows.insert("_setting", [row], database.dialect)

    try:
        await database.write(body)
    finally:
        await database.close()


async def read(url: str, sql: str) -> list[Any]:
    database: Database = await open_database(url)
    try:
        return list(await database.read(sql))
    finally:
        await database.close()


def exported(url: str, file: Path, *more: str) -> bytes:
    done = dougong("bundle", "export", str(file), "--database", url, *more)
    assert done.code == 0, done
    assert json.loads(file.read_bytes())["sha256"] == done.out.split()[0]
    return file.read_bytes()


def test_there_and_back_gives_the_same_bytes_and_nothing_to_change(
    configured: Shop, other: str, tmp_path: Path
) -> None:
    file, back = tmp_path / "a.bundle", tmp_path / "b.bundle"
    bytes_ = exported(configured.url, file)
    assert bytes_ == exported(configured.url, tmp_path / "again.bundle")
    told = dougong("bundle", "show", str(file))
    assert told.out.splitlines()[1:-1] == [
        "pack      shop 1.0.0", "overlay   overlays/acme.yaml", "switch    shop.notes off", "setting   shop.most = 9",
    ]  # fmt: skip
    missing = dougong("bundle", "import", str(file), "--database", other)
    assert missing.code == 1
    assert "installed" in dougong("bundle", "import", str(file), "--database", other, "--new", "--dry-run").out
    assert dougong("bundle", "import", str(file), "--database", other, "--new").out.startswith("Installed")
    assert exported(other, back) == bytes_
    again = dougong("bundle", "import", str(file), "--database", other)
    assert (again.code, again.out) == (0, "Nothing to change.\n")
    assert asyncio.run(read(other, "SELECT count(*) FROM _revision"))[0][0] == 1


def test_both_kinds_of_database_give_the_same_bytes(configured: Shop, tmp_path: Path) -> None:
    file, third = tmp_path / "a.bundle", f"sqlite://{tmp_path}/third.db"
    bytes_ = exported(configured.url, file)
    assert dougong("bundle", "import", str(file), "--database", third, "--new").code == 0
    assert exported(third, tmp_path / "b.bundle") == bytes_


def test_into_a_system_in_use_it_is_a_plan_and_its_records_stay(shop: Shop, other: str, tmp_path: Path) -> None:
    """As it was installed, or as the last bundle left it, it takes a bundle; whatever else was done to it is named."""
    production = shop.another(tmp_path)
    asyncio.run(filled(production))
    asyncio.run(filled(shop))
    file = tmp_path / "a.bundle"

    def bring(*more: str) -> Said:
        return dougong("bundle", "import", str(file), "--database", other, *more)

    shop.fields()["price"]["scale"] = 5
    shop.pack["settings"] = {"most": {"type": "integer", "default": 5, "title": "Most"}}
    shop.pack["version"] = "1.1.0"
    asyncio.run(shop.apply())
    asyncio.run(setting(shop.url, 9))
    exported(shop.url, file)
    plan = bring("--dry-run", "--json")
    assert plan.code == 2
    kinds = [(one["kind"], one["path"]) for one in json.loads(plan.out)["changes"]]
    assert ("widened", "shop.item.price") in kinds
    assert ("setting", "shop.most") in kinds
    (tmp_path / "plan.json").write_text(plan.out, encoding="utf-8")
    assert bring("--plan", str(file)).codes == ["plan.file"]
    done = bring("--plan", str(tmp_path / "plan.json"), "--note", "1.1")
    assert (done.code, done.out.splitlines()[-1]) == (0, "Applied: this is revision 2.")
    assert bring("--plan", str(tmp_path / "plan.json")).codes == ["plan.overtaken"]
    assert exported(other, tmp_path / "b.bundle") == file.read_bytes()
    assert bring().out == "Nothing to change.\n"
    assert asyncio.run(read(other, "SELECT count(*) FROM shop__item"))[0][0] == 2
    audited = asyncio.run(read(other, "SELECT count(*) FROM _audit WHERE act = 'command.apply'"))
    assert audited[0][0] == 1

    shop.fields()["day"] = {"type": "date"}
    asyncio.run(shop.apply())
    exported(shop.url, file)
    assert bring("--dry-run").code == 2
    asyncio.run(setting(other, 7))
    refused = bring()
    assert (refused.code, refused.codes) == (1, ["bundle.changed"])
    assert refused.told.endswith(": settings")
    production.pack = json.loads(json.dumps(shop.pack))
    production.pack["title"] = "By hand"
    asyncio.run(production.apply())
    assert bring("--dry-run").told.endswith(": pack shop/module.yaml, settings")
    assert asyncio.run(read(other, "SELECT max(n) FROM _revision"))[0][0] == 3
    assert bring("--over-changes").code == 0
    assert exported(other, tmp_path / "b.bundle") == file.read_bytes()
    assert bring().out == "Nothing to change.\n"


def test_a_bundle_says_what_it_is_made_for(configured: Shop, other: str, tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{n}.bundle" for n in range(3))
    exported(configured.url, first)
    assert dougong("bundle", "import", str(first), "--database", other, "--new").code == 0
    asyncio.run(configured.switch("shop.notes", on=True))
    exported(configured.url, second)
    asyncio.run(setting(configured.url, 4))
    exported(configured.url, third, "--expects", str(second))
    refused = dougong("bundle", "import", str(third), "--database", other)
    assert (refused.codes, refused.told.endswith(": switches")) == (["bundle.changed"], True)
    assert dougong("bundle", "import", str(second), "--database", other).code == 0
    assert dougong("bundle", "import", str(third), "--database", other).code == 0


def test_what_stands_in_the_way_of_a_bundle_refuses_it(shop: Shop, other: str, tmp_path: Path) -> None:
    production = Shop(tmp_path / "prod", other)
    asyncio.run(filled(production))

    async def empty() -> None:
        async with shop.served():
            pass

    asyncio.run(empty())
    shop.fields()["note"]["required"] = True
    asyncio.run(shop.apply())
    file = tmp_path / "a.bundle"
    exported(shop.url, file)
    for more in ([], ["--dry-run"]):
        refused = dougong("bundle", "import", str(file), "--database", other, *more)
        assert refused.code == 3
        assert "in the way: x" in refused.out
    assert asyncio.run(read(other, "SELECT max(n) FROM _revision"))[0][0] == 1


def test_a_file_that_is_not_as_it_was_written_is_refused(tmp_path: Path) -> None:
    shop, file = Shop(tmp_path / "shop", f"sqlite://{tmp_path}/t.db"), tmp_path / "a.bundle"
    other = f"sqlite://{tmp_path}/prod.db"

    async def empty() -> None:
        async with shop.served():
            pass

    asyncio.run(empty())
    bytes_ = exported(shop.url, file)
    whole = json.loads(bytes_)

    def refused(data: bytes, *more: str) -> list[str]:
        bad = tmp_path / "bad.bundle"
        bad.write_bytes(data)
        told = [
            dougong("bundle", "import", str(bad), "--database", other, "--new", *more),
            dougong("bundle", "show", str(bad), *more),
        ]
        assert told[0].codes == told[1].codes
        assert not (tmp_path / "prod.db").exists()
        return told[0].codes

    for cut in (0, 1, len(bytes_) // 2, len(bytes_) - 3):
        assert refused(bytes_[:cut]) == ["bundle.broken"]
    for other_text in (b"[]", b"null", b'{"format": 1, "parts": [1]}', b"\xff\xfe", b'{"format": "x", "parts": []}',
                       b'{"format": Infinity, "parts": []}', b'{"format": 1e999, "parts": []}'):  # fmt: skip
        assert refused(other_text)[0] in ("bundle.broken", "bundle.file")
    assert refused(bytes_.replace(b"1.0.0", b"1.0.1", 1)) == ["bundle.altered"]
    for part in whole["parts"]:
        rest = {**whole, "parts": [one for one in whole["parts"] if one is not part]}
        assert refused(json.dumps(rest).encode()) == ["bundle.altered"]
    assert refused(json.dumps({**whole, "engine": "9"}).encode()) == ["bundle.altered"]
    assert refused(json.dumps({**whole, "format": 2}).encode()) == ["bundle.newer"]
    assert refused(bytes_, "--seal", "0" * 64) == ["bundle.seal"]
    assert dougong("bundle", "show", str(file), "--seal", whole["sha256"]).code == 0
    assert dougong("bundle", "show", str(tmp_path / "none")).codes == ["bundle.file"]
    assert dougong("bundle", "export", str(file)).codes == ["bundle.nowhere"]
    assert dougong("bundle", "export", str(file), "--database", f"{tmp_path}/none.db").code == 1


def test_an_older_pack_is_refused_until_it_is_meant(shop: Shop, other: str, tmp_path: Path) -> None:
    asyncio.run(filled(shop))
    first, newer = tmp_path / "first.bundle", tmp_path / "newer.bundle"
    exported(shop.url, first)
    assert dougong("bundle", "import", str(first), "--database", other, "--new").code == 0
    shop.pack["version"] = "1.10.0"
    asyncio.run(shop.apply())
    exported(shop.url, newer)
    assert dougong("bundle", "import", str(newer), "--database", other).code == 0
    back = dougong("bundle", "import", str(first), "--database", other)
    assert (back.code, back.codes) == (1, ["plan.downgrade"])
    assert "1.10.0 to 1.0.0" in back.told
    assert dougong("bundle", "import", str(first), "--database", other, "--downgrade").code == 0
    shop.pack["version"] = "1.9.0"
    shop.write()
    for command in ("plan", "apply"):
        assert dougong(command, str(shop.folder), "--database", shop.url).codes == ["plan.downgrade"]
    assert dougong("plan", str(shop.folder), "--database", shop.url, "--downgrade").code == 2
    assert dougong("apply", str(shop.folder), "--database", shop.url, "--downgrade").code == 0
    assert dougong("revert", str(shop.folder), "1", "--database", shop.url).code == 0


def test_a_bundle_of_another_app_is_refused(configured: Shop, other: str, tmp_path: Path) -> None:
    file, hotel = tmp_path / "a.bundle", Shop(tmp_path / "hotel", other)
    exported(configured.url, file)
    hotel.pack["module"] = "hotel"

    async def empty() -> None:
        hotel.write()
        async with opened(hotel.folder, other, make=True):
            pass

    asyncio.run(empty())
    assert dougong("bundle", "import", str(file), "--database", other).codes == ["bundle.other"]


@pytest.mark.parametrize("place", ["/etc/module.yaml", "../module.yaml", "shop/../../module.yaml", "C:\\\\module.yaml"])
def test_a_bundle_does_not_say_that_it_lies_elsewhere(place: str) -> None:
    """Scenarios read files that lie beside them."""
    made = bundles.Bundle(Source("shop", Label("Shop", "Shop"), "en", "UTC", ({place: "module: shop"},)))
    with pytest.raises(Problems) as caught:
        bundles.read(made.told())
    assert [one.code for one in caught.value.problems] == ["bundle.broken"]
