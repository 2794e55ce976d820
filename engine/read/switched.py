"""Features and packs that are off leave, with everything that belongs to them; what stays never names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.problem import Problem, Where, nearest, problem
from engine.read.codes import CODES
from engine.read.packs import PackTree
from engine.read.shape.noun import Named, Noun, One, keys_of
from engine.read.shape.pack import Pack
from engine.read.shape.slot import Reading
from engine.read.tree import Scalar


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
) -> None:
    """Takes what belongs to features that are off out of the nouns."""
    features: dict[str, bool] = {}
    for one in written:
        for name, noun in (one.pack.features or {}).items():
            features[f"{one.key}.{name}"] = toggles.get(f"{one.key}.{name}", noun.default is not False)
    _with_required(written, features, problems)
    known = {pack.source.name for pack in written} | set(absent)
    for name in toggles:
        if name not in known and name not in features:
            found = nearest(name, [*known, *features])
            hint = f"did you mean `{found}`?" if found else None
            problems.append(problem(CODES["pack.toggle"], Where(), hint, name=name))
    for one in written:
        _Walk(one, features, tuple(n.replace("-", "_") for n in absent), gone, problems).noun(one.pack, one.key)


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
                hint = f"did you mean `{found.rpartition('.')[2]}`?" if found else None
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

    def noun(self, noun: Noun, path: str) -> None:
        for name, key in keys_of(type(noun)).items():
            value = getattr(noun, key.attribute)
            if value is None:
                continue
            if isinstance(key.slot, Named) and isinstance(key.slot.entry, One):
                for entry in list(value):
                    inner = f"{path}.{name}.{entry}"
                    off = self.off(value[entry])
                    if off:
                        self.gone.add(inner, off, value[entry].place)
                        del value[entry]
                    else:
                        self.noun(value[entry], inner)
            elif isinstance(key.slot, One):
                self.noun(value, f"{path}.{name}")

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
        hint = f"did you mean `{found.rpartition('.')[2]}`?" if found else None
        self.problems.append(problem(CODES["link.unknown"], name.where, hint, kind="feature", name=name.text))
        return ""
