"""Nouns: maps with known keys, and maps keyed by name. A noun is a dataclass whose fields say slot and meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from engine.expr.build.tokens import RESERVED, suggested_name
from engine.label import Label as Said
from engine.problem import NO_HINT, Where, did_you_mean, nearest
from engine.read.shape.slot import NAME, Bool, Label, Names, Reading, Slot
from engine.read.tree import List, Map, Node, Scalar, kind_of

TAKEN: Mapping[str, Said] = {
    **dict.fromkeys(RESERVED, Said("它是表达式的保留字", "it is a word of expressions")),
    **dict.fromkeys(("this", "me", "settings"), Said("它是路径的开头", "it is the beginning of a path")),
    **dict.fromkeys(
        ("id", "rev", "created_at", "created_by", "updated_at", "updated_by", "deleted_at"),
        Said("每条记录都有它", "every record has it"),
    ),
}
"""What no field or entity may be called, and why."""


def key(slot: Slot, doc: str) -> Any:
    """One key of a noun: what it holds and what it means. Left out: None."""
    return field(default=None, metadata={"slot": slot, "doc": doc})


@dataclass(slots=True, eq=False)
class Noun:
    """``place`` is where its name stands. ``needs``: at least one key of each group; ``either``: at most one."""

    place: Where = field(default_factory=Where)
    title_key: ClassVar[str] = ""
    thing: ClassVar[str] = ""
    needs: ClassVar[tuple[tuple[str, ...], ...]] = ()
    either: ClassVar[tuple[tuple[str, ...], ...]] = ()


@dataclass(frozen=True, slots=True)
class Key:
    attribute: str
    slot: Slot
    doc: str


_KEYS: dict[str, dict[str, Key]] = {}


def keys_of(noun: type[Noun]) -> dict[str, Key]:
    """The keys of a noun by their name in YAML (`from` is the attribute ``from_``)."""
    if noun.__qualname__ in _KEYS:
        return _KEYS[noun.__qualname__]
    out = _KEYS[noun.__qualname__] = {}
    for item in dataclasses.fields(noun):
        if "slot" in item.metadata:
            out[item.name.rstrip("_")] = Key(item.name, item.metadata["slot"], item.metadata["doc"])
    return out


@dataclass(frozen=True, slots=True)
class One(Slot):
    """A map with the keys of ``noun``. ``short``: the key that a bare text (or list) stands for."""

    noun: type[Noun] = Noun
    short: str = ""

    def read(self, node: Node, key: str, seen: Reading, where: Where | None = None) -> Any:
        known = keys_of(self.noun)
        out = self.noun(place=where or node.where)
        if not isinstance(node, Map) or self.labelled(node):
            if not self.short or (isinstance(node, Scalar) and node.null):
                seen.say("shape.map", node.where, key=key, found=kind_of(node))
                return None
            if isinstance(node, List) and not isinstance(known[self.short].slot, Names):
                seen.say("shape.map", node.where, key=key, found=kind_of(node))
                return None
            setattr(out, known[self.short].attribute, known[self.short].slot.read(node, key, seen))
            return out
        for name, item in node.items.items():
            entry = known.get(name)
            if entry is None:
                if name == "final":
                    Bool().read(item, name, seen)
                elif name != "after":
                    self.unknown(name, node.keys[name], seen)
            elif not (isinstance(item, Scalar) and item.null) or entry.slot.what in ("value", "data"):
                setattr(out, entry.attribute, entry.slot.read(item, name, seen))
        self.judge(node, out, key, seen)
        return out

    def labelled(self, node: Map) -> bool:
        """Whether it is the short form in both languages: `own: {zh: 自有成本, en: Own cost}`."""
        return (
            bool(self.short and node.items)
            and isinstance(keys_of(self.noun)[self.short].slot, Label)
            and set(node.items) <= {"zh", "en"}
        )

    def unknown(self, name: str, where: Where, seen: Reading) -> None:
        known = keys_of(self.noun)
        keys = ", ".join(known)
        hint = did_you_mean(nearest(name, known)) or Said(f"可用的键：{keys}", f"it has {keys}")
        seen.say("shape.unknown-key", where, hint, thing=self.noun.thing, key=name)

    def judge(self, node: Map, out: Noun, key: str, seen: Reading) -> None:
        for group in self.noun.needs:
            if not any(name in node.items for name in group):
                names = [f"`{name}`" for name in group]
                wanted = Said(" 或 ".join(names), " or ".join(names))
                seen.say("shape.needs", out.place, thing=f"{self.noun.thing} `{key}`", keys=wanted)
        for group in self.noun.either:
            there = [name for name in group if name in node.items]
            for other in there[1:]:
                thing = f"{self.noun.thing} `{key}`"
                seen.say("shape.both", node.keys[other], thing=thing, one=there[0], other=other)

    def schema(self) -> dict[str, Any]:
        ref = {"$ref": f"#/$defs/{self.noun.__name__}"}
        return {"anyOf": [keys_of(self.noun)[self.short].slot.schema(), ref]} if self.short else ref


LONGEST = 40
"""Characters of a name: a table is called after its pack and entity, and PostgreSQL cuts names off after 63."""


class Entries(dict[str, Any]):
    """What a map of names holds, with the places of its names."""

    def __init__(self, places: Mapping[str, Where], found: Mapping[str, Any] | None = None) -> None:
        super().__init__(found or {})
        self.places = places


def place_of(entries: Mapping[str, Any], name: str) -> Where:
    """Where a name of a map stands."""
    return entries.places.get(name, Where()) if isinstance(entries, Entries) else Where()


@dataclass(frozen=True, slots=True)
class Named(Slot):
    """A map keyed by name, in order; `after: name` moves an entry, `null` retires it. ``free``: keys of any text;
    ``dotted``: keys may be paths (`cost_center.cost`)."""

    entry: Slot = field(default_factory=Slot)
    reserved: bool = False
    free: bool = False
    dotted: bool = False

    def read(self, node: Node, key: str, seen: Reading) -> dict[str, Any] | None:
        if not isinstance(node, Map):
            seen.say("shape.map", node.where, key=key, found=kind_of(node))
            return None
        out = Entries(node.keys)
        seen.path.append(key)
        one = isinstance(self.entry, One)
        for name, item in node.items.items():
            where = node.keys[name]
            self.check_name(name, where, seen)
            if isinstance(item, Scalar) and item.null and self.entry.what not in ("value", "data"):
                seen.retired[".".join((*seen.path, name))] = where
                continue
            seen.path.append(name)
            read = self.entry.read(item, name, seen, where) if one else self.entry.read(item, name, seen)  # type: ignore[call-arg]
            seen.path.pop()
            if read is not None:
                out[name] = read
        seen.path.pop()
        return self.ordered(node, out, seen)

    def check_name(self, name: str, where: Where, seen: Reading) -> None:
        if self.free:
            return
        for part in name.split(".") if self.dotted else (name,):
            if not NAME.fullmatch(part):
                seen.say("shape.name", where, name=name)
                return
            if len(part) > LONGEST:
                seen.say("shape.long-name", where, name=part, length=len(part), most=LONGEST)
                return
        if self.reserved and name in TAKEN:
            hint = did_you_mean(_ELSE.get(name) or suggested_name(name))
            seen.say("shape.reserved", where, hint, name=name, why=TAKEN[name])

    def ordered(self, node: Map, out: dict[str, Any], seen: Reading) -> dict[str, Any]:
        moved = [
            (n, item.items["after"])
            for n, item in node.items.items()
            if isinstance(item, Map) and "after" in item.items
        ]
        if not moved or not isinstance(self.entry, One) or "after" in keys_of(self.entry.noun):
            return out
        names = list(out)
        for name, target in moved:
            if not isinstance(target, Scalar) or target.text not in out or target.text == name:
                text = target.text if isinstance(target, Scalar) else "…"
                seen.say("shape.after", target.where, did_you_mean(nearest(text, out)) or NO_HINT, name=text)
            elif name in out:
                names.remove(name)
                names.insert(names.index(target.text) + 1, name)
        return Entries(node.keys, {name: out[name] for name in names})

    def schema(self) -> dict[str, Any]:
        entry = self.entry.schema()
        free = self.entry.what in ("value", "data")
        out: dict[str, Any] = {
            "type": "object",
            "additionalProperties": entry if free else {"anyOf": [entry, {"type": "null"}]},
        }
        if not self.free:
            name = r"[a-z][a-z0-9_]*"
            out["propertyNames"] = {"pattern": rf"^{name}(\.{name})*$" if self.dotted else f"^{name}$"}
        return out


_ELSE = {
    "id": "code", "rev": "revision", "created_by": "entered_by", "created_at": "entered_at", "me": "person",
    "updated_by": "changed_by", "updated_at": "changed_at", "deleted_at": "dropped_at", "settings": "options",
}  # fmt: skip
