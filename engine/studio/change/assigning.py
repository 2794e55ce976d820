"""Who gets what to do by a workflow, before and after: steps to approve or to be told of, and moves to make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.catalog import Catalog, People, Workflow
from engine.expr.build import Expr
from engine.expr.build.tree import by_columns
from engine.label import Label
from engine.plan.change import ALL, Right
from engine.problem import Where
from engine.serve.tenant.bind import EVERYONE

_SAYS: Mapping[str, Label] = {
    "path": Label("{0}所指的人", "whoever {0} names"),
    "leader": Label("{0}的负责人", "the leader of {0}"),
    "initiator": Label("发起人", "whoever began it"),
    "me": Label("操作者本人", "whoever does it"),
}
_ANYBODY = (People("role", EVERYONE),)
_Who = tuple[str, Any]
"""A role, or what leads to somebody, whatever that is called."""


@dataclass(frozen=True, slots=True)
class Turn:
    """``role`` gets other things to do by a workflow; ``title``: who that is, where it is no role."""

    workflow: str
    role: str
    title: Label | None
    rights: tuple[Right, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class _Slot:
    """What is given to somebody at one place of a workflow: by which entries, and when."""

    entries: Sequence[People]
    when: Expr | None
    where: Where

    @property
    def meant(self) -> Any:
        places = frozenset(by_columns(one.path.tree) if one.path is not None else None for one in self.entries)
        return places, by_columns(self.when.tree) if self.when is not None else None

    @property
    def told(self) -> str:
        """As it will be written to people: ``all``, where it is, and under which condition."""
        paths = [one.path.text for one in self.entries if one.kind == "role" and one.path is not None]
        place = ", ".join(paths) if len(paths) == len(self.entries) else ALL
        if self.when is None:
            return place
        return f"{'' if place == ALL else place + ' '}WHERE {self.when.text}"


def turns(old: Catalog, new: Catalog, roles: Mapping[str, str]) -> Iterator[Turn]:
    """One for each workflow and whoever gets other things to do by it. ``roles``: what they were called → what they
    are called."""
    for path in dict.fromkeys((*new.workflows, *old.workflows)):
        before, after = old.workflows.get(path), new.workflows.get(path)
        if before is not after:
            yield from _of_workflow(path, _slots(before, roles), _slots(after, {}))


_Slots = dict[tuple[str, str], dict[_Who, _Slot]]
"""(step or move, what may be done there) → who."""


def _of_workflow(path: str, had: _Slots, has: _Slots) -> Iterator[Turn]:
    found: dict[_Who, list[tuple[Right, _Slot]]] = {}
    for name, may in dict.fromkeys((*has, *had)):
        was, now = had.get((name, may), {}), has.get((name, may), {})
        for who in dict.fromkeys((*now, *was)):
            before, after = was.get(who), now.get(who)
            known = after or before
            assert known is not None
            if (before.meant if before else None) != (after.meant if after else None):
                told = [one.told if one is not None else "" for one in (before, after)]
                right = Right(_called(known.entries[0]), f"{path}.{name}", may, *told)
                found.setdefault(who, []).append((right, known))
    for changes in found.values():
        slot = changes[0][1]
        entry, rights = slot.entries[0], tuple(right for right, _ in changes)
        yield Turn(path, rights[0].role, _title(entry), rights, slot.where)


def _slots(flow: Workflow | None, roles: Mapping[str, str]) -> _Slots:
    out: _Slots = {}
    for name, may, people, when, where in _given(flow) if flow is not None else ():
        entries: dict[_Who, list[People]] = {}
        for one in people:
            role = roles.get(one.role, one.role)
            tree = by_columns(one.path.tree) if one.path is not None and one.kind != "role" else None
            entries.setdefault((f"{one.kind} {role}", tree), []).append(replace(one, role=role))
        out[name, may] = {who: _Slot(some, when, where) for who, some in entries.items()}
    return out


def _given(flow: Workflow) -> Iterator[tuple[str, str, Sequence[People], Expr | None, Where]]:
    for move in flow.transitions.values():
        if not move.auto:
            yield move.name, "move", move.by or _ANYBODY, move.when, move.where
    for step in flow.steps.values():
        yield step.name, "approve", step.assign, step.when, step.where
        yield step.name, "told", step.cc, step.when, step.where
        if step.timeout is not None:
            yield step.name, "late", step.timeout.to, None, step.where


def _called(one: People) -> str:
    if one.kind == "role":
        return one.role
    return f"{one.kind} {one.path.text}" if one.path is not None else one.kind


def _title(one: People) -> Label | None:
    says = _SAYS.get(one.kind)
    text = one.path.text if one.path is not None else ""
    return Label(says.zh.format(text), says.en.format(text)) if says is not None else None
