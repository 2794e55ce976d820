"""Everything in a catalogue that cannot be carried out, told at once and with its place."""

from __future__ import annotations

from collections.abc import Iterator

from engine.catalog import Catalog
from engine.compile import controls, groups, rollups
from engine.problem import Problem, Problems


def refuse(catalog: Catalog) -> None:
    found = tuple(_problems(catalog))
    if found:
        raise Problems(found)


def _problems(catalog: Catalog) -> Iterator[Problem]:
    yield from controls.wrong(catalog)
    yield from rollups.wrong(catalog)
    yield from groups.wrong(catalog)
