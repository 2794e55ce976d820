"""When a source's rows count: later than they say (``shift``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.expr.build.api import Expr, make_expr
from engine.expr.build.functions import add_days
from engine.expr.build.tree import Lit, Node, Op
from engine.expr.run.types import Type, not_null
from engine.read.link.desk import Desk
from engine.read.link.words import Look, Speech
from engine.read.shape import figures as shapes
from engine.read.tree import Scalar

TIMES = ("month", "date", "datetime")
_OF_MONTH = re.compile(r"TO_MONTH\((.*)\)", re.DOTALL)
_NONE = Lit(not_null(Type("integer", limit=0)), 0)


@dataclass(slots=True)
class Timed:
    desk: Desk
    speech: Speech

    def shifted(self, shape: shapes.Shift, by: Mapping[str, Expr], look: Look) -> dict[str, Expr]:
        """A source's dimensions, those of time so much later. Where a row has no lag, it counts when it says."""
        months, days = self.lag(shape.months, look), self.lag(shape.days, look)
        if self.desk.broken or self.desk.sleeps:
            return dict(by)
        months_said, days_said = (part.text if part else "" for part in (shape.months, shape.days))
        out = dict(by)
        known = 0
        for name, expr in by.items():
            if expr.type.kind not in TIMES:
                continue
            tree = _later(expr.tree, months, days)
            if tree is None:
                why = "it is a month, which days do not move" if expr.type.kind == "month" else "it is no day"
                self.desk.say("rule.shift", shape.place, name=name, why=why)
                continue
            known += 1
            out[name] = make_expr(_said(expr, months_said, days_said), tree, where=expr.where)
        if not known and not self.desk.broken:
            self.desk.say("rule.shift", shape.place, name="by", why="none of its dimensions is a time")
        return out

    def lag(self, text: Scalar | None, look: Look) -> Node | None:
        if text is None:
            return None
        expr = self.speech.expression(text, look)
        if expr is None:
            return None
        if expr.type.kind != "integer":
            self.desk.say("rule.shift", text.where, name=text.text, why=f"it is {expr.type}, not a whole number")
            return None
        return Op(not_null(expr.type), "coalesce", (expr.tree, _NONE)) if expr.type.nullable else expr.tree


def _later(tree: Node, months: Node | None, days: Node | None) -> Node | None:
    kind = tree.type.kind
    if isinstance(tree, Op) and tree.name == "to_month":
        inner = _later(tree.args[0], months, days)
        return None if inner is None else replace(tree, args=(inner,))
    if kind == "datetime" or (kind == "month" and days is not None):
        return None
    type_ = replace(tree.type, nullable=True)
    if months is not None:
        tree = Op(type_, "add_months", (tree, months))
    return add_days(tree, days) if days is not None else tree


def _said(expr: Expr, months: str, days: str) -> str:
    month = _OF_MONTH.fullmatch(expr.text) if isinstance(expr.tree, Op) and expr.tree.name == "to_month" else None
    text = month[1] if month else expr.text
    text = f"ADD_MONTHS({text}, {months})" if months else text
    text = f"ADD_DAYS({text}, {days})" if days else text
    return f"TO_MONTH({text})" if month else text
