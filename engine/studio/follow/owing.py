"""What a change leaves to be done after it, while everybody works: written down with the revision itself, beside the
leases, and crossed out when it is done. A process that is killed in between leaves it to the next one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from engine.catalog import Catalog
from engine.db import Body, Call, Database
from engine.fieldtypes.storage import literal
from engine.plan.statement import Dialect
from engine.serve.tenant import rows

Kind = Literal["posting", "refresh"]
KINDS: tuple[Kind, ...] = ("posting", "refresh")
_LATER = "later:"
"""What is owed to something that is not there: it waits until that comes back."""


@dataclass(frozen=True, slots=True)
class Owed:
    """``posting``: the path of one that has slept. ``refresh``: the path of an entity that nothing owns, whose
    documents follow their definition, and those of the fields (``shop.sale_line.amount``) to compute anew; of
    ``empty`` ones those that hold nothing, in documents in force too."""

    kind: Kind
    path: str
    fields: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.path}"

    @property
    def told(self) -> str:
        if self.kind == "posting":
            return ""
        return json.dumps({"fields": self.fields, "empty": self.empty} if self.empty else self.fields)

    def among(self, there: Callable[[str], bool]) -> tuple[Owed | None, Owed | None]:
        """The part of it that can be done, and the part that cannot."""
        if not there(self.path):
            return None, self
        known, gone = (
            Owed(self.kind, self.path, *(tuple(f for f in names if there(f) is yes) for names in self.both))
            for yes in (True, False)
        )
        return known, gone if gone.fields or gone.empty else None

    @property
    def both(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self.fields, self.empty


def owe(dialect: Dialect, wanted: Iterable[Owed], prefix: str = "") -> Body[None]:
    """For the transaction of the change. What is owed already stays owed."""
    for one in wanted:
        name = f"{prefix}{one.name}"
        left = yield Call(f"SELECT name, holder FROM _lease WHERE name = {literal(name)}")
        known = zip(*(o.both for o in (one, *map(_read, left))), strict=True)
        told = Owed(one.kind, one.path, *(tuple(sorted({f for names in all_ for f in names})) for all_ in known)).told
        yield rows.delete("_lease", dialect, {"name": name})
        yield rows.insert("_lease", [{"name": name, "holder": told, "until": 0, "n": 0}], dialect)


def follow(dialect: Dialect, after: Callable[[str], str], catalog: Catalog) -> Body[None]:
    """For the transaction of a change, before anything more is owed: what is owed already goes by the new names, waits
    as long as there is nobody to do it to, and is owed again when he is back."""
    known = " OR ".join(f"name LIKE '{prefix}{kind}:%'" for kind in KINDS for prefix in ("", _LATER))
    left = yield Call(f"SELECT name, holder FROM _lease WHERE {known}")
    for row in left:
        yield rows.delete("_lease", dialect, {"name": str(row[0])})
    for one in (_called(_read(row), after) for row in left):
        now, later = one.among(lambda path, kind=one.kind: _there(catalog, kind, path))  # type: ignore[misc]
        yield from owe(dialect, [now] if now is not None else [])
        yield from owe(dialect, [later] if later is not None else [], _LATER)


def _called(one: Owed, after: Callable[[str], str]) -> Owed:
    if one.kind == "posting":
        return one
    return Owed(one.kind, after(one.path), *(tuple(sorted(map(after, names))) for names in one.both))


def _there(catalog: Catalog, kind: Kind, path: str) -> bool:
    if kind == "posting":
        posting = catalog.postings.get(path)
        return posting is not None and {posting.of, posting.into} <= catalog.entities.keys()
    entity, _, field = path.rpartition(".")
    return path in catalog.entities or (entity in catalog.entities and field in catalog.entities[entity].fields)


def paid(dialect: Dialect, done: Iterable[Owed]) -> Body[None]:
    """Not what has become more meanwhile."""
    for one in done:
        yield rows.delete("_lease", dialect, {"name": one.name, "holder": one.told})


async def owed(database: Database, kinds: Iterable[Kind] = KINDS) -> list[Owed]:
    named = " OR ".join(f"name LIKE '{kind}:%'" for kind in kinds)
    return [_read(row) for row in await database.read(f"SELECT name, holder FROM _lease WHERE {named} ORDER BY name")]


def _read(row: Any) -> Owed:
    kind, _, path = str(row[0]).removeprefix(_LATER).partition(":")
    told = json.loads(row[1]) if row[1] else []
    both = (told["fields"], told["empty"]) if isinstance(told, dict) else (told, [])
    return Owed("posting" if kind == "posting" else "refresh", path, *map(tuple, both))
