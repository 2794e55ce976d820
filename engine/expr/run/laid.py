"""A value laid over the months between two days: each month's share is whole units, and together they are the value.

What belongs to no full unit goes to the months with the largest remainders, the earlier first.
"""

from __future__ import annotations

import json
from datetime import date, timedelta

LINEAR, S = 0, 1
MOST_DAYS = 120_000
"""A longer time is a year mistyped: the value counts in its first month."""


def came_up(days: int, whole: int, curve: int) -> int:
    """How much of the value is reached after so many of the ``whole`` days, in parts of ``parts``."""
    return days if curve == LINEAR else days * days * (3 * whole - 2 * days)


def parts(whole: int, curve: int) -> int:
    return whole if curve == LINEAR else whole**3


def shares(value: int, start: date, end: date, curve: int) -> dict[str, int]:
    """Month (its first day) → its share."""
    whole = (end - start).days + 1
    if whole < 1 or whole > MOST_DAYS:
        return {start.replace(day=1).isoformat(): value}
    size, sign = abs(value), -1 if value < 0 else 1
    out: dict[str, int] = {}
    left: list[tuple[int, str]] = []
    before, month = 0, start.replace(day=1)
    while before < whole:
        following = (month + timedelta(31)).replace(day=1)
        until = min((following - start).days, whole)
        found = size * (came_up(until, whole, curve) - came_up(before, whole, curve))
        out[month.isoformat()], rest = divmod(found, parts(whole, curve))
        left.append((-rest, month.isoformat()))
        before, month = until, following
    for _, name in sorted(left)[: size - sum(out.values())]:
        out[name] += 1
    return {name: sign * part for name, part in out.items()}


def laid(value: int | None, start: str | None, end: str | None, curve: int) -> str:
    """As SQLite lists it: a JSON object by month. Without either day the value belongs to no month."""
    first = start or end
    if first is None:
        return json.dumps({"": value})
    found = shares(value or 0, date.fromisoformat(first), date.fromisoformat(end or first), curve)
    return json.dumps({month: None if value is None else part for month, part in found.items()})
