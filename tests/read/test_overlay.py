"""Overlays: what they change, and that they change nothing else."""

from __future__ import annotations

import json
from typing import Any

from engine.catalog.dump import dump
from engine.read import read_texts

PACK = """module: shop
grammar: 1
version: 1.2.0
roles: {clerk: {title: {zh: 店员, en: Clerk}}, boss: 店长, keeper: 会计}
settings:
  limit: {type: money, default: 100}
entities:
  order_sheet:
    title: {zh: 订单, en: Order}
    search: [number, note]
    fields:
      number: {type: text, required: true}
      note: {type: text}
      kind: {type: choice, options: {a: 甲, b: 乙}, default: a}
      amount: {type: money}
    checks:
      positive: {that: amount > 0, message: 错}
    access:
      clerk: {read: true, hide: [amount]}
workflows:
  flow:
    of: order_sheet
    states: {draft: 草稿, asked: 审批中, done: 完成}
    transitions: {submit: {from: draft, to: asked, by: clerk, approval: main}}
    steps:
      first: {assign: boss}
      last: {assign: [boss, keeper]}
    approved: {to: done}
    rejected: {to: draft}
lists:
  orders: {of: order_sheet, columns: [number, note, amount]}
aggregations:
  sums: {of: order_sheet, measures: {total: SUM(amount), n: {compute: COUNT(id), title: 单数}}}
"""
HEAD = "overlay: acme\ngrammar: 1\nextends: {shop: ^1.0}\n"


def with_overlay(text: str) -> dict[str, Any]:
    return json.loads(dump(read_texts([{"shop.yaml": PACK}], [{"acme.yaml": HEAD + text}])))


def difference(one: Any, other: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        out: dict[str, tuple[Any, Any]] = {}
        for key in dict.fromkeys((*one, *other)):
            out |= difference(one.get(key), other.get(key), f"{path}/{key}")
        return out
    return {} if one == other else {path: (one, other)}


def changed(text: str) -> dict[str, tuple[Any, Any]]:
    base = json.loads(dump(read_texts([{"shop.yaml": PACK}])))
    return difference(base, with_overlay(text))


SHEET = "/entities/shop.order_sheet"


def test_an_empty_overlay_changes_nothing() -> None:
    assert changed("") == {}


def test_a_scalar_replaces() -> None:
    assert changed("settings: {limit: {default: 80}}\n") == {"/settings/limit/default": ("100.00", "80.00")}


def test_a_title_changes_the_language_it_is_written_in() -> None:
    assert changed("entities: {order_sheet: {title: 零单}}\n") == {
        f"{SHEET}/title/zh": ("订单", "零单"),
        "/lists/shop.orders/title/zh": ("订单", "零单"),  # which has no title of its own
    }
    assert f"{SHEET}/title/en" in changed("entities: {order_sheet: {title: {en: Slip}}}\n")
    assert changed("roles: {clerk: {en: Seller}}\n") == {"/roles/clerk/title/en": ("Clerk", "Seller")}


def test_a_list_replaces_or_is_edited() -> None:
    assert changed("lists: {orders: {columns: [amount]}}\n") == {
        "/lists/shop.orders/columns": (["number", "note", "amount"], ["amount"])
    }
    assert changed("lists: {orders: {columns: {add: kind, drop: [note]}}}\n") == {
        "/lists/shop.orders/columns": (["number", "note", "amount"], ["number", "amount", "kind"])
    }


def test_people_are_added_to_a_step_that_names_one() -> None:
    found = changed("workflows: {flow: {steps: {first: {assign: {add: [keeper]}}}}}\n")
    (change,) = found.values()
    assert [person["role"] for person in change[1]] == ["boss", "keeper"]


def test_a_new_field_stands_where_it_says() -> None:
    after = with_overlay("entities: {order_sheet: {fields: {shift: {type: text, after: number}}}}\n")
    assert list(after["entities"]["shop.order_sheet"]["fields"]) == ["number", "shift", "note", "kind", "amount"]


def test_a_field_is_moved() -> None:
    after = with_overlay("entities: {order_sheet: {fields: {number: {after: kind}}}}\n")
    assert list(after["entities"]["shop.order_sheet"]["fields"]) == ["note", "kind", "number", "amount"]


def test_a_key_is_left_out_again_by_null() -> None:
    found = changed("entities: {order_sheet: {fields: {number: {required: null}}}}\n")
    assert found == {f"{SHEET}/fields/number/required": ("submit", None)}


def test_a_retired_field_leaves_what_lists_it_and_puts_to_sleep_what_computes_with_it() -> None:
    after = with_overlay("entities: {order_sheet: {fields: {amount: null}}}\n")
    sheet = after["entities"]["shop.order_sheet"]
    assert list(sheet["fields"]) == ["number", "note", "kind"]
    assert "checks" not in sheet
    assert after["lists"]["shop.orders"]["columns"] == ["number", "note"]
    assert "hide" not in sheet["access"]["clerk"]
    assert list(after["aggregations"]["shop.sums"]["measures"]) == ["n"]
    assert {(a["path"], a["waits_for"]) for a in after["asleep"]} == {
        ("shop.entities.order_sheet.fields.amount", "retired"),
        ("shop.entities.order_sheet.checks.positive", "retired"),
        ("shop.aggregations.sums.measures.total", "retired"),
    }


def test_options_states_and_steps_can_be_added_and_retired() -> None:
    found = with_overlay("entities: {order_sheet: {fields: {kind: {options: {c: 丙, b: null}}}}}\n")
    options = found["entities"]["shop.order_sheet"]["fields"]["kind"]["spec"]["options"]
    assert [option["name"] for option in options] == ["a", "c"]
    found = with_overlay("workflows: {flow: {steps: {told: {cc: keeper, after: first}, last: null}}}\n")
    assert list(found["workflows"]["shop.flow"]["steps"]) == ["first", "told"]


def test_a_short_measure_is_replaced_in_place() -> None:
    found = changed("aggregations: {sums: {measures: {n: COUNT(DISTINCT number)}}}\n")
    assert found == {
        "/aggregations/shop.sums/measures/n/expr": ("COUNT(id)  : integer", "COUNT(DISTINCT number)  : integer")
    }


def test_a_second_overlay_lies_over_the_first() -> None:
    first = HEAD + "settings: {limit: {default: 80}}\n"
    second = HEAD.replace("acme", "site") + "settings: {limit: {default: 60}}\n"
    catalog = read_texts([{"shop.yaml": PACK}], [{"acme.yaml": first}, {"site.yaml": second}])
    origin = catalog.overlaid["shop.settings.limit.default"]
    assert (origin.layer, origin.before) == ("overlay site", "80")


def test_packs_written_in_english() -> None:
    english = "module: shop\ngrammar: 1\nversion: 1.0.0\nlanguage: en\ntitle: Shop\nroles: {clerk: Clerk}\n"
    catalog = read_texts([{"shop.yaml": english}])
    assert catalog.modules["shop"].title.en == "Shop"
    assert catalog.modules["shop"].title.zh == ""
    assert catalog.roles["clerk"].title.to("zh") == "Clerk"
