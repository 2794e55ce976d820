"""Named scopes: words in rules that mean a condition, by the fields each entity has for it."""

from __future__ import annotations

import pytest

from engine.catalog import Catalog
from engine.problem import Problems
from engine.read import read_texts

PACK = """module: shop
grammar: 1
version: 1.0.0
roles: {clerk: 店员}
people:
  users: staff
  assignments:
    post: {of: post, user: staff, role: role, at: branch, gives: branches, below: branches_below}
  scopes:
    branch: branches
    region: {in: branches_below, of: branch}
entities:
  staff: {fields: {name: {type: text}, branch: {type: ref, to: branch}}, scopes: {own: id}, access: {clerk: RULE}}
  branch: {tree: true, fields: {code: {type: text}, parent: {type: tree}}, access: {clerk: RULE}}
  post: {fields: {staff: {type: user}, role: {type: text}, branch: {type: ref, to: branch}}}
  desk:
    scope: seat
    fields: {seat: {type: ref, to: branch}, code: {type: text}, open: {type: boolean}, region: {type: boolean}}
    access: {clerk: RULE}
  sale:
    scope: desk
    fields: {desk: {type: ref, to: desk}, buyer: {type: user}}
    access: {clerk: RULE}
  note:
    fields: {desk: {type: ref, to: desk}, buyer: {type: user}, text: {type: text}}
    scopes: {own: buyer, branch: desk.seat}
    access: {clerk: RULE}
"""


def catalog(rule: str, **where: str) -> Catalog:
    """Every entity with an ``access`` gets the rule, or ``true`` where ``where`` names another."""
    out = []
    name = ""
    for line in PACK.splitlines():
        if line.startswith("  ") and line[2] != " ":
            name = line.strip().partition(":")[0]
        only = where.get("only")
        out.append(line.replace("RULE", f"{{read: {rule}}}" if only in (None, name) else "{read: true}"))
    return read_texts([{"shop.yaml": "\n".join(out)}])


def rule_of(made: Catalog, entity: str) -> bool | str | None:
    rule = made.entities[f"shop.{entity}"].access["clerk"].read
    return rule if rule is None or isinstance(rule, bool) else rule.text


@pytest.mark.parametrize(
    ("entity", "word", "meant"),
    [
        ("staff", "own", "id = me"),
        ("desk", "own", "created_by = me"),
        ("note", "own", "buyer = me"),
        ("staff", "branch", "branch IN me.branches"),
        ("branch", "branch", "id IN me.branches"),
        ("branch", "region", "id IN me.branches_below"),
        ("desk", "branch", "seat IN me.branches"),
        ("sale", "branch", "desk.seat IN me.branches"),
        ("note", "region", "desk.seat IN me.branches_below"),
        ("note", "all", True),
        ("desk", "region", "region"),
        ("desk", "open AND (branch OR NOT own)", "open AND (seat IN me.branches OR NOT created_by = me)"),
        ("sale", "desk IS NULL OR all", "desk IS NULL OR TRUE"),
    ],
)
def test_a_scope_means_a_condition_over_the_entitys_own_fields(entity: str, word: str, meant: bool | str) -> None:
    assert rule_of(catalog(word, only=entity), entity) == meant


@pytest.mark.parametrize(
    ("entity", "word", "code", "hint"),
    [
        ("note", "brnch", "rule.scope-unknown", "`branch`"),
        ("note", "warehouse", "rule.scope-unknown", "`own`, `all`, `branch`, `region`"),
        ("sale", "desk", "expr.not-boolean", ""),
    ],
)
def test_what_is_no_scope_is_said_with_its_place(entity: str, word: str, code: str, hint: str) -> None:
    with pytest.raises(Problems) as wrong:
        catalog(f"desk IS NOT NULL AND {word}", only=entity)
    (found,) = wrong.value.problems
    assert found.code == code
    assert hint in str(found)
    assert found.where.line > 0


def test_a_scope_without_a_field_says_what_to_write() -> None:
    text = PACK.replace("scope: desk", "title: 售").replace("RULE", "{read: true}")
    text = text.replace(
        "buyer: {type: user}}\n    access: {clerk: {read: true}}",
        "buyer: {type: user}}\n    access: {clerk: {read: branch}}",
    )
    with pytest.raises(Problems) as wrong:
        read_texts([{"shop.yaml": text}])
    (found,) = wrong.value.problems
    assert found.code == "rule.scope-nowhere"
    assert "`scopes: {branch: path}`" in str(found)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("branch: branches\n", "all: branches\n", "shape.reserved"),
        ("branch: branches\n", "branch: brances\n", "link.unknown"),
        ("scopes: {own: buyer, branch: desk.seat}", "scopes: {own: buyer, place: desk.seat}", "link.unknown"),
        ("scopes: {own: buyer, branch: desk.seat}", "scopes: {own: buyer, branch: desk.seet}", "link.unknown-in"),
        ("branch: {tree: true, ", "branch: {", "rule.assignment-tree"),
    ],
)
def test_declarations_are_judged(old: str, new: str, code: str) -> None:
    text = PACK.replace("RULE", "{read: true}")
    assert old in text
    with pytest.raises(Problems) as wrong:
        read_texts([{"shop.yaml": text.replace(old, new)}])
    assert code in [found.code for found in wrong.value.problems]
