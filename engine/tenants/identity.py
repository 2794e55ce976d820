"""Who is who in a tenant: every entity and stored field keeps one identity from birth, whatever it is called later.

It is retired when the metadata no longer names it, and comes back when it does; its column holds its values all along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.db import Body, Call, Database
from engine.db.system import COLUMNS
from engine.fieldtypes.storage import encode_rows, row_source
from engine.plan.app import App
from engine.plan.statement import Dialect

_COLUMNS = COLUMNS["_identity"]
_NAMES = ", ".join(name for name, _, _ in _COLUMNS)


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


def tables_of(app: App) -> set[str]:
    """The tables of its entities: none that rests."""
    return {entity.table for entity in app.entities.values()}


def born(path: str, physical: str, number: int, taken: Iterable[str] = ()) -> Identity:
    """Named after what it is first called, as long as nobody was called so before."""
    known, identity, n = set(taken), path, 1
    while identity in known:
        n += 1
        identity = f"{path}~{n}"
    return Identity(identity, path, physical, number)


async def all_of(database: Database) -> list[Identity]:
    rows = await database.read(f"SELECT {_NAMES} FROM _identity ORDER BY identity")
    return [Identity(*row) for row in rows]


def keep(dialect: Dialect, rows: Sequence[Identity]) -> Body[None]:
    """Writes them all down, over what was there of them."""
    if not rows:
        return
    source = row_source(_COLUMNS, dialect, "?1" if dialect == "sqlite" else "$1")
    yield Call(
        f"INSERT INTO _identity ({_NAMES}) SELECT {_NAMES} FROM {source} WHERE true ON CONFLICT (identity) DO"
        " UPDATE SET path = excluded.path, physical = excluded.physical, retired = excluded.retired",
        (encode_rows(_COLUMNS, [_plain(one) for one in rows], dialect),),
    )


def _plain(one: Identity) -> dict[str, str | int | None]:
    return {name: getattr(one, name) for name, _, _ in _COLUMNS}


def retired(one: Identity, number: int) -> Identity:
    return replace(one, retired=one.retired or number)
