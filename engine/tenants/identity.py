"""Who is who in a tenant: every entity and stored field keeps one identity from birth, whatever it is called later.

It is retired when the metadata no longer names it, and comes back when it does; its column holds its values all along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.db import Body, Call, Database
from engine.plan.app import App
from engine.plan.statement import Dialect


@dataclass(frozen=True, slots=True)
class Identity:
    """``path`` is what it is called now, ``physical`` the table or column that holds it, ``born`` and ``retired``
    are revisions."""

    identity: str
    path: str
    physical: str
    born: int
    retired: int | None = None


def named(app: App) -> Iterator[tuple[str, str]]:
    """(path, table or column) of everything that the database holds for people."""
    for entity in app.entities.values():
        yield entity.path, entity.table
        for field in entity.fields.values():
            if field.column and field.origin != "system":
                yield f"{entity.path}.{field.name}", field.column


def born(path: str, physical: str, number: int, taken: Iterable[str] = ()) -> Identity:
    """Named after what it is first called, as long as nobody was called so before."""
    known, identity, n = set(taken), path, 1
    while identity in known:
        n += 1
        identity = f"{path}~{n}"
    return Identity(identity, path, physical, number)


async def all_of(database: Database) -> list[Identity]:
    rows = await database.read("SELECT identity, path, physical, born, retired FROM _identity ORDER BY identity")
    return [Identity(*row) for row in rows]


def keep(dialect: Dialect, rows: Sequence[Identity]) -> Body[None]:
    """Writes them all down, over what was there of them."""
    mark = "?" if dialect == "sqlite" else "$"
    marks = ", ".join(f"{mark}{n}" for n in range(1, 6))
    sql = (
        f"INSERT INTO _identity (identity, path, physical, born, retired) VALUES ({marks}) ON CONFLICT (identity) DO"
        " UPDATE SET path = excluded.path, physical = excluded.physical, retired = excluded.retired"
    )
    for one in rows:
        yield Call(sql, (one.identity, one.path, one.physical, one.born, one.retired))


def retired(one: Identity, number: int) -> Identity:
    return replace(one, retired=one.retired or number)
