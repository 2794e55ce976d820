"""Questions of one transaction asked together: on PostgreSQL one statement, since each is a round trip of its own.

Only what reads is joined, and who asks first judges first, so nothing is told otherwise than one after the other; all
of them see one snapshot. On SQLite a statement is a call of a function, and each is asked by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Generic, TypeVar

from engine.db import Body, Call
from engine.db.call import Rows
from engine.plan.statement import Dialect, Param
from engine.serve.tenant.combine import places_once, renumbered
from engine.serve.wire.fault import Refusal

T = TypeVar("T")


class Begun(Generic[T]):
    """A body that reads, run up to its first question; what it refuses before any is told when its turn comes."""

    def __init__(self, body: Body[T]) -> None:
        self._body = body
        self._refused: Refusal | None = None
        self._result: T | None = None
        self.first: Call | None = None
        try:
            self.first = next(body)
        except StopIteration as stop:
            self._result = stop.value
        except Refusal as refusal:
            self._refused = refusal

    def go_on(self, rows: Rows) -> Body[T]:
        """The rest of it, given the rows of its first question."""
        if self._refused is not None:
            raise self._refused
        if self.first is None:
            return self._result  # type: ignore[return-value]  # None only where that is its result
        try:
            while True:
                rows = yield self._body.send(rows)
        except StopIteration as stop:
            result: T = stop.value
            return result


def together(dialect: Dialect, bodies: Sequence[Body[Any]]) -> Body[list[Any]]:
    """What becomes of bodies that only read: their first questions together, then each goes on in turn."""
    begun = [Begun(body) for body in bodies]
    found = yield from ask(dialect, [one.first for one in begun])
    out = []
    for one, rows in zip(begun, found, strict=True):
        out.append((yield from one.go_on(rows)))
    return out


def ask(dialect: Dialect, calls: Sequence[Call | None]) -> Body[list[Rows]]:
    """The rows of each call; joined, every value comes as text."""
    out: list[Rows] = [[] for _ in calls]
    joinable = [n for n, one in enumerate(calls) if one is not None and one.columns and dialect == "postgresql"]
    if len(joinable) < 2:
        joinable = []
    if joinable:
        some = [one for n in joinable if (one := calls[n]) is not None]
        for n, *values in (yield _joined(some)):
            place = joinable[int(n)]
            out[place].append(tuple(values[: some[int(n)].columns]))
    for n, one in enumerate(calls):
        if one is not None and n not in joinable:
            out[n] = yield one
    return out


def _joined(calls: Sequence[Call]) -> Call:
    sqls = tuple((one.sql, one.params, len(one.values), one.columns) for one in calls)
    sql, kept, same = _plan(sqls)
    values = [value for one in calls for value in one.values]
    if any(values[n] != values[first] for n, first in same):
        sql, kept, _ = _plan(sqls, False)
    return Call(sql, tuple([values[n] for n in kept]))


_Parts = tuple[tuple[str, tuple[Param, ...], int, int], ...]


@lru_cache(maxsize=4_000)
def _plan(parts: _Parts, sharing: bool = True) -> tuple[str, tuple[int, ...], tuple[tuple[int, int], ...]]:
    """The text; which of all values it takes; pairs that must be equal, for one placeholder stands for both."""
    kept: list[int] = []
    same: list[tuple[int, int]] = []
    first: dict[Param, int] = {}
    arms, heads, at = [], [], 0
    width = max(columns for *_, columns in parts)
    for n, (sql, params, count, columns) in enumerate(parts):
        places = []
        for i in range(count):
            param = params[i] if i < len(params) else None
            if sharing and param is not None and param in first:
                same.append((at + i, kept[first[param]]))
                places.append(first[param])
                continue
            if param is not None:
                first.setdefault(param, len(kept))
            places.append(len(kept))
            kept.append(at + i)
        at += count
        names = [f"c{c}" for c in range(columns)]
        heads.append(f"q{n}({', '.join(names)}) AS ({renumbered(sql, places)})")
        shown = [f"{name}::text" for name in names] + ["NULL::text"] * (width - columns)
        arms.append(f"SELECT {n}, {', '.join(shown)} FROM q{n}")
    whole = places_once(f"WITH {', '.join(heads)} {' UNION ALL '.join(arms)}")
    return whole, tuple(kept), tuple(same)
