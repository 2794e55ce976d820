"""What a row computes by itself, in order: a chain of CTE levels over the rows given or stored.

``c0`` holds what is there; each following level adds the fields whose inputs the levels before it hold:

    WITH c0 AS (…rows…), c1 AS (SELECT c0.*, <find> AS price_row FROM c0), c2 AS (SELECT c1.*, <default> AS price …)

Levels are materialised: both databases would otherwise copy an expression into every place that uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.catalog import Catalog, Entity, Field
from engine.compile import emit, texts
from engine.compile.draft import Draft
from engine.compile.names import column_of, has_column, kind_of, scale_of
from engine.compile.reads import Reads, reads_of
from engine.fieldtypes.storage import quote

How = Literal["default", "find", "compute"]


@dataclass(frozen=True, slots=True)
class Derived:
    """A stored field that an expression gives. ``follows``: recomputed on every save (of a default: until typed);
    else it is taken once, when the row is born."""

    field: Field
    column: str
    how: How
    reads: Reads
    follows: bool

    @property
    def name(self) -> str:
        return self.field.name


def derived(catalog: Catalog, entity: Entity) -> tuple[Derived, ...]:
    """The entity's own derived fields, in the order of declaration."""
    return tuple(d for f in entity.fields.values() if has_column(f) and (d := _derived(catalog, entity, f)))


def _derived(catalog: Catalog, entity: Entity, field: Field) -> Derived | None:
    column = column_of(catalog, entity.path, field.name)
    if field.compute is not None:
        return Derived(field, column, "compute", reads_of(catalog, entity, field.compute), True)
    if field.find is not None:
        orders = (o.by for o in field.order)
        return Derived(field, column, "find", reads_of(catalog, entity, field.find, *orders, looked_at=True), True)
    if field.default is None:
        return None
    if field.default.expr is None:
        return Derived(field, column, "default", Reads(), False)
    reads = reads_of(catalog, entity, field.default.expr)
    return Derived(field, column, "default", reads, reads.record)


def levels(fields: Iterable[Derived]) -> list[list[Derived]]:
    """Fields by level: each reads, of its own row, only what stands in levels before it."""
    todo = {d.name: d for d in fields}
    out: list[list[Derived]] = []
    while todo:
        ready = [d for d in todo.values() if not any(n in todo for n in d.reads.own)]
        if not ready:  # a ring: reading has told it; a default that reads itself is taken as it stands
            ready = [next(iter(todo.values()))]
        for d in ready:
            del todo[d.name]
        out.append(ready)
    return out


@dataclass(frozen=True, slots=True)
class Links:
    """A finished chain: the CTEs' text and the name of the last one."""

    ctes: tuple[str, ...]
    last: str

    @property
    def text(self) -> str:
        return "WITH " + ", ".join(self.ctes)


def links(
    draft: Draft, catalog: Catalog, entity: Entity, base: str, steps: Sequence[Mapping[str, str] | list[Derived]]
) -> Links:
    """``base`` is a SELECT; each step adds columns: given SQL by column, or derived fields whose raw value the row
    before it holds as ``_i_<column>`` and whether that one stands as ``_t_<column>``."""
    ctes = [f"c0 AS MATERIALIZED ({base})"]
    for n, step in enumerate(steps):
        last = f"c{n}"
        added = (
            [f"{_value(draft, catalog, entity, d, last)} AS {quote(d.column)}" for d in step]
            if isinstance(step, list)
            else [f"{sql} AS {quote(name)}" for name, sql in step.items()]
        )
        ctes.append(f"c{n + 1} AS MATERIALIZED (SELECT {last}.*, {', '.join(added)} FROM {last})")
    return Links(tuple(ctes), f"c{len(steps)}")


def _value(draft: Draft, catalog: Catalog, entity: Entity, made: Derived, alias: str) -> str:
    """The value that stands (typed, given, frozen), else the computed one."""
    sql = value_sql(draft, catalog, entity, made, alias)
    return f"CASE WHEN {alias}.{quote('_t_' + made.column)} THEN {alias}.{quote('_i_' + made.column)} ELSE {sql} END"


def value_sql(draft: Draft, catalog: Catalog, entity: Entity, made: Derived, alias: str) -> str:
    field = made.field
    if made.how == "compute":
        assert field.compute is not None
        return emit.value(draft, catalog, field.compute, emit.Rows(alias))
    if made.how == "find":
        return emit.found(draft, catalog, field, alias)
    assert field.default is not None
    if field.default.expr is not None:
        return emit.value(draft, catalog, field.default.expr, emit.Rows(alias))
    if kind_of(field) == "uuid":
        return texts.by_key(draft, catalog, field.target, field.default.literal)
    return texts.constant(draft.dialect, kind_of(field), scale_of(field), field.default.literal)
