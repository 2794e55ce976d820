"""Everything in a catalogue that cannot be carried out, told at once and with its place."""

from __future__ import annotations

from collections.abc import Iterator

from engine.catalog import Catalog
from engine.compile import controls, rollups
from engine.compile.codes import CODES
from engine.problem import Problem, Problems, problem


def refuse(catalog: Catalog) -> None:
    found = tuple(_problems(catalog))
    if found:
        raise Problems(found)


def _problems(catalog: Catalog) -> Iterator[Problem]:
    yield from controls.wrong(catalog)
    yield from rollups.wrong(catalog)
    for posting in catalog.postings.values():
        if posting.each is not None:
            yield problem(CODES["compile.each"], posting.where, name=posting.path)
