"""Functions that expressions need and SQLite lacks: exact where 64 bits end, the calendar, checksums.

A number that does not fit 64 bits travels as text; ``dg_fit`` refuses it where it would leave the expression.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from engine.expr.run import calendar, exact, laid, words
from engine.expr.run.checksums import is_id_card, is_uscc
from engine.expr.run.types import INT64

HALF = 10**9
"""Sums that might leave 64 bits are made of two, of what is above and below this."""


def _wide(value: int | None) -> int | str | None:
    return value if value is None or -INT64 - 1 <= value <= INT64 else str(value)


def _numeric(function: Callable[..., int | None], numbers: int) -> Callable[..., int | str | None]:
    """``function`` over numbers that may be text; its first ``numbers`` arguments are numbers, the rest plain."""

    def call(*args: Any) -> int | str | None:
        if None in args:
            return None
        return _wide(function(*(int(a) for a in args[:numbers]), *args[numbers:]))

    return call


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        return None if None in args else function(*args)

    return call


def _fit(value: int | str | None) -> int | None:
    if isinstance(value, str):
        raise OverflowError("the number has more digits than can be stored")
    return value


def _extreme(choose: Callable[[list[int]], int]) -> Callable[..., int | str | None]:
    def call(*args: Any) -> int | str | None:
        known = [int(a) for a in args if a is not None]
        return _wide(choose(known)) if known else None

    return call


def _extreme_text(choose: Callable[[list[str]], str]) -> Callable[..., str | None]:
    def call(*args: Any) -> str | None:
        known = [a for a in args if a is not None]
        return choose(known) if known else None

    return call


class _Sum:
    def __init__(self) -> None:
        self.total: int | None = None

    def step(self, value: int | str | None) -> None:
        if value is not None:
            self.total = (self.total or 0) + int(value)

    def inverse(self, value: int | str | None) -> None:
        if value is not None:
            self.total = (self.total or 0) - int(value)

    def value(self) -> int | str | None:
        return _wide(self.total)

    def finalize(self) -> int | str | None:
        return _wide(self.total)


class _Min(_Sum):
    def step(self, value: int | str | None) -> None:
        if value is not None:
            self.total = int(value) if self.total is None else self.chosen(self.total, int(value))

    def chosen(self, one: int, other: int) -> int:
        return min(one, other)


class _Max(_Min):
    def chosen(self, one: int, other: int) -> int:
        return max(one, other)


_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "add": (2, _numeric(lambda a, b: a + b, 2)),
    "sub": (2, _numeric(lambda a, b: a - b, 2)),
    "mul": (2, _numeric(lambda a, b: a * b, 2)),
    "div": (3, _numeric(exact.div, 2)),
    "mod": (2, _numeric(exact.mod, 2)),
    "neg": (1, _numeric(lambda a: -a, 1)),
    "abs": (1, _numeric(abs, 1)),
    "sign": (1, _numeric(exact.sign, 1)),
    "up": (2, _numeric(exact.up, 1)),
    "down": (2, _numeric(exact.down, 1)),
    "trunc": (2, _numeric(exact.trunc, 1)),
    "floor": (2, _numeric(exact.floor, 1)),
    "ceil": (2, _numeric(exact.ceil, 1)),
    "cmp": (2, _numeric(lambda a, b: exact.sign(a - b), 2)),
    "fit": (1, _fit),
    "halves": (2, _numeric(lambda high, low: high * HALF + low, 2)),
    "greatest": (-1, _extreme(max)),
    "least": (-1, _extreme(min)),
    "greatest_text": (-1, _extreme_text(max)),
    "least_text": (-1, _extreme_text(min)),
    "number_text": (2, _strict(lambda a, scale: exact.number_text(int(a), scale))),
    "starts_with": (2, _strict(lambda a, b: a.startswith(b))),
    "ends_with": (2, _strict(lambda a, b: a.endswith(b))),
    "has": (2, _strict(lambda a, b: b in json.loads(a))),
    "replace": (3, _strict(words.replace)),
    "contains": (2, _strict(lambda a, b: b in a)),
    "rmb_upper": (1, _strict(lambda a: words.rmb_upper(int(a)))),
    "pinyin": (1, _strict(words.pinyin)),
    "similarity": (2, _strict(words.similarity)),
    "is_uscc": (1, _strict(is_uscc)),
    "is_id_card": (1, _strict(is_id_card)),
    "add_days": (2, _strict(lambda day, n: calendar.add_days(day, int(n)))),
    "add_months": (2, _strict(lambda day, n: calendar.add_months(day, int(n)))),
    "last_day": (1, _strict(calendar.last_day)),
    "months_between": (2, _strict(calendar.months_between)),
    "add_minutes": (2, _strict(lambda at, n: calendar.add_minutes(at, int(n)))),
    "local_date": (2, _strict(calendar.local_date)),
    "workdays": (2, _strict(calendar.workdays)),
    "laid": (4, laid.laid),
}


def register(connection: sqlite3.Connection) -> None:
    """Adds them to a connection."""
    for name, (count, function) in _FUNCTIONS.items():
        connection.create_function(f"dg_{name}", count, function, deterministic=True)
    connection.create_window_function("dg_sum", 1, _Sum)
    connection.create_aggregate("dg_min", 1, _Min)  # type: ignore[arg-type]
    connection.create_aggregate("dg_max", 1, _Max)  # type: ignore[arg-type]
