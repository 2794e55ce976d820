"""What stands in a change's way: each guard is a question to the rows that are there, and names those it finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as _field
from typing import Any

from engine.catalog import Catalog, Entity, Field
from engine.compile.names import column_of, columns_of, has_column, kind_of, table_of
from engine.db import Body, Call, Database
from engine.db.converting import converted, lost
from engine.db.diff import TableChange, fit, with_values
from engine.db.inspect import sample
from engine.db.steps import Fills
from engine.fieldtypes.spec import Option
from engine.fieldtypes.storage import column_type, link_table, literal, quote
from engine.label import Label
from engine.plan.change import KINDS, Line, Risk
from engine.plan.statement import Dialect
from engine.plan.table import Column, Index, Table
from engine.problem import Problems, problem
from engine.studio.codes import CODES
from engine.studio.follow.recoding import becoming, holding, options_of
from engine.studio.source.matching import Matching

SHOWN = 5
OURS = frozenset({"narrowed", "replaced"})
"""Guards of tables that the database lets pass: it would round, or put aside."""


@dataclass(frozen=True, slots=True)
class Guard:
    """``where`` is over ``t``, a row of ``table``; whatever row it holds for is in the way."""

    kind: str
    path: str
    table: str
    where: str
    says: Label
    risk: Risk = "guarded"
    key: str = ""
    origin: str = ""
    quiet: bool = False
    """Told only when somebody is in its way."""
    place: str = ""
    """The entity whose records are named, as it is called until the change."""
    row: str = "id"
    """The column that says which of them."""
    bars: bool = True
    """Whether those it finds are in the way, or only named."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A table whose rows are asked. ``computed``: new columns whose values are not known yet; ``key``: the column by
    which people know a record."""

    change: TableChange
    before: Table
    made: Matching
    dialect: Dialect
    path: str = ""
    fills: Fills = _field(default_factory=dict)
    computed: frozenset[str] = frozenset()
    key: str = ""


def asked_again(guards: Iterable[Guard]) -> Body[None]:
    """In the transaction of the change, before it touches a table: records may have been written since the plan was
    made. Raises Problems, one for each that somebody stands in the way of."""
    found = []
    for guard in (one for one in guards if one.bars):
        count = int((yield Call(_counting(guard)))[0][0])
        if count:
            found.append(problem(CODES["plan.since"], path=guard.path, count=count, kind=KINDS[guard.kind].en))
    if found:
        raise Problems(found)


def _counting(guard: Guard) -> str:
    return f"SELECT count(*) FROM {quote(guard.table)} AS t WHERE {guard.where}"


async def judged(database: Database, guard: Guard) -> Line | None:
    table = quote(guard.table)
    count = int((await database.read(_counting(guard)))[0][0])
    if guard.quiet and not count:
        return None
    found = await database.read(sample(table, guard.where, guard.key, SHOWN, guard.row)) if count else []
    named, records = offenders(found, guard.place)
    return Line(
        guard.kind, guard.path, guard.risk, guard.says, 0 if guard.bars else count, offenders=named,
        against=count if guard.bars else 0, where=guard.origin, records=records,
    )  # fmt: skip


def offenders(found: Iterable[Sequence[Any]], place: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Rows (id, what people know it by) of the entity ``place`` in words, and where they are."""
    rows = list(found)
    named = tuple(f"{row[1]} ({row[0]})" if row[1] else str(row[0]) for row in rows)
    return named, tuple(f"{place.replace('.', '/')}/{row[0]}" for row in rows) if place else ()


def of_tables(change: TableChange, catalog: Catalog, fills: Fills, made: Matching, dialect: Dialect) -> Iterator[Guard]:
    """What the database itself will refuse, asked before it is."""
    if change.before is None:
        return
    entity, asked = catalog.entities.get(change.after.entity), _Asked(change, change.before, made, dialect)
    if entity is not None:
        key, place = key_of(made, entity, change.before), made.before(entity.path)
        computed = frozenset(column_of(catalog, entity.path, f.name) for f in computing(catalog, change))
        for guard in _of_table(replace(asked, path=entity.path, fills=fills, computed=computed, key=key)):
            yield replace(guard, place=place)
    elif (field := set_of(catalog, change.after.name)) is not None:
        place = made.before(field.path.rpartition(".")[0])
        for guard in _constraints(replace(asked, path=field.path)):
            yield replace(guard, path=field.path, place=place, row="owner", origin=str(field.where))
    else:
        yield from _of_table(replace(asked, path=change.after.name, fills=fills))


def computing(catalog: Catalog, change: TableChange) -> Iterator[Field]:
    """The computed fields among an entity's new columns."""
    for column in columns_of(catalog, catalog.entities[change.after.entity]):
        field = column.field
        if column.name in change.fresh and field is not None and (field.compute or field.find):
            yield field


def set_of(catalog: Catalog, table: str) -> Field | None:
    """The set of references that a table holds."""
    for entity in catalog.entities.values():
        for field in entity.fields.values():
            if field.spec.type == "refs" and has_column(field):
                column = column_of(catalog, entity.path, field.name)
                if link_table(table_of(catalog, entity.path), column) == table:
                    return field
    return None


def _of_table(asked: _Asked) -> Iterator[Guard]:
    change, path, fills, made = asked.change, asked.path, asked.fills, asked.made
    before, after, key, dialect = asked.before, change.after, asked.key, asked.dialect
    for column in after.columns:
        was = change.column_before(column.name)
        at = f"{path}.{made.called(path, column.name)}"
        if was is None:
            if not column.nullable and (after.name, column.name) not in fills:
                says = Label(
                    "新必填字段没有默认值，已有记录会缺少它：给出 default，或先设为非必填",
                    "new, required and without a default, which the records there are would lack: "
                    "give it a default, or make it optional first",
                )
                yield Guard("required", at, before.name, "true" if dialect == "postgresql" else "1", says, key=key)
            continue
        sql = f"t.{quote(was.name)}"
        if was.nullable and not column.nullable and (after.name, column.name) not in fills:
            says = Label("改为必填；仍为空的记录", "becomes required; records that leave it empty")
            yield Guard("required", at, before.name, f"{sql} IS NULL", says, key=key)
        if fit(was, column) == "narrower":
            yield Guard("narrowed", at, before.name, lost(was, column, sql, dialect), _narrowed(was, column), key=key)
    for at, old in made.replaced.items():
        if at.rpartition(".")[0] != path:
            continue
        says = Label(
            "新类型装不下现有值；仍有值的记录（给新字段另取名称，旧字段即被停用并保留）",
            "its new type cannot hold what is there; records that have a value "
            "(give the new field another name: the old one is then retired and keeps them)",
        )
        held = f"t.{quote(old.physical)}"
        where = f"{held} IS NOT NULL"
        if any(c.name == old.physical and c.kind == "json" for c in before.columns):
            where += f" AND CAST({held} AS text) <> '[]'"
        yield Guard("replaced", at, before.name, where, says, key=key)
    yield from _constraints(asked)


_WRITTEN = {
    "integer": Label("整数（如 12）", "a whole number (like 12)"),
    "date": Label("日期（如 2026-01-31）", "a date (like 2026-01-31)"),
    "time": Label("时间（如 08:30）", "a time (like 08:30)"),
}


def _narrowed(was: Column, column: Column) -> Label:
    if was.kind != "text":
        return Label(
            f"小数位减少到 {column.scale}；会丢失尾数的记录", f"keeps {column.scale} decimals; records that have more"
        )
    like = f"{12.5:.{column.scale}f}"
    what = _WRITTEN.get(column.kind, Label(f"数（如 {like}）", f"a number (like {like})"))
    return Label(
        f"文本改为{what.zh}；写法不完全如此的记录（逐条改好，或给新字段另取名称，旧字段即被停用并保留）",
        f"text becomes {what.en}; records that hold something not written just so "
        "(mend them, or give the new field another name: the old one is then retired and keeps them)",
    )


def _constraints(asked: _Asked) -> Iterator[Guard]:
    change, path, computed, made = asked.change, asked.path, asked.computed, asked.made
    before, after, key, dialect = asked.before, change.after, asked.key, asked.dialect
    given, turned = _given(asked), _turned(change, dialect)
    held = {c.sqlite if dialect == "sqlite" else c.postgresql for c in before.checks}
    for check in after.checks:
        sql = check.sqlite if dialect == "sqlite" else check.postgresql
        if sql and check.check and sql not in held and not any(quote(c) in sql for c in computed):
            says = Label(
                f"检查 {check.check} 由数据库强制；不满足的记录", f"check {check.check}: records that break it"
            )
            yield Guard("checked", path, before.name, f"NOT ({with_values(sql, turned | given)})", says, key=key)
    indexes = {(i.columns, i.unique, i.where) for i in before.indexes}
    for index in after.indexes:
        known = (index.columns, index.unique, index.where) in indexes
        empty = {name for name in given if (after.name, name) not in asked.fills}
        told = [*index.columns, *(c for c in computed if quote(c) in index.where)]
        if index.unique and not known and not (empty | computed) & set(told):
            called = [made.called(path, column) for column in index.columns]
            says = Label(
                f"{'、'.join(called)} 改为唯一；重复的记录",
                f"{', '.join(called)} become unique; records that are the same",
            )
            yield Guard("unique", path, before.name, _twice(before, index, given), says, key=key)
    targets = {(k.column, k.table) for k in before.foreign_keys}
    for link in after.foreign_keys:
        if link.column not in change.fresh and (link.column, link.table) not in targets:
            column = f"t.{quote(link.column)}"
            says = Label(
                "改为引用其他实体；引用不存在的记录", "refers to another entity; records that refer to nothing"
            )
            living = f"SELECT 1 FROM {quote(link.table)} AS o WHERE o.id = {column}"
            where = f"{column} IS NOT NULL" + (f" AND NOT EXISTS ({living})" if link.table in made.there else "")
            yield Guard("refers", f"{path}.{made.called(path, link.column)}", before.name, where, says, key=key)


def _given(asked: _Asked) -> dict[str, str]:
    """New column → what the rows that are there will hold in it, of those that are not computed row by row."""
    change = asked.change
    kinds = {c.name: column_type(c.kind, c.scale, asked.dialect).split(" ")[0] for c in change.after.columns}
    return {
        name: asked.fills.get((change.after.name, name)) or f"CAST(NULL AS {kinds[name]})"
        for name in change.fresh
        if name not in asked.computed
    }


def _turned(change: TableChange, dialect: Dialect) -> dict[str, str]:
    """Column of another type → what it will hold of a row."""
    return {
        c.name: f"({converted(was, c, f't.{quote(c.name)}', dialect)})"
        for c in change.after.columns
        if (was := change.column_before(c.name)) is not None and fit(was, c) != "same"
    }


def _twice(before: Table, index: Index, given: Mapping[str, str]) -> str:
    columns = [quote(c) for c in index.columns if c not in given]  # a new one is the same in all of them
    where = with_values(index.where or "id IS NOT NULL", given)
    same = " AND ".join([*(f"o.{c} = t.{c}" for c in columns), "o.id <> t.id"])
    inner = f"SELECT o.* FROM {quote(before.name)} AS o WHERE {where}"
    own = f"t.id IN (SELECT id FROM {quote(before.name)} WHERE {where})"
    return f"{own} AND EXISTS (SELECT 1 FROM ({inner}) AS o WHERE {same})"


def of_values(
    old: Catalog | None, new: Catalog, made: Matching, have: Mapping[str, Table], dialect: Dialect
) -> Iterator[Guard]:
    """Values that rows hold and the new metadata does not know: choices, states, steps of running approvals."""
    for entity in new.entities.values():
        was = made.before(entity.path)
        held = made.held.get(entity.path)
        table = have.get(held.physical) if held is not None else None
        if table is None:
            continue
        key = key_of(made, entity, table)
        for field in entity.fields.values():
            one = made.held.get(f"{entity.path}.{field.name}")
            if one is not None and field.spec.options and kind_of(field) in ("text", "json"):
                before = options_of(old, one.path) if one.retired is None else None
                found = becoming(old, made, one, field.spec.options)
                for guard in _choices(entity, field, one.physical, before, found, table, key, dialect):
                    yield replace(guard, place=was)
        yield from _states(old, new, entity, was, table, key, made)


def key_of(made: Matching, entity: Entity, table: Table) -> str:
    """The column by which people know a record."""
    names = {c.name for c in table.columns}
    for name in (*entity.key, "number", "code", "name"):
        one = made.held.get(f"{entity.path}.{name}")
        if one is not None and one.physical in names:
            return f"t.{quote(one.physical)}"
    return ""


def _choices(
    entity: Entity,
    field: Field,
    column: str,
    before: tuple[Option, ...] | None,
    found: Mapping[str, Sequence[str]],
    table: Table,
    key: str,
    dialect: Dialect,
) -> Iterator[Guard]:
    gone = [name for name, after in found.items() if len(after) != 1]
    if not has_column(field) or (before and not gone):
        return
    now = [name for name in dict.fromkeys((*(o.name for o in field.spec.options), *found)) if name not in gone]
    split = [f"{name} → {' | '.join(found[name])}" for name in gone if found[name]]
    if split:
        says = Label(
            f"选项拆分 {'；'.join(split)}：请先逐条改好；仍在使用的记录",
            f"choices become several ({'; '.join(split)}), for people to decide; records that hold one of them",
        )
    elif before == ():
        says = Label("改为选项；值不在其中的记录", "becomes one of choices; records that hold something else")
    else:
        told = ", ".join(sorted(gone))
        says = Label(f"去掉选项 {told}；仍在使用的记录", f"loses the choices {told}; records that hold one of them")
    yield Guard(
        "choices",
        f"{entity.path}.{field.name}",
        table.name,
        holding(dialect, kind_of(field), column, "NOT IN", now),
        says,
        key=key,
        origin=str(field.where),
        quiet=before is None,
    )


def _states(
    old: Catalog | None, new: Catalog, entity: Entity, was: str, table: Table, key: str, made: Matching
) -> Iterator[Guard]:
    columns = {c.name for c in table.columns}
    before = old.entities.get(was) if old is not None else None
    held = {old.workflows[p].field: old.workflows[p] for p in before.workflows} if old and before else {}
    for path in entity.workflows:
        flow = new.workflows[path]
        column = made.names[f"{entity.path}.{flow.field}"]
        if column not in columns:
            continue
        previous = held.pop(flow.field, None)
        gone = sorted(set(previous.states) - set(flow.states)) if previous is not None else []
        if gone or previous is None:
            known = ", ".join(literal(s) for s in flow.states)
            says = Label(
                f"去掉状态 {'、'.join(gone)}；仍处于其中的记录",
                f"loses the states {', '.join(gone)}; records still there",
            )
            where = f"t.{quote(column)} NOT IN ({known})"
            yield Guard("states", path, table.name, where, says, key=key, quiet=previous is None, place=was)
        steps = sorted(set(previous.steps) - set(flow.steps)) if previous is not None else []
        if steps:
            known = ", ".join(literal(s) for s in steps)
            says = Label(
                f"去掉审批步骤 {'、'.join(steps)}；正停在那里的审批",
                f"loses the steps {', '.join(steps)}; approvals that stand there",
            )
            where = f"t.entity = {literal(table.name)} AND t.state = 'open' AND t.step IN ({known})"
            yield Guard("steps", path, "_case", where, says, place=was, row="root")
    for flow in held.values():
        says = Label("去掉工作流；仍在进行的审批", "loses its workflow; approvals still running")
        where = f"t.entity = {literal(table.name)} AND t.state = 'open'"
        yield Guard("steps", flow.path, "_case", where, says, place=was, row="root")
