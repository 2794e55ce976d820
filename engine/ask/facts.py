"""An App as questions look at it: entities, fields and columns, found by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.ask.codes import CODES
from engine.ask.symbols import Symbols
from engine.fieldtypes.spec import Spec
from engine.label import Label
from engine.plan import sight
from engine.plan.app import App
from engine.plan.entity import Entity, Field
from engine.plan.statement import Dialect
from engine.plan.table import Column, Table
from engine.problem import NO_HINT, Problem, Problems, did_you_mean, nearest, problem

ADMIN = sight.ADMIN
EVERYONE = "everyone"
"""The role everyone holds without being given it."""

_SYSTEM: tuple[tuple[str, str, str, Label], ...] = (
    ("id", "uuid", "ref", Label("标识", "Id")),
    ("rev", "integer", "integer", Label("版本", "Revision")),
    ("state", "text", "text", Label("状态", "State")),
    ("created_at", "datetime", "datetime", Label("创建时间", "Created")),
    ("created_by", "uuid", "user", Label("创建人", "Created by")),
    ("updated_at", "datetime", "datetime", Label("修改时间", "Changed")),
    ("updated_by", "uuid", "user", Label("修改人", "Changed by")),
    ("deleted_at", "datetime", "datetime", Label("删除时间", "Deleted")),
    ("position", "integer", "integer", Label("行号", "Line")),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is read off an App once and looked up often. ``users``: path of the entity of people, or empty."""

    dialect: Dialect
    entities: Mapping[str, Entity]
    columns: Mapping[str, Mapping[str, Column]]
    users: str
    symbols: Symbols
    rules: dict[tuple[str, str, str], Any] = field(default_factory=dict, repr=False, compare=False)
    """Access rules typed so far: (entity, role, text) → Expr."""
    worlds: dict[tuple[str, ...], Any] = field(default_factory=dict, repr=False, compare=False)
    """The expression world as each set of roles knows it."""
    _fields: dict[str, Mapping[str, Field]] = field(default_factory=dict, repr=False, compare=False)

    def entity(self, path: str) -> Entity:
        found = self.entities.get(path)
        if found is None:
            raise Problems([unknown("ask.unknown-entity", path, self.entities)])
        return found

    def fields(self, entity: Entity) -> Mapping[str, Field]:
        """All fields of an entity, the engine's own after the declared ones."""
        found = self._fields.get(entity.path)
        if found is None:
            found = self._fields[entity.path] = self._with_system(entity)
        return found

    def column(self, entity: Entity, name: str) -> Column | None:
        return self.columns.get(entity.table, {}).get(name)

    def root(self, entity: Entity) -> Entity:
        """The document a row belongs to: itself, or the top of its owners."""
        return sight.root_of(self.entities, entity)

    def _with_system(self, entity: Entity) -> Mapping[str, Field]:
        columns = self.columns.get(entity.table, {})
        out = dict(entity.fields)
        for name, kind, type_, title in _SYSTEM:
            if name not in out and name in columns:
                target = self.users if type_ == "user" else entity.path if name == "id" else ""
                out[name] = Field(name, title, Spec(type_, target=target), "system", name, kind, target=target)
        if entity.owner and (owner := owner_of(entity)) not in out:
            title = self.entities[entity.owner].title
            spec = Spec("ref", target=entity.owner)
            out[owner] = Field(owner, title, spec, "system", owner, "uuid", target=entity.owner)
        return out


def facts_of(app: App) -> Facts:
    return make_facts(app.dialect, app.entities, app.tables, app.people.users, app.symbols)


def make_facts(
    dialect: Dialect, entities: Mapping[str, Entity], tables: Iterable[Table], users: str, symbols: Symbols
) -> Facts:
    columns = {t.name: {c.name: c for c in t.columns} for t in tables}
    return Facts(dialect, entities, columns, users, symbols)


def owner_of(entity: Entity) -> str:
    """Lines call their owner by its name."""
    return entity.owner.rpartition(".")[2]


def owner_column(entity: Entity) -> str:
    """The column by which lines point at their owner."""
    known = entity.fields.get(owner_of(entity))
    return (known.column if known is not None else None) or owner_of(entity)


def unknown(code: str, name: str, names: Iterable[str], **params: object) -> Problem:
    return problem(CODES[code], None, did_you_mean(nearest(name, names), "") or NO_HINT, name=name, **params)
