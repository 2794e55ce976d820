"""Checks that only the engine asks (those over other records, along references, at a move), when they are new or
others: records that break them are in nobody's way, but should be known, as those outside narrower bounds.

They are asked of what the tables will hold. What takes too long to ask is said, not waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.ask import Ask
from engine.catalog import Catalog, Check, Entity
from engine.compile import checks, emit
from engine.compile.draft import Draft
from engine.compile.names import owner_column, table_of
from engine.db import Database, Stale
from engine.db.converting import converted
from engine.db.diff import TableChange
from engine.db.inspect import sample
from engine.db.steps import Fills
from engine.expr.build.tree import by_columns
from engine.fieldtypes.storage import column_type, quote
from engine.label import Label
from engine.plan.app import App
from engine.plan.change import Line
from engine.plan.statement import Dialect
from engine.plan.table import Table
from engine.serve.tenant.bind import ENGINE, Moment, call, clock
from engine.serve.tenant.tenancy import Tenant
from engine.studio.change.guarding import SHOWN, computing, key_of, offenders
from engine.studio.source.matching import Matching

SECONDS, AT_ONCE = 5.0, 0.1
"""So long the checks of a plan are asked, all together; those of a switch, which acts at once."""
_KNOWN = frozenset({"now", "today", "zone", "language", "setting", "literal"})
"""What a question to many records can be given; who saves, and what was there before, are of each save."""
_JUDGED: Mapping[str, Label] = {
    "save": Label("再次保存时检查", "are judged when they are saved again"),
    "submit": Label("提交时检查", "are judged when they are submitted"),
    "approve": Label("批准时检查", "are judged when they are approved"),
}
_SAVER = Label("取决于由谁保存、改前的值，无法逐条核对", "depends on who saves it or on what was there before")
_FRESH = Label("用到变更后才有的值，无法核对", "speaks of what is only there after the change")
_LONG = Label("记录太多，未能及时核对完", "takes too long to be asked of all records")


@dataclass(frozen=True, slots=True)
class Later:
    """The tables as they will be, over those that are there."""

    changes: Mapping[str, TableChange]
    fills: Fills
    dialect: Dialect

    def relation(self, entity: str, table: str) -> str:
        """What stands for a table in a FROM."""
        change = self.changes.get(table)
        if change is None or (change.before is not None and not (self._moved(change) or change.recoded)):
            return quote(table)
        columns = ", ".join(f"{value} AS {quote(name)}" for name, value in self._values(change))
        source = f"FROM {quote(table)} AS w" if change.before is not None else "WHERE 1 = 0"
        return f"(SELECT {columns} {source})"

    def _moved(self, change: TableChange) -> bool:
        return any(change.column_before(column.name) != column for column in change.after.columns)

    def _values(self, change: TableChange) -> Iterator[tuple[str, str]]:
        for column in change.after.columns:
            fill, was = self.fills.get((change.after.name, column.name)), change.column_before(column.name)
            kind = column_type(column.kind, column.scale, self.dialect).split(" ")[0]
            if was is None:
                yield column.name, fill or f"CAST(NULL AS {kind})"
                continue
            told = change.recoded.get(column.name)
            sql = told.format("w.") if told else converted(was, column, f"w.{quote(column.name)}", self.dialect)
            yield column.name, f"COALESCE({sql}, {fill})" if fill else sql


async def lines(
    database: Database,
    old: Catalog,
    new: Catalog,
    app: App,
    made: Matching,
    changes: Iterable[TableChange],
    have: Iterable[Table],
    fills: Fills,
    zone: str,
    seconds: float,
) -> list[Line]:
    """One for each that somebody breaks, or that could not be asked."""
    found = list(_others(old, new, app, made))
    if not found:
        return []
    later = Later({change.after.name: change for change in changes}, fills, database.dialect)
    fresh = {
        (change.after.entity, field.name)
        for change in later.changes.values()
        if change.before is not None and change.after.entity in new.entities
        for field in computing(new, change)
    }
    tables = {table.name: table for table in have}
    settings = await Tenant("", app, database, Ask(), zone=zone).settings_of(app)
    moment = Moment(database.dialect, ENGINE, clock(), zone, settings)
    until, out = asyncio.get_running_loop().time() + seconds, []
    for entity, check in found:
        table = tables[table_of(new, entity.path)]
        why, rows = await _asked(database, new, entity, check, later, fresh, key_of(made, entity, table), moment, until)
        if why is not None:
            out.append(_not_asked(entity, check, why))
        elif rows:
            out.append(_broken(entity, check, rows, made.before(entity.path)))
    return out


def _others(old: Catalog, new: Catalog, app: App, made: Matching) -> Iterator[tuple[Entity, Check]]:
    """Those that are new or say something else, of entities that were there, and that no table enforces."""
    enforced = {(table.entity, check.check) for table in app.tables for check in table.checks}
    for entity in new.entities.values():
        before = old.entities.get(made.before(entity.path))
        if before is None or before is entity or entity.path not in made.held:
            continue
        for check in entity.checks.values():
            was = before.checks.get(check.name)
            same = was is not None and (was == check or _meant(old, was) == _meant(new, check))
            if not same and (entity.path, check.name) not in enforced:
                yield entity, check


def _meant(catalog: Catalog, check: Check) -> Any:
    """What it asks, when and how strictly, whatever things are called."""
    trees = [by_columns(one.tree) if one is not None else None for one in (check.that, check.rows, check.when)]
    strict = check.level.literal or by_columns(check.level.expr.tree if check.level.expr is not None else None)
    return trees, table_of(catalog, check.none) if check.none else "", check.at, strict


async def _asked(
    database: Database,
    catalog: Catalog,
    entity: Entity,
    check: Check,
    later: Later,
    fresh: set[tuple[str, str]],
    key: str,
    moment: Moment,
    until: float,
) -> tuple[Label | None, list[tuple[Any, ...]]]:
    """Why it could not be asked, or rows of (how many, id, key)."""
    draft = Draft(database.dialect)
    rows = emit.Rows("t", relation=later.relation)
    where = f"t.deleted_at IS NULL AND {checks.breaks(draft, catalog, check, rows)}"
    if entity.owned_by:
        owner = quote(table_of(catalog, entity.owned_by))
        column = quote(owner_column(catalog, entity))
        where += f" AND EXISTS (SELECT 1 FROM {owner} AS o WHERE o.id = t.{column} AND o.deleted_at IS NULL)"
    source = later.relation(entity.path, table_of(catalog, entity.path))
    asked = draft.finish(sample(source, where, key, SHOWN, counted=True))
    exprs = [one for one in (check.that, check.rows, check.when) if one is not None]
    if fresh & {read for one in exprs for read in one.reads}:
        return _FRESH, []
    if any(param.source not in _KNOWN for param in asked.params):
        return _SAVER, []
    made = call(asked, moment)
    try:
        async with asyncio.timeout_at(until):
            return None, await database.read(made.sql, made.values)
    except TimeoutError:
        return _LONG, []
    except Stale:
        return _FRESH, []


def _broken(entity: Entity, check: Check, rows: list[tuple[Any, ...]], place: str) -> Line:
    zh, en = _named(check)
    judged = _JUDGED.get(check.at, _JUDGED["save"])
    says = Label(
        f"{zh}：不满足的记录保留原样，{judged.zh}", f"{en}: records that break it keep what they have, and {judged.en}"
    )
    named, records = offenders([row[1:] for row in rows], place)
    return Line(
        "checked", entity.path, "guarded", says, int(rows[0][0]), offenders=named, records=records,
        where=str(check.where),
    )  # fmt: skip


def _not_asked(entity: Entity, check: Check, why: Label) -> Line:
    """In nobody's way, and no reason to look twice."""
    zh, en = _named(check)
    says = Label(f"{zh}：未对现有记录核对（{why.zh}）", f"{en}: not asked of the records there are, as it {why.en}")
    return Line("checked", entity.path, "safe", says, where=str(check.where))


def _named(check: Check) -> tuple[str, str]:
    warns = check.level.literal == "warning"
    return f"检查 {check.name}{'（仅提醒）' if warns else ''}", f"check {check.name}{' (a warning)' if warns else ''}"
