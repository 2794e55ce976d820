"""The rows of one SELECT: a table, and the joins that paths over references ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from engine.ask import access, expressions
from engine.ask.build import Build
from engine.ask.codes import CODES
from engine.ask.facts import unknown
from engine.expr.build.api import Expr
from engine.expr.build.laid import Laid, beside
from engine.expr.build.sql import Context, Joins, to_sql
from engine.expr.build.tree import Node
from engine.fieldtypes.storage import quote
from engine.plan.entity import Entity, Field
from engine.problem import Problems, problem

DEEPEST = 6
"""Steps of a path; nobody reads a longer one."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A field at the end of a path, as SQL; ``alias`` is the record that holds it."""

    sql: str
    field: Field
    entity: Entity
    path: tuple[str, ...]
    nullable: bool
    alias: str

    @property
    def kind(self) -> str:
        return self.field.kind

    @property
    def scale(self) -> int:
        return self.field.scale if self.field.kind == "decimal" else 0


@dataclass(slots=True)
class Rows:
    """``base`` is the table's alias; joins are made on first use and shared by equal prefixes. ``of`` is the name of
    rows that stand for the table, given by the statement around this one."""

    build: Build
    entity: Entity
    base: str
    declared: bool = False
    of: str = ""
    _joins: dict[tuple[bool, str], tuple[str, Entity]] = field(default_factory=dict)
    """By whether rights are asked and the reference's column: that is one place, however it was reached."""
    _sql: list[str] = field(default_factory=list)
    _expressions: Joins | None = None
    laid: Laid = field(default_factory=Laid)

    def lay(self, trees: Iterable[Node]) -> None:
        """Lists each row once for each of its months, where one of the trees asks for them."""
        self.laid = beside(trees, self.context())

    def source(self) -> str:
        """The FROM item of the base table with all joins; call it after everything was asked for."""
        return " ".join((f"{self.of or quote(self.entity.table)} AS {self.base}", self.joins())) + self.laid.sql

    def joins(self) -> str:
        return " ".join(self._sql) + (self._expressions.sql if self._expressions else "")

    def sql(self, expr: Expr) -> str:
        """An expression over these rows."""
        return to_sql(self.laid.over(expr.tree), self.context())

    def context(self, source: str = "") -> Context:
        """Where expressions over these rows stand: a reader's own, or (``declared``) an aggregation's, whose measures
        call them by their ``source``."""
        if self._expressions is None:
            self._expressions = expressions.joins(self.build, self.declared)
        make = expressions.declared_context if self.declared else expressions.context
        context = self.laid.context(make(self.build, self.base, self._expressions))
        return replace(context, roots={**context.roots, source: self.base})

    def live(self, entity: Entity, alias: str, found: Field) -> str:
        """A field computed when it is read."""
        made = self.build.facts.symbols.live.get(entity.path, {}).get(found.name)
        if made is None:
            return "NULL"
        return to_sql(made, expressions.declared_context(self.build, alias))

    def living(self, bin_: bool = False) -> str:
        return f"{self.base}.deleted_at IS {'NOT ' if bin_ else ''}NULL"

    def known(self, entity: Entity) -> Mapping[str, Field]:
        return {n: f for n, f in self.build.facts.fields(entity).items() if not self.build.hidden(entity, f)}

    def cell(self, path: str) -> Cell:
        """The field a dotted path leads to. A step through a reference sees the target with the reader's own eyes:
        a record he may not read gives null."""
        steps = tuple(path.split("."))
        if len(steps) > DEEPEST:
            raise Problems([problem(CODES["ask.too-deep"], path=path, limit=DEEPEST)])
        alias, entity = self.base, self.entity
        for at, name in enumerate(steps[:-1]):
            found = self._field(entity, name, path)
            if found.kind == "lines":
                raise Problems([problem(CODES["ask.through-lines"], path=path)])
            if found.kind != "uuid" or not found.target or name == "id":
                raise Problems([problem(CODES["ask.not-a-reference"], name=".".join(steps[: at + 1]))])
            alias, entity = self._join(self._cell(alias, entity, found, steps[: at + 1]), guarded=True)
        found = self._field(entity, steps[-1], path)
        if found.kind == "lines":
            raise Problems([problem(CODES["ask.through-lines"], path=path)])
        return self._cell(alias, entity, found, steps)

    def target(self, cell: Cell, guarded: bool = False) -> tuple[str, Entity]:
        """The alias of the record a reference points at. Unguarded: for its display, which everyone may see."""
        return self._join(cell, guarded)

    def inside(self, alias: str, entity: Entity, name: str, prefix: tuple[str, ...]) -> Cell:
        """A field of a joined record, rights already asked (or not needed: displays)."""
        found = self.build.facts.fields(entity).get(name)
        if found is None:
            raise Problems([unknown("ask.unknown-field", name, self.build.facts.fields(entity), entity=entity.path)])
        return self._cell(alias, entity, found, (*prefix, name), plain=True)

    def _field(self, entity: Entity, name: str, path: str) -> Field:
        known = self.known(entity)
        found = known.get(name)
        if found is None:
            shown = path if "." in path else name
            raise Problems([unknown("ask.unknown-field", name, known, entity=entity.path, path=shown)])
        return found

    def _cell(self, alias: str, entity: Entity, found: Field, steps: tuple[str, ...], plain: bool = False) -> Cell:
        column = self.build.facts.column(entity, found.column or found.name)
        sql = f"{alias}.{quote(column.name)}" if column else self.live(entity, alias, found)
        nullable = column is None or column.nullable or len(steps) > 1
        if not plain and not self.build.sight(entity, found).plain:
            sql, nullable = access.masked(self.build, entity, alias, found, sql), True
        return Cell(sql, found, entity, steps, nullable, alias)

    def _join(self, cell: Cell, guarded: bool) -> tuple[str, Entity]:
        target = self.build.facts.entity(cell.field.target)
        rule = access.rule(self.build, target, "read") if guarded else True
        key = (rule is not True, cell.sql)
        if key in self._joins:
            return self._joins[key]
        joined = self.build.alias("j")
        condition = f"{joined}.id = {cell.sql}"
        if rule is not True:
            condition += f" AND {access.predicate(self.build, target, joined, 'read')}"
        self._sql.append(f"LEFT JOIN {quote(target.table)} AS {joined} ON {condition}")
        self._joins[key] = (joined, target)
        return self._joins[key]
