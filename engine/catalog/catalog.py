"""The catalog: everything a customer's packs and overlay say, linked, typed and immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as _field
from typing import TYPE_CHECKING, NamedTuple

from engine.catalog.data import Import, Scenario
from engine.catalog.entity import Entity, Field
from engine.catalog.figures import Aggregation
from engine.catalog.flow import Control, Posting, Workflow
from engine.catalog.module import Cast, Feature, Function, Module, Role, Setting
from engine.catalog.value import Row
from engine.catalog.views import Dashboard, Form, List, Menu
from engine.problem import Where

if TYPE_CHECKING:
    from engine.expr.build.world import World


class Origin(NamedTuple):
    """Who set a property: the layer (``base 1.2`` or ``overlay acme``) and the place."""

    layer: str
    where: Where
    before: str = ""  # the value it replaced, as text; what a three-way upgrade compares with


@dataclass(frozen=True, slots=True)
class Asleep:
    """A part that was left out: ``path`` (``day_labor.sheet.checks.month_open``), and ``waits_for``: the absent pack,
    the feature that is off, or ``retired``. The parts that stay never name it."""

    path: str
    waits_for: str
    where: Where


@dataclass(frozen=True, slots=True)
class Catalog:
    """Keys of every mapping are paths (``day_labor.sheet``) except modules (``day-labor``), roles and settings (bare
    names). Order is the order of declaration, packs in the order of their dependencies."""

    modules: Mapping[str, Module]
    entities: Mapping[str, Entity]
    workflows: Mapping[str, Workflow]
    postings: Mapping[str, Posting]
    controls: Mapping[str, Control]
    aggregations: Mapping[str, Aggregation]
    settings: Mapping[str, Setting]
    roles: Mapping[str, Role]
    features: Mapping[str, Feature]
    people: Cast
    forms: Mapping[str, Form]
    lists: Mapping[str, List]
    menus: Mapping[str, Menu]
    dashboards: Mapping[str, Dashboard]
    functions: Mapping[str, Function]
    imports: Mapping[str, Import]
    seeds: tuple[Row, ...]
    demo: tuple[Row, ...]
    scenarios: Mapping[str, Scenario]
    world: World
    digest: str
    overlaid: Mapping[str, Origin] = _field(default_factory=dict)
    """What overlays set, by the path in the pack's text; of the rest ``read.origins_of`` knows."""
    asleep: tuple[Asleep, ...] = ()

    def field(self, path: str) -> Field:
        """The field at ``day_labor.sheet.amount``."""
        entity, _, name = path.rpartition(".")
        return self.entities[entity].fields[name]

    def workflow_of(self, entity: Entity) -> Workflow | None:
        return self.workflows[entity.workflow] if entity.workflow else None

    def root_of(self, entity: Entity) -> Entity:
        """The document an entity's rows belong to: itself, or the top of its owners."""
        while entity.owned_by:
            entity = self.entities[entity.owned_by]
        return entity

    def lines_of(self, entity: Entity) -> tuple[Entity, ...]:
        """The entities its lines fields hold, in order."""
        return tuple(self.entities[f.target] for f in entity.lines)
