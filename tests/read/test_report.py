"""Problems as people and editors get them."""

from __future__ import annotations

import json

import pytest

from engine.problem import Problems
from engine.read import for_editors, for_people, read_texts

TEXT = """module: shop
grammar: 1
version: 1.0.0
entities:
  order_sheet:
    title: 订单
    fields:
      数量: {type: integer}
      amount: {type: mony}
      tax: {type: money, compute: ROUND(amount, 2)}
    access: {clerk: {read: true}}
"""


def problems() -> Problems:
    with pytest.raises(Problems) as wrong:
        read_texts([{"shop.yaml": TEXT}])
    return wrong.value


def test_for_people_in_english() -> None:
    assert for_people(problems().problems, {"shop.yaml": TEXT}) == (
        "shop.yaml:8:7: shape.name: `数量` is not a name\n"
        "  8 |       数量: {type: integer}\n"
        "    |       ^\n"
        "  = a name has small letters, digits and `_`, and begins with a letter\n"
        "\n"
        "shop.yaml:9:22: shape.word: `type` is one of text, long_text, rich_text, integer, decimal, money, price,"
        " percent, …, not `mony`\n"
        "  9 |       amount: {type: mony}\n"
        "    |                      ^\n"
        "  = did you mean `money`?\n"
        "\n"
        "shop.yaml:10:35: load.comma: the comma cuts `ROUND(amount, 2)` in two\n"
        "  10 |       tax: {type: money, compute: ROUND(amount, 2)}\n"
        "     |                                   ^\n"
        '  = quote it: compute: "ROUND(amount, 2)"\n'
        "\n"
        "shop.yaml:11:14: link.unknown: there is no role `clerk`\n"
        "  11 |     access: {clerk: {read: true}}\n"
        "     |              ^\n"
        "  = known here: admin, everyone"
    )


def test_for_people_in_chinese() -> None:
    said = for_people(problems().problems, {"shop.yaml": TEXT}, "zh")
    assert "`数量` 不是合法的名字" in said
    assert "是否想写 `money`？" in said
    assert '加引号：compute: "ROUND(amount, 2)"' in said
    assert "没有角色 `clerk`" in said


def test_the_caret_stands_under_the_place_in_wide_characters() -> None:
    text = 'module: shop\ngrammar: 1\nversion: 1.0.0\ntitle: {zh: "数量数量", fr: x}\n'
    with pytest.raises(Problems) as wrong:
        read_texts([{"shop.yaml": text}])
    line, caret = for_people(wrong.value.problems, {"shop.yaml": text}).split("\n")[1:3]
    assert line == '  4 | title: {zh: "数量数量", fr: x}'
    assert caret == "    | " + " " * 24 + "^"


def test_for_editors() -> None:
    rows = json.loads(for_editors(problems().problems))
    assert rows[1] == {
        "file": "shop.yaml",
        "line": 9,
        "column": 22,
        "severity": "error",
        "code": "shape.word",
        "message": "`type` is one of text, long_text, rich_text, integer, decimal, money, price, percent, …,"
        " not `mony`",
        "hint": "did you mean `money`?",
    }


def test_a_problem_without_a_file_is_told_without_a_line() -> None:
    with pytest.raises(Problems) as wrong:
        read_texts([{"shop.yaml": "module: shop\ngrammar: 1\nversion: 1.0.0\n"}], [], {"shop.points": False})
    assert for_people(wrong.value.problems, {}) == "pack.toggle: there is no pack or feature `shop.points` to switch"
