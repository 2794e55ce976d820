"""The frozen nouns of the metadata language, linked and typed: what `read` makes and `compile` starts from."""

from engine.catalog.catalog import Asleep, Catalog, Origin
from engine.catalog.data import Act, Expect, Given, Import, ImportColumn, Scenario
from engine.catalog.entity import Access, Check, Entity, Field, Ledger, Moment, NumberRule, Order, Unique
from engine.catalog.figures import Aggregation, Dimension, Measure, Rollup, Source, Spread
from engine.catalog.flow import Control, Each, Outcome, Posting, State, Step, Timeout, Transition, Workflow
from engine.catalog.module import Assignment, Cast, Feature, Function, Module, Role, Setting
from engine.catalog.value import Hole, Message, People, Row, Template, Value
from engine.catalog.views import Dashboard, Form, Grid, Item, Light, List, Menu, Section, Sort, Tile

__all__ = [
    "Access", "Act", "Aggregation", "Asleep", "Assignment", "Cast", "Catalog", "Check", "Control", "Dashboard",
    "Dimension",
    "Each", "Entity", "Expect", "Feature", "Field", "Form", "Function", "Given", "Grid", "Hole", "Import",
    "ImportColumn", "Item", "Ledger", "Light",
    "List", "Measure", "Menu", "Message", "Module", "Moment", "NumberRule", "Order", "Origin", "Outcome",
    "People", "Posting", "Role", "Rollup", "Row", "Scenario", "Section", "Setting", "Sort", "Source", "Spread", "State",
    "Step", "Template", "Tile", "Timeout", "Transition", "Unique", "Value", "Workflow",
]  # fmt: skip
