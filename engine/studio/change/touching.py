"""Which lines of overlays speak of what a plan changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from engine.catalog import Catalog, Origin
from engine.plan.change import Line, Touched
from engine.studio.source.matching import Matching

_BARE = ("roles", "settings", "features", "modules")
"""Named once in the whole product: their paths do not begin with their pack."""
_INSIDE = ("added", "restored", "retired", "removed", "rights")
"""What happens to an entity as a whole happens to all that is said of it."""


_Layer = Mapping[str, Sequence[tuple[str, Origin]]]
"""What an overlay speaks of, by each beginning of its path."""


def touched(lines: Iterable[Line], old: Catalog | None, new: Catalog, made: Matching) -> list[Line]:
    """The same lines, each with the places of the overlays it touches: as they are now, and as they will be."""
    layers = [_layer(one.overlaid) for one in (new, old) if one is not None]
    out = []
    for line in lines:
        names = {line.path, made.before(line.path)}
        found = {_told(o): None for layer in layers for name in sorted(names) for o in _at(layer, name, line)}
        out.append(replace(line, overlays=tuple(found)) if found else line)
    return out


def _told(one: Origin) -> Touched:
    return Touched(one.layer, f"{one.where.file}:{one.where.line}")


def _layer(origins: Mapping[str, Origin]) -> _Layer:
    out: dict[str, list[tuple[str, Origin]]] = {}
    for path, one in origins.items():
        module, *rest = path.split(".")
        for n in range(1, len(rest) + 1):
            inside = ".".join(rest[:n])
            names = [f"{module}.{inside}"]
            names += [f"*.{inside}"] if rest[0] in (*_BARE, "people") and rest[0] != "features" else []
            for name in names:
                out.setdefault(name, []).append((path, one))
    return out


def _at(layer: _Layer, path: str, line: Line) -> Iterator[Origin]:
    section = "workflows" if line.kind in ("states", "steps") else line.section
    base = _base(path, section)
    for known, one in layer.get(base, ()):
        if section != "entities" or _speaks(known, base, line.kind):
            yield one


def _base(path: str, section: str) -> str:
    """Where it is said."""
    module, _, rest = path.partition(".")
    if section == "people":
        return "*.people"
    if section in _BARE and section != "features":
        return f"*.{section}.{path}"
    name, _, field = rest.partition(".") if section == "entities" else (rest, "", "")
    return f"{module}.{section}.{name}" + (f".fields.{field}" if field else "")


def _speaks(known: str, base: str, kind: str) -> bool:
    """Whether what is said of an entity or a field has to do with such a line."""
    if kind == "rights":
        return known == base or known.startswith(f"{base}.access")
    return kind in _INSIDE or not known.startswith(f"{base}.fields.")
