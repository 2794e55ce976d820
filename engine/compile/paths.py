"""Following a dotted path through fields, owners and references to what it ends at."""

from __future__ import annotations

from dataclasses import dataclass

from engine.catalog import Catalog, Entity, Field
from engine.compile.names import kind_of, scale_of
from engine.label import Label

STATE = Label("状态", "State")
SYSTEM_TITLES = {
    "id": Label("标识", "Id"),
    "rev": Label("版本", "Revision"),
    "created_at": Label("创建时间", "Created"),
    "created_by": Label("创建人", "Created by"),
    "updated_at": Label("修改时间", "Changed"),
    "updated_by": Label("修改人", "Changed by"),
    "deleted_at": Label("删除时间", "Deleted"),
    "position": Label("行号", "Line"),
}
SYSTEM_KINDS = {
    "id": "uuid",
    "rev": "integer",
    "created_at": "datetime",
    "created_by": "uuid",
    "updated_at": "datetime",
    "updated_by": "uuid",
    "deleted_at": "datetime",
    "position": "integer",
}


@dataclass(frozen=True, slots=True)
class End:
    """What a path ends at: the entity it is read from, and the field there (None: a column of the engine)."""

    entity: Entity
    name: str
    title: Label
    kind: str
    scale: int = 0
    target: str = ""
    field: Field | None = None


def step(catalog: Catalog, entity: Entity, name: str) -> End | None:
    """One segment of a path, read from ``entity``."""
    field = entity.fields.get(name)
    if field is not None:
        target = field.target or (entity.path if field.spec.type == "tree" else "")
        if field.spec.type == "user":
            target = target or catalog.people.users
        return End(entity, name, field.title, kind_of(field), scale_of(field), target, field)
    for path in entity.workflows:
        if catalog.workflows[path].field == name:
            return End(entity, name, STATE, "text")
    if entity.owned_by and name == entity.owned_by.rpartition(".")[2]:
        return End(entity, name, catalog.entities[entity.owned_by].title, "uuid", target=entity.owned_by)
    if name in SYSTEM_KINDS:
        target = catalog.people.users if name.endswith("_by") else ""
        return End(entity, name, SYSTEM_TITLES[name], SYSTEM_KINDS[name], target=target)
    return None


def follow(catalog: Catalog, entity: Entity, path: str) -> tuple[End, ...]:
    """Every segment of ``path``; empty when one of them is not there."""
    out: list[End] = []
    for name in path.split("."):
        end = step(catalog, entity, name)
        if end is None:
            return ()
        out.append(end)
        entity = catalog.entities.get(end.target, entity)
    return tuple(out)


def column_title(catalog: Catalog, entity: Entity, path: str) -> Label:
    """The heading of a column: a reference's own name when its display is shown, else both names."""
    ends = follow(catalog, entity, path)
    if not ends:
        return Label(path, path)
    if len(ends) == 1:
        return ends[0].title
    last, before = ends[-1], ends[-2]
    shown = {hole.name for hole in last.entity.display.holes}
    if last.name in shown:
        return before.title
    return Label(f"{before.title.to('zh')}{last.title.to('zh')}", f"{before.title.to('en')}: {last.title.to('en')}")
