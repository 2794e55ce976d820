"""Values laid over time: what stands in a tree for the month and for a row's share of it, and the relation that lists
both beside the row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.expr.build.sql import Context, to_sql
from engine.expr.build.tree import Group, Lit, Node, Op, Path, walk
from engine.expr.run.laid import LINEAR, MOST_DAYS
from engine.expr.run.laid import S as S_CURVE
from engine.expr.run.types import MONTH, TEXT, Type, not_null

PERIOD, SHARE = "laid_period", "laid_share"
CURVES = {"linear": LINEAR, "s": S_CURVE}
_ROOT = "laid"
_NOTHING = Lit(Type("integer"), None)


def period(start: Node, end: Node, curve: int) -> Op:
    return Op(MONTH, PERIOD, (start, end), (curve,))


def share(value: Node, made: Op) -> Op:
    return Op(replace(value.type, nullable=True), SHARE, (value, *made.args), made.params)


def is_laid(node: Node) -> bool:
    return isinstance(node, Op) and node.name in (PERIOD, SHARE)


@dataclass(frozen=True, slots=True)
class Laid:
    """One source's rows, once for each of their months; ``alias`` is empty where nothing asks for the month: then a row
    is one row, and its share the value."""

    alias: str = ""
    sql: str = ""
    sqlite: bool = False

    def over(self, node: Node) -> Node:
        match node:
            case Op() if node.name == PERIOD and self.alias:
                key = Path(node.type if not self.sqlite else TEXT, _ROOT, (), "", "key", "key")
                return Op(node.type, "nullif", (key, Lit(not_null(TEXT), ""))) if self.sqlite else key
            case Op() if node.name == SHARE:
                return Path(node.type, _ROOT, (), "", "value", "value") if self.alias else node.args[0]
            case Op():
                return replace(node, args=tuple(self.over(a) for a in node.args))
            case Group():
                item = self.over(node.item) if node.item is not None else None
                where = self.over(node.where) if node.where is not None else None
                return replace(node, item=item, where=where)
            case _:
                return node

    def context(self, context: Context) -> Context:
        return replace(context, roots={**context.roots, _ROOT: self.alias}) if self.alias else context


def beside(trees: Iterable[Node], context: Context) -> Laid:
    """What these trees need to stand over ``context``'s row; its joins must be read after."""
    nodes = [n for tree in trees for n in walk(tree) if isinstance(n, Op) and is_laid(n)]
    made = next((n for n in nodes if n.name == PERIOD), None)
    if made is None:
        return Laid()
    node = next((n.args[0] for n in nodes if n.name == SHARE), _NOTHING)
    value, start, end = (to_sql(a, context) for a in (node, *made.args))
    alias = context.binder.alias()
    curve = made.params[0]
    if context.dialect == "sqlite":
        return Laid(alias, f" CROSS JOIN json_each(dg_laid({value}, {start}, {end}, {curve})) AS {alias}", True)
    return Laid(alias, f" CROSS JOIN LATERAL ({_listed(node, value, start, end, curve)}) AS {alias}")


def _listed(node: Node, value: str, start: str, end: str, curve: int) -> str:
    """``key`` and ``value`` of each month, in PostgreSQL's words."""
    scale = node.type.scale if node.type.kind == "decimal" else 0
    kind = "numeric" if node.type.kind == "decimal" or node.type.wide else "bigint"
    given = f"SELECT ({value})::numeric AS v, COALESCE({start}, {end}) AS a, COALESCE({end}, {start}) AS b"
    span = f"SELECT v, a, CASE WHEN b < a OR b - a >= {MOST_DAYS} THEN a ELSE b END AS b FROM ({given}) AS _g"
    whole = "(b - a + 1)::numeric"
    months = "(EXTRACT(YEAR FROM b) - EXTRACT(YEAR FROM a)) * 12 + EXTRACT(MONTH FROM b) - EXTRACT(MONTH FROM a)"
    first = "(date_trunc('month', a::timestamp) + make_interval(months => k))::date"
    following = "(date_trunc('month', a::timestamp) + make_interval(months => k + 1))::date"
    until, before = f"(LEAST({following} - a, b - a + 1))::numeric", f"(GREATEST({first} - a, 0))::numeric"
    if curve == LINEAR:
        reached, parts = f"({until} - {before})", whole
    else:
        reached = "({u} * {u} * (3 * {w} - 2 * {u}) - {f} * {f} * (3 * {w} - 2 * {f}))"
        reached = reached.format(u=until, f=before, w=whole)
        parts = f"({whole} * {whole} * {whole})"
    size = f"(ABS(v) * {10**scale})"
    listed = (
        f"SELECT v, {first} AS key, {size} AS size, div({size} * {reached}, {parts}) AS part,"
        f" mod({size} * {reached}, {parts}) AS rest FROM ({span}) AS _s"
        f" CROSS JOIN LATERAL generate_series(0, COALESCE({months}, 0)::int) AS _k(k)"
    )
    ranked = (
        "SELECT *, ROW_NUMBER() OVER (ORDER BY rest DESC, key) AS place, size - SUM(part) OVER () AS spare"
        f" FROM ({listed}) AS _l"
    )
    units = "part + CASE WHEN place <= spare THEN 1 ELSE 0 END"
    made = f"CASE WHEN key IS NULL THEN v ELSE SIGN(v) * ROUND(({units}) / {10**scale}::numeric, {scale}) END"
    return f"SELECT key, ({made})::{kind} AS value FROM ({ranked}) AS _r"
