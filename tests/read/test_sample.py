"""The sample pack of the language, with the packs it leans on: the first golden file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.catalog.dump import dump
from engine.read import cache as caching
from engine.read import origins_of, read, read_cached

SAMPLE = Path(__file__).parent / "sample"
BASE, COST, LABOUR = SAMPLE / "base.yaml", SAMPLE / "cost-center.yaml", SAMPLE / "day-labor"
OVERLAY = SAMPLE / "acme.yaml"

Golden = Callable[[str, str], None]


def test_the_catalog(golden: Golden) -> None:
    golden("sample.json", dump(read([BASE, COST, LABOUR])))


def test_with_the_overlay(golden: Golden) -> None:
    golden("sample-acme.json", dump(read([BASE, COST, LABOUR], [OVERLAY])))


def test_without_the_cost_centre_its_parts_sleep(golden: Golden) -> None:
    catalog = read([BASE, LABOUR])
    golden("sample-alone.json", dump(catalog))
    assert [(a.path, a.waits_for) for a in catalog.asleep] == [
        ("day_labor.entities.sheet.checks.month_open", "cost-center"),
        ("day_labor.postings.actual", "cost-center"),
        ("day_labor.postings.reserve", "cost-center"),
    ]


def test_a_pack_switched_off_is_a_pack_that_is_not_there() -> None:
    alone = read([BASE, LABOUR])
    off = read([BASE, COST, LABOUR], toggles={"cost-center": False})
    assert dump(off) == dump(alone)


def test_the_order_of_the_folders_does_not_matter() -> None:
    one, other = read([BASE, COST, LABOUR]), read([LABOUR, COST, BASE])
    assert list(other.modules) == ["base", "cost-center", "day-labor"]
    assert dump(one) == dump(other)


def test_every_property_says_who_set_it() -> None:
    origins = origins_of([BASE, COST, LABOUR], [OVERLAY])
    limit = origins["day_labor.settings.office_limit.default"]
    assert (limit.layer, limit.before) == ("overlay acme", "10000")
    assert str(limit.where).endswith("acme.yaml:5:18")
    display = origins["day_labor.entities.sheet.display"]
    assert display.layer == "day-labor 1.0.0"
    assert "display" in (LABOUR / "module.yaml").read_text(encoding="utf-8").splitlines()[display.where.line - 1]


def test_places_survive_merging() -> None:
    catalog = read([BASE, COST, LABOUR], [OVERLAY])
    assert str(catalog.entities["day_labor.sheet"].fields["shift"].where).endswith("acme.yaml:10:7")
    assert list(catalog.entities["day_labor.sheet"].fields)[2:4] == ["sheet_date", "shift"]


def test_cached_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_cached([BASE, COST, LABOUR], cache=tmp_path)
    monkeypatch.setattr(caching, "read_texts", lambda *_: pytest.fail("it was read again"))
    again = read_cached([BASE, COST, LABOUR], cache=tmp_path)
    assert dump(again) == dump(first)
    assert again.digest == first.digest
    for kept in tmp_path.iterdir():
        kept.write_bytes(kept.read_bytes()[:100])
    monkeypatch.undo()
    assert dump(read_cached([BASE, COST, LABOUR], cache=tmp_path)) == dump(first)
