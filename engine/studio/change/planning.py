"""What a project says and what its database holds → a plan. Nothing is changed here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.catalog import Catalog, Entity
from engine.compile import texts
from engine.compile.names import column_of, has_column, kind_of, scale_of, table_of
from engine.db import Body, Database
from engine.db.beside import LARGE
from engine.db.diff import Difference, TableChange, difference, fit
from engine.db.inspect import drift
from engine.db.steps import NOTHING, Fills, Ready, rebuilt, redefined, statements
from engine.db.system import TABLES
from engine.fieldtypes.storage import quote
from engine.label import Label
from engine.plan.app import App
from engine.plan.change import Line, Plan
from engine.plan.statement import Dialect
from engine.problem import Problems, problem
from engine.read import called_in, versions_of
from engine.read.versions import version
from engine.studio.change import bounds, checking, counting, entitling, guarding, subscribed
from engine.studio.change.comparing import compared
from engine.studio.change.remembering import remembered
from engine.studio.change.touching import touched
from engine.studio.codes import CODES
from engine.studio.follow import recoding, refreshing, waking
from engine.studio.follow.batches import BESIDE
from engine.studio.follow.following import held, require_narrow
from engine.studio.scenarios import rehearsing
from engine.studio.source import switching
from engine.studio.source.build import Source, source_from
from engine.studio.source.matching import Back, Matching, Names, match, named, together
from engine.tenants import identity
from engine.tenants.revision import Revision

Also = Callable[[int], Body[None]]
"""What is written with the revision that a plan becomes, given its number."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with all that applying it needs."""

    plan: Plan
    source: Source
    catalog: Catalog
    app: App
    old: Catalog | None
    """That of the revision it begins at; None when this engine does not read its text any more."""
    have: Revision
    matching: Matching
    difference: Difference
    fills: Fills
    guards: tuple[guarding.Guard, ...] = ()
    """To be asked again in the transaction of the change: what the database itself does not refuse."""
    also: Also | None = None

    @property
    def computed(self) -> dict[str, list[str]]:
        """Entity → computed fields that records which are there do not have yet."""
        changed = {c.after.entity: c for c in self.difference.changes if c.before is not None and c.after.entity}
        fresh = {path: [f.name for f in guarding.computing(self.catalog, c)] for path, c in changed.items()}
        return {path: names for path, names in fresh.items() if names}

    def statements(self, ready: Ready = NOTHING) -> list[str]:
        return statements(self.difference.changes, self.app.dialect, self.fills, ready)


async def installed(database: Database) -> Revision:
    have = await held(database)
    if have is None:
        raise Problems([problem(CODES["tenant.empty"])])
    return have


_OLDEST = (0, 0, 0)


def require_no_downgrade(now: Source, wanted: Source) -> None:
    """Raises Problems that name each pack that would be older than the one the system has."""
    have = versions_of([texts for texts in now.packs if texts not in wanted.packs])
    then = versions_of([texts for texts in wanted.packs if texts not in now.packs])
    wrong = [
        problem(CODES["plan.downgrade"], pack=name, now=have[name], then=text)
        for name, text in then.items()
        if name in have and (version(text) or _OLDEST) < (version(have[name]) or _OLDEST)
    ]
    if wrong:
        raise Problems(wrong)


async def planned(
    source: Source,
    database: Database,
    switched: bool = False,
    beside: Sequence[Path] = (),
    played: bool = True,
    back: int = 0,
    have: Revision | None = None,
) -> Planned:
    """Raises Problems with everything that is wrong in the text, or when there is nothing to change yet. What was
    switched in the running system stays so, unless the source itself says it (``switched``). Scenarios are ``played``
    on what shall be; files that they name are looked for ``beside``. ``back``: the source is what this revision of the
    system kept. ``have``: what the database holds, of whoever has read it."""
    have = have or await installed(database)
    then = Back(back, source.layout) if back else None
    now = source_from(have.source)
    switches = source.switches if switched else switching.known(source, now.switches)
    source = replace(source, switches=switches, layout=now.layout)
    catalog, old = await asyncio.to_thread(_catalogs, source, have)
    names = await asyncio.to_thread(_called, source, now, catalog, old)
    types = {f"{e.path}.{f.name}": f.spec.type for e in old.entities.values() for f in e.fields.values()} if old else {}
    matching = match(await identity.all_of(database), have.tables, catalog, have.number + 1, names, then, types)
    if back and old is not None:
        matching.choices = await remembered(database, old, catalog, matching, back)
    source = replace(source, layout=matching.layout)
    catalog, app = await asyncio.to_thread(_compiled, source, database.dialect)
    made = difference(have.tables, (*TABLES, *app.tables))
    require_narrow([one.after for one in made.changes])
    fills = _fills(catalog, made, matching, database.dialect)
    lines = await counting.counted(database, [*_names(matching, catalog)], matching, have.tables)
    guards: list[guarding.Guard] = []
    for change in made.changes:
        lines += [line async for line in _table(database, change, catalog, matching, fills, guards)]
    tables = {table.name: table for table in have.tables}
    asked = [*guarding.of_values(old, catalog, matching, tables, database.dialect)]
    asked += [] if old is None else bounds.narrower(old, catalog, matching, tables, database.dialect)
    for guard in asked:
        guards.append(guard)
        line = await guarding.judged(database, guard)
        lines += [line] if line is not None else []
    later = made
    if old is not None:
        later = recoding.with_values(made, have.tables, recoding.recoded(old, catalog, matching), database.dialect)
        lines += await checking.lines(
            database, old, catalog, app, matching, later.changes, have.tables, fills, source.zone,
            checking.SECONDS if played else checking.AT_ONCE,
        )  # fmt: skip
        lines += await recoding.lines(database, old, catalog, matching)
        lines += compared(old, catalog, matching)
        lines += await waking.lines(database, old, catalog, matching)
        lines += await refreshing.lines(database, old, catalog, matching)
        lines += await subscribed.lines(database, old, catalog)
        lines += await entitling.rights(database, old, catalog, matching, source.zone)
    told = source != now
    if played and (told or lines):
        lines += await rehearsing.broken(source, catalog, beside)
    lines = touched(lines, old, catalog, matching)
    plan = Plan(have.number, app.digest, tuple(lines), await drift(database, have.tables), told)
    return Planned(plan, source, catalog, app, old, have, matching, later, fills, tuple(guards))


def _computing(catalog: Catalog, change: TableChange, rows: int) -> Iterator[Line]:
    wait = BESIDE if rows >= LARGE else Label("写入片刻等待", "writers wait a moment")
    fields = list(guarding.computing(catalog, change)) if rows else []
    for field in fields:
        says = Label("为已有记录计算", "computed for the records that are there")
        yield Line("computed", field.path, "online", says, rows, wait, where=str(field.where))
    fresh = {column_of(catalog, change.after.entity, field.name): field for field in fields}
    known = {index.columns for index in change.before.indexes} if change.before is not None else set()
    for index in change.after.indexes:
        if index.unique and index.columns not in known and (among := [c for c in index.columns if c in fresh]):
            field = fresh[among[0]]
            says = Label(
                "计算后须唯一；若有相同的值，应用时拒绝",
                "is unique once it is computed; values that are the same refuse the apply",
            )
            yield Line("unique", field.path, "guarded", says, rows, wait, where=str(field.where))


def _catalogs(source: Source, have: Revision) -> tuple[Catalog, Catalog | None]:
    """Beside the loop, which serves others meanwhile."""
    return source.catalog(), _old(have)


def _called(source: Source, now: Source, catalog: Catalog, old: Catalog | None) -> tuple[Names, Names]:
    """What things are called, and were until now, also those that are off: they are asked for where names may have
    changed. A switch changes none."""
    new, was = named(catalog), named(old) if old is not None else {}
    texts = [(one.packs, one.overlays) for one in (source, now)]
    if texts[0] == texts[1]:
        both = together(was, new)
        return both, both
    if not any("was" in text for both in texts for layer in both for files in layer for text in files.values()):
        return new, was
    return together(called_in(*texts[0]), new), together(called_in(*texts[1]), was)


def _compiled(source: Source, dialect: Dialect) -> tuple[Catalog, App]:
    return source.catalog(), source.app(dialect)


def _old(have: Revision) -> Catalog | None:
    """The catalog of the revision; None when this engine does not read that text any more."""
    try:
        return source_from(have.source).catalog()
    except Problems:
        return None


def _fills(catalog: Catalog, made: Difference, matching: Matching, dialect: Dialect) -> dict[tuple[str, str], str]:
    """What rows that are there get in a column that is new, or comes back, and may not be empty: a default that is a
    value, a first state. Those of states come back without an identity: they were not to be filled before."""
    fresh = {(c.after.name, name) for c in made.changes if c.before is not None for name in c.fresh}
    back = [path.rpartition(".") for path in matching.restored if path.count(".") > 1]
    fresh |= {(table_of(catalog, entity), column_of(catalog, entity, name)) for entity, _, name in back}
    empty = {(c.after.name, k.name) for c in made.changes for k in c.after.columns if not k.nullable}
    rested = {(c.after.name, k.name) for c in made.changes if c.before for k in c.before.columns if k.nullable}
    out: dict[tuple[str, str], str] = {}
    for entity in catalog.entities.values():
        table = table_of(catalog, entity.path)
        for path in entity.workflows:
            flow = catalog.workflows[path]
            key = table, column_of(catalog, entity.path, flow.field)
            out[key] = texts.constant(dialect, "text", 0, flow.initial)
            fresh |= {key} & rested
        for field in entity.fields.values():
            given = field.default.literal if field.default is not None else None
            if given is not None and has_column(field) and kind_of(field) != "uuid":
                out[table, column_of(catalog, entity.path, field.name)] = texts.constant(
                    dialect, kind_of(field), scale_of(field), given
                )
    return {key: sql for key, sql in out.items() if key in fresh and key in empty}


def _names(made: Matching, catalog: Catalog) -> Iterator[Line]:
    """What came, went, came back or is called otherwise."""

    def what(path: str) -> Label:
        return Label("字段", "field") if path.count(".") > 1 else Label("实体", "entity")

    def inside(path: str, among: list[str]) -> bool:
        return path.count(".") > 1 and path.rpartition(".")[0] in among

    for path in made.added:
        if not inside(path, made.added):
            yield Line("added", path, "safe", what(path), where=_place(catalog, path))
    for path in made.restored:
        if not inside(path, made.restored):
            says = what(path)
            told = Label(f"{says.zh}恢复，原有数据随之回来", f"{says.en} comes back, with the values it had")
            yield Line("restored", path, "safe", told, where=_place(catalog, path))
    for path, old in made.renamed.items():
        yield Line("renamed", path, "safe", Label(f"原名 {old}", f"was {old}"), where=_place(catalog, path))
    for path in made.retired:
        if not inside(path, made.retired):
            says = what(path)
            told = Label(f"{says.zh}停用：隐藏，数据保留，可恢复", f"{says.en} retired: hidden, kept, restorable")
            yield Line("retired", path, "safe", told)


def _place(catalog: Catalog, path: str) -> str:
    if path in catalog.entities:
        return str(catalog.entities[path].where)
    entity, _, name = path.rpartition(".")
    known: Any = catalog.entities[entity].fields.get(name) if entity in catalog.entities else None
    return str(known.where) if known is not None else ""


async def _table(
    database: Database,
    change: TableChange,
    catalog: Catalog,
    made: Matching,
    fills: Fills,
    guards: list[guarding.Guard],
) -> AsyncIterator[Line]:
    """What a table has to go through, and what stands in the way. ``guards`` gets those to be asked again."""
    if change.before is None:
        return
    entity = catalog.entities.get(change.after.entity)
    path = change.after.entity or change.after.name
    rows = int((await database.read(f"SELECT count(*) FROM {quote(change.before.name)}"))[0][0])
    worth = _worth_telling(change, fills, database.dialect)
    says, wait = _work(change, rows, fills, database.dialect)
    for guard in guarding.of_tables(change, catalog, fills, made, database.dialect):
        guards += [guard] if guard.kind in guarding.OURS else []
        line = await guarding.judged(database, guard)
        if line is not None:
            yield replace(line, rows=rows, lock=wait, where=line.where or _place(catalog, line.path))
    for column in change.after.columns:
        was = change.column_before(column.name)
        if was is not None and fit(was, column) == "wider":
            have, want = _kind(was.kind, was.scale), _kind(column.kind, column.scale)
            kinds = Label(f"{have} 放宽为 {want}", f"{have} becomes {want}")
            name = made.called(path, column.name)
            back = fit(column, was) != "none"
            yield Line("widened", f"{path}.{name}", "online", kinds, rows, wait, back, where=_where(entity, name))
    for line in _computing(catalog, change, rows) if entity is not None else ():
        yield line
    if worth:
        yield Line("table", change.after.name, "online" if rows else "safe", says, rows, wait)


def _where(entity: Entity | None, name: str) -> str:
    field = entity.fields.get(name) if entity is not None else None
    return str(field.where) if field is not None else ""


def _kind(kind: str, scale: int) -> str:
    return f"{kind}({scale})" if kind == "decimal" else kind


def _worth_telling(change: TableChange, fills: Fills, dialect: Dialect) -> bool:
    return bool(statements([change], dialect, fills))


def _work(change: TableChange, rows: int, fills: Fills, dialect: Dialect) -> tuple[Label, Label]:
    """(what is done to the table, what waits for it)"""
    says, wait, whole = _how(change, fills, dialect)
    return says, BESIDE if whole and rows >= LARGE else wait


def _how(change: TableChange, fills: Fills, dialect: Dialect) -> tuple[Label, Label, bool]:
    """The same, and whether they wait until every row is written."""
    if dialect == "sqlite":
        if rebuilt(change, fills):
            return (
                Label("重建表", "the table is made anew"),
                Label("期间写入等待，读取照常", "writers wait for it, readers do not"),
                True,
            )
        says = Label("加列、加索引", "columns and indexes are added")
        if redefined(change, fills):
            says = Label("改对各行的约束", "what its rows must be like is told anew")
        return says, Label("写入片刻等待", "writers wait a moment"), False
    rewritten = any(
        (was := change.column_before(c.name)) is not None and fit(was, c) != "same" for c in change.after.columns
    )
    if rewritten:
        return (
            Label("改列类型，重写表", "columns change their type, the table is written anew"),
            Label("期间读写等待（ACCESS EXCLUSIVE）", "readers and writers wait for it (ACCESS EXCLUSIVE)"),
            True,
        )
    return (
        Label("改表结构", "the table is altered"),
        Label("片刻独占（ACCESS EXCLUSIVE）", "readers and writers wait a moment (ACCESS EXCLUSIVE)"),
        False,
    )
