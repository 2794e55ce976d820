"""Catalogs kept by content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from engine import cache as on_disk
from engine.catalog import Catalog
from engine.catalog.layout import NOTHING_RENAMED, Layout
from engine.problem import Problem, Problems
from engine.read.packs import Texts
from engine.read.pipeline import Toggles, digest_of, read_texts, texts_in

_ROOMS = ("read", "catalog", "expr", "fieldtypes")


def read_cached(
    packs: Sequence[Path], overlays: Sequence[Path] = (), toggles: Toggles | None = None, *, cache: Path
) -> Catalog:
    """Like ``read``, from ``cache`` when these texts were read before by this very engine. Problems are never kept."""
    problems: list[Problem] = []
    base, over = texts_in(packs, problems), texts_in(overlays, problems)
    if problems:
        raise Problems(problems)
    return texts_cached(base, over, toggles, cache=cache)


def texts_cached(
    base: Sequence[Texts],
    over: Sequence[Texts] = (),
    toggles: Toggles | None = None,
    *,
    layout: Layout = NOTHING_RENAMED,
    cache: Path,
) -> Catalog:
    """The same from texts, wherever they come from."""
    kept = cache / f"catalog-{key_of(base, over, toggles or {}, layout)}.pickle"
    found = on_disk.load(kept, Catalog)
    if found is None:
        found = read_texts(base, over, toggles, layout=layout)
        on_disk.keep(kept, found)
    return found


def key_of(base: Sequence[Texts], over: Sequence[Texts], toggles: Toggles, layout: Layout) -> str:
    """Of all that a catalog follows from: the texts, what their files are called, and the engine that reads them."""
    names = "\n".join(file for texts in (*base, *over) for file in texts)
    content = digest_of(base, over, toggles, layout)
    return hashlib.sha256(f"{content}\n{names}\n{on_disk.digest_of(*_ROOMS)}".encode()).hexdigest()[:32]
