"""docs/api.md says what the server does: no parameter, operator or status is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from engine.serve.document.facts import DECISIONS
from engine.serve.query import grouping, request
from engine.serve.server import registry
from engine.serve.wire.answer import _TITLES
from tests.serve.stage import Stage

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted({*request._LIST, *grouping._FIGURES, *grouping._OPERATORS, *DECISIONS}))
def test_every_word_of_a_request_is_told(name: str) -> None:
    assert re.search(rf"`[^`]*\b{name}\b[^`]*`", PAGE)


def test_every_status_is_told() -> None:
    told = {int(n) for n in re.findall(r"\b[45]\d\d\b", PAGE)}
    assert set(_TITLES) - {500} <= told


@pytest.mark.parametrize("door", ["query", "bulk", "restore", "actions", "history", "check", "aggregate", "figures"])
def test_every_door_is_told(door: str) -> None:
    assert re.search(rf"^\| `[A-Z]+ [^`]*/{door}", PAGE, re.MULTILINE)


async def test_everybody_is_told_what_he_may_do(stage: Stage) -> None:
    """A caller's document holds his operations and his fields, and every door of the engine's that he may enter."""
    place = "http://works/api/v1/openapi.json"
    made = {name: (await (await stage.door(name)).get(place)).json() for name in ("boss", "wang", "li")}
    for found in made.values():
        validate(found)
    operations = {
        name: {o["operationId"] for item in found["paths"].values() for m, o in item.items() if m != "parameters"}
        for name, found in made.items()
    }
    assert {"works.sheet.create", "works.sheet.delete", "works.period.create"} <= operations["boss"]
    assert "works.sheet.create" in operations["wang"]
    assert not {"works.sheet.delete", "works.period.create", "works.worker.list"} & operations["wang"]
    assert "works.sheet.list" in operations["li"]
    assert not {"works.sheet.create", "works.sheet.change", "works.sheet.export"} & operations["li"]
    assert "amount" in made["li"]["components"]["schemas"]["works.sheet"]["properties"]
    assert "amount" not in made["wang"]["components"]["schemas"]["works.sheet"]["properties"]
    for door in registry.SYSTEM:
        assert door.says, door.name
        item = made["boss"]["paths"][f"/api/v1/{door.path}"]
        assert {m.lower() for m in door.methods if m != "HEAD"} <= item.keys(), door.name
        assert (f"/api/v1/{door.path}" in made["wang"]["paths"]) == (door.who not in ("administrator", "auditor")), (
            door.name
        )
