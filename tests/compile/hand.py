"""Catalogues made by hand, for what needs no YAML."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

from engine.catalog import Cast, Catalog, Entity, Field, Module, Template, Unique, Value
from engine.catalog.layout import by_default
from engine.expr.build.world import Relation, World
from engine.fieldtypes.spec import Option, Spec
from engine.label import Label


def catalog(*entities: Entity, **rest: Any) -> Catalog:
    empty: dict[str, Any] = {
        f.name: {} for f in fields(Catalog) if f.name not in ("overlaid", "asleep", "seeds", "demo", "people", "world")
    }
    made: dict[str, Any] = {
        "modules": {"shop": Module("shop", "shop", "1.0.0", Label("店", "Shop"), {}, {})},
        "entities": {e.path: e for e in entities},
        "people": Cast(),
        "seeds": (),
        "demo": (),
        "world": World({e.path: Relation(e.path, by_default(e.path), {}) for e in entities}),
        "digest": "0",
    }
    return Catalog(**{**empty, **made, **rest})


def field(name: str, type_: str, **rest: Any) -> Field:
    spec = {k: rest.pop(k) for k in ("scale", "options", "min", "max") if k in rest}
    return Field(f"shop.x.{name}", name, Label(name, name), Spec(type_, target=rest.get("target", ""), **spec), **rest)


def entity(name: str, *fields: Field, **rest: Any) -> Entity:
    return Entity(f"shop.{name}", "shop", name, Label(name, name), {f.name: f for f in fields}, **rest)


def shop() -> Catalog:
    """An order with lines: references, literal defaults, unique keys, no expression."""
    customer = entity(
        "customer",
        field("code", "text", required=True),
        field("name", "text", required=True),
        field("rating", "choice", options=(Option("a", Label("A")), Option("b", Label("B"))), default=Value("b")),
        uniques={"code": Unique("code", ("code",))},
        display=Template(("name",)),
    )
    order = entity(
        "order",
        field("customer", "ref", target="shop.customer", required=True, default=Value("C1")),
        field("day", "date"),
        field("discount", "percent", default=Value(Decimal("0.1"))),
        field("done", "boolean", default=Value(False)),
        field("tags", "json"),
        field("lines", "lines", target="shop.line"),
    )
    line = entity(
        "line",
        field("what", "text"),
        field("price", "price"),
        field("count", "integer", default=Value(1)),
        field("at", "datetime"),
        owned_by="shop.order",
        owned_as="lines",
    )
    made = catalog(customer, order, line)
    return replace(made, digest="shop")
