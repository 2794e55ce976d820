"""How things are called in the database: one place, so that every statement and every table agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.catalog import Catalog, Entity, Field, Workflow
from engine.fieldtypes import REGISTRY
from engine.fieldtypes.storage import short
from engine.plan.born import Born

SYSTEM: tuple[tuple[str, str, bool], ...] = (
    ("id", "uuid", False),
    ("rev", "integer", False),
    ("created_at", "datetime", False),
    ("created_by", "uuid", True),
    ("updated_at", "datetime", False),
    ("updated_by", "uuid", True),
    ("deleted_at", "datetime", True),
)
"""Columns every record has: name, kind, whether it may be empty."""

COMPANIONS = ("_sort", "_find")
LEDGER: tuple[tuple[str, str, bool], ...] = (
    ("_source", "text", True),
    ("_source_id", "uuid", True),
    ("_source_line", "uuid", True),
    ("_posting", "text", True),
    ("_round", "integer", True),
    ("_mirrors", "uuid", True),
)


ELEMENT = "_element"
"""Of a ledger that something posts into for each of many: which of them an entry is of."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an entity's table; ``field`` is there when people declared it. ``called``: what it is called in
    rows, documents and expressions, which a rename changes; its ``name`` in the database stays."""

    name: str
    kind: str
    scale: int = 0
    nullable: bool = True
    field: Field | None = None
    called: str = ""

    def __post_init__(self) -> None:
        if not self.called:
            object.__setattr__(self, "called", self.name)


def table_of(catalog: Catalog, entity: str) -> str:
    """The table of an entity, by its path."""
    return catalog.world.entities[entity].table


def column_of(catalog: Catalog, entity: str, name: str) -> str:
    """The column of a field of an entity."""
    return catalog.world.entities[entity].columns.get(name, name)


def kind_of(field: Field) -> str:
    return REGISTRY[field.spec.type].kind


def scale_of(field: Field) -> int:
    return REGISTRY[field.spec.type].scale_of(field.spec) if kind_of(field) == "decimal" else 0


def has_column(field: Field) -> bool:
    return field.live is None and kind_of(field) != "lines"


def followable(field: Field) -> bool:
    """A default that is an expression over the record: it follows what it reads until a person types."""
    return field.default is not None and field.default.expr is not None and has_column(field)


def owner_of(entity: Entity) -> str:
    """Lines call their owner by its name."""
    return entity.owned_by.rpartition(".")[2] if entity.owned_by else ""


def owner_column(catalog: Catalog, entity: Entity) -> str:
    """The column by which lines point at their owner."""
    return column_of(catalog, entity.path, owner_of(entity)) if entity.owned_by else ""


def status_fields(catalog: Catalog, entity: Entity) -> tuple[Workflow, ...]:
    return tuple(catalog.workflows[path] for path in entity.workflows)


def columns_of(catalog: Catalog, entity: Entity) -> tuple[Column, ...]:
    """All columns in the order of the table: system, place, state, fields, companions, ledger."""
    out = [Column(name, kind, nullable=nullable) for name, kind, nullable in SYSTEM]

    def column(name: str) -> str:
        return column_of(catalog, entity.path, name)

    if entity.owned_by:
        owner = owner_of(entity)
        out += [
            Column(column(owner), "uuid", nullable=False, called=owner),
            Column("position", "integer", nullable=False),
        ]
    out += [Column(column(w.field), "text", nullable=False, called=w.field) for w in status_fields(catalog, entity)]
    taken = {c.called for c in out}
    out += [
        Column(column(f.name), kind_of(f), scale_of(f), field=f, called=f.name)
        for f in entity.fields.values()
        if has_column(f) and f.name not in taken
    ]
    if entity.display or entity.search:
        out += [Column(name, "text") for name in COMPANIONS]
    if any(followable(f) for f in entity.fields.values()):
        out.append(Column("_typed", "json"))
    if entity.kind == "ledger":
        out += [Column(name, kind, nullable=nullable) for name, kind, nullable in LEDGER]
        if any(p.each is not None and p.into == entity.path for p in catalog.postings.values()):
            out.append(Column(ELEMENT, "text"))
    return tuple(out)


def born(catalog: Catalog) -> Born:
    fields = {
        entity.path: {c.called: c.name for c in columns_of(catalog, entity) if c.called != c.name}
        for entity in catalog.entities.values()
    }
    tables = {table_of(catalog, path): path for path in catalog.entities}
    return Born(tables, {path: columns for path, columns in fields.items() if columns})


def index_name(table: str, columns: Sequence[str], mark: str = "ix") -> str:
    return short("_".join((table, *columns, mark)))
