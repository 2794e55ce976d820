"""How much goes out of sight with what is retired, and how much comes back: records, and those that hold a value.

A switch over large tables stays quick: only a table's newest rows are looked at, those of all tables in one question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from engine.db import Database
from engine.fieldtypes.storage import quote
from engine.plan.change import Line
from engine.plan.table import Table
from engine.studio.source.matching import Matching

NEWEST = (10_000, 5_000, 2_000, 1_000)
"""Rows of each table that are looked at: the more tables, the fewer."""
_IN_ALL = 50_000


async def counted(database: Database, lines: Sequence[Line], made: Matching, have: Iterable[Table]) -> list[Line]:
    """The same lines; those of what is retired or restored with their rows."""
    columns = {table.name: {column.name for column in table.columns} for table in have}
    places = dict(_places(made))
    asked: dict[str, list[str]] = {}
    for line in lines:
        table, column = places.get((line.kind, line.path), ("", ""))
        if column in columns.get(table, ()):
            asked.setdefault(table, []).append(column)
    if not asked:
        return list(lines)
    most = next((few for few in NEWEST if few * len(asked) <= _IN_ALL), NEWEST[-1])
    questions = ", ".join(f"({_looking(table, names, most)})" for table, names in asked.items())
    answers = (await database.read(f"SELECT {questions}"))[0]
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for (table, names), told in zip(asked.items(), answers, strict=True):
        looked, *counts = map(int, told.split())
        newest = most if looked == most else 0
        found |= {(table, name): (count, newest) for name, count in zip(names, counts, strict=True)}
    return [
        replace(line, rows=told[0], newest=told[1])
        if (told := found.get(places.get((line.kind, line.path), ("", "")))) is not None
        else line
        for line in lines
    ]


def _places(made: Matching) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """(kind of line, path) → the table, and the column that says which of its rows hold something."""
    living = {one.path: one.physical for one in made.started.values() if one.retired is None}
    for path in made.retired:
        yield ("retired", path), _place(path, living)
    back = {**made.names, **{path: one.physical for path, one in made.held.items()}}
    for path in made.restored:
        yield ("restored", path), _place(path, back)


def _place(path: str, names: Mapping[str, str]) -> tuple[str, str]:
    if path.count(".") == 1:
        return names[path], "id"
    return names.get(path.rpartition(".")[0], ""), names[path]


def _looking(table: str, columns: Sequence[str], most: int) -> str:
    """How many rows were looked at, and how many living ones of them hold each column, as one text."""
    living = (f"count({quote(name)}) FILTER (WHERE deleted_at IS NULL)" for name in columns)
    told = " || ' ' || ".join(("count(*)", *living))
    few = ", ".join({quote(name): None for name in (*columns, "deleted_at")})
    return f"SELECT {told} FROM (SELECT {few} FROM {quote(table)} ORDER BY id DESC LIMIT {most}) AS t"
