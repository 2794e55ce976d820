"""Who set a property: pack or overlay, file, line, and the value it replaced."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.catalog import Origin
from engine.problem import Problems, nearest, problem
from engine.read import meaning_of, origins_of
from engine.studio.codes import CODES
from engine.studio.source.build import catalog_of
from engine.studio.source.project import find_project

_SECTIONS = frozenset(
    {"entities", "fields", "checks", "access", "workflows", "transitions", "steps", "states", "settings", "roles"}
    | {"aggregations", "measures", "lists", "forms", "dashboards", "tiles", "controls", "postings", "unique", "options"}
    | {"features", "menus", "seeds", "demo", "imports", "tests", "people", "assignments"}
)
"""Words that a path may leave out: ``day-labor.sheet.reason.required`` for ``day_labor.entities.sheet.fields…``."""


def why(target: Path, path: str, as_json: bool = False) -> str:
    """Every property at or below the path, or what it means that nobody says it. Raises ``why.unknown`` where there is
    nothing of the name."""
    project = find_project(target)
    catalog_of(project)  # says what is wrong with the text, if anything is
    origins = origins_of(project.packs, project.overlays, project.features)
    found = _at(origins, path)
    if not found and (left := _left_out(origins, path)):
        return json.dumps([left], ensure_ascii=False, indent=2) if as_json else _nobody(left)
    if not found:
        short = nearest(_short(path), {_short(known) for known in origins}) or "–"
        raise Problems([problem(CODES["why.unknown"], path=path, nearest=short)])
    if as_json:
        told = [
            {"path": known, "set_by": one.layer, "where": str(one.where), "before": one.before}
            for known, one in found.items()
        ]
        return json.dumps(told, ensure_ascii=False, indent=2)
    return "\n".join(_line(known, one) for known, one in found.items())


def _at(origins: Mapping[str, Origin], path: str) -> dict[str, Origin]:
    wanted = path.replace("-", "_")
    short = _short(path)

    def chosen(names: Iterable[str]) -> dict[str, Origin]:
        return {name: origins[name] for name in sorted(names)}

    for test in (
        lambda known: known == wanted,
        lambda known: known.startswith(f"{wanted}."),
        lambda known: _short(known) == short,
        lambda known: _short(known).startswith(f"{short}."),
    ):
        if found := [known for known in origins if test(known)]:
            # What a short path means first is the record itself, not a page that is called like it.
            return chosen([known for known in found if ".entities." in known] or found)
    return {}


def _left_out(origins: Mapping[str, Origin], path: str) -> dict[str, str]:
    """A key that its noun may have and that neither pack nor overlay gives it."""
    above, _, word = path.replace("-", "_").rpartition(".")
    for known in _at(origins, above):
        parts = known.split(".")
        for at in range(len(parts), 1, -1):
            place = ".".join(parts[:at])
            if _short(place) == _short(above) and (means := meaning_of(f"{place}.{word}")):
                return {"path": f"{place}.{word}", "set_by": "", "where": "", "before": "", "means": means}
    return {}


def _nobody(left: Mapping[str, str]) -> str:
    return f"{left['path']}\n    nobody says it: left out, it is as the grammar has it ({left['means']})"


def _short(path: str) -> str:
    return ".".join(part for part in path.replace("-", "_").split(".") if part not in _SECTIONS)


def _line(path: str, one: Origin) -> str:
    before = f"; before: {one.before}" if one.before else ""
    return f"{path}\n    {one.layer}  {one.where}{before}"
