"""Features and packs that are off leave, with everything that belongs to them; what stays never names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from engine.problem import Problem, Where, did_you_mean, nearest, problem
from engine.read.codes import CODES
from engine.read.packs import PackTree
from engine.read.shape.noun import Entries, Named, Noun, One, keys_of
from engine.read.shape.pack import Pack
from engine.read.shape.slot import Reading
from engine.read.tree import Scalar

N = TypeVar("N", bound=Noun)


@dataclass(slots=True)
class Written:
    """One pack as written: its tree's header and its nouns."""

    source: PackTree
    pack: Pack
    seen: Reading

    @property
    def key(self) -> str:
        return self.source.key


@dataclass(slots=True)
class Gone:
    """What is not there, and why: paths like `day_labor.entities.sheet.fields.overtime` → the feature, the absent
    pack, `retired`, or empty for what was written wrongly (so that it is not complained about twice)."""

    parts: dict[str, tuple[str, Where]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # the last word of each path → why

    def add(self, path: str, why: str, where: Where) -> None:
        self.parts[path] = (why, where)
        self.names[path.rpartition(".")[2]] = why


def without_modules(
    packs: Sequence[PackTree], toggles: Mapping[str, bool], problems: list[Problem]
) -> tuple[list[PackTree], list[str]]:
    """The packs that are on, and the names of those that are off."""
    off = [pack.name for pack in packs if toggles.get(pack.name) is False]
    on = [pack for pack in packs if pack.name not in off]
    for pack in on:
        for name, _, where in pack.needs("requires"):
            if name in off:
                problems.append(problem(CODES["pack.off"], where, pack=name, needed_by=pack.name))
    return on, off


def without_features(
    written: Sequence[Written], toggles: Mapping[str, bool], absent: Sequence[str], gone: Gone, problems: list[Problem]
) -> list[Written]:
    """The packs without what belongs to features that are off; the nouns themselves stay as they were written."""
    features: dict[str, bool] = {}
    for one in written:
        for name, noun in (one.pack.features or {}).items():
            features[f"{one.key}.{name}"] = toggles.get(f"{one.key}.{name}", noun.default is not False)
    _with_required(written, features, problems)
    known = {pack.source.name for pack in written} | set(absent)
    for name in toggles:
        if name not in known and name not in features:
            found = nearest(name, [*known, *features])
            problems.append(problem(CODES["pack.toggle"], Where(), did_you_mean(found), name=name))
    keys = tuple(name.replace("-", "_") for name in absent)
    return [replace(one, pack=_Walk(one, features, keys, gone, problems).noun(one.pack, one.key)) for one in written]


def _with_required(written: Sequence[Written], features: dict[str, bool], problems: list[Problem]) -> None:
    """A feature cannot be on without those it requires."""
    needs: dict[str, list[str]] = {}
    for one in written:
        for name, noun in (one.pack.features or {}).items():
            for needed in noun.requires or ():
                path = needed.text if "." in needed.text else f"{one.key}.{needed.text}"
                if path in features:
                    needs.setdefault(f"{one.key}.{name}", []).append(path)
                    continue
                found = nearest(path, features)
                hint = did_you_mean(found.rpartition(".")[2] if found else None)
                problems.append(problem(CODES["link.unknown"], needed.where, hint, kind="feature", name=needed.text))
    while off := [f for f, wanted in needs.items() if features[f] and not all(features[w] for w in wanted)]:
        features.update(dict.fromkeys(off, False))


@dataclass(slots=True)
class _Walk:
    one: Written
    features: Mapping[str, bool]
    absent: tuple[str, ...]
    gone: Gone
    problems: list[Problem]

    def noun(self, noun: N, path: str) -> N:
        """Itself where nothing of it is off."""
        left: dict[str, Any] = {}
        for name, key in keys_of(type(noun)).items():
            value = getattr(noun, key.attribute)
            if value is None:
                continue
            if isinstance(key.slot, Named) and isinstance(key.slot.entry, One):
                found = self.entries(value, f"{path}.{name}")
            elif isinstance(key.slot, One):
                found = self.noun(value, f"{path}.{name}")
            else:
                continue
            if found is not value:
                left[key.attribute] = found
        return replace(noun, **left) if left else noun

    def entries(self, entries: Entries, path: str) -> Entries:
        left: dict[str, Any] = {}
        for name, noun in entries.items():
            if off := self.off(noun):
                self.gone.add(f"{path}.{name}", off, noun.place)
            else:
                left[name] = self.noun(noun, f"{path}.{name}")
        same = len(left) == len(entries) and all(left[name] is noun for name, noun in entries.items())
        return entries if same else Entries(entries.places, left)

    def off(self, noun: Noun) -> str:
        """The path of the feature that is off and takes this noun along, or empty."""
        name = getattr(noun, "feature", None)
        if not isinstance(name, Scalar):
            return ""
        path = name.text if "." in name.text else f"{self.one.key}.{name.text}"
        if path in self.features:
            return "" if self.features[path] else path
        if path.partition(".")[0] in self.absent:
            return path
        found = nearest(path, self.features)
        hint = did_you_mean(found.rpartition(".")[2] if found else None)
        self.problems.append(problem(CODES["link.unknown"], name.where, hint, kind="feature", name=name.text))
        return ""
