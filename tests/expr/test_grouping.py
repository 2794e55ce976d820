"""How operators group: our parser and sqlglot's read the same tree, where both read the text at all."""

from __future__ import annotations

from random import Random

import sqlglot
from sqlglot import exp

from engine.expr.build.parse import parse
from engine.expr.build.syntax import Between, Binary, Constant, In, IsNull, Many, Name, Number, Syntax, Unary
from engine.expr.build.tokens import Source
from engine.problem import Where

_SIGNS = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<",
          exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.And: "AND", exp.Or: "OR"}  # fmt: skip


def ours(node: Syntax) -> str:
    match node:
        case Number() | Name():
            return node.text if isinstance(node, Number) else ".".join(node.parts)
        case Constant():
            return node.word
        case Unary():
            return f"({node.op} {ours(node.arg)})"
        case Binary():
            return f"({ours(node.left)} {node.op} {ours(node.right)})"
        case Many():
            made = ours(node.args[0])
            for arg in node.args[1:]:
                made = f"({made} {node.op} {ours(arg)})"
            return made
        case IsNull():
            found = f"({ours(node.arg)} IS NULL)"
        case In():
            found = f"({ours(node.arg)} IN {' '.join(map(ours, node.items))})"
        case Between():
            found = f"({ours(node.arg)} BETWEEN {ours(node.low)} {ours(node.high)})"
        case _:
            raise AssertionError(node)
    return f"(NOT {found})" if node.negated else found


def theirs(node: exp.Expression) -> str:
    if type(node) in _SIGNS:
        return f"({theirs(node.this)} {_SIGNS[type(node)]} {theirs(node.expression)})"
    match node:
        case exp.Paren():
            return theirs(node.this)
        case exp.Neg():
            return f"(- {theirs(node.this)})"
        case exp.Not():
            return f"(NOT {theirs(node.this)})"
        case exp.Is():
            return f"({theirs(node.this)} IS NULL)"
        case exp.In():
            return f"({theirs(node.this)} IN {' '.join(map(theirs, node.expressions))})"
        case exp.Between():
            return f"({theirs(node.this)} BETWEEN {theirs(node.args['low'])} {theirs(node.args['high'])})"
        case exp.Boolean():
            return "TRUE" if node.this else "FALSE"
    return node.sql()


def value(random: Random, depth: int) -> str:
    if depth == 0 or random.random() < 0.3:
        return random.choice(("a", "b.c", "d", "1", "2.5"))
    forms = (
        f"({value(random, depth - 1)})",
        f"-{random.choice('abd')}",
        *(f"{value(random, depth - 1)} {sign} {value(random, depth - 1)}" for sign in "+-*/%"),
    )
    return random.choice(forms)


def condition(random: Random, depth: int) -> str:
    one, two, three = (value(random, 2) for _ in range(3))
    if depth == 0 or random.random() < 0.3:
        no = random.choice(("", "NOT "))
        forms = (f"{one} {random.choice(('=', '<>', '<', '>='))} {two}", f"{one} {no}BETWEEN {two} AND {three}",
                 f"{one} {no}IN ({two}, {three})", f"{one} IS {no}NULL", "TRUE")  # fmt: skip
        return random.choice(forms)
    left, right = condition(random, depth - 1), condition(random, depth - 1)
    return random.choice((f"{left} AND {right}", f"{left} OR {right}", f"NOT {left}", f"({left}) OR {right}"))


def test_operators_group_as_in_sql() -> None:
    random = Random(3)
    for _ in range(500):
        text = condition(random, 3)
        assert ours(parse(Source(text, Where()))) == theirs(sqlglot.parse_one(text)), text
