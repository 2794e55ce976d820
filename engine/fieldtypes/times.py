"""Types of time: date, month, time, datetime."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from engine.fieldtypes.base import ORDERED, FieldType, Refused, shown
from engine.fieldtypes.spec import Spec

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})(-01)?", re.ASCII)
_TIME = re.compile(r"\d{2}:\d{2}(:\d{2})?", re.ASCII)


@dataclass(frozen=True)
class Date(FieldType):
    def coerce(self, value: Any, spec: Spec) -> date:
        if isinstance(value, datetime):
            raise Refused("value.date", got=shown(value))
        if isinstance(value, date):
            return value
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            raise Refused("value.date", got=shown(value))
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise Refused("value.date", got=shown(value)) from None

    def schema(self, spec: Spec) -> dict[str, Any]:
        return {"type": "string", "format": "date"}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        return "" if value is None else str(value)


@dataclass(frozen=True)
class Month(FieldType):
    """A month, held as its first day."""

    def coerce(self, value: Any, spec: Spec) -> date:
        if isinstance(value, date):
            return value.replace(day=1)
        found = _MONTH.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise Refused("value.month", got=shown(value))
        try:
            return date(int(found[1]), int(found[2]), 1)
        except ValueError:
            raise Refused("value.month", got=shown(value)) from None

    def schema(self, spec: Spec) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\d{4}-(0[1-9]|1[0-2])$"}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        return "" if value is None else str(value)[:7]


@dataclass(frozen=True)
class Time(FieldType):
    def coerce(self, value: Any, spec: Spec) -> time:
        if isinstance(value, time):
            return value
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise Refused("value.time", got=shown(value))
        try:
            return time.fromisoformat(value)
        except ValueError:
            raise Refused("value.time", got=shown(value)) from None

    def schema(self, spec: Spec) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        return "" if value is None else str(value)[:5]


@dataclass(frozen=True)
class DateTime(FieldType):
    """A moment, kept in UTC to the second; a text without a zone is refused (forms send theirs)."""

    def coerce(self, value: Any, spec: Spec) -> datetime:
        moment = value
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                raise Refused("value.datetime", got=shown(value)) from None
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise Refused("value.datetime", got=shown(value))
        try:
            return moment.astimezone(UTC).replace(microsecond=0)
        except OverflowError:
            raise Refused("value.datetime", got=shown(value)) from None

    def parse(self, text: str, spec: Spec) -> datetime:
        """Packs and files may leave the zone out: such a moment stays without one, and the caller gives it the
        tenant's."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise Refused("value.datetime", got=shown(text)) from None
        return moment.replace(microsecond=0) if moment.tzinfo is None else self.coerce(moment, spec)

    def schema(self, spec: Spec) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}

    def format(self, value: Any, spec: Spec, language: str = "zh", zone: str = "UTC") -> str:
        if value is None:
            return ""
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return str(moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M"))


TYPES: tuple[FieldType, ...] = (
    Date("date", "date", "date", ORDERED),
    Month("month", "month", "month", ORDERED),
    Time("time", "time", "time", ORDERED),
    DateTime("datetime", "datetime", "datetime", ORDERED),
)
