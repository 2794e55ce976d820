"""Which lines of overlays speak of what a plan changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from engine.catalog import Catalog, Origin
from engine.plan.change import Line, Touched
from engine.studio.source.matching import Matching

_BARE = ("roles", "settings", "features", "modules")
"""Named once in the whole product: their paths do not begin with their pack."""
_INSIDE = ("added", "restored", "retired", "removed", "rights")
"""What happens to an entity as a whole happens to all that is said of it."""


def touched(lines: Iterable[Line], old: Catalog | None, new: Catalog, made: Matching) -> list[Line]:
    """The same lines, each with the places of the overlays it touches: as they are now, and as they will be."""
    layers = [one.overlaid for one in (new, old) if one is not None]
    out = []
    for line in lines:
        names = {line.path, made.before(line.path)}
        found = {_told(o): None for origins in layers for name in sorted(names) for o in _at(origins, name, line)}
        out.append(replace(line, overlays=tuple(found)) if found else line)
    return out


def _told(one: Origin) -> Touched:
    return Touched(one.layer, f"{one.where.file}:{one.where.line}")


def _at(origins: Mapping[str, Origin], path: str, line: Line) -> Iterator[Origin]:
    section = "workflows" if line.kind in ("states", "steps") else line.section
    for known, one in origins.items():
        if _about(known, path, section, line.kind):
            yield one


def _about(known: str, path: str, section: str, kind: str) -> bool:
    module, _, rest = path.partition(".")
    if section in _BARE:
        at = known.partition(".")[2] if section != "features" else known
        wanted = f"{section}.{path}" if section != "features" else f"{module}.features.{rest}"
        return at == wanted or at.startswith(f"{wanted}.")
    if section == "people":
        return known.partition(".")[2].startswith("people.")
    name, _, field = rest.partition(".") if section == "entities" else (rest, "", "")
    base = f"{module}.{section}.{name}"
    if field:
        base += f".fields.{field}"
    if known != base and not known.startswith(f"{base}."):
        return False
    of_entity = section == "entities" and not field
    if kind == "rights" and section == "entities":
        return known == base or known.startswith(f"{base}.access")
    return not (of_entity and kind not in _INSIDE and known.startswith(f"{base}.fields."))
