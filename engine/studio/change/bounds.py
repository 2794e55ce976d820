"""Bounds that become narrower (min, max, lengths): records outside are in nobody's way, but should be known.

They keep what they have, and are judged when they are saved again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.catalog import Catalog, Field
from engine.compile import texts
from engine.compile.names import has_column, kind_of, scale_of, table_of
from engine.fieldtypes import REGISTRY
from engine.fieldtypes.storage import quote
from engine.label import Label
from engine.plan.statement import Dialect
from engine.plan.table import Table
from engine.studio.change.guarding import Guard, key_of
from engine.studio.source.matching import Matching

_ORDERED = frozenset({"integer", "decimal", "date"})
_SAYS = Label(
    "界限收窄；界限之外的记录保留原值，再次保存时才检查",
    "is bound more narrowly; records outside keep what they have, and are judged when they are saved again",
)


def narrower(old: Catalog, new: Catalog, made: Matching, have: dict[str, Table], dialect: Dialect) -> Iterator[Guard]:
    for entity in new.entities.values():
        before, held = old.entities.get(made.before(entity.path)), made.held.get(entity.path)
        table = have.get(held.physical) if held is not None else None
        if before is None or table is None or table.name != table_of(new, entity.path):
            continue
        for field in entity.fields.values():
            one = made.held.get(field.path)
            was = before.fields.get(made.before(field.path).rpartition(".")[2])
            if one is None or was is None or not has_column(field) or kind_of(was) != kind_of(field):
                continue
            outside = list(_outside(was, field, f"t.{quote(one.physical)}", dialect))
            if outside:
                yield Guard(
                    "narrowed", field.path, table.name, " OR ".join(outside), _SAYS, key=key_of(made, entity, table),
                    origin=str(field.where), quiet=True, place=before.path, bars=False,
                )  # fmt: skip


def _outside(was: Field, field: Field, column: str, dialect: Dialect) -> Iterator[str]:
    kind = kind_of(field)
    if kind in _ORDERED:
        for sign, old, now in (
            ("<", _bound(was, "min"), _bound(field, "min")),
            (">", _bound(was, "max"), _bound(field, "max")),
        ):
            if now is not None and (old is None or (now > old if sign == "<" else now < old)):
                yield f"{column} {sign} {texts.constant(dialect, kind, scale_of(field), now)}"
    elif kind == "text":
        lengths, had = (REGISTRY[one.spec.type].schema(one.spec) for one in (field, was))
        for sign, key in (("<", "minLength"), (">", "maxLength")):
            if key in lengths and (
                key not in had or (lengths[key] > had[key] if sign == "<" else lengths[key] < had[key])
            ):
                yield f"length({column}) {sign} {lengths[key]}"


def _bound(field: Field, which: str) -> Any:
    """None where there is none, or it is computed."""
    value = getattr(field, which)
    return value.literal if value is not None else None
