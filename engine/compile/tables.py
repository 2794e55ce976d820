"""Catalog → tables: real types, references, what the database itself refuses, and indexes that are used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.catalog import Catalog, Entity, Field, Unique
from engine.compile import emit
from engine.compile.names import (
    COMPANIONS,
    Column,
    column_of,
    columns_of,
    has_column,
    index_name,
    kind_of,
    owner_column,
    table_of,
)
from engine.fieldtypes.storage import link_table, quote, short
from engine.plan import table as plan
from engine.plan.statement import Dialect

LIVING = "deleted_at IS NULL"
_MOST_EMPTY = 3
"""Unique keys that count empty values as the same need an index per set of empty columns: at most 2**3."""


def tables(
    catalog: Catalog, guarded: Mapping[str, Iterable[tuple[str, ...]]], dialect: Dialect
) -> tuple[plan.Table, ...]:
    """``guarded``: per entity the columns that cross-row checks look it up by."""
    out = []
    for entity in catalog.entities.values():
        out.append(_table(catalog, entity, tuple(guarded.get(entity.path, ())), dialect))
        out += [_links(catalog, entity, field) for field in sets_of(catalog, entity)]
    return tuple(out)


def sets_of(catalog: Catalog, entity: Entity) -> tuple[Field, ...]:
    """The entity's stored sets of references to what is there."""
    return tuple(
        f for f in entity.fields.values() if f.spec.type == "refs" and has_column(f) and f.target in catalog.entities
    )


def _links(catalog: Catalog, entity: Entity, field: Field) -> plan.Table:
    """A set of references as the database can follow and index it; the record's own column says the same in order."""
    owner = table_of(catalog, entity.path)
    name = link_table(owner, column_of(catalog, entity.path, field.name))
    return plan.Table(
        name,
        (
            plan.Column("owner", "uuid", nullable=False),
            plan.Column("target", "uuid", nullable=False),
            plan.Column("position", "integer", nullable=False),
        ),
        ("owner", "target"),
        foreign_keys=(
            plan.ForeignKey(short(f"{name}_owner_fk"), "owner", owner, "cascade"),
            plan.ForeignKey(short(f"{name}_target_fk"), "target", table_of(catalog, field.target)),
        ),
        indexes=(plan.Index(index_name(name, ("target",)), ("target",)),),
    )


def _table(catalog: Catalog, entity: Entity, guarded: tuple[tuple[str, ...], ...], dialect: Dialect) -> plan.Table:
    name = table_of(catalog, entity.path)
    columns = columns_of(catalog, entity)
    required = _always_required(entity)
    uniques = _uniques(name, catalog, entity, dialect)
    return plan.Table(
        name,
        tuple(plan.Column(c.name, c.kind, c.scale, c.nullable and c.called not in required) for c in columns),
        foreign_keys=_foreign_keys(name, catalog, entity, columns),
        checks=(*_type_checks(name, columns), *_row_checks(name, catalog, entity)),
        indexes=(*uniques, *_useful(name, catalog, entity, columns, guarded, uniques)),
        entity=entity.path,
    )


def _always_required(entity: Entity) -> frozenset[str]:
    """Fields that no row may lack, not even a draft. A default may come out empty, so it leaves the sentence to the
    document's checks."""
    return frozenset(
        f.name
        for f in entity.fields.values()
        if f.required is True and f.input and f.visible is None and (f.default is None or _given(f))
    )


def _given(field: Field) -> bool:
    """Whether the default is a value for sure; that of a reference is a key that may not be there."""
    return field.default is not None and field.default.literal is not None and kind_of(field) != "uuid"


def _foreign_keys(
    name: str, catalog: Catalog, entity: Entity, columns: tuple[Column, ...]
) -> tuple[plan.ForeignKey, ...]:
    out = []
    if entity.owned_by:
        column = owner_column(catalog, entity)
        out.append(plan.ForeignKey(short(f"{name}_{column}_fk"), column, table_of(catalog, entity.owned_by), "cascade"))
    for c in columns:
        if c.field is not None and c.kind == "uuid" and target_of(catalog, entity, c):
            out.append(
                plan.ForeignKey(short(f"{name}_{c.name}_fk"), c.name, table_of(catalog, target_of(catalog, entity, c)))
            )
    return tuple(out)


def target_of(catalog: Catalog, entity: Entity, column: Column) -> str:
    """The entity a reference column points at, when it is there."""
    assert column.field is not None
    target = column.field.target or (entity.path if column.field.spec.type == "tree" else "")
    if column.field.spec.type == "user":
        target = target or catalog.people.users
    return target if target in catalog.entities else ""


def _type_checks(name: str, columns: tuple[Column, ...]) -> list[plan.TableCheck]:
    """SQLite turns an integer that overflows into a float without a word; the table refuses it."""
    return [
        plan.TableCheck(short(f"{name}_{c.name}_whole"), f"typeof({quote(c.name)}) IN ('integer', 'null')", "")
        for c in columns
        if c.kind in ("decimal", "integer", "duration", "datetime") and c.field is not None
    ]


def _row_checks(name: str, catalog: Catalog, entity: Entity) -> list[plan.TableCheck]:
    """The pack's own checks that one row decides for good, whoever asks and whenever."""
    out = []
    for check in entity.checks.values():
        steady = check.that is not None and check.at in ("save", "always") and check.when is None
        plain = not (check.override or check.reason or check.message.zh.holes or check.message.en.holes)
        if steady and plain and check.level.expr is None and check.level.literal == "error":
            assert check.that is not None
            made = (emit.of_table("sqlite", check.that), emit.of_table("postgresql", check.that))
            if made[0] and made[1]:
                out.append(plan.TableCheck(short(f"{name}_{check.name}_holds"), made[0], made[1], check.name))
    return out


def _uniques(name: str, catalog: Catalog, entity: Entity, dialect: Dialect) -> tuple[plan.Index, ...]:
    out: list[plan.Index] = []
    for unique in entity.uniques.values():
        out += _unique(name, catalog, entity, unique, dialect)
    if entity.kind == "ledger":
        out.append(plan.Index(short(f"{name}_mirrors_key"), ("_mirrors",), unique=True))
        key = ("_source_line", "_posting", "_round")
        out.append(plan.Index(short(f"{name}_posted_key"), key, unique=True, where="_mirrors IS NULL"))
    return tuple(out)


def _unique(name: str, catalog: Catalog, entity: Entity, unique: Unique, dialect: Dialect) -> Iterable[plan.Index]:
    where = LIVING
    if unique.rows is not None:
        where += f" AND {emit.of_table(dialect, unique.rows)}"
    columns = tuple(column_of(catalog, entity.path, f) for f in unique.fields)
    first = plan.Index(short(f"{name}_{unique.name}_key"), columns, unique=True, where=where)
    if unique.nulls == "distinct":
        return (first,)
    loose = [c for f, c in zip(unique.fields, columns, strict=True) if f in entity.fields][:_MOST_EMPTY]
    out = [first]
    for n in range(1, 2 ** len(loose)):
        empty = tuple(f for at, f in enumerate(loose) if n >> at & 1)
        full = tuple(c for c in columns if c not in empty) or ("deleted_at",)
        if full == ("deleted_at",):
            continue
        narrowed = " AND ".join((where, *(f"{quote(f)} IS NULL" for f in empty)))
        out.append(plan.Index(short(f"{name}_{unique.name}_{n}_key"), full, unique=True, where=narrowed))
    return out


def _useful(
    name: str,
    catalog: Catalog,
    entity: Entity,
    columns: tuple[Column, ...],
    guarded: tuple[tuple[str, ...], ...],
    uniques: tuple[plan.Index, ...],
) -> list[plan.Index]:
    """References, place and date, owner and position, orders of lists, what cross-row checks look up."""
    have = {c.name for c in columns}
    known_as = {c.called: c.name for c in columns}
    wanted: list[tuple[str, ...]] = []
    if entity.owned_by:
        wanted.append((owner_column(catalog, entity), "position"))
    dates = [c.name for c in columns if c.field is not None and c.kind == "date"]
    if entity.scope in known_as:
        wanted.append((known_as[entity.scope], *dates[:1], "id"))
    wanted += [key for key in guarded if set(key) <= have]
    if entity.kind == "ledger":
        wanted += [("_source_id", "_posting")]
    for shown in catalog.lists.values():
        if shown.of == entity.path and shown.sort and shown.sort[0].path in known_as:
            wanted.append((known_as[shown.sort[0].path], "id"))
    if "_sort" in have:
        wanted.append(("_sort", "id"))
    wanted += [(c.name,) for c in columns if c.kind == "uuid" and c.field is not None]
    known = [i.columns for i in uniques if i.where == LIVING]
    out: list[plan.Index] = []
    for key in sorted(dict.fromkeys(wanted), key=lambda k: (-len(k), wanted.index(k))):
        covered = any(other[: len(key)] == key for other in (*known, *(i.columns for i in out)))
        if not covered and key[0] != "id" and key[0] not in COMPANIONS[1:]:
            out.append(plan.Index(index_name(name, key), key))
    return sorted(out, key=lambda i: i.name)
