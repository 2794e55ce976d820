"""Which measures may be added up over groups: sums, counts, and what is made of them by adding and taking away."""

from __future__ import annotations

from collections.abc import Mapping

from engine.expr.build.tree import Group, Lit, Measure, Node, Op

_LINEAR = ("add", "sub", "neg")
_SAME = ("coalesce", "as", "up")


def adds_up(node: Node, others: Mapping[str, Node]) -> bool:
    """Whether the value of two groups together is the sum of their values; ``others`` are measures by name."""
    match node:
        case Group():
            return node.func in ("SUM", "COUNT") and not node.distinct
        case Measure():
            found = others.get(node.name)
            return found is not None and adds_up(found, others)
        case Op() if node.name in _LINEAR:
            return all(adds_up(a, others) for a in node.args)
        case Op() if node.name in _SAME:
            return all(adds_up(a, others) or (isinstance(a, Lit) and not a.value) for a in node.args)
        case _:
            return False
