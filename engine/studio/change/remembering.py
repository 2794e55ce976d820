"""What choices were called in the revisions between: on the way back to one of them records follow, whatever any `was`
says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from engine.catalog import Catalog
from engine.db import Database
from engine.studio.follow.recoding import choosing, followed, options_of
from engine.studio.source.matching import Matching
from engine.tenants import revision


async def remembered(
    database: Database, old: Catalog, new: Catalog, made: Matching, back: int
) -> dict[str, dict[str, list[str]]]:
    """Identity of a field → choice that it has now → what it was called in revision ``back``, of those that were called
    otherwise or were none."""
    fields = [(one, field.spec.options) for _, field, one in choosing(new, made)]
    if not fields:
        return {}
    were = {one.identity: {o.name: (o.name,) for o in options} for one, options in fields}
    for changes in await revision.changes_since(database, back):
        for line in json.loads(changes) if changes else []:
            if line["kind"] == "recoded" and (known := were.get(line.get("identity", ""))) is not None:
                then = [(name, known.pop(name, ())) for name in line["names"]]
                for name, first in then:
                    after = line["names"][name]
                    known[after] = (*known.get(after, ()), *first)
    out = {}
    for one, options in fields:
        names, known = {o.name for o in options}, were[one.identity]
        if one.retired is None:
            before = options_of(old, one.path) or ()
            out[one.identity] = _called([o.name for o in before], known, names, followed(before, options))
        else:
            out[one.identity] = _called([*known], known, names, {})
    return out


def _called(
    now: Sequence[str], were: Mapping[str, tuple[str, ...]], then: set[str], said: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """What came since is followed as it is ``said``, unless another one had its name ``then``."""
    out: dict[str, list[str]] = {}
    for name in now:
        first = were.get(name, ())
        if name not in first:
            out[name] = [*first] if first or name in then else said.get(name, [])
    return out
