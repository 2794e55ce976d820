"""Tables as text and back: what a revision keeps of the shape its tables have."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from engine.plan.table import Table


def told(tables: Iterable[Table]) -> str:
    """The same text for the same tables."""
    return msgspec.json.encode(tuple(tables)).decode()


@lru_cache(maxsize=4)  # a plan, its change and whoever follows ask for the same revision
def of_text(text: str) -> tuple[Table, ...]:
    return msgspec.json.decode(text, type=tuple[Table, ...])
