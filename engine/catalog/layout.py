"""What the database calls things: for good what they were called when they were born, whatever they are called now."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engine.fieldtypes.storage import short

Layout = Mapping[str, str]
"""Path of an entity or a field → its table or column, of those whose name is not what ``by_default`` gives. The owner
of lines is a field too (``day_labor.sheet_line.sheet``)."""
NOTHING_RENAMED: Layout = MappingProxyType({})


def by_default(path: str) -> str:
    """``day_labor.sheet`` → ``day_labor__sheet``; ``day_labor.sheet.amount`` → ``amount``."""
    return short(path.replace(".", "__")) if path.count(".") == 1 else path.rpartition(".")[2]


def name_of(path: str, layout: Layout) -> str:
    """The table of an entity, the column of a field."""
    return layout.get(path) or by_default(path)
