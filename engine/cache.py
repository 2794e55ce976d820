"""What follows from a text, kept on disk by its content: what was made once is loaded in milliseconds after that."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import hashlib
import operator
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from engine.paths import ENGINE

T = TypeVar("T")
_MOST = 256
"""Files of one kind; those unused for longest leave. One is a megabyte or two."""


def folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dougong"


@functools.cache
def digest_of(*rooms: str) -> str:
    """Changes when the code of these rooms does, or what everybody imports: files' names, sizes and times when this
    process first asked."""
    digest = hashlib.sha256()
    for files in (ENGINE.glob("*.py"), *((ENGINE / room).rglob("*.py") for room in rooms)):
        for file in sorted(files):
            state = file.stat()
            digest.update(f"{file.name}:{state.st_size}:{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def load(kept: Path, kind: type[T]) -> T | None:
    try:
        with all_kept():
            found = pickle.loads(kept.read_bytes())
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError, ValueError):
        return None  # not there, cut short, or of another engine: made anew
    with contextlib.suppress(OSError):
        os.utime(kept)
    return found if isinstance(found, kind) else None


def keep(kept: Path, thing: Any) -> None:
    """Written beside and moved, so that nobody loads half a file. A cache that cannot be written is no error."""
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=kept.parent)
        with os.fdopen(handle, "wb") as file:
            _Pickler(file, protocol=pickle.HIGHEST_PROTOCOL).dump(thing)
        Path(name).replace(kept)
        _forget(kept)


def _forget(kept: Path) -> None:
    kind = kept.name.partition("-")[0]
    there = [(file.stat().st_mtime, file) for file in kept.parent.glob(f"{kind}-*{kept.suffix}")]
    for _, file in sorted(there, reverse=True)[_MOST:]:
        file.unlink(missing_ok=True)


@contextmanager
def all_kept() -> Iterator[None]:
    """Without looking for garbage: what only builds pays a fifth of its time for the search."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def set_aside() -> None:
    """What is there by now is there to stay: no search for garbage goes through it any more. A search through a few
    catalogs and Apps is a pause of a quarter of a second, for whoever happens to be asking."""
    gc.collect()
    gc.freeze()


class _Pickler(pickle.Pickler):
    """Slotted dataclasses and named tuples by their values: loaded by calling the class, several times faster than by
    their state."""

    def reducer_override(self, thing: Any) -> Any:
        kind = thing.__class__
        values = _values_of(kind)
        return NotImplemented if values is None else (kind, values(thing))


@functools.cache
def _values_of(kind: type) -> Callable[[Any], tuple[Any, ...]] | None:
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        if len(names) > 1:
            return operator.attrgetter(*names)
        return lambda thing: tuple(getattr(thing, name) for name in names)
    return tuple if issubclass(kind, tuple) and hasattr(kind, "_fields") else None
