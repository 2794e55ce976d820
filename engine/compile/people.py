"""Who: from the assignments a pack declares to statements that give users, roles and places."""

from __future__ import annotations

from collections.abc import Iterable

from engine.catalog import Assignment, Catalog, Entity, People
from engine.compile import emit
from engine.compile.draft import Draft
from engine.compile.names import column_of, table_of
from engine.expr.build import Expr
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
    table = quote(table_of(catalog, catalog.people.users))
    return draft.finish(f"SELECT u.id FROM {table} AS u WHERE u.id = {user} AND u.deleted_at IS NULL{also}")


def _assignment(catalog: Catalog, made: Assignment, dialect: Dialect) -> app.Assignment:
    """Takes (user), gives (role, word, place), place NULL for everywhere: what counts today."""
    draft = Draft(dialect)
    user = draft.value("input", "user", "uuid")
    role = _of(catalog, made, made.role)
    rows = (
        f"FROM {quote(table_of(catalog, made.of))} AS a WHERE {_of(catalog, made, made.user)} = {user}"
        f" AND {_counts(draft, catalog, made)}"
    )
    if not made.at:
        return app.Assignment(made.name, draft.finish(f"SELECT DISTINCT {role}, NULL, NULL {rows}"))
    held = f"SELECT DISTINCT {role} AS role, {_of(catalog, made, made.at)} AS place {rows}"
    parts = [f"SELECT role, {literal(made.gives)} AS word, place FROM held"]
    steps = [f"held(role, place) AS ({held})"]
    if made.below:
        steps.append(f"below(role, place) AS ({_below(catalog, made)})")
        parts.append(f"SELECT role, {literal(made.below)}, place FROM below")
    for n, (word, holds) in enumerate(made.above.items()):
        starts = ("h.role, ", "held AS h", "h.place")
        steps.append(f"above{n}(role, place, stops) AS ({_above(draft, catalog, made, holds, f'above{n}', starts)})")
        parts.append(f"SELECT role, {literal(word)}, place FROM above{n} WHERE stops = 1")
    sql = f"WITH RECURSIVE {', '.join(steps)} {' UNION ALL '.join(parts)} ORDER BY 1, 2, 3"
    return app.Assignment(made.name, draft.finish(sql))


def _of(catalog: Catalog, made: Assignment, name: str) -> str:
    """A field of the row ``a`` that assigns."""
    return f"a.{quote(column_of(catalog, made.of, name))}"


def _parent(catalog: Catalog, tree: str) -> str:
    return quote(column_of(catalog, tree, catalog.entities[tree].parent))


def holders(catalog: Catalog, dialect: Dialect) -> list[Statement]:
    """Each gives (role, user) of everybody who holds one today, wherever."""
    out = []
    for made in catalog.people.assignments.values():
        draft = Draft(dialect)
        role, user = (_of(catalog, made, name) for name in (made.role, made.user))
        holds = _counts(draft, catalog, made)
        out.append(
            draft.finish(f"SELECT DISTINCT {role}, {user} FROM {quote(table_of(catalog, made.of))} AS a WHERE {holds}")
        )
    return out


def _below(catalog: Catalog, made: Assignment) -> str:
    parent = _parent(catalog, made.place)
    return (
        "SELECT role, place FROM held WHERE place IS NOT NULL UNION"
        f" SELECT b.role, t.id FROM below AS b JOIN {quote(table_of(catalog, made.place))} AS t"
        f" ON t.{parent} = b.place AND t.deleted_at IS NULL"
    )


def _above(
    draft: Draft, catalog: Catalog, made: Assignment, holds: Expr, name: str, starts: tuple[str, str, str]
) -> str:
    """From a place upwards until ``holds``. ``starts``: what is carried along, the rows begun from and their place."""
    carried, rows, place = starts
    table, parent = quote(table_of(catalog, made.place)), _parent(catalog, made.place)
    stops = f"CASE WHEN {emit.truth(draft, catalog, holds, emit.Rows('t'))} THEN 1 ELSE 0 END"
    again = carried.replace("h.", "u.")
    return (
        f"SELECT {carried}t.id, {stops} FROM {rows} JOIN {table} AS t ON t.id = {place} UNION"
        f" SELECT {again}t.id, {stops} FROM {name} AS u JOIN {table} AS c ON c.id = u.place"
        f" JOIN {table} AS t ON t.id = c.{parent} WHERE u.stops = 0"
    )


def _there(draft: Draft, catalog: Catalog, made: Assignment, path: Expr | None) -> str:
    """Whether the role of row ``a`` is held at the place ``path`` of row ``r``: at it, within it, or everywhere."""
    field = catalog.entities[made.of].fields.get(made.at) if made.at else None
    may_lack = field is not None and field.required is not True
    everywhere = [f"{_of(catalog, made, made.at)} IS NULL"] if may_lack else []
    if path is None or path.type.entity != made.place:
        return " OR ".join(everywhere)
    place = emit.value(draft, catalog, path, emit.Rows("r"))
    tests = [*everywhere, f"{_of(catalog, made, made.at)} = {place}"]
    for n, holds in enumerate(made.above.values()):
        starts = ("", "(SELECT 1) AS h", _of(catalog, made, made.at))
        up = _above(draft, catalog, made, holds, f"up{n}", starts)
        tests.append(
            f"EXISTS (WITH RECURSIVE up{n}(place, stops) AS ({up})"
            f" SELECT 1 FROM up{n} WHERE stops = 1 AND place = {place})"
        )
    return " OR ".join(tests)


def _counts(draft: Draft, catalog: Catalog, made: Assignment) -> str:
    """The row ``a`` is living, and today lies within its dates, both inclusive."""
    tests = ["a.deleted_at IS NULL"]
    if made.starts or made.ends:
        today = draft.value("today", "today", "date")
        if made.starts:
            starts = _of(catalog, made, made.starts)
            tests.append(f"({starts} IS NULL OR {starts} <= {today})")
        if made.ends:
            ends = _of(catalog, made, made.ends)
            tests.append(f"({ends} IS NULL OR {ends} >= {today})")
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
    rows = f"FROM {quote(table_of(catalog, entity.path))} AS r"
    among = draft.among("r.id")
    if made.kind == "role":
        for a in catalog.people.assignments.values():
            at = ""
            if a.at:
                there = _there(draft, catalog, a, made.path)
                if not there:
                    continue
                at = f" AND ({there})"
            table, person = quote(table_of(catalog, a.of)), _of(catalog, a, a.user)
            holds = f"{_of(catalog, a, a.role)} = {literal(made.role)}{at} AND {_counts(draft, catalog, a)}"
            yield (f"SELECT r.id AS root, {person} AS person {rows} JOIN {table} AS a ON {holds} WHERE {among}")
    elif made.kind == "path" and made.path is not None:
        user = emit.value(draft, catalog, made.path, emit.Rows("r"))
        yield f"SELECT r.id AS root, {user} AS person {rows} WHERE {among} AND {user} IS NOT NULL"
    elif made.kind == "leader" and made.path is not None and catalog.people.leader:
        department = emit.value(draft, catalog, made.path, emit.Rows("r"))
        owner = made.path.type.entity
        if owner in catalog.entities:
            field = quote(column_of(catalog, owner, catalog.people.leader.rpartition(".")[2]))
            yield (
                f"SELECT r.id AS root, d.{field} AS person {rows}"
                f" JOIN {quote(table_of(catalog, owner))} AS d ON d.id = {department}"
                f" WHERE {among} AND d.{field} IS NOT NULL"
            )
