"""Base + overlay → one tree. The shapes guide it: which keys are lists, labels, maps of names; what may be new.

``Change`` is what an upgrade compares: the base value that an overlay's setting replaced, and what it made of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.label import Label as Said
from engine.problem import Problem, Where, did_you_mean, nearest, problem
from engine.read.codes import CODES
from engine.read.packs import PackTree, copied
from engine.read.shape.noun import Named, One, keys_of
from engine.read.shape.pack import Overlay, Pack, Sections
from engine.read.shape.slot import Free, Label, Names, Slot, Value
from engine.read.tree import List, Map, Node, Scalar
from engine.read.versions import within

_HEADER = set(keys_of(Overlay)) - set(keys_of(Sections))
_BARE = ("roles", "settings", "features")  # named once in the whole product: never written with their pack


@dataclass(frozen=True, slots=True)
class Change:
    """One property an overlay set: who, where, the text of what it replaced (empty: nothing) and where that stood,
    and the text of what it says now (empty: retired). ``kind`` is ``list`` where a whole list was replaced."""

    layer: str
    where: Where
    before: str
    after: str = ""
    base: Where = field(default_factory=Where)
    kind: str = ""


@dataclass(slots=True)
class Laying:
    layer: str
    problems: list[Problem]
    changes: dict[str, Change] = field(default_factory=dict)

    def say(self, code: str, where: Where, hint: Said | None = None, **params: object) -> None:
        self.problems.append(problem(CODES[code], where, hint, **params))

    def changed(self, path: str, where: Where, before: Node | None, after: Node, kind: str = "") -> None:
        told = "" if isinstance(after, Scalar) and after.null else text_of(after)
        if before is None or (isinstance(before, Scalar) and before.null):
            self.changes[path] = Change(self.layer, where, "", told, kind=kind)
        else:
            self.changes[path] = Change(self.layer, where, text_of(before), told, before.where, kind)

    def final(self, there: Node | None, where: Where, path: str) -> bool:
        """Whether the base does not let itself be changed here; then that is said."""
        if not isinstance(there, Map) or not _is_true(there.items.get("final")):
            return False
        self.say("overlay.final", where, place=path, base=str(there.keys["final"]))
        return True


def lay(packs: Sequence[PackTree], overlays: Sequence[PackTree], problems: list[Problem]) -> dict[str, Change]:
    """Lays overlays over packs, in order, changing the packs' trees (which are copied first)."""
    changes: dict[str, Change] = {}
    if overlays:
        for pack in packs:
            tree = copied(pack.tree)
            assert isinstance(tree, Map)
            pack.tree = tree
    for overlay in overlays:
        laying = Laying(overlay.layer, problems)
        extended = _extended(packs, overlay, laying)
        if extended:
            for section, node in overlay.tree.items.items():
                if section not in _HEADER:
                    _section(extended, section, node, overlay.tree.keys[section], laying)
        changes |= laying.changes
    return changes


def _extended(packs: Sequence[PackTree], overlay: PackTree, laying: Laying) -> list[PackTree]:
    known = {pack.name: pack for pack in packs}
    out = []
    for name, wanted, where in overlay.needs("extends"):
        pack = known.get(name)
        if pack is None:
            found = nearest(name, known)
            laying.say("overlay.pack", where, did_you_mean(found), pack=name)
            continue
        if within(wanted.text, pack.version) is False:
            number = ".".join(str(n) for n in pack.version)
            laying.say("overlay.version", wanted.where, pack=name, range=wanted.text, found=number)
        out.append(pack)
    if "extends" not in overlay.tree.items:
        laying.say("shape.needs", overlay.where, thing=f"overlay `{overlay.name}`", keys="`extends`")
    return out


def _section(packs: Sequence[PackTree], section: str, node: Node, where: Where, laying: Laying) -> None:
    entry = keys_of(Pack).get(section)
    if entry is None or section in ("module", "version", "requires", "uses"):
        found = nearest(section, keys_of(Sections))
        laying.say("overlay.section", where, did_you_mean(found), key=section)
        return
    if not isinstance(entry.slot, Named) or not isinstance(node, Map):
        owner = next((p for p in packs if section in p.tree.items), packs[0])
        _put(entry.slot, owner.tree, section, node, where, f"{owner.key}.{section}", laying)
        return
    for name, item in node.items.items():
        place = _owner(packs, section, name, node.keys[name], laying)
        if place is None:
            continue
        owner, bare = place
        base = owner.tree.items.get(section)
        if not isinstance(base, Map):
            base = Map(where)
            owner.tree.put(section, where, base)
        _entry(entry.slot, base, bare, item, node.keys[name], f"{owner.key}.{section}", laying)


def _owner(
    packs: Sequence[PackTree], section: str, name: str, where: Where, laying: Laying
) -> tuple[PackTree, str] | None:
    """The pack a top-level name belongs to, and the name in it. New names go to the first pack extended."""
    if "." in name and section not in (*_BARE, "seeds", "demo"):
        key, _, bare = name.partition(".")
        for pack in packs:
            if pack.key == key:
                return pack, bare
    holders = [pack for pack in packs if isinstance(m := pack.tree.items.get(section), Map) and name in m.items]
    if len(holders) > 1 and section not in ("seeds", "demo"):
        places = ", ".join(pack.name for pack in holders)
        laying.say("overlay.ambiguous", where, name=name, places=places, example=f"{holders[0].key}.{name}")
        return None
    if holders:
        return holders[0], name
    pack = packs[0]
    every = [f"{n}" for p in packs if isinstance(m := p.tree.items.get(section), Map) for n in m.items]
    if section not in ("seeds", "demo") and (found := nearest(name, every)) and found != name:
        pack = next(p for p in packs if isinstance(m := p.tree.items.get(section), Map) and found in m.items)
    return pack, name


def _entry(named: Named, base: Map, name: str, node: Node, where: Where, path: str, laying: Laying) -> None:
    """One entry of a map of names: retired, changed, or new and then complete."""
    name = _today(base, name)
    there = base.items.get(name)
    path = f"{path}.{name}"
    if laying.final(there, where, path):
        return
    if isinstance(node, Scalar) and node.null and not isinstance(named.entry, (Value, Free)):
        if there is None:
            found = nearest(name, base.items)
            laying.say("overlay.null", where, did_you_mean(found), place=_place(path), name=name)
        else:
            laying.changed(path, where, there, node)
            base.items[name], base.keys[name] = node, where
        return
    if there is not None and not (isinstance(there, Scalar) and there.null):
        _put(named.entry, base, name, node, where, path, laying)
        return
    if isinstance(named.entry, One) and (lacks := _lacks(named.entry, node)):
        found = nearest(name, base.items)
        meant = Said(f"是否想写 `{found}`？", f"did you mean `{found}`? ") if found else ""
        laying.say("overlay.target", where, place=_place(path), name=name, meant=meant, needs=lacks)
        return
    laying.changed(path, where, None, node)
    base.put(name, where, node)


def _today(base: Map, name: str) -> str:
    """What the base calls this now: an overlay follows a name that the base has changed and says so (`was`)."""
    if name in base.items:
        return name
    for today, node in base.items.items():
        was = node.items.get("was") if isinstance(node, Map) else None
        if any(leaf.text == name for leaf in _leaves(was)):
            return today
    return name


def _is_true(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.plain and node.text == "true"


def _lacks(entry: One, node: Node) -> str:
    """What a new entry lacks to be one."""
    if not isinstance(node, Map):
        return "" if entry.short else "a map"
    for group in entry.noun.needs:
        if not any(key in node.items for key in group):
            return " or ".join(f"`{key}`" for key in group)
    return ""


def _put(slot: Slot, base: Map, key: str, node: Node, where: Where, path: str, laying: Laying) -> None:
    """Lays ``node`` over what ``base`` holds under ``key``."""
    there = base.items.get(key)
    if isinstance(slot, One) and there is not None:
        _one(slot, base, key, there, node, where, path, laying)
    elif isinstance(slot, Named) and isinstance(there, Map) and isinstance(node, Map):
        for name, item in node.items.items():
            _entry(slot, there, name, item, node.keys[name], path, laying)
    elif isinstance(slot, Names) and isinstance(node, Map) and node.items.keys() <= {"add", "drop"}:
        edited = _edited(there, node, key, laying)
        laying.changed(path, where, there, edited)
        base.put(key, base.keys.get(key, where), edited)
    elif isinstance(slot, Label) and there is not None and not (isinstance(node, Scalar) and node.null):
        laying.changed(path, where, _both(there), _label(there, node))
        base.put(key, base.keys[key], _label(there, node))
    elif isinstance(slot, Free) and isinstance(there, Map) and isinstance(node, Map):
        for name, item in node.items.items():
            _put(slot, there, name, item, node.keys[name], f"{path}.{name}", laying)
    else:
        laying.changed(path, where, there, node, "list" if isinstance(there, List) else "")
        base.put(key, base.keys.get(key, where), node)


def _one(slot: One, base: Map, key: str, there: Node, node: Node, where: Where, path: str, laying: Laying) -> None:
    if not isinstance(there, Map) or slot.labelled(there):
        place = base.keys[key]
        there = Map(place, {slot.short: there}, {slot.short: place}) if slot.short else Map(place)
        base.items[key] = there
    if not isinstance(node, Map) or slot.labelled(node):
        if slot.short and not (isinstance(node, Scalar) and node.null):
            short = keys_of(slot.noun)[slot.short].slot
            _put(short, there, slot.short, node, where, f"{path}.{slot.short}", laying)
        else:
            laying.changed(path, where, there, node)
            base.items[key] = node
        return
    known = keys_of(slot.noun)
    for name, item in node.items.items():
        inner = known[name].slot if name in known else Value()
        _put(inner, there, name, item, node.keys[name], f"{path}.{name}", laying)


def _edited(there: Node | None, node: Map, key: str, laying: Laying) -> List:
    old: list[Node] = list(there.items) if isinstance(there, List) else []
    if isinstance(there, Scalar):
        old.append(there)
    texts = [item.text for item in old if isinstance(item, Scalar)]
    for dropped in _leaves(node.items.get("drop")):
        if dropped.text not in texts:
            found = nearest(dropped.text, texts)
            held = ", ".join(texts)
            hint = did_you_mean(found) or Said(f"其中有：{held}", f"it holds {held}")
            laying.say("overlay.list", dropped.where, hint, key=key, name=dropped.text)
        old = [item for item in old if not (isinstance(item, Scalar) and item.text == dropped.text)]
    for added in _leaves(node.items.get("add")):
        if added.text in texts:
            laying.say("overlay.already", added.where, key=key, name=added.text)
        else:
            old.append(added)
    return List(old, node.where)


def _leaves(node: Node | None) -> list[Scalar]:
    if isinstance(node, Scalar):
        return [node]
    return [item for item in node.items if isinstance(item, Scalar)] if isinstance(node, List) else []


def _label(there: Node, node: Node) -> Node:
    """A text laid over a text changes the languages it is written in."""
    old = _both(there)
    new = node if isinstance(node, Map) else Map(node.where, {"zh": node}, {"zh": node.where})
    return Map(new.where, {**old.items, **new.items}, {**old.keys, **new.keys})


def _both(node: Node) -> Map:
    """A text in one language as one in both, so that they compare."""
    return node if isinstance(node, Map) else Map(node.where, {"zh": node}, {"zh": node.where})


def _place(path: str) -> Said:
    """`day_labor.entities.sheet.fields.x` → where it was looked for, in words."""
    parts = path.split(".")[:-1]
    if len(parts) == 2:
        return Said(f"`{parts[0]}` 的 {parts[1]} ", f"{parts[1]} of {parts[0]}")
    place = f"{'.'.join((parts[0], *parts[2:-1]))}: {parts[-1]}"
    return Said(f"{place} ", place)


def text_of(node: Node) -> str:
    """A node on one line."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Map):
        return "{" + ", ".join(f"{key}: {text_of(item)}" for key, item in node.items.items()) + "}"
    return "[" + ", ".join(text_of(item) for item in node.items) + "]"


def origins(packs: Sequence[PackTree], layers: Mapping[str, str]) -> dict[str, tuple[str, Where]]:
    """Every leaf property's path → (layer, place); ``layers`` names the layer of each file."""
    out: dict[str, tuple[str, Where]] = {}

    def walk(node: Node, path: str) -> None:
        if isinstance(node, Map):
            for key, item in node.items.items():
                walk(item, f"{path}.{key}")
        else:
            out[path] = (layers.get(node.where.file, ""), node.where)

    for pack in packs:
        walk(pack.tree, pack.key)
    return out
