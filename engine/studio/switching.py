"""Modules and features of a running system, on and off. Off means hidden: what they hold stays, and comes back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.problem import Problems, nearest, problem
from engine.read.packs import arrange, gather
from engine.read.tree import List, Map, Scalar
from engine.studio.build import Source
from engine.studio.codes import CODES


@dataclass(frozen=True, slots=True)
class Switch:
    """``name`` is a pack's (``day-labor``) or a feature's (``day_labor.overtime``); ``needed_by`` those that are on and
    would have to go off first (packs), or go off with it (features)."""

    name: str
    title: str
    on: bool
    needed_by: tuple[str, ...] = ()


def listed(source: Source) -> list[Switch]:
    """Everything that can be switched, packs first, in the order of their dependencies."""
    toggles = {**source.features, **source.switches}
    trees = arrange([tree for tree in (gather(texts)[0] for texts in source.packs) if tree is not None], [])
    off = {tree.name for tree in trees if toggles.get(tree.name) is False}
    packs, features = [], []
    needs: dict[str, list[str]] = {}
    for tree in trees:
        needed_by = [t.name for t in trees if t.name not in off and tree.name in dict(_required(t.tree))]
        packs.append(Switch(tree.name, _title(tree.tree), tree.name not in off, tuple(needed_by)))
        declared = tree.tree.items.get("features")
        for name, noun in declared.items.items() if isinstance(declared, Map) else ():
            path = f"{tree.key}.{name}"
            default = noun.items.get("default") if isinstance(noun, Map) else None
            on = toggles.get(path, not (isinstance(default, Scalar) and default.text == "false"))
            for wanted in _names(noun, "requires"):
                needs.setdefault(wanted if "." in wanted else f"{tree.key}.{wanted}", []).append(path)
            features.append(Switch(path, _title(noun), on and tree.name not in off))
    on_now = {one.name for one in features if one.on}
    return packs + [
        replace(one, needed_by=tuple(n for n in needs.get(one.name, ()) if n in on_now)) for one in features
    ]


def _required(tree: Map) -> list[tuple[str, str]]:
    found = tree.items.get("requires")
    return [(name, "") for name in found.items] if isinstance(found, Map) else []


def _names(noun: object, key: str) -> list[str]:
    found = noun.items.get(key) if isinstance(noun, Map) else None
    return [one.text for one in found.items if isinstance(one, Scalar)] if isinstance(found, List) else []


def _title(noun: object) -> str:
    found = noun.items.get("title") if isinstance(noun, Map) else None
    if isinstance(found, Map):
        found = found.items.get("zh")
    return found.text if isinstance(found, Scalar) else ""


def switched(source: Source, name: str, on: bool) -> Source:
    """Raises Problems when there is nothing of that name, or what is on needs it."""
    known = {one.name: one for one in listed(source)}
    if name not in known:
        meant = nearest(name, known) or ", ".join(known)
        raise Problems([problem(CODES["switch.unknown"], name=name, nearest=meant)])
    if not on and "." not in name and known[name].needed_by:
        raise Problems([problem(CODES["switch.needed"], name=name, by=", ".join(known[name].needed_by))])
    return replace(source, switches={**source.switches, name: on})
