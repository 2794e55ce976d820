"""What choices were called in the revisions between: on the way back to one of them records follow, though no `was`
says it any more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from engine.catalog import Catalog, Field
from engine.db import Database
from engine.fieldtypes.spec import Option
from engine.studio.follow.recoding import choosing, followed, options_of
from engine.studio.source.matching import Matching
from engine.tenants import revision
from engine.tenants.identity import Identity


async def remembered(
    database: Database, old: Catalog, new: Catalog, made: Matching, back: int
) -> dict[str, tuple[Option, ...]]:
    """Path in ``old`` → its choices, each with what it was called in revision ``back`` too; of those fields alone
    where one has gone and nothing says what became of it."""
    lost = list(_lost(old, new, made))
    if not lost:
        return {}
    were = {one.identity: {o.name: (o.name,) for o in field.spec.options} for one, field in lost}
    for changes in await revision.changes_since(database, back):
        for line in json.loads(changes) if changes else []:
            if line["kind"] == "recoded" and (known := were.get(line.get("identity", ""))) is not None:
                then = [(name, known.pop(name, ())) for name in line["names"]]
                for name, first in then:
                    after = line["names"][name]
                    known[after] = (*known.get(after, ()), *first)
    return {
        one.path: tuple(
            replace(option, was=tuple(dict.fromkeys((*option.was, *were[one.identity].get(option.name, ())))))
            for option in options_of(old, one.path) or ()
        )
        for one, _ in lost
    }


def _lost(old: Catalog, new: Catalog, made: Matching) -> Iterator[tuple[Identity, Field]]:
    for _, field, one in choosing(new, made):
        if not all(followed(options_of(old, one.path) or (), field.spec.options).values()):
            yield one, field
