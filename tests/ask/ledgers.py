"""Rows for ``ledger.yaml``: two ledgers and an income, with gaps wherever there may be some."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tests.ask.world import Data, ident

PLACES: dict[str, Any] = {"me.clerk.projects": [], "me.clerk.everywhere": False}


PARENTS = {4: 3, 0: 3, 1: 4, 2: 4}
"""Subject → the one above it."""


def made() -> Data:
    rnd = Random(3)
    data = Data()

    def some(*values: Any) -> Any:
        return rnd.choice((None, *values))

    def money() -> Any:
        return some(Decimal(rnd.randrange(-5000, 9000)) / 100, Decimal("0.01"), Decimal("123456789012345.67"))

    projects = [
        data.add("led__project", ident(2, n), name=f"P{n}", region=some("N", "S"), _sort=f"p{3 - n}") for n in range(4)
    ]
    subjects = [
        data.add(
            "led__subject", ident(3, n), code=f"0{n}", name=f"S{n}", _sort=f"0{n}", open=n != 4,
            parent=ident(3, PARENTS[n]) if n in PARENTS else None,
        )
        for n in (3, 4, 5, 0, 1, 2)
    ]  # fmt: skip
    months = [date(2026, m, 1) for m in (1, 2, 3)]
    for n in range(40):
        data.add("led__budget", ident(4, n), project=some(*projects), subject=some(*subjects), amount=money())
    for n in range(160):
        data.add(
            "led__entry", ident(5, n), project=some(*projects[:3]), subject=some(*subjects), period=some(*months),
            day=some(months[0] + timedelta(n)), kind=some("actual", "commit"), net=money(),
            quantity=some(Decimal("1.5000")), doc=some("a", "b", "É", "中"), done=some(True, False), count=some(1, 2),
        )  # fmt: skip
    for n in range(30):
        data.add(
            "led__income", ident(6, n), project=some(*projects), month=some(*months), net=money(),
            good=some(True, False),
        )  # fmt: skip
    rnd = Random(5)
    for n in range(40):
        starts = some(*(date(2025, 11, 1) + timedelta(rnd.randrange(120)) for _ in range(4)))
        length = (-3, 0, 1, 17, 40, 200, 900, 200_000)[n % 8]
        data.add(
            "led__work", ident(8, n), project=some(*projects), planned=money(), starts=starts,
            ends=some(*[starts and starts + timedelta(length)] * 3), until=some(date(2026, 5, 1), date(2027, 1, 1)),
            units=some(7, -100, 2**53 - 1),
        )  # fmt: skip
    return data


DATA = made()
