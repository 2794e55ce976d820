"""What records keep beside their fields follows its definition when that is another one now: what they are sorted and
found by, and values of a changed formula with all that is computed from them. Documents in force keep their values.

It is owed by the change and done afterwards, in batches, while everybody works.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.catalog import Catalog, Entity, Field
from engine.catalog.dump import plain
from engine.compile import backfill, chain, late
from engine.compile.names import column_of, table_of
from engine.db import Body, Call, Database
from engine.expr.build.tree import by_columns
from engine.fieldtypes.storage import quote
from engine.label import Label
from engine.plan.change import Line
from engine.plan.entity import Entity as Served
from engine.plan.statement import Dialect, Statement
from engine.serve.document.store import World
from engine.serve.tenant.bind import call, id_array
from engine.serve.tenant.tenancy import Tenant
from engine.serve.write import companions, history
from engine.serve.write.writing import world_of
from engine.studio.follow.batches import Progress, last_of, through, until_still
from engine.studio.follow.owing import Owed, paid
from engine.studio.source.matching import Matching

_CLOCKS = {"sqlite": "60", "postgresql": "interval '1 minute'"}
"""Those of two servers may differ by so much."""
_MOST, _FOUND = 5_000, 1_000
"""Documents in a batch; so many where words are made of them, which is done here and not in the database."""


async def lines(database: Database, old: Catalog, new: Catalog, made: Matching) -> list[Line]:
    """One for each field whose formula is another one, and for each entity whose records are found otherwise."""
    out = []
    for entity in new.entities.values():
        before = old.entities.get(made.before(entity.path))
        if before is None or (before is entity and _columns(old, entity) == _columns(new, entity)):
            continue
        told = list(_lines(old, before, new, entity, made))
        if told:
            table = quote(table_of(old, before.path))
            rows = int((await database.read(f"SELECT count(*) FROM {table}"))[0][0])
            out += [Line("refreshed", path, "online", says, rows, where=where) for path, says, where in told if rows]
    return out + await _back(database, new, made)


async def _back(database: Database, new: Catalog, made: Matching) -> list[Line]:
    """One for each computed field that comes back into documents that were written while it was away."""
    out = []
    for path, since in _returned(new, made).items():
        entity, _, name = path.rpartition(".")
        field, root = new.entities[entity].fields[name], new.root_of(new.entities[entity])
        went = f"(SELECT at FROM _revision WHERE n = {since}) - {_CLOCKS[database.dialect]}"
        written = f"SELECT count(*) FROM {quote(made.names[root.path])} WHERE updated_at >= {went}"
        count = int((await database.read(written))[0][0])
        if count:
            says = Label(
                "为停用期间写过的单据重算，已生效且有值的不变",
                "computed for documents that were written while it was away; those in force keep what they have",
            )
            out.append(Line("refreshed", path, "online", says, count, where=str(field.where)))
    return out


def _returned(new: Catalog, made: Matching) -> dict[str, int]:
    """Computed field that comes back → the revision that retired it. With a whole document nobody wrote it either."""
    out = {}
    for path in made.restored:
        entity, _, name = path.rpartition(".")
        field = new.entities[entity].fields.get(name) if entity in new.entities else None
        held = made.held.get(path)
        if field is None or not (field.compute or field.find) or held is None or held.retired is None:
            continue
        if new.root_of(new.entities[entity]).path not in made.restored:
            out[path] = held.retired
    return out


def _lines(
    old: Catalog, before: Entity, new: Catalog, entity: Entity, made: Matching
) -> Iterator[tuple[str, Label, str]]:
    for field in entity.fields.values():
        was = before.fields.get(made.before(f"{entity.path}.{field.name}").rpartition(".")[2])
        if was is None or was == field or not (field.compute or field.find):
            continue
        if _formula(was) != _formula(field):
            says = Label("按新公式重算，已生效的单据不变", "computed anew; documents in force keep what they have")
            yield field.path, says, str(field.where)
    if _found_by(old, before) != _found_by(new, entity):
        says = Label("重建检索与排序文本", "what records are found and sorted by is made anew")
        yield entity.path, says, str(entity.where)


def _columns(catalog: Catalog, entity: Entity) -> Mapping[str, str]:
    return catalog.world.entities[entity.path].columns


def _formula(field: Field) -> Any:
    """What its values follow from, whatever that is called, and how exactly they are kept."""
    trees = [by_columns(one.tree) for one in (field.compute, field.find) if one is not None]
    return trees, [(by_columns(order.by.tree), order.descending) for order in field.order], _kept(field)


def _kept(field: Field) -> Any:
    return plain(replace(field.spec, target=""))


def _found_by(catalog: Catalog, entity: Entity) -> Any:
    """All that decides about a record's search and sort texts, but for its values and what they are called."""

    def column(name: str) -> str:
        return column_of(catalog, entity.path, name)

    restricted = {name for access in entity.access.values() for name in (*access.hide, *access.mask)}
    names = {*entity.search, *(hole.name.partition(".")[0] for hole in entity.display.holes)}
    formats = sorted((column(name), str(_kept(entity.fields[name]))) for name in names if name in entity.fields)
    shown = [
        part if isinstance(part, str) else (by_columns(part.expr.tree) if part.expr else part.name, part.format)
        for part in entity.display.parts
    ]
    return shown, [column(name) for name in entity.search if name not in restricted], formats


def owing(catalog: Catalog, lines: Iterable[Line], restored: Container[str] = ()) -> list[Owed]:
    """``restored``: what comes back; where it holds nothing it is computed in documents in force too."""
    out: dict[str, list[str]] = {}
    for line in lines:
        if line.kind == "refreshed":
            path, field = (line.path, "") if line.path in catalog.entities else line.path.rsplit(".", 1)
            fields = out.setdefault(catalog.root_of(catalog.entities[path]).path, [])
            fields += [line.path] if field else []
    back = {root: tuple(sorted(f for f in fields if f in restored)) for root, fields in out.items()}
    return [Owed("refresh", root, tuple(sorted(fields)), back[root]) for root, fields in out.items()]


async def settle(tenant: Tenant, catalog: Catalog, waiting: Iterable[Owed], tell: Progress) -> None:
    """``catalog`` is what the tenant's App was made of. Raises Stale when the tenant has changed meanwhile."""
    for one in waiting:
        if one.path in tenant.app.entities:
            await _refreshed(tenant, catalog, one, tell)
        await tenant.database.write(lambda one=one: paid(tenant.database.dialect, [one]))  # type: ignore[misc]


async def _refreshed(tenant: Tenant, catalog: Catalog, one: Owed, tell: Progress) -> None:
    database, app = tenant.database, tenant.app
    world, entity = world_of(tenant, app, tenant.moment()), app.entities[one.path]
    filling = _filling(catalog, one, database.dialect)
    most = _FOUND if entity.write is not None and entity.write.root.companions is not None else _MOST
    total = int((await database.read(f"SELECT count(*) FROM {quote(entity.table)}"))[0][0])

    def batch(after: str, count: int) -> Body[tuple[str, int]]:
        mark = "?" if database.dialect == "sqlite" else "$"
        few = f"SELECT id FROM {quote(entity.table)} WHERE id > {mark}1 ORDER BY id LIMIT {mark}2"
        ids = [str(row[0]) for row in (yield Call(few, (after, min(count, most))))]
        if ids:
            yield from _documents(world, entity, filling, ids)
        return (ids[-1] if ids else ""), len(ids)

    def seen(done: int) -> None:
        tell("refresh", one.path, done, total)

    end = await last_of(database, entity.table)
    await through(database.dialect, lambda body: database.write(body, app.epoch), batch, seen, end)


def _filling(catalog: Catalog, one: Owed, dialect: Dialect) -> tuple[Statement, ...]:
    """The fields that are owed, and whatever of the same document is computed from them."""
    root = catalog.entities[one.path]
    derived = ((e.path, d) for e in late.document(catalog, root) for d in chain.derived(catalog, e))
    nodes = {(path, d.name): late.needs(path, d) for path, d in derived if d.how != "default"}
    found = {node for node in nodes if ".".join(node) in one.fields}
    while more := {node for node, needs in nodes.items() if node not in found and needs & found}:
        found |= more
    fields: dict[str, list[str]] = {}
    for entity, name in sorted(found):
        fields.setdefault(entity, []).append(name)
    made = backfill.documents(catalog, fields, dialect, frozen=True).get(one.path, ())
    for entity, _, name in (path.rpartition(".") for path in one.empty):
        made += backfill.documents(catalog, {entity: [name]}, dialect, empty=True).get(one.path, ())
    return made


def _documents(world: World, entity: Served, filling: Iterable[Statement], ids: list[str]) -> Body[None]:
    roots = {"roots": id_array(ids)}
    assert entity.write is not None
    yield call(entity.write.lock, world.moment, roots)
    yield from until_still([call(statement, world.moment, roots) for statement in filling])
    if entity.write.root.companions is not None:
        documents = [history.parsed(row[1]) for row in (yield call(entity.write.read_back, world.moment, roots))]
        yield from companions.keep(world, entity, entity.write.root, documents)
