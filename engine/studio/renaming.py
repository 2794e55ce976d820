"""What else speaks of an entity or a field by its name, in rows: history, open approvals, counters, files. A rename
takes them along, in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.compile.names import table_of
from engine.db import Call
from engine.fieldtypes.storage import literal, quote
from engine.plan.statement import Dialect
from engine.studio.planning import Planned

_BY_ENTITY = ("_history", "_outbox", "_case", "_task", "_file")


def calls(made: Planned) -> Iterator[Call]:
    """Tables and columns keep their names. The audit keeps the names of its day: it is sealed."""
    renamed = made.matching.renamed.items()
    entities = [(old, new) for new, old in renamed if new.count(".") == 1]
    for old, new in _steps(entities, lambda path: f"~{path}"):
        yield from _entity(made, old, new)
    fields: dict[str, list[tuple[str, str]]] = {}
    for new, old in renamed:
        if new.count(".") > 1:
            entity, _, name = new.rpartition(".")
            fields.setdefault(entity, []).append((old.rpartition(".")[2], name))
    for entity, pairs in fields.items():  # by now the entity has its new name everywhere
        for one, other in _steps(pairs, lambda name: f"~{name}"):
            yield from _field(entity, one, other, made.app.dialect)


def _steps(pairs: list[tuple[str, str]], aside: Callable[[str], str]) -> list[tuple[str, str]]:
    """(old, new) in turns; where names are exchanged all of them stand aside first."""
    if not {old for old, _ in pairs} & {new for _, new in pairs}:
        return pairs
    return [*((old, aside(new)) for old, new in pairs), *((aside(new), new) for _, new in pairs)]


def _entity(made: Planned, old: str, new: str) -> Iterator[Call]:
    for table in _BY_ENTITY:
        yield Call(f"UPDATE {table} SET entity = {literal(new)} WHERE entity = {literal(old)}")
    for entity in made.catalog.entities.values():
        if entity.kind == "ledger":
            table = quote(table_of(made.catalog, entity.path))
            yield Call(f"UPDATE {table} SET _source = {literal(new)} WHERE _source = {literal(old)}")
    yield _words("_webhook", "entities", old, new, made.app.dialect)
    yield _counters(f"{old}.", f"{new}.")


def _field(entity: str, old: str, new: str, dialect: Dialect) -> Iterator[Call]:
    at = literal(entity)
    yield Call(f"UPDATE _file SET field = {literal(new)} WHERE entity = {at} AND field = {literal(old)}")
    if dialect == "sqlite":
        before, after = (literal(f'$.fields."{name}"') for name in (old, new))
        moved = f"json_set(json_remove(change, {before}), {after}, json(change -> {before}))"
        there = f"json_type(change, {before}) IS NOT NULL"
    else:
        before, after = (literal(f"{{fields,{name}}}") for name in (old, new))
        moved = f"jsonb_set(change #- {before}, {after}, change #> {before})"
        there = f"change -> 'fields' ? {literal(old)}"
    yield Call(f"UPDATE _history SET change = {moved} WHERE entity = {at} AND {there}")
    yield _counters(f"{entity}.{old}|", f"{entity}.{new}|")
    yield Call(f"UPDATE _sequence SET key = {literal(f'{entity}.{new}')} WHERE key = {literal(f'{entity}.{old}')}")


def _counters(old: str, new: str) -> Call:
    return Call(
        f"UPDATE _sequence SET key = {literal(new)} || substr(key, {len(old) + 1})"
        f" WHERE substr(key, 1, {len(old)}) = {literal(old)}"
    )


def _words(table: str, column: str, old: str, new: str, dialect: Dialect) -> Call:
    """One word of a JSON list."""
    sql = f"{quote(column)}::text" if dialect == "postgresql" else quote(column)
    told = f"replace({sql}, {literal(chr(34) + old + chr(34))}, {literal(chr(34) + new + chr(34))})"
    back = f"({told})::jsonb" if dialect == "postgresql" else told
    return Call(f"UPDATE {quote(table)} SET {quote(column)} = {back} WHERE {quote(column)} IS NOT NULL")
