"""The one place that decides who may read, write and act. Deny by default; ``admin`` is the engine's and may all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from engine.db import Body
from engine.label import Label
from engine.plan import sight
from engine.plan.app import App
from engine.plan.entity import Entity, Field
from engine.plan.machine import People
from engine.plan.question import Asker
from engine.plan.sight import Sight
from engine.plan.statement import Statement
from engine.serve.document.decode import Change, Rules
from engine.serve.document.store import Doc, World
from engine.serve.tenant.bind import Me, Moment, call, id_array
from engine.serve.wire.fault import Fault, Refusal, fault, refuse

WORDS = {
    "create": Label("新建", "create"),
    "read": Label("查看", "read"),
    "update": Label("修改", "change"),
    "delete": Label("删除", "delete"),
    "export": Label("导出", "export"),
    "act": Label("处理", "act on"),
    "restore": Label("恢复", "restore"),
}


def root_of(app: App, entity: Entity) -> Entity:
    return sight.root_of(app.entities, entity)


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
    return frozenset(f.name for f in entity.fields.values() if f.restricted and seen(app, me, entity, f).hidden)


def seen(app: App, me: Me, entity: Entity, field: Field) -> Sight:
    """Which of the caller's roles show the field, whole or in part."""
    if me.admin or not field.restricted:
        return Sight()
    return sight.sight(field, sight.holding(app.entities, entity, "read", me.roles))


def partly(app: App, me: Me, entity: Entity) -> frozenset[str]:
    """Fields that the caller sees in part at most: what he sends back as he got it leaves them as they are."""
    return frozenset(
        f.name for f in entity.fields.values() if f.masked_for and not (s := seen(app, me, entity, f)).plain and s.part
    )


def fixed(app: App, me: Me, entity: Entity, operation: str) -> dict[str, tuple[str, ...]]:
    """Fields that some of the caller's roles do not change, with those by which he may; he himself where empty."""
    if me.admin:
        return {}
    writing = sight.holding(app.entities, entity, operation, me.roles)
    judged = {f.name: sight.fixed(f, writing) for f in entity.fields.values() if f.readonly_for}
    return {name: one.whole for name, one in judged.items() if not one.plain}


def check_fixed(world: World, entity: Entity, docs: Sequence[Doc], operation: str) -> Body[None]:
    """Refuses values for fields that no role of the caller's changes on the record they were sent for."""
    app, me = world.app, world.moment.me
    fixed_here = everywhere(app, entity, lambda one: fixed(app, me, one, operation))
    if not fixed_here:
        return
    faults: list[Fault] = []
    for doc in docs:
        for roles, said in _touched(app, entity, doc.op.change, fixed_here, doc.op.pointer):
            if not (yield from admitted(app, world.asker, world.moment, entity, operation, [doc.id], roles)):
                faults.append(said)
    if faults:
        raise Refusal(faults, 422)


def _touched(
    app: App, entity: Entity, change: Change, fixed_here: Mapping[str, Mapping[str, tuple[str, ...]]], at: str
) -> Iterator[tuple[tuple[str, ...], Fault]]:
    """The restricted fields a change names: the roles by which they may be changed, and what is said else."""
    here = fixed_here.get(entity.path, {})
    for name in (*change.values, *change.lines):
        if name in here:
            yield here[name], fault("api.readonly-field", f"{at}/{name}", title=entity.fields[name].title)
    for name, lines in change.lines.items():
        child = app.entities[entity.fields[name].target]
        for line in lines.lines:
            yield from _touched(app, child, line.change, fixed_here, f"{at}/{name}/{line.at}")


Of = TypeVar("Of")


def everywhere(app: App, entity: Entity, of: Callable[[Entity], Of]) -> dict[str, Of]:
    """Something of a document and of its lines, by entity path, where there is any of it."""
    out = {entity.path: of(entity)}
    for known in entity.fields.values():
        if known.origin == "lines":
            out.update(everywhere(app, app.entities[known.target], of))
    return {path: found for path, found in out.items() if found}


def hidden_everywhere(app: App, me: Me, entity: Entity) -> dict[str, frozenset[str]]:
    return everywhere(app, entity, lambda one: hidden(app, me, one))


def rules(app: App, me: Me, entity: Entity, text: bool = False) -> Rules:
    """How a body of this caller is read; ``text``: as a form sends it."""
    partly_here = everywhere(app, entity, lambda one: partly(app, me, one))
    return Rules(text=text, hidden=hidden_everywhere(app, me, entity), partly=partly_here)


def allowed_statement(app: App, asker: Asker, me: Me, entity: Entity, operation: str) -> Statement | None:
    """What tells which of some records the operation is allowed on; None where every one is."""
    if may_always(app, me, entity, operation):
        return None
    return asker.access(app, root_of(app, entity).path, operation, me.roles)


def check_records(
    app: App, asker: Asker, moment: Moment, entity: Entity, operation: str, places: Mapping[str, str]
) -> Body[None]:
    """Refuses unless the operation is allowed on each of these records as they stand now. Ids with their pointers."""
    if places:
        require(app, moment.me, entity, operation)
        allowed = yield from admitted(app, asker, moment, entity, operation, list(places), moment.me.roles)
        told = {"operation": WORDS[operation], "entity": entity.title}
        if denied := [fault("access.denied-here", at, **told) for one, at in places.items() if one not in allowed]:
            raise Refusal(denied if denied[0].pointer else denied[:1])


def admitted(
    app: App, asker: Asker, moment: Moment, entity: Entity, operation: str, ids: Sequence[str], roles: Sequence[str]
) -> Body[set[str]]:
    """Those of the records, as they stand now, on which one of these roles of the caller gives the operation."""
    rules = root_of(app, entity).access.get(operation, {})
    if moment.me.admin or any(rules.get(role) is True for role in roles):
        return set(ids)
    statement = asker.access(app, root_of(app, entity).path, operation, tuple(roles))
    if statement is None or not ids:
        return set()
    return {row[0] for row in (yield call(statement, moment, {"roots": id_array(ids)}, 1))}


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
