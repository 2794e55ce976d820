"""What makes no sense together, though each part alone is well written: a tuple of checks over the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.catalog import Catalog
from engine.problem import Problem
from engine.read.rules.boards import tiles_add_sums, tiles_have_time
from engine.read.rules.entities import (
    checks_serialise,
    computes_form_no_ring,
    names_are_free,
    references_can_begin,
    stored_values_are_own,
)
from engine.read.rules.flows import (
    approvals_lead_somewhere,
    one_workflow_a_field,
    postings_are_whole,
    states_are_reached,
)

Rule = Callable[[Catalog], Iterable[Problem]]

RULES: tuple[Rule, ...] = (
    names_are_free,
    references_can_begin,
    computes_form_no_ring,
    stored_values_are_own,
    checks_serialise,
    one_workflow_a_field,
    states_are_reached,
    approvals_lead_somewhere,
    postings_are_whole,
    tiles_have_time,
    tiles_add_sums,
)


def judged(catalog: Catalog) -> list[Problem]:
    return [problem for rule in RULES for problem in rule(catalog)]
