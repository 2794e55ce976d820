"""Catalogs kept by content: what was read once is loaded in milliseconds after that."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import os
import pickle
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.catalog import Catalog
from engine.catalog.layout import NOTHING_RENAMED, Layout
from engine.problem import Problem, Problems
from engine.read.packs import Texts
from engine.read.pipeline import Toggles, all_kept, digest_of, read_texts, texts_in

_ENGINE = Path(__file__).resolve().parents[1]
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
    names = "\n".join(file for texts in (*base, *over) for file in texts)
    content = digest_of(base, over, toggles or {}, layout)
    key = hashlib.sha256(f"{content}\n{names}\n{engine_digest()}".encode()).hexdigest()[:32]
    kept = cache / f"catalog-{key}.pickle"
    found = _load(kept)
    if found is None:
        found = read_texts(base, over, toggles, layout=layout)
        _keep(kept, found)
    return found


def engine_digest() -> str:
    """Changes when the code that reads packs does: its files' names, sizes and times."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        for file in sorted((_ENGINE / room).rglob("*.py")):
            state = file.stat()
            digest.update(f"{file.name}:{state.st_size}:{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


class _Pickler(pickle.Pickler):
    """Slotted dataclasses by their values: loaded by calling the class, several times faster than by their state."""

    def reducer_override(self, thing: Any) -> Any:
        if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            return type(thing), tuple([getattr(thing, name) for name in _names(type(thing))])
        return NotImplemented


@functools.cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _load(kept: Path) -> Catalog | None:
    try:
        with all_kept():
            found = pickle.loads(kept.read_bytes())
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError, ValueError):
        return None  # not there, cut short, or of another engine: read anew
    return found if isinstance(found, Catalog) else None


def _keep(kept: Path, catalog: Catalog) -> None:
    """Written beside and moved, so that nobody loads half a file. A cache that cannot be written is no error."""
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=kept.parent)
        with os.fdopen(handle, "wb") as file:
            _Pickler(file, protocol=pickle.HIGHEST_PROTOCOL).dump(catalog)
        Path(name).replace(kept)
