"""One statement in the making: its bound values, its aliases, its reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from engine.ask.facts import ADMIN, EVERYONE, Facts
from engine.expr.build.binder import Binder, Key
from engine.plan.entity import Entity, Field
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
        rules = self.facts.root(entity).access.get("read", {})
        return tuple(r for r in self.roles if rules.get(r))

    def hidden(self, entity: Entity, fld: Field) -> bool:
        """Whether no role that lets the reader in shows the field: then it is unknown to him."""
        if self.everything or not fld.hidden_from:
            return False
        return set(self.readers(entity)) <= set(fld.hidden_from)

    def shown_by(self, entity: Entity, fld: Field) -> tuple[str, ...]:
        """The roles that show a field others hide; empty when nobody hides it from this reader."""
        if self.everything or not fld.hidden_from:
            return ()
        readers = self.readers(entity)
        shown = tuple(r for r in readers if r not in fld.hidden_from)
        return () if len(shown) == len(readers) else shown


def start(facts: Facts, roles: Iterable[str]) -> Build:
    held = tuple(sorted({*roles, EVERYONE}))
    return Build(facts, held, ADMIN in held, Binder(facts.dialect))
