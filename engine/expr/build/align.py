"""Making operands fit: one scale, one kind; literals take the type of what they meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time

from engine.expr.build.syntax import Syntax
from engine.expr.build.tokens import Source
from engine.expr.build.tree import Lit, Node, Op
from engine.expr.run.types import SAFE_INTEGER, Type
from engine.label import Label
from engine.problem import NO_HINT, Problem, did_you_mean, nearest, write_instead

MAX_SCALE = 10
"""Products of more digits are rounded to these."""
MAX_LIMIT = 10**120

Given = tuple[Syntax, Node]


class Report:
    """The problems of one expression, and the words to say them with."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.waits_for = ""

    def say(self, slug: str, at: int, hint: Label | None = None, **params: object) -> None:
        self.problems.append(self.source.problem(slug, at, hint, **params))

    def shown(self, syntax: Syntax) -> str:
        return self.source.text[syntax.at : syntax.end]


def up(node: Node, scale: int) -> Node:
    """The number at a larger scale: nothing is lost."""
    by = scale - node.type.scale
    kind = "decimal" if scale or node.type.kind == "decimal" else "integer"
    if by == 0 and kind == node.type.kind:
        return node
    type = replace(node.type, kind=kind, scale=scale, limit=node.type.limit * 10**by)  # type: ignore[arg-type]
    if isinstance(node, Lit):
        return Lit(type, None if node.value is None else node.value * 10**by)
    return Op(type, "up", (node,), (by,))


def down(node: Node, scale: int, how: str = "down") -> Node:
    """The number at a smaller scale, rounded half away from zero (or by ``how``)."""
    by = node.type.scale - scale
    limit = node.type.limit // 10**by + 1
    kind = "decimal" if scale else "integer"
    return Op(replace(node.type, kind=kind, scale=scale, limit=limit), how, (node,), (by,))  # type: ignore[arg-type]


def rescale(node: Node, scale: int) -> Node:
    if scale < node.type.scale:
        found = down(node, scale)
        decimal = replace(found.type, kind="decimal")
        return replace(found, type=decimal)
    found = up(node, scale)
    return found if found.type.kind == "decimal" else _as_decimal(found)


def _as_decimal(node: Node) -> Node:
    type = replace(node.type, kind="decimal")
    return Lit(type, node.value) if isinstance(node, Lit) else Op(type, "up", (node,), (0,))


def same_scale(nodes: Sequence[Node]) -> list[Node]:
    if all(n.type.kind == "integer" for n in nodes):
        return list(nodes)
    scale = max(n.type.scale for n in nodes)
    return [rescale(n, scale) for n in nodes]


def typed_null(node: Node, type: Type) -> Node:
    return Lit(replace(type, nullable=True, limit=0), None) if node.type.kind == "null" else node


def unify(report: Report, given: Sequence[Given], operator: str) -> list[Node] | None:
    """The operands as one type, or None when they do not go together (said)."""
    nodes = [node for _, node in given]
    known = [(s, n) for s, n in given if n.type.kind != "null"]
    if not known:
        return nodes
    if all(n.type.number for _, n in known):
        aligned = same_scale([n for _, n in known])
        rest = iter(aligned)
        return [typed_null(n, aligned[0].type) if n.type.kind == "null" else next(rest) for n in nodes]
    lead = next((n for _, n in known if not isinstance(n, Lit)), known[0][1]).type
    out: list[Node] = []
    for syntax, node in given:
        made = _fit(report, syntax, typed_null(node, lead), lead)
        if made is None:
            return None
        if made.type != lead and not (made.type.kind == "ref" and lead.kind == "ref" and _same_record(made.type, lead)):
            report.say("types", syntax.at, hint_for(made.type, lead), left=lead, right=made.type, operator=operator)
            return None
        out.append(made)
    return out


def _same_record(one: Type, other: Type) -> bool:
    return one.entity == other.entity


def _fit(report: Report, syntax: Syntax, node: Node, type: Type) -> Node | None:
    """A literal read as ``type`` where it can be; other nodes as they are. None when the literal is wrong (said)."""
    if not isinstance(node, Lit) or node.value is None:
        return node
    if node.type.kind == "integer" and type.kind == "duration":
        return Lit(replace(type, limit=node.type.limit), node.value)
    if node.type.kind != "text":
        return node
    if type.kind == "text":
        if type.options and node.value not in type.options:
            close = nearest(node.value, type.options)
            there = ", ".join(type.options)
            hint = did_you_mean(close, "'") or Label(f"有：{there}", f"there are {there}")
            report.say("unknown-option", syntax.at, hint, name=node.value, field=Label("这个选项字段", "this choice"))
            return None
        return node
    if type.kind in ("date", "month", "time", "datetime"):
        value = moment(type.kind, node.value)
        if value is None:
            example = {"date": "2026-03-05", "month": "2026-03", "time": "07:30", "datetime": "2026-03-05T07:30:00Z"}
            hint = write_instead(f"'{example[type.kind]}'")
            report.say("literal", syntax.at, hint, text=node.value, type=f"a {type.kind}")
            return None
        return Lit(replace(type, nullable=False), value)
    return node


def moment(kind: str, text: str) -> str | int | None:
    """A date, month, time or datetime from text, as the emitters keep it; None when it is none."""
    try:
        if kind == "month":
            return date.fromisoformat(text if len(text) > 7 else f"{text}-01").replace(day=1).isoformat()
        if kind == "date":
            return date.fromisoformat(text).isoformat() if len(text) == 10 else None
        if kind == "time":
            return time.fromisoformat(text).strftime("%H:%M:%S") if ":" in text else None
        found = datetime.fromisoformat(text)
        return None if found.tzinfo is None else int(found.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def hint_for(got: Type, wanted: Type) -> Label:
    pair = {got.kind, wanted.kind}
    if pair == {"date", "month"}:
        return Label("TO_MONTH(日期) 得到月份", "TO_MONTH(date) gives the month")
    if pair == {"date", "datetime"}:
        return Label("DATE(时刻) 得到日期", "DATE(datetime) gives the day")
    if "ref" in pair and "text" in pair:
        return Label(
            "请比较该记录的字段：`project.code = 'A'`", "compare a field of the record: `project.code = 'A'`"
        )
    if pair == {"boolean", "integer"}:
        return Label(
            "条件与 TRUE 或 FALSE 比较，或直接使用", "a condition is compared with TRUE or FALSE, or used as it is"
        )
    if pair in ({"duration", "integer"}, {"duration", "decimal"}):
        return Label("HOURS(起, 止) 得到数值", "HOURS(from, to) gives a number")
    return NO_HINT


def expected(report: Report, syntax: Syntax, node: Node, want: Type) -> Node | None:
    """The value as its slot keeps it; rounds decimals to the slot's scale."""
    got = node.type
    if got.kind == "null":
        return typed_null(node, want)
    if want.kind == "decimal" and got.number:
        return rescale(node, want.scale)
    if want.kind in ("integer", "duration") and got.kind == "decimal":
        hint = Label("ROUND(…) 得到整数", "ROUND(…) makes a whole number")
        report.say("expects", syntax.at, hint, expected=want, got=got)
        return None
    if want.kind == "duration" and got.kind == "integer":
        return Op(replace(got, kind="duration"), "as", (node,))
    if want.kind == "json":
        return node
    made = _fit(report, syntax, node, want)
    if made is None:
        return None
    if made.type.kind != want.kind or (want.kind == "ref" and want.entity and made.type.entity != want.entity):
        report.say("expects", syntax.at, hint_for(made.type, want), expected=want, got=made.type)
        return None
    return made


def literal_number(text: str) -> Lit:
    whole, _, fraction = text.partition(".")
    value = int(whole + fraction)
    kind = "decimal" if fraction else "integer"
    return Lit(Type(kind, len(fraction), min(abs(value), MAX_LIMIT), nullable=False), value)  # type: ignore[arg-type]


def whole_number(limit: int = SAFE_INTEGER, nullable: bool = True) -> Type:
    return Type("integer", 0, limit, nullable=nullable)
