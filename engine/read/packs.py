"""Folders → packs: every file loaded, files of one pack merged by key, headers judged, packs put in order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from engine.label import Label
from engine.problem import Problem, Where, did_you_mean, nearest, problem
from engine.read.codes import CODES
from engine.read.load import load
from engine.read.shape.pack import GRAMMAR
from engine.read.tree import Map, Node, Scalar
from engine.read.versions import Version, version, within

_KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RESERVED = frozenset({"system"})


@dataclass(slots=True)
class PackTree:
    """One pack (or overlay) as a tree. ``whole``: every file of it could be read."""

    name: str
    tree: Map
    version: Version = (0, 0, 0)
    whole: bool = True
    is_overlay: bool = False
    where: Where = field(default_factory=Where)
    files: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.name.replace("-", "_")

    @property
    def layer(self) -> str:
        numbers = ".".join(str(n) for n in self.version)
        return f"overlay {self.name}" if self.is_overlay else f"{self.name} {numbers}"

    def needs(self, key: str) -> Iterable[tuple[str, Scalar, Where]]:
        """The entries of `requires`, `uses` or `extends`: pack, range, place."""
        found = self.tree.items.get(key)
        if isinstance(found, Map):
            for name, value in found.items.items():
                if isinstance(value, Scalar):
                    yield name, value, found.keys[name]


Texts = Mapping[str, str]
"""File name → text: what a pack is made of, wherever it came from (a folder, the designer, a stored revision)."""


def texts_of(path: Path) -> tuple[dict[str, str], list[Problem]]:
    """The YAML files of a pack: the file itself, or all files of the folder, `module.yaml` first."""
    problems: list[Problem] = []
    if path.is_dir():
        files = sorted((p for p in path.rglob("*") if p.suffix in (".yaml", ".yml") and p.is_file()), key=_first)
        if not files:
            problems.append(problem(CODES["pack.empty"], Where(path.as_posix()), folder=path.as_posix()))
    else:
        files = [path]
    texts: dict[str, str] = {}
    for file in files:
        name = file.as_posix()
        try:
            texts[name] = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            problems.append(problem(CODES["load.encoding"], Where(name, 1, 1)))
        except OSError as error:
            reason = error.strerror or str(error)
            problems.append(problem(CODES["load.file"], Where(name), file=name, reason=reason))
    return texts, problems


def _first(path: Path) -> tuple[int, str]:
    return (0 if path.stem in ("module", "overlay") else 1, path.as_posix())


def gather(texts: Texts) -> tuple[PackTree | None, tuple[Problem, ...]]:
    """One pack from its files. Kept for the last few: while a system is changed, a switch or an overlay leaves most of
    its texts as they were. The tree is everybody's: a layer is laid over a copy of it."""
    tree, found = _gathered(tuple(texts.items()))
    return (replace(tree) if tree is not None else None), found


@lru_cache(maxsize=16)
def _gathered(files: tuple[tuple[str, str], ...]) -> tuple[PackTree | None, tuple[Problem, ...]]:
    problems: list[Problem] = []
    merged: Map | None = None
    whole = True
    for file, text in files:
        tree, found = load(file, text)
        problems += found
        if tree is None:
            whole = False
        elif merged is None:
            merged = tree
        else:
            _merge(merged, tree, problems)
    if merged is None:
        return None, tuple(problems)
    pack = _header(merged, problems)
    pack.whole = whole
    pack.files = tuple(file for file, _ in files)
    return pack, tuple(problems)


def _merge(into: Map, other: Map, problems: list[Problem]) -> None:
    for key, node in other.items.items():
        there = into.items.get(key)
        if there is None:
            into.put(key, other.keys[key], node)
        elif isinstance(there, Map) and isinstance(node, Map):
            _merge(there, node, problems)
        elif key == "module" and isinstance(there, Scalar) and isinstance(node, Scalar):
            if there.text != node.text:
                problems.append(problem(CODES["pack.two-in-one"], node.where, name=node.text, other=there.text))
        elif not (
            key == "grammar" and isinstance(there, Scalar) and isinstance(node, Scalar) and there.text == node.text
        ):
            problems.append(problem(CODES["load.duplicate-key"], other.keys[key], key=key, first=into.keys[key]))


def _header(tree: Map, problems: list[Problem]) -> PackTree:
    pack = PackTree("", tree, where=tree.where)
    word = "overlay" if "overlay" in tree.items else "module"
    pack.is_overlay = word == "overlay"
    name = tree.items.get(word)
    if not isinstance(name, Scalar):
        problems.append(problem(CODES["pack.header"], tree.where))
        return pack
    pack.name, pack.where = name.text, name.where
    if not _KEBAB.fullmatch(name.text):
        meant = re.sub(r"[^a-z0-9]+", "-", name.text.lower()).strip("-") or "my-pack"
        problems.append(problem(CODES["pack.name"], name.where, name=name.text, meant=meant))
    elif name.text in RESERVED and not pack.is_overlay:
        problems.append(problem(CODES["pack.reserved"], name.where, name=name.text))
    grammar = tree.items.get("grammar")
    if not isinstance(grammar, Scalar):
        problems.append(problem(CODES["shape.needs"], name.where, thing=f"{word} `{name.text}`", keys="`grammar: 1`"))
    elif grammar.text != str(GRAMMAR):
        problems.append(problem(CODES["pack.grammar"], grammar.where, found=grammar.text, known=GRAMMAR))
    if not pack.is_overlay:
        _version(pack, problems)
    for key in ("requires", "uses", "extends"):
        for _, wanted, _ in pack.needs(key):
            if within(wanted.text, (0, 0, 0)) is None:
                problems.append(problem(CODES["pack.range"], wanted.where, range=wanted.text))
    return pack


def _version(pack: PackTree, problems: list[Problem]) -> None:
    found = pack.tree.items.get("version")
    if not isinstance(found, Scalar):
        problems.append(problem(CODES["shape.needs"], pack.where, thing=f"module `{pack.name}`", keys="`version`"))
        return
    number = version(found.text)
    if number is None:
        problems.append(problem(CODES["pack.version-text"], found.where, version=found.text))
    else:
        pack.version = number


def arrange(packs: Sequence[PackTree], problems: list[Problem]) -> list[PackTree]:
    """The packs in the order of their dependencies; says what is missing, too old, twice or in a ring."""
    known: dict[str, PackTree] = {}
    for pack in packs:
        if pack.name in known:
            problems.append(problem(CODES["pack.twice"], pack.where, name=pack.name, first=known[pack.name].where))
        elif pack.name:
            known[pack.name] = pack
    for pack in known.values():
        for key in ("requires", "uses"):
            for name, wanted, where in pack.needs(key):
                _judge(pack, key, name, wanted, where, known, problems)
    return _ordered(known, problems)


def _judge(
    pack: PackTree,
    key: str,
    name: str,
    wanted: Scalar,
    where: Where,
    known: Mapping[str, PackTree],
    problems: list[Problem],
) -> None:
    other = known.get(name)
    if other is None:
        if key == "requires":
            meant = nearest(name, known)
            hint = did_you_mean(meant) or Label(
                "请加入 packs，或移到 `uses`", "add it to the packs, or move it to `uses`"
            )
            problems.append(problem(CODES["pack.missing"], where, hint, pack=pack.name, needed=name))
    elif within(wanted.text, other.version) is False:
        found = ".".join(str(n) for n in other.version)
        problems.append(
            problem(CODES["pack.version"], wanted.where, pack=pack.name, needed=name, range=wanted.text, found=found)
        )


def _ordered(known: Mapping[str, PackTree], problems: list[Problem]) -> list[PackTree]:
    out: dict[str, PackTree] = {}
    trail: list[str] = []

    def visit(pack: PackTree) -> None:
        if pack.name in out:
            return
        trail.append(pack.name)
        for key in ("requires", "uses"):
            for name, _, where in pack.needs(key):
                if name in trail:
                    if key == "requires" or name == pack.name:
                        ring = " → ".join((*trail[trail.index(name) :], name))
                        problems.append(problem(CODES["pack.ring"], where, ring=ring))
                elif name in known:
                    visit(known[name])
        trail.pop()
        out[pack.name] = pack

    for pack in known.values():
        visit(pack)
    return list(out.values())


def copied(node: Node) -> Node:
    """A tree whose maps and lists are new, so that a layer can be laid over it."""
    if isinstance(node, Map):
        return Map(node.where, {k: copied(v) for k, v in node.items.items()}, dict(node.keys))
    if isinstance(node, Scalar):
        return node
    return type(node)([copied(item) for item in node.items], node.where)
