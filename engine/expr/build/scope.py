"""Where an expression stands: which names mean what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.expr.build.world import Relation, World
from engine.expr.run.types import Type
from engine.label import Label


@dataclass(frozen=True, slots=True)
class Scope:
    """``entity``: the row a bare name is a field of (empty: there is none). ``this``: the record that holds the
    expression, where that is another one (``where``, ``find``, ``none``); empty, ``this.`` is the own record.

    ``extra``: words before a dot. An entity's path makes the word a row (``old``, ``found``); a mapping makes it bound
    values (``board.month``, ``control.result``). ``words`` are bound values named bare (``value`` in a control).
    ``role``: the role whose access rule this is: ``me.projects`` are then the places where the caller holds it.
    ``sources`` (name → entity, ``""`` for the only one) and ``measures`` make it a measure of an aggregation.
    ``dimension``: figures are grouped by it. ``sql``: the database must be able to compute it.
    """

    world: World
    module: str
    entity: str = ""
    this: str = ""
    extra: Mapping[str, str | Mapping[str, Type]] = field(default_factory=dict)
    words: Mapping[str, Type] = field(default_factory=dict)
    role: str = ""
    sources: Mapping[str, str] | None = None
    measures: Mapping[str, Type] = field(default_factory=dict)
    dimension: bool = False
    sql: bool = True

    @property
    def own(self) -> Relation | None:
        return self.world.entities.get(self.entity)

    @property
    def holder(self) -> Relation | None:
        return self.world.entities.get(self.this or self.entity)

    def over(self, entity: str) -> Scope:
        """The scope inside an aggregate: bare names are fields of the row looked at."""
        return replace(self, entity=entity, this=self.this or self.entity, sources=None, measures={}, words={})

    def says(self) -> Label:
        """The scope in words, for a message."""
        if self.sources is not None:
            known = ", ".join(f"`{name}`" for name in self.sources if name)
            zh, en = (f"，行有 {known}", f", rows are {known}") if known else ("", "")
            return Label(f"单独的名字是指标{zh}", f"a bare name is a measure{en}")
        bare = Label("此处没有记录", "there is no record here")
        if self.entity:
            name = self.entity.partition(".")[2]
            bare = Label(f"单独的名字是 `{name}` 的字段", f"a bare name is a field of {name}")
        if not self.this:
            return bare
        this = self.this.partition(".")[2]
        return Label(f"{bare.zh}，`this.` 是 `{this}`", f"{bare.en}, `this.` is {this}")


class Unavailable(Exception):
    """The expression waits for a pack (or feature) that is not there: it is not wrong, it sleeps."""

    def __init__(self, waits_for: str) -> None:
        self.waits_for = waits_for
        super().__init__(f"waits for {waits_for}")
