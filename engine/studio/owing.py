"""What a change leaves to be done after it, while everybody works: written down with the revision itself, beside the
leases, and crossed out when it is done. A process that is killed in between leaves it to the next one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from engine.db import Body, Call, Database
from engine.fieldtypes.storage import literal
from engine.plan.statement import Dialect
from engine.serve import rows

Kind = Literal["posting", "refresh"]
KINDS: tuple[Kind, ...] = ("posting", "refresh")


@dataclass(frozen=True, slots=True)
class Owed:
    """``posting``: the path of one that has slept. ``refresh``: the path of an entity that nothing owns, whose
    documents follow their definition, and those of the fields (``shop.sale_line.amount``) to compute anew."""

    kind: Kind
    path: str
    fields: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.path}"

    @property
    def told(self) -> str:
        return json.dumps(self.fields) if self.kind == "refresh" else ""


def owe(dialect: Dialect, wanted: Iterable[Owed]) -> Body[None]:
    """For the transaction of the change. What is owed already stays owed."""
    for one in wanted:
        left = yield Call(f"SELECT name, holder FROM _lease WHERE name = {literal(one.name)}")
        fields = {*one.fields, *(_read(left[0]).fields if left else ())}
        told = Owed(one.kind, one.path, tuple(sorted(fields))).told
        yield rows.delete("_lease", dialect, {"name": one.name})
        yield rows.insert("_lease", [{"name": one.name, "holder": told, "until": 0, "n": 0}], dialect)


def follow(dialect: Dialect, after: Callable[[str], str]) -> Body[None]:
    """For the transaction of a change, before anything more is owed: what is owed already goes by the new names."""
    left = [_read(row) for row in (yield Call("SELECT name, holder FROM _lease WHERE name LIKE 'refresh:%'"))]
    moved = {one: Owed(one.kind, after(one.path), tuple(sorted(map(after, one.fields)))) for one in left}
    going = {one: now for one, now in moved.items() if one != now}
    for one in going:
        yield rows.delete("_lease", dialect, {"name": one.name})
    yield from owe(dialect, going.values())


def paid(dialect: Dialect, done: Iterable[Owed]) -> Body[None]:
    """Not what has become more meanwhile."""
    for one in done:
        yield rows.delete("_lease", dialect, {"name": one.name, "holder": one.told})


async def owed(database: Database, kinds: Iterable[Kind] = KINDS) -> list[Owed]:
    named = " OR ".join(f"name LIKE '{kind}:%'" for kind in kinds)
    return [_read(row) for row in await database.read(f"SELECT name, holder FROM _lease WHERE {named} ORDER BY name")]


def _read(row: Any) -> Owed:
    kind, _, path = str(row[0]).partition(":")
    fields = json.loads(row[1]) if row[1] else ()
    return Owed("posting" if kind == "posting" else "refresh", path, tuple(fields))
