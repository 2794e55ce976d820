"""Workflows: moves and approvals, on every write path. A running case always has an open task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from engine.db import Body
from engine.label import Label
from engine.plan.entity import Entity, Write
from engine.plan.machine import Machine, State, Step, Transition
from engine.plan.statement import Statement
from engine.problem import nearest
from engine.serve.document import facts as known
from engine.serve.document import rights
from engine.serve.document.decode import Change, may_edit
from engine.serve.document.facts import DECISIONS, Case, Facts, machine_of
from engine.serve.document.store import Doc, World, passes, store
from engine.serve.tenant import rows
from engine.serve.tenant.bind import call, id_array
from engine.serve.tenant.ids import uuid7
from engine.serve.wire.fault import Fault, Refusal, fault, refuse
from engine.serve.write import numbers, posting
from engine.serve.write.vote import outcome


def state_of(world: World, entity: Entity, document: Any) -> State | None:
    machine = machine_of(world.app, entity)
    return machine.states.get(document.get(machine.field)) if machine is not None else None


def facts_of(world: World, entity: Entity, record: str) -> Body[Facts]:
    """Its open approval, and which moves this person may make on it now."""
    machine = machine_of(world.app, entity)
    assert machine is not None
    acting = known.acting(machine, world.app, world.asker, world.moment.me)
    statement = known.statement(machine, world.moment.dialect, acting)
    found = yield call(statement, world.moment, {"roots": id_array([record]), "id": record})
    return known.read(machine, found[0])


def readable(world: World, entity: Entity, places: Mapping[str, str]) -> Body[None]:
    """What one may not see is not there; but whoever has a task on it sees it. Ids with their pointers."""
    me = world.moment.me
    if rights.may_always(world.app, me, entity, "read"):
        return
    statement = world.asker.access(world.app, entity.path, "read", me.roles)
    allowed: set[str] = set()
    if statement is not None:
        allowed = {row[0] for row in (yield call(statement, world.moment, {"roots": id_array(sorted(places))}, 1))}
    for one, pointer in places.items():
        if one in allowed:
            continue
        if not (yield from _tasked(world, one)):
            raise refuse("api.not-found", pointer, entity=entity.title)


def _tasked(world: World, record: str) -> Body[bool]:
    """Whether a task on it waits or waited for this person, or somebody he stands in for."""
    found = yield rows.select("_task", world.moment.dialect, {"root": record})
    me = world.moment.me
    whole, steps = set(me.tasks_of), set(me.steps_of)
    for row in found:
        task = rows.by_name("_task", row)
        if task["user"] in whole or f"{task['user']}:{task['entity']}:{task['step']}" in steps:
            return True
    return False


def require_editable(world: World, entity: Entity, doc: Doc) -> None:
    state = state_of(world, entity, doc.before or {})
    if state is not None and not state.editable:
        raise refuse("api.locked", doc.op.pointer, entity=entity.title, state=state.title)


def by_step(world: World, entity: Entity, doc: Doc) -> Body[bool]:
    """Whether the change is one that a step of an approval lets this person make; refuses where nobody may."""
    state = state_of(world, entity, doc.before or {})
    if state is None or state.editable:
        return False
    facts = yield from facts_of(world, entity, doc.id)
    machine = machine_of(world.app, entity)
    step = facts.case.step_of(machine) if facts.case is not None and machine is not None else None
    mine = facts.case is not None and facts.case.task_of(world.moment.me, doc.before or {}) is not None
    if step is None or not step.edit or not mine:
        raise refuse("api.locked", doc.op.pointer, entity=entity.title, state=state.title)
    _only(world, entity, doc.op.change, step.edit, doc.op.pointer)
    return True


def _only(world: World, entity: Entity, change: Change, editable: tuple[str, ...], pointer: str) -> None:
    faults: list[Fault] = []
    _outside(world, entity, change, editable, pointer, "", faults)
    if faults:
        raise Refusal(faults, 422)


def _outside(
    world: World, entity: Entity, change: Change, editable: tuple[str, ...], at: str, prefix: str, faults: list[Fault]
) -> None:
    """Everything in the change that a step does not let one touch; lines may not come or go unless all of them may."""
    for name in change.values:
        if not may_edit(f"{prefix}{name}", editable):
            faults.append(fault("api.not-editable", f"{at}/{name}", title=entity.fields[name].title))
    for name, lines in change.lines.items():
        field = entity.fields[name]
        whole = f"{prefix}{name}" in editable
        if lines.replace and not whole:
            faults.append(fault("api.not-editable", f"{at}/{name}", title=field.title))
        for line in lines.lines:
            place = f"{at}/{name}/{line.at}"
            if not whole and (line.delete or not line.id):
                faults.append(fault("api.not-editable", place, title=field.title))
            elif not whole:
                child = world.app.entities[field.target]
                _outside(world, child, line.change, editable, place, f"{prefix}{name}.", faults)


def act(world: World, entity: Entity, write: Write, doc: Doc) -> Body[None]:
    """A move or a decision. Values sent with it are written first, as far as this person may change them now."""
    machine = machine_of(world.app, entity)
    name = doc.op.action
    if machine is None or (name not in machine.transitions and name not in DECISIONS):
        names = [*machine.transitions, *DECISIONS] if machine is not None else []
        raise refuse("workflow.unknown-action", entity=entity.title, name=name, nearest=nearest(name, names) or "")
    facts = yield from facts_of(world, entity, doc.id)
    doc.note = {"reason": doc.op.reason} if doc.op.reason else {}
    if name in machine.transitions:
        yield from _move(world, entity, write, doc, machine, facts, machine.transitions[name])
    else:
        yield from _decide(world, entity, write, doc, machine, facts)


def _write_sent(world: World, entity: Entity, write: Write, doc: Doc) -> Body[None]:
    if doc.op.changes:
        if not (yield from by_step(world, entity, doc)):
            mine = {doc.id: doc.op.pointer}
            yield from rights.check_records(world.app, world.asker, world.moment, entity, "update", mine)
            yield from rights.check_fixed(world, entity, [doc], "update")
        yield from store(world, write, [doc])
        yield from passes(world, write, [doc.id])


def _move(
    world: World, entity: Entity, write: Write, doc: Doc, machine: Machine, facts: Facts, move: Transition
) -> Body[None]:
    before = doc.before or {}
    state = state_of(world, entity, before)
    if state is None or state.name not in move.sources:
        _impossible(machine, facts, world, before, move.title)
    if not facts.may_make(move, world.moment.me, before):
        raise refuse("workflow.not-yours", action=move.title)
    if move.reason and not doc.op.reason.strip():
        raise refuse("workflow.reason", "/reason", action=move.title)
    yield from _write_sent(world, entity, write, doc)
    holds = facts.holds.get(move.name, True)
    if move.when is not None and doc.op.changes:
        holds = bool((yield from _truths(world, doc, move.when)))
    if not holds:
        raise refuse("workflow.condition", action=move.title)
    _required(entity, doc, move.require)
    yield from _apply(world, write, doc, move.apply)
    doc.stages = [known.stage_of(machine, move)]
    if move.approval:
        yield from _open(world, entity, write, doc, machine)


def _impossible(machine: Machine, facts: Facts, world: World, before: Any, title: Label) -> NoReturn:
    state = machine.states.get(before.get(machine.field)) or machine.states[machine.initial]
    actions = known.actions(machine, facts, world.moment.me, before)
    allowed = known.said(actions) or Label("无", "nothing")
    raise refuse("workflow.state", action=title, state=state.title, allowed=allowed)


def _required(entity: Entity, doc: Doc, names: tuple[str, ...]) -> None:
    values = {**(doc.before or {}), **doc.op.change.values}
    missing = [
        fault("field.required", f"{doc.op.pointer}/{name}", title=entity.fields[name].title)
        for name in names
        if values.get(name) in (None, "") and name in entity.fields
    ]
    if missing:
        raise Refusal(missing, 422)


def _truths(world: World, doc: Doc, statement: Statement) -> Body[Any]:
    found = yield call(statement, world.moment, {"roots": id_array([doc.id])})
    return found[0][1] if found else None


def _apply(world: World, write: Write, doc: Doc, statement: Statement | None) -> Body[None]:
    if statement is not None:
        yield call(statement, world.moment, {"roots": id_array([doc.id])})
        yield from passes(world, write, [doc.id])


def _open(world: World, entity: Entity, write: Write, doc: Doc, machine: Machine) -> Body[None]:
    """Starts an approval: a new round of the document."""
    moment = world.moment
    rounds = yield rows.select("_case", moment.dialect, {"root": doc.id})
    case = Case(uuid7(), "", moment.me.user or "", len(rounds) + 1, False, ())
    row = {
        "id": case.id,
        "entity": entity.table,
        "root": doc.id,
        "machine": machine.digest,
        "round": case.round,
        "state": "open",
        "initiator": moment.me.user,
        "started_at": moment.now,
    }
    yield rows.insert("_case", [row], moment.dialect)
    yield from _advance(world, entity, write, doc, machine, case, 0)


def _advance(
    world: World, entity: Entity, write: Write, doc: Doc, machine: Machine, case: Case, first: int
) -> Body[None]:
    """To the next step that applies; conditions are asked now, on the document as it is. Unknown includes the step."""
    moment = world.moment
    if machine.posts_first:
        yield from _post(world, write, doc)
    for step in machine.steps[first:]:
        if step.when is not None:
            truth = yield from _truths(world, doc, step.when)
            if truth is not None and not truth:
                continue
        if step.cc is not None:
            yield from _inform(world, entity, doc, case, step)
        if not (step.assign.statement or step.assign.special or step.assign.roles):
            continue
        yield rows.update("_case", moment.dialect, {"id": case.id}, {"step": step.name})
        yield from _assign(world, entity, doc, case, step)
        return
    yield from _close(world, write, doc, machine, case, "approved")
    doc.stages.append("approve")


def _post(world: World, write: Write, doc: Doc) -> Body[None]:
    """What settling the document does later, done before it is asked about: keys, number, postings, in that order."""
    roots = {"roots": id_array([doc.id])}
    for statement in write.guards:
        yield call(statement, world.moment, roots)
    yield from numbers.assign(world, write, [doc])
    doc.events += yield from posting.post(world, write, roots)


def _assign(world: World, entity: Entity, doc: Doc, case: Case, step: Step) -> Body[None]:
    """Opens the step's tasks. Where nobody is found the task is the administrator's."""
    people = (yield from rights.users_of(step.assign, world.moment, [doc.id]))[doc.id]
    people += [u for u in known.special_users(step.assign, case, world.moment.me) if u and u not in people]
    rows_ = [
        _task(world, entity, doc, case, step, n, user, "waiting" if step.mode == "sequence" and n else "open")
        for n, user in enumerate(people or [None])
    ]
    yield rows.insert("_task", rows_, world.moment.dialect)


def _inform(world: World, entity: Entity, doc: Doc, case: Case, step: Step) -> Body[None]:
    assert step.cc is not None
    people = (yield from rights.users_of(step.cc, world.moment, [doc.id]))[doc.id]
    told = [_task(world, entity, doc, case, step, n, user, "cc") for n, user in enumerate(people)]
    if told:
        yield rows.insert("_task", told, world.moment.dialect)


def _task(
    world: World, entity: Entity, doc: Doc, case: Case, step: Step, n: int, user: str | None, state: str
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "case_id": case.id,
        "entity": entity.table,
        "root": doc.id,
        "step": step.name,
        "round": case.round,
        "position": n,
        "user": user,
        "state": state,
        "born": world.moment.now,
    }


def _decide(world: World, entity: Entity, write: Write, doc: Doc, machine: Machine, facts: Facts) -> Body[None]:
    case, moment, name = facts.case, world.moment, doc.op.action
    title = DECISIONS[name]
    if case is None:
        _impossible(machine, facts, world, doc.before or {}, title)
    if name == "withdraw":
        yield from _withdraw(world, write, doc, machine, case)
        return
    task, step = case.task_of(moment.me, doc.before or {}), case.step_of(machine)
    if task is None and case.barred(moment.me, doc.before or {}):
        raise refuse("standin.own", action=title)
    if task is None or step is None:
        raise refuse("workflow.not-yours", action=title)
    if name == "reject" and not doc.op.reason.strip():
        raise refuse("workflow.reason", "/reason", action=title)
    if name == "approve":
        yield from _write_sent(world, entity, write, doc)
        _required(entity, doc, step.require)
    giver = next((s.user for s in moment.me.stands_in if s.user == task.user), None)
    if giver is not None:
        doc.note["for"] = giver
    row = {
        "id": uuid7(),
        "case_id": case.id,
        "task_id": task.id,
        "root": doc.id,
        "step": step.name,
        "round": case.round,
        "user": moment.me.user,
        "decision": name,
        "opinion": doc.op.reason,
        "behalf": giver,
        "at": moment.now,
    }
    yield rows.insert("_decision", [row], moment.dialect)
    decided = "approved" if name == "approve" else "rejected"
    yield rows.update("_task", moment.dialect, {"id": task.id}, {"state": decided, "done_at": moment.now})
    doc.stages = []
    after = case.with_task(task.id, decided)
    match outcome(step.mode, [t.state for t in after.of_step(step.name)]):
        case "approved":
            yield from _cancel(world, after)
            at = [s.name for s in machine.steps].index(step.name)
            yield from _advance(world, entity, write, doc, machine, after, at + 1)
        case "rejected":
            yield from _close(world, write, doc, machine, after, "rejected")
        case "next":
            waiting = next(t for t in after.of_step(step.name) if t.state == "waiting")
            yield rows.update("_task", moment.dialect, {"id": waiting.id}, {"state": "open", "born": moment.now})
    if not doc.stages and doc.op.changes:
        doc.stages = ["save"]


def _withdraw(world: World, write: Write, doc: Doc, machine: Machine, case: Case) -> Body[None]:
    me = world.moment.me
    if not machine.withdraw or not (me.admin or me.user == case.initiator):
        raise refuse("workflow.not-yours", action=DECISIONS["withdraw"])
    if case.decided and machine.withdraw == "until_first_decision":
        raise refuse("workflow.decided")
    doc.stages = []
    yield from _close(world, write, doc, machine, case, "withdrawn")


def _cancel(world: World, case: Case) -> Body[None]:
    for state in ("open", "waiting"):
        where = {"case_id": case.id, "state": state}
        yield rows.update("_task", world.moment.dialect, where, {"state": "cancelled", "done_at": world.moment.now})


def _close(world: World, write: Write, doc: Doc, machine: Machine, case: Case, how: str) -> Body[None]:
    """Ends the approval; what was open is cancelled, the document moves where the outcome leads."""
    yield from _cancel(world, case)
    ended = {"state": how, "ended_at": world.moment.now, "step": None}
    yield rows.update("_case", world.moment.dialect, {"id": case.id}, ended)
    yield from _apply(world, write, doc, machine.outcomes.get(how))


def put(world: World, entity: Entity, write: Write, doc: Doc) -> Body[None]:
    """A trusted caller's world: the document is brought to a state without asking anybody, what the moves on the
    way set and remember included."""
    machine = machine_of(world.app, entity)
    if machine is None or doc.op.state not in machine.states:
        raise refuse("api.unknown-field", f"{doc.op.pointer}/state", entity=entity.title, name="state", nearest="")
    if doc.op.state == machine.initial:
        return
    for statement, stage in known.way(machine, doc.op.state):
        yield from _apply(world, write, doc, statement)
        if stage:
            doc.stages.append(stage)
