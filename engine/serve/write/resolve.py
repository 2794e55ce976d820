"""References by what people call a record: inside trusted doors (seeds, imports, scenarios) a ref may be a key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from engine.fieldtypes import REGISTRY, Refused
from engine.fieldtypes.links import record_id
from engine.fieldtypes.storage import KINDS, among, encode_list, quote
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.plan.statement import Dialect
from engine.serve.tenant.rows import placeholder
from engine.serve.tenant.tenancy import Tenant
from engine.serve.wire.fault import Refusal, fault


async def resolve(tenant: Tenant, entity: str, keys: Iterable[str]) -> dict[str, str]:
    """Key → id of the living records of an entity; one statement for all of them. Keys that are ids stay ids.
    A key of several fields is written ``a/b``. Raises a Refusal that names every key without a record."""
    wanted = list(dict.fromkeys(keys))
    met = await _met(tenant, entity, wanted)
    plan = tenant.app.entities[entity]
    faults = [
        fault("api.ambiguous-record" if met[key] else "api.no-such-record", entity=plan.title, key=key)
        for key in wanted
        if len(met[key]) != 1
    ]
    if faults:
        raise Refusal(faults, 422)
    return {key: met[key][0] for key in wanted}


async def find(tenant: Tenant, entity: str, keys: Iterable[str]) -> dict[str, str]:
    """The same without a word about keys that no one record has."""
    met = await _met(tenant, entity, list(dict.fromkeys(keys)))
    return {key: ids[0] for key, ids in met.items() if len(ids) == 1}


async def _met(tenant: Tenant, entity: str, keys: list[str]) -> dict[str, list[str]]:
    met: dict[str, list[str]] = {}
    plan = tenant.app.entities[entity]
    wanted = []
    for key in keys:
        try:
            met[key] = [record_id(key)]
        except Refused:
            wanted.append(key)
    rows = await tenant.database.read(*_look_up(tenant.app, plan, wanted)) if wanted and plan.key else []
    found: dict[str, list[str]] = {}
    for text, record in rows:
        found.setdefault(json.dumps(json.loads(text), ensure_ascii=False), []).append(record)
    return met | {key: found.get(canonical(plan, key), []) if plan.key else [] for key in wanted}


def canonical(entity: Entity, key: str) -> str:
    """A key as the database compares it: ``007`` of a whole number is 7."""
    return json.dumps([_part(entity, n, p) for n, p in enumerate(_parts(entity, key))], ensure_ascii=False)


def _parts(entity: Entity, key: str) -> list[str]:
    return [key] if len(entity.key) == 1 else key.split("/")


def _part(entity: Entity, n: int, text: str) -> Any:
    field = entity.fields[entity.key[n]]
    kind = REGISTRY[field.spec.type]
    try:
        value = kind.parse(text.strip(), field.spec)
    except Refused:
        return text
    return KINDS[kind.kind].rows(value, kind.scale_of(field.spec))


def _look_up(app: App, entity: Entity, keys: list[str]) -> tuple[str, tuple[Any, ...]]:
    """(canonical key, id) of the records whose first key field is among the wanted; the rest is compared here."""
    dialect: Dialect = app.dialect
    columns = [(entity.fields[name].kind, quote(str(entity.fields[name].column))) for name in entity.key]
    from_json = "json_build_array" if dialect == "postgresql" else "json_array"
    shown = ", ".join(
        column if kind in ("text", "integer", "duration") else f"CAST({column} AS text)" for kind, column in columns
    )
    tail = "::text" if dialect == "postgresql" else ""
    first = entity.fields[entity.key[0]]
    values = []
    for key in keys:
        try:
            values.append(REGISTRY[first.spec.type].parse(_parts(entity, key)[0].strip(), first.spec))
        except Refused:
            continue
    listed = encode_list(first.kind, first.scale, dialect, values)
    wanted = among(dialect, columns[0][1], placeholder(dialect, 1), first.kind)
    sql = f"SELECT {from_json}({shown}){tail}, id FROM {quote(entity.table)} WHERE {wanted} AND deleted_at IS NULL"
    return sql, (listed,)


def keyed(entity: Entity, row: Mapping[str, Any]) -> str:
    """The key of a row as ``resolve`` takes it."""
    return "/".join(str(row[name]) for name in entity.key)
