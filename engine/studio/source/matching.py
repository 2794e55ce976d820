"""Who is who: what the packs name now, and what the tenant holds, matched by name and by what it `was`."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from engine.catalog import Catalog, Entity
from engine.catalog.layout import NOTHING_RENAMED, Layout, by_default, name_of
from engine.compile.names import has_column, kind_of, owner_of, scale_of, status_fields
from engine.db.diff import fit
from engine.fieldtypes.shapes import holds
from engine.fieldtypes.storage import short
from engine.plan.table import Column, Table
from engine.read import Called, whole
from engine.tenants import identity
from engine.tenants.identity import Identity

Names = Mapping[str, Called]
"""By the paths of entities, of what is on and what is off."""


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
    asleep: dict[str, Identity] = field(default_factory=dict)
    """Path of what is off → its identity as it is now."""
    choices: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """On the way back to a revision: identity of a field → choice → what it was called then, where that is another."""

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
        turned = {one.path: new for new, one in self.asleep.items()}
        turned |= {old: new for new, old in self.renamed.items()}
        entity, _, name = path.rpartition(".")
        return turned.get(path) or (f"{turned[entity]}.{name}" if entity in turned else path)

    def fresh(self, path: str, physical: str) -> None:
        """A new one of this path; another one that was called so is not it."""
        one = identity.born(path, physical, self.number, self.rows)
        self.rows[one.identity] = one
        self.added.append(path)


NO_TYPES: Mapping[str, str] = {}


def match(
    held: Sequence[Identity],
    have: Sequence[Table],
    catalog: Catalog,
    number: int,
    names: tuple[Names, Names],
    back: Back | None = None,
    types: Mapping[str, str] = NO_TYPES,
) -> Matching:
    """``names`` are those that the text says, and those that the one before said: what it was called before it may be
    called again. ``back``: the catalog is that of an earlier revision, which knew who is who. ``types``: those of the
    fields there are, by path."""
    made = Matching(number, {one.identity: one for one in held}, started={one.identity: one for one in held})
    made.there = frozenset(table.name for table in have)
    tables = {table.name: table for table in have}
    taken = {table.name for table in have} | {one.physical for one in held if one.path.count(".") == 1}
    open_ = _Open(held, back, types)
    now, before = names
    later = _later(before)
    said = _claimed(open_, {at: one.was for at, one in now.items()}, {at: one.was for at, one in before.items()})
    for entity in catalog.entities.values():
        earlier = [*now[entity.path].was, *later.get(entity.path, [])]
        one = open_.then(entity.path, "") or _find(open_, entity.path, earlier, now, said)
        made.names[entity.path] = _take(made, open_, one, entity.path, taken)
        fields = _fields(open_, now[entity.path], one, before, later)
        _columns(made, open_, catalog, entity, tables.get(made.names[entity.path]), fields)
        _resting(made, fields, entity.path, entity.fields)
    for path in now:
        if path not in catalog.entities:
            one = _find(open_, path, [*now[path].was, *later.get(path, [])], now, said, open_.known)
            if one is not None and open_.known(one):
                made.asleep[path] = open_.take(one)
                _resting(made, _fields(open_, now[path], one, before, later), path)
    for entity in catalog.entities.values():
        layout = back.layout if back is not None else NOTHING_RENAMED
        _of_the_engine(made, catalog, entity, tables.get(made.names[entity.path]), layout)
    for left in (*open_.all(), *made.asleep.values()):
        if left.retired is None:
            made.retired.append(left.path)
            made.rows[left.identity] = identity.retired(left, number)
    made.retired.sort()
    _along(made)
    return made


def _along(made: Matching) -> None:
    """What is retired goes along with its entity, and what is off is called what the text calls it."""
    moved = {before: path for path, before in made.renamed.items() if path.count(".") == 1}
    moved |= {one.path: path for path, one in made.asleep.items() if path.count(".") == 1}
    for key, one in made.rows.items():
        entity, _, name = one.path.rpartition(".")
        if one.retired is not None and entity in moved:
            made.rows[key] = replace(one, path=f"{moved[entity]}.{name}")
    for path, one in made.asleep.items():
        made.rows[one.identity] = replace(made.rows[one.identity], path=path)
        _aside(made, path, made.rows[one.identity])


def _aside(made: Matching, path: str, mine: Identity) -> None:
    """Whoever bore the name of what is off until now, and is retired, would be taken for it when it is switched on."""
    asleep, taken = {one.identity for one in made.asleep.values()}, {one.path for one in made.rows.values()}
    since = mine.retired or 0
    left = {key: one for key, one in made.rows.items() if key not in asleep and (one.retired or 0) >= since}
    for key, one in left.items():
        if one.path == path:
            free = next(name for n in count(2) if (name := f"{path}~{n}") not in taken)
            taken.add(free)
            made.rows[key] = replace(one, path=free)
            for inside, other in left.items():
                if other.path.startswith(f"{path}."):
                    made.rows[inside] = replace(other, path=free + other.path.removeprefix(path))


@dataclass(frozen=True, slots=True)
class _Fields:
    """Whom to ask who the fields of an entity are, which ``was`` called so until now."""

    open_: _Open
    was: str
    earlier: Mapping[str, Sequence[str]]
    """Name → paths that it had."""
    said: Mapping[str, Identity]

    def find(self, name: str, fits: Callable[[Identity], bool]) -> Identity | None:
        known = {f"{self.was}.{one}" for one in self.earlier}
        return _find(self.open_, f"{self.was}.{name}", self.earlier[name], known, self.said, fits)


def _fields(
    open_: _Open, called: Called, one: Identity | None, before: Names, later: Mapping[str, list[str]]
) -> _Fields | None:
    """None of an entity that is new: whatever bears the names of its fields is another one's."""
    if one is None:
        return None
    was = one.path
    earlier = {name: [f"{was}.{w}" for w in names] for name, names in called.fields.items()}
    then = before[was].fields if was in before else {}
    said = _claimed(
        open_,
        {f"{was}.{name}": names for name, names in earlier.items()},
        {f"{was}.{name}": [f"{was}.{w}" for w in names] for name, names in then.items()},
    )
    return _Fields(open_, was, {n: [*names, *later.get(f"{was}.{n}", [])] for n, names in earlier.items()}, said)


def _columns(
    made: Matching, open_: _Open, catalog: Catalog, entity: Entity, table: Table | None, fields: _Fields | None
) -> None:
    """The fields of an entity. A retired column keeps its values whatever takes its name: the new one gets another."""
    taken = {column.name for column in table.columns} if table is not None else set()
    states = {workflow.field for workflow in status_fields(catalog, entity)}
    for fld in entity.fields.values():
        path = f"{entity.path}.{fld.name}"
        if not has_column(fld) or fld.name in states:
            continue
        one = None
        if fields is not None:
            fits = partial(_fits, table, Column("", kind_of(fld), scale_of(fld)), open_, fld.spec.type)
            one = open_.then(path, fields.was) or fields.find(fld.name, fits)
            if one is not None and not fits(one):
                if one.retired is None:
                    made.replaced[path] = one
                    made.rows[one.identity] = identity.retired(one, made.number)
                    open_.take(one)
                one = None
        made.names[path] = _take(made, open_, one, path, taken)


def _resting(made: Matching, fields: _Fields | None, path: str, awake: Container[str] = ()) -> None:
    """What the text names and is off has no table or column now; it is found by that name when it is switched on, and
    nobody else takes it for his own."""
    if fields is not None:
        for name in fields.earlier:
            if name not in awake and (one := fields.find(name, fields.open_.known)) and fields.open_.known(one):
                made.asleep[f"{path}.{name}"] = fields.open_.take(one)


def _of_the_engine(made: Matching, catalog: Catalog, entity: Entity, table: Table | None, layout: Layout) -> None:
    """The columns that no field declares: whom lines belong to, and states. They are where they were."""
    paths = (f"{entity.path}.{name}" for name in entity.fields)
    taken = {made.names[path] for path in paths if path in made.names}
    if entity.owned_by:
        owner = made.names[entity.owned_by]
        path = f"{entity.path}.{owner_of(entity)}"
        there = _owning(made, entity, table, owner, name_of(path, layout)) if table is not None else ""
        columns = {column.name for column in table.columns} if table is not None else set()
        made.names[path] = there or _free(by_default(path), taken | columns)
        taken.add(made.names[path])
    text = Column("", "text")
    for workflow in status_fields(catalog, entity):
        path = f"{entity.path}.{workflow.field}"
        unfit = {c.name for c in table.columns if fit(c, text) == "none"} if table is not None else set()
        made.names[path] = _free(by_default(path), taken | unfit)


def _claimed(open_: _Open, now: _Names, before: _Names) -> dict[str, Identity]:
    """New path → who is said to be called so since: whoever lives, or sleeps, under the old one."""
    found = claims(now, before, open_.retired) if now != before else {}
    return {path: known[0] for path, old in found.items() if (known := open_.at(old))}


def _owning(made: Matching, entity: Entity, table: Table, owner: str, name: str) -> str:
    """The column that says whom lines belong to, or said it when they were lines, which no field's is. Empty: none."""
    keys = (key.column for key in table.foreign_keys if key.table == owner and key.on_delete == "cascade")
    places = (entity.path, made.before(entity.path))
    fields = {one.physical for one in made.rows.values() if one.path.rpartition(".")[0] in places}
    left = (c.name for c in table.columns if c.name == name and c.kind == "uuid" and c.name not in fields)
    return next(iter((*keys, *left)), "")


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


def named(catalog: Catalog) -> dict[str, Called]:
    """Of what is on."""
    return {
        entity.path: Called(
            whole(entity.was, entity.path.rpartition(".")[0]), {name: fld.was for name, fld in entity.fields.items()}
        )
        for entity in catalog.entities.values()
    }


def together(some: Names, more: Names) -> Names:
    out = {**some, **more}
    for path in some.keys() & more.keys():
        out[path] = Called(more[path].was, {**some[path].fields, **more[path].fields})
    return out


def _later(before: Names) -> dict[str, list[str]]:
    """Earlier name → what bears another one now: the way back of a rename."""
    out: dict[str, list[str]] = {}
    for path, called in before.items():
        for was in called.was:
            out.setdefault(was, []).append(path)
        for name, earlier in called.fields.items():
            for was in earlier:
                out.setdefault(f"{path}.{was}", []).append(f"{path}.{name}")
    return out


def _fits(table: Table | None, wanted: Column, open_: _Open, kind: str, one: Identity) -> bool:
    """``kind``: the type of the field. Text that was retired becomes a number only on the way back: else what bears its
    name is something new."""
    column = next((c for c in table.columns if c.name == one.physical), None) if table is not None else None
    if column is None or (one.retired is not None and not open_.back and column.kind == "text" != wanted.kind):
        return False
    shaped = one.retired is not None or holds(open_.types.get(one.path, ""), kind)
    return shaped and fit(column, wanted) != "none"


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

    def __init__(self, held: Sequence[Identity], back: Back | None, types: Mapping[str, str]) -> None:
        self.back, self.types = back, types
        self.retired = {one.path for one in held if one.retired is not None}
        self._by_path: dict[str, list[Identity]] = {}
        for one in sorted(held, key=lambda i: (i.retired is not None, -(i.retired or 0))):
            self._by_path.setdefault(one.path, []).append(one)

    def at(self, path: str) -> Sequence[Identity]:
        return self._by_path.get(path, ())

    def take(self, one: Identity) -> Identity:
        self._by_path[one.path].remove(one)
        return one

    def known(self, one: Identity) -> bool:
        """In the revision that is gone back to; it does not say where that lies which was off in it."""
        return self.back is None or one.born <= self.back.number

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
    said: Mapping[str, Identity],
    fits: Callable[[Identity], bool] = lambda _: True,
) -> Identity | None:
    """Who it is ``said`` to have been; else itself, living or the one that was retired last, whose values fit; else the
    newest of its earlier names that the tenant holds and nobody else bears; else itself, though it does not fit."""
    if path in said and said[path] in open_.at(said[path].path):
        return said[path]
    claimed = said.values()
    own = [one for one in open_.at(path) if one not in claimed]
    earlier = [one for name in was if name not in known for one in open_.at(name) if one not in claimed]
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
