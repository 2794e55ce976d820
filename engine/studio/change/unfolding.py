"""The long part of a change, before the change itself: what large tables need is made and filled beside those who
write, in batches. What they write meanwhile is noted and brought over, the last of it in the transaction that switches.

The revision of before is served all along. A process that dies leaves things that can be told by their names; whoever
changes the system next takes them away and begins anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from engine.compile import backfill
from engine.compile.names import table_of
from engine.db import Body, Call, Database, Held
from engine.db.beside import LARGE, NOTED, UNDER_WAY, Columns, Shadow, noted_no_more, notes, swap
from engine.db.diff import TableChange, fit, reworded
from engine.db.steps import NOTHING, Ready, index_sql, rebuilt
from engine.fieldtypes.storage import literal, quote
from engine.plan.statement import Statement
from engine.plan.table import Index
from engine.serve.tenant.bind import Moment, call, id_array
from engine.studio.change.planning import Planned
from engine.studio.follow.batches import Batch, Progress, last_of, through, until_still

_PASSES = 6


@dataclass(slots=True)
class Unfolding:
    made: Planned
    database: Database
    moment: Moment
    tell: Progress = lambda *_: None
    still: Callable[[], None] = lambda: None
    """Raises Held when somebody else is at it."""
    shadows: list[Shadow] = field(default_factory=list)
    columns: list[Columns] = field(default_factory=list)
    computing: dict[str, list[Statement]] = field(default_factory=dict)
    """Root entity → statements that fill its documents."""
    rows: dict[str, int] = field(default_factory=dict)
    watched: list[str] = field(default_factory=list)

    @property
    def dialect(self) -> Any:
        return self.database.dialect

    @property
    def ready(self) -> Ready:
        out = Ready(swaps={s.change.after.name: list(swap(s)) for s in self.shadows})
        for one in self.columns:
            out |= one.ready()
        return out if self.shadows or self.columns else NOTHING

    @property
    def computed(self) -> set[str]:
        """Entities whose computed fields are filled ahead."""
        return {path for root in self.computing for path in self._document(root)}

    async def begin(self) -> None:
        """Everything but the switch. Does nothing where no large table is concerned."""
        await self._choose()
        if not (self.shadows or self.columns or self.computing):
            await self._indexes()
            return
        self.tell("expand", "", 0, 0)
        await self.database.change(self._expand)
        await self._probe()
        for shadow in self.shadows:
            await self._copy(shadow)
        for columns in self.columns:
            if columns.other:
                await self._fill(columns)
        for root in self.computing:
            await self._compute(root)
        await self._indexes()
        for n in range(_PASSES):
            self.tell("catch up", "", n, 0)
            if await self._batch(lambda: self.catch_up(True)) < 500:
                break

    async def _choose(self) -> None:
        changes = [c for c in self.made.difference.changes if c.before is not None]
        for change in changes:
            assert change.before is not None
            if "id" in {c.name for c in change.before.columns} and change.before.primary_key == ("id",):
                rows = await self.database.read(f"SELECT count(*) FROM {quote(change.before.name)}")
                self.rows[change.after.name] = int(rows[0][0])
        roots = {path for path in self.made.computed if self._large_document(path)}
        fresh = {path: names for path, names in self.made.computed.items() if path in roots}
        if fresh and (self.dialect == "sqlite" or all(self._exact(c) for c in changes)):
            self.computing = {
                root: list(found)
                for root, found in backfill.documents(self.made.catalog, fresh, self.made.app.dialect).items()
            }
        aware = self.computed
        for change in changes:
            if change.after.name not in self.rows:
                continue
            large = self.rows[change.after.name] >= LARGE
            recoded = large and await self._recoded(change)
            if self.dialect == "sqlite":
                if (change.after.entity in aware and change.after.entity in fresh) or (
                    large and (recoded or self._slow(change))
                ):
                    self.shadows.append(Shadow(change, self.made.fills))
                continue
            names = change.fresh if change.after.entity in aware else ()  # statements speak of all columns
            other = self._other(change) if large else ()
            other += tuple(change.recoded) if recoded else ()
            if names or other:
                self.columns.append(Columns(change, self.made.fills, names, other, self._over(change, other)))

    def _document(self, root: str) -> Iterator[str]:
        yield root
        for line in self.made.catalog.lines_of(self.made.catalog.entities[root]):
            yield from self._document(line.path)

    def _large_document(self, path: str) -> bool:
        root = self.made.catalog.root_of(self.made.catalog.entities[path]).path
        return any(self.rows.get(self._table(one), 0) >= LARGE for one in self._document(root))

    async def _recoded(self, change: TableChange) -> bool:
        """Whether rows hold what shall be called otherwise."""
        differs = "IS NOT" if self.dialect == "sqlite" else "IS DISTINCT FROM"
        terms = [f"{quote(name)} {differs} {value.format('')}" for name, value in change.recoded.items()]
        some = f"SELECT 1 FROM {quote(change.after.name)} WHERE {' OR '.join(terms)} LIMIT 1"
        return bool(terms) and bool(await self.database.read(some))

    def _slow(self, change: TableChange) -> bool:
        there = {(i.columns, i.unique, i.where) for i in change.before.indexes} if change.before else set()
        fresh = any((i.columns, i.unique, i.where) not in there for i in change.after.indexes)
        return rebuilt(change, self.made.fills) or fresh

    @staticmethod
    def _other(change: TableChange) -> tuple[str, ...]:
        out = []
        for column in change.after.columns:
            was = change.column_before(column.name)
            if was is not None and fit(was, column) in ("wider", "narrower"):
                out.append(column.name)
        return tuple(out)

    @staticmethod
    def _over(change: TableChange, other: tuple[str, ...]) -> tuple[Index, ...]:
        """Indexes over columns of another type, where all of them are there."""
        before = {c.name for c in change.before.columns} if change.before else set()
        return tuple(i for i in change.after.indexes if set(i.columns) & set(other) and set(i.columns) <= before)

    def _expand(self) -> Body[None]:
        tables: dict[str, list[str]] = {}
        for shadow in self.shadows:
            for statement in shadow.create():
                yield Call(statement)
            tables[shadow.source] = []
        for columns in self.columns:
            for statement in columns.create():
                yield Call(statement)
        for root in self.computing:
            table = self._table(root)
            have = next((t for t in self.made.have.tables if t.name == table), None)
            if have is not None:
                tables[table] = [c.name for c in have.columns]
        self.watched = list(tables)
        for statement in notes(self.dialect, tables):
            yield Call(statement)

    async def _probe(self) -> None:
        """What cannot be computed yet, since it speaks of what is only about to be, is computed in the switch."""
        for root in list(self.computing):
            try:
                await self._batch(lambda r=root: self._computed(r, ["00000000-0000-0000-0000-000000000000"]))  # type: ignore[misc]
            except Held:
                raise
            except Exception:
                del self.computing[root]

    def _exact(self, change: TableChange) -> bool:
        """Whether what is computed of its columns as they are is what will be computed of them as they shall be."""
        if change.recoded:
            return False
        for column in change.after.columns:
            was = change.column_before(column.name)
            if was is None or fit(was, column) == "same":
                continue
            if fit(was, column) != "wider" or column.kind != "decimal":
                return False
        return True

    async def _batch(self, body: Callable[[], Body[Any]]) -> Any:
        """On SQLite with references unchecked: they may point at what is only about to be."""
        self.still()
        return await (self.database.change(body) if self.dialect == "sqlite" else self.database.write(body))

    async def _through(self, step: str, what: str, total: int, batch: Batch, end: str = "") -> None:
        await through(self.dialect, self._batch, batch, lambda done: self.tell(step, what, done, total), end)

    async def _copy(self, shadow: Shadow) -> None:
        def batch(after: str, count: int) -> Body[tuple[Any, int]]:
            last, found = (yield Call(shadow.next(), (after, count)))[0]
            for statement in shadow.copy() if found else ():
                yield Call(statement, (after, last))
            return last, int(str(found))

        end = await last_of(self.database, shadow.source)  # what is written from here on is noted
        await self._through("copy", shadow.source, self.rows[shadow.change.after.name], batch, end)

    async def _fill(self, columns: Columns) -> None:
        def batch(after: str, count: int) -> Body[tuple[Any, int]]:
            last, found = (yield Call(columns.next(), (after, count)))[0]
            if found:
                yield Call(columns.fill(), (after, last))
            return last, int(str(found))

        end = await last_of(self.database, columns.table)
        await self._through("fill", columns.table, self.rows[columns.change.after.name], batch, end)

    async def _compute(self, root: str) -> None:
        table = self._named(f"SELECT id FROM {quote(self._table(root))}")
        mark = "?" if self.dialect == "sqlite" else "$"
        few = f"{table} WHERE id > {mark}1 ORDER BY id LIMIT {mark}2"

        def batch(after: str, count: int) -> Body[tuple[Any, int]]:
            ids = [str(row[0]) for row in (yield Call(few, (after, min(count, 5_000))))]
            yield from self._computed(root, ids)
            return (ids[-1] if ids else ""), len(ids)

        end = await last_of(self.database, self._table(root))
        await self._through("compute", root, self.rows.get(self._table(root), 0), batch, end)

    def _computed(self, root: str, ids: list[str]) -> Body[None]:
        asked = (call(one, self.moment, {"roots": id_array(ids)}) for one in self.computing[root] if ids)
        yield from until_still([Call(self._named(one.sql), one.values) for one in asked])

    def _table(self, entity: str) -> str:
        return table_of(self.made.catalog, entity)

    def _named(self, sql: str) -> str:
        """Over what is being made: there the tables are called so."""
        return reworded(sql, {s.change.after.name: s.name for s in self.shadows})

    def catch_up(self, told: bool = False) -> Body[int]:
        """Brings over what has been written since. In the switch nobody writes any more."""
        mark = "SELECT tab, CAST(id AS text) FROM " + NOTED
        noted = [(str(row[0]), str(row[1])) for row in (yield Call(mark))]
        if self.dialect == "postgresql":  # what is noted from here on is for the next time
            taken = yield Call(f"DELETE FROM {NOTED} RETURNING tab, CAST(id AS text)")
            noted = [(str(row[0]), str(row[1])) for row in taken]
        for shadow in self.shadows if noted else ():
            for statement in shadow.again():
                yield Call(statement)
        for root in self.computing:
            ids = [ident for table, ident in noted if table == self._table(root)]
            for n in range(0, len(ids), 2_000):
                yield from self._computed(root, ids[n : n + 2_000])
        if self.dialect == "sqlite":
            yield Call(f"DELETE FROM {NOTED}")
        return len(noted)

    @property
    def prepared(self) -> bool:
        return bool(self.shadows or self.columns or self.computing)

    def switch(self) -> Body[None]:
        """In the transaction of the change, before it touches a table."""
        if not self.watched and not self.prepared:
            return
        yield from self.catch_up()
        for statement in noted_no_more(self.dialect, self.watched):
            yield Call(statement)
        for columns in self.columns:
            for statement in columns.switch():
                yield Call(statement)

    async def _indexes(self) -> None:
        """On PostgreSQL: built beside the writers. One that is left by a change that fails is marked as ours."""
        if self.dialect == "sqlite":
            return
        wanted: list[tuple[str, str]] = []
        for change in self.made.difference.changes:
            if self.rows.get(change.after.name, 0) >= LARGE:
                wanted += [
                    (i.name, index_sql(change.after.name, i, "CONCURRENTLY "))
                    for i in change.after.indexes
                    if _buildable(i, change)
                ]
        for columns in self.columns:
            wanted += columns.ahead()
        wanted.sort(key=lambda one: "UNIQUE" in one[1])  # those refuse writers of the revision of before: last
        for n, (name, statement) in enumerate(wanted):
            self.tell("index", name, n, len(wanted))
            self.still()
            drop = f"DROP INDEX IF EXISTS {quote(name)}"
            await self.database.outside(drop)
            try:
                await self._waiting(self.database.outside(statement))
                await self.database.outside(f"COMMENT ON INDEX {quote(name)} IS {literal(UNDER_WAY)}")
            except Exception:
                with suppress(Exception):
                    await self.database.outside(drop)  # else it stays behind invalid
                raise

    async def _waiting(self, work: Any) -> None:
        """For something long, unless we are taken for dead meanwhile."""
        task = asyncio.ensure_future(work)
        while not (await asyncio.wait([task], timeout=2))[0]:
            self.still()
        await task

    async def clean(self) -> None:
        """After the switch: tables that stand aside are emptied in batches, and go."""
        for shadow in self.shadows:
            name = f"_old_{shadow.change.after.name}"

            def batch(after: str, count: int, name: str = name) -> Body[tuple[Any, int]]:
                some = f"SELECT rowid FROM {quote(name)} LIMIT {count}"
                gone = yield Call(f"DELETE FROM {quote(name)} WHERE rowid IN ({some}) RETURNING 1")
                return "", len(gone)

            await self._through("clean", name, self.rows[shadow.change.after.name], batch)
            await self.database.change(lambda n=name: _drop(n))  # type: ignore[misc]


def _drop(name: str) -> Body[None]:
    yield Call(f"DROP TABLE {quote(name)}")


def _buildable(index: Index, change: TableChange) -> bool:
    before = change.before
    if before is None:
        return False
    there = {i.name for i in before.indexes}
    stable = {c.name for c in before.columns if c in change.after.columns}
    return set(index.columns) <= stable and not index.where.count('"') and index.name not in there
