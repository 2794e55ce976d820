"""Programs, run in Python: the server's preview of what SQL will compute. ``expr.js`` is the browser's twin.

A program is nested lists ``[name, …]``. Inside, numbers are scaled integers, dates ISO text, datetimes Unix seconds,
booleans True and False, NULL is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from engine.expr.run import calendar, exact, words
from engine.expr.run.checksums import is_id_card, is_uscc

Row = Mapping[str, Any]
Program = Any


class Missing(Exception):
    """The row does not hold what the program looks at (a reference's fields, say): only the database can tell."""


@dataclass(frozen=True, slots=True)
class Env:
    """``rows``: the row of each root (``row``, ``this``, ``found``…). ``values``: bound values by source and name;
    ``today``, ``now`` and ``zone`` hold theirs directly."""

    rows: Mapping[str, Row]
    values: Mapping[str, Any] = field(default_factory=dict)


def evaluate(program: Program, row: Row, values: Mapping[str, Any] | None = None, **roots: Row) -> Any:
    """The program's value as the Python value of its storage kind. Raises ``Missing``."""
    return run(program, Env({"row": row, **roots}, values or {}))


def holds(program: Program, row: Row, values: Mapping[str, Any] | None = None, **roots: Row) -> bool:
    """True only when TRUE: ``when``, ``where``, visibility."""
    return evaluate(program, row, values, **roots) is True


def fails(program: Program, row: Row, values: Mapping[str, Any] | None = None, **roots: Row) -> bool:
    """True only when FALSE: checks."""
    return evaluate(program, row, values, **roots) is False


def run(program: Program, env: Env) -> Any:
    name = program[0]
    special = _SPECIAL.get(name)
    if special is not None:
        return special(program, env)
    args = [run(p, env) if isinstance(p, list) else p for p in program[1:]]
    if any(a is None for a in args):
        return None
    return STRICT[name](*args)


# values in and out ------------------------------------------------------------------------------------------------

_EXACT = Context(prec=200)


def _number(value: Any, scale: int) -> int:
    made = value if isinstance(value, Decimal) else Decimal(str(value))
    return int(made.scaleb(scale, _EXACT).to_integral_value(ROUND_HALF_UP))


def _seconds(value: Any, scale: int) -> int:
    made = datetime.fromisoformat(value) if isinstance(value, str) else value
    return int(made.timestamp())


def _day(value: Any, scale: int) -> str:
    return value if isinstance(value, str) and len(value) == 10 else _iso(value)


def _iso(value: Any) -> str:
    return f"{value}-01" if isinstance(value, str) else str(value.isoformat()[:10])


def _clock(value: Any, scale: int) -> str:
    text = value if isinstance(value, str) else value.strftime("%H:%M:%S")
    return text if len(text) == 8 else f"{text}:00"


def _identity(value: Any, scale: int) -> Any:
    return value["id"] if isinstance(value, Mapping) else value


_IN: Mapping[str, Callable[[Any, int], Any]] = {
    "decimal": _number,
    "integer": lambda v, s: int(v),
    "duration": lambda v, s: int(v),
    "date": _day,
    "month": _day,
    "time": _clock,
    "datetime": _seconds,
    "uuid": _identity,
}

_OUT: Mapping[str, Callable[[Any, int], Any]] = {
    "decimal": lambda v, s: Decimal(v).scaleb(-s, _EXACT),
    "date": lambda v, s: date.fromisoformat(v),
    "month": lambda v, s: date.fromisoformat(v),
    "time": lambda v, s: time.fromisoformat(v),
    "datetime": lambda v, s: datetime.fromtimestamp(v, UTC),
}


def _take(value: Any, kind: str, scale: int) -> Any:
    if value is None or (value == "" and kind != "text"):
        return None
    convert = _IN.get(kind)
    try:
        return value if convert is None else convert(value, scale)
    except (ValueError, ArithmeticError, AttributeError):
        raise Missing(f"not a {kind}: {value!r}") from None


def _out(p: Program, env: Env) -> Any:
    """["out", kind, scale, program]: the outermost step."""
    value = run(p[3], env)
    convert = _OUT.get(p[1])
    return value if value is None or convert is None else convert(value, p[2])


# leaves -----------------------------------------------------------------------------------------------------------


def _literal(p: Program, env: Env) -> Any:
    """["lit", value] · ["int", "digits"] for numbers JSON would round."""
    return int(p[1]) if p[0] == "int" else p[1]


def _get(p: Program, env: Env) -> Any:
    """["get", root, [names], kind, scale]"""
    value = _reach(env, p[1], p[2][:-1])
    if value is None:
        return None
    if p[2][-1] not in value:
        raise Missing(".".join(p[2]))
    return _take(value[p[2][-1]], p[3], p[4])


def _reach(env: Env, root: str, names: Sequence[str]) -> Row | None:
    row = env.rows.get(root)
    if row is None and root == "this":
        row = env.rows.get("row")
    if row is None:
        raise Missing(root)
    for name in names:
        if name not in row:
            raise Missing(name)
        value = row[name]
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise Missing(name)
        row = value
    return row


def _value(p: Program, env: Env) -> Any:
    """["value", source, name, kind, scale]"""
    source = env.values.get(p[1])
    if p[2]:
        if not isinstance(source, Mapping) or p[2] not in source:
            raise Missing(f"{p[1]}.{p[2]}")
        source = source[p[2]]
    elif p[1] not in env.values:
        raise Missing(p[1])
    return _take(source, p[3], p[4])


def _live(p: Program, env: Env) -> Any:
    """["live", root, [names], program]: a live value of the row a path leads to."""
    row = _reach(env, p[1], p[2])
    return None if row is None else run(p[3], Env({"row": row}, env.values))


# logic ------------------------------------------------------------------------------------------------------------


def _and(p: Program, env: Env) -> bool | None:
    found: bool | None = True
    for part in p[1:]:
        value = run(part, env)
        if value is False:
            return False
        if value is None:
            found = None
    return found


def _or(p: Program, env: Env) -> bool | None:
    found: bool | None = False
    for part in p[1:]:
        value = run(part, env)
        if value is True:
            return True
        if value is None:
            found = None
    return found


def _case(p: Program, env: Env) -> Any:
    for at in range(1, len(p) - 1, 2):
        if run(p[at], env) is True:
            return run(p[at + 1], env)
    return run(p[-1], env)


def _coalesce(p: Program, env: Env) -> Any:
    for part in p[1:]:
        value = run(part, env)
        if value is not None:
            return value
    return None


def _nullif(p: Program, env: Env) -> Any:
    value = run(p[1], env)
    return None if value is not None and value == run(p[2], env) else value


def _in(p: Program, env: Env) -> bool | None:
    value = run(p[1], env)
    if value is None:
        return None
    items = [run(part, env) for part in p[2:]]
    if value in [i for i in items if i is not None]:
        return True
    return None if None in items else False


def _among(p: Program, env: Env) -> bool | None:
    if len(p) > 3 and run(p[3], env) is True:
        return True
    value, items = run(p[1], env), run(p[2], env)
    if not items:
        return False
    return None if value is None else value in items


def _between(p: Program, env: Env) -> bool | None:
    value, low, high = (run(part, env) for part in p[1:])
    above = None if value is None or low is None else value >= low
    below = None if value is None or high is None else value <= high
    if above is False or below is False:
        return False
    return None if above is None or below is None else True


def _extreme(choose: Callable[[list[Any]], Any]) -> Callable[[Program, Env], Any]:
    def extreme(p: Program, env: Env) -> Any:
        known = [v for v in (run(part, env) for part in p[1:]) if v is not None]
        return choose(known) if known else None

    return extreme


def _how_many(value: Any) -> int:
    return 0 if value is None else len(value) if isinstance(value, list) else 1


# aggregates over the record's own lines ---------------------------------------------------------------------------


def _aggregate(p: Program, env: Env) -> Any:
    """["agg", func, root, [names to the owner], [collections], item, where, distinct, [[by, descending], …]]"""
    _, func, root, names, collections, item, where, distinct, order = p
    owner = _reach(env, root, names)
    rows: list[Row] = [] if owner is None else [owner]
    for name in collections:
        below: list[Row] = []
        for row in rows:
            if row.get(name, Missing) is Missing:
                raise Missing(name)
            below += row[name] or ()
        rows = below
    this = env.rows.get("this", env.rows["row"])
    envs = [Env({**env.rows, "row": row, "this": this}, env.values) for row in rows]
    if where is not None:
        envs = [e for e in envs if run(where, e) is True]
    if func == "FIRST":
        for by, descending in reversed(order):
            envs = _sorted(by, descending, envs)
        return run(item, envs[0]) if envs else None
    if item is None:
        return bool(envs) if func == "EXISTS" else len(envs)
    values = [v for v in (run(item, e) for e in envs) if v is not None]
    if distinct:
        values = list(dict.fromkeys(values))
    return _TOTALS[func](values)


def _sorted(by: Program, descending: bool, envs: list[Env]) -> list[Env]:
    keyed = [(run(by, e), e) for e in envs]
    known = sorted((k for k in keyed if k[0] is not None), key=lambda k: k[0], reverse=descending)
    if descending:  # reverse=True keeps equal rows in order, as it should
        pass
    return [e for _, e in known] + [e for k, e in keyed if k is None]


_TOTALS: Mapping[str, Callable[[list[Any]], Any]] = {
    "SUM": sum,
    "COUNT": len,
    "EXISTS": bool,
    "MIN": lambda v: min(v, default=None),
    "MAX": lambda v: max(v, default=None),
}

_SPECIAL: Mapping[str, Callable[[Program, Env], Any]] = {
    "out": _out,
    "lit": _literal,
    "int": _literal,
    "get": _get,
    "value": _value,
    "live": _live,
    "agg": _aggregate,
    "and": _and,
    "or": _or,
    "case": _case,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "in": _in,
    "among": _among,
    "between": _between,
    "greatest": _extreme(max),
    "least": _extreme(min),
    "is_null": lambda p, env: run(p[1], env) is None,
    "how_many": lambda p, env: _how_many(run(p[1], env)),
    "not_null": lambda p, env: run(p[1], env) is not None,
    "concat": lambda p, env: "".join(run(part, env) or "" for part in p[1:]),
}
"""Operations that see NULL, rows or unevaluated parts."""

STRICT: Mapping[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": exact.div,
    "mod": exact.mod,
    "neg": lambda a: -a,
    "abs": abs,
    "sign": exact.sign,
    "up": exact.up,
    "down": exact.down,
    "trunc": exact.trunc,
    "floor": exact.floor,
    "ceil": exact.ceil,
    "as": lambda a: a,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "not": lambda a: not a,
    "join": lambda a, b: a + b,
    "upper": words.upper,
    "lower": words.lower,
    "trim": lambda a: a.strip(" "),
    "length": len,
    "substr": words.substr,
    "replace": words.replace,
    "contains": lambda a, b: b in a,
    "starts_with": lambda a, b: a.startswith(b),
    "ends_with": lambda a, b: a.endswith(b),
    "has": lambda a, b: b in a,
    "number_text": exact.number_text,
    "date_text": lambda a: a,
    "month_text": lambda a: a[:7],
    "rmb_upper": words.rmb_upper,
    "pinyin": words.pinyin,
    "similarity": words.similarity,
    "is_uscc": is_uscc,
    "is_id_card": is_id_card,
    "add_days": calendar.add_days,
    "days_between": calendar.days_between,
    "add_months": calendar.add_months,
    "months_between": calendar.months_between,
    "add_minutes": calendar.add_minutes,
    "datetime_seconds": lambda a, b: b - a,
    "time_seconds": calendar.time_seconds,
    "local_date": calendar.local_date,
    "to_month": lambda a: a[:8] + "01",
    "year": lambda a: int(a[:4]),
    "quarter": lambda a: (int(a[5:7]) + 2) // 3,
    "month": lambda a: int(a[5:7]),
    "day": lambda a: int(a[8:10]),
    "weekday": lambda a: date.fromisoformat(a).isoweekday(),
    "last_day": calendar.last_day,
    "workdays": calendar.workdays,
}
"""Operations that are NULL when an argument is."""
