"""Choices that are called otherwise (`was:`): what records hold follows, in the change. One that becomes several is for
people to decide, record by record."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.catalog import Catalog, Entity, Field
from engine.compile.names import column_of, has_column, kind_of, table_of
from engine.db import Body, Call, Database
from engine.db.beside import LARGE
from engine.db.diff import Difference, TableChange
from engine.db.steps import Ready
from engine.fieldtypes.spec import Option
from engine.fieldtypes.storage import literal, quote
from engine.label import Label
from engine.plan.change import Line, Risk
from engine.plan.statement import Dialect
from engine.plan.table import Table
from engine.studio.follow.batches import BESIDE
from engine.studio.source.matching import Matching, claims
from engine.tenants.identity import Identity


@dataclass(frozen=True, slots=True)
class Recoded:
    """``names``: what is stored now → what will be, in a column that holds one (``text``) or several (``json``)."""

    path: str
    table: str
    column: str
    kind: str
    names: Mapping[str, str]
    where: str = ""
    identity: str = ""
    joins: bool = False
    """One of them becomes what some records hold already."""

    def holding(self, dialect: Dialect) -> str:
        return holding(dialect, self.kind, self.column, "IN", self.names)

    def value(self, dialect: Dialect, row: str) -> str:
        """What shall be held, whatever is held now; ``row`` stands before the column. Two that become one are held
        once, where the first of them was."""
        column = f"{row}{quote(self.column)}"
        if self.kind == "text":
            return self._one(column)
        if dialect == "sqlite":
            rows = f"SELECT {self._one('e.value')} AS v FROM {_each(dialect, column)} GROUP BY 1 ORDER BY min(e.key)"
            several = f"(SELECT json_group_array(w.v) FROM ({rows}) AS w)"
        else:
            rows = f"{_each(dialect, column)} GROUP BY 1"
            once = f"SELECT {self._one('e.value')} AS v, min(e.n) AS n FROM {rows}"
            several = f"(SELECT COALESCE(jsonb_agg(w.v ORDER BY w.n), '[]'::jsonb) FROM ({once}) AS w)"
        return f"CASE WHEN {column} IS NOT NULL THEN {several} END"

    def _one(self, sql: str) -> str:
        whens = " ".join(f"WHEN {literal(old)} THEN {literal(new)}" for old, new in self.names.items())
        return f"CASE {sql} {whens} ELSE {sql} END"


def holding(dialect: Dialect, kind: str, column: str, how: Literal["IN", "NOT IN"], names: Iterable[str]) -> str:
    """A condition: the row ``t`` holds one of them, or something else, in a column of choices."""
    wanted, value = f"{how} ({', '.join(literal(name) for name in names)})", f"t.{quote(column)}"
    if kind == "text":  # it may be a number until it becomes a choice
        return f"CAST({value} AS text) {wanted}"
    return f"EXISTS (SELECT 1 FROM {_each(dialect, value)} WHERE COALESCE(e.value, '') {wanted})"


def _each(dialect: Dialect, value: str) -> str:
    """The relation ``e`` of what a list holds; anything else is one thing, called as no choice is."""
    if dialect == "sqlite":
        kind, several, each = "json_type", "json_array", "json_each({}) AS e"
    else:
        kind, several = "jsonb_typeof", "jsonb_build_array"
        each = "jsonb_array_elements_text({}) WITH ORDINALITY AS e(value, n)"
    return each.format(f"CASE WHEN {kind}({value}) <> 'array' THEN {several}({several}({value})) ELSE {value} END")


def options_of(catalog: Catalog | None, path: str) -> tuple[Option, ...] | None:
    """The choices of a field; None where it is not known."""
    entity, _, name = path.rpartition(".")
    known = catalog.entities.get(entity) if catalog is not None else None
    field = known.fields.get(name) if known is not None else None
    return field.spec.options if field is not None else None


def choosing(new: Catalog, made: Matching) -> Iterator[tuple[Entity, Field, Identity]]:
    """The fields of choices whose values are held."""
    for entity in new.entities.values():
        for field in entity.fields.values():
            one = made.held.get(field.path)
            if one is not None and has_column(field) and field.spec.options:
                yield entity, field, one


def becoming(old: Catalog | None, made: Matching, one: Identity, now: Sequence[Option]) -> dict[str, list[str]]:
    """Choice that is called otherwise or gone → those that it becomes, of the field that lies there."""
    known = made.choices.get(one.identity)
    if known is not None:
        return known
    return followed(options_of(old, one.path) or (), now) if one.retired is None else rested(now)


def rested(now: Sequence[Option]) -> dict[str, list[str]]:
    """The same of a field that comes back, whose records may hold any name of before: those that are choices no more
    and that some say they were. Not where such a one was called otherwise itself meanwhile: who knows which it is."""
    names, was = {one.name for one in now}, {was for one in now for was in one.was if was != one.name}
    out: dict[str, list[str]] = {}
    for one in now:
        for name in (w for w in one.was if w not in names):
            out.setdefault(name, []).append(one.name)
    return {name: [] if len(after) == 1 and after[0] in was else after for name, after in out.items()}


def followed(before: Sequence[Option], now: Sequence[Option]) -> dict[str, list[str]]:
    """The same by what both say: names may have been exchanged, or given to others. ``was`` that was said before has
    been followed; two that say it are for people to decide all the same."""
    names, had = {one.name: one.was for one in now}, {one.name: one.was for one in before}
    said = claims(names, had)
    moved = {was: name for name, was in said.items()} | _undone(names, had, said)
    out: dict[str, list[str]] = {}
    for one in before:
        tell = [o.name for o in now if one.name in o.was and o.name != one.name]
        newly = [name for name in tell if one.name not in had.get(name, ())]
        if one.name in names:
            if one.name in moved and len(newly) < 2:
                out[one.name] = [moved[one.name]]
            elif one.name in said and newly:
                out[one.name] = newly
            continue
        back = (w for w in one.was if w in names and w not in had)
        after = [*dict.fromkeys((*newly, *back, *([moved[one.name]] if one.name in moved else ())))]
        out[one.name] = after or (tell if len(tell) > 1 else [])
    return out


def _undone(
    now: Mapping[str, Sequence[str]], before: Mapping[str, Sequence[str]], said: Mapping[str, str]
) -> dict[str, str]:
    """Choice → what it was called, on the way back of names that were handed on: from those that are gone."""
    back, out = claims(before, now), dict[str, str]()
    for name in (one for one in before if one not in now):
        at = name
        while at in before and at in back and at not in out and back[at] not in said:
            out[at] = back[at]
            at = out[at]
    return out


def recoded(old: Catalog, new: Catalog, made: Matching) -> Iterator[Recoded]:
    for entity, field, one in choosing(new, made):
        found = becoming(old, made, one, field.spec.options)
        names = {gone: after[0] for gone, after in found.items() if len(after) == 1}
        if names:
            table, column = table_of(new, entity.path), column_of(new, entity.path, field.name)
            there = options_of(old, one.path) if one.retired is None else ()
            staying = {option.name for option in there or ()} - {*names}
            joins = bool(staying & {*names.values()})
            yield Recoded(field.path, table, column, kind_of(field), names, str(field.where), one.identity, joins)


async def lines(database: Database, old: Catalog, new: Catalog, made: Matching) -> list[Line]:
    out = []
    for one in recoded(old, new, made):
        counted = f"SELECT count(*), count(CASE WHEN {one.holding(database.dialect)} THEN 1 END)"
        whole, rows = (int(n) for n in (await database.read(f"{counted} FROM {quote(one.table)} AS t"))[0])
        told = ", ".join(f"{before} → {after}" for before, after in one.names.items())
        wait = BESIDE if whole >= LARGE else Label("写入等待这些行改完", "writers wait until these rows are written")
        wait = wait if rows else Label()
        says = Label(f"选项改名 {told}，记录随之", f"choices are called otherwise: {told}; records follow")
        back = len(set(one.names.values())) == len(one.names) and not one.joins
        risk: Risk = "online" if rows else "safe"
        line = Line("recoded", one.path, risk, says, rows, wait, back, where=one.where)
        out.append(replace(line, identity=one.identity, names=one.names))
    return out


def with_values(made: Difference, have: Iterable[Table], found: Iterable[Recoded], dialect: Dialect) -> Difference:
    """The difference with what columns shall hold: tables that stay as they are change too."""
    values: dict[str, dict[str, str]] = {}
    for one in found:
        values.setdefault(one.table, {})[one.column] = one.value(dialect, "{0}")
    changes = [replace(c, recoded=values.pop(c.after.name, {})) if c.before is not None else c for c in made.changes]
    changes += [TableChange(table, table, recoded=values[table.name]) for table in have if table.name in values]
    return replace(made, changes=tuple(changes))


def calls(
    old: Catalog | None,
    new: Catalog,
    made: Matching,
    dialect: Dialect,
    ready: Ready,
    tables: Iterable[Table] = (),
    anew: Container[str] = (),
) -> Body[None]:
    """In the transaction of the change, once the ``tables`` are what they shall be: what was neither done ahead nor
    when they were made ``anew``; names that are exchanged would be so twice. Versions do not count up."""
    unique = {(t.name, name) for t in tables for index in t.indexes if index.unique for name in index.columns}
    for one in recoded(old, new, made) if old is not None else ():
        if one.table in ready.swaps or one.table in anew or (one.table, one.column) in ready.other:
            continue
        column, value = quote(one.column), one.value(dialect, "t.")
        update = f"UPDATE {quote(one.table)} AS t SET {column} ="
        if one.kind == "text" and (one.table, one.column) in unique and {*one.names} & {*one.names.values()}:
            # databases look row by row whether it is unique: no row may bear a name that another one still has
            yield Call(f"{update} '=' || {value} WHERE {one.holding(dialect)}")
            yield Call(f"{update} substr(t.{column}, 2) WHERE substr(t.{column}, 1, 1) = '='")
            continue
        yield Call(f"{update} {value} WHERE {one.holding(dialect)}")
