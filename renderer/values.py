"""How values are shown: a path of a record to a cell of text, with what the page needs to place and link it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.fieldtypes import REGISTRY, Spec
from engine.label import Label
from engine.plan.app import App
from engine.plan.entity import Entity, Field
from engine.plan.machine import Machine
from engine.plan.sight import ADMIN, Sight, holding, sight
from engine.plan.viewer import Viewer

NUMBERS = frozenset({"integer", "decimal", "money", "price", "percent", "quantity", "duration"})
SUMMED = frozenset({"integer", "decimal", "money", "duration"})
"""Types whose column has a meaningful sum: a price or a percentage has none, quantities differ in their units."""

_SYSTEM: Mapping[str, tuple[str, Label]] = {
    "created_at": ("datetime", Label("录入时间", "Created at")),
    "created_by": ("user", Label("录入人", "Created by")),
    "updated_at": ("datetime", Label("修改时间", "Changed at")),
    "updated_by": ("user", Label("修改人", "Changed by")),
    "deleted_at": ("datetime", Label("删除时间", "Deleted at")),
    "position": ("integer", Label("行号", "Row")),
    "rev": ("integer", Label("版本", "Revision")),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as shown. ``tone`` colours a status dot; ``money`` is the exact amount, for the 元/万元 switch."""

    text: str = ""
    kind: str = "text"
    tone: str = ""
    money: str = ""
    href: str = ""

    @property
    def number(self) -> bool:
        return self.kind in NUMBERS


EMPTY = Cell()


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a path ends: the field and the entity it belongs to."""

    entity: Entity
    field: Field


def system_field(name: str) -> Field | None:
    if name not in _SYSTEM:
        return None
    kind, title = _SYSTEM[name]
    return Field(name, title, Spec(kind), origin="system", column=name)


def leaf(app: App, entity: Entity, path: str) -> Leaf | None:
    """Follows references; None when the path leads nowhere (its pack is off)."""
    *steps, last = path.split(".")
    here = entity
    for step in steps:
        if step == here.owner_field or step == here.owner.rpartition(".")[2]:
            target = here.owner
        else:
            via = here.fields.get(step)
            target = via.target if via else ""
        if target not in app.entities:
            return None
        here = app.entities[target]
    found = here.fields.get(last) or system_field(last)
    if found is None and (machine := machine_of(app, here)) and machine.field == last:
        found = Field(last, Label("状态", "State"), Spec("text"), origin="system", column=last)
    return Leaf(here, found) if found else None


def machine_of(app: App, entity: Entity) -> Machine | None:
    return app.machines.get(entity.machine) if entity.machine else None


def value_at(record: Mapping[str, Any], path: str) -> Any:
    """A path's value in an answer: under the whole path, or nested."""
    if path in record:
        return record[path]
    value: Any = record
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def tone_of(machine: Machine, name: str) -> str:
    """How a state looks: beginning, waiting for someone, in force, or over."""
    state = machine.states.get(name)
    if state is None:
        return "plain"
    if state.effective:
        return "good"
    if name == machine.in_approval:
        return "waiting"
    if state.initial:
        return "begun"
    leads_on = any(name in t.sources for t in machine.transitions.values())
    return "plain" if leads_on else "over"


def state_cell(machine: Machine, name: Any, language: str) -> Cell:
    state = machine.states.get(str(name))
    return Cell(state.title.to(language) if state else str(name or ""), "state", tone_of(machine, str(name)))


def cell(app: App, found: Leaf | None, value: Any, language: str, zone: str) -> Cell:
    """One value of a leaf, formatted by its field type."""
    if found is None or value is None or value == "":
        return Cell(kind=found.field.spec.type if found else "text")
    machine = machine_of(app, found.entity)
    if machine is not None and machine.field == found.field.name:
        return state_cell(machine, value, language)
    return format_cell(found.field.spec, value, language, zone)


def format_cell(spec: Spec, value: Any, language: str, zone: str) -> Cell:
    if isinstance(value, Mapping) and "display" in value:
        return Cell(str(value["display"] or ""), "ref")
    kind = REGISTRY.get(spec.type)
    if kind is None:
        return Cell(str(value), "text")
    try:
        text = kind.format(value, spec, language, zone)
    except (ValueError, ArithmeticError, TypeError):  # from before it became of this type
        return Cell(str(value), "text")
    return Cell(text, spec.type, money=str(value) if spec.type == "money" else "")


def hidden(app: App, entity: Entity, field: Field, roles: tuple[str, ...]) -> bool:
    """Whether none of the roles that let this person read the record shows the field."""
    return _sight(app, entity, field, roles).hidden


def in_part(app: App, entity: Entity, field: Field, roles: tuple[str, ...]) -> bool:
    """Whether the reader sees the field in part on some records, and whole on none or others."""
    seen = _sight(app, entity, field, roles)
    return bool(seen.part) and not seen.plain


def _sight(app: App, entity: Entity, field: Field, roles: tuple[str, ...]) -> Sight:
    if not field.restricted or ADMIN in roles:
        return Sight()
    return sight(field, holding(app.entities, entity, "read", roles))


def display_of(app: App, entity: Entity, record: Mapping[str, Any], language: str, zone: str) -> str:
    """What the record is called: as the answer says, or by its template."""
    if text := record.get("display"):
        return str(text)
    said = []
    for part in entity.display.parts:
        if isinstance(part, str):
            said.append(part)
        else:
            path = part[0]
            said.append(cell(app, leaf(app, entity, path), value_at(record, path), language, zone).text)
    return "".join(said).strip()


def moment(value: Any, viewer: Viewer) -> str:
    """A moment of an answer as people read it."""
    try:
        return REGISTRY["datetime"].format(value, Spec("datetime"), viewer.language, viewer.zone)
    except (ValueError, TypeError, AttributeError):
        return str(value or "")
