"""The one place that decides who may read, write and act. Deny by default; ``admin`` is the engine's and may all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.db import Body
from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Entity, Field
from engine.plan.machine import People
from engine.plan.question import Asker
from engine.plan.statement import Statement
from engine.serve.bind import Me, Moment, call, id_array
from engine.serve.fault import refuse

WORDS = {
    "create": Label("新建", "create"),
    "read": Label("查看", "read"),
    "update": Label("修改", "change"),
    "delete": Label("删除", "delete"),
    "export": Label("导出", "export"),
    "restore": Label("恢复", "restore"),
}


def root_of(app: App, entity: Entity) -> Entity:
    """Owned lines have the rights of their document."""
    while entity.owner:
        entity = app.entities[entity.owner]
    return entity


def may_ever(app: App, me: Me, entity: Entity, operation: str) -> bool:
    """Whether any role gives the operation on some record."""
    if me.admin:
        return True
    rules = root_of(app, entity).access.get(operation, {})
    return any(rules.get(role) for role in me.roles)


def may_always(app: App, me: Me, entity: Entity, operation: str) -> bool:
    """Whether a role gives the operation on every record, so that no statement need be asked."""
    if me.admin:
        return True
    rules = root_of(app, entity).access.get(operation, {})
    return any(rules.get(role) is True for role in me.roles)


def require(app: App, me: Me, entity: Entity, operation: str) -> None:
    if not may_ever(app, me, entity, operation):
        raise refuse("access.denied", operation=WORDS[operation], entity=entity.title)


def hidden(app: App, me: Me, entity: Entity) -> frozenset[str]:
    """Fields that no role of the caller shows: unknown to him. Lines are read by the rights of their root."""
    if me.admin:
        return frozenset()
    rules = root_of(app, entity).access.get("read", {})
    reading = [role for role in me.roles if rules.get(role)]
    return frozenset(
        f.name
        for f in entity.fields.values()
        if f.hidden_from and reading and all(role in f.hidden_from for role in reading)
    )


def showing(app: App, me: Me, entity: Entity, field: Field) -> tuple[str, ...] | None:
    """The caller's roles that show a field which others of his hide; None where it is the same whichever admits him."""
    if me.admin or not field.hidden_from:
        return None
    rules = root_of(app, entity).access.get("read", {})
    reading = [role for role in me.roles if rules.get(role)]
    shown = tuple(role for role in reading if role not in field.hidden_from)
    return shown if shown and len(shown) < len(reading) else None


def hidden_everywhere(app: App, me: Me, entity: Entity) -> dict[str, frozenset[str]]:
    """The same for a document and its lines."""
    out = {entity.path: hidden(app, me, entity)}
    for known in entity.fields.values():
        if known.origin == "lines":
            out.update(hidden_everywhere(app, me, app.entities[known.target]))
    return {path: names for path, names in out.items() if names}


def allowed_statement(app: App, asker: Asker, me: Me, entity: Entity, operation: str) -> Statement | None:
    """What tells which of some records the operation is allowed on; None where every one is."""
    if may_always(app, me, entity, operation):
        return None
    return asker.access(app, root_of(app, entity).path, operation, me.roles)


def check_records(
    app: App, asker: Asker, moment: Moment, entity: Entity, operation: str, ids: Sequence[str]
) -> Body[None]:
    """Refuses unless the operation is allowed on each of these records as they stand now."""
    me = moment.me
    if not ids:
        return
    require(app, me, entity, operation)
    if may_always(app, me, entity, operation):
        return
    statement = asker.access(app, root_of(app, entity).path, operation, me.roles)
    if statement is None:
        raise refuse("access.denied", operation=WORDS[operation], entity=entity.title)
    rows = yield call(statement, moment, {"roots": id_array(ids)})
    allowed = {row[0] for row in rows}
    if not allowed.issuperset(ids):
        raise refuse("access.denied-here", operation=WORDS[operation], entity=entity.title)


def users_of(people: People, moment: Moment, ids: Sequence[str]) -> Body[dict[str, list[str]]]:
    """Per record the users the people slot means, each once."""
    found: dict[str, list[str]] = {one: [] for one in ids}
    if people.statement is not None and ids:
        rows = yield call(people.statement, moment, {"roots": id_array(ids)})
        for root, user in rows:
            if user is not None and user not in found[root]:
                found[root].append(user)
    return found


def operations(app: App, me: Me) -> dict[str, frozenset[str]]:
    """Per entity what this person may ever do, for menus and buttons."""
    return {
        path: frozenset(o for o in WORDS if o != "restore" and may_ever(app, me, entity, o))
        for path, entity in app.entities.items()
    }


def readable(app: App, me: Me, paths: Iterable[str]) -> bool:
    return all(path in app.entities and may_ever(app, me, app.entities[path], "read") for path in paths)
