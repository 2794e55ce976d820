"""A project's packs → Catalog, from the cache where they were read before."""

from __future__ import annotations

import os
from pathlib import Path

from engine.catalog import Catalog
from engine.read import read_cached
from engine.studio.project import Project


def catalog_of(project: Project) -> Catalog:
    """Everything the packs and overlays say, checked and linked; raises Problems with all that is wrong."""
    return read_cached(project.packs, project.overlays, project.features, cache=cache_dir())


def sources(project: Project) -> dict[str, str]:
    """The text it was all made from, by name, kept with the revision."""
    files = [f for pack in project.packs for f in sorted(pack.rglob("*.yaml"))] + list(project.overlays)
    return {_name(f, project): f.read_text(encoding="utf-8") for f in files}


def _name(file: Path, project: Project) -> str:
    for pack in project.packs:
        if file.is_relative_to(pack):
            return f"{pack.name}/{file.relative_to(pack)}"
    return file.name


def cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dougong"
