"""Who: from the assignments a pack declares to statements that give users, roles and places."""

from __future__ import annotations

from collections.abc import Iterable

from engine.catalog import Assignment, Catalog, Entity, People
from engine.compile import emit
from engine.compile.draft import Draft
from engine.compile.names import table_name
from engine.fieldtypes.storage import literal, quote
from engine.plan import app, machine
from engine.plan.statement import Dialect, Statement


def plan(catalog: Catalog, dialect: Dialect) -> app.PeoplePlan:
    made = catalog.people.assignments.values()
    assignments = tuple(_assignment(catalog, a, dialect) for a in made)
    return app.PeoplePlan(catalog.people.users, assignments, _active(catalog, dialect))


def _active(catalog: Catalog, dialect: Dialect) -> Statement | None:
    if catalog.people.users not in catalog.entities:
        return None
    draft = Draft(dialect)
    user = draft.value("input", "user", "uuid")
    holds = catalog.people.active
    also = f" AND {emit.truth(draft, catalog, holds, emit.Rows('u'))}" if holds is not None else ""
    table = quote(table_name(catalog.people.users))
    return draft.finish(f"SELECT u.id FROM {table} AS u WHERE u.id = {user} AND u.deleted_at IS NULL{also}")


def _assignment(catalog: Catalog, made: Assignment, dialect: Dialect) -> app.Assignment:
    """Takes (user), gives (role, place or NULL): the roles that count today."""
    draft = Draft(dialect)
    user = draft.value("input", "user", "uuid")
    place = f"a.{quote(made.at)}" if made.at else "NULL"
    sql = (
        f"SELECT DISTINCT a.{quote(made.role)}, {place} FROM {quote(table_name(made.of))} AS a"
        f" WHERE a.{quote(made.user)} = {user} AND {_counts(draft, made, 'a')} ORDER BY 1, 2"
    )
    return app.Assignment(made.name, made.gives, draft.finish(sql))


def _counts(draft: Draft, made: Assignment, alias: str) -> str:
    """Living, and today lies within its dates, both inclusive."""
    tests = [f"{alias}.deleted_at IS NULL"]
    if made.starts or made.ends:
        today = draft.value("today", "today", "date")
        if made.starts:
            tests.append(f"({alias}.{quote(made.starts)} IS NULL OR {alias}.{quote(made.starts)} <= {today})")
        if made.ends:
            tests.append(f"({alias}.{quote(made.ends)} IS NULL OR {alias}.{quote(made.ends)} >= {today})")
    return " AND ".join(tests)


def people(catalog: Catalog, entity: Entity, made: Iterable[People], dialect: Dialect) -> machine.People:
    """The slot as data, and a statement that takes ``roots`` and gives (root, user), each pair once."""
    made = tuple(made)
    draft = Draft(dialect)
    parts = [part for p in made for part in _users(draft, catalog, entity, p)]
    statement = None
    if parts:
        statement = draft.finish(f"SELECT * FROM ({' UNION '.join(parts)}) AS p ORDER BY 1, 2")
    return machine.People(
        tuple((p.role, p.path.text if p.path is not None else "") for p in made if p.kind == "role"),
        tuple(p.path.text for p in made if p.kind == "path" and p.path is not None),
        tuple(p.kind for p in made if p.kind in ("initiator", "me")),
        statement,
    )


def _users(draft: Draft, catalog: Catalog, entity: Entity, made: People) -> Iterable[str]:
    rows = f"FROM {quote(table_name(entity.path))} AS r"
    among = draft.among("r.id")
    if made.kind == "role":
        for a in catalog.people.assignments.values():
            at = ""
            if a.at:
                if made.path is None:
                    continue
                place = emit.value(draft, catalog, made.path, emit.Rows("r"))
                at = f" AND a.{quote(a.at)} = {place}"
            yield (
                f"SELECT r.id AS root, a.{quote(a.user)} AS person {rows} JOIN {quote(table_name(a.of))} AS a"
                f" ON a.{quote(a.role)} = {literal(made.role)}{at} AND {_counts(draft, a, 'a')} WHERE {among}"
            )
    elif made.kind == "path" and made.path is not None:
        user = emit.value(draft, catalog, made.path, emit.Rows("r"))
        yield f"SELECT r.id AS root, {user} AS person {rows} WHERE {among} AND {user} IS NOT NULL"
    elif made.kind == "leader" and made.path is not None and catalog.people.leader:
        department = emit.value(draft, catalog, made.path, emit.Rows("r"))
        owner = made.path.type.entity
        if owner in catalog.entities:
            yield (
                f"SELECT r.id AS root, d.{quote(catalog.people.leader)} AS person {rows}"
                f" JOIN {quote(table_name(owner))} AS d ON d.id = {department}"
                f" WHERE {among} AND d.{quote(catalog.people.leader)} IS NOT NULL"
            )
