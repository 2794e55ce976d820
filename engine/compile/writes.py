"""How one table is written: insert, update, to the bin; each over a JSON array of rows."""

from __future__ import annotations

from dataclasses import dataclass

from engine.catalog import Catalog, Entity
from engine.compile import chain, tables, texts
from engine.compile.chain import Derived
from engine.compile.draft import Draft, writing
from engine.compile.late import Late
from engine.compile.names import (
    COMPANIONS,
    ELEMENT,
    LEDGER,
    Column,
    column_of,
    columns_of,
    owner_of,
    status_fields,
    table_of,
)
from engine.fieldtypes.storage import has, link_table, quote
from engine.plan.entity import LinkWrite
from engine.plan.statement import Dialect, Statement

_ENGINE = ("id", "rev", "created_at", "created_by", "updated_at", "updated_by", "deleted_at")


@dataclass(frozen=True, slots=True)
class Shape:
    """An entity's columns by who gives them, and what is derived when."""

    catalog: Catalog
    entity: Entity
    table: str
    columns: tuple[Column, ...]
    inputs: tuple[Column, ...]
    row: tuple[Derived, ...]
    """Derived from the row itself, its owner and what it refers to."""
    late: tuple[Derived, ...]
    """Derived from children, or from what is; left to the passes."""
    followed: tuple[Derived, ...]
    """Defaults that follow until typed."""

    @property
    def derived(self) -> tuple[Derived, ...]:
        return (*self.row, *self.late)

    @property
    def typed(self) -> bool:
        return any(c.name == "_typed" for c in self.columns)


def shape(catalog: Catalog, entity: Entity, late: Late) -> Shape:
    columns = columns_of(catalog, entity)
    made = chain.derived(catalog, entity)
    fixed = {d.name for d in made if d.how != "default"}
    fixed |= {f.name for f in entity.fields.values() if f.keep}
    fixed |= {name for name, _, _ in LEDGER} | {ELEMENT} | set(_ENGINE[1:])
    return Shape(
        catalog,
        entity,
        table_of(catalog, entity.path),
        columns,
        tuple(c for c in columns if c.called not in fixed),
        tuple(d for d in made if d.name not in late.of(entity.path)),
        tuple(d for d in made if d.name in late.of(entity.path)),
        tuple(d for d in made if d.how == "default" and d.follows),
    )


def insert(shape: Shape, dialect: Dialect) -> Statement:
    draft = Draft(dialect)
    born = births(draft, shape)
    return writing(draft, f"{born.text} {inserting(shape, born)} RETURNING {quote(shape.table)}.id")


def inserting(shape: Shape, born: chain.Links) -> str:
    names = ", ".join(quote(c.name) for c in shape.columns)
    return f"INSERT INTO {quote(shape.table)} ({names}) SELECT {names} FROM {born.last}"


def births(draft: Draft, shape: Shape) -> chain.Links:
    """System columns, then what was given, then defaults, finds and computes where nothing was."""
    source = draft.rows([(c.called, c.kind, c.scale) for c in shape.inputs], "i")
    base = [f"{sql} AS {quote(name)}" for name, sql in _born(draft, shape).items()]
    have = {c.called for c in shape.inputs}
    states = {w.field: w.initial for w in status_fields(shape.catalog, shape.entity)}
    made = {d.name: d for d in shape.derived}
    for c in shape.columns:
        if c.called in _ENGINE or c.called == "_typed":
            continue
        given = f"i.{quote(c.called)}" if c.called in have else _empty(draft, c)
        if c.called in states:
            given = f"COALESCE({given}, {draft.text(states[c.called])})"
        elif c.called == "position":
            given = f"COALESCE({given}, i._n)"
        elif c.called in made:
            base.append(f"{given} AS {quote('_i_' + c.name)}")
            base.append(f"{_stands(draft, shape, made[c.called], None)} AS {quote('_t_' + c.name)}")
            continue
        base.append(f"{given} AS {quote(c.name)}")
    steps = _steps(draft, shape)
    late = {d.column: quote("_i_" + d.column) for d in shape.late}
    return chain.links(
        draft,
        shape.catalog,
        shape.entity,
        f"SELECT {', '.join(base)} FROM {source}",
        [*steps, *([late] if late else [])],
    )


def _born(draft: Draft, shape: Shape) -> dict[str, str]:
    now, me = draft.now(), draft.me()
    out = {
        "id": "i.id",
        "rev": "1",
        "created_at": now,
        "created_by": me,
        "updated_at": now,
        "updated_by": me,
        "deleted_at": draft.cast("datetime", 0, "NULL"),
    }
    if shape.typed:
        out["_typed"] = _typed_json(draft, shape, None)
    return out


def _empty(draft: Draft, column: Column) -> str:
    return draft.cast(column.kind, column.scale, "NULL")


def _steps(draft: Draft, shape: Shape) -> list[list[Derived]]:
    return chain.levels(shape.row)


def _stands(draft: Draft, shape: Shape, made: Derived, stored: str | None) -> str:
    """Whether the value given or stored stands, rather than the expression's; ``stored`` is the table's alias."""
    no = texts.no(draft.dialect)
    if made.how != "default":
        return no
    given = has(made.name, draft.dialect)
    if not made.follows:
        return given if stored is None else texts.yes(draft.dialect)
    return _typed(draft, made, stored)


def _typed(draft: Draft, made: Derived, stored: str | None) -> str:
    """Whether a person typed the field: as the row says, else as it was before or is given now."""
    given = has(made.name, draft.dialect)
    before = texts.holds_text(draft.dialect, f"{stored}._typed", made.column) if stored else ""
    otherwise = f"({before} OR {given})" if before else given
    said = texts.holds_text(draft.dialect, 'i."_typed"', made.column)
    return f"CASE WHEN {has('_typed', draft.dialect)} THEN {said} ELSE {otherwise} END"


def _typed_json(draft: Draft, shape: Shape, stored: str | None) -> str:
    parts = [
        f"CASE WHEN {_typed(draft, d, stored)} THEN {draft.text(f'{chr(34)}{d.column}{chr(34)},')} ELSE '' END"
        for d in shape.followed
    ]
    joined = " || ".join(parts) or "''"
    made = f"'[' || rtrim({joined}, ',') || ']'"
    return f"({made})::jsonb" if draft.dialect == "postgresql" else made


def update(shape: Shape, dialect: Dialect) -> Statement:
    draft = Draft(dialect)
    made = changes(draft, shape, quote(shape.table))
    return writing(draft, f"{made.text} {updating(shape.table, made, kept(shape))} RETURNING {quote(shape.table)}.id")


def kept(shape: Shape) -> list[str]:
    """The columns that an update may change."""
    fixed = {w.field for w in status_fields(shape.catalog, shape.entity)} | {owner_of(shape.entity)}
    keep = {"id", "created_at", "created_by", "deleted_at", *fixed}
    return [c.name for c in shape.columns if c.called not in keep]


def changes(draft: Draft, shape: Shape, held: str) -> chain.Links:
    """A column left out keeps what the rows ``held`` hold; what follows is computed anew, unless the document is in
    force."""
    dialect = draft.dialect
    source = draft.rows([(c.called, c.kind, c.scale) for c in shape.inputs], "i")
    have = {c.called for c in shape.inputs}
    fixed = {w.field for w in status_fields(shape.catalog, shape.entity)} | {owner_of(shape.entity)}
    made = {d.name: d for d in shape.derived}
    now, me = draft.now(), draft.me()
    base = ["t.id AS id", "t.rev + 1 AS rev", "t.created_at AS created_at", "t.created_by AS created_by"]
    base += [f"{now} AS updated_at", f"{me} AS updated_by", "t.deleted_at AS deleted_at"]
    if shape.typed:
        base.append(f"{_typed_json(draft, shape, 't')} AS _typed")
    frozen = texts.frozen(dialect, shape.catalog, shape.entity, "t")
    for c in shape.columns:
        if c.called in _ENGINE or c.called == "_typed":
            continue
        stored = f"t.{quote(c.name)}"
        given = stored
        if c.called in have and c.called not in fixed:
            given = f"CASE WHEN {has(c.called, dialect)} THEN i.{quote(c.called)} ELSE {stored} END"
        if c.called in made:
            stands = _stands(draft, shape, made[c.called], "t")
            if frozen and made[c.called].follows:
                stands = f"({frozen} OR {stands})"
            base.append(f"{given} AS {quote('_i_' + c.name)}")
            base.append(f"{stands} AS {quote('_t_' + c.name)}")
        else:
            base.append(f"{given} AS {quote(c.name)}")
    late = {d.column: quote("_i_" + d.column) for d in shape.late}
    return chain.links(
        draft,
        shape.catalog,
        shape.entity,
        f"SELECT {', '.join(base)} FROM {source} JOIN {held} AS t ON t.id = i.id",
        [*_steps(draft, shape), *([late] if late else [])],
    )


def updating(table: str, made: chain.Links, columns: list[str]) -> str:
    """UPDATE of the rows the chain ends with."""
    sets = ", ".join(f"{quote(c)} = {made.last}.{quote(c)}" for c in columns)
    return f"UPDATE {quote(table)} SET {sets} FROM {made.last} WHERE {quote(table)}.id = {made.last}.id"


def remove(shape: Shape, dialect: Dialect) -> Statement:
    """To the bin; the time of it says what went together."""
    draft = Draft(dialect)
    source = draft.rows([("id", "uuid", 0)], "i")
    now, me = draft.now(), draft.me()
    table = quote(shape.table)
    return writing(
        draft,
        f"UPDATE {table} SET deleted_at = {now}, updated_at = {now}, updated_by = {me}, rev = {table}.rev + 1"
        f" WHERE {table}.id IN (SELECT i.id FROM {source}) AND {table}.deleted_at IS NULL RETURNING {table}.id",
    )


def links(shape: Shape, dialect: Dialect) -> tuple[LinkWrite, ...]:
    """Sets of references: the row's column is what people wrote, its links are what the database can follow."""
    return tuple(_link(shape, field.name, dialect) for field in tables.sets_of(shape.catalog, shape.entity))


def _link(shape: Shape, name: str, dialect: Dialect) -> LinkWrite:
    stored = column_of(shape.catalog, shape.entity.path, name)
    table, column = quote(link_table(shape.table, stored)), f"t.{quote(stored)}"
    if dialect == "sqlite":
        held, value, place = f"json_each({column}) AS e", "e.value", "e.key"
    else:
        held, value, place = f"jsonb_array_elements_text({column}) WITH ORDINALITY AS e(v, n)", "e.v::uuid", "e.n"
    rows = f"{quote(shape.table)} AS t"
    draft = Draft(dialect)
    drop = writing(
        draft,
        f"DELETE FROM {table} WHERE {draft.among(f'{table}.owner')} AND NOT EXISTS (SELECT 1 FROM {rows}, {held}"
        f" WHERE t.id = {table}.owner AND {value} = {table}.target)",
    )
    draft = Draft(dialect)
    add = writing(
        draft,
        f"INSERT INTO {table} (owner, target, position) SELECT t.id, {value}, {place} FROM {rows}, {held}"
        f" WHERE {draft.among('t.id')} ON CONFLICT (owner, target) DO UPDATE SET position = excluded.position",
    )
    return LinkWrite(name, drop, add)


def companions(shape: Shape, dialect: Dialect) -> Statement | None:
    """What people search and sort by, made by the writer from the document it read back."""
    if not any(c.name in COMPANIONS for c in shape.columns):
        return None
    draft = Draft(dialect)
    source = draft.rows([("id", "uuid", 0), *((name, "text", 0) for name in COMPANIONS)], "i")
    table = quote(shape.table)
    return writing(
        draft,
        f"UPDATE {table} SET _sort = i._sort, _find = i._find FROM {source} WHERE {table}.id = i.id"
        f" RETURNING {table}.id",
    )
