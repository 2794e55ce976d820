"""A system as text → Catalog → App. The text is a project's packs, overlays and switches, or what a revision kept."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.catalog import Catalog
from engine.catalog.layout import Layout
from engine.compile.app import compile_app
from engine.label import Label
from engine.plan.app import App
from engine.plan.statement import Dialect
from engine.problem import Problem, Problems
from engine.read import read_cached, texts_cached, texts_of
from engine.studio.project import Project


def catalog_of(project: Project) -> Catalog:
    """Everything the packs and overlays say, checked and linked; raises Problems with all that is wrong."""
    return read_cached(project.packs, project.overlays, project.features, cache=cache_dir())


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

    def catalog(self) -> Catalog:
        """Raises Problems with all that is wrong."""
        return made_of(self).catalog

    def app(self, dialect: Dialect) -> App:
        """The same App for the same text, its epoch not yet said."""
        made = made_of(self)
        if dialect not in made.apps:
            made.apps[dialect] = compile_app(made.catalog, dialect)
        return made.apps[dialect]

    def read(self) -> Catalog:
        return texts_cached(
            self.packs, self.overlays, {**self.features, **self.switches}, layout=self.layout, cache=cache_dir()
        )


@dataclass(slots=True)
class Made:
    """What a text was made into."""

    catalog: Catalog
    apps: dict[Dialect, App] = field(default_factory=dict)


_MOST_MADE = 6
_made: OrderedDict[str, Made] = OrderedDict()


def made_of(source: Source) -> Made:
    """Kept for the few texts that a process has just had to do with: a plan is applied after it was looked at, and the
    revision that is left is the one it is compared with. Two threads at worst make the same thing twice."""
    key = source.told()
    found = _made.get(key)
    if found is None:
        found = Made(source.read())
        _made[key] = found
        while len(_made) > _MOST_MADE:
            with suppress(KeyError):
                _made.popitem(last=False)
    return found


def source_of(project: Project) -> Source:
    """The text of a project as it is now; files are named by pack, wherever its folder lies."""
    problems: list[Problem] = []
    packs = tuple(_texts(pack, problems) for pack in project.packs)
    overlays = tuple(_texts(overlay, problems) for overlay in project.overlays)
    if problems:
        raise Problems(problems)
    return Source(project.name, project.title, project.language, project.zone, packs, overlays, dict(project.features))


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
    return {f"{base.name}/{Path(file).relative_to(base).as_posix()}": text for file, text in found.items()}


def cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dougong"
