"""Who may do what to which rows: the roles' rules, OR-ed, as a predicate over one table's alias.

A rule is the pack's own expression: it sees every record, whatever its reader may see.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.ask import figure
from engine.ask.build import Build, start
from engine.ask.codes import CODES
from engine.ask.facts import Facts, owner_column
from engine.expr.build.api import Expr, parse_expression
from engine.expr.build.scope import Scope, Unavailable
from engine.expr.build.sql import Context, to_sql
from engine.expr.build.tree import Node
from engine.expr.run.types import BOOLEAN
from engine.fieldtypes.storage import among, quote
from engine.plan.entity import Entity, Field
from engine.plan.statement import Statement
from engine.problem import Problems, problem


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


def refuse_closed(build: Build, entity: Entity) -> None:
    if closed(build, entity, "read"):
        raise Problems([problem(CODES["ask.closed"], entity=entity.path)])


def predicate(build: Build, entity: Entity, alias: str, operation: str) -> str:
    """SQL that is TRUE for the rows of ``alias`` that one of the reader's roles admits, else FALSE or NULL."""
    return "TRUE" if build.everything else of_roles(build, entity, alias, operation, build.roles)


def of_roles(build: Build, entity: Entity, alias: str, operation: str, roles: tuple[str, ...]) -> str:
    """The same for some of the roles. Lines are as open as their document."""
    rules = build.facts.root(entity).access.get(operation, {})
    given = [(role, rules[role]) for role in roles if rules.get(role)]
    if not given:
        return "FALSE"
    if any(text is True for _role, text in given):
        return "TRUE"
    if entity.owner:
        above = build.facts.entities[entity.owner]
        up = build.alias("o")
        inner = of_roles(build, above, up, operation, roles)
        owner = f"{alias}.{quote(owner_column(entity))}"
        return f"EXISTS (SELECT 1 FROM {quote(above.table)} AS {up} WHERE {up}.id = {owner} AND {inner})"
    return f"({' OR '.join(_rule_sql(build, entity, alias, str(text), role) for role, text in given)})"


def rules_of(build: Build, entity: Entity, operation: str) -> Iterator[Node]:
    """The rules themselves, of a root's records: one of them must hold."""
    rules = build.facts.root(entity).access.get(operation, {})
    for role in build.roles:
        if rules.get(role):
            yield _typed(build.facts, entity, str(rules[role]), role).tree


def masked(build: Build, entity: Entity, alias: str, fld: Field, sql: str) -> str:
    """A field's value as this reader sees it on each row of ``alias``: whole, in part, or NULL."""
    seen = build.sight(entity, fld)
    if seen.plain:
        return sql
    whens = []
    for roles, told in ((seen.whole, sql), (seen.part, fld.mask.sql(sql))):
        if roles:
            whens.append(f"WHEN {of_roles(build, entity, alias, 'read', roles)} THEN {told}")
    return f"CASE {' '.join(whens)} END" if whens else "NULL"


def _rule_sql(build: Build, entity: Entity, alias: str, text: str, role: str) -> str:
    literals, build.binder.literals = build.binder.literals, False
    try:
        symbols = build.facts.symbols
        here = Context(build.binder, alias, figure_sql=lambda node, at: figure.figure_sql(symbols, node, at))
        return to_sql(_typed(build.facts, entity, text, role), here)
    finally:
        build.binder.literals = literals


def _typed(facts: Facts, entity: Entity, text: str, role: str) -> Expr:
    key = (entity.path, role, text)
    found: Expr | None = facts.rules.get(key)
    if found is None:
        scope = Scope(facts.symbols.world, entity.module, entity.path, role=role)
        try:
            found = facts.rules[key] = parse_expression(text, scope, BOOLEAN)
        except Unavailable:
            # A rule over a pack that is not there admits nobody.
            found = facts.rules[key] = parse_expression("FALSE", scope, BOOLEAN)
    return found


def statement(facts: Facts, entity: Entity, operation: str, roles: tuple[str, ...], of: str = "") -> Statement | None:
    """Over ``roots``, or over the rows called ``of``: the ids on which the roles allow the operation; None when they
    never do."""
    build = start(facts, roles)
    rules = facts.root(entity).access.get(operation, {})
    if not build.everything and not any(rules.get(role) for role in roles):
        return None
    alias = build.alias()
    wanted = "TRUE" if of else among(facts.dialect, f"{alias}.id", build.input("roots", "json"))
    # These roles and no other: of a field that only some show it is asked who of them admits the reader.
    allowed = "TRUE" if build.everything else of_roles(build, entity, alias, operation, roles)
    source = of or quote(entity.table)
    return build.statement(f"SELECT {alias}.id FROM {source} AS {alias} WHERE {wanted} AND {allowed}")
