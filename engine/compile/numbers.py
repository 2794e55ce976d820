"""Running numbers: the counter's key and the letters around the digits, for records that have none yet."""

from __future__ import annotations

from engine.catalog import Catalog, Entity, Field, NumberRule
from engine.compile import emit
from engine.compile.draft import Draft, writing
from engine.compile.names import column_of, kind_of, scale_of, table_of
from engine.fieldtypes.storage import json_value, literal, quote
from engine.plan import entity as plan
from engine.plan.statement import Dialect, Statement

_PERIODS = {"day": 10, "month": 7, "year": 4}
"""How much of an ISO date names the period."""
_DIGITS = 15
"""Longer ones were not counted."""


def numbers(catalog: Catalog, entity: Entity, dialect: Dialect) -> tuple[plan.Number, ...]:
    return tuple(
        plan.Number(f.name, f.number.at, f.number.gapless, *_statements(catalog, entity, f, f.number, dialect))
        for f in entity.fields.values()
        if f.number is not None
    )


def _statements(
    catalog: Catalog, entity: Entity, field: Field, rule: NumberRule, dialect: Dialect
) -> tuple[Statement, Statement]:
    draft = Draft(dialect)
    table, column = (
        quote(name) for name in (table_of(catalog, entity.path), column_of(catalog, entity.path, field.name))
    )
    rows = emit.Rows("r")
    before = emit.text(draft, catalog, rule.before, rows)
    after = emit.text(draft, catalog, rule.after, rows)
    ask = draft.finish(
        f"SELECT r.id, {_key(draft, catalog, entity, field, rule)} AS counter, {before}, {rule.width}, {after}"
        f" FROM {table} AS r WHERE {draft.among('r.id', 'ids')} AND r.{column} IS NULL"
        f" AND r.deleted_at IS NULL ORDER BY counter, r.id"
    )
    draft = Draft(dialect)
    source = draft.rows([("id", "uuid", 0), (field.name, "text", 0)], "i")
    assign = writing(
        draft,
        f"UPDATE {table} SET {column} = i.{quote(field.name)} FROM {source}"
        f" WHERE {table}.id = i.id RETURNING {table}.id",
    )
    return ask, assign


def taken(catalog: Catalog, entity: Entity, field: Field, dialect: Dialect) -> Statement:
    """Brings each counter as far as the greatest number that records hold of it, those in the bin too."""
    assert field.number is not None
    draft, rows, rule = Draft(dialect), emit.Rows("r"), field.number
    held = f"r.{quote(column_of(catalog, entity.path, field.name))}"
    parts = (
        f"SELECT {_key(draft, catalog, entity, field, rule)} AS k, {held} AS v,"
        f" {emit.text(draft, catalog, rule.before, rows)} AS b, {emit.text(draft, catalog, rule.after, rows)} AS a"
        f" FROM {quote(table_of(catalog, entity.path))} AS r WHERE {held} IS NOT NULL"
    )
    cut = "substr(v, length(b) + 1, length(v) - length(b) - length(a))"
    fits = (
        "length(v) > length(b) + length(a) AND substr(v, 1, length(b)) = b AND substr(v, length(v) - length(a) + 1) = a"
    )
    digits = f"CASE WHEN {fits} THEN {cut} END"
    whole = "n NOT GLOB '*[^0-9]*'" if dialect == "sqlite" else "n ~ '^[0-9]+$'"
    number = f"CASE WHEN {whole} AND length(n) <= {_DIGITS} THEN CAST(n AS bigint) END"
    most = "max" if dialect == "sqlite" else "greatest"
    return writing(
        draft,
        f'INSERT INTO "_sequence" ("key", "next") SELECT k, max({number}) FROM (SELECT k, {digits} AS n FROM ({parts})'
        f" AS p) AS c WHERE n IS NOT NULL GROUP BY k HAVING max({number}) IS NOT NULL"
        f' ON CONFLICT ("key") DO UPDATE SET "next" = {most}("_sequence"."next", excluded."next")',
    )


def _key(draft: Draft, catalog: Catalog, entity: Entity, field: Field, rule: NumberRule) -> str:
    """``day_labor__sheet.number|<project>|2026-03``: one counter each, by table and column."""
    parts = [literal(f"{table_of(catalog, entity.path)}.{column_of(catalog, entity.path, field.name)}")]
    for name in rule.per:
        per = entity.fields[name]
        value = json_value(
            kind_of(per), scale_of(per), draft.dialect, f"r.{quote(column_of(catalog, entity.path, name))}"
        )
        parts.append(f"COALESCE(CAST({value} AS text), '')")
    if rule.period:
        length = _PERIODS[rule.period]
        dated = column_of(catalog, entity.path, rule.dated)
        day = f"r.{quote(dated)}" if rule.dated else draft.value("today", "today", "date")
        parts.append(f"COALESCE(substr(CAST({day} AS text), 1, {length}), '')")
    return " || '|' || ".join(parts)
