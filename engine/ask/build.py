"""One statement in the making: its bound values, its aliases, its reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from engine.ask.facts import ADMIN, EVERYONE, Facts
from engine.ask.symbols import MeasureSymbol
from engine.expr.build.api import Expr
from engine.expr.build.binder import Binder, Key
from engine.expr.build.tree import Measure, reads_of, walk
from engine.plan import sight
from engine.plan.entity import Entity, Field
from engine.plan.sight import Sight
from engine.plan.statement import Dialect, Param, Statement


@dataclass(slots=True)
class Build:
    """Placeholders are numbered as they are first asked for; the same value is bound once.

    ``roles`` are the reader's with the one everyone holds; ``everything``: no rights are asked at all.
    """

    facts: Facts
    roles: tuple[str, ...]
    everything: bool
    binder: Binder
    steps: dict[str, str] | None = None
    """What a statement says before all else (name → definition), where it has such a place: nested deeply it would be
    more than SQLite's parser holds."""
    _aliases: int = 0

    @property
    def dialect(self) -> Dialect:
        return self.facts.dialect

    def alias(self, letter: str = "t") -> str:
        self._aliases += 1
        return f"{letter}{self._aliases}"

    def bind(self, param: Param) -> str:
        """A typed placeholder for the value."""
        return self.binder.typed(Key(param.source, param.name, param.kind, param.scale, param.value))

    def input(self, name: str, kind: str, scale: int = 0) -> str:
        return self.bind(Param("input", name, kind, scale))

    @contextmanager
    def bound_literals(self) -> Iterator[None]:
        """Inside, constants of expressions are bound: questions that differ in them alone share a statement."""
        before, self.binder.literals = self.binder.literals, True
        try:
            yield
        finally:
            self.binder.literals = before

    def statement(self, sql: str) -> Statement:
        params = tuple(Param(k.source, k.name, k.kind, k.scale, k.value) for k in self.binder.keys)  # type: ignore[arg-type]
        return Statement(sql, params)

    def readers(self, entity: Entity) -> tuple[str, ...]:
        """The reader's roles that may read some rows of the entity."""
        return sight.holding(self.facts.entities, entity, "read", self.roles)

    def sight(self, entity: Entity, fld: Field) -> Sight:
        """Which of the reader's roles show the field, whole or in part."""
        return Sight() if self.everything else sight.sight(fld, self.readers(entity))

    def hidden(self, entity: Entity, fld: Field) -> bool:
        """Whether no role that lets the reader in shows the field: then it is unknown to him. A value computed when
        read is no more open than what it is computed from."""
        if self.everything:
            return False
        if self.sight(entity, fld).hidden:
            return True
        live = self.facts.symbols.live.get(entity.path, {}).get(fld.name) if fld.origin == "live" else None
        return live is not None and self.reads_hidden(live)

    def reads_hidden(self, expr: Expr) -> bool:
        """Whether an expression looks at something the reader may not know of."""
        if self.everything:
            return False
        for path, name in reads_of(expr.tree):
            entity = self.facts.entities.get(path)
            fld = entity.fields.get(name) if entity else None
            if entity is not None and fld is not None and self.hidden(entity, fld):
                return True
        return False

    def figure_hidden(self, measures: Mapping[str, MeasureSymbol], made: MeasureSymbol) -> bool:
        """Whether a figure is made of something the reader may not know of, be it by way of other figures."""
        todo, seen = [made], set[str]()
        while todo:
            at = todo.pop()
            if at.name in seen:
                continue
            seen.add(at.name)
            if self.reads_hidden(at.expr):
                return True
            todo += [measures[n.name] for n in walk(at.expr.tree) if isinstance(n, Measure) and n.name in measures]
        return False


def start(facts: Facts, roles: Iterable[str]) -> Build:
    held = tuple(sorted({*roles, EVERYONE}))
    return Build(facts, held, ADMIN in held, Binder(facts.dialect))
