"""What is retired and still there: which tables and columns hold it, how much of it, and what would go with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.db import Database
from engine.fieldtypes.storage import link_table, quote
from engine.plan.table import Table
from engine.problem import Problems, nearest, problem
from engine.studio.codes import CODES
from engine.tenants import identity
from engine.tenants.identity import Identity
from engine.tenants.revision import Revision


@dataclass(frozen=True, slots=True)
class Retired:
    """``tables`` go whole, ``columns`` out of a table that stays; ``values`` is how many rows hold something. ``also``:
    retired entities that go with it, since their rows are its lines or point at it."""

    one: Identity
    tables: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    values: int = 0
    also: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return self.one.path


async def listed(database: Database, have: Revision) -> list[Retired]:
    known = await identity.all_of(database)
    tables = {table.name: table for table in have.tables}
    gone = {one.physical: one for one in known if one.retired is not None and one.path.count(".") == 1}
    out = []
    for one in known:
        if one.retired is None:
            continue
        found = _entity(one, gone, tables) if one.path.count(".") == 1 else _field(one, known, gone, tables)
        if found is not None:
            out.append(Retired(one, found.tables, found.columns, await _values(database, found), found.also))
    return sorted(out, key=lambda r: (r.path, r.one.identity))


def _entity(one: Identity, gone: dict[str, Identity], tables: dict[str, Table]) -> Retired | None:
    if one.physical not in tables:
        return None
    names = [one.physical]
    for name in names:  # grows: whoever points at what goes
        for table in tables.values():
            points = any(key.table == name for key in table.foreign_keys)
            # A table of a set of references goes with either side.
            if points and table.name not in names and (table.name in gone or not table.entity):
                names.append(table.name)
    also = tuple(gone[name].path for name in names[1:] if name in gone)
    return Retired(one, tuple(names), also=also)


def _field(
    one: Identity, known: Iterable[Identity], gone: dict[str, Identity], tables: dict[str, Table]
) -> Retired | None:
    """None for a field of an entity that is retired as a whole, and goes with it."""
    entity = one.path.rpartition(".")[0]
    owner = next((o for o in known if o.path == entity and o.retired is None), None)
    table = tables.get(owner.physical) if owner is not None else None
    if table is None or one.physical not in {c.name for c in table.columns}:
        return None
    links = link_table(table.name, one.physical)
    return Retired(one, (links,) if links in tables else (), ((table.name, one.physical),))


async def _values(database: Database, found: Retired) -> int:
    if found.columns:
        (table, column), *_ = found.columns
        sql = f"SELECT count({quote(column)}) FROM {quote(table)}"
    else:
        sql = f"SELECT count(*) FROM {quote(found.tables[0])}"
    return int((await database.read(sql))[0][0])


def chosen(known: Iterable[Retired], names: Iterable[str]) -> list[Retired]:
    """Those of these names; each with what goes with it. Raises ``purge.unknown``."""
    by_path: dict[str, list[Retired]] = {}
    for one in known:
        by_path.setdefault(one.path, []).append(one)
    wanted: dict[str, Retired] = {}
    for name in names:
        if name not in by_path:
            meant = nearest(name, by_path) or ", ".join(sorted(by_path)) or "–"
            raise Problems([problem(CODES["purge.unknown"], name=name, nearest=meant)])
        for one in by_path[name]:
            wanted[one.one.identity] = one
            for path in one.also:
                wanted |= {o.one.identity: o for o in by_path.get(path, ())}
    return list(wanted.values())
