"""Lines that come back follow their documents, which went into the bin and out of it without them."""

from __future__ import annotations

from collections.abc import Iterator

from engine.catalog import Catalog, Entity
from engine.compile import texts
from engine.compile.names import owner_column, table_of
from engine.db import Body, Call
from engine.fieldtypes.storage import quote
from engine.plan.statement import Dialect
from engine.studio.source.matching import Matching


def calls(old: Catalog | None, new: Catalog, made: Matching, dialect: Dialect) -> Body[None]:
    """In the transaction of the change, once the tables are what they shall be, and their triggers there. Owners come
    before what they own. Versions do not count up."""
    for entity in new.entities.values():
        for line in _below(new, entity) if not entity.owned_by else ():
            if made.names[line.path] in made.there and not _written(old, made.before(line.path)):
                yield Call(_joined(new, line, dialect))


def _below(catalog: Catalog, owner: Entity) -> Iterator[Entity]:
    for line in catalog.lines_of(owner):
        yield line
        yield from _below(catalog, line)


def _written(catalog: Catalog | None, path: str) -> bool:
    """Whether the lines of this path are written with their documents."""
    entity = catalog.entities.get(path) if catalog is not None else None
    if catalog is None or entity is None or not entity.owned_by:
        return False
    owner = catalog.entities[entity.owned_by]
    return entity in catalog.lines_of(owner) and (not owner.owned_by or _written(catalog, owner.path))


def _joined(catalog: Catalog, line: Entity, dialect: Dialect) -> str:
    """Lines that a person took out of their document stay where they are: their history knows a version of it that was
    not its deletion. Moments alone do not tell, they are seconds."""
    owner, root = table_of(catalog, line.owned_by), texts.of_root(catalog, line, "t", "id")
    gone = f"SELECT h.rev FROM _history AS h WHERE h.record = {root} AND h.action = 'delete' AND h.at = t.deleted_at"
    own = "SELECT 1 FROM _history AS l WHERE l.record = t.id AND l.action = 'delete' AND l.at = t.deleted_at"
    return (
        f"UPDATE {quote(table_of(catalog, line.path))} AS t SET deleted_at = p.deleted_at FROM {quote(owner)} AS p"
        f" WHERE p.id = t.{quote(owner_column(catalog, line))}"
        f" AND t.deleted_at {texts.differs(dialect)} p.deleted_at"
        f" AND (t.deleted_at IS NULL OR (EXISTS ({gone}) AND NOT EXISTS ({own} AND l.rev NOT IN ({gone}))))"
    )
