"""The reading of packs, as one function: text → trees → overlays → shapes → switches → links → rules → Catalog."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from engine.cache import all_kept
from engine.catalog import Catalog, Origin
from engine.catalog.layout import NOTHING_RENAMED, Layout
from engine.problem import Problem, Problems
from engine.read.link.linking import Linked, link
from engine.read.overlay import Change, lay, origins
from engine.read.packs import PackTree, Texts, arrange, gather, texts_of
from engine.read.report import ordered
from engine.read.rules import judged
from engine.read.shape.pack import GRAMMAR, OVERLAY, PACK, Pack
from engine.read.shape.slot import Reading
from engine.read.switched import Gone, Written, without_features, without_modules
from engine.read.tree import Map

Toggles = Mapping[str, bool]
"""Pack name (`day-labor`) or feature (`day_labor.overtime`) → on or off; what is not named is as the pack says."""


def read(packs: Sequence[Path], overlays: Sequence[Path] = (), toggles: Toggles | None = None) -> Catalog:
    """Reads folders (or files) of packs and overlays. Raises ``Problems`` with everything that is wrong."""
    problems: list[Problem] = []
    base, over = texts_in(packs, problems), texts_in(overlays, problems)
    return read_texts(base, over, toggles, problems)


def read_texts(
    packs: Sequence[Texts],
    overlays: Sequence[Texts] = (),
    toggles: Toggles | None = None,
    problems: Sequence[Problem] = (),
    layout: Layout = NOTHING_RENAMED,
) -> Catalog:
    """The same from texts, wherever they come from; ``problems`` are what was found while fetching them. ``layout`` is
    that of the database it is read for."""
    with all_kept():
        return _read(packs, overlays, toggles or {}, problems, layout)


def _read(
    packs: Sequence[Texts],
    overlays: Sequence[Texts],
    toggles: Toggles,
    problems: Sequence[Problem],
    layout: Layout,
) -> Catalog:
    made = shaped(packs, overlays, toggles)
    found = [*problems, *made.problems]
    if made.whole and not problems:
        linked = link(
            {one.key: one for one in made.written},
            made.gone,
            tuple(name.replace("-", "_") for name in made.off),
            frozenset(file for texts in overlays for file in texts),
            made.overlaid,
            digest_of(packs, overlays, toggles, layout),
            layout,
        )
        found += linked.problems
        found += judged(sound(linked))
        if not found:
            return linked.catalog
    raise Problems(ordered(found))


def changes_of(packs: Sequence[Texts], overlays: Sequence[Texts]) -> tuple[dict[str, Change], list[Problem]]:
    """What overlays change in packs, by path, and what is wrong with that."""
    problems: list[Problem] = []
    trees = arrange(_trees(packs, problems), problems)
    return lay(trees, _trees(overlays, problems), problems), problems


def origins_of(
    packs: Sequence[Path], overlays: Sequence[Path] = (), toggles: Toggles | None = None
) -> dict[str, Origin]:
    """Who set each property of the packs that are on, by its path in their text. Raises ``Problems``."""
    problems: list[Problem] = []
    trees, over = (_trees(texts_in(paths, problems), problems) for paths in (packs, overlays))
    trees = arrange(trees, problems)
    changes = lay(trees, over, problems)
    on, _ = without_modules(trees, toggles or {}, problems)
    if problems:
        raise Problems(ordered(problems))
    return _origins(on, over, changes)


def versions_of(packs: Sequence[Texts]) -> dict[str, str]:
    return {tree.name: ".".join(str(n) for n in tree.version) for tree in _trees(packs, [])}


def sound(linked: Linked) -> Catalog:
    """The catalog without workflows a part of which could not be built: rules over wholes would complain in vain."""
    broken = tuple(path for path in linked.broken if ".workflows." in path)
    whole = {
        path: workflow
        for path, workflow in linked.catalog.workflows.items()
        if not any(part.startswith(f"{workflow.module}.workflows.{workflow.name}.") for part in broken)
    }
    return replace(linked.catalog, workflows=whole) if broken else linked.catalog


@dataclass(slots=True)
class Shaped:
    """Packs as written, after overlays and switches: what linking starts from. ``whole``: every text could be read."""

    written: list[Written]
    gone: Gone
    off: list[str]
    whole: bool
    overlaid: Mapping[str, Origin]
    problems: list[Problem] = field(default_factory=list)


def shaped(packs: Sequence[Texts], overlays: Sequence[Texts], toggles: Toggles) -> Shaped:
    laid = _laid(_files(packs), _files(overlays))
    problems = list(laid.problems)
    on, off = without_modules(laid.trees, toggles, problems)
    gone = Gone()
    written = []
    for tree in on:
        pack, seen = laid.nouns[tree.name]
        problems += seen.problems
        written.append(Written(tree, pack, seen))
        for path, where in seen.retired.items():
            gone.add(path, "retired", where)
    written = without_features(written, toggles, off, gone, problems)
    overlaid: dict[str, Origin] = {}
    for tree in on:
        overlaid |= laid.overlaid[tree.name]
    return Shaped(written, gone, off, laid.whole, overlaid | _changed(laid.changes), problems)


@dataclass(frozen=True, slots=True)
class Called:
    """What an entity ``was``, with its pack's name, and what each of its fields was; the newest first."""

    was: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]


def called_in(packs: Sequence[Texts], overlays: Sequence[Texts]) -> dict[str, Called]:
    """Path → what the texts say that an entity is and was called, be it on or off; however wrong the rest may be."""
    laid = _laid(_files(packs), _files(overlays))
    out = {}
    for tree in laid.trees:
        for name, entity in (laid.nouns[tree.name][0].entities or {}).items():
            fields = {at: tuple(one.text for one in shape.was or ()) for at, shape in (entity.fields or {}).items()}
            out[f"{tree.key}.{name}"] = Called(whole((one.text for one in entity.was or ()), tree.key), fields)
    return out


def whole(names: Iterable[str], module: str) -> tuple[str, ...]:
    """Names of entities; with a pack's name in front they were another pack's."""
    return tuple(name if "." in name else f"{module}.{name}" for name in names)


_Files = tuple[tuple[str, str], ...]


def _files(many: Sequence[Texts]) -> tuple[_Files, ...]:
    return tuple(tuple(texts.items()) for texts in many)


@dataclass(frozen=True, slots=True)
class _Laid:
    """Packs under their overlays, and what each says, before anything is switched: by a pack's name its nouns, with
    what is wrong in them, and the properties that overlays set. It is everybody's, and nobody changes it."""

    trees: Sequence[PackTree]
    changes: Mapping[str, Change]
    nouns: Mapping[str, tuple[Pack, Reading]]
    overlaid: Mapping[str, Mapping[str, Origin]]
    whole: bool
    problems: Sequence[Problem]


@lru_cache(maxsize=4)  # a switch leaves every text as it was
def _laid(packs: tuple[_Files, ...], overlays: tuple[_Files, ...]) -> _Laid:
    problems: list[Problem] = []
    trees, over = (_trees([dict(files) for files in many], problems) for many in (packs, overlays))
    whole = len(trees) == len(packs) and len(over) == len(overlays) and all(t.whole for t in (*trees, *over))
    trees = arrange(trees, problems)
    changes = lay(trees, over, problems)
    nouns, overlaid = {}, {}
    for tree in trees:
        seen = Reading(path=[tree.key])
        nouns[tree.name] = PACK.read(tree.tree, tree.name, seen), seen
        set_by = _origins([tree], over, {})
        overlaid[tree.name] = {path: one for path, one in set_by.items() if one.layer.startswith("overlay ")}
    for tree in over:
        _header_of_overlay(tree, problems)
    return _Laid(trees, changes, nouns, overlaid, whole, problems)


def _trees(many: Sequence[Texts], problems: list[Problem]) -> list[PackTree]:
    out = []
    for texts in many:
        tree, found = gather(texts)
        problems += found
        if tree is not None:
            out.append(tree)
    return out


def _header_of_overlay(tree: PackTree, problems: list[Problem]) -> None:
    header = Map(tree.tree.where)
    for key in ("overlay", "grammar", "title", "language", "extends"):
        if key in tree.tree.items:
            header.put(key, tree.tree.keys[key], tree.tree.items[key])
    OVERLAY.read(header, tree.name, Reading(problems))


def _origins(packs: Sequence[PackTree], over: Sequence[PackTree], changes: Mapping[str, Change]) -> dict[str, Origin]:
    layers = {file: tree.layer for tree in (*packs, *over) for file in tree.files}
    out = {path: Origin(layer, where) for path, (layer, where) in origins(packs, layers).items()}
    return out | _changed(changes)


def _changed(changes: Mapping[str, Change]) -> dict[str, Origin]:
    return {path: Origin(change.layer, change.where, change.before) for path, change in changes.items()}


def texts_in(paths: Sequence[Path], problems: list[Problem]) -> list[dict[str, str]]:
    """The texts of each folder or file."""
    out = []
    for path in paths:
        found, wrong = texts_of(path)
        problems += wrong
        if found:
            out.append(found)
    return out


def digest_of(
    packs: Sequence[Texts], overlays: Sequence[Texts], toggles: Toggles, layout: Layout = NOTHING_RENAMED
) -> str:
    """The content, whatever the folders are called: the same packs on another machine have the same digest."""
    parts = [[[_short(file), text] for file, text in texts.items()] for texts in (*packs, *overlays)]
    laid = [sorted(layout.items())] if layout else []
    whole = json.dumps([GRAMMAR, len(packs), parts, sorted(toggles.items()), *laid], ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


def _short(file: str) -> str:
    return file.rpartition("/")[2]
