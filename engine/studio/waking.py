"""Ledgers that come (back) into a system: documents that came into effect while there was none are posted.

What is owed is written down with the revision itself, beside the leases, and crossed out when it is done: a process
that is killed in between leaves it to the next one. Posting twice does nothing: two that do it at once are only slower.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.catalog import Catalog, Posting
from engine.compile.names import table_name
from engine.db import Body, Database
from engine.fieldtypes.storage import quote
from engine.label import Label
from engine.plan.change import Line
from engine.plan.statement import Dialect
from engine.serve import reposting, rows
from engine.serve.tenancy import Tenant
from engine.studio.matching import Matching

OWED = "posting:"
"""In front of a ledger's path: what is owed to it, as a row of ``_lease``."""


async def lines(database: Database, old: Catalog, new: Catalog, made: Matching) -> list[Line]:
    """One for each posting that has slept, with the documents it will be asked of."""
    out = []
    for posting in _woken(old, new, made):
        table = quote(table_name(made.before(posting.of)))
        count = int((await database.read(f"SELECT count(*) FROM {table} WHERE deleted_at IS NULL"))[0][0])
        if count:
            says = Label(
                f"已生效的单据将补记到 {posting.into}", f"documents that are in effect are posted to {posting.into}"
            )
            where = str(posting.where) if posting.where.file else ""
            out.append(Line("posted", posting.path, "online", says, count, where=where, section="postings"))
    return out


def _woken(old: Catalog, new: Catalog, made: Matching) -> Iterator[Posting]:
    for posting in new.postings.values():
        awake = posting.into in new.entities and posting.of in new.entities
        if awake and made.before(posting.into) not in old.entities and made.before(posting.of) in old.entities:
            yield posting


def owe(dialect: Dialect, lines: Iterable[Line]) -> Body[None]:
    """For the transaction of the change."""
    for path in sorted({line.path for line in lines if line.kind == "posted"}):
        yield rows.delete("_lease", dialect, {"name": OWED + path})
        yield rows.insert("_lease", [{"name": OWED + path, "holder": "", "until": 0, "n": 0}], dialect)


async def owed(database: Database) -> list[str]:
    """Paths of postings."""
    found = await database.read(f"SELECT name FROM _lease WHERE name LIKE '{OWED}%' ORDER BY name")
    return [str(name).removeprefix(OWED) for (name,) in found]


async def settle(tenant: Tenant) -> dict[str, int]:
    """Posts what is owed, by what the tenant is now: ledger → entries made. Others write meanwhile."""
    waiting = await owed(tenant.database)
    if not waiting:
        return {}
    made = await reposting.repost(tenant, only=frozenset(waiting))

    def body() -> Body[None]:
        for path in waiting:
            yield rows.delete("_lease", tenant.database.dialect, {"name": OWED + path})

    await tenant.database.write(body)
    return dict(made)
