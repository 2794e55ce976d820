"""Lines that own lines: totals go up, shares come down, checks and postings know whose document it is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.compile import compile_app, late
from engine.db import Database
from engine.read import read_texts
from tests.compile.stage import Stage

TEXT = """
module: deep
grammar: 1
version: 1.0.0
title: {zh: 深, en: Deep}
entities:
  offer:
    display: "{name}"
    fields:
      name: {type: text, required: true}
      factor: {type: decimal, scale: 2, default: 1}
      sections: {type: lines, of: section}
      total: {type: money, compute: SUM(sections.total)}
      largest: {type: money, compute: MAX(sections.total)}
      parts: {type: integer, compute: COUNT(sections.parts)}
      with_tax: {type: money, compute: "ROUND(total * 1.09, 2)"}
  section:
    owned_by: offer
    fields:
      name: {type: text}
      parts: {type: lines, of: part}
      total: {type: money, compute: SUM(parts.amount)}
      share: {type: percent, compute: "total / NULLIF(offer.total, 0)"}
    checks:
      not_half: {that: share <= 0.9, message: {zh: "{name}占{share}", en: "{name} is {share} of {offer.total}"}}
  part:
    owned_by: section
    fields:
      count: {type: integer, default: 1, min: 0}
      price: {type: price, required: true}
      amount: {type: money, compute: "ROUND(count * price * section.offer.factor, 2)"}
      weight: {type: percent, compute: "amount / NULLIF(section.offer.with_tax, 0)"}
    checks:
      small: {that: amount < 1000, message: {zh: "{section.name}的{amount}太大", en: "{amount} is too much"}}
  entry:
    ledger: {period: period}
    fields:
      period: {type: month}
      offer: {type: ref, to: offer}
      net: {type: money}
postings:
  parts:
    of: part
    while: section.offer.factor > 1
    into: entry
    set: {period: 2026-03, offer: =section.offer, net: =amount}
"""


@pytest.fixture
async def stage(database: Database) -> Stage:
    return await Stage(compile_app(read_texts([{"deep.yaml": TEXT}]), database.dialect), database).build()


def part(price: str, count: int = 1) -> dict[str, object]:
    return {"price": Decimal(price), "count": count}


async def test_totals_go_up_and_shares_come_down(stage: Stage) -> None:
    offer = await stage.create(
        "deep.offer",
        name="A",
        factor=Decimal("2"),
        sections=[{"name": "x", "parts": [part("10", 3), part("5")]}, {"name": "y", "parts": [part("65", 1)]}],
    )
    read = await stage.read("deep.offer", offer)
    assert (read["total"], read["largest"], read["parts"], read["with_tax"]) == ("200.00", "130.00", 3, "218.00")
    assert [(s["total"], s["share"]) for s in read["sections"]] == [("70.00", "0.350000"), ("130.00", "0.650000")]
    assert [p["weight"] for s in read["sections"] for p in s["parts"]] == ["0.275229", "0.045872", "0.596330"]


async def test_checks_and_postings_know_the_document(stage: Stage) -> None:
    offer = await stage.create(
        "deep.offer",
        name="A",
        factor=Decimal("2"),
        sections=[{"name": "x", "parts": [part("1000")]}, {"name": "y", "parts": [part("1")]}],
    )
    statement = stage.write_of("deep.offer").checks["save"]
    rows = await stage.run(statement, roots=[offer])
    read = await stage.read("deep.offer", offer)
    x = read["sections"][0]
    assert sorted((r[0], r[1], r[2]) for r in rows) == [
        ("not_half", offer, x["id"]),
        ("small", offer, x["parts"][0]["id"]),
    ]
    assert (await stage.broken("deep.offer", offer))["small"] == {"section.name": "x", "amount": "2000.00"}
    assert await stage.post("deep.offer", offer) == {"deep.parts": (0, 2)}
    await stage.update("deep.offer", offer, factor=Decimal("1"))
    assert await stage.post("deep.offer", offer) == {"deep.parts": (2, 0)}


def test_the_order_of_the_passes() -> None:
    catalog = read_texts([{"deep.yaml": TEXT}])
    made = late.late(catalog, catalog.entities["deep.offer"])
    assert [(path, [d.name for d in fields]) for path, fields in made.passes] == [
        ("deep.section", ["total"]),
        ("deep.offer", ["total", "largest", "parts", "with_tax"]),
        ("deep.part", ["weight"]),
        ("deep.section", ["share"]),
    ]
