"""What a constraint of the database refuses, in the words of the fields it is about."""

from __future__ import annotations

from engine.db import Violation
from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Entity
from engine.serve.wire.fault import Fault, Refusal, fault


def of_violation(app: App, entity: Entity, found: Violation) -> Refusal:
    table = next((t for t in app.tables if t.name == found.table), None)
    columns = found.columns
    if found.kind == "unique":
        for candidate in app.tables if table is None else (table,):
            index = next((i for i in candidate.indexes if i.name == found.name), None)
            if index is not None:
                table, columns = candidate, index.columns
    if found.kind == "foreign":
        for candidate in app.tables:
            key = next((k for k in candidate.foreign_keys if k.name and k.name == found.name), None)
            if key is not None:
                table, columns = candidate, (key.column,)
    about = app.entities.get(table.entity, entity) if table is not None else entity
    called = {f.column: f.name for f in about.fields.values() if f.column}
    names = [called.get(column, column) for column in columns]
    titles = [about.fields[name].title if name in about.fields else Label(name, name) for name in names]
    shown = Label("、".join(t.to("zh") for t in titles), ", ".join(t.to("en") for t in titles))
    pointer = f"/{names[0]}" if len(names) == 1 and about.path == entity.path else ""
    if found.kind == "unique":
        return Refusal((fault("api.not-unique", pointer, fields=shown),), 409)
    if found.kind == "foreign":
        return Refusal((fault("api.no-reference", pointer, title=shown if titles else about.title),), 422)
    if found.kind == "check":
        told = _too_long(app, entity, found.name) or _own_check(app, entity, found.name)
        if told is not None:
            return Refusal((told,), 422)
    if found.kind == "notnull" and titles:
        return Refusal((fault("field.required", pointer, title=titles[0]),), 422)
    return Refusal((fault("api.constraint", pointer, name=found.name or found.table),), 422)


def _own_check(app: App, entity: Entity, name: str) -> Fault | None:
    """A check of the pack that the table itself holds: its words have no values in them."""
    for table in app.tables:
        held = next((c for c in table.checks if c.name == name and c.check), None)
        if held is not None:
            check = app.entities[table.entity].checks[held.check]
            zh, en = ("".join(str(p) for p in m.parts) for m in (check.message.zh, check.message.en))
            pointer = check.pointer if table.entity == entity.path else ""
            return Fault(f"check.{check.name}", Label(zh, en), pointer, check=check.name)
    return None


def _too_long(app: App, entity: Entity, name: str) -> Fault | None:
    """SQLite keeps decimals as whole numbers of 64 bits: of many digits after the point few are left before it."""
    for other in (entity, *app.entities.values()):
        for known in other.fields.values():
            if name == f"{other.table}_{known.column}_whole":
                pointer = f"/{known.name}" if other is entity else ""
                return fault("value.digits", pointer, digits=18 - known.scale, got=known.title.to("en"))
    return None
