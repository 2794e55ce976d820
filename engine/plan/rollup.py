"""Kept sums: what changes are written to as they happen, and what they are folded into. Data; the SQL is whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Beside:
    """SQLite: how the sums are counted while others write: in a table of another name, which takes the rollup's when it
    is whole."""

    table: str
    create: tuple[str, ...]
    """``{tag}`` stands for a part of the index's name that no other index has."""
    count: str
    """Gives the groups, in the order of the columns that ``insert`` puts them into."""
    insert: str
    """Takes groups as a JSON array of arrays."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """Sums of one source of an aggregation by some of its dimensions, in ``table``.

    The name of the table carries a digest of what it holds: another definition is another table, so that two
    revisions can be served side by side. ``verify`` gives the number of groups, folded and pending, that differ from
    what the records say, in one statement: at one moment.
    """

    name: str
    table: str
    create: tuple[str, ...]
    fill: str
    """Sums of all records into the empty table."""
    verify: str
    sweep: str
    """Removes groups that have become empty."""
    beside: Beside | None = None


@dataclass(frozen=True, slots=True)
class ChangeLog:
    """The changes of one entity's records that its rollups have not taken in yet: signed rows, written by triggers in
    the transaction of the change itself. ``create`` and ``drop`` make and remove the log with its triggers.

    ``fold`` is one transaction that moves the oldest rows into every rollup; its statements take nothing on PostgreSQL,
    on SQLite the ``bound`` up to which they reach: there the first are one for each rollup, in their order. The last
    gives the number of rows.
    """

    entity: str
    table: str
    tables: tuple[str, ...]
    """Where the entity's records lie, and the documents they are lines of: what the triggers are on."""
    create: tuple[str, ...]
    drop: tuple[str, ...]
    rollups: tuple[Rollup, ...]
    fold: tuple[str, ...]
    bound: str = ""
    """On SQLite: gives the bound of the next fold, NULL when nothing is pending."""
