"""Ledgers that come (back) into a system: documents that came into effect while there was none are posted.

Posting twice does nothing: two that do it at once are only slower.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from engine.catalog import Catalog, Posting
from engine.compile.names import table_of
from engine.db import Database
from engine.fieldtypes.storage import quote
from engine.label import Label
from engine.plan.change import Line
from engine.serve.tenant.tenancy import Tenant
from engine.serve.write import reposting
from engine.studio.follow.owing import Owed, paid
from engine.studio.source.matching import Matching


async def lines(database: Database, old: Catalog, new: Catalog, made: Matching) -> list[Line]:
    """One for each posting that has slept, with the documents it will be asked of."""
    out = []
    for posting in _woken(old, new, made):
        table = quote(table_of(old, made.before(posting.of)))
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


def owing(lines: Iterable[Line]) -> list[Owed]:
    return [Owed("posting", path) for path in sorted({line.path for line in lines if line.kind == "posted"})]


async def settle(tenant: Tenant, waiting: Sequence[Owed]) -> dict[str, int]:
    """Posts what is owed, by what the tenant is now: ledger → entries made. Others write meanwhile."""
    made = await reposting.repost(tenant, only=frozenset(one.path for one in waiting))
    await tenant.database.write(lambda: paid(tenant.database.dialect, waiting))
    return dict(made)
