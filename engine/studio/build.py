"""A system as text → Catalog → App. The text is a project's packs, overlays and switches, or what a revision kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.catalog import Catalog
from engine.label import Label
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
        }
        return json.dumps(whole, ensure_ascii=False)

    def catalog(self) -> Catalog:
        return texts_cached(self.packs, self.overlays, {**self.features, **self.switches}, cache=cache_dir())


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
    )


def _texts(place: Path, problems: list[Problem]) -> dict[str, str]:
    found, wrong = texts_of(place)
    problems += wrong
    base = place if place.is_dir() else place.parent
    return {f"{base.name}/{Path(file).relative_to(base).as_posix()}": text for file, text in found.items()}


def cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dougong"
