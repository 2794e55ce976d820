"""docs/grammar.md and schemas/ are made from the shapes, and say everything the shapes know."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from engine.read.schemas import documents, filled, nouns, schema_of
from engine.read.shape.noun import keys_of
from engine.read.shape.pack import OVERLAY, PACK

from ..read.corpus import case_of

ROOT = Path(__file__).resolve().parents[2]
PACKS = sorted(p for top in ("modules", "examples") for p in (ROOT / top).rglob("*.yaml") if p.name != "app.yaml")
SAMPLE = sorted(p for p in (ROOT / "tests" / "read" / "sample").rglob("*.yaml"))


class Core(yaml.CSafeLoader):
    """YAML 1.2's core as editors read it: no dates, `on` and `yes` are texts."""


Core.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith((":timestamp", ":bool", ":int", ":merge"))]
    for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
Core.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)$"), list("tTfF"))
Core.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?[0-9]+$"), list("-+0123456789"))
Core.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node)))


def plain(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), Core)


@pytest.mark.parametrize("path", [p for p, _ in documents()], ids=lambda path: path.name)
def test_made_from_the_shapes(path: Path) -> None:
    made = dict(documents())
    assert path.read_text(encoding="utf-8") == made[path], "run: python -m engine.read.schemas"


def test_every_noun_has_its_table_and_every_key_its_meaning() -> None:
    text = (ROOT / "docs" / "grammar.md").read_text(encoding="utf-8")
    for name, noun in (nouns(PACK) | nouns(OVERLAY)).items():
        assert f"<!-- keys: {name} -->" in text
        assert noun.thing
        for key, entry in keys_of(noun).items():
            assert entry.doc, f"{name}.{key}"
            assert entry.slot.what or entry.slot.__class__.__name__ == "Slot", f"{name}.{key}"
    assert filled(text) == text


@pytest.mark.parametrize("kind", ["module", "overlay"])
def test_the_schemas_are_schemas(kind: str) -> None:
    text = (ROOT / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8")
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


@pytest.mark.parametrize("path", [*PACKS, *SAMPLE], ids=lambda p: f"{p.parent.name}/{p.name}")
def test_packs_pass_the_schema(path: Path) -> None:
    """What the engine reads, an editor's language server does not underline."""
    data = plain(path)
    top = OVERLAY if "overlay" in data else PACK
    found = jsonschema.Draft202012Validator(schema_of(top, "")).iter_errors(data)
    assert [f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in found] == []


WRONG = [
    "shape-unknown-section", "shape-unknown-key", "shape-no-type", "shape-field-type", "shape-boolean", "shape-integer",
    "shape-between",
    "shape-word", "shape-map", "shape-list", "shape-text", "shape-language", "shape-check-neither", "shape-duration",
]  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_has_the_wrong_shape_fails_the_schema(name: str) -> None:
    """The schema refuses what the shapes refuse (as far as JSON Schema can say it)."""
    text = (ROOT / "tests" / "read" / "invalid" / f"{name}.yaml").read_text(encoding="utf-8")
    (pack,) = case_of(text).packs
    data = yaml.load(pack["pack.yaml"], Core)
    assert not jsonschema.Draft202012Validator(schema_of(PACK, "")).is_valid(data)
