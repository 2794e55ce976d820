"""What a switch leads to is made before it is pressed; what was made is kept by content, and never another text's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine import cache
from engine.compile import compile_app
from engine.label import Label
from engine.plan.app import App
from engine.plan.statement import Dialect
from engine.studio.source import ahead, build
from engine.studio.source.build import Source
from engine.studio.source.shelf import Shelf
from engine.studio.source.switching import listed, switched, switched_to

Elsewhere = Callable[[Source, Dialect], Awaitable[None]]
PLANT = """
module: plant
grammar: 1
version: 1.0.0
title: Plant
features:
  notes: {title: Notes}
  photos: {title: Photos, default: false}
entities:
  thing:
    title: Thing
    fields:
      name: {type: text}
      note: {type: text, feature: notes}
      photo: {type: text, feature: photos}
"""
SIDE = """
module: side
grammar: 1
version: 1.0.0
title: Side
requires: {plant: ^1.0}
entities:
  extra: {title: Extra, fields: {thing: {type: ref, to: plant.thing}}}
"""
SOURCE = Source("acme", Label("甲", "Acme"), "en", "UTC", ({"plant/module.yaml": PLANT}, {"side/module.yaml": SIDE}))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "_made", type(build._made)())


async def test_what_a_switch_leads_to_is_made_by_one_process_and_taken_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_SMALL", 0)
    away = [switched(SOURCE, one.name, not one.on) for one in listed(SOURCE) if one.name != "plant"]
    assert len(away) == 3
    assert not any(one.kept("sqlite").exists() for one in away)
    made = []

    async def elsewhere(source: Source, dialect: Dialect, really: Elsewhere = ahead._elsewhere) -> None:
        made.append(dialect)
        await really(source, dialect)

    monkeypatch.setattr(ahead, "_elsewhere", elsewhere)
    processes = [ahead.Ahead(), ahead.Ahead()]
    for one in (*processes, *processes):
        one.begin(SOURCE, "sqlite")
    await asyncio.gather(*(one.task for one in processes if one.task is not None))
    assert made == ["sqlite"]
    assert all(one.kept("sqlite").exists() for one in away)
    assert not SOURCE.kept("sqlite").exists()  # it serves already
    monkeypatch.setattr(build, "compile_app", None)
    for one in away:
        assert one.app("sqlite") == compile_app(one.catalog(), "sqlite")


async def test_what_an_older_text_leads_to_is_not_made_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_SMALL", 0)
    begun, hold = asyncio.Event(), asyncio.Event()

    async def elsewhere(_source: Source, _dialect: Dialect) -> None:
        begun.set()
        await hold.wait()

    monkeypatch.setattr(ahead, "_elsewhere", elsewhere)
    one = ahead.Ahead()
    one.begin(SOURCE, "sqlite")
    first = one.task
    await begun.wait()
    one.begin(switched(SOURCE, "side", on=False), "sqlite")
    assert first is not None
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not SOURCE.kept("sqlite").with_suffix(".ahead").exists()
    assert one.task is not None
    hold.set()
    await one.task


async def test_one_who_was_killed_while_he_made_it_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "_SMALL", 0)
    monkeypatch.setattr(ahead, "_LOOKS", 0.01)
    claim = SOURCE.kept("sqlite").with_suffix(".ahead")
    claim.parent.mkdir(parents=True)
    claim.touch()
    one = ahead.Ahead()
    one.begin(SOURCE, "sqlite")
    await asyncio.sleep(0.1)
    assert one.task is not None
    assert not one.task.done()
    os.utime(claim, (0, 0))
    await one.task
    two = ahead.Ahead()
    os.utime(claim, (0, 0))
    two.begin(SOURCE, "sqlite")
    assert two.task is not None
    await two.task
    assert switched(SOURCE, "side", on=False).kept("sqlite").exists()
    assert not claim.exists()


async def test_a_small_system_is_made_when_it_is_asked_for() -> None:
    one = ahead.Ahead()
    one.begin(SOURCE, "sqlite")
    assert one.task is None


def test_what_is_switched_back_leaves_no_trace() -> None:
    off = switched_to(SOURCE, {"side": False, "plant.notes": False, "plant.photos": True})
    assert off.switches == {"side": False, "plant.notes": False, "plant.photos": True}
    assert switched_to(off, {"side": True, "plant.notes": True, "plant.photos": False}) == SOURCE
    project = replace(SOURCE, features={"side": False, "plant.photos": True})
    assert switched_to(project, {"side": True}).switches == {"side": True}
    assert switched_to(project, {"side": False, "plant.photos": True}).switches == {}


def test_systems_of_one_text_share_what_is_equal_in_them() -> None:
    whole, off = SOURCE.catalog(), switched(SOURCE, "plant.notes", on=False).catalog()
    assert off.entities["side.extra"] is whole.entities["side.extra"]
    assert off.entities["plant.thing"] != whole.entities["plant.thing"]
    apps = [one.app("sqlite") for one in (SOURCE, switched(SOURCE, "plant.notes", on=False))]
    assert apps[0].entities["side.extra"] is apps[1].entities["side.extra"]
    moved = replace(SOURCE, packs=({"plant/module.yaml": f"# moved\n{PLANT}"}, *SOURCE.packs[1:]))
    assert moved.catalog().entities["plant.thing"].where.line == whole.entities["plant.thing"].where.line + 1


def test_tenants_of_one_text_whose_tables_are_called_otherwise_share_no_app() -> None:
    shelf, other = Shelf(), replace(SOURCE, layout={"plant.thing": "plant__item"})
    assert "plant__item" in {table.name for table in shelf.made(other, "sqlite").tables}
    assert "plant__item" not in {table.name for table in shelf.made(SOURCE, "sqlite").tables}
    assert shelf.made(replace(SOURCE, name="beta"), "sqlite") is shelf.made(SOURCE, "sqlite")


def test_what_is_kept_is_made_anew_when_it_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = SOURCE.app("sqlite")
    SOURCE.kept("sqlite").write_bytes(SOURCE.kept("sqlite").read_bytes()[:-100])
    build._made.clear()
    assert SOURCE.app("sqlite") == app
    assert cache.load(SOURCE.kept("sqlite"), App) == app
    monkeypatch.setattr(cache, "_MOST", 3)
    for n in range(5):
        cache.keep(tmp_path / f"thing-{n}.pickle", n)
        os.utime(tmp_path / f"thing-{n}.pickle", (n, n))
    assert sorted(file.name for file in tmp_path.glob("thing-*")) == [
        "thing-2.pickle",
        "thing-3.pickle",
        "thing-4.pickle",
    ]
