"""When a source's rows count: later than they say (``shift``), or a share of them in each month (``spread``); and how
long ago that was (``ageing``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.catalog import Source, Spread
from engine.expr.build import laid
from engine.expr.build.api import Expr, make_expr
from engine.expr.build.functions import add_days, as_day
from engine.expr.build.tree import Group, Lit, Node, Op, Par, Path
from engine.expr.run.types import BOOLEAN, DATE, Type, not_null
from engine.label import Label
from engine.problem import Where
from engine.read.link.desk import Desk
from engine.read.link.words import Look, Speech
from engine.read.shape import figures as shapes
from engine.read.tree import Scalar

TIMES = ("month", "date", "datetime")
MONTHS = Label("月份", "Month")
_OF_MONTH = re.compile(r"TO_MONTH\((.*)\)", re.DOTALL)
_DAYS = Type("integer", limit=4_000_000)
_OLDEST = 100_000
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
                month = Label("它是月份，不按天移动", "it is a month, which days do not move")
                why = month if expr.type.kind == "month" else Label("它不是日期", "it is no day")
                self.desk.say("rule.shift", shape.place, name=name, why=why)
                continue
            known += 1
            out[name] = make_expr(_said(expr, months_said, days_said), tree, where=expr.where)
        if not known and not self.desk.broken:
            why = Label("维度中没有时间", "none of its dimensions is a time")
            self.desk.say("rule.shift", shape.place, name="by", why=why)
        return out

    def spread(self, shape: shapes.Spread, by: dict[str, Expr], look: Look) -> Spread | None:
        """Adds the dimension of months that a value of the rows is laid along."""
        value = self.speech.expression(shape.value, look)
        start, end = self.speech.expression(shape.from_, look), self.speech.expression(shape.to, look)
        if value is None or start is None or end is None or shape.by is None:
            self.desk.broken = True
            return None
        first, last = as_day(start.tree), as_day(end.tree)
        if not value.type.number or value.type.wide:
            return self.no_spread(
                shape.value, Label(f"它是 {value.type}，不能拆分", f"it is {value.type}, which cannot be parted")
            )
        if first is None:
            return self.no_spread(shape.from_, _no_day(start))
        if last is None:
            return self.no_spread(shape.to, _no_day(end))
        if shape.by.text in by:
            return self.no_spread(
                shape.by, Label("来源的 `by` 里已有此维度", "the source has this dimension in `by` already")
            )
        if end.type.kind == "month":
            last = Op(last.type, "last_day", (last,))
        tree = laid.period(first, last, laid.CURVES[shape.curve or "linear"])
        # A list of the records behind a month says it by both ends.
        said = f"{start.text}..{end.text}" if start.path and end.path else f"MONTHS({start.text}, {end.text})"
        by[shape.by.text] = make_expr(said, tree, where=shape.place)
        return Spread(shape.by.text, value)

    def no_spread(self, text: Scalar | None, why: Label) -> Spread | None:
        if text is not None:
            self.desk.say("rule.spread", text.where, text=text.text, why=why)
        return None

    def laid_out(self, name: str, expr: Expr, sources: Mapping[str, Source], where: Where) -> Expr:
        """A measure, with shares in place of the values that are laid over time. What would count a row once for each
        of its months is refused."""

        def over(node: Node) -> Node:
            if isinstance(node, Op):
                return replace(node, args=tuple(over(a) for a in node.args))
            if not isinstance(node, Group) or (spread := sources[node.source].spread) is None:
                return node
            value, made = spread.value.tree, sources[node.source].by[spread.along].tree
            assert isinstance(made, Op)
            if node.func == "SUM" and not node.distinct and node.item is not None:
                if _of_row(node.item, node.source) == value:
                    return replace(node, item=laid.share(value, made))
            elif node.distinct or node.func in ("MIN", "MAX"):
                return node
            why = Label(
                "一行在其每个月份各出现一次：可用该值的 SUM、COUNT(DISTINCT id)、MIN 和 MAX",
                "a row stands in each of its months: SUM of the value, COUNT(DISTINCT id), MIN and MAX do",
            )
            self.desk.say("rule.spread", where, text=name, why=why)
            return node

        tree = over(expr.tree)
        return expr if tree == expr.tree else make_expr(expr.text, tree, where=expr.where)

    def aged(self, name: str, shape: shapes.Dimension, expr: Expr) -> Expr | None:
        """The band of the days since then: its first day, or -1 while it has not come. The text stays the day's."""
        day, bands = as_day(expr.tree), shape.ageing or ()
        why = Label()
        if day is None or expr.type.kind == "null":
            why = _no_day(expr)
        elif not bands or list(bands) != sorted(set(bands)) or bands[0] < 0 or bands[-1] > _OLDEST:
            why = Label("各档不是递增的天数", "its bands are no rising days")
        if why != Label() or day is None:
            self.desk.say("rule.ageing", shape.place, name=name, why=why)
            return None
        gone = Op(_DAYS, "days_between", (day, Par(not_null(DATE), "today", "")))
        cases: list[Node] = [_compared("lt", gone, 0), _days(-1)]
        for first, last in zip((0, *(b + 1 for b in bands)), bands, strict=False):
            cases += [_compared("le", gone, last), _days(first)]
        cases += [_compared("gt", gone, bands[-1]), _days(bands[-1] + 1), Lit(_DAYS, None)]
        text = expr.text if expr.type.kind == "date" else f"DATE({expr.text})"
        return make_expr(text, Op(_DAYS, "case", tuple(cases)), where=expr.where)

    def lag(self, text: Scalar | None, look: Look) -> Node | None:
        if text is None:
            return None
        expr = self.speech.expression(text, look)
        if expr is None:
            return None
        if expr.type.kind != "integer":
            why = Label(f"它是 {expr.type}，不是整数", f"it is {expr.type}, not a whole number")
            self.desk.say("rule.shift", text.where, name=text.text, why=why)
            return None
        return Op(not_null(expr.type), "coalesce", (expr.tree, _NONE)) if expr.type.nullable else expr.tree


def _days(count: int) -> Lit:
    return Lit(not_null(_DAYS), count)


def _compared(sign: str, days: Node, count: int) -> Op:
    return Op(BOOLEAN, sign, (days, _days(count)))


def _of_row(node: Node, source: str) -> Node:
    if isinstance(node, Path) and node.root == source:
        return replace(node, root="row")
    return replace(node, args=tuple(_of_row(a, source) for a in node.args)) if isinstance(node, Op) else node


def _later(tree: Node, months: Node | None, days: Node | None) -> Node | None:
    kind = tree.type.kind
    if isinstance(tree, Op) and tree.name == laid.PERIOD:
        moved = (_later(end, months, days) for end in tree.args)
        return replace(tree, args=tuple(end for end in moved if end is not None))
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


def _no_day(expr: Expr) -> Label:
    return Label(f"它是 {expr.type}，不是日期", f"it is {expr.type}, not a day")
