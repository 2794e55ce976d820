"""SQL that is ready to run: its text, and where each bound value comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Dialect = Literal["sqlite", "postgresql"]

Source = Literal["input", "now", "today", "zone", "language", "me", "setting", "board", "literal"]
"""Who supplies a value: the caller (``input``), the transaction's clock (``now``, ``today``), the reader
(``me``, ``language``, ``zone``), the tenant's settings table, a dashboard's filter bar, or the question itself."""


@dataclass(frozen=True, slots=True)
class Param:
    """One bound value. ``kind`` is a storage kind, ``scale`` the digits of a decimal.

    ``me`` names are ``id``, ``roles``, ``<role>.<gives>`` (JSON array of ids) and ``<role>.everywhere``.
    """

    source: Source
    name: str
    kind: str
    scale: int = 0
    value: object = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement with numbered placeholders: the n-th placeholder is bound from ``params[n-1]``."""

    sql: str
    params: tuple[Param, ...] = ()


_TABLE = re.compile(r'\b(FROM|JOIN)\s+"')


def looks_further(sql: str) -> bool:
    """Whether SQL that is asked of rows given by the statement around it looks at a table as well."""
    return bool(_TABLE.search(sql))
