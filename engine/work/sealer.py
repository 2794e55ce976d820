"""The sealer: audit rows are written free and chained afterwards, in batches.

Each sealed row carries its number and a hash over the row before and itself. A row that is changed, removed or put in
between breaks the chain at its place. Who can rewrite the whole table can rewrite the whole chain: against him a copy
of the newest seal kept elsewhere (``dougong audit verify --seal``) holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from engine.db import Body, Database, say
from engine.db.call import Row
from engine.plan.statement import Dialect
from engine.work.statements import pairs

COLUMNS = ("n", "id", "at", "by", "act", "entity", "record", "detail", "address", "hash")
_NAMES = 'n, id, at, "by", act, entity, record, detail, address, hash'
_CHAIN = "audit"
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Broken:
    """Where the chain does not hold. ``what`` is changed, missing or cut (rows at its end are gone)."""

    n: int
    what: str
    id: str = ""


def seal_of(before: str, row: Row) -> str:
    """``row`` in the order of ``COLUMNS``, its hash not regarded."""
    told = [before, *(None if v is None else str(v) for v in row[:9])]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


async def seal(database: Database) -> int:
    """Chains what has been written; how many rows it were."""
    done = 0
    while await database.read("SELECT 1 FROM _audit WHERE n IS NULL LIMIT 1"):
        made = await database.write(lambda: _seal(database.dialect))
        if not made:
            break
        done += made
    return done


def _seal(dialect: Dialect) -> Body[int]:
    yield say(
        dialect, f"INSERT INTO _lease (name, holder, until, n) VALUES ('{_CHAIN}', '', 0, 0) ON CONFLICT DO NOTHING"
    )
    last, before = (yield say(dialect, f"UPDATE _lease SET n = n WHERE name = '{_CHAIN}' RETURNING n, holder"))[0]
    found = yield say(dialect, f"SELECT {_NAMES} FROM _audit WHERE n IS NULL ORDER BY id LIMIT {_BATCH}")
    if not found:
        return 0
    given = []
    for n, row in enumerate(found, int(last) + 1):
        before = seal_of(before, (n, *row[1:]))
        given.append({"id": str(row[1]), "n": n, "h": before})
    source = pairs(dialect, {"id": "uuid", "n": "bigint", "h": "text"})
    told = json.dumps(given)
    yield say(dialect, f"UPDATE _audit SET n = x.n, hash = x.h FROM {source} WHERE _audit.id = x.id", told)
    yield say(dialect, f"UPDATE _lease SET n = :1, holder = :2 WHERE name = '{_CHAIN}'", given[-1]["n"], before)
    return len(given)


async def newest(database: Database) -> tuple[int, str]:
    """Number and hash of the newest seal."""
    found = await database.read(f"SELECT n, holder FROM _lease WHERE name = '{_CHAIN}'")
    return (int(found[0][0]), str(found[0][1])) if found else (0, "")


async def sealed(database: Database, page: int = 2_000) -> AsyncIterator[Row]:
    """All sealed rows in order, columns as ``COLUMNS``."""
    last = 0
    while True:
        made = say(database.dialect, f"SELECT {_NAMES} FROM _audit WHERE n > :1 ORDER BY n LIMIT :2", last, page)
        rows = await database.read(made.sql, made.values)
        for row in rows:
            yield row
        if len(rows) < page:
            return
        last = int(rows[-1][0])


async def verify(database: Database, kept: tuple[int, str] | None = None) -> tuple[int, list[Broken]]:
    """(rows looked at, where the chain is broken). ``kept``: a seal that was kept elsewhere, which must be in it."""
    count, expected, before = 0, 1, ""
    broken: list[Broken] = []
    met = kept is None
    async for row in sealed(database):
        n = int(row[0])
        broken += [Broken(gone, "missing") for gone in range(expected, min(n, expected + 100))]
        if n == expected and seal_of(before, (n, *row[1:])) != row[9]:
            broken.append(Broken(n, "changed", str(row[1])))
        if kept == (n, row[9]):
            met = True
        before, expected, count = str(row[9]), n + 1, count + 1
    last, hash_ = await newest(database)
    if last >= expected or (count and before != hash_ and not broken):
        broken.append(Broken(expected, "cut"))
    if not met and kept is not None:
        broken.append(Broken(kept[0], "changed"))
    return count, broken


def as_record(row: Row) -> dict[str, Any]:
    told = (str(v) if n in (1, 3, 6) and v is not None else v for n, v in enumerate(row))
    return dict(zip(COLUMNS, told, strict=True))
