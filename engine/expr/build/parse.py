"""Tokens → syntax: one pass of operator precedence over a closed grammar (docs/decisions/0003)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NoReturn, cast

from engine.expr.build.syntax import (
    Between,
    Binary,
    Call,
    Case,
    Constant,
    In,
    IsNull,
    Many,
    Name,
    Number,
    Syntax,
    Text,
    Unary,
)
from engine.expr.build.tokens import COMMANDS, RESERVED, Source, Token, suggested_name, tokenize
from engine.label import Label
from engine.problem import Problems, Where

_COMPARE = frozenset(("=", "<>", "<", "<=", ">", ">="))
_LEVELS = 180
"""Of the whole tree: what goes through it calls itself a few times for each."""
_SHORT = 1_000
"""Characters: anybody may ask in longer ones, and a few thousand of those are not worth their memory."""
_CHAIN = 150
"""Terms of one sum, product or concatenation; every one is a level of the tree."""


def parse(source: Source) -> Syntax:
    """Raises ``Problems``: what the characters say all at once, then the first thing the grammar does not allow."""
    kept = _kept(source.text) if len(source.text) <= _SHORT else None
    return kept or _whole(source)


def _whole(source: Source) -> Syntax:
    made = _Parser(source).whole()
    if _levels(made) > _LEVELS:
        raise Problems([source.problem("too-deep", 0, max=_LEVELS)])
    return made


def _levels(tree: Syntax) -> int:
    """Sums within sums: each may be long and none deep, and all of them together are."""
    deepest, left = 0, [(tree, 1)]
    while left:
        node, depth = left.pop()
        deepest = max(deepest, depth)
        left += ((one, depth + 1) for one in _inside(getattr(node, name) for name in node.__slots__))
    return deepest


def _inside(values: Iterable[Any]) -> Iterator[Syntax]:
    for value in values:
        if isinstance(value, tuple):
            yield from _inside(value)
        elif dataclasses.is_dataclass(value):
            yield cast(Syntax, value)


@lru_cache(maxsize=2048)  # a text says the same wherever it stands; only what is wrong has a place
def _kept(text: str) -> Syntax | None:
    try:
        return _whole(Source(text, Where()))
    except Problems:
        return None


class _Parser:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = tokenize(source)
        self.next = 0

    # reading ------------------------------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def take(self) -> Token:
        token = self.tokens[self.next]
        self.next += 1
        return token

    def word(self, *words: str) -> bool:
        """Whether the next token is one of these keywords; it is taken when it is."""
        if self.token.kind == "keyword" and self.token.text in words:
            self.next += 1
            return True
        return False

    def sign(self, text: str) -> bool:
        if self.token.kind == "op" and self.token.text == text:
            self.next += 1
            return True
        return False

    def fail(self, slug: str, at: int, hint: Label | None = None, **params: object) -> NoReturn:
        raise Problems([self.source.problem(slug, at, hint, **params)])

    def expect_sign(self, text: str, after: Label) -> Token:
        token = self.token
        if not self.sign(text):
            if token.kind == "end":
                self.fail("ends", token.at, expected=Label(f"{after.zh}之后的 `{text}`", f"`{text}` after {after.en}"))
            self.stray(token)
        return token

    def stray(self, token: Token) -> NoReturn:
        """Says what is wrong with a token that cannot stand where it does."""
        before = self.tokens[self.next - 1] if self.next else None
        shown = self.source.text[token.at : token.end]
        if token.kind == "end":
            self.fail("ends", token.at, expected=Label("值", "a value"))
        if before and (before.kind in ("name", "number", "text") or before.text in (")", "END", "NULL")):
            if before.kind == "name" and before.text.upper() in COMMANDS and token.kind != "op":
                self.fail("command", before.at, word=before.text)
            if token.kind in ("name", "number", "text"):
                first = self.source.text[before.at : before.end]
                self.fail("alias", before.at, first=first, second=shown)
        if token.kind == "keyword" and token.text in ("WHERE", "ORDER"):
            self.fail(
                "unexpected",
                token.at,
                Label(
                    f"{token.text} 写在汇总函数里：SUM(lines.amount WHERE …)",
                    f"{token.text} stands inside an aggregate: SUM(lines.amount WHERE …)",
                ),
                found=shown,
            )
        if token.kind == "keyword" and token.text not in ("AND", "OR", "IN", "IS", "LIKE", "BETWEEN"):
            self.reserved(token, shown)
        self.fail("unexpected", token.at, found=shown)

    def reserved(self, token: Token, shown: str) -> NoReturn:
        self.fail("reserved-name", token.at, name=shown, suggestion=suggested_name(shown))

    # grammar ------------------------------------------------------------------------------------------------------

    def whole(self) -> Syntax:
        first, second = self.tokens[0], self.tokens[min(1, len(self.tokens) - 1)]
        stands = second.kind in ("name", "keyword") and second.text not in ("AND", "OR", "IN", "IS", "NOT", "BETWEEN")
        if first.kind == "name" and first.text.upper() in COMMANDS and (stands or first.text.upper() == "SELECT"):
            self.fail("command", first.at, word=first.text)
        found = self.either()
        if self.token.kind != "end":
            self.stray(self.token)
        return found

    def either(self) -> Syntax:
        return self.joined("OR")

    def both(self) -> Syntax:
        return self.joined("AND")

    def joined(self, word: str) -> Syntax:
        read = self.both if word == "OR" else self.negation
        args = [read()]
        while self.word(word):
            args.append(read())
        return args[0] if len(args) == 1 else Many(args[0].at, args[-1].end, word, tuple(args))

    def negation(self) -> Syntax:
        at = self.token.at
        if self.word("NOT"):
            arg = self.negation()
            return Unary(at, arg.end, "NOT", arg)
        return self.comparison()

    def comparison(self) -> Syntax:
        left = self.concatenation()
        found = self.compared(left)
        if found is not left and self.token.kind == "op" and self.token.text in _COMPARE:
            first = self.source.text[found.at : found.end]
            self.fail("chained", self.token.at, first=first)
        return found

    def compared(self, left: Syntax) -> Syntax:
        token = self.token
        if token.kind == "op" and token.text in _COMPARE:
            self.next += 1
            right = self.concatenation()
            return Binary(left.at, right.end, token.text, left, right, token.at)
        if self.word("IS"):
            negated = self.word("NOT")
            end = self.token
            if self.word("NULL"):
                return IsNull(left.at, end.end, left, negated)
            if self.word("TRUE", "FALSE"):
                hint = Label("用 `=` 比较，或直接使用该条件", "compare with `=`, or use the condition itself")
                self.fail("unexpected", end.at, hint, found=end.text)
            self.stray(end)
        negated = self.token.text == "NOT" and self.tokens[self.next + 1].text in ("IN", "BETWEEN", "LIKE")
        if negated:
            self.next += 1
        if self.word("LIKE"):
            self.fail("like", token.at)
        if self.word("IN"):
            return self.membership(left, negated)
        if self.word("BETWEEN"):
            low = self.concatenation()
            if not self.word("AND"):
                self.fail("ends", self.token.at, expected=Label("BETWEEN 的 `AND`", "`AND` of BETWEEN"))
            high = self.concatenation()
            return Between(left.at, high.end, left, low, high, negated)
        return left

    def membership(self, left: Syntax, negated: bool) -> Syntax:
        if self.sign("("):
            items = [self.concatenation()]
            while self.sign(","):
                items.append(self.concatenation())
            end = self.expect_sign(")", Label("IN ", "IN"))
            return In(left.at, end.end, left, negated, tuple(items))
        rows = self.primary()
        if not isinstance(rows, Name):
            self.fail(
                "unexpected",
                rows.at,
                Label("括号中的列表，或集合如 me.projects", "a list in parentheses or a set such as me.projects"),
                found=self.shown(rows),
            )
        return In(left.at, rows.end, left, negated, (), rows)

    def concatenation(self) -> Syntax:
        return self.chain("||")

    def sum(self) -> Syntax:
        return self.chain("+", "-")

    def product(self) -> Syntax:
        return self.chain("*", "/", "%")

    def chain(self, *signs: str) -> Syntax:
        read = {"||": self.sum, "+": self.product, "*": self.signed}[signs[0]]
        left = read()
        count = 1
        while self.token.kind == "op" and self.token.text in signs:
            token = self.take()
            count += 1
            if count > _CHAIN:
                self.fail("too-deep", token.at, max=_CHAIN)
            right = read()
            left = Binary(left.at, right.end, token.text, left, right, token.at)
        return left

    def signed(self) -> Syntax:
        at = self.token.at
        if self.sign("-"):
            arg = self.signed()
            return Unary(at, arg.end, "-", arg)
        if self.sign("+"):
            return self.signed()
        return self.primary()

    def primary(self) -> Syntax:
        token = self.take()
        if token.kind == "number":
            return Number(token.at, token.end, token.text)
        if token.kind == "text":
            return Text(token.at, token.end, token.text)
        if token.kind == "name":
            return self.named(token)
        if token.kind == "op" and token.text == "(":
            inner = self.either()
            if self.token.text == "," and self.token.kind == "op":
                hint = Label("括号里只放一个值", "parentheses hold one value")
                self.fail("unexpected", self.token.at, hint, found=",")
            self.expect_sign(")", Label("`(` 所括内容", "what `(` began"))
            return inner
        if token.kind == "keyword":
            if self.token.text == "." or self.after_dot():
                self.reserved(token, self.source.text[token.at : token.end])
            if token.text in ("TRUE", "FALSE", "NULL"):
                return Constant(token.at, token.end, token.text)
            if token.text == "CASE":
                if self.token.kind == "end" or (self.token.kind == "op" and self.token.text not in ("(", "-", "+")):
                    self.reserved(token, self.source.text[token.at : token.end])
                return self.case(token)
        self.next -= 1
        return self.stray(token)

    def after_dot(self) -> bool:
        return self.next > 1 and self.tokens[self.next - 2].text == "."

    def shown(self, node: Syntax) -> str:
        return self.source.text[node.at : node.end]

    def named(self, token: Token) -> Syntax:
        if token.text in RESERVED:
            if token.text.upper() in COMMANDS and self.token.kind in ("name", "op") and self.token.text in ("(", "*"):
                self.fail("command", token.at, word=token.text)
            self.reserved(token, token.text)
        if self.token.kind == "op" and self.token.text == "(":
            return self.call(token)
        parts, ats = [token.text], [token.at]
        end = token.end
        while self.sign("."):
            part = self.take()
            if part.kind == "keyword" or (part.kind == "name" and part.text in RESERVED):
                self.reserved(part, self.source.text[part.at : part.end])
            if part.kind != "name":
                self.next -= 1
                if part.kind == "op" and part.text == "*":
                    self.fail("unexpected", part.at, Label("请写出字段", "name the field"), found="*")
                self.stray(part)
            parts.append(part.text)
            ats.append(part.at)
            end = part.end
        if self.token.kind == "op" and self.token.text == "(":
            self.fail("unknown-function", token.at, name=".".join(parts))
        return Name(token.at, end, tuple(parts), tuple(ats))

    def call(self, name: Token) -> Syntax:
        self.sign("(")
        distinct = self.word("DISTINCT")
        args: list[Syntax] = []
        if self.token.kind == "op" and self.token.text == "*":
            hint = Label("请写出计数对象：COUNT(lines)", "name what is counted: COUNT(lines)")
            self.fail("unexpected", self.token.at, hint, found="*")
        if not (self.token.kind == "op" and self.token.text == ")"):
            args.append(self.either())
            while self.sign(","):
                args.append(self.either())
        where = self.either() if self.word("WHERE") else None
        order: list[tuple[Syntax, bool]] = []
        if self.word("ORDER"):
            if not self.word("BY"):
                self.fail("ends", self.token.at, expected=Label("ORDER BY 的 `BY`", "`BY` of ORDER BY"))
            order.append(self.ordered())
            while self.sign(","):
                order.append(self.ordered())
        end = self.expect_sign(")", Label(f"{name.text}( ", f"{name.text}("))
        return Call(name.at, end.end, name.text.upper(), tuple(args), distinct, where, tuple(order))

    def ordered(self) -> tuple[Syntax, bool]:
        by = self.concatenation()
        descending = self.word("DESC")
        if not descending:
            self.word("ASC")
        return by, descending

    def case(self, token: Token) -> Syntax:
        operand = None
        if not (self.token.kind == "keyword" and self.token.text == "WHEN"):
            operand = self.concatenation()
        whens: list[tuple[Syntax, Syntax]] = []
        while self.word("WHEN"):
            condition = self.concatenation() if operand is not None else self.either()
            if not self.word("THEN"):
                self.fail("case", self.token.at)
            whens.append((condition, self.either()))
        otherwise = self.either() if self.word("ELSE") else None
        end = self.token
        if not whens or not self.word("END"):
            self.fail("case", token.at)
        return Case(token.at, end.end, tuple(whens), otherwise, operand)
