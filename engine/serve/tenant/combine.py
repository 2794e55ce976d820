"""Several statements as one, so that a read stays one round trip: each becomes an expression of one SELECT."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from engine.plan.statement import Dialect, Param, Statement
from engine.serve.tenant.rows import placeholder

_PIECES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[$?](\d+)")


def renumbered(sql: str, places: Sequence[int], dialect: Dialect = "postgresql") -> str:
    """The text with its n-th placeholder in the n-th of these places, from 0; text in quotes is left alone."""
    return _PIECES.sub(lambda found: placeholder(dialect, places[int(found[1]) - 1] + 1) if found[1] else found[0], sql)


_PLACES = re.compile(r"ARRAY\(SELECT _s\.value::uuid FROM jsonb_array_elements_text\(\$\d+::jsonb\) AS _s\(value\)\)")
"""A reader's places, as a rule of rights lists them."""


def places_once(sql: str) -> str:
    """A PostgreSQL statement that begins with WITH: places that are listed in several of its parts are listed before
    them, once."""
    listed = Counter(_PLACES.findall(sql))
    first = []
    for n, text in enumerate(text for text, times in listed.items() if times > 1):
        sql = sql.replace(text, f"(SELECT ids FROM p{n})::uuid[]")
        first.append(f"p{n} AS MATERIALIZED (SELECT {text} AS ids)")
    return f"WITH {', '.join(first)}, {sql.removeprefix('WITH ')}" if first else sql


class Combined:
    """An SQL text that grows out of others; equal parameters share a placeholder."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.params: dict[Param, int] = {}

    def bind(self, param: Param) -> str:
        return placeholder(self.dialect, self.params.setdefault(param, len(self.params) + 1))

    def embed(self, statement: Statement) -> str:
        """The statement's text with its placeholders renumbered; text in quotes is left alone."""

        def renumber(found: re.Match[str]) -> str:
            return self.bind(statement.params[int(found[1]) - 1]) if found[1] else found[0]

        return _PIECES.sub(renumber, statement.sql)

    def finish(self, columns: Sequence[str]) -> Statement:
        return self.whole(f"SELECT {', '.join(columns)}")

    def whole(self, sql: str) -> Statement:
        return Statement(sql, tuple(self.params))
