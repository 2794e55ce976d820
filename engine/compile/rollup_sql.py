"""Rollups as SQL: their tables, how changes are folded into them, how they are filled and verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.ask.kept import SIGN, Kept, Over, columns_of, contributions
from engine.ask.symbols import KeptDimension, RollupSymbol
from engine.catalog import Catalog
from engine.compile import rollup_triggers
from engine.compile.names import table_of
from engine.expr.build.binder import Binder
from engine.expr.build.sql import Context, Joins, emit
from engine.fieldtypes.storage import column_type, quote, short
from engine.plan.rollup import Beside, ChangeLog, Rollup
from engine.plan.statement import Dialect

BATCH = 10_000
"""Rows of a log folded at once: on SQLite writers wait meanwhile."""


def logs(catalog: Catalog, symbols: Mapping[str, tuple[RollupSymbol, ...]], dialect: Dialect) -> tuple[ChangeLog, ...]:
    return tuple(_log(catalog, entity, found, dialect) for entity, found in symbols.items())


def _log(catalog: Catalog, entity: str, symbols: tuple[RollupSymbol, ...], dialect: Dialect) -> ChangeLog:
    made = [_Sql(catalog, symbol, dialect) for symbol in symbols]
    table = symbols[0].log
    sqlite = dialect == "sqlite"
    return ChangeLog(
        entity,
        table,
        rollup_triggers.tables(catalog, symbols[0]),
        (*_create_log(symbols[0], dialect), *rollup_triggers.create(catalog, symbols[0], dialect)),
        (*rollup_triggers.drop(catalog, symbols[0], dialect), f"DROP TABLE IF EXISTS {quote(table)}"),
        tuple(one.rollup() for one in made),
        _fold_sqlite(table, made) if sqlite else _fold_postgresql(table, made),
        f"SELECT COALESCE((SELECT _seq FROM {quote(table)} ORDER BY _seq LIMIT 1 OFFSET {BATCH - 1}),"
        f" (SELECT MAX(_seq) FROM {quote(table)}))"
        if sqlite
        else "",
    )


def _create_log(symbol: RollupSymbol, dialect: Dialect) -> tuple[str, ...]:
    columns = [f"{quote(name)} {column_type(kind, scale, dialect)}" for name, kind, scale in symbol.leaves.values()]
    table = quote(symbol.log)
    if dialect == "sqlite":
        head = ("_seq INTEGER PRIMARY KEY", f"{SIGN} INTEGER NOT NULL")
        return (f"CREATE TABLE {table} ({', '.join((*head, *columns))})",)
    return (
        f"CREATE TABLE {table} ({', '.join((f'{SIGN} smallint NOT NULL', *columns))})",
        # Emptied all day: it is to stay small however large the tables are.
        f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)",
    )


def _fold_postgresql(log: str, made: list[_Sql]) -> tuple[str, ...]:
    """One statement takes rows out of the log and adds them everywhere. The locks keep other folders out, not
    writers of records, who only append, and not readers."""
    tables = ", ".join(quote(one.symbol.table) for one in made)
    taken = (
        f"taken AS (DELETE FROM {quote(log)} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {quote(log)} LIMIT {BATCH * 2}))"
        " RETURNING *)"
    )
    parts = [f"into{n} AS ({one.add('taken', '')})" for n, one in enumerate(made)]
    return (
        f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE",
        f"WITH {', '.join((taken, *parts))} SELECT count(*) FROM taken",
    )


def _fold_sqlite(log: str, made: list[_Sql]) -> tuple[str, ...]:
    reach = "_seq <= ?1"
    return (
        *(one.add(quote(log), reach) for one in made),
        f"DELETE FROM {quote(log)} WHERE {reach}",
        "SELECT changes()",
    )


@dataclass(frozen=True, slots=True)
class _Sql:
    """The statements of one rollup."""

    catalog: Catalog
    symbol: RollupSymbol
    dialect: Dialect

    @property
    def dimensions(self) -> list[tuple[str, KeptDimension]]:
        return [(f"d{n}", d) for n, d in enumerate(self.symbol.dimensions)]

    @property
    def sums(self) -> list[str]:
        """The columns that are added up."""
        measures = enumerate(self.symbol.measures)
        return ["n", *(c for n, m in measures for c in columns_of(m, n, self.dialect))]

    def rollup(self) -> Rollup:
        table = quote(self.symbol.table)
        return Rollup(
            self.symbol.name,
            self.symbol.table,
            self.create(),
            self.insert(self.records()),
            self.verify(),
            f"DELETE FROM {table} WHERE {' AND '.join(f'{c} = 0' for c in self.sums)}",
            self.beside() if self.dialect == "sqlite" else None,
        )

    def beside(self) -> Beside:
        table = short(f"_new{self.symbol.table}")
        names = ["key", *(c for c, _ in self.dimensions), *self.sums]
        given = ", ".join(f"json_extract(value, '$[{n}]')" for n in range(len(names)))
        return Beside(
            table,
            self.create(table, "_{tag}"),
            self.groups(self.records()),
            f"INSERT INTO {quote(table)} ({', '.join(names)}) SELECT {given} FROM json_each(?1)",
        )

    def create(self, table: str = "", tag: str = "") -> tuple[str, ...]:
        dialect, table = self.dialect, table or self.symbol.table
        columns = ["key text NOT NULL PRIMARY KEY" if dialect == "sqlite" else 'key text COLLATE "C" PRIMARY KEY']
        columns += [f"{c} {column_type(d.kind, d.scale, dialect)}" for c, d in self.dimensions]
        for name in self.sums:
            kind = "INTEGER" if dialect == "sqlite" else "bigint" if self._counts(name) else "numeric"
            # SQLite makes a float of what leaves 64 bits; such a sum is refused, and stays pending.
            whole = f" CHECK (typeof({name}) = 'integer')" if dialect == "sqlite" else ""
            columns.append(f"{name} {kind} NOT NULL{whole}")
        tail = " WITHOUT ROWID" if dialect == "sqlite" else " WITH (fillfactor = 70)"
        by = ", ".join(c for c, _ in self.dimensions)
        return (
            f"CREATE TABLE {quote(table)} ({', '.join(columns)}){tail}",
            f"CREATE INDEX {quote(short(f'{self.symbol.table}_ix') + tag)} ON {quote(table)} ({by})",
        )

    def _counts(self, column: str) -> bool:
        return column == "n" or self.symbol.measures[int(column[1:])].func == "COUNT"

    def flow(self, source: str, where: str, over: Over | None, sign: str) -> str:
        """What each row adds: dimensions and contributions. ``over``: the row is one of the log."""
        binder = Binder(self.dialect)
        joins = Joins(binder)
        context = Context(binder, "r", joins=joins)

        def sql(node: object) -> str:
            return emit(over.say(node) if over is not None else node, context)  # type: ignore[arg-type]

        columns = [f"{sql(d.node)} AS {c}" for c, d in self.dimensions]
        columns.append(f"{sign} AS n")
        for n, measure in enumerate(self.symbol.measures):
            item = sql(measure.item) if measure.item is not None else ""
            condition = sql(measure.where) if measure.where is not None else ""
            parts = contributions(measure, item, condition, sign, self.dialect)
            names = columns_of(measure, n, self.dialect)
            columns += [f"{part} AS {name}" for part, name in zip(parts, names, strict=True)]
        terms = [where] if where else []
        if self.symbol.rows is not None:
            terms.append(sql(self.symbol.rows))
        wanted = f" WHERE {' AND '.join(terms)}" if terms else ""
        return f"SELECT {', '.join(columns)} FROM {source} AS r{joins.sql}{wanted}"

    def records(self) -> str:
        return self.flow(quote(table_of(self.catalog, self.symbol.of)), "r.deleted_at IS NULL", None, "1")

    def pending(self, source: str, where: str) -> str:
        return self.flow(source, where, Kept(self.symbol).pending, f"r.{SIGN}")

    def summed(self, flow: str, having: str = "") -> str:
        names = [c for c, _ in self.dimensions]
        columns = [*(f"x.{c} AS {c}" for c in names), *(f"COALESCE(SUM(x.{c}), 0) AS {c}" for c in self.sums)]
        by = ", ".join(f"x.{c}" for c in names)
        return f"SELECT {', '.join(columns)} FROM ({flow}) AS x WHERE true GROUP BY {by}{having}"

    def groups(self, flow: str) -> str:
        listed = ", ".join(f"g.{c}" for c, _ in self.dimensions)
        key = f"json_array({listed})" if self.dialect == "sqlite" else f"jsonb_build_array({listed})::text"
        summed = ", ".join(f"g.{c}" for c in self.sums)
        return f"SELECT {key}, {listed}, {summed} FROM ({self.summed(flow)}) AS g WHERE true"

    def insert(self, flow: str) -> str:
        names = ", ".join(("key", *(c for c, _ in self.dimensions), *self.sums))
        return f"INSERT INTO {quote(self.symbol.table)} ({names}) {self.groups(flow)}"

    def add(self, source: str, where: str) -> str:
        table = quote(self.symbol.table)
        added = ", ".join(f"{c} = {table}.{c} + excluded.{c}" for c in self.sums)
        return f"{self.insert(self.pending(source, where))} ON CONFLICT (key) DO UPDATE SET {added}"

    def verify(self) -> str:
        """How many groups differ: what is folded with what is pending, against the records."""
        names = ", ".join((*(c for c, _ in self.dimensions), *self.sums))
        kept = f"SELECT {names} FROM {quote(self.symbol.table)} UNION ALL {self.pending(quote(self.symbol.log), '')}"
        nonzero = " OR ".join(f"SUM(x.{c}) <> 0" for c in self.sums)
        by = ", ".join(c for c, _ in self.dimensions)
        return (
            f"WITH kept AS ({self.summed(kept, f' HAVING {nonzero}')}), told AS ({self.summed(self.records())})"
            f" SELECT COUNT(*) FROM (SELECT DISTINCT {by} FROM ("
            "SELECT * FROM (SELECT * FROM kept EXCEPT SELECT * FROM told) AS a"
            " UNION ALL SELECT * FROM (SELECT * FROM told EXCEPT SELECT * FROM kept) AS b) AS c) AS d"
        )
