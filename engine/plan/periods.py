"""Periods of time as filters say them: which dimensions are time, and the same choice one period before."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import date, timedelta

from engine.plan.page import Figures

_MONTHS = {"previous month": 1, "previous quarter": 3, "previous year": 12}
_DAYS = {"previous day": 1, "previous week": 7}
_MONTH = re.compile(r"(\d{4})-(\d{2})(?:-01)?")


def times(figures: Figures) -> tuple[str, ...]:
    return tuple(d.name for d in figures.dimensions.values() if d.kind in ("month", "date"))


def moved(text: str, compare: str) -> str:
    """A month or a day one period before; empty where that says nothing of it."""
    if found := _MONTH.fullmatch(text):
        months = _MONTHS.get(compare, 0)
        at = int(found[1]) * 12 + int(found[2]) - 1 - months
        return f"{at // 12:04d}-{at % 12 + 1:02d}" if months and 1 <= int(found[2]) <= 12 and at >= 12 else ""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return ""
    if compare in _DAYS:
        return (day - timedelta(_DAYS[compare])).isoformat()
    at = day.year * 12 + day.month - 1 - _MONTHS[compare]
    year, month = at // 12, at % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1])).isoformat() if year else ""


def before(compare: str, figures: Figures, given: Mapping[str, str]) -> dict[str, str] | None:
    """The filters of the period before, where a period was chosen."""
    mine = set(times(figures))
    chosen = {key: value for key, value in given.items() if key.partition("[")[0] in mine}
    earlier = {key: moved(value, compare) for key, value in chosen.items() if not key.endswith("[in]")}
    return {**given, **earlier} if chosen and len(earlier) == len(chosen) and all(earlier.values()) else None
