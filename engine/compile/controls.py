"""Budget control: what documents post into a ledger may not take a figure past its limit.

A control is judged like a check of every document that posts into its ledger, after it has posted, once for each key
among its standing entries. What the figure would be without the document is asked too: who takes nothing passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.catalog import Catalog, Control, Entity, Hole, Posting, Value
from engine.compile import emit, levels, texts
from engine.compile.codes import CODES
from engine.compile.draft import Draft
from engine.compile.names import column_of, table_of
from engine.compile.words import message
from engine.expr.build import parse_expression
from engine.expr.build.scope import Scope
from engine.expr.build.sql import Context, to_sql
from engine.expr.build.tree import Fig
from engine.expr.run.types import BOOLEAN
from engine.fieldtypes.storage import json_value, literal, quote
from engine.plan import entity as plan
from engine.problem import Problem, problem


def wrong(catalog: Catalog) -> Iterator[Problem]:
    """A key must be a dimension of both figures, or there is nothing to compare at it."""
    for control in catalog.controls.values():
        for path, _ in (control.value, control.limit):
            for name in control.key:
                if name not in catalog.aggregations[path].dimensions:
                    yield problem(CODES["compile.control-key"], control.where, key=name, aggregation=path)


def over(catalog: Catalog, entity: Entity) -> tuple[Control, ...]:
    """The controls that this entity's rows may offend, for they post into the ledger."""
    into = {posting.into for posting in catalog.postings.values() if posting.of == entity.path}
    return tuple(control for control in catalog.controls.values() if control.of in into)


def of_document(catalog: Catalog, root: Entity) -> tuple[Control, ...]:
    found = {p.into for p in _postings(catalog, root)}
    return tuple(control for control in catalog.controls.values() if control.of in found)


def _postings(catalog: Catalog, root: Entity) -> Iterator[Posting]:
    for posting in catalog.postings.values():
        if posting.of in catalog.entities and catalog.root_of(catalog.entities[posting.of]).path == root.path:
            yield posting


def named(catalog: Catalog, control: Control) -> plan.Check:
    """Its words, for those whose documents it refuses."""
    return plan.Check(
        control.path,
        control.of,
        "error",
        "submit",
        message(control.message),
        override=",".join(control.override),
        where=str(control.where),
    )


def part(draft: Draft, catalog: Catalog, control: Control) -> str:
    """Rows (control, root, line or NULL, values JSON): one for each key that the documents bring too far."""
    ledger = quote(table_of(catalog, control.of))
    at = " AND ".join(f"{name} = {name}" for name in control.key)
    value = f"FIGURE({'.'.join(control.value)} WHERE {at})"
    limit = f"COALESCE(FIGURE({'.'.join(control.limit)} WHERE {at}), 0)"
    scope = Scope(catalog.world, control.module, control.of)
    entry = emit.context(draft, catalog, emit.Rows("e"))

    def others(path: str, table: str) -> str:
        alias = draft.binder.alias()
        own = f"({alias}._source_id IS NULL OR NOT {draft.among(f'{alias}._source_id')})"
        return f"(SELECT {alias}.* FROM {quote(table)} AS {alias} WHERE {own})" if path == control.of else quote(table)

    tree = parse_expression(value, scope)
    bound = parse_expression(limit, scope)

    def figures(here: Context) -> str:
        columns = {
            "_value": to_sql(tree, here),
            "_before": to_sql(tree, replace(here, relation=others)),
            "_limit": to_sql(bound, here),
        }
        return ", ".join(f"{sql} AS {name}" for name, sql in columns.items())

    keys = [quote(column_of(catalog, control.of, k)) for k in control.key]
    same = " AND ".join(texts.equal(draft.dialect, f"o.{k}", f"e.{k}") for k in keys)
    first = (
        f"NOT EXISTS (SELECT 1 FROM {ledger} AS o WHERE o._source_id = e._source_id AND o.id < e.id AND {same}"
        f" AND {_stands(ledger, 'o')})"
    )
    wanted = f"{_stands(ledger, 'e')} AND {draft.among('e._source_id')} AND {first}"
    if control.levels:
        inner = levels.rows(draft, catalog, control, wanted, figures)
    else:
        applies = f" AND {emit.truth(draft, catalog, control.when, emit.Rows('e'))}" if control.when is not None else ""
        fence = "OFFSET 0" if draft.dialect == "postgresql" else "LIMIT -1 OFFSET 0"
        inner = f"SELECT e.*, {figures(entry)} FROM {ledger} AS e WHERE {wanted}{applies} {fence}"

    def known(figure: Fig, _context: Context) -> str:
        return "v._value" if figure.path == ".".join(control.value) else "v._limit"

    seen = replace(emit.context(draft, catalog, emit.Rows("v")), figure_sql=known)

    def passes(share: str, sign: str) -> str:
        return f"({to_sql(parse_expression(f'{value} {sign} ({share}) * {limit}', scope, BOOLEAN), seen)})"

    blocked = texts.no(draft.dialect)
    if control.block is not None:
        blocked = passes(_text(control.block), ">")
        if control.inclusive is not None:
            at_it = to_sql(parse_expression(_text(control.inclusive), scope, BOOLEAN), seen)
            blocked = f"({blocked} OR ({at_it}) AND {passes(_text(control.block), '=')})"
    warned = passes(_text(control.warn), ">=") if control.warn is not None else texts.no(draft.dialect)
    line = (
        f"CASE WHEN v._source_line <> v._source_id THEN v._source_line ELSE {texts.null(draft.dialect, 'uuid', 0)} END"
    )
    return (
        f"SELECT {literal(control.path)} AS broken, v._source_id AS root, {line} AS line,"
        f" {_said(draft, catalog, control, blocked, tree.type.storage)} AS said FROM ({inner}) AS v"
        f" WHERE v._value > v._before AND ({blocked} OR {warned})"
    )


def _stands(ledger: str, alias: str) -> str:
    mirrored = f"EXISTS (SELECT 1 FROM {ledger} AS m WHERE m._mirrors = {alias}.id)"
    return f"{alias}.deleted_at IS NULL AND {alias}._mirrors IS NULL AND NOT {mirrored}"


def result(draft: Draft, catalog: Catalog, root: Entity, name: str) -> str | None:
    """SQL of ``control.<name>.result`` for the document at ``r``: ``block``, ``warn`` or ``ok``, the worst of its keys;
    None when no such control watches it."""
    found = next((c for c in of_document(catalog, root) if f"{c.name}.result" == name), None)
    if found is None:
        return None
    level = "p.said::jsonb ->> '$level'" if draft.dialect == "postgresql" else "json_extract(p.said, '$.\"$level\"')"
    worst = f"CASE MIN({level}) WHEN 'error' THEN 'block' WHEN 'warning' THEN 'warn' ELSE 'ok' END"
    sql = f"(SELECT {worst} FROM ({part(draft, catalog, found)}) AS p WHERE p.root = r.id)"
    return f'({sql} COLLATE "C")' if draft.dialect == "postgresql" else sql


def _text(share: Value) -> str:
    if share.expr is not None:
        return share.expr.text
    return str(share.literal).lower() if isinstance(share.literal, bool) else str(share.literal)


def _said(draft: Draft, catalog: Catalog, control: Control, blocked: str, storage: tuple[str, int]) -> str:
    """What the message shows: the entry's own paths, and what the figures are."""
    kind, scale = storage
    amounts = {"value": "v._value", "limit": "v._limit", "delta": "v._value - v._before", "gap": "v._value - v._limit"}
    pairs = [("$level", f"CASE WHEN {blocked} THEN 'error' ELSE 'warning' END")]
    holes: dict[str, Hole] = {h.name: h for h in (*control.message.zh.holes, *control.message.en.holes)}
    for name, hole in holes.items():
        if hole.expr is not None:
            pairs.append((name, emit.shown(draft, catalog, hole.expr, emit.Rows("v"))))
        elif name in amounts:
            pairs.append((name, json_value(kind, scale, draft.dialect, f"({amounts[name]})")))
    return texts.object_text(draft.dialect, pairs)
