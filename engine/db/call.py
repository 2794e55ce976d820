"""What passes between those who decide and the database that runs: calls, rows, refusals."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from engine.plan.statement import Dialect, Param

T = TypeVar("T")
Row = tuple[Any, ...]
Rows = list[Row]


@dataclass(frozen=True, slots=True)
class Call:
    """One statement with its driver values (``engine.fieldtypes.storage.bind`` makes them).

    ``columns``: it only reads, this many columns, whose values may come as text; so it may be asked together with
    others. ``params`` are what its values were bound from: others that take the same share them.
    """

    sql: str
    values: tuple[Any, ...] = ()
    params: tuple[Param, ...] = ()
    columns: int = 0


def say(dialect: Dialect, sql: str, *values: Any) -> Call:
    """``sql`` with ``:1``, ``:2`` … for its values."""
    return Call(re.sub(r":(\d)", r"$\1" if dialect == "postgresql" else r"?\1", sql), values)


Body = Generator[Call, Rows, T]
"""A transaction as a generator: it yields calls, is sent their rows, and returns its result. It does no I/O itself,
so the same body runs on every database; raising inside it rolls everything back. A ``Violation`` is raised where the
call was yielded: a body that set a savepoint may go back to it, and on."""


class Violation(Exception):
    """A constraint refused the statement. ``name`` is the constraint's or index's, where the database says it;
    SQLite names ``table`` and ``columns`` of a unique index instead."""

    def __init__(
        self,
        kind: Literal["unique", "foreign", "check", "notnull"],
        name: str = "",
        table: str = "",
        columns: Sequence[str] = (),
    ) -> None:
        self.kind = kind
        self.name = name
        self.table = table
        self.columns = tuple(columns)
        super().__init__(f"{kind} {name or table} {', '.join(columns)}".strip())


class Lost(Exception):
    """The database is not there, cannot be written, or stopped answering; ``says`` is for people."""

    def __init__(self, says: str, hint: str = "") -> None:
        self.says = says
        self.hint = hint
        super().__init__(says)


class Stale(Exception):
    """The tenant has changed since the caller learnt what it is: nothing was done. Learn it anew and begin again."""


class TooLarge(Exception):
    """The statement is larger than the database's own limits: more columns, tables or levels."""


class Held(Exception):
    """Others hold what a change needs, and did not let go in time: nothing was done."""


FROZEN = "_frozen"
"""What is refused by triggers of this name, while a tenant is copied elsewhere: see ``frozen``."""
MOVING, AGAIN = "the data is being moved", "try again in a moment; nothing was written"


class Unsettled(Lost):
    """The database went away while it was told to commit: the transaction is kept whole, or not at all."""


class Database(Protocol):
    """One tenant's data. ``read`` runs one statement; ``write`` one transaction, retried where that is safe.

    ``epoch``: the write is by the tenant's metadata of that epoch. It raises ``Stale`` when another one holds, and as
    long as the transaction runs no other one can come to hold.
    """

    @property
    def dialect(self) -> Dialect: ...

    async def read(self, sql: str, values: Sequence[Any] = ()) -> Rows: ...

    async def write(self, make_body: Callable[[], Body[T]], epoch: int = 0) -> T: ...

    async def change(self, make_body: Callable[[], Body[T]]) -> T:
        """One transaction that may change tables: alone, after the writes that run, before those that wait.
        Raises ``Held`` when they do not end in time."""
        ...

    async def outside(self, sql: str) -> None:
        """Runs a statement that no transaction may hold (building an index beside writers)."""
        ...

    async def run_script(self, statements: Sequence[str]) -> None:
        """Runs data definition statements in one transaction."""
        ...

    async def close(self) -> None: ...
