"""Files that scenarios name, and where they may lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from engine.catalog import Act, Catalog


def at_hand(name: str, file: str, folders: Sequence[Path]) -> Path | None:
    """The file that a scenario in ``file`` calls so: beside it, or above it as far as the folder of its pack or overlay
    goes (one of ``folders``), and never outside: packs and overlays come from people who may not read the server's
    files. ``file`` is a path, or begins with the folder's name, as a revision keeps it."""
    if ".." in PurePath(name).parts or ".." in PurePath(file).parts:
        return None
    for folder in (one.resolve() for one in folders):
        for inside in _inside(Path(file), folder):
            for place in inside.parents:
                with suppress(OSError, ValueError):  # what is no name of a file at all
                    found = (folder / place / name).resolve()
                    if found.is_relative_to(folder) and found.is_file():
                        return found
    return None


def _inside(file: Path, folder: Path) -> Iterator[Path]:
    with suppress(ValueError):
        yield file.resolve().relative_to(folder)
    if file.parts[:1] == (folder.name,):
        yield Path(*file.parts[1:])


def named(catalog: Catalog, folders: Sequence[Path]) -> list[Path]:
    """All that the scenarios name and that is there."""
    acts = [act for scenario in catalog.scenarios.values() for act in scenario.steps.values()]
    found = {at_hand(name, act.where.file, folders) for act in acts for name in _names(act)}
    return sorted(path for path in found if path is not None)


def _names(act: Act) -> Iterator[str]:
    yield from [act.file] if act.file else []
    for given in act.values.values():
        yield from _texts(given.data)


def _texts(value: object) -> Iterator[str]:
    """Whatever may be a file's name; which fields hold files is known where they are sent."""
    if isinstance(value, str):
        if "." in value and "\n" not in value and len(value) < 256:
            yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, Sequence):
        for one in value:
            yield from _texts(one)
