"""Who may see which rows: the roles' rules, OR-ed, as a predicate over one table's alias."""

from __future__ import annotations

from engine.ask.build import Build
from engine.plan.entity import Entity, Field


def rule(build: Build, entity: Entity, operation: str) -> bool:
    """True: all rows. False: some rows or none, ask ``predicate``."""
    if build.everything:
        return True
    rules = build.facts.root(entity).access.get(operation, {})
    return any(rules.get(role) is True for role in build.roles)


def closed(build: Build, entity: Entity, operation: str) -> bool:
    """Whether the reader's roles may do it to no row at all."""
    if build.everything:
        return False
    rules = build.facts.root(entity).access.get(operation, {})
    return not any(rules.get(role) for role in build.roles)


def predicate(build: Build, entity: Entity, alias: str, operation: str) -> str:
    """SQL that is TRUE, never NULL, for the rows of ``alias`` that one of the reader's roles admits."""
    if build.everything:
        return "TRUE"
    return of_roles(build, entity, alias, operation, build.roles)


def of_roles(build: Build, entity: Entity, alias: str, operation: str, roles: tuple[str, ...]) -> str:
    rules = build.facts.root(entity).access.get(operation, {})
    given = [(role, rules[role]) for role in roles if rules.get(role)]
    if any(text is True for _role, text in given):
        return "TRUE"
    raise NotImplementedError


def live(build: Build, entity: Entity, alias: str, field: Field) -> str:
    """A field computed when it is read."""
    raise NotImplementedError
