"""``dougong purge``: deleting what is retired, for good; from a backup it can be put back.

The backup is a file of lines: what was there (identities, tables, columns), then every row and value as text. On SQLite
a whole copy of the database stands beside it. It is written and on disk before anything is deleted.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from engine.db import Body, Call, Database, file_of, open_database, rollups
from engine.db.carrying import copy_file
from engine.db.install import definitions
from engine.fieldtypes.storage import column_type, literal, quote, short
from engine.label import Label
from engine.plan import shape
from engine.plan.change import Line
from engine.plan.table import Column, Table
from engine.problem import Problems, problem
from engine.serve.people import audit
from engine.serve.tenant import rows
from engine.studio.change import retired
from engine.studio.change.planning import installed
from engine.studio.change.retired import Retired
from engine.studio.codes import CODES
from engine.studio.follow.turns import PATIENCE, turn
from engine.studio.source.build import source_from
from engine.studio.source.project import find_project
from engine.studio.tenant.opening import database_url
from engine.tenants import identity, revision
from engine.tenants.identity import Identity
from engine.tenants.revision import Revision

_FORMAT = 2
_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Purged:
    """``revision`` is the one it has become; ``backup`` where it can be put back from."""

    revision: int
    backup: str
    paths: tuple[str, ...]
    values: int


def purgeable(target: Path, url: str) -> list[Retired]:
    return asyncio.run(_purgeable(target, url))


def purge(target: Path, url: str, names: Sequence[str], folder: Path, note: str = "") -> Purged:
    return asyncio.run(_purge(target, url, names, folder, note))


def restore(target: Path, url: str, file: Path) -> Purged:
    return asyncio.run(_restore(target, url, file))


@asynccontextmanager
async def _held(target: Path, url: str) -> AsyncIterator[tuple[Database, Revision]]:
    database = await open_database(database_url(find_project(target), url), make=False)
    try:
        yield database, await installed(database)
    finally:
        await database.close()


async def _purgeable(target: Path, url: str) -> list[Retired]:
    async with _held(target, url) as (database, have):
        return await retired.listed(database, have)


async def _purge(target: Path, url: str, names: Sequence[str], folder: Path, note: str) -> Purged:
    async with _held(target, url) as (database, _), turn(database, "", patience=PATIENCE):
        have = await installed(database)
        wanted = retired.chosen(await retired.listed(database, have), names)
        file = await _backup(database, have, wanted, folder, database_url(find_project(target), url))
        number = await database.change(lambda: _deleted(database, have, wanted, file, note))
        return Purged(number, str(file), tuple(w.path for w in wanted), sum(w.values for w in wanted))


async def _backup(database: Database, have: Revision, wanted: Sequence[Retired], folder: Path, url: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problems([problem(CODES["purge.folder"], folder=folder, reason=error.strerror or error)]) from error
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    file = folder / f"purged-{have.number + 1}-{stamp}.ndjson"
    tables = {t.name: t for t in have.tables}
    gone = list(dict.fromkeys(name for w in wanted for name in w.tables))
    columns = [(t, c) for w in wanted for t, c in w.columns]
    head = {
        "purged": _FORMAT,
        "dialect": database.dialect,
        "identities": [asdict(one) for one in await _identities(database, wanted)],
        "tables": json.loads(shape.told(tables[name] for name in gone)),
        "columns": [[t, asdict(next(k for k in tables[t].columns if k.name == c))] for t, c in columns],
    }
    with file.open("x", encoding="utf-8") as out:
        _line(out, head)
        count = 0
        for name in gone:
            async for row in _rows(database, tables[name], [c.name for c in tables[name].columns]):
                _line(out, {"t": name, "v": row})
                count += 1
        for table, column in columns:
            async for row in _rows(database, tables[table], ["id", column]):
                if row[1] is not None:
                    _line(out, {"t": table, "c": column, "v": row})
                    count += 1
        _line(out, {"rows": count})
        out.flush()
        os.fsync(out.fileno())
    if database.dialect == "sqlite":
        await copy_file(file_of(url), file.with_suffix(".db"))
    return file


def _line(out: IO[str], whole: Any) -> None:
    out.write(json.dumps(whole, ensure_ascii=False) + "\n")


async def _identities(database: Database, wanted: Sequence[Retired]) -> list[Identity]:
    """Those that go: an entity's with those of its fields."""
    keys = {w.one.identity for w in wanted}
    entities = tuple(f"{w.path}." for w in wanted if w.path.count(".") == 1)
    return [
        one
        for one in await identity.all_of(database)
        if one.identity in keys or (one.retired is not None and entities and one.path.startswith(entities))
    ]


async def _rows(database: Database, table: Table, columns: Sequence[str]) -> AsyncIterator[list[Any]]:
    """Every row, in the order of the key; values as text on PostgreSQL, as they lie on SQLite."""
    cast = "::text" if database.dialect == "postgresql" else ""
    keys = [quote(c) for c in table.primary_key]
    given = ", ".join(f"{quote(c)}{cast}" for c in columns)
    mark = "$" if database.dialect == "postgresql" else "?"
    kinds = [
        column_type(next(c.kind for c in table.columns if c.name == k), 0, "postgresql") for k in table.primary_key
    ]
    marks = [f"{mark}{n}{f'::text::{kind}' if cast else ''}" for n, kind in enumerate(kinds, 1)]
    last: list[Any] = []
    while True:
        where = f" WHERE ({', '.join(keys)}) > ({', '.join(marks)})" if last else ""
        asked = f"SELECT {given}, {', '.join(f'{k}{cast}' for k in keys)} FROM {quote(table.name)}{where}"
        found = await database.read(f"{asked} ORDER BY {', '.join(keys)} LIMIT {_ROWS}", last)
        for row in found:
            yield list(row[: len(columns)])
        if len(found) < _ROWS:
            return
        last = list(found[-1][len(columns) :])


def _deleted(database: Database, have: Revision, wanted: Sequence[Retired], file: Path, note: str) -> Body[int]:
    yield from _unchanged(have)
    gone = {name for w in wanted for name in w.tables}
    dropped = {pair for w in wanted for pair in w.columns}
    indexes = ((t.name, i) for t in have.tables for i in t.indexes)
    resting = {(name, i.name) for name, i in indexes if dropped & {(name, c) for c in i.columns}}
    logs = source_from(have.source).app(database.dialect).logs
    yield from rollups.before_purge(logs, {*gone, *(table for table, _ in dropped)})
    for _, index in sorted(resting):
        yield Call(f"DROP INDEX {quote(index)}")
    for table, column in sorted(dropped):
        yield Call(f"ALTER TABLE {quote(table)} DROP COLUMN {quote(column)}")
    for name in sorted(gone):
        yield Call(f"DROP TABLE {quote(name)}{' CASCADE' if database.dialect == 'postgresql' else ''}")
    for entity in [w.path for w in wanted if w.path.count(".") == 1]:
        yield Call(f"DELETE FROM _identity WHERE retired IS NOT NULL AND path LIKE {literal(f'{entity}.%')}")
    for w in wanted:
        yield Call(f"DELETE FROM _identity WHERE identity = {literal(w.one.identity)}")
    tables = [
        replace(
            t,
            columns=tuple(c for c in t.columns if (t.name, c.name) not in dropped),
            indexes=tuple(i for i in t.indexes if (t.name, i.name) not in resting),
        )
        for t in have.tables
        if t.name not in gone
    ]
    says = Label("彻底删除", "deleted for good")
    lines = [Line("purged", w.path, "destructive", says, w.values, reversible=False) for w in wanted]
    told = {"paths": [w.path for w in wanted], "values": sum(w.values for w in wanted), "backup": str(file)}
    return (yield from _kept(database, have, tables, lines, "purge", told, note or f"purged, backup {file.name}"))


def _unchanged(have: Revision) -> Body[None]:
    now, _ = yield from revision.newest()
    if now != have.number:
        raise Problems([problem(CODES["plan.overtaken"], now=now, planned=have.number)])


def _kept(
    database: Database, have: Revision, tables: Sequence[Table], lines: Sequence[Line], act: str, told: Any, note: str
) -> Body[int]:
    """The same metadata over other tables, as a revision of its own."""
    number = have.number + 1
    source = source_from(have.source)
    app = source.app(database.dialect)
    changes = json.dumps([line.plain() for line in lines], ensure_ascii=False)
    yield from revision.keep(database.dialect, number, app, have.source, tables, "", note, changes)
    yield rows.insert("_audit", [audit.at_terminal(act, {"revision": number, **told})], database.dialect)
    return number


async def _restore(target: Path, url: str, file: Path) -> Purged:
    async with _held(target, url) as (database, _), turn(database, "", patience=PATIENCE):
        have = await installed(database)
        head = _head(file, database)
        with file.open(encoding="utf-8") as lines:
            back = _Back(database, have, head)
            number = await database.change(lambda: back.body(lines, file))
        return Purged(number, str(file), tuple(one["path"] for one in head["identities"]), back.count)


def _head(file: Path, database: Database) -> Any:
    """What a backup says of itself, once it has been read to its end: the last line counts those before it."""
    count, told, code = 0, None, "purge.file"
    try:
        with file.open(encoding="utf-8") as lines:
            head = json.loads(lines.readline() or "{}")
            if not isinstance(head, dict) or head.get("purged") != _FORMAT or head["dialect"] != database.dialect:
                raise Problems([problem(CODES["purge.file"], file=str(file))])
            code = "purge.cut"
            for line in lines:
                count, told = count + 1, json.loads(line)
    except OSError as error:
        raise Problems([problem(CODES["purge.folder"], folder=file, reason=error.strerror or error)]) from error
    except ValueError as error:
        raise Problems([problem(CODES[code], file=str(file))]) from error
    if not isinstance(told, dict) or told.get("rows") != count - 1:
        raise Problems([problem(CODES["purge.cut"], file=str(file))])
    return head


@dataclass(slots=True)
class _Back:
    """Everything stands again as it did, retired; what has the name of something that came since gets another one."""

    database: Database
    have: Revision
    head: Any
    count: int = 0

    def body(self, lines: IO[str], file: Path) -> Body[int]:
        yield from _unchanged(self.have)
        known = {row[0] for row in (yield Call("SELECT identity FROM _identity"))}
        tables = list(shape.of_text(json.dumps(self.head["tables"])))
        there = {t.name for t in self.have.tables}
        taken = [t.name for t in tables if t.name in there] + [
            one["path"] for one in self.head["identities"] if one["identity"] in known
        ]
        missing = [t for t, _ in self.head["columns"] if t not in there]
        if taken or missing:
            raise Problems([problem(CODES["purge.taken"], names=", ".join(taken or missing))])
        for statement in definitions(tables, self.database.dialect):
            yield Call(statement)
        names = dict[tuple[str, str], Column]()
        after = {t.name: t for t in (*self.have.tables, *tables)}
        for table, told in self.head["columns"]:
            column = replace(Column(**told), nullable=True)
            free = _free(column.name, {c.name for c in after[table].columns})
            names[table, column.name] = replace(column, name=free)
            yield Call(
                f"ALTER TABLE {quote(table)} ADD COLUMN {quote(free)}"
                f" {column_type(column.kind, column.scale, self.database.dialect)}"
            )
            after[table] = replace(after[table], columns=(*after[table].columns, names[table, column.name]))
        lines.seek(0)
        lines.readline()
        yield from self._filled(lines, after, names)
        yield from identity.keep(self.database.dialect, [self._identity(one, names) for one in self.head["identities"]])
        says = Label("从备份恢复，停用状态", "put back from a backup, retired")
        paths = [one["path"] for one in self.head["identities"]]
        told = {"paths": paths, "values": self.count, "backup": str(file)}
        put = [Line("unpurged", path, "safe", says) for path in paths]
        return (
            yield from _kept(self.database, self.have, list(after.values()), put, "unpurge", told, f"from {file.name}")
        )

    def _filled(self, lines: IO[str], after: dict[str, Table], names: dict[tuple[str, str], Column]) -> Body[None]:
        for text in lines:
            one = json.loads(text)
            if "rows" in one:
                return
            table = after[one["t"]]
            self.count += 1
            if "c" in one:
                column = names[one["t"], one["c"]]
                (ident, value), kind = one["v"], self._typed(column, 2)
                first = "$1::text::uuid" if self.database.dialect == "postgresql" else "?1"
                yield Call(
                    f"UPDATE {quote(table.name)} SET {quote(column.name)} = {kind} WHERE id = {first}", (ident, value)
                )
                continue
            marks = ", ".join(self._typed(c, n) for n, c in enumerate(table.columns, 1))
            columns = ", ".join(quote(c.name) for c in table.columns)
            yield Call(f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({marks})", tuple(one["v"]))

    def _typed(self, column: Column, n: int) -> str:
        if self.database.dialect == "sqlite":
            return f"?{n}"
        return f"${n}::text::{column_type(column.kind, column.scale, 'postgresql').partition(' COLLATE')[0]}"

    def _identity(self, told: Any, names: dict[tuple[str, str], Column]) -> Identity:
        one = Identity(**told)
        moved = next((c.name for (_, name), c in names.items() if name == one.physical), one.physical)
        return replace(one, physical=moved) if one.path.count(".") > 1 else one


def _free(name: str, taken: set[str]) -> str:
    n, made = 2, name
    while made in taken:
        made, n = short(f"{name}__{n}"), n + 1
    return made


def told(found: Sequence[Retired], language: str) -> str:
    zh = language.startswith("zh")
    if not found:
        return "没有停用的数据。" if zh else "Nothing is retired."
    return "\n".join(_told(one, zh) for one in found)


def _told(one: Retired, zh: bool) -> str:
    also = (f"；连同 {'、'.join(one.also)}" if zh else f"; with {', '.join(one.also)}") if one.also else ""
    since = f"第 {one.one.retired} 版停用" if zh else f"retired by revision {one.one.retired}"
    held = f"{one.values} 行有值" if zh else f"{one.values} rows hold values"
    return f"{one.path:<40} {since}, {held}{also}"


def plain(found: Sequence[Retired]) -> Iterator[dict[str, Any]]:
    for one in found:
        yield {
            "path": one.path, "retired": one.one.retired, "values": one.values, "tables": list(one.tables),
            "columns": [f"{t}.{c}" for t, c in one.columns], "also": list(one.also),
        }  # fmt: skip
