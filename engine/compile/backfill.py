"""Values of computed fields for records that were there before the fields were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.catalog import Catalog, Entity
from engine.compile import chain, texts
from engine.compile.draft import Draft
from engine.compile.late import computing, within
from engine.compile.names import column_of
from engine.fieldtypes.storage import quote
from engine.plan.statement import Dialect, Statement


def statements(catalog: Catalog, fresh: Mapping[str, Iterable[str]], dialect: Dialect) -> tuple[Statement, ...]:
    """``fresh``: entity path → fields that hold nothing yet. Each statement fills those of one entity, whatever state
    its records are in, and gives the ids of those it changed; lines come before what sums them up. What depends on one
    another across owner and lines is whole when a round changes nothing more. Versions do not count up."""
    out = []
    for entity in sorted(catalog.entities.values(), key=lambda e: -_depth(catalog, e)):
        names = set(fresh.get(entity.path, ()))
        fields = tuple(d for d in chain.derived(catalog, entity) if d.name in names and d.how != "default")
        if fields:
            draft = Draft(dialect)
            out.append(computing(draft, catalog, entity, fields, "TRUE"))
    return tuple(out)


def documents(
    catalog: Catalog, fresh: Mapping[str, Iterable[str]], dialect: Dialect, frozen: bool = False, empty: bool = False
) -> dict[str, tuple[Statement, ...]]:
    """The same by root entity, each for the documents of ``roots`` alone; ``frozen``: those in force keep what they
    have. ``empty``: only where nothing is held."""
    out: dict[str, list[Statement]] = {}
    for entity in sorted(catalog.entities.values(), key=lambda e: -_depth(catalog, e)):
        names = set(fresh.get(entity.path, ()))
        fields = tuple(d for d in chain.derived(catalog, entity) if d.name in names and d.how != "default")
        if fields:
            draft, root = Draft(dialect), catalog.root_of(entity)
            which = within(draft, catalog, root, entity, "t")
            if frozen and (kept := texts.frozen(dialect, catalog, entity, "t")):
                which += f" AND NOT {kept}"
            if empty:
                nothing = (f"t.{quote(column_of(catalog, entity.path, d.name))} IS NULL" for d in fields)
                which += f" AND ({' OR '.join(nothing)})"
            out.setdefault(root.path, []).append(computing(draft, catalog, entity, fields, which))
    return {root: tuple(found) for root, found in out.items()}


def _depth(catalog: Catalog, entity: Entity) -> int:
    return 1 + _depth(catalog, catalog.entities[entity.owned_by]) if entity.owned_by else 0
