"""Days, months and zones on ISO text and Unix seconds."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999, as Unix seconds."""


def _day(text: str) -> date:
    return date.fromisoformat(text)


def add_days(day: str, count: int) -> str | None:
    """None where the calendar ends (years 1 to 9999)."""
    try:
        return (_day(day) + timedelta(days=count)).isoformat()
    except OverflowError:
        return None


def days_between(start: str, end: str) -> int:
    return (_day(end) - _day(start)).days


def add_months(day: str, count: int) -> str | None:
    """The same day of another month, or its last one where it is shorter."""
    found = _day(day)
    months = found.year * 12 + found.month - 1 + count
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        return None
    return date(year, month + 1, min(found.day, monthrange(year, month + 1)[1])).isoformat()


def months_between(start: str, end: str) -> int:
    one, other = _day(start), _day(end)
    return (other.year - one.year) * 12 + other.month - one.month


def last_day(day: str) -> str:
    found = _day(day)
    return found.replace(day=monthrange(found.year, found.month)[1]).isoformat()


def workdays(start: str, end: str) -> int:
    """Mondays to Fridays, both ends counted; backwards it is negative, as in Excel."""
    one, other = _day(start).toordinal() - 1, _day(end).toordinal() - 1
    if one <= other:
        return _before(other + 1) - _before(one)
    return _before(other) - _before(one + 1)


def _before(days: int) -> int:
    """Weekdays among the first ``days`` days of the calendar, which begins on a Monday."""
    weeks, rest = divmod(days, 7)
    return weeks * 5 + min(rest, 5)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local_date(seconds: int, zone: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone(_zone(zone)).date().isoformat()


def add_minutes(seconds: int, minutes: int) -> int | None:
    found = seconds + minutes * 60
    return found if FIRST_SECOND <= found <= LAST_SECOND else None


def time_seconds(start: str, end: str) -> int:
    return _clock(end) - _clock(start)


def _clock(text: str) -> int:
    hours, minutes, *rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + (int(rest[0]) if rest else 0)
