"""A system as text → Catalog → App. The text is a project's packs, overlays and switches, or what a revision kept."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from engine import cache
from engine.catalog import Catalog
from engine.catalog.layout import Layout
from engine.compile.app import compile_app
from engine.label import Label
from engine.plan.app import App
from engine.plan.statement import Dialect
from engine.problem import Problem, Problems
from engine.read import key_of, read_cached, texts_cached, texts_of
from engine.studio.source.project import Project


def catalog_of(project: Project) -> Catalog:
    """Everything the packs and overlays say, checked and linked; raises Problems with all that is wrong."""
    return read_cached(project.packs, project.overlays, project.features, cache=cache.folder())


_ROOMS = ("read", "catalog", "expr", "fieldtypes", "plan", "compile", "ask")


@dataclass(frozen=True, slots=True)
class Source:
    """All that shapes one customer's system, independent of any folder: file name → text, pack by pack."""

    name: str
    title: Label
    language: str
    zone: str
    packs: tuple[Mapping[str, str], ...]
    overlays: tuple[Mapping[str, str], ...] = ()
    features: Mapping[str, bool] = field(default_factory=dict)
    switches: Mapping[str, bool] = field(default_factory=dict)
    """What was switched in the running system, over the project's ``features``: it stays when the text is changed."""
    layout: Layout = field(default_factory=dict)
    """What is not called in the database what it is called here, since it was born under another name."""

    def told(self) -> str:
        """The same text for the same system."""
        whole = {
            "app": {
                "name": self.name,
                "title": [self.title.zh, self.title.en],
                "language": self.language,
                "zone": self.zone,
            },
            "packs": [dict(texts) for texts in self.packs],
            "overlays": [dict(texts) for texts in self.overlays],
            "features": dict(sorted(self.features.items())),
            "switches": dict(sorted(self.switches.items())),
            **({"layout": dict(sorted(self.layout.items()))} if self.layout else {}),
        }
        return json.dumps(whole, ensure_ascii=False)

    @property
    def toggles(self) -> Mapping[str, bool]:
        return {**self.features, **self.switches}

    def content(self) -> str:
        """A digest of all that its Apps follow from; not of whom it is for."""
        layers = [tuple(tuple(texts.items()) for texts in many) for many in (self.packs, self.overlays)]
        return _content(*layers, tuple(sorted(self.toggles.items())), tuple(sorted(self.layout.items())))

    def kept(self, dialect: Dialect) -> Path:
        """Where its App lies, if some process has made it."""
        engine = cache.digest_of(*_ROOMS)[:16]
        return cache.folder() / f"app-{self.content()}-{dialect}-{engine}.pickle"

    def catalog(self) -> Catalog:
        """Raises Problems with all that is wrong."""
        return made_of(self).catalog()

    def app(self, dialect: Dialect) -> App:
        """The same App for the same text, its epoch not yet said."""
        return made_of(self).app(dialect)


_Layers = tuple[tuple[tuple[str, str], ...], ...]


@lru_cache(maxsize=32)
def _content(
    packs: _Layers, overlays: _Layers, toggles: tuple[tuple[str, bool], ...], layout: tuple[tuple[str, str], ...]
) -> str:
    return key_of([dict(texts) for texts in packs], [dict(texts) for texts in overlays], dict(toggles), dict(layout))


@dataclass(slots=True)
class Made:
    """What a text was made into: by this process or, if the disk still has it, by another one before."""

    source: Source
    linked: Catalog | None = None
    apps: dict[Dialect, App] = field(default_factory=dict)

    def catalog(self) -> Catalog:
        if self.linked is None:
            of = self.source
            found = texts_cached(of.packs, of.overlays, of.toggles, layout=of.layout, cache=cache.folder())
            self.linked = _sharing(found, [one.linked for one in self._alike()])
        return self.linked

    def app(self, dialect: Dialect) -> App:
        if dialect not in self.apps:
            kept = self.source.kept(dialect)
            found = cache.load(kept, App)
            if found is None:
                found = compile_app(self.catalog(), dialect)
                cache.keep(kept, found)
            self.apps[dialect] = _sharing(found, [one.apps.get(dialect) for one in self._alike()])
        return self.apps[dialect]

    def _alike(self) -> list[Made]:
        """Others of the same texts, switched otherwise: what is equal in them stands in the same places, too."""
        mine = (self.source.packs, self.source.overlays)
        others = [one for one in list(_made.values()) if one is not self]
        return [one for one in others if (one.source.packs, one.source.overlays) == mine]


_MOST_MADE = 16
_made: OrderedDict[str, Made] = OrderedDict()


def made_of(source: Source) -> Made:
    """Kept for the texts that a process has just had to do with: a plan is applied after it was looked at, the revision
    that is left is the one it is compared with, and what can be switched was made ahead. They share what is equal in
    them. Two threads at worst make the same thing twice."""
    key = source.content()
    found = _made.get(key)
    if found is None:
        found = _made[key] = Made(source)
        while len(_made) > _MOST_MADE:
            with suppress(KeyError):
                _made.popitem(last=False)
    else:
        with suppress(KeyError):
            _made.move_to_end(key)
    return found


T = TypeVar("T", Catalog, App)


def _sharing(made: T, others: Sequence[T | None]) -> T:
    """The same, with the nouns that the newest of the others has too: one of them in memory, and whoever compares the
    two sees at a glance what did not change."""
    like = next((one for one in reversed(others) if one is not None), None)
    if like is None:
        return made
    return replace(made, **{f.name: _shared(getattr(made, f.name), getattr(like, f.name)) for f in fields(made)})


def _shared(mine: Any, other: Any) -> Any:
    if mine == other:
        return other
    if isinstance(mine, Mapping):
        return {key: _shared(one, other[key]) if key in other else one for key, one in mine.items()}
    return mine


def source_of(project: Project) -> Source:
    """The text of a project as it is now; files are named by pack, wherever its folder lies."""
    problems: list[Problem] = []
    packs = tuple(_texts(pack, problems) for pack in project.packs)
    overlays = tuple(_texts(overlay, problems) for overlay in project.overlays)
    if problems:
        raise Problems(problems)
    return Source(project.name, project.title, project.language, project.zone, packs, overlays, dict(project.features))


@lru_cache(maxsize=4)  # a plan, its change and whoever follows ask for the same revision
def source_from(text: str) -> Source:
    """What a revision kept."""
    whole: dict[str, Any] = json.loads(text)
    app = whole["app"]
    return Source(
        app["name"],
        Label(*app["title"]),
        app["language"],
        app["zone"],
        tuple(whole["packs"]),
        tuple(whole["overlays"]),
        whole["features"],
        whole.get("switches", {}),
        whole.get("layout", {}),
    )


def _texts(place: Path, problems: list[Problem]) -> dict[str, str]:
    found, wrong = texts_of(place)
    problems += wrong
    base = place if place.is_dir() else place.parent
    name = base.resolve().name
    return {f"{name}/{Path(file).relative_to(base).as_posix()}": text for file, text in found.items()}
