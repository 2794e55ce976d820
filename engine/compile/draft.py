"""A statement being written: its text grows, and every run-time value it uses gets a numbered placeholder."""

from __future__ import annotations

from typing import cast

from engine.expr.build.binder import Binder, Key
from engine.fieldtypes.storage import Columns, among, column_type, literal, row_source
from engine.plan.statement import Dialect, Param, Source, Statement


class Draft:
    """One statement of one dialect. Expressions and our own SQL share one binder: a value asked for twice, by
    whichever of them, has one placeholder."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.binder = Binder(dialect)

    def bind(self, source: Source, name: str, kind: str, scale: int = 0) -> str:
        """The bare placeholder; PostgreSQL must be told its type where it stands alone: see ``value``."""
        return self.binder.place(Key(source, name, kind, scale))

    def value(self, source: Source, name: str, kind: str, scale: int = 0) -> str:
        return self.cast(kind, scale, self.bind(source, name, kind, scale))

    def cast(self, kind: str, scale: int, sql: str) -> str:
        if self.dialect == "sqlite":
            return sql
        return f"{sql}::{column_type(kind, scale, self.dialect).split(' ')[0]}"

    def rows(self, columns: Columns, alias: str) -> str:
        """A FROM item: the rows given, typed."""
        return row_source(columns, self.dialect, self.bind("input", "rows", "json"), alias)

    def among(self, sql: str, name: str = "roots") -> str:
        """A condition: ``sql`` is one of the ids given."""
        return among(self.dialect, sql, self.bind("input", name, "json"))

    def now(self) -> str:
        return self.value("now", "now", "datetime")

    def me(self) -> str:
        return self.value("me", "id", "uuid")

    def text(self, value: str) -> str:
        return literal(value)

    def finish(self, sql: str) -> Statement:
        params = (Param(cast(Source, k.source), k.name, k.kind, k.scale, k.value) for k in self.binder.keys)
        return Statement(sql, tuple(params))


def writing(draft: Draft, sql: str) -> Statement:
    """Every statement of compiling that changes records is finished here, and nowhere else.

    Stale writers are fenced where their transaction begins (``Database.write``), so nothing need be said here.
    """
    return draft.finish(sql)
