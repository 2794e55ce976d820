"""Aggregates over rows, aggregates of measures, figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.expr.build.align import expected, whole_number
from engine.expr.build.functions import divide
from engine.expr.build.scope import Scope
from engine.expr.build.syntax import Binary, Call, Many, Name, Syntax
from engine.expr.build.tree import Agg, Fig, Group, Lit, Node, Op, Rows
from engine.expr.run.types import BOOLEAN, INT64, Type, not_null
from engine.label import Label
from engine.problem import did_you_mean, nearest

if TYPE_CHECKING:
    from engine.expr.build.typing import Typer

NAMES = ("SUM", "COUNT", "AVG", "MIN", "MAX", "EXISTS", "FIRST")
_LARGEST = ("text", "integer", "decimal", "date", "month", "time", "datetime", "duration")
_ROWS = 10**9


def aggregate(typer: Typer, call: Call, scope: Scope) -> Node | None:
    report = typer.report
    if len(call.args) != 1 or not isinstance(call.args[0], Name):
        if len(call.args) > 1 and call.name in ("MIN", "MAX"):
            hint = Label(
                "两值取大用 GREATEST(a, b)，取小用 LEAST(a, b)",
                "the larger of two values is GREATEST(a, b), the smaller LEAST(a, b)",
            )
            one, many = Label("一个路径", "one path"), Label(f"{len(call.args)} 个值", f"{len(call.args)} values")
            report.say("arguments", call.at, hint, function=call.name, expected=one, got=many)
        else:
            wrong = call.args[0] if call.args else call
            report.say("aggregate", wrong.at, name=report.shown(wrong))
        return None
    if call.order and call.name != "FIRST":
        report.say("no-order", call.at)
        return None
    if scope.sources is not None:
        return group(typer, call, call.args[0], scope)
    if call.name == "COUNT" and call.where is None and not call.distinct and typer.names.held(call.args[0], scope):
        several = typer.node(call.args[0], scope)
        return several and Op(not_null(whole_number()), "how_many", (several,))
    found = typer.names.rows(call.args[0], scope)
    if found is None:
        return None
    rows, path = found
    inside = scope.over(rows.entity)
    item = typer.node(path, inside) if path is not None else None
    where = typer.condition(call.where, inside, "WHERE") if call.where is not None else None
    order = [(by, typer.node(by, inside), descending) for by, descending in call.order]
    if (path is not None and item is None) or (call.where is not None and where is None):
        return None
    if any(node is None for _, node, _ in order):
        return None
    if call.name == "FIRST" and not order:
        report.say("needs-order", call.at)
        return None
    if not suits(typer, call, item):
        return None
    terms = tuple((node, descending) for _, node, descending in order if node is not None)
    if call.name == "AVG" and item is not None:
        return average(
            Agg(summed(item.type), "SUM", rows, item, where, call.distinct),
            Agg(not_null(whole_number()), "COUNT", rows, item, where, call.distinct),
        )
    return Agg(result(call.name, item, rows), call.name, rows, item, where, call.distinct, terms)


def suits(typer: Typer, call: Call, item: Node | None) -> bool:
    """Whether the aggregate can be made of the item."""
    report, name = typer.report, call.name
    if item is None:
        if name in ("COUNT", "EXISTS") and not call.distinct:
            return True
        if name == "FIRST":
            return True
        shown = report.shown(call.args[0])
        hint = Label(f"请写出字段：{name}({shown}.amount)", f"name a field: {name}({shown}.amount)")
        report.say("aggregate", call.at, hint, name=shown)
        return False
    kind = item.type.kind
    if name in ("SUM", "AVG") and not (item.type.number or kind == "duration"):
        report.say("type", call.at, operator=name, got=item.type)
        return False
    if name in ("MIN", "MAX") and kind not in _LARGEST:
        report.say("type", call.at, operator=name, got=item.type)
        return False
    if call.distinct and name not in ("COUNT", "SUM", "AVG"):
        report.say("unexpected", call.at, found="DISTINCT")
        return False
    return True


def summed(type: Type) -> Type:
    limit = INT64 if type.limit <= 10**17 else type.limit * _ROWS
    return Type("integer" if type.kind == "integer" else type.kind, type.scale, limit, nullable=False)


def result(name: str, item: Node | None, rows: Rows | None) -> Type:
    if name == "EXISTS":
        return not_null(BOOLEAN)
    if name == "COUNT":
        return not_null(whole_number())
    if item is None:
        assert rows is not None
        return Type("ref", entity=rows.entity)
    return summed(item.type) if name == "SUM" else replace(item.type, nullable=True)


def average(total: Node, count: Node) -> Node:
    found = divide(total, count)
    return replace(found, type=replace(found.type, limit=min(found.type.limit, INT64 * 10**6)))


def group(typer: Typer, call: Call, path: Name, scope: Scope) -> Node | None:
    """An aggregate of a measure: over the rows of a source that fall into the group."""
    report = typer.report
    sources = scope.sources or {}
    only = next(iter(sources)) if len(sources) == 1 else None
    first, rest = path.parts[0], path.parts[1:]
    if first in sources:
        source = first
    elif only is not None:
        source, rest = only, path.parts
        if (
            path.parts == (sources[only].partition(".")[2],) or ".".join(path.parts) == sources[only]
        ) and first not in scope.world.entities[sources[only]].attributes:
            rest = ()
    else:
        close = nearest(first, sources)
        report.say("unknown-name", path.at, did_you_mean(close), name=first, scope=scope.says())
        return None
    inside = replace(scope, entity=sources[source], this="", sources=None, measures={})
    at = len(path.parts) - len(rest)
    item = typer.node(Name(path.ats[at], path.end, rest, path.ats[at:]), inside) if rest else None
    where = typer.condition(call.where, inside, "WHERE") if call.where is not None else None
    if (rest and item is None) or (call.where is not None and where is None):
        return None
    if call.name == "FIRST":
        hint = Label("取期末结余：`stock: last`", "a stock measure keeps the last balance: `stock: last`")
        report.say("type", call.at, hint, operator="FIRST", got="a group")
        return None
    if not suits(typer, call, item):
        return None
    if call.name == "EXISTS":
        count = Group(not_null(whole_number()), "COUNT", source, item, where)
        return Op(not_null(BOOLEAN), "gt", (count, Lit(not_null(whole_number(0)), 0)))
    if call.name == "AVG" and item is not None:
        return average(
            Group(summed(item.type), "SUM", source, item, where, call.distinct),
            Group(not_null(whole_number()), "COUNT", source, item, where, call.distinct),
        )
    return Group(result(call.name, item, None), call.name, source, item, where, call.distinct)


def figure(typer: Typer, call: Call, scope: Scope) -> Node | None:
    report = typer.report
    if len(call.args) != 1 or not isinstance(call.args[0], Name) or call.order or call.distinct:
        report.say("figure", call.at)
        return None
    name = call.args[0]
    text = ".".join(name.parts)
    figures = scope.world.figures
    path = next((p for p in (text, f"{scope.module}.{text}") if p in figures), None)
    if path is None:
        own = any(p.startswith(f"{scope.module}.{name.parts[0]}.") for p in figures)
        if not own and typer.names.absent(name.parts[0], scope):
            return None
        short = [p.removeprefix(f"{scope.module}.") for p in figures]
        close = nearest(text, short)
        report.say("unknown-figure", name.at, did_you_mean(close), name=text)
        return None
    known = figures[path]
    keys: list[tuple[str, Node]] = []
    terms: tuple[Syntax, ...] = () if call.where is None else (call.where,)
    if isinstance(call.where, Many) and call.where.op == "AND":
        terms = call.where.args
    for term in terms:
        if not isinstance(term, Binary) or term.op != "=" or not isinstance(term.left, Name):
            report.say("figure", term.at)
            return None
        dimension = ".".join(term.left.parts)
        if dimension not in known.dims:
            close = nearest(dimension, known.dims)
            there = ", ".join(known.dims)
            hint = did_you_mean(close) or Label(f"有：{there}", f"there are {there}")
            wanted = Label(f"应为 {path} 的维度", f"a dimension of {path} is expected")
            report.say("unknown-name", term.left.at, hint, name=dimension, scope=wanted)
            return None
        value = typer.node(term.right, scope)
        fitted = value and expected(report, term.right, value, known.dims[dimension])
        if fitted is None:
            return None
        keys.append((dimension, fitted))
    return Fig(replace(known.type, nullable=not known.additive), path, tuple(sorted(keys, key=lambda k: k[0])))
