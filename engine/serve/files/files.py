"""Files of records: bound to a document in the transaction that names them, described in its columns.

A file that was sent in belongs to whoever sent it until a document names it; then it belongs to one field of that
document for good, so that its history stays readable. What nobody binds within a day is swept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

from engine.db import Body, Call
from engine.fieldtypes import REGISTRY
from engine.fieldtypes.filekinds import PICTURES, called, fits, said_size
from engine.fieldtypes.links import Files
from engine.fieldtypes.spec import Spec
from engine.fieldtypes.storage import Columns, among, bind, encode_rows, quote, row_source
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.statement import Dialect
from engine.serve.document.decode import Change
from engine.serve.document.store import Doc, World
from engine.serve.tenant.bind import id_array
from engine.serve.tenant.filestore import FileStore
from engine.serve.tenant.rows import by_name, names_of, placeholder, select
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import Fault, Refusal, fault

WAITS = timedelta(days=1)
"""How long a file waits to be bound."""
SHOWN_AS = PICTURES | {"application/pdf", "application/zip", "text/csv"}
"""Types a content is sent as; everything else goes out as bytes without a meaning."""
_COLUMNS: Columns = (("id", "uuid", 0), ("entity", "text", 0), ("record", "uuid", 0), ("field", "text", 0))
_RANGES = ((0, 0x20), (0x7F, 0xA0), (0x200B, 0x2010), (0x2028, 0x202F), (0x2060, 0x2070), (0xD800, 0xE000))
_UNSEEN = frozenset(point for start, end in _RANGES for point in range(start, end))


def safe_name(text: str) -> str:
    """A name without folders, and without signs that nobody sees (controls, turned writing)."""
    last = text.replace("\\", "/").rpartition("/")[2]
    kept = "".join(sign for sign in last if ord(sign) not in _UNSEEN).strip(" .")
    if len(kept) > 120:
        stem, dot, tail = kept.rpartition(".")
        kept = f"{stem[: 119 - len(tail)]}.{tail}" if dot and len(tail) <= 10 else kept[:120]
    return kept or "file"


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    field: str
    """Its column; on lines with their table before it, ``sale_line.photo``."""
    spec: Spec
    pointer: str


def column_at(app: App, entity: Entity, path: list[str]) -> str:
    """What ``_file.field`` says of a field at a path of names, through any lines; empty: there is no such field."""
    prefix = ""
    for name in path[:-1]:
        lines = entity.fields.get(name)
        if lines is None or lines.target not in app.entities:
            return ""
        entity = app.entities[lines.target]
        prefix = f"{entity.table}."
    field = entity.fields.get(path[-1])
    return f"{prefix}{field.column}" if field is not None and field.column else ""


def _places(app: App, entity: Entity, change: Change, pointer: str, prefix: str = "") -> Iterator[_Place]:
    for name, value in change.values.items():
        kind = REGISTRY[entity.fields[name].spec.type]
        if isinstance(kind, Files) and value is not None:
            many = isinstance(value, list)
            for n, one in enumerate(value if many else [value]):
                at = f"{pointer}/{name}/{n}" if many else f"{pointer}/{name}"
                yield _Place(one["id"], f"{prefix}{entity.fields[name].column}", entity.fields[name].spec, at)
    for name, lines in change.lines.items():
        child = app.entities[entity.fields[name].target]
        for line in lines.lines:
            yield from _places(app, child, line.change, f"{pointer}/{name}/{line.at}", f"{child.table}.")


def bind_files(world: World, entity: Entity, docs: Sequence[Doc]) -> Body[None]:
    """Takes the files that documents name, and puts what is known of them in place of their ids. Two statements,
    however many there are; refuses with every file that is not there to be taken."""
    found = [(doc, p) for doc in docs for p in _places(world.app, entity, doc.op.change, doc.op.pointer)]
    if not found:
        return
    dialect = world.moment.dialect
    rows = yield Call(_lock_sql(dialect), (id_array(sorted({p.file for _, p in found})),))
    known = {str(row[0]): by_name("_file", row) for row in rows}
    faults: list[Fault] = []
    taken: dict[str, dict[str, Any]] = {}
    for doc, place in found:
        row = known.get(place.file)
        owner = (entity.table, doc.id, place.field)
        if row is None or not _may_take(world, row, owner, taken.get(place.file)):
            faults.append(fault("file.unknown", place.pointer))
        elif row["record"] is None and (wrong := misfit(place.spec, row["name"], row["type"], int(row["size"]))):
            faults.append(replace(wrong, pointer=place.pointer))
        else:
            taken[place.file] = {"id": place.file, **dict(zip(("entity", "record", "field"), owner, strict=True))}
    if faults:
        raise Refusal(faults, 422)
    yield Call(_bind_sql(dialect), (encode_rows(_COLUMNS, list(taken.values()), dialect),))
    for doc in docs:
        doc.op = replace(doc.op, change=_described(world.app, entity, doc.op.change, known))


def misfit(spec: Spec, name: str, media: str, size: int) -> Fault | None:
    """Why a field does not take such a file. What it holds already stays, whatever its limits became."""
    kind = REGISTRY[spec.type]
    if spec.max_size is not None and size > spec.max_size:
        return fault("file.too-large", name=name, limit=said_size(spec.max_size))
    if isinstance(kind, Files) and kind.picture and media not in PICTURES:
        return fault("file.no-picture", name=name, type=media)
    if not fits(media, spec.accept):
        return fault("file.kind", name=name, accept=called(spec.accept))
    return None


def _may_take(
    world: World, row: Mapping[str, Any], owner: tuple[str, str, str], taken: Mapping[str, Any] | None
) -> bool:
    """A free one of one's own, or one that this field of this document holds already."""
    holder = (row["entity"], str(row["record"]), row["field"]) if row["record"] is not None else None
    if taken is not None:
        holder = (taken["entity"], taken["record"], taken["field"])
    if holder is not None:
        return holder == owner
    user = None if row["user"] is None else str(row["user"])
    return user == world.moment.me.user


def _described(app: App, entity: Entity, change: Change, known: Mapping[str, Mapping[str, Any]]) -> Change:
    def told(value: Any) -> Any:
        if isinstance(value, list):
            return [told(one) for one in value]
        row = known[value["id"]]
        return {"id": value["id"], **{name: row[name] for name in ("name", "size", "type")}}

    values = {
        name: told(value) if value is not None and isinstance(REGISTRY[entity.fields[name].spec.type], Files) else value
        for name, value in change.values.items()
    }
    lines = {}
    for name, made in change.lines.items():
        child = app.entities[entity.fields[name].target]
        all_of_it = tuple(replace(line, change=_described(app, child, line.change, known)) for line in made.lines)
        lines[name] = replace(made, lines=all_of_it)
    return replace(change, values=values, lines=lines)


@cache
def _known_sql(dialect: Dialect) -> str:
    names = ", ".join(quote(name) for name in names_of("_file"))
    return f"SELECT {names} FROM _file WHERE {among(dialect, 'id', placeholder(dialect, 1))}"


def _lock_sql(dialect: Dialect) -> str:
    return _known_sql(dialect) + (" ORDER BY id FOR UPDATE" if dialect == "postgresql" else "")


@cache
def _bind_sql(dialect: Dialect) -> str:
    source = row_source(_COLUMNS, dialect, placeholder(dialect, 1))
    sets = ", ".join(f"{name} = i.{name}" for name in ("entity", "record", "field"))
    return f"UPDATE _file SET {sets} FROM {source} WHERE _file.id = i.id"


async def waiting_of(tenant: Tenant, user: str | None) -> tuple[int, int]:
    """How many files of a person wait to be bound, and their bytes."""
    dialect = tenant.database.dialect
    cast = "::uuid" if dialect == "postgresql" else ""
    sql = (
        "SELECT count(*), CAST(COALESCE(sum(size), 0) AS bigint) FROM _file"
        f' WHERE "user" = {placeholder(dialect, 1)}{cast} AND record IS NULL'
    )
    rows = await tenant.database.read(sql, (user,))
    return int(rows[0][0]), int(rows[0][1])


async def used(tenant: Tenant) -> int:
    """Bytes of all files of a tenant."""
    rows = await tenant.database.read("SELECT CAST(COALESCE(sum(size), 0) AS bigint) FROM _file")
    return int(rows[0][0])


async def known(tenant: Tenant, ids: Sequence[str]) -> list[dict[str, Any]]:
    """What is kept of these files, whoever they belong to."""
    if not ids:
        return []
    found = await tenant.database.read(_known_sql(tenant.database.dialect), (id_array(sorted(ids)),))
    return [by_name("_file", row) for row in found]


async def shown_again(
    tenant: Tenant, user: str | None, ids: Collection[str], entity: Entity, record: str
) -> dict[str, dict[str, Any]]:
    """Files that a form named which was refused: one's own that wait still, and those of the record itself."""
    out = {}
    for row in await known(tenant, sorted(ids)):
        waiting = row["record"] is None and row["user"] is not None and str(row["user"]) == user
        if waiting or (row["record"] is not None and (row["entity"], str(row["record"])) == (entity.table, record)):
            key = str(row["id"])
            out[key] = {"id": key, **{name: row[name] for name in ("name", "size", "type")}, "waiting": waiting}
    return out


async def of_record(tenant: Tenant, entity: Entity, record: str) -> list[dict[str, Any]]:
    """All files that were ever bound to a document, its lines' too."""
    call = select("_file", tenant.database.dialect, {"entity": entity.table, "record": record})
    found = await tenant.database.read(call.sql, call.values)
    return [by_name("_file", row) for row in found]


async def file_of(tenant: Tenant, where: Mapping[str, Any]) -> dict[str, Any] | None:
    call = select("_file", tenant.database.dialect, where)
    rows = await tenant.database.read(call.sql, call.values)
    return by_name("_file", rows[0]) if rows else None


async def named(tenant: Tenant) -> list[str]:
    """Digests of all contents that the database names: what a backup takes after it."""
    return [row[0] for row in await tenant.database.read("SELECT DISTINCT digest FROM _file ORDER BY digest")]


async def sweep(tenant: Tenant, store: FileStore) -> int:
    """Forgets files that waited too long, then contents that no file names any more. Says how many files."""
    before = tenant.clock() - WAITS
    dialect = tenant.database.dialect
    sql = f"DELETE FROM _file WHERE record IS NULL AND at < {placeholder(dialect, 1)} RETURNING digest"

    def body() -> Body[list[str]]:
        rows = yield Call(sql, (bind("datetime", 0, dialect, before),))
        return [row[0] for row in rows]

    gone = await tenant.database.write(body)
    await store.keep(await named(tenant), before.timestamp())
    return len(gone)
