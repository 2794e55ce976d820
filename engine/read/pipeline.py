"""The reading of packs, as one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.problem import Problem, Problems
from engine.read.overlay import lay
from engine.read.packs import PackTree, Texts, arrange, gather, texts_of
from engine.read.report import ordered
from engine.read.shape.pack import OVERLAY, PACK
from engine.read.shape.slot import Reading
from engine.read.switched import Gone, Written, without_features, without_modules

Toggles = Mapping[str, bool]
"""Pack name or `pack_key.feature` → on or off; what is not named is as the pack says."""


@dataclass(slots=True)
class Shaped:
    """Packs as written, after overlays and switches: what linking starts from."""

    written: list[Written]
    gone: Gone
    off: list[str]
    whole: bool
    problems: list[Problem] = field(default_factory=list)
    changes: Mapping[str, object] = field(default_factory=dict)


def shaped(packs: Sequence[Texts], overlays: Sequence[Texts], toggles: Toggles) -> Shaped:
    """Text → trees → overlays → shapes → switches; every problem on the way."""
    problems: list[Problem] = []
    trees = _trees(packs, problems)
    over = _trees(overlays, problems)
    whole = all(tree.whole for tree in (*trees, *over)) and len(trees) == len(packs)
    misplaced = [tree for tree in trees if tree.is_overlay]
    over, trees = [*over, *misplaced], [tree for tree in trees if not tree.is_overlay]
    trees = arrange(trees, problems)
    changes = lay(trees, over, problems)
    on, off = without_modules(trees, toggles, problems)
    gone = Gone()
    written = []
    for tree in on:
        seen = Reading(problems, [tree.key])
        written.append(Written(tree, PACK.read(tree.tree, tree.name, seen), seen))
        for path, where in seen.retired.items():
            gone.add(path, "retired", where)
    for tree in over:
        _unknown_sections(tree, problems)
    without_features(written, toggles, off, gone, problems)
    return Shaped(written, gone, off, whole, problems, changes)


def _trees(many: Sequence[Texts], problems: list[Problem]) -> list[PackTree]:
    out = []
    for texts in many:
        tree, found = gather(texts)
        problems += found
        if tree is not None:
            out.append(tree)
    return out


def _unknown_sections(tree: PackTree, problems: list[Problem]) -> None:
    known = {"overlay", "grammar", "title", "language", "extends", "version"}
    header = type(tree.tree)(tree.tree.where)
    for key, node in tree.tree.items.items():
        if key in known:
            header.put(key, tree.tree.keys[key], node)
    OVERLAY.read(header, tree.name, Reading(problems))


def texts(paths: Sequence[Path], problems: list[Problem]) -> list[dict[str, str]]:
    out = []
    for path in paths:
        found, wrong = texts_of(path)
        problems += wrong
        if found:
            out.append(found)
    return out


def check_shapes(paths: Sequence[Path], overlays: Sequence[Path] = (), toggles: Toggles | None = None) -> Shaped:
    problems: list[Problem] = []
    packs, over = texts(paths, problems), texts(overlays, problems)
    out = shaped(packs, over, toggles or {})
    out.problems[:0] = problems
    if out.problems:
        raise Problems(ordered(out.problems))
    return out
