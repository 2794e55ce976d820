"""Who is who: what the packs name now, and what the tenant holds, matched by name and by what it `was`."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from engine.catalog import Catalog, Entity
from engine.compile.names import kind_of, owner_column, scale_of, table_name
from engine.db.diff import Renames, fit
from engine.fieldtypes.storage import link_table, short
from engine.plan.app import App
from engine.plan.table import Column, Table
from engine.tenants import identity
from engine.tenants.identity import Identity


@dataclass(slots=True)
class Matching:
    """``rows`` are all identities as they shall be. ``renamed`` is new path → old path, of entities and fields; the
    other lists are paths of the new metadata, ``retired`` of the old."""

    number: int
    rows: dict[str, Identity] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    held: dict[str, Identity] = field(default_factory=dict)
    """New path → its identity as it is now."""
    tables: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)

    there: frozenset[str] = frozenset()
    """The tables there are, by their names of now."""
    started: dict[str, Identity] = field(default_factory=dict)

    @property
    def changed(self) -> list[Identity]:
        return [one for key, one in self.rows.items() if self.started.get(key) != one]

    @property
    def renames(self) -> Renames:
        return Renames(self.tables, self.columns)

    def before(self, path: str) -> str:
        """What an entity or field is called now."""
        if path in self.renamed:
            return self.renamed[path]
        entity, _, name = path.rpartition(".")
        return f"{self.renamed[entity]}.{name}" if entity in self.renamed else path

    def after(self, path: str) -> str:
        """What an entity or field that is called so now will be called."""
        turned = {old: new for new, old in self.renamed.items()}
        entity, _, name = path.rpartition(".")
        return turned.get(path) or (f"{turned[entity]}.{name}" if entity in turned else path)

    def fresh(self, path: str, physical: str) -> None:
        """A new one of this path; another one that was called so is not it."""
        one = identity.born(path, physical, self.number, self.rows)
        self.rows[one.identity] = one


def match(
    held: Sequence[Identity],
    have: Sequence[Table],
    catalog: Catalog,
    app: App,
    number: int,
    old: Catalog | None = None,
) -> Matching:
    """``old`` is the catalog that holds now: what it was called before it may be called again."""
    made = Matching(number, {one.identity: one for one in held}, started={one.identity: one for one in held})
    made.there = frozenset(table.name for table in have)
    tables = {table.name: table for table in have}
    named = dict(identity.named(app))
    open_ = _Open(held)
    later = _later(old) if old is not None else {}
    for entity in catalog.entities.values():
        module = entity.path.rpartition(".")[0]
        names = [f"{module}.{w}" for w in entity.was] + later.get(entity.path, [])
        one = _find(open_, entity.path, names, catalog.entities)
        _take(made, open_, one, entity.path, named[entity.path])
        was = made.renamed.get(entity.path, entity.path)
        if one is not None and one.physical != named[entity.path]:
            made.tables[one.physical] = named[entity.path]
        for fld in entity.fields.values():
            path = f"{entity.path}.{fld.name}"
            if path in named:
                names = [f"{was}.{w}" for w in fld.was] + later.get(f"{was}.{fld.name}", [])
                known = {f"{was}.{name}" for name in entity.fields}
                fits = partial(_fits, one, tables, Column("", kind_of(fld), scale_of(fld)))
                held_one = _find(open_, f"{was}.{fld.name}", names, known, fits)
                _take(made, open_, held_one, path, named[path])
    for left in open_.all():
        key = left.identity
        if left.retired is None:
            made.retired.append(left.path)
            made.rows[key] = identity.retired(left, number)
    made.retired.sort()
    for entity in catalog.entities.values():
        _columns(made, entity, catalog, tables)
    _aside(made, tables)
    return made


def _later(old: Catalog) -> dict[str, list[str]]:
    """Earlier name → what bears another one now: the way back of a rename."""
    out: dict[str, list[str]] = {}
    for entity in old.entities.values():
        for name in entity.was:
            out.setdefault(f"{entity.path.rpartition('.')[0]}.{name}", []).append(entity.path)
        for field_ in entity.fields.values():
            for name in field_.was:
                out.setdefault(f"{entity.path}.{name}", []).append(f"{entity.path}.{field_.name}")
    return out


def _fits(entity: Identity | None, tables: Mapping[str, Table], wanted: Column, one: Identity) -> bool:
    there = tables.get(entity.physical) if entity is not None else None
    column = next((c for c in there.columns if c.name == one.physical), None) if there is not None else None
    return column is not None and fit(column, wanted) != "none"


class _Open:
    """Identities that nothing of the new metadata has taken yet, by path: living ones first, then the newest."""

    def __init__(self, held: Sequence[Identity]) -> None:
        self._by_path: dict[str, list[Identity]] = {}
        for one in sorted(held, key=lambda i: (i.retired is not None, -(i.retired or 0))):
            self._by_path.setdefault(one.path, []).append(one)

    def at(self, path: str) -> Sequence[Identity]:
        return self._by_path.get(path, ())

    def take(self, one: Identity) -> None:
        self._by_path[one.path].remove(one)

    def all(self) -> list[Identity]:
        return [one for some in self._by_path.values() for one in some]


def _find(
    open_: _Open,
    path: str,
    was: Sequence[str],
    known: Container[str],
    fits: Callable[[Identity], bool] = lambda _: True,
) -> Identity | None:
    """Itself, living or the one that was retired last, whose values fit; else the newest of its earlier names that the
    tenant holds and nobody else bears; else itself even if its values do not fit."""
    own = open_.at(path)
    earlier = [one for name in was if name not in known for one in open_.at(name)]
    return next((one for one in (*own, *earlier) if fits(one)), own[0] if own else None)


def _take(made: Matching, open_: _Open, one: Identity | None, path: str, physical: str) -> None:
    if one is None:
        made.fresh(path, physical)
        made.added.append(path)
        return
    open_.take(one)
    if one.retired is not None:
        made.restored.append(path)
    if one.path != path and one.path.rpartition(".")[2] != path.rpartition(".")[2]:
        made.renamed[path] = one.path
    made.held[path] = one
    made.rows[one.identity] = replace(one, path=path, physical=physical, retired=None)


def _columns(made: Matching, entity: Entity, catalog: Catalog, tables: Mapping[str, Table]) -> None:
    """What is called otherwise in an entity's table, and in the tables of its sets of references."""
    old_entity = made.renamed.get(entity.path, entity.path)
    table = table_name(entity.path)
    moved = made.columns.setdefault(table, {})
    for fld in entity.fields.values():
        one = made.held.get(f"{entity.path}.{fld.name}")
        if one is None:
            continue
        before = one.physical
        if before != fld.name:
            moved[before] = fld.name
        links = link_table(table_name(old_entity), before)
        if fld.spec.type == "refs" and links in tables and links != link_table(table, fld.name):
            made.tables[links] = link_table(table, fld.name)
    if entity.owned_by and entity.owned_by in made.renamed:
        before = made.renamed[entity.owned_by].rpartition(".")[2]
        if before != owner_column(entity):
            moved[before] = owner_column(entity)
    if not moved:
        del made.columns[table]


def _aside(made: Matching, tables: Mapping[str, Table]) -> None:
    """A retired one that bears the name which another one is given now moves out of its way."""
    for new in set(made.tables.values()) & (set(tables) - set(made.tables)):
        name = _free(new, {*tables, *made.tables.values()})
        made.tables[new] = name
        made.rows |= {i: replace(o, physical=name) for i, o in made.rows.items() if o.retired and o.physical == new}
    back = {new: old for old, new in made.tables.items()}
    for table, moved in made.columns.items():
        there = tables.get(back.get(table, table))
        if there is None:
            continue
        names = {c.name for c in there.columns}
        for new in set(moved.values()) & (names - set(moved)):
            moved[new] = _free(new, names | set(moved.values()))
            made.rows |= {
                i: replace(o, physical=moved[new])
                for i, o in made.rows.items()
                if o.retired and o.physical == new and table_name(o.path.rpartition(".")[0]) == table
            }


def _free(name: str, taken: set[str]) -> str:
    n = 2
    while short(f"{name}__{n}") in taken:
        n += 1
    return short(f"{name}__{n}")


def replaced(made: Matching, table: str, column: str, aside: str) -> None:
    """A field whose new kind cannot hold what the old one held: the old one retires under another column, and the new
    one begins empty."""
    for key, one in list(made.rows.items()):
        entity, _, name = one.path.rpartition(".")
        if one.retired is None and "." in entity and table_name(entity) == table and name == column:
            made.rows[key] = replace(one, physical=aside, retired=made.number)
            made.fresh(one.path, column)
            if one.path in made.restored:
                made.restored.remove(one.path)
            made.added.append(one.path)
