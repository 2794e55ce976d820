"""Questions about records and figures: hashable shapes that ``ask`` turns into statements and keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from engine.fieldtypes.spec import Spec
from engine.plan.app import App
from engine.plan.statement import Statement

COUNTED = 10_000
"""So many rows are counted where an estimate is enough."""
Operator = Literal["eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "starts", "null", "known", "under"]
"""``known`` takes no value: there is one. Nobody asks it; questions are made into it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """``path[operator]``; its values are bound as inputs ``f0``, ``f1``… in the order of the filters
    (``in`` binds one JSON array)."""

    path: str
    operator: Operator


@dataclass(frozen=True, slots=True)
class Expand:
    path: str
    inner: tuple[Expand, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """The shape of a read of records, without its values.

    Answers one row with one column: the JSON text of a record (``one``), or of
    ``{"items": [...], "next": cursor values | null, "prev": the same, "total"?: n}`` for a list. Bound
    inputs: ``id`` (one), ``f<n>`` filters, ``q<n>`` words searched for, ``limit``, and ``c<n>`` cursor values in order
    of the sort keys plus id.
    ``where`` is expression text of ``where=``: its literals are bound, so shapes repeat.
    ``roles`` are the reader's roles, sorted; ('admin',) alone reads everything.
    """

    entity: str
    one: bool = False
    fields: tuple[str, ...] = ()
    expand: tuple[Expand, ...] = ()
    filters: tuple[Filter, ...] = ()
    where: str = ""
    search: int = 0
    """How many words are searched for; every one must be met."""
    sort: tuple[str, ...] = ()
    """Paths, ``-`` in front for descending; ``id`` is added last."""
    after: tuple[bool, ...] = ()
    """When paging: for each value of the cursor (the sort keys', then id's), whether it is NULL."""
    back: bool = False
    """The page before the cursor instead of the one after it."""
    count: bool = False
    bound: bool = False
    """Count no further than one more than ``COUNTED``."""
    tally: bool = False
    """Only the rows that would be counted, none of what is in them: for a planner to estimate."""
    bin: bool = False
    export: bool = False
    """Only what the reader's roles may also take away."""
    places: int = 0
    """Walk so many of the reader's ``Places`` one by one; bound as ``places``, a JSON array of ids."""
    of: str = ""
    """Of ``one``: the name that a statement around this one gives to rows of the entity, to be read in its place."""
    roles: tuple[str, ...] = ("admin",)


@dataclass(frozen=True, slots=True)
class Places:
    """What somebody reads of an entity is the records of his places: those whose reference ``field`` is one of ``held``
    (names of ``me``: ``clerk.projects``)."""

    field: str
    held: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FigureQuestion:
    """The shape of a grouped question: answers one row with one column, the JSON text of
    ``{"rows": [{dim: value, measure: value}], "groups"?: n, "others"?: {…} | null, "totals"?: {…}}``; refs among the
    dimensions are {"id", "display"}. ``aggregation`` names a declared one, or ``entity`` an ad-hoc slice whose
    ``measures`` are (name, expression) and ``by`` are (name, expression)."""

    aggregation: str = ""
    entity: str = ""
    by: tuple[tuple[str, str], ...] = ()
    measures: tuple[tuple[str, str], ...] = ()
    filters: tuple[Filter, ...] = ()
    where: str = ""
    having: str = ""
    sort: tuple[str, ...] = ()
    limit: bool = False
    """At most ``limit`` groups, from the one after ``offset`` on; how many there are is told beside."""
    offset: bool = False
    others: bool = False
    """With ``limit``: what all other groups come to, as one."""
    totals: bool = False
    share: tuple[str, ...] = ()
    """Measures of which ``<name>_share`` is shown: the part of the total."""
    compare: int = 0
    """So many months earlier each measure is shown as ``<name>_before``, and as ``<name>_growth`` how it changed."""
    fill: tuple[str, ...] = ()
    """Time dimensions whose periods are shown without gaps, beside those that the pack says."""
    tree: str = ""
    """A dimension of records that hang under each other: each stands for all below it too."""
    level: int = 0
    """Only those so far from the top (1: the top itself), or from the input ``below``."""
    depth: int = 0
    """Those down to there."""
    below: bool = False
    """Only those below the input ``below``."""
    as_of: bool = False
    """``today()`` of the aggregation itself is the input ``as_of``; rights stay those of today."""
    roles: tuple[str, ...] = ("admin",)
    kept: frozenset[str] = frozenset()
    """Tables of rollups that are filled: sums may be taken from them where they hold the slice."""
    export: bool = False
    """Only of what the reader's roles may also take away."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question made into SQL. ``literals`` are the values typed inside its expressions, in order:
    bound as ``Param('literal', str(n), …, value)`` already, so nothing is left to the caller."""

    statement: Statement
    columns: tuple[tuple[str, str, int], ...] = ()
    """For figures: (name, kind, scale) of each answered column."""
    filters: tuple[Spec, ...] = ()
    """Of each filter in order: the type its value is of. The values of ``in`` are one text, made by
    ``storage.encode_list``. Cursor values go from JSON to ``storage.bind`` as they are."""
    served: Literal["", "rollup", "grouped", "mixed"] = ""
    """For figures: whether kept sums answer, or the records grouped when asked."""


class Asker(Protocol):
    """What serve needs of ``ask``; the roof hands it in. Raises Problems for unknown names and bad expressions."""

    def records(self, app: App, question: Question) -> Asked: ...

    def figures(self, app: App, question: FigureQuestion) -> Asked: ...

    def places(self, app: App, entity: str, roles: tuple[str, ...]) -> Places | None:
        """Whether these roles read the entity's records place by place, and nothing else of them."""
        ...

    def access(self, app: App, entity: str, operation: str, roles: tuple[str, ...], of: str = "") -> Statement | None:
        """Takes ``roots``, gives the ids the roles may ``operation``; None when they never may. ``of``: of all rows of
        that name, which a statement around this one gives, in place of the table's."""
        ...
