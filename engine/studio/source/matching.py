"""Who is who: what the packs name now, and what the tenant holds, matched by name and by what it `was`."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from engine.catalog import Catalog, Entity
from engine.catalog.layout import Layout, by_default, name_of
from engine.compile.names import has_column, kind_of, owner_of, scale_of, status_fields
from engine.db.diff import fit
from engine.fieldtypes.spec import Option
from engine.fieldtypes.storage import short
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
    replaced: dict[str, Identity] = field(default_factory=dict)
    """Path → whose values the new one of this name cannot hold: it retires."""
    names: dict[str, str] = field(default_factory=dict)
    """Path → the table or column that holds it, of everything there will be."""
    there: frozenset[str] = frozenset()
    """The tables there are."""
    started: dict[str, Identity] = field(default_factory=dict)
    choices: dict[str, tuple[Option, ...]] = field(default_factory=dict)
    """Path as it is now → its choices, where more is known of what they were called than they say."""

    @property
    def changed(self) -> list[Identity]:
        return [one for key, one in self.rows.items() if self.started.get(key) != one]

    @property
    def layout(self) -> Layout:
        return {path: name for path, name in sorted(self.names.items()) if name != by_default(path)}

    def called(self, entity: str, column: str) -> str:
        """What a column of an entity is called."""
        paths = (path for path, name in self.names.items() if name == column)
        return next((p.rpartition(".")[2] for p in paths if p.rpartition(".")[0] == entity), column)

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
        self.added.append(path)


def match(
    held: Sequence[Identity],
    have: Sequence[Table],
    catalog: Catalog,
    number: int,
    old: Catalog | None = None,
    back: Back | None = None,
) -> Matching:
    """``old`` is the catalog that holds now: what it was called before it may be called again. ``back``: the catalog is
    that of an earlier revision, which knew who is who."""
    made = Matching(number, {one.identity: one for one in held}, started={one.identity: one for one in held})
    made.there = frozenset(table.name for table in have)
    tables = {table.name: table for table in have}
    taken = {table.name for table in have} | {one.physical for one in held if one.path.count(".") == 1}
    open_ = _Open(held, back)
    later = _later(old) if old is not None else {}
    said = claims(_earlier(catalog), _earlier(old), open_.retired) if old is not None else {}
    for entity in catalog.entities.values():
        names = [*_earlier_of(entity), *later.get(entity.path, [])]
        one = open_.then(entity.path, "") or _find(open_, entity.path, names, catalog.entities, said)
        made.names[entity.path] = _take(made, open_, one, entity.path, taken)
        _columns(made, open_, catalog, entity, tables.get(made.names[entity.path]), later, old)
    for entity in catalog.entities.values():
        _of_the_engine(made, catalog, entity, tables.get(made.names[entity.path]))
    for left in open_.all():
        if left.retired is None:
            made.retired.append(left.path)
            made.rows[left.identity] = identity.retired(left, number)
    made.retired.sort()
    moved = {before: path for path, before in made.renamed.items() if path.count(".") == 1}
    for key, one in made.rows.items():  # what is retired goes along with its entity
        entity_path, _, name = one.path.rpartition(".")
        if one.retired is not None and entity_path in moved:
            made.rows[key] = replace(one, path=f"{moved[entity_path]}.{name}")
    return made


def _columns(
    made: Matching,
    open_: _Open,
    catalog: Catalog,
    entity: Entity,
    table: Table | None,
    later: Mapping[str, list[str]],
    old: Catalog | None,
) -> None:
    """The fields of an entity. A retired column keeps its values whatever takes its name: the new one gets another."""
    was = made.renamed.get(entity.path, entity.path)
    before = old.entities.get(was) if old is not None else None
    said: Mapping[str, str] = {}
    if before is not None and before is not entity:
        said = claims(_was(entity, was), _was(before, was), open_.retired)
    taken = {column.name for column in table.columns} if table is not None else set()
    states = {workflow.field for workflow in status_fields(catalog, entity)}
    for fld in entity.fields.values():
        path = f"{entity.path}.{fld.name}"
        if not has_column(fld) or fld.name in states:
            continue
        names = [f"{was}.{w}" for w in fld.was] + later.get(f"{was}.{fld.name}", [])
        known = {f"{was}.{name}" for name in entity.fields}
        fits = partial(_fits, table, Column("", kind_of(fld), scale_of(fld)), open_.back is not None)
        one = open_.then(path, was) or _find(open_, f"{was}.{fld.name}", names, known, said, fits)
        if one is not None and not fits(one):
            if one.retired is None:
                made.replaced[path] = one
                made.rows[one.identity] = identity.retired(one, made.number)
                open_.take(one)
            one = None
        made.names[path] = _take(made, open_, one, path, taken)


def _of_the_engine(made: Matching, catalog: Catalog, entity: Entity, table: Table | None) -> None:
    """The columns that no field declares: whom lines belong to, and states. They are where they were."""
    paths = (f"{entity.path}.{name}" for name in entity.fields)
    taken = {made.names[path] for path in paths if path in made.names}
    if entity.owned_by:
        owner = made.names[entity.owned_by]
        keys = table.foreign_keys if table is not None else ()
        there = next((k.column for k in keys if k.table == owner and k.on_delete == "cascade"), "")
        path = f"{entity.path}.{owner_of(entity)}"
        columns = {column.name for column in table.columns} if table is not None else set()
        made.names[path] = there or _free(by_default(path), taken | columns)
        taken.add(made.names[path])
    text = Column("", "text")
    for workflow in status_fields(catalog, entity):
        path = f"{entity.path}.{workflow.field}"
        unfit = {c.name for c in table.columns if fit(c, text) == "none"} if table is not None else set()
        made.names[path] = _free(by_default(path), taken | unfit)


_Names = Mapping[str, Sequence[str]]
"""Path → what it was called earlier, the newest first."""


def claims(now: _Names, before: _Names, retired: Container[str] = ()) -> dict[str, str]:
    """New path → old path of what is said to be called otherwise since, be it that names are exchanged or given anew,
    of all that there is and was. ``was`` that says the old name and then all that the old one was leaves no doubt; else
    it is one that was not there before, or no longer is. What was there (and may be ``retired``) and stays is
    itself, unless its name is taken and it takes another one's."""
    found: dict[str, str] = {}
    same = [path for path in now if path in before and [*now[path]] == [*before[path]]]
    other = [path for path in now if path not in same]
    for paths, told in (
        (other, _whole), (same, _itself), (other, _whole_back), (same, _whole), (now, _fresh), (now, _undone)
    ):  # fmt: skip
        for path in paths:
            taken = found.values()
            if path not in found and (first := next((o for o in told(path, now, before) if o not in taken), "")):
                found[path] = first
    found = {path: one for path, one in found.items() if path != one}
    known = [path for path in found if path in before or path in retired]
    while staying := [path for path in known if path in found and found[path] in now and found[path] not in found]:
        for path in staying:
            del found[path]
    return found


def _itself(path: str, now: _Names, before: _Names) -> Iterator[str]:
    """Unless somebody else says for the first time that he was it."""
    if not any(path in was[:1] and path not in before.get(one, ()) for one, was in now.items() if one != path):
        yield path


def _whole(path: str, now: _Names, before: _Names) -> Iterator[str]:
    """What it was, by all that is said of both; names that nobody had here, since revisions were left out, are passed
    over."""
    was = [*now[path]]
    at = next((n for n, one in enumerate(was) if one != path and one in before), len(was))
    if at < len(was) and was[at + 1 :] == [*before[was[at]]]:
        yield was[at]


def _whole_back(path: str, now: _Names, before: _Names) -> Iterator[str]:
    """Who was it, and is it again, by all that is said of both."""
    back = (one for one, earlier in before.items() if [*earlier] == [path, *now[path]])
    yield from (one for one in back if one in now or path not in before)


def _fresh(path: str, now: _Names, before: _Names) -> Iterator[str]:
    """What it is said to have been, and was not."""
    was, said = now[path], list(before.get(path, ()))
    yield from (one for one in was if one in before and one not in (*said, path))
    yield from (one for one in was[:1] if one in before and list(was) != said and one != path)


def _undone(path: str, now: _Names, before: _Names) -> Iterator[str]:
    """Who was said to have been it, and is no longer."""
    back = (one for one, earlier in before.items() if path in earlier and path not in now.get(one, ()))
    yield from (one for one in back if one != path and (one in now or path not in before))


def _earlier_of(entity: Entity) -> list[str]:
    """With the pack's name in front it was another pack's."""
    return [name if "." in name else f"{entity.path.rpartition('.')[0]}.{name}" for name in entity.was]


def _earlier(catalog: Catalog) -> dict[str, list[str]]:
    return {entity.path: _earlier_of(entity) for entity in catalog.entities.values()}


def _was(entity: Entity, at: str) -> dict[str, list[str]]:
    """Of fields, by their paths in the entity as it is called now."""
    return {f"{at}.{name}": [f"{at}.{w}" for w in fld.was] for name, fld in entity.fields.items()}


def _later(old: Catalog) -> dict[str, list[str]]:
    """Earlier name → what bears another one now: the way back of a rename."""
    out: dict[str, list[str]] = {}
    for entity in old.entities.values():
        for path in _earlier_of(entity):
            out.setdefault(path, []).append(entity.path)
        for field_ in entity.fields.values():
            for name in field_.was:
                out.setdefault(f"{entity.path}.{name}", []).append(f"{entity.path}.{field_.name}")
    return out


def _fits(table: Table | None, wanted: Column, back: bool, one: Identity) -> bool:
    """Text that was retired becomes a number only on the way back: else what bears its name is something new."""
    column = next((c for c in table.columns if c.name == one.physical), None) if table is not None else None
    if column is None or (one.retired is not None and not back and column.kind == "text" != wanted.kind):
        return False
    return fit(column, wanted) != "none"


@dataclass(frozen=True, slots=True)
class Back:
    """An earlier revision: its number, and where what it names lies."""

    number: int
    layout: Layout

    def among(self, path: str, known: Iterable[Identity]) -> Identity | None:
        """Who was called so then: whoever lies where that lay, and was born by then."""
        where = name_of(path, self.layout)
        return next((one for one in known if one.physical == where and one.born <= self.number), None)


class _Open:
    """Identities that nothing of the new metadata has taken yet, by path: living ones first, then the newest."""

    def __init__(self, held: Sequence[Identity], back: Back | None) -> None:
        self.back = back
        self.retired = {one.path for one in held if one.retired is not None}
        self._by_path: dict[str, list[Identity]] = {}
        for one in sorted(held, key=lambda i: (i.retired is not None, -(i.retired or 0))):
            self._by_path.setdefault(one.path, []).append(one)

    def at(self, path: str) -> Sequence[Identity]:
        return self._by_path.get(path, ())

    def take(self, one: Identity) -> None:
        self._by_path[one.path].remove(one)

    def then(self, path: str, holder: str) -> Identity | None:
        """Who was called so in the revision that is gone back to: an entity, or a field of what ``holder`` is now."""
        if self.back is None:
            return None
        fields = path.count(".") > 1
        known = (o for o in self.all() if (o.path.rpartition(".")[0] == holder if fields else o.path.count(".") == 1))
        return self.back.among(path, known)

    def all(self) -> list[Identity]:
        return [one for some in self._by_path.values() for one in some]


def _find(
    open_: _Open,
    path: str,
    was: Sequence[str],
    known: Container[str],
    said: Mapping[str, str],
    fits: Callable[[Identity], bool] = lambda _: True,
) -> Identity | None:
    """Who it is ``said`` to have been; else itself, living or the one that was retired last, whose values fit; else the
    newest of its earlier names that the tenant holds and nobody else bears; else itself, though it does not fit."""
    if path in said and (claimed := [one for one in open_.at(said[path]) if one.retired is None]):
        return claimed[0]
    own = [one for one in open_.at(path) if one.retired is not None or path not in said.values()]
    earlier = [one for name in was if name not in known for one in open_.at(name)]
    return next((one for one in (*own, *earlier) if fits(one)), own[0] if own else None)


def _take(made: Matching, open_: _Open, one: Identity | None, path: str, taken: set[str]) -> str:
    """What holds it in the database: what always has, or a name that is free."""
    if one is None:
        physical = _free(by_default(path), taken)
        taken.add(physical)
        made.fresh(path, physical)
        return physical
    open_.take(one)
    if one.retired is not None:
        made.restored.append(path)
    whole = path.count(".") == 1  # a field's path is another one when its entity's is
    if one.path != path and (whole or one.path.rpartition(".")[2] != path.rpartition(".")[2]):
        made.renamed[path] = one.path
    made.held[path] = one
    if whole or one.retired is not None or one.path != path:
        made.rows[one.identity] = replace(one, path=path, retired=None)
    return one.physical


def _free(name: str, taken: Container[str]) -> str:
    made, n = name, 1
    while made in taken:
        n += 1
        made = short(f"{name}__{n}")
    return made
