"""Triggers that write the change log: whoever changes a record, by whatever door, writes its change with it.

A line's log row holds values of its document too. A line that comes, goes or changes writes rows with what the owners
hold; an owner that changes writes its lines' rows twice, as they were and as they are. Both happen under the lock of
the document's root, which every writer takes first, so neither misses the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.ask.kept import SIGN
from engine.ask.symbols import RollupSymbol
from engine.catalog import Catalog
from engine.compile.names import owner_column, table_of
from engine.fieldtypes.storage import quote, short
from engine.plan.statement import Dialect


@dataclass(frozen=True, slots=True)
class _Level:
    """A table of the chain from the rows (level 0) up to the document's root. ``columns``: what the log holds of it;
    ``owner``: its column that points one level up, when the log holds something from there."""

    table: str
    columns: tuple[str, ...]
    owner: str


def create(catalog: Catalog, symbol: RollupSymbol, dialect: Dialect) -> tuple[str, ...]:
    made = _Triggers(_levels(catalog, symbol), symbol, dialect)
    return tuple(made.all())


def tables(catalog: Catalog, symbol: RollupSymbol) -> tuple[str, ...]:
    return tuple(level.table for level in _levels(catalog, symbol))


def drop(catalog: Catalog, symbol: RollupSymbol, dialect: Dialect) -> tuple[str, ...]:
    names = _Triggers(_levels(catalog, symbol), symbol, dialect).names()
    if dialect == "sqlite":
        return tuple(f"DROP TRIGGER IF EXISTS {quote(name)}" for name in names)
    return tuple(f"DROP FUNCTION IF EXISTS {quote(name)} CASCADE" for name in names)


def _levels(catalog: Catalog, symbol: RollupSymbol) -> list[_Level]:
    deepest = max((len(key) for key in symbol.leaves), default=1)
    out = []
    entity = catalog.entities[symbol.of]
    for at in range(deepest):
        columns = tuple(key[-1] for key in symbol.leaves if len(key) == at + 1)
        last = at == deepest - 1
        out.append(_Level(table_of(catalog, entity.path), columns, "" if last else owner_column(catalog, entity)))
        if not last:
            entity = catalog.entities[entity.owned_by]
    return out


@dataclass(frozen=True, slots=True)
class _Triggers:
    levels: list[_Level]
    symbol: RollupSymbol
    dialect: Dialect

    def all(self) -> Iterator[str]:
        for at, level in enumerate(self.levels):
            living = "" if at else "deleted_at IS NULL"
            if at == 0:
                yield from self.trigger(at, "i", "AFTER INSERT", f"NEW.{living}", [self.log(1, at, "NEW")])
            changed = self.changed(at)
            if changed:
                bodies = [self.log(-1, at, "OLD", living), self.log(1, at, "NEW", living)]
                yield from self.trigger(at, "u", "AFTER UPDATE", changed, bodies)
            when = "" if at else f"OLD.{living}"
            # Lines that go with their owner are written down while it is still there to be asked.
            event = "BEFORE DELETE" if at else "AFTER DELETE"
            yield from self.trigger(at, "d", event, when, [self.log(-1, at, "OLD")])
            if self.dialect == "postgresql":
                yield from self.no_truncate(at, level)

    def names(self) -> list[str]:
        kinds = "iudt" if self.dialect == "postgresql" else "iud"
        return [self.name(at, kind) for at in range(len(self.levels)) for kind in kinds]

    def name(self, at: int, kind: str) -> str:
        return short(f"{self.symbol.log}_{kind}{at}")

    def changed(self, at: int) -> str:
        level = self.levels[at]
        columns = dict.fromkeys((*level.columns, *((level.owner,) if level.owner else ())))
        differ = "IS DISTINCT FROM" if self.dialect == "postgresql" else "IS NOT"
        terms = [f"OLD.{quote(c)} {differ} NEW.{quote(c)}" for c in columns]
        if at == 0:
            terms.append("(OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL)")
        return " OR ".join(terms)

    def log(self, sign: int, at: int, row: str, living: str = "") -> str:
        """One row for each row of level 0 that ``row``, a row of level ``at``, stands for or is above."""
        values = [str(sign)]
        for key in self.symbol.leaves:
            level = len(key) - 1
            values.append(f"{row if level == at else f't{level}'}.{quote(key[-1])}")
        froms, terms = [], []
        for n, level_ in enumerate(self.levels):
            if n != at:
                froms.append(f"{quote(level_.table)} AS t{n}")
        for n in range(len(self.levels) - 1):
            below, above = (row if m == at else f"t{m}" for m in (n, n + 1))
            terms.append(f"{below}.{quote(self.levels[n].owner)} = {above}.id")
        if at:
            terms.append("t0.deleted_at IS NULL")
        elif living:
            terms.append(f"{row}.{living}")
        names = ", ".join((SIGN, *(quote(name) for name, _, _ in self.symbol.leaves.values())))
        source = f" FROM {', '.join(froms)}" if froms else ""
        where = f" WHERE {' AND '.join(terms)}" if terms else ""
        return f"INSERT INTO {quote(self.symbol.log)} ({names}) SELECT {', '.join(values)}{source}{where};"

    def trigger(self, at: int, kind: str, event: str, when: str, body: list[str]) -> Iterator[str]:
        name, table = quote(self.name(at, kind)), quote(self.levels[at].table)
        condition = f" WHEN ({when})" if when else ""
        if self.dialect == "sqlite":
            yield f"CREATE TRIGGER {name} {event} ON {table} FOR EACH ROW{condition} BEGIN {' '.join(body)} END"
            return
        gives = "OLD" if event.startswith("BEFORE") else "NULL"
        yield _function(name, f"{' '.join(body)} RETURN {gives};")
        yield f"CREATE TRIGGER {name} {event} ON {table} FOR EACH ROW{condition} EXECUTE FUNCTION {name}()"

    def no_truncate(self, at: int, level: _Level) -> Iterator[str]:
        name = quote(self.name(at, "t"))
        yield _function(name, "RAISE EXCEPTION 'sums are kept of %: delete its rows', TG_TABLE_NAME;")
        yield f"CREATE TRIGGER {name} BEFORE TRUNCATE ON {quote(level.table)} EXECUTE FUNCTION {name}()"


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN {body} END $body$"
