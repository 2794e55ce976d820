"""Closed periods of a ledger: an entry that comes late goes into the first open one, and stays where it went."""

from __future__ import annotations

from engine.catalog import Catalog, Entity
from engine.compile.draft import Draft
from engine.compile.names import column_of, table_of
from engine.expr.build.sql import Context, to_sql
from engine.expr.build.tree import Path
from engine.fieldtypes.storage import quote

_FARTHEST = 120
"""Months a late entry may move; then it stays where it is and the close is wrong, not the entry."""


def closes(ledger: Entity) -> str:
    """The ledger's period field, when something closes periods; else empty."""
    made = ledger.ledger
    return made.period if made is not None and made.closed_by and made.closed_when is not None else ""


def closed(draft: Draft, catalog: Catalog, ledger: Entity, entry: str, period: str) -> str:
    """A condition: ``period`` is closed for the entry at the alias ``entry``."""
    made = ledger.ledger
    assert made is not None
    assert made.closed_when is not None

    def column(alias: str, path: Path) -> str | None:
        return period if alias == entry and not path.hops and path.name == made.period else None

    row = draft.binder.alias()
    holds = to_sql(made.closed_when, Context(draft.binder, row, entry, column_sql=column))
    table = quote(table_of(catalog, catalog.entities[made.closed_by].path))
    return f"EXISTS (SELECT 1 FROM {table} AS {row} WHERE {row}.deleted_at IS NULL AND {holds})"


def first_open(draft: Draft, catalog: Catalog, ledger: Entity, entry: str, period: str) -> str:
    """The first period from ``period`` on that is open: steps forward as long as it stands in a closed one."""
    later = "(g.period + interval '1 month')::date" if draft.dialect == "postgresql" else "date(g.period, '+1 month')"
    shut = closed(draft, catalog, ledger, entry, "g.period")
    return (
        f"(WITH RECURSIVE g(period, n) AS (SELECT {period}, 0 UNION ALL SELECT {later}, g.n + 1 FROM g"
        f" WHERE g.n < {_FARTHEST} AND {shut}) SELECT MAX(g.period) FROM g)"
    )


def same(draft: Draft, catalog: Catalog, ledger: Entity, wanted: str, held: str) -> str:
    """The entry that stands is in the period wanted, or went on from there because that one was closed."""
    equal = "IS NOT DISTINCT FROM" if draft.dialect == "postgresql" else "IS"
    column = quote(column_of(catalog, ledger.path, closes(ledger)))
    one, other = f"{wanted}.{column}", f"{held}.{column}"
    shut = closed(draft, catalog, ledger, wanted, one)
    return f"({one} {equal} {other} OR ({other} > {one} AND {shut}))"
