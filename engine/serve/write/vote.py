"""How the decisions of one step add up. Pure: states of the step's tasks in, the step's fate out."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Literal

Fate = Literal["", "approved", "rejected", "next"]


def outcome(mode: str, states: Sequence[str]) -> Fate:
    """``states`` of the tasks: open, waiting, approved, rejected. Empty: the step goes on as it is; ``next``: the
    next signer's turn. A share is fixed when the step opens; it ends early when it is certain; a tie rejects."""
    yes, no = states.count("approved"), states.count("rejected")
    left = states.count("open") + states.count("waiting")
    if mode == "any":
        return "approved" if yes else "rejected" if no else ""
    if mode in ("all", "sequence"):
        if no:
            return "rejected"
        if not left:
            return "approved"
        return "next" if mode == "sequence" and not states.count("open") else ""
    total = yes + no + left
    needed = int((share(mode) * total).to_integral_value(ROUND_CEILING))
    needed = max(needed, total // 2 + 1 if share(mode) == Decimal("0.5") else needed, 1)
    if yes >= needed:
        return "approved"
    return "rejected" if yes + left < needed else ""


def share(mode: str) -> Decimal:
    """``60%`` or ``0.6``."""
    return Decimal(mode[:-1]) / 100 if mode.endswith("%") else Decimal(mode)
