"""The numbers of ways in, read from the environment of the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from engine.problem import Problems, problem
from engine.serve.tenant.policy import Policy
from engine.studio.codes import CODES

PREFIX = "DOUGONG_"
_BOUNDS = {
    "password_shortest": (8, 64),
    "password_longest": (64, 1000),
    "tries_name": (1, 100),
    "tries_address": (1, 100_000),
    "pause_minutes": (1, 1440),
    "longest_pause_minutes": (1, 10_080),
    "page_hours": (1, 720),
    "page_idle_hours": (1, 720),
    "api_days": (1, 366),
    "api_idle_days": (1, 366),
    "token_days": (1, 3660),
}


def of_environment(environment: Mapping[str, str]) -> Policy:
    """The policy as the environment says; Problems with every value that cannot be."""
    given: dict[str, Any] = {}
    wrong = []
    for field in fields(Policy):
        name = f"{PREFIX}{field.name.upper()}"
        text = environment.get(name, "").strip()
        if not text:
            continue
        if field.name == "second_step":
            given[field.name] = tuple(role for word in text.split(",") if (role := word.strip()))
            continue
        least, most = _BOUNDS[field.name]
        if text.isascii() and text.isdigit() and least <= int(text[:9]) <= most:
            given[field.name] = int(text)
        else:
            wrong.append(problem(CODES["policy.value"], name=name, least=least, most=most, got=text[:40]))
    if wrong:
        raise Problems(wrong)
    return Policy(**given)
