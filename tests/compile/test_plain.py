"""Entities without expressions: what is written comes back as it was, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from openapi_spec_validator import validate

from engine.compile import compile_app
from engine.compile.dump import dump
from engine.db import Database, Violation
from engine.plan.app import App
from tests.compile.hand import shop
from tests.compile.stage import Stage


@pytest.fixture
async def stage(database: Database) -> Stage:
    return await Stage(compile_app(shop(), database.dialect), database).build()


async def test_what_is_written_comes_back_exactly(stage: Stage) -> None:
    customer = await stage.create("shop.customer", code="C1", name="甲")
    order = await stage.create(
        "shop.order",
        customer=customer,
        day=date(2026, 3, 5),
        tags={"x": [1, None, "二"]},
        lines=[
            {"what": "O'Brien", "price": Decimal("1234567890123.123456"), "count": 2**53 - 1},
            {"what": None, "price": Decimal("-0.000001"), "at": datetime(2026, 3, 5, 23, 59, 59, tzinfo=UTC)},
        ],
    )
    read = await stage.read("shop.order", order)
    lines = read.pop("lines")
    assert {k: v for k, v in read.items() if not k.endswith(("_at", "_by"))} == {
        "id": order, "rev": 1, "customer": customer, "day": "2026-03-05", "discount": "0.100000", "done": False,
        "tags": {"x": [1, None, "二"]},
    }  # fmt: skip
    assert read["created_at"] == "2026-03-05T08:00:00Z"
    assert read["created_by"] == stage.me
    assert [(x["what"], x["price"], x["count"], x["at"], x["position"]) for x in lines] == [
        ("O'Brien", "1234567890123.123456", 2**53 - 1, None, 0),
        (None, "-0.000001", 1, "2026-03-05T23:59:59Z", 1),
    ]


async def test_defaults_are_for_what_was_left_out_not_for_null(stage: Stage) -> None:
    customer = await stage.create("shop.customer", code="C1", name="甲")
    left_out = await stage.read("shop.order", await stage.create("shop.order"))
    emptied = await stage.read("shop.order", await stage.create("shop.order", customer=None, discount=None, done=None))
    assert (left_out["customer"], left_out["discount"], left_out["done"]) == (customer, "0.100000", False)
    assert (emptied["customer"], emptied["discount"], emptied["done"]) == (None, None, None)


async def test_an_update_keeps_what_it_does_not_hold(stage: Stage) -> None:
    customer = await stage.create("shop.customer", code="C1", name="甲", rating="a")
    stage.me = "00000000-0000-7000-8000-00000000000b"
    await stage.update("shop.customer", customer, name="乙")
    read = await stage.read("shop.customer", customer)
    assert (read["code"], read["name"], read["rating"], read["rev"]) == ("C1", "乙", "a", 2)
    assert read["created_by"] != read["updated_by"] == stage.me


async def test_unique_means_among_the_living(stage: Stage) -> None:
    first = await stage.create("shop.customer", code="C1", name="甲")
    with pytest.raises(Violation, match="unique"):
        await stage.create("shop.customer", code="C1", name="乙")
    write = stage.write_of("shop.customer")
    assert await stage.run(write.root.remove, rows=stage.rows(write.root, [{"id": first}])) == [(first,)]
    second = await stage.create("shop.customer", code="C1", name="乙")
    assert (await stage.read("shop.customer", second))["rev"] == 1


async def test_a_record_that_is_referred_to_is_not_thrown_away(stage: Stage) -> None:
    customer = await stage.create("shop.customer", code="C1", name="甲")
    order = await stage.create("shop.order")
    assert await stage.broken("shop.customer", customer, "delete") == {
        "referred": {"$found": order, "entity": "shop.order", "field": "customer"}
    }
    write = stage.write_of("shop.order")
    await stage.run(write.root.remove, rows=stage.rows(write.root, [{"id": order}]))
    assert await stage.broken("shop.customer", customer, "delete") == {}


async def test_required_is_said_with_its_field(stage: Stage) -> None:
    await stage.create("shop.customer", code="C1", name="甲")
    order = await stage.create("shop.order", customer=None)
    assert await stage.broken("shop.order", order) == {"required:customer": {}}
    check = stage.app.entities["shop.order"].checks["required:customer"]
    assert (check.pointer, check.message.en.parts) == ("/customer", ("customer is required",))


async def test_references_point_at_something(stage: Stage) -> None:
    with pytest.raises(Violation, match="foreign"):
        await stage.create("shop.order", customer=stage.id())


async def test_lock_gives_the_document_and_says_that_it_is_fresh(stage: Stage) -> None:
    await stage.create("shop.customer", code="C1", name="甲")
    order = await stage.create("shop.order", lines=[{"what": "a"}])
    rows = await stage.run(stage.write_of("shop.order").lock, roots=[order])
    assert [(r[0], bool(r[2])) for r in rows] == [(order, False)]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_golden(dialect: str, golden: Callable[[str, str], None]) -> None:
    golden(f"shop.{dialect}.txt", dump(compile_app(shop(), dialect), statements=True))  # type: ignore[arg-type]


def test_openapi_is_valid() -> None:
    made = compile_app(shop(), "sqlite").openapi
    validate(dict(made))  # type: ignore[arg-type]
    assert set(made["paths"]) >= {"/api/v1/shop/order", "/api/v1/shop/order/{id}", "/api/v1/shop/order/aggregate"}
    assert "/api/v1/shop/line" not in made["paths"]


def test_every_part_of_an_app_is_made() -> None:
    made = compile_app(shop(), "sqlite")
    assert {f.name for f in fields(App)} == {name for name in App.__slots__ if getattr(made, name) is not None}
