"""Small pieces of SQL that need no expression: constants, JSON membership, states, look-ups by key."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from engine.catalog import Catalog, Entity
from engine.compile.draft import Draft
from engine.compile.names import column_of, kind_of, owner_column, scale_of, table_of
from engine.fieldtypes import REGISTRY
from engine.fieldtypes.storage import KINDS, bind, column_type, json_object, literal, quote
from engine.plan.statement import Dialect


def constant(dialect: Dialect, kind: str, scale: int, value: Any) -> str:
    """A Python value as SQL of its storage kind."""
    if value is None:
        return null(dialect, kind, scale)
    if isinstance(value, bool):
        return {True: "TRUE", False: "FALSE"}[value] if dialect == "postgresql" else str(int(value))
    if dialect == "sqlite":
        bound = bind(kind, scale, dialect, value)
        return str(bound) if isinstance(bound, int) else literal(str(bound))
    text = KINDS[kind].rows(value, scale)
    if isinstance(text, int) and not isinstance(text, bool):
        return f"{text}::{column_type(kind, scale, dialect)}"
    if isinstance(text, Decimal | date | datetime | time):
        text = str(text)
    shown = text if isinstance(text, str) else KINDS[kind].postgresql_bind(value, scale)
    return typed(kind, scale, literal(str(shown)))


def null(dialect: Dialect, kind: str, scale: int) -> str:
    return "NULL" if dialect == "sqlite" else typed(kind, scale, "NULL")


def typed(kind: str, scale: int, sql: str) -> str:
    """PostgreSQL: ``sql`` with its type, text in the order of code points."""
    name, _, collation = column_type(kind, scale, "postgresql").partition(" ")
    return f"({sql}::{name} {collation})" if collation else f"{sql}::{name}"


def yes(dialect: Dialect) -> str:
    return "TRUE" if dialect == "postgresql" else "1"


def no(dialect: Dialect) -> str:
    return "FALSE" if dialect == "postgresql" else "0"


def holds_text(dialect: Dialect, sql: str, text: str) -> str:
    """Whether a JSON array holds a text; FALSE when there is no array."""
    if dialect == "postgresql":
        return f"COALESCE({sql} ? {literal(text)}, FALSE)"
    return f"EXISTS (SELECT 1 FROM json_each({sql}) AS e WHERE e.value = {literal(text)})"


def equal(dialect: Dialect, one: str, other: str) -> str:
    """NULL equals NULL."""
    return f"{one} {'IS NOT DISTINCT FROM' if dialect == 'postgresql' else 'IS'} {other}"


def object_text(dialect: Dialect, pairs: list[tuple[str, str]]) -> str:
    """A JSON object as text."""
    return f"({json_object(dialect, pairs)})::text" if dialect == "postgresql" else json_object(dialect, pairs)


def differs(dialect: Dialect) -> str:
    return "IS DISTINCT FROM" if dialect == "postgresql" else "IS NOT"


def frozen(dialect: Dialect, catalog: Catalog, entity: Entity, alias: str) -> str:
    """A condition, never NULL: the row's document is in force, so what was computed stays. Empty: it never is."""
    root = catalog.root_of(entity)
    tests = []
    for path in root.workflows:
        workflow = catalog.workflows[path]
        if workflow.effective:
            states = ", ".join(literal(s) for s in workflow.effective)
            state = of_root(catalog, entity, alias, workflow.field)
            tests.append(f"COALESCE({state} IN ({states}), {no(dialect)})")
    return f"({' OR '.join(tests)})" if tests else ""


def of_root(catalog: Catalog, entity: Entity, alias: str, column: str) -> str:
    """What the root calls ``column``, seen from a row of the root or of its lines."""
    if not entity.owned_by:
        return f"{alias}.{quote(column_of(catalog, entity.path, column))}"
    owner = catalog.entities[entity.owned_by]
    up = f"{alias}_o"
    return (
        f"(SELECT {of_root(catalog, owner, up, column)} FROM {quote(table_of(catalog, owner.path))} AS {up}"
        f" WHERE {up}.id = {alias}.{quote(owner_column(catalog, entity))})"
    )


def key_of(entity: Entity) -> tuple[str, ...]:
    """The fields people identify a row by: as declared, else the first unique field."""
    if entity.key:
        return entity.key
    return next((u.fields for u in entity.uniques.values() if len(u.fields) == 1), ())


def by_key(draft: Draft, catalog: Catalog, target: str, key: object) -> str:
    """The id of the living row that people know by ``key``."""
    entity = catalog.entities.get(target)
    names = key_of(entity) if entity is not None else ()
    if entity is None or len(names) != 1 or names[0] not in entity.fields:
        return null(draft.dialect, "uuid", 0)
    field = entity.fields[names[0]]
    value = key if not isinstance(key, str) else REGISTRY[field.spec.type].parse(key, field.spec)
    sql = constant(draft.dialect, kind_of(field), scale_of(field), value)
    return (
        f"(SELECT k.id FROM {quote(table_of(catalog, entity.path))} AS k"
        f" WHERE k.{quote(column_of(catalog, target, field.name))} = {sql} AND k.deleted_at IS NULL LIMIT 1)"
    )


def root_id(catalog: Catalog, entity: Entity, alias: str) -> str:
    """The id of the document a row belongs to."""
    if not entity.owned_by:
        return f"{alias}.id"
    owner = catalog.entities[entity.owned_by]
    if not owner.owned_by:
        return f"{alias}.{quote(owner_column(catalog, entity))}"
    up = f"{alias}_o"
    return (
        f"(SELECT {root_id(catalog, owner, up)} FROM {quote(table_of(catalog, owner.path))} AS {up}"
        f" WHERE {up}.id = {alias}.{quote(owner_column(catalog, entity))})"
    )


def new_id(dialect: Dialect, now: str) -> str:
    """A fresh UUIDv7: time, then chance. For rows that no client and no Python makes."""
    if dialect == "postgresql":
        when = f"lpad(to_hex((extract(epoch FROM {now}) * 1000)::bigint), 12, '0')"
        chance = "gen_random_uuid()::text"
        return (
            f"(substr({when}, 1, 8) || '-' || substr({when}, 9, 4) || '-7' || substr({chance}, 16, 3)"
            f" || substr({chance}, 19))::uuid"
        )
    when = f"printf('%012x', {now} * 1000)"
    chance = "lower(hex(randomblob(2)))"
    return (
        f"(substr({when}, 1, 8) || '-' || substr({when}, 9, 4) || '-7' || substr({chance}, 1, 3)"
        f" || '-8' || substr({chance}, 1, 3) || '-' || lower(hex(randomblob(6))))"
    )
