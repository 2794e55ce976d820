"""A column's values in another kind: SQL of what they become, and of whether something would be lost by it.

Text becomes a number, a date or a time where it is written just as that is shown: turned back, it is the same text.
"""

from __future__ import annotations

from engine.db.diff import fit
from engine.fieldtypes.storage import INTEGER_BOUND, column_type, integer_digits, json_value
from engine.plan.statement import Dialect
from engine.plan.table import Column

_DATE = "^[0-9][0-9][0-9][0-9]-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_TIME = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
_WHOLE = "(0|[1-9][0-9]*)"


def converted(old: Column, new: Column, sql: str, dialect: Dialect) -> str:
    """SQL that gives a column's value in the other kind, without braces of its own. Text that would not fit gives no
    error: on PostgreSQL NULL."""
    if fit(old, new) == "same":
        return sql
    if new.kind == "text":
        return f"CAST({json_value(old.kind, old.scale, dialect, sql)} AS text)"
    if old.kind == "text":
        if dialect == "sqlite":
            return _read(new, sql)
        kind = column_type(new.kind, new.scale, dialect)
        return f"CASE WHEN NOT ({lost(old, new, sql, dialect)}) THEN {sql}::{kind} END"
    if dialect == "postgresql":
        return f"round({sql}, {new.scale})" if new.kind == "decimal" else f"{sql}::bigint"
    digits = new.scale - old.scale
    return f"{sql} * {10**digits}" if digits >= 0 else f"{sql} / {10**-digits}"


def lost(old: Column, new: Column, sql: str, dialect: Dialect) -> str:
    """A condition: a narrower column does not hold this value."""
    if old.kind == "text":
        return _misread(new, sql) if dialect == "sqlite" else _miswritten(new, sql)
    if dialect == "postgresql":
        return f"{sql} <> round({sql}, {new.scale})"
    return f"{sql} % {10 ** (old.scale - new.scale)} <> 0"


def _read(new: Column, sql: str) -> str:
    """SQLite: whatever it says; a day that is none becomes another one only where days are counted."""
    if new.kind == "decimal":
        return f"CAST(replace({sql}, '.', '') AS INTEGER)"
    return {"integer": f"CAST({sql} AS INTEGER)", "date": f"date({sql}, '+0 days')", "time": f"time({sql})"}[new.kind]


def _misread(new: Column, sql: str) -> str:
    read = _read(new, sql)
    same = f"CAST({json_value(new.kind, new.scale, 'sqlite', read)} AS TEXT) IS NOT {sql}"
    if new.kind == "date":
        return f"{same} OR {sql} < '0001'"
    if new.kind == "time":
        return f"{same} OR {sql} >= '24'"
    bound = INTEGER_BOUND if new.kind == "integer" else 10 ** (integer_digits(new.scale) + new.scale) - 1
    return f"{same} OR {read} NOT BETWEEN -{bound} AND {bound}"


def _miswritten(new: Column, sql: str) -> str:
    """PostgreSQL: nothing is read before it is known to be readable."""
    if new.kind == "time":
        return f"{sql} !~ '{_TIME}'"
    if new.kind == "date":
        day = f"((substr({sql}, 1, 8) || '01')::date + substr({sql}, 9)::int - 1)::text"
        return f"CASE WHEN {sql} ~ '{_DATE}' AND {sql} > '0001' THEN {day} <> {sql} ELSE {sql} IS NOT NULL END"
    digits = f"ltrim({sql}, '-')"
    if new.kind == "integer":
        bound = str(INTEGER_BOUND)
        large = f"length({digits}) > {len(bound)} OR length({digits}) = {len(bound)} AND {digits} > '{bound}'"
        return f"{sql} !~ '^-?{_WHOLE}$' OR {sql} = '-0' OR {large}"
    point = f"[.]{'[0-9]' * new.scale}" if new.scale else ""
    longest = integer_digits(new.scale) + (new.scale + 1 if new.scale else 0)
    return f"{sql} !~ '^-?{_WHOLE}{point}$' OR {sql} ~ '^-[0.]+$' OR length({digits}) > {longest}"
