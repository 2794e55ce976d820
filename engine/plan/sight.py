"""What somebody's roles let him see and change of a field: the one place that says so. ``ask`` makes SQL of it,
``serve`` refuses by it, the pages leave out by it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.plan.entity import Entity, Field

ADMIN = "admin"
"""The engine's own role: it sees and may do everything."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The roles that show a field whole, and those that show it in part. A record shows it whole if a role of the
    first kind admits the reader to it, else in part if one of the second does, else not."""

    whole: tuple[str, ...] = ()
    part: tuple[str, ...] = ()
    plain: bool = True
    """Every role that reads shows it whole: nothing needs to be asked."""

    @property
    def hidden(self) -> bool:
        """No role shows anything of it: to this reader the field is unknown."""
        return not (self.plain or self.whole or self.part)


def root_of(entities: Mapping[str, Entity], entity: Entity) -> Entity:
    """Owned lines have the rights of their document."""
    while entity.owner:
        entity = entities[entity.owner]
    return entity


def holding(entities: Mapping[str, Entity], entity: Entity, operation: str, roles: Iterable[str]) -> tuple[str, ...]:
    """Those of the roles that give the operation on some record."""
    rules = root_of(entities, entity).access.get(operation, {})
    return tuple(role for role in roles if rules.get(role))


def sight(field: Field, readers: Sequence[str]) -> Sight:
    """``readers``: the reader's roles that read the entity at all. Who reads nothing sees a field nobody hides."""
    if not field.restricted:
        return Sight()
    part = tuple(r for r in readers if r in field.masked_for and r not in field.hidden_from)
    whole = tuple(r for r in readers if r not in field.masked_for and r not in field.hidden_from)
    return Sight(whole, part, len(whole) == len(readers))


def fixed(field: Field, writers: Sequence[str]) -> Sight:
    """The same of changing: ``whole`` are the roles by which it may be changed."""
    may = tuple(r for r in writers if r not in field.readonly_for)
    return Sight(may, (), len(may) == len(writers))
