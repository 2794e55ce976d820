"""How values lie in the two databases and in JSON: one row per storage kind.

PostgreSQL keeps the natural type. SQLite keeps decimals as integers scaled by ``10**scale`` (its own decimals are
binary floats), datetimes as Unix seconds, dates and times as ISO text, booleans as 0 and 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from hashlib import sha256
from typing import Any, Literal

Dialect = Literal["sqlite", "postgresql"]
Columns = Sequence[tuple[str, str, int]]
"""(name, storage kind, scale) of each column."""

compact: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""JSON without spaces; an encoder made once, which ``json.dumps`` makes anew each time."""

INTEGER_BOUND = 2**53 - 1
"""The largest whole number that also JavaScript holds exactly."""

INTEGER_DIGITS = 15
"""Integer digits a decimal column has at most."""

_DIGITS = 18
"""Digits that fit a 64-bit integer, whatever they are: what SQLite keeps of a decimal."""


def integer_digits(scale: int) -> int:
    """Digits before the point that a value may have, the same on both databases."""
    return min(INTEGER_DIGITS, _DIGITS - scale)


def _same(value: Any, scale: int) -> Any:
    return value


def _scaled(value: Any, scale: int) -> int:
    return int(Decimal(value).scaleb(scale).to_integral_value())


def _iso_date(value: Any, scale: int) -> str:
    return value if isinstance(value, str) else date.isoformat(value)


def _iso_time(value: Any, scale: int) -> str:
    return value if isinstance(value, str) else str(value.strftime("%H:%M:%S"))


def _seconds(value: Any, scale: int) -> int:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return int(moment.timestamp())


def _json_text(value: Any, scale: int) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _as_json(value: Any, scale: int) -> str:
    """Of a row: a text is a text here, not JSON already."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _decimal(value: Any, scale: int) -> Decimal:
    return Decimal(value)


def _day(value: Any, scale: int) -> date:
    return (
        date.fromisoformat(value if len(value) > len("2026-01") else f"{value}-01") if isinstance(value, str) else value
    )


def _moment(value: Any, scale: int) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _clock(value: Any, scale: int) -> time:
    return time.fromisoformat(value) if isinstance(value, str) else value


def _plain_decimal(value: Any, scale: int) -> str:
    return f"{Decimal(value):.{scale}f}"


def _zulu(value: Any, scale: int) -> str:
    if isinstance(value, str):
        return value
    return str(value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


@dataclass(frozen=True, slots=True)
class Kind:
    """One storage kind. ``*_bind`` make driver values; ``*_json`` make SQL giving the JSON-ready value;
    ``rows`` makes what goes into the JSON of the ``rows`` parameter on PostgreSQL (SQLite uses its bound form)."""

    sqlite_type: str
    postgresql_type: str
    sqlite_bind: Callable[[Any, int], Any]
    postgresql_bind: Callable[[Any, int], Any]
    sqlite_json: str
    postgresql_json: str
    rows: Callable[[Any, int], Any]


KINDS: Mapping[str, Kind] = {
    "text": Kind("TEXT", 'text COLLATE "C"', _same, _same, "{0}", "{0}", _same),
    "integer": Kind("INTEGER", "bigint", _same, _same, "{0}", "{0}", _same),
    "duration": Kind("INTEGER", "bigint", _same, _same, "{0}", "{0}", _same),
    "decimal": Kind(
        "INTEGER", "numeric({precision},{scale})", _scaled, _decimal, "{decimal}", "({0})::text", _plain_decimal
    ),
    "boolean": Kind(
        "INTEGER",
        "boolean",
        lambda v, s: int(v),
        _same,
        "json(CASE {0} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)",
        "{0}",
        _same,
    ),
    "date": Kind("TEXT", "date", _iso_date, _day, "{0}", "({0})::text", _iso_date),
    "month": Kind(
        "TEXT",
        "date",
        lambda v, s: _day(v, s).isoformat(),
        _day,
        "substr({0}, 1, 7)",
        "to_char({0}, 'YYYY-MM')",
        lambda v, s: _day(v, s).isoformat(),
    ),
    "time": Kind("TEXT", "time", _iso_time, _clock, "substr({0}, 1, 5)", "to_char({0}, 'HH24:MI')", _iso_time),
    "datetime": Kind(
        "INTEGER",
        "timestamptz",
        _seconds,
        _moment,
        "strftime('%Y-%m-%dT%H:%M:%SZ', {0}, 'unixepoch')",
        "to_char(({0}) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
        _zulu,
    ),
    "uuid": Kind("TEXT", "uuid", lambda v, s: str(v), lambda v, s: str(v), "{0}", "{0}", lambda v, s: str(v)),
    "json": Kind("TEXT", "jsonb", _json_text, _json_text, "json({0})", "{0}", _same),
}


def column_type(kind: str, scale: int, dialect: Dialect) -> str:
    row = KINDS[kind]
    text = row.sqlite_type if dialect == "sqlite" else row.postgresql_type
    return text.format(precision=INTEGER_DIGITS + scale, scale=scale)


def bind(kind: str, scale: int, dialect: Dialect, value: Any) -> Any:
    """A value as the database's driver takes it."""
    if value is None:
        return None
    row = KINDS[kind]
    return row.sqlite_bind(value, scale) if dialect == "sqlite" else row.postgresql_bind(value, scale)


def seconds_of(stored: Any) -> float:
    """A stored datetime as Unix seconds, whichever database it came from."""
    return float(stored) if isinstance(stored, int | float) else float(stored.timestamp())


def moment_text(stored: Any) -> str | None:
    """A stored datetime as JSON has it, whichever database it came from."""
    if stored is None:
        return None
    return datetime.fromtimestamp(seconds_of(stored), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def json_value(kind: str, scale: int, dialect: Dialect, sql: str) -> str:
    """SQL that gives the value of ``sql`` in its JSON form; NULL stays NULL. ``sql`` is evaluated more than once."""
    if dialect == "postgresql":
        return KINDS[kind].postgresql_json.format(sql)
    if kind == "decimal":
        return _sqlite_decimal_text(sql, scale)
    return KINDS[kind].sqlite_json.format(sql)


def _sqlite_decimal_text(sql: str, scale: int) -> str:
    """Exact for every 64-bit value: quotient and remainder are integers, the sign is written apart."""
    if scale == 0:
        return f"CAST({sql} AS TEXT)"
    unit = 10**scale
    return (
        f"CASE WHEN {sql} < 0 THEN printf('-%d.%0{scale}d', -({sql} / {unit}), -({sql} % {unit}))"
        f" WHEN {sql} IS NOT NULL THEN printf('%d.%0{scale}d', {sql} / {unit}, {sql} % {unit}) END"
    )


def encode_rows(columns: Columns, rows: Iterable[Mapping[str, Any]], dialect: Dialect) -> str:
    """The JSON of a ``rows`` parameter: one object per row; columns a row lacks are left out, None is null."""
    convert = {name: (_of_row(kind, dialect), scale) for name, kind, scale in columns}
    out = []
    for row in rows:
        item = {}
        for name, value in row.items():
            make, scale = convert[name]
            item[name] = None if value is None else make(value, scale)
        out.append(item)
    return compact(out)


def _of_row(kind: str, dialect: Dialect) -> Callable[[Any, int], Any]:
    if dialect == "postgresql":
        return KINDS[kind].rows
    return _as_json if kind == "json" else KINDS[kind].sqlite_bind


def encode_list(kind: str, scale: int, dialect: Dialect, values: Iterable[Any]) -> str:
    """A JSON array of values as the database compares them: what a filter with ``in`` binds."""
    make = KINDS[kind].sqlite_bind if dialect == "sqlite" else KINDS[kind].rows
    return compact([make(value, scale) for value in values])


def row_source(columns: Columns, dialect: Dialect, placeholder: str, alias: str = "i") -> str:
    """A FROM item that gives the rows of a ``rows`` parameter with typed columns, in order, named ``alias``.

    It also gives ``_n`` (position from 0) and ``_has`` (the row's own JSON, to tell absent from null: see ``has``).
    """
    if dialect == "postgresql":
        typed = ", ".join(f"{_from_jsonb(name, kind, scale)} AS {quote(name)}" for name, kind, scale in columns)
        return (
            f"(SELECT {typed}, (r.n - 1) AS _n, r.j AS _has"
            f" FROM jsonb_array_elements({placeholder}::jsonb) WITH ORDINALITY AS r(j, n)) AS {alias}"
        )
    typed = ", ".join(f"json_extract(r.value, {_path(name)}) AS {quote(name)}" for name, _kind, _scale in columns)
    return f"(SELECT {typed}, r.key AS _n, r.value AS _has FROM json_each({placeholder}) AS r) AS {alias}"


def has(name: str, dialect: Dialect, alias: str = "i") -> str:
    """SQL that is true where the row of ``row_source`` was given the column, be it null."""
    if dialect == "postgresql":
        return f"({alias}._has ? '{name}')"
    return f"(json_type({alias}._has, {_path(name)}) IS NOT NULL)"


def _path(name: str) -> str:
    return f"'$.\"{name}\"'"


def _from_jsonb(name: str, kind: str, scale: int) -> str:
    if kind == "json":
        return f"NULLIF(r.j -> '{name}', 'null'::jsonb)"
    text = f"(r.j ->> '{name}')"
    if kind == "text":
        return f'{text} COLLATE "C"'
    return f"{text}::{column_type(kind, scale, 'postgresql')}"


_PARTS = {"decimal": "numeric", "text": 'text COLLATE "C"', "month": "date", "datetime": "timestamptz",
          "integer": "bigint", "duration": "bigint"}  # fmt: skip
"""What an element of a list is on PostgreSQL, where it is not called as its storage kind is."""


def among(dialect: Dialect, sql: str, placeholder: str, kind: str = "uuid") -> str:
    """A condition: ``sql`` is one of the values in a JSON array parameter, in the form ``encode_list`` writes them.
    PostgreSQL gets them as one array, which it
    looks up in an index however few or many it believes there are; for a subquery it would read whole tables."""
    if dialect == "postgresql":
        listed = f"jsonb_array_elements_text({placeholder}::jsonb)"
        return f"{sql} = ANY(ARRAY(SELECT x.v::{_PARTS.get(kind, kind)} FROM {listed} AS x(v)))"
    return f"{sql} IN (SELECT value FROM json_each({placeholder}))"


def json_object(dialect: Dialect, pairs: Sequence[tuple[str, str]]) -> str:
    """SQL of a JSON object with these keys in this order; both databases limit a call's arguments, so it is cut."""
    name = "json_build_object" if dialect == "postgresql" else "json_object"
    limit = 45
    if len(pairs) <= limit:
        return f"{name}({', '.join(f'{literal(key)}, {sql}' for key, sql in pairs)})"
    if dialect == "postgresql":
        parts = [
            f"jsonb_build_object({', '.join(f'{literal(key)}, {sql}' for key, sql in pairs[at : at + limit])})"
            for at in range(0, len(pairs), limit)
        ]
        return f"({' || '.join(parts)})"
    # Calls in each other would overflow SQLite's parser: the text of each goes without its braces.
    parts = [json_object(dialect, pairs[at : at + limit]) for at in range(0, len(pairs), limit)]
    inner = " || ',' || ".join(f"substr(substr({part}, 2), -1, -{2**31 - 1})" for part in parts)
    return f"json('{{' || {inner} || '}}')"


def json_array_agg(dialect: Dialect, sql: str, order: str = "") -> str:
    """SQL that gathers a group's values into a JSON array, empty when there are none.

    SQLite before 3.44 cannot order inside an aggregate: there the rows must come ordered from a subquery.
    """
    if dialect == "postgresql":
        by = f" ORDER BY {order}" if order else ""
        return f"COALESCE(json_agg({sql}{by}), '[]'::json)"
    return f"json_group_array(json({sql}))"


LONGEST = 60
"""PostgreSQL cuts identifiers at 63 bytes, silently."""


def short(name: str) -> str:
    """A name the database keeps whole; a long one keeps its head and gets a digest for a tail."""
    if len(name.encode()) <= LONGEST:
        return name
    return name.encode()[: LONGEST - 9].decode(errors="ignore") + "_" + sha256(name.encode()).hexdigest()[:8]


def link_table(table: str, field: str) -> str:
    """The table of a set of references: rows of (owner, target, position)."""
    return short(f"{table}__{field}")


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
