"""Writing documents: the body of the transaction. It yields statements and is sent their rows; it does no I/O.

The order never changes (it is the order of locks): roots by id, rows, what depends on lines, guard keys, numbers; then
postings, so that checks over ledgers see the document's own entries, checks in a fresh statement, the document read
back, history and outbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.db import Body
from engine.db.call import Rows
from engine.plan.app import App
from engine.plan.entity import Entity, LineWrite, Write
from engine.serve.document import rights
from engine.serve.document.store import Doc, Done, Op, World, passes, remove, store
from engine.serve.files import files
from engine.serve.people import audit
from engine.serve.tenant import rows
from engine.serve.tenant.bind import call, id_array
from engine.serve.tenant.ids import uuid7
from engine.serve.wire.fault import Refusal, fault, refuse
from engine.serve.write import checks, companions, flow, history, joined, numbers, posting, refs
from engine.serve.write.joined import Begun


def documents(world: World, ops: Sequence[Op]) -> Body[list[Done]]:
    """All of it or nothing: operations of one entity and kind together, answers in order."""
    done: list[Done] = []
    start = 0
    for end in range(1, len(ops) + 1):
        if end == len(ops) or (ops[end].entity, ops[end].kind) != (ops[start].entity, ops[start].kind):
            done += yield from _together(world, ops[start:end])
            start = end
    return done


def require_writable(app: App, entity: Entity, ops: Sequence[Op]) -> Write:
    """Lines are written with their document, ledgers by postings (and by the engine, when it puts a world there)."""
    if entity.write is None or entity.owner:
        raise refuse("api.owned", entity=entity.title, owner=rights.root_of(app, entity).title)
    if entity.kind == "ledger" and not (ops and all(op.rules.trusted for op in ops)):
        raise refuse("api.append-only", entity=entity.title)
    return entity.write


def _together(world: World, ops: Sequence[Op]) -> Body[list[Done]]:
    entity = world.app.entities[ops[0].entity]
    write = require_writable(world.app, entity, ops)
    docs = [Doc(op, op.id or op.change.id or uuid7(), op.action or op.kind) for op in ops]
    kind = ops[0].kind
    if kind == "create":
        rights.require(world.app, world.moment.me, entity, "create")
        yield from files.bind_files(world, entity, docs)
        yield from store(world, write, docs)
        yield from rights.check_fixed(world, entity, [doc for doc in docs if not doc.op.rules.trusted], "create")
    else:
        allowed = yield from _lock(world, entity, write, docs)
        yield from files.bind_files(world, entity, docs)
        if kind == "delete":
            yield from _delete(world, entity, write, docs, allowed)
        elif kind == "restore":
            yield from _restore(world, write, docs, allowed)
        elif kind == "update":
            yield from _update(world, entity, write, docs, allowed)
    if kind != "delete":
        yield from passes(world, write, [doc.id for doc in docs])
    for doc in docs:
        if kind == "act":
            yield from _placed(doc, flow.act(world, entity, write, doc))
        elif doc.op.state:
            yield from flow.put(world, entity, write, doc)
    return (yield from _settle(world, entity, write, docs))


Allowed = tuple[Begun[None], Rows]
"""Whether the documents may be changed as they stand: asked already, not judged yet."""


def _places(docs: Sequence[Doc]) -> dict[str, str]:
    return {doc.id: doc.op.pointer for doc in docs}


def _placed(doc: Doc, body: Body[None]) -> Body[None]:
    """What refuses one of many says which."""
    try:
        yield from body
    except Refusal as refusal:
        at = doc.op.pointer
        if not at:
            raise
        moved = [f if f.pointer.startswith(at) else replace(f, pointer=at + f.pointer) for f in refusal.faults]
        raise Refusal(moved, refusal.status, refusal.headers) from refusal


def _lock(world: World, entity: Entity, write: Write, docs: list[Doc]) -> Body[Allowed]:
    """The stored documents, their roots locked in one order; versions and sight are judged on them.

    Whoever had to wait for the lock asks again: the statement that waited saw what was before."""
    dialect, roots = world.moment.dialect, {"roots": id_array(sorted({doc.id for doc in docs}))}
    lock, read_back = call(write.lock, world.moment, roots, 3), call(write.read_back, world.moment, roots, 2)
    readable = Begun(flow.readable(world, entity, _places(docs)))
    allowed = Begun(_allowed(world, entity, docs))
    asked = [readable.first, allowed.first]
    found, *others = yield from joined.ask(dialect, [lock, *asked])
    if any(row[2] in (True, "true") for row in found):
        found, *others = yield from joined.ask(dialect, [read_back, *asked])
    stored = {row[0]: history.parsed(row[1]) for row in found}
    for doc in docs:
        if doc.id not in stored:
            raise refuse("api.not-found", doc.op.pointer, entity=entity.title)
    yield from readable.go_on(others[0])
    _current(entity, docs, stored)
    return allowed, others[1]


_ASKED = {"update": "update", "delete": "delete", "restore": "delete"}
"""What whoever does this must be allowed to do with the record as it stands; moves have rules of their own."""


def _allowed(world: World, entity: Entity, docs: Sequence[Doc]) -> Body[None]:
    if operation := _ASKED.get(docs[0].op.kind):
        yield from rights.check_records(world.app, world.asker, world.moment, entity, operation, _places(docs))


def _current(entity: Entity, docs: list[Doc], stored: Mapping[str, dict[str, Any]]) -> None:
    for doc in docs:
        before = doc.before = stored[doc.id]
        in_bin = before.get("deleted_at") is not None
        if in_bin != (doc.op.kind == "restore"):
            raise refuse("api.in-bin" if in_bin else "api.not-in-bin", doc.op.pointer, entity=entity.title)
        if doc.op.rev is not None and before["rev"] not in doc.op.rev:
            said = fault("api.stale", doc.op.pointer, rev=before["rev"])
            raise Refusal((said,), headers={"etag": f'"{before["rev"]}"'})


def _update(world: World, entity: Entity, write: Write, docs: list[Doc], allowed: Allowed) -> Body[None]:
    """In an editable state whoever may update, both what was there and what becomes of it (that is asked when the rest
    is judged); at an approval step whoever must decide, what the step lets him."""
    for doc in docs:
        doc.own = not (yield from flow.by_step(world, entity, doc))
    own = [doc for doc in docs if doc.own]
    if len(own) == len(docs):
        yield from allowed[0].go_on(allowed[1])
    else:
        yield from _allowed(world, entity, own) if own else ()
    yield from rights.check_fixed(world, entity, [doc for doc in own if not doc.op.rules.trusted], "update")
    yield from store(world, write, docs)


def _delete(world: World, entity: Entity, write: Write, docs: list[Doc], allowed: Allowed) -> Body[None]:
    for doc in docs:
        doc.stages = ["delete"]
        flow.require_editable(world, entity, doc)
    yield from allowed[0].go_on(allowed[1])
    yield from remove(world, write, docs)


def _restore(world: World, write: Write, docs: list[Doc], allowed: Allowed) -> Body[None]:
    """A root brings back exactly the lines that went with it."""
    ids = [doc.id for doc in docs]
    yield from allowed[0].go_on(allowed[1])
    yield from _restore_lines(world, write.root.table, write.lines, ids)
    yield rows.restore(write.root.table, id_array(ids), world.moment)


def _restore_lines(world: World, parent: str, lines: Iterable[LineWrite], owners: Sequence[str]) -> Body[None]:
    for line in lines:
        table = line.write.table
        if line.lines:  # deeper lines compare with an owner that is still in the bin
            found = yield rows.binned_with(table, line.owner_column, parent, id_array(owners), world.moment.dialect)
            yield from _restore_lines(world, table, line.lines, [row[0] for row in found])
        yield rows.restore_lines(table, line.owner_column, parent, id_array(owners), world.moment.dialect)


def _judged(
    world: World, entity: Entity, write: Write, docs: list[Doc]
) -> Body[tuple[dict[str, dict[str, Any]], str | None]]:
    """Refuses what may not be; gives the documents as they became, and the text of the one that is told."""
    kind = docs[0].op.kind
    ids = [doc.id for doc in docs]
    _, _, _, _, after, told = yield from joined.together(
        world.moment.dialect,
        [
            _permitted(world, entity, [doc for doc in docs if doc.own], "update"),
            refs.require_living(world, entity, docs if kind in ("create", "update", "act") else ()),
            checks.judge(world, entity, write, docs),
            _permitted(world, entity, docs if kind == "create" else (), "create"),
            _stored(world, write, ids),
            world.telling(ids[0]) if world.telling is not None and len(ids) == 1 and kind != "delete" else _nothing(),
        ],
    )
    return after, told


def _permitted(world: World, entity: Entity, docs: Sequence[Doc], operation: str) -> Body[None]:
    yield from rights.check_records(world.app, world.asker, world.moment, entity, operation, _places(docs))


def _stored(world: World, write: Write, ids: Sequence[str]) -> Body[dict[str, dict[str, Any]]]:
    found = yield call(write.read_back, world.moment, {"roots": id_array(ids)}, 2)
    return {row[0]: history.parsed(row[1]) for row in found}


def _nothing() -> Body[None]:
    yield from ()


def _settle(world: World, entity: Entity, write: Write, docs: list[Doc]) -> Body[list[Done]]:
    """Everything after the rows themselves, for all documents at once."""
    moment, kind = world.moment, docs[0].op.kind
    roots = {"roots": id_array([doc.id for doc in docs])}
    for statement in write.guards:
        yield call(statement, moment, roots)
    yield from numbers.assign(world, write, docs)
    entries = yield from posting.post(world, write, roots)
    entries += [event for doc in docs for event in doc.events]
    after, told = yield from _judged(world, entity, write, docs)
    if kind != "delete":
        yield from companions.keep(world, entity, write.root, list(after.values()))
    done = []
    made: dict[str, list[dict[str, Any]]] = {"_history": [], "_outbox": entries, "_audit": []}
    for doc in docs:
        now = after[doc.id]
        changes, events = history.rows_of(world.app.born, write, moment, doc.before, now, doc.kind, doc.note or None)
        made["_history"] += changes
        made["_outbox"] += events
        behalf = str(doc.note.get("for", "")) if doc.note else ""
        made["_audit"].append(audit.written(moment, entity.path, doc.id, doc.kind, int(now["rev"]), behalf))
        done.append(Done(doc.id, int(now["rev"]), now, kind == "create", tuple(doc.warnings), told))
    for one in rows.insert_many(made, moment.dialect):  # noqa: UP028 - a list cannot be sent the rows
        yield one
    return done
