"""A record as one statement, where its own row is all that decides about it: lock, row, history, event, audit.

What must be seen after others have let go cannot be asked in the statement that waits for them: it sees what was
before. So there are no lines, numbers, postings, states or keys here, and what is checked looks at no other table.
References are held while they are looked at, as their foreign keys hold them: of two who refer to a record and send it
to the bin, one is refused. What is not in order is not told from here: there is no row then, or it does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.catalog import Catalog, Entity
from engine.compile import checks, controls, tables, texts, writes
from engine.compile.draft import Draft, writing
from engine.compile.names import COMPANIONS, Column, table_of
from engine.compile.writes import Shape
from engine.fieldtypes import REGISTRY
from engine.fieldtypes.links import Files
from engine.fieldtypes.storage import json_object, json_value, literal, quote
from engine.plan.entity import AtOnce, Write
from engine.plan.statement import Dialect, Statement, looks_further

_UNTOLD = {*("id", "rev", "created_at", "created_by", "updated_at", "updated_by", "deleted_at", "_typed"), *COMPANIONS}
_MOST = 90
"""Arguments of one call."""


def at_once(catalog: Catalog, shape: Shape, write: Write, dialect: Dialect) -> AtOnce | None:
    if dialect != "postgresql" or not _alone(catalog, shape.entity, write) or shape.late:
        return None
    create, update = _create(shape), _update(shape)
    return AtOnce(create, update) if create is not None and update is not None else None


def _alone(catalog: Catalog, entity: Entity, write: Write) -> bool:
    more = (write.lines, write.passes, write.guards, write.postings, write.root.numbers, write.root.links)
    files = any(isinstance(REGISTRY[f.spec.type], Files) for f in entity.fields.values())  # these are bound first
    return not (any(more) or files or entity.workflows or controls.over(catalog, entity)) and entity.kind == "plain"


def _create(shape: Shape) -> Statement | None:
    draft = Draft("postgresql")
    born = writes.births(draft, shape)
    holds = _holds(draft, shape)
    if holds is None:
        return None
    made = f"w AS ({writes.inserting(shape, born)} RETURNING {quote(shape.table)}.*)"
    return _whole(draft, shape, "create", (*born.ctes, made), holds)


def _update(shape: Shape) -> Statement | None:
    """Who had to wait for the row sees everything else as it was before: nothing is made of that."""
    draft = Draft("postgresql")
    table, revs = quote(shape.table), draft.value("input", "revs", "json")
    before = (
        f"b AS MATERIALIZED (SELECT r.* FROM {table} AS r WHERE r.id = {draft.value('input', 'id', 'uuid')}"
        f" AND r.deleted_at IS NULL AND ({revs} IS NULL OR {revs} @> to_jsonb(r.rev)) FOR UPDATE)"
    )
    made = writes.changes(draft, shape, "b")
    holds = _holds(draft, shape)
    if holds is None:
        return None
    fresh = f"b.rev = (SELECT o.rev FROM {table} AS o WHERE o.id = b.id)"
    changed = f"w AS ({writes.updating(shape.table, made, writes.kept(shape))} RETURNING {table}.*)"
    return _whole(draft, shape, "update", (before, *made.ctes, changed), f"{fresh} AND {holds}")


def _holds(draft: Draft, shape: Shape) -> str | None:
    """That ``w`` may be as it became, its references included; None where it alone does not tell."""
    sound = checks.sound(draft, shape.catalog, shape.entity, "w")
    if sound is None or looks_further(sound):
        return None
    return " AND ".join((sound, *_living(draft, shape)))


def _living(draft: Draft, shape: Shape) -> Iterator[str]:
    rows = draft.bind("input", "rows", "json")
    for c in shape.inputs:
        if c.field is not None and c.kind == "uuid" and (target := tables.target_of(shape.catalog, shape.entity, c)):
            table = quote(table_of(shape.catalog, target))
            yield (
                f"(w.{quote(c.name)} IS NULL OR NOT ({rows}::jsonb -> 0) ? {literal(c.called)} OR EXISTS (SELECT 1"
                f" FROM {table} AS k WHERE k.id = w.{quote(c.name)} AND k.deleted_at IS NULL"
                " FOR KEY SHARE))"
            )


def _whole(draft: Draft, shape: Shape, kind: str, ctes: tuple[str, ...], holds: str) -> Statement:
    entity, table, act = literal(shape.entity.path), literal(shape.table), literal(kind)
    now, me = draft.now(), draft.me()
    told = {name: draft.value("input", name, "uuid") for name in ("history", "event", "audit")}
    told_by = _told(shape, kind)
    source = "w JOIN b ON b.id = w.id" if kind == "update" else "w"
    noted = (
        f"f AS (SELECT {told_by} AS fields FROM {source})",
        "h AS (INSERT INTO _history (id, entity, record, root, rev, at, by, action, change)"
        f" SELECT {told['history']}, {table}, w.id, w.id, w.rev, {now}, {me}, {act},"
        """ ('{"fields":{' || substr(f.fields, 2) || '}}')::jsonb FROM w, f WHERE f.fields <> '')""",
        "e AS (INSERT INTO _outbox (id, at, entity, record, rev, kind)"
        f" SELECT {told['event']}, {now}, {table}, w.id, w.rev, {act} FROM w)",
        "a AS (INSERT INTO _audit (id, at, by, act, entity, record, detail)"
        f" SELECT {told['audit']}, {draft.value('input', 'at', 'integer')}, {me}, {act}, {entity}, w.id,"
        """ '{"rev": ' || w.rev || '}' FROM w)""",
    )
    return writing(
        draft, f"WITH {', '.join((*ctes, *noted))} SELECT w.rev, {holds}, {_companions(shape)} FROM {source}"
    )


def _told(shape: Shape, kind: str) -> str:
    """What history says of each column that differs, each with a comma before it."""
    pieces = []
    for c in shape.columns:
        if c.name not in _UNTOLD:
            new, old = _json(c, "w"), "NULL" if kind == "create" else _json(c, "b")
            exact = c.kind == "datetime"  # what is told of a moment ends with its seconds
            differs = f"{new if exact else 'w.' + quote(c.name)} IS DISTINCT FROM"
            differs += f" {old if exact or kind == 'create' else 'b.' + quote(c.name)}"
            said = f"{literal(f',{chr(34)}{c.name}{chr(34)}:')} || json_build_array({old}, {new})::text"
            pieces.append(f"CASE WHEN {differs} THEN {said} END")
    parts = [f"concat({', '.join(pieces[at : at + _MOST])})" for at in range(0, len(pieces), _MOST)]
    return " || ".join(parts) or "''"


def _json(column: Column, alias: str) -> str:
    return json_value(column.kind, column.scale, "postgresql", f"{alias}.{quote(column.name)}")


def _companions(shape: Shape) -> str:
    """The document as far as what it is found and sorted by is made of it."""
    entity = shape.entity
    if not any(c.name in COMPANIONS for c in shape.columns):
        return texts.null("postgresql", "text", 0)
    named = {"id", *COMPANIONS, *entity.search, *(hole.name.partition(".")[0] for hole in entity.display.holes)}
    pairs = [(c.called, _json(c, "w")) for c in shape.columns if c.called in named]
    return f"({json_object('postgresql', pairs)})::text"
