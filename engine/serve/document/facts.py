"""What a workflow knows of one record for one person: the open approval, and which moves are his. One statement."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.machine import Machine, People, Step, Transition
from engine.plan.question import Asker
from engine.plan.statement import Dialect, Param, Statement
from engine.plan.viewer import Action
from engine.serve.tenant.bind import Me
from engine.serve.tenant.combine import Combined

DECISIONS: Mapping[str, Label] = {
    "approve": Label("同意", "Approve"),
    "reject": Label("驳回", "Reject"),
    "withdraw": Label("撤回", "Withdraw"),
}


def machine_of(app: App, entity: Entity) -> Machine | None:
    return app.machines.get(entity.machine) if entity.machine else None


@dataclass(frozen=True, slots=True)
class Task:
    id: str
    step: str
    user: str | None
    state: str


@dataclass(frozen=True, slots=True)
class Case:
    """A running approval. ``tasks`` of this round in order."""

    id: str
    step: str
    initiator: str
    round: int
    decided: bool
    tasks: tuple[Task, ...]
    table: str = ""
    """Of the document."""

    def of_step(self, name: str) -> list[Task]:
        return [t for t in self.tasks if t.step == name and t.state in ("open", "waiting", "approved", "rejected")]

    def task_of(self, me: Me, document: Mapping[str, Any]) -> Task | None:
        """The open task this person may decide: his own, one of somebody he stands in for; the administrator's also
        when it is nobody's or another's."""
        opened = [t for t in self.tasks if t.state == "open"]
        own = next((t for t in opened if t.user is not None and t.user == me.user), None)
        lent = [task for task, barred in self._lent(me, opened, document) if not barred]
        return own or next(iter(lent), None) or (opened[0] if me.admin and opened else None)

    def barred(self, me: Me, document: Mapping[str, Any]) -> bool:
        """Whether he could decide for somebody if the document were not one of theirs."""
        return any(barred for _, barred in self._lent(me, [t for t in self.tasks if t.state == "open"], document))

    def _lent(self, me: Me, opened: Sequence[Task], document: Mapping[str, Any]) -> Iterator[tuple[Task, bool]]:
        """Tasks of those he stands in for, and whether he or they wrote the document or handed it in."""
        creator = document.get("created_by")
        wrote = {self.initiator, str(creator.get("id") if isinstance(creator, Mapping) else creator)}
        for one in me.stands_in:
            for task in opened:
                if task.user == one.user and one.covers(self.table, task.step):
                    yield task, bool({me.user, one.user} & wrote)

    def step_of(self, machine: Machine | None) -> Step | None:
        return next((s for s in machine.steps if s.name == self.step), None) if machine is not None else None

    def with_task(self, task: str, state: str) -> Case:
        return replace(self, tasks=tuple(replace(t, state=state) if t.id == task else t for t in self.tasks))


@dataclass(frozen=True, slots=True)
class Facts:
    """``mine``: whether the people slot of a transition means me; ``holds``: whether its ``when`` is TRUE."""

    case: Case | None
    mine: Mapping[str, bool]
    holds: Mapping[str, bool]

    def may_make(self, move: Transition, me: Me, document: Mapping[str, Any]) -> bool:
        special = move.by.special
        initiator = self.case.initiator if self.case is not None else document.get("created_by")
        if isinstance(initiator, Mapping):
            initiator = initiator.get("id")
        return (
            me.admin
            or self.mine.get(move.name, False)
            or ("me" in special and me.user is not None)
            or ("initiator" in special and me.user is not None and initiator == me.user)
        )


@lru_cache(maxsize=512)
def _statement(digest: str, dialect: Dialect, machine: _ByDigest, acting: Statement | bool) -> Statement:
    combined = Combined(dialect)
    return combined.finish(columns(machine.machine, combined, acting))


@dataclass(frozen=True, slots=True)
class _ByDigest:
    """Machines hold mappings, which cannot be hashed; their digest says the same."""

    machine: Machine

    def __hash__(self) -> int:
        return hash((self.machine.digest, self.machine.name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByDigest) and other.machine is self.machine


def acting(machine: Machine, app: App, asker: Asker, me: Me) -> Statement | bool:
    """Whether the caller's roles let him make moves that name nobody: on every record, on none, or on those that the
    statement gives."""
    if me.admin or not any(move.open for move in machine.transitions.values()):
        return me.admin
    rules = app.entities[machine.entity].access.get("act", {})
    if any(rules.get(role) is True for role in me.roles):
        return True
    return asker.access(app, machine.entity, "act", me.roles) or False


def statement(machine: Machine, dialect: Dialect, acting: Statement | bool = False) -> Statement:
    """Inputs ``id`` and ``roots`` (an array of that one id); one row for ``read``."""
    return _statement(machine.digest, dialect, _ByDigest(machine), acting)


def columns(machine: Machine, combined: Combined, acting: Statement | bool = False) -> list[str]:
    """The case as JSON text, then per transition whether its people mean me, then whether its condition holds."""
    cast = "::uuid" if combined.dialect == "postgresql" else ""
    out = [_case_sql(combined)] if machine.steps else ["NULL"]
    for move in machine.transitions.values():
        if move.open and isinstance(acting, Statement):
            out.append(f"EXISTS ({combined.embed(acting)})")
        elif move.by.statement is None:
            out.append("1 = 1" if move.open and acting else "1 = 0")
        else:
            inner = combined.embed(move.by.statement)
            me = combined.bind(Param("me", "id", "uuid"))
            out.append(f"EXISTS (WITH b(r, u) AS ({inner}) SELECT 1 FROM b WHERE b.u = {me}{cast})")
    for move in machine.transitions.values():
        if move.when is None:
            out.append("1 = 1")
        else:
            inner = combined.embed(move.when)
            out.append(f"EXISTS (WITH b(r, t) AS ({inner}) SELECT 1 FROM b WHERE b.t)")
    return out


def _case_sql(combined: Combined) -> str:
    record = combined.bind(Param("input", "id", "uuid"))
    cast = "::uuid" if combined.dialect == "postgresql" else ""
    case = case_json(combined.dialect)
    return f"(SELECT {case} FROM _case AS c WHERE c.root = {record}{cast} AND c.state = 'open')"


def case_json(dialect: Dialect) -> str:
    """The JSON text of the row ``c`` of ``_case``."""
    postgres = dialect == "postgresql"
    one, many = ("json_build_object", "json_agg") if postgres else ("json_object", "json_group_array")
    task = f"{one}('id', t.id, 'step', t.step, 'user', t.\"user\", 'state', t.state)"
    tasks = f"(SELECT {many}({task}) FROM (SELECT * FROM _task WHERE case_id = c.id ORDER BY position, id) AS t)"
    decided = "(SELECT count(*) FROM _decision AS d WHERE d.case_id = c.id)"
    made = (
        f"{one}('id', c.id, 'step', c.step, 'initiator', c.initiator, 'round', c.round, 'decided', {decided},"
        f" 'tasks', {tasks})"
    )
    return f"({made}){'::text' if postgres else ''}"


def read(machine: Machine, row: Sequence[Any]) -> Facts:
    moves = list(machine.transitions)
    case = None
    if row[0] is not None:
        data = json.loads(row[0])
        tasks = tuple(Task(t["id"], t["step"], t["user"], t["state"]) for t in data["tasks"] or ())
        case = Case(
            data["id"],
            data["step"] or "",
            data["initiator"] or "",
            data["round"],
            bool(data["decided"]),
            tasks,
            machine.table,
        )
    return Facts(
        case,
        {name: bool(value) for name, value in zip(moves, row[1:], strict=False)},
        {name: bool(value) for name, value in zip(moves, row[1 + len(moves) :], strict=False)},
    )


def actions(machine: Machine, facts: Facts, me: Me, document: Mapping[str, Any]) -> tuple[Action, ...]:
    """What this person may do with the record next."""
    state = document.get(machine.field)
    out = [
        Action(move.name, move.title, reason=move.reason, require=move.require)
        for move in machine.transitions.values()
        if state in move.sources
        and not move.auto
        and facts.holds.get(move.name, True)
        and facts.may_make(move, me, document)
    ]
    case = facts.case
    if case is not None:
        if case.task_of(me, document) is not None:
            out.append(Action("approve", DECISIONS["approve"], "approve"))
            out.append(Action("reject", DECISIONS["reject"], "reject", True))
        if machine.withdraw and not case.decided and (me.admin or me.user == case.initiator):
            out.append(Action("withdraw", DECISIONS["withdraw"], "withdraw"))
    return tuple(out)


def stage_of(machine: Machine, move: Transition) -> str:
    """Which checks a move must pass: those of handing in, those of coming into force, or those that always hold."""
    if move.approval:
        return "submit"
    effective = machine.states[move.target].effective
    approvals = any(t.approval for t in machine.transitions.values())
    if effective and not approvals and machine.initial in move.sources:
        return "submit"
    return "approve" if effective else "move"


def way(machine: Machine, state: str) -> Iterator[tuple[Statement | None, str]]:
    """The moves that lead from the first state to this one: handing in and being approved, or the plain ones."""
    submit = next((t for t in machine.transitions.values() if t.approval), None)
    if submit is not None and state in (submit.target, machine.approved_to):
        yield submit.apply, "submit"
        if state == machine.approved_to:
            yield machine.outcomes.get("approved"), "approve"
        return
    last = next((t for t in machine.transitions.values() if t.target == state), None)
    if last is None:
        return
    if machine.initial not in last.sources and last.sources[0] != state:
        yield from way(machine, last.sources[0])
    yield last.apply, stage_of(machine, last)


def special_users(people: People, case: Case, me: Me) -> list[str]:
    return [case.initiator if name == "initiator" else me.user or "" for name in people.special]


def said(found: Sequence[Action]) -> Label | None:
    """Actions as a sentence lists them."""
    if not found:
        return None
    return Label("、".join(a.title.to("zh") for a in found), ", ".join(a.name for a in found))
