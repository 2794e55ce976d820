"""SQL for changing a large table beside those who write to it: what is made ahead, what notes their writes meanwhile.

Everything made ahead can be told by its name (``_new_…``, ``_old_…``, ``_touch…``) or its comment, so whoever comes
after a change that died finds all of it and takes it away. Triggers only write down which record was written
(``_touched``), or compute a column; neither can refuse a write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.db.call import Body, Call, Database
from engine.db.converting import converted
from engine.db.diff import TableChange, reworded
from engine.db.install import definitions
from engine.db.steps import Fills, Ready, copying, index_sql, new_name
from engine.fieldtypes.storage import column_type, literal, quote, short
from engine.plan.statement import Dialect
from engine.plan.table import Index

LARGE = 20_000
"""Rows from which on a table is changed beside its writers."""
NOTED = "_touched"
UNDER_WAY = "dougong: under way"
_OURS = ("_new_", "_old_", "_touch")


def ours(name: str) -> bool:
    """Whether a table is one of those that are made ahead."""
    return name.startswith(_OURS)


def notes(dialect: Dialect, tables: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Begins to note which rows are written; table → the columns whose changes count (PostgreSQL)."""
    kind = "uuid" if dialect == "postgresql" else "text"
    yield f"CREATE TABLE {NOTED} (tab text NOT NULL, id {kind} NOT NULL, PRIMARY KEY (tab, id))"
    if dialect == "postgresql":
        yield (
            "CREATE FUNCTION _touch() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN"
            f" INSERT INTO {NOTED} VALUES (TG_TABLE_NAME, COALESCE(NEW.id, OLD.id)) ON CONFLICT DO NOTHING;"
            " RETURN NULL; END $body$"
        )
    for table, columns in tables.items():
        if dialect == "postgresql":
            of = ", ".join(quote(c) for c in columns)
            yield (
                f"CREATE TRIGGER {quote(short(f'_touch_{table}'))} AFTER INSERT OR DELETE OR UPDATE OF {of}"
                f" ON {quote(table)} FOR EACH ROW EXECUTE FUNCTION _touch()"
            )
            continue
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
            known = f"SELECT 1 FROM {NOTED} WHERE tab = {literal(table)} AND id = {row}.id"
            yield (
                f"CREATE TRIGGER {quote(f'_touch_{event.lower()}_{table}')} AFTER {event} ON {quote(table)} BEGIN"
                f" INSERT INTO {NOTED} SELECT {literal(table)}, {row}.id WHERE NOT EXISTS ({known}); END"
            )


def noted_no_more(dialect: Dialect, tables: Iterable[str]) -> Iterator[str]:
    if dialect == "postgresql":
        yield "DROP FUNCTION IF EXISTS _touch() CASCADE"
    for table in tables if dialect == "sqlite" else ():
        for event in ("insert", "update", "delete"):
            yield f"DROP TRIGGER IF EXISTS {quote(f'_touch_{event}_{table}')}"
    yield f"DROP TABLE IF EXISTS {NOTED}"


@dataclass(frozen=True, slots=True)
class Shadow:
    """SQLite: a table as it will be, filled beside the one that is; then they change places."""

    change: TableChange
    fills: Fills

    @property
    def source(self) -> str:
        assert self.change.before is not None
        return self.change.before.name

    @property
    def name(self) -> str:
        return new_name(self.change.after.name)

    def create(self) -> Iterator[str]:
        table = self.change.after
        beside = replace(table, name=self.name, indexes=())
        yield definitions([beside], "sqlite")[0]
        for index in table.indexes:
            yield index_sql(self.name, replace(index, name=new_name(index.name)))

    def next(self) -> str:
        """Takes (after, count), gives the last id of the next rows and how many they are."""
        rows = f"SELECT id FROM {quote(self.source)} WHERE id > ?1 ORDER BY id LIMIT ?2"
        return f"SELECT max(id), count(*) FROM ({rows})"

    def copy(self) -> tuple[str, str]:
        """Each takes (after, last). Rows that do not fit yet, since others are there as they were, are noted."""
        names, given = copying(self.change, self.fills)
        within = "id > ?1 AND id <= ?2"
        table = literal(self.source)
        rows = f"SELECT {given} FROM {quote(self.source)} WHERE {within}"
        return (
            f"INSERT OR IGNORE INTO {quote(self.name)} ({names}) {rows}",
            f"INSERT OR IGNORE INTO {NOTED} SELECT {table}, id FROM {quote(self.source)} WHERE {within}"
            f" AND id NOT IN (SELECT id FROM {quote(self.name)} WHERE {within})",
        )

    def again(self) -> tuple[str, str]:
        """Brings what was written meanwhile over, all of it at once: of rows that changed places none is in the way."""
        names, given = copying(self.change, self.fills)
        which = f"id IN (SELECT id FROM {NOTED} WHERE tab = {literal(self.source)})"
        return (
            f"DELETE FROM {quote(self.name)} WHERE {which}",
            f"INSERT INTO {quote(self.name)} ({names}) SELECT {given} FROM {quote(self.source)} WHERE {which}",
        )


@dataclass(frozen=True, slots=True)
class Columns:
    """PostgreSQL: columns of a table that are made and filled ahead. ``fresh`` are new; ``other``: those whose values,
    of another type or called otherwise, lie in a second column until it takes the first one's place."""

    change: TableChange
    fills: Fills
    fresh: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = field(default=())

    @property
    def table(self) -> str:
        assert self.change.before is not None
        return self.change.before.name

    def _values(self) -> list[tuple[str, str, str, str]]:
        """(column, second column, its type, its value of row ``{}``)"""
        out = []
        for name in self.other:
            column = next(c for c in self.change.after.columns if c.name == name)
            was = self.change.column_before(name)
            assert was is not None
            value = self.change.recoded.get(name) or converted(was, column, "{0}" + quote(name), "postgresql")
            if was.kind == "decimal" and column.kind == "integer":  # what cannot be held stops nobody
                value = f"CASE WHEN abs({{0}}{quote(name)}) < 9e18 THEN {value} END"
            kind = column_type(column.kind, column.scale, "postgresql")
            out.append((name, new_name(name), kind, value))
        return out

    def create(self) -> Iterator[str]:
        alter = f"ALTER TABLE {quote(self.table)}"
        for name in self.fresh:
            column = next(c for c in self.change.after.columns if c.name == name)
            fill = self.fills.get((self.change.after.name, name))
            tail = f" DEFAULT {fill}" if fill else ""
            yield f"{alter} ADD COLUMN {quote(name)} {column_type(column.kind, column.scale, 'postgresql')}{tail}"
            yield f"COMMENT ON COLUMN {quote(self.table)}.{quote(name)} IS {literal(UNDER_WAY)}"
        values = self._values()
        for _, second, kind, _ in values:
            yield f"{alter} ADD COLUMN {quote(second)} {kind}"
            yield f"COMMENT ON COLUMN {quote(self.table)}.{quote(second)} IS {literal(UNDER_WAY)}"
        if values:
            name = quote(short(f"_touch_into_{self.table}"))
            sets = " ".join(f"NEW.{quote(second)} := {value.format('NEW.')};" for _, second, _, value in values)
            yield (
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
                f" $body$ BEGIN {sets} RETURN NEW; END $body$"
            )
            yield (
                f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {quote(self.table)}"
                f" FOR EACH ROW EXECUTE FUNCTION {name}()"
            )

    def fill(self) -> str:
        """Takes (after, last)."""
        values = self._values()
        sets = ", ".join(f"{quote(second)} = {value.format('')}" for _, second, _, value in values)
        differs = " OR ".join(f"{quote(second)} IS DISTINCT FROM {value.format('')}" for _, second, _, value in values)
        return f"UPDATE {quote(self.table)} SET {sets} WHERE id > $1 AND id <= $2 AND ({differs})"

    def next(self) -> str:
        rows = f"SELECT id FROM {quote(self.table)} WHERE id > $1 ORDER BY id LIMIT $2"
        return f"SELECT max(id::text)::uuid, count(*) FROM ({rows}) AS r"

    def ahead(self) -> Iterator[tuple[str, str]]:
        """(name, statement) of indexes over second columns, to be built while others write."""
        seconds = {old: second for old, second, _, _ in self._values()}
        for index in self.indexes:
            columns = tuple(seconds.get(c, c) for c in index.columns)
            name = short(new_name(index.name))
            made = replace(index, name=name, columns=columns, where=reworded(index.where, seconds))
            yield name, index_sql(self.table, made, "CONCURRENTLY ")

    def switch(self) -> Iterator[str]:
        """Before the table is altered otherwise."""
        if self.other:
            yield f"DROP FUNCTION {quote(short(f'_touch_into_{self.table}'))}() CASCADE"
        alter = f"ALTER TABLE {quote(self.table)}"
        for name in self.fresh:
            yield f"COMMENT ON COLUMN {quote(self.table)}.{quote(name)} IS NULL"
            if (self.change.after.name, name) in self.fills:
                yield f"{alter} ALTER COLUMN {quote(name)} DROP DEFAULT"
            if not next(c for c in self.change.after.columns if c.name == name).nullable:
                yield f"{alter} ALTER COLUMN {quote(name)} SET NOT NULL"

    def ready(self) -> Ready:
        table = self.change.after.name
        return Ready(
            fresh=frozenset((table, name) for name in self.fresh),
            other=frozenset((table, name) for name in self.other),
            indexes=frozenset(index.name for index in self.indexes),
        )


def left(dialect: Dialect) -> str:
    """Gives a statement a row, each taking away something that a change which died has left."""
    if dialect == "sqlite":
        return (
            "SELECT 'DROP ' || type || ' \"' || name || '\"' FROM sqlite_master WHERE type IN ('trigger', 'table')"
            " AND (name GLOB '_new_*' OR name GLOB '_old_*' OR name GLOB '_touch*') ORDER BY type DESC"
        )
    schema = "current_schema()::regnamespace"
    marked = f"d.classoid = 'pg_class'::regclass AND d.description = {literal(UNDER_WAY)}"
    return (
        "SELECT 'DROP FUNCTION ' || quote_ident(proname) || '() CASCADE' FROM pg_proc"
        rf" WHERE pronamespace = {schema} AND proname LIKE '\_touch%'"
        f" UNION ALL SELECT 'DROP TABLE ' || quote_ident(c.relname) FROM pg_class AS c"
        f" WHERE c.relnamespace = {schema} AND c.relkind = 'r' AND c.relname = {literal(NOTED)}"
        f" UNION ALL SELECT 'DROP INDEX ' || quote_ident(c.relname) FROM pg_class AS c"
        f" JOIN pg_index AS i ON i.indexrelid = c.oid"
        f" LEFT JOIN pg_description AS d ON d.objoid = c.oid AND d.objsubid = 0 AND {marked}"
        f" WHERE c.relnamespace = {schema} AND (d.objoid IS NOT NULL OR NOT i.indisvalid)"
        " UNION ALL SELECT 'ALTER TABLE ' || quote_ident(c.relname) || ' DROP COLUMN ' || quote_ident(a.attname)"
        " FROM pg_description AS d JOIN pg_class AS c ON c.oid = d.objoid"
        " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND NOT a.attisdropped"
        f" WHERE c.relnamespace = {schema} AND d.objsubid > 0 AND {marked}"
    )


async def cleared(database: Database) -> int:
    """Takes away what a change that died has left; how much that was. Columns go after what looks at them."""
    found = [str(row[0]) for row in await database.read(left(database.dialect))]
    for statement in found:
        if database.dialect == "sqlite":  # with references checked, a table would be emptied row by row first
            await database.change(lambda s=statement: _one(s))  # type: ignore[misc]
        else:
            await database.outside(statement)
    return len(found)


def _one(statement: str) -> Body[None]:
    yield Call(statement)


def swap(shadow: Shadow) -> Iterator[str]:
    """Inside the transaction of the change, references unchecked: the old table stands aside, to be emptied later."""
    before, after = shadow.change.before, shadow.change.after
    assert before is not None
    aside = f"_old_{after.name}"
    yield "PRAGMA legacy_alter_table=ON"  # else whatever refers to the table would follow the old one
    yield f"ALTER TABLE {quote(after.name)} RENAME TO {quote(aside)}"
    yield f"ALTER TABLE {quote(shadow.name)} RENAME TO {quote(after.name)}"
    yield "PRAGMA legacy_alter_table=OFF"
    yield "PRAGMA writable_schema=ON"  # SQLite renames no index; this is how it renames tables itself
    yield from _indexes(aside, [(i, f"_old_{i.name}") for i in before.indexes], lambda i: i.name)
    yield from _indexes(after.name, [(i, i.name) for i in after.indexes], lambda i: new_name(i.name))
    yield "PRAGMA writable_schema=RESET"


def _indexes(table: str, wanted: Sequence[tuple[Index, str]], now: object) -> Iterator[str]:
    for index, name in wanted:
        called = now(index)  # type: ignore[operator]
        sql = index_sql(table, replace(index, name=name))
        yield (
            f"UPDATE sqlite_master SET name = {literal(name)}, sql = {literal(sql)}"
            f" WHERE type = 'index' AND name = {literal(called)}"
        )
