"""JSON Schemas for editors and the tables of docs/grammar.md, made from the shapes: `python -m engine.read.schemas`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.read.shape.noun import Named, Noun, One, keys_of
from engine.read.shape.pack import OVERLAY, PACK, Overlay
from engine.read.shape.slot import Names, Slot

ROOT = Path(__file__).resolve().parents[2]
_MARK = re.compile(r"<!-- keys: (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def nouns(slot: Slot, seen: dict[str, type[Noun]] | None = None) -> dict[str, type[Noun]]:
    """Every noun a slot leads to, by its class name, in order of reading."""
    seen = {} if seen is None else seen
    if isinstance(slot, Named):
        nouns(slot.entry, seen)
    elif isinstance(slot, One) and slot.noun.__name__ not in seen:
        seen[slot.noun.__name__] = slot.noun
        for entry in keys_of(slot.noun).values():
            nouns(entry.slot, seen)
    return seen


def schema_of(top: One, title: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a file of a pack, or of an overlay, where everything may be left out or retired."""
    partial = top.noun is Overlay
    found = nouns(top)
    definitions = {name: _noun(noun, partial and noun is not top.noun) for name, noun in found.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **definitions.pop(top.noun.__name__),
        "$defs": definitions,
    }


def _noun(noun: type[Noun], partial: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for name, entry in keys_of(noun).items():
        slot = entry.slot.schema()
        if partial and isinstance(entry.slot, Names):
            slot = {"anyOf": [*slot["anyOf"], _edit(entry.slot)]}
        if slot.get("type") == "boolean" or "enum" in slot or partial or "$ref" in slot:
            slot = {"anyOf": [slot, {"type": "null"}]}
        properties[name] = {"description": entry.doc.replace("\\|", "|"), **slot}
    properties.setdefault("after", {"description": "Stands after the entry of this name", "type": "string"})
    properties["final"] = {"description": "No overlay changes anything in it", "type": "boolean"}
    out: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if not partial:
        out |= _needs(noun)
    return out


def _edit(slot: Names) -> dict[str, Any]:
    """A list of the base, edited: `{add: [b], drop: [a]}`."""
    some = slot.schema()
    return {"type": "object", "properties": {"add": some, "drop": some}, "additionalProperties": False}


def _needs(noun: type[Noun]) -> dict[str, Any]:
    every = [group[0] for group in noun.needs if len(group) == 1]
    some = [[{"required": [name]} for name in group] for group in noun.needs if len(group) > 1]
    out: dict[str, Any] = {"required": every} if every else {}
    if some:
        out["allOf"] = [{"anyOf": group} for group in some]
    return out


def table_of(noun: type[Noun]) -> str:
    """The keys of a noun as a Markdown table."""
    lines = ["| key | holds | |", "|---|---|---|"]
    needed = {name for group in noun.needs for name in group}
    for name, entry in keys_of(noun).items():
        mark = " *" if name in needed else ""
        lines.append(f"| `{name}`{mark} | {entry.slot.what} | {entry.doc} |")
    return "\n".join(lines)


def filled(text: str) -> str:
    """docs/grammar.md with every table made anew from the shapes."""
    found = nouns(PACK) | nouns(OVERLAY)

    def table(match: re.Match[str]) -> str:
        return f"<!-- keys: {match[1]} -->\n{table_of(found[match[1]])}\n<!-- end -->"

    return _MARK.sub(table, text)


def documents() -> Iterator[tuple[Path, str]]:
    """Every file this makes, with its text."""
    for name, top, title in (
        ("module", PACK, "A module pack of Dougong"),
        ("overlay", OVERLAY, "An overlay of Dougong"),
    ):
        text = json.dumps(schema_of(top, title), ensure_ascii=False, indent=1)
        yield ROOT / "schemas" / f"{name}.schema.json", text + "\n"
    grammar = ROOT / "docs" / "grammar.md"
    yield grammar, filled(grammar.read_text(encoding="utf-8"))


def main() -> None:
    for path, text in documents():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
