"""A small App made by hand, for the rooms that need no database: a sheet with lines, what it refers to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.fieldtypes import REGISTRY
from engine.fieldtypes.spec import Option, Spec
from engine.label import Label
from engine.plan.app import App, PeoplePlan
from engine.plan.entity import Entity, Field, Template
from engine.plan.page import Dimension, Figures, Measure
from engine.serve.tenant.bind import Me

ADMIN = Me("00000000-0000-7000-8000-000000000001", "boss", roles=("admin",))
FOREMAN = Me("00000000-0000-7000-8000-000000000002", "wang", roles=("everyone", "foreman"))


def field(name: str, type_: str = "text", origin: str = "input", **more: Any) -> Field:
    row = REGISTRY[type_]
    spec = Spec(type_, target=more.get("target", ""), **more.pop("spec", {}))
    kind = "lines" if type_ == "lines" else row.kind
    return Field(
        name, Label(f"字段{name}", f"The {name}"), spec, origin, name, kind,  # type: ignore[arg-type]
        row.scale_of(spec), **more,
    )  # fmt: skip


def entity(name: str, *fields: Field, **more: Any) -> Entity:
    made = {f.name: f for f in fields}
    return Entity(f"m.{name}", "m", name, Label(f"单{name}", name), f"m__{name}", made, Template((("name", ""),)), (),
                  **more)  # fmt: skip


def app() -> App:
    choices = {"options": (Option("own", Label("自有", "Own")), Option("charge", Label("代扣", "Charged")))}
    made = [
        entity("team", field("name"), field("project", "ref", target="m.project")),
        entity("project", field("code", required="always"), field("name", required="always", has_default=True)),
        entity("worker", field("name")),
        entity(
            "sheet",
            field("number", "number", origin="number"),
            field("project", "ref", target="m.project"),
            field("team", "ref", target="m.team"),
            field("day", "date"),
            field("month", "month"),
            field("at", "datetime"),
            field("liability", "choice", spec=choices),
            field("tags", "choices", spec=choices),
            field("amount", "money", origin="compute"),
            field("claimed", "money"),
            field("price", "price", spec={"min": Decimal(0)}),
            field("rate", "percent"),
            field("count", "integer"),
            field("late", "boolean"),
            field("secret", "money", hidden_from=("foreman", "everyone")),
            field("entered", "date", readonly=True),
            field("lines", "lines", origin="lines", target="m.line"),
            access={"read": {"foreman": True}},
        ),
        entity(
            "line",
            field("worker", "ref", target="m.worker"),
            field("hours", "decimal", spec={"scale": 2}),
            field("note"),
            owner="m.sheet",
            owner_field="lines",
        ),
    ]
    label = Label("工", "Work")
    figures = Figures(
        "m.work", "m", label, {"project": Dimension("project", label, "uuid", "m.project")},
        {"hours": Measure("hours", label, "decimal", 2)}, ("m.sheet",),
    )  # fmt: skip
    return App(
        "sqlite", "small", {}, (), {e.path: e for e in made}, {}, {"m.work": figures}, {}, {}, (), {}, {}, {},
        PeoplePlan(), {}, (), (), {}, None,
    )  # fmt: skip
