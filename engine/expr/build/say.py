"""An expression in people's words, from the same table that makes its SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from engine.expr.build.api import Expr
from engine.expr.build.forms import fill
from engine.expr.build.operators import OPERATORS
from engine.expr.build.tree import Agg, Fig, Group, Lit, Measure, Node, Op, Par, Path
from engine.expr.run.exact import number_text

Label = Callable[[str, str], str]
"""(entity path, attribute) → its title in the reader's language."""

_BOUND = {
    "today": ("今天", "today"),
    "now": ("此刻", "now"),
    "zone": ("", ""),
    "me": ("本人", "the caller"),
}
_TOTALS = {
    "SUM": ("{0}的{1}之和", "the sum of {1} of {0}"),
    "COUNT": ("{0}的个数", "the number of {0}"),
    "AVG": ("{0}的{1}平均值", "the average {1} of {0}"),
    "MIN": ("{0}的最小{1}", "the smallest {1} of {0}"),
    "MAX": ("{0}的最大{1}", "the largest {1} of {0}"),
    "EXISTS": ("存在{0}", "there are {0}"),
    "FIRST": ("{0}中第一条的{1}", "the first {1} of {0}"),
}
_SINGLE = frozenset(("as", "up", "down", "local_date", "number_text", "date_text", "month_text"))
"""Said as their argument."""


def _plain(entity: str, name: str) -> str:
    return name or entity.partition(".")[2]


def say(expr: Expr | Node, language: str = "zh", label: Label = _plain) -> str:
    return _Speaker(language.startswith("zh"), label).node(expr.tree if isinstance(expr, Expr) else expr)


class _Speaker:
    def __init__(self, chinese: bool, label: Label) -> None:
        self.chinese = chinese
        self.label = label

    def pick(self, pair: tuple[str, str]) -> str:
        return pair[0] if self.chinese else pair[1]

    def node(self, node: Node) -> str:
        match node:
            case Lit():
                return self.literal(node)
            case Par():
                return (
                    self.pick(_BOUND[node.source]) if node.source in _BOUND and node.name in ("", "id") else node.name
                )
            case Path():
                hops = [self.label(hop.source or hop.entity, hop.name) for hop in node.hops]
                return ("的" if self.chinese else "'s ").join([*hops, self.label(node.entity, node.name)])
            case Op():
                return self.operation(node)
            case Agg():
                return self.total(node.func, self.label(node.rows.entity, ""), node.item, node.where)
            case Group():
                return self.total(node.func, node.source or self.pick(("记录", "the records")), node.item, node.where)
            case Measure():
                return node.name
            case Fig():
                return node.path.rpartition(".")[2]

    def literal(self, node: Lit) -> str:
        if node.value is None:
            return self.pick(("空", "nothing"))
        if isinstance(node.value, bool):
            return self.pick(("是", "yes")) if node.value else self.pick(("否", "no"))
        if node.type.kind == "datetime":
            return datetime.fromtimestamp(node.value, UTC).isoformat(" ", "minutes")
        if isinstance(node.value, int):
            return number_text(node.value, node.type.scale)
        return f"“{node.value}”" if node.type.kind == "text" else str(node.value)

    def operation(self, node: Op) -> str:
        if node.name in _SINGLE:
            return self.node(node.args[0])
        row = OPERATORS[node.name]
        args = [self.node(arg) for arg in node.args]
        if node.name == "case":
            then = self.pick(("时为", ": "))
            args = [f"{args[at]}{then}{args[at + 1]}" for at in range(0, len(args) - 1, 2)] + [
                self.pick(("否则为", "else ")) + args[-1]
            ]
        return fill(row.zh if self.chinese else row.en, args)

    def total(self, func: str, rows: str, item: Node | None, where: Node | None) -> str:
        if where is not None:
            rows = f"（{self.node(where)}）的{rows}" if self.chinese else f"{rows} where {self.node(where)}"
        return fill(self.pick(_TOTALS[func]), [rows, self.node(item) if item is not None else ""])
