"""How decisions add up."""

from __future__ import annotations

from itertools import product

import pytest

from engine.serve.write.vote import outcome

OPEN, W, Y, N = "open", "waiting", "approved", "rejected"


@pytest.mark.parametrize(
    ("mode", "states", "fate"),
    [
        ("any", [OPEN, OPEN], ""),
        ("any", [Y, OPEN], "approved"),
        ("any", [OPEN, N], "rejected"),
        ("all", [Y, OPEN], ""),
        ("all", [Y, Y], "approved"),
        ("all", [Y, N], "rejected"),
        ("all", [OPEN, N], "rejected"),
        ("sequence", [Y, W], "next"),
        ("sequence", [OPEN, W], ""),
        ("sequence", [Y, Y], "approved"),
        ("sequence", [N, W], "rejected"),
        ("60%", [Y, Y, OPEN, OPEN, OPEN], ""),
        ("60%", [Y, Y, Y, OPEN, OPEN], "approved"),
        ("0.6", [N, N, OPEN, OPEN, OPEN], ""),
        ("60%", [N, N, N, OPEN, OPEN], "rejected"),
        ("50%", [Y, N], "rejected"),
        ("50%", [Y, OPEN], ""),
        ("50%", [Y, Y, N], "approved"),
        ("1%", [OPEN], ""),
        ("1%", [Y], "approved"),
    ],
)
def test_outcome(mode: str, states: list[str], fate: str) -> None:
    assert outcome(mode, states) == fate


@pytest.mark.parametrize("mode", ["any", "all", "60%", "50%", "sequence"])
def test_a_step_that_is_fully_decided_is_never_left_open(mode: str) -> None:
    for states in product([Y, N], repeat=4):
        assert outcome(mode, states) in ("approved", "rejected")
