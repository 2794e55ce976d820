"""Numbers that records hold already are not given again: counters go on after them."""

from __future__ import annotations

from engine.catalog import Catalog
from engine.compile import numbers
from engine.db import Body
from engine.plan.statement import Dialect
from engine.serve.tenant.bind import Moment, call
from engine.studio.source.matching import Matching


def calls(old: Catalog | None, new: Catalog, made: Matching, dialect: Dialect, moment: Moment) -> Body[None]:
    """In the transaction of the change, once the columns are what they shall be: for fields that held something else,
    or were numbered otherwise."""
    for entity in new.entities.values():
        before = old.entities.get(made.before(entity.path)) if old is not None else None
        for field in entity.fields.values():
            if field.number is None or field.path not in made.held:
                continue
            was = before.fields.get(made.before(field.path).rpartition(".")[2]) if before is not None else None
            if was is None or was.number != field.number:
                yield call(numbers.taken(new, entity, field, dialect), moment, {})
