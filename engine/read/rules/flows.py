"""Rules over workflows and postings."""

from __future__ import annotations

from collections.abc import Iterable

from engine.catalog import Catalog, Workflow
from engine.problem import Problem, problem
from engine.read.codes import CODES


def one_workflow_a_field(catalog: Catalog) -> Iterable[Problem]:
    seen: dict[tuple[str, str], Workflow] = {}
    for workflow in catalog.workflows.values():
        first = seen.setdefault((workflow.of, workflow.field), workflow)
        if first is not workflow:
            yield problem(
                CODES["rule.two-workflows"], workflow.where, entity=workflow.of, field=workflow.field, first=first.where
            )


def states_are_reached(catalog: Catalog) -> Iterable[Problem]:
    """Every state can be come to from the initial one."""
    for workflow in catalog.workflows.values():
        if not workflow.states:
            continue
        moves = [(source, t.to) for t in workflow.transitions.values() for source in t.sources]
        for t in workflow.transitions.values():
            if t.approval:
                moves += [(t.to, o.to) for o in (workflow.approved, workflow.rejected) if o is not None]
        reached = {workflow.initial}
        while more := {to for source, to in moves if source in reached} - reached:
            reached |= more
        for state in workflow.states.values():
            if state.name not in reached:
                yield problem(CODES["rule.unreachable"], state.where, state=state.name)


def approvals_lead_somewhere(catalog: Catalog) -> Iterable[Problem]:
    for workflow in catalog.workflows.values():
        starts = [t for t in workflow.transitions.values() if t.approval]
        for transition in starts if not workflow.steps else ():
            yield problem(CODES["rule.approval"], transition.where, name=transition.name)
        if workflow.steps and not starts:
            yield problem(CODES["rule.no-approval"], workflow.where)
        for key in ("approved", "rejected") if starts and workflow.steps else ():
            if getattr(workflow, key) is None:
                yield problem(CODES["rule.outcome"], workflow.where, key=key)


def postings_are_whole(catalog: Catalog) -> Iterable[Problem]:
    """A posting gives its ledger's period and everything the ledger requires."""
    for posting in catalog.postings.values():
        ledger = catalog.entities.get(posting.into)
        if ledger is None:
            continue
        for field in ledger.fields.values():
            needed = field.required is True or (ledger.ledger is not None and field.name == ledger.ledger.period)
            if needed and field.input and field.default is None and field.name not in posting.set:
                yield problem(CODES["rule.posting-lacks"], posting.where, field=field.name, into=posting.into)
