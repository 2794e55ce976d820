"""Syntax → typed tree: every name known, every operand of one kind and scale, or a problem with its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.expr.build import aggregates, functions
from engine.expr.build.align import (
    MAX_SCALE,
    Given,
    Report,
    down,
    hint_for,
    literal_number,
    same_scale,
    typed_null,
    unify,
)
from engine.expr.build.names import Names
from engine.expr.build.scope import Scope
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
from engine.expr.build.tree import Lit, Node, Op, Par
from engine.expr.build.world import Attribute, Relation
from engine.expr.run.types import BOOLEAN, NULL, TEXT, Type, not_null
from engine.label import Label
from engine.problem import did_you_mean, nearest, write_instead

_COMPARE = {"=": "eq", "<>": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_ORDERED = ("text", "integer", "decimal", "date", "month", "time", "datetime", "duration")
MAX_DIGITS = 60


class Typer:
    """Types one expression. Methods give None for what is already said to be wrong."""

    def __init__(self, report: Report, live: Callable[[Relation, Attribute, Name, int], Node | None]) -> None:
        self.report = report
        self.names = Names(report, live)

    def node(self, syntax: Syntax, scope: Scope) -> Node | None:
        match syntax:
            case Number():
                return literal_number(syntax.text)
            case Text():
                return Lit(not_null(TEXT), syntax.value)
            case Constant():
                return Lit(NULL, None) if syntax.word == "NULL" else Lit(not_null(BOOLEAN), syntax.word == "TRUE")
            case Name():
                found = self.names.value(syntax, scope)
                if found is not None and found.type.kind == "rows":
                    name = ".".join(syntax.parts)
                    self.report.say("rows", syntax.at, write_instead(f"`x IN {name}`"), name=name)
                    return None
                return found
            case Unary():
                return self.negation(syntax, scope) if syntax.op == "NOT" else self.minus(syntax, scope)
            case Many():
                return self.joined(syntax, scope)
            case Binary():
                return self.compare(syntax, scope) if syntax.op in _COMPARE else self.arithmetic(syntax, scope)
            case IsNull():
                arg = self.node(syntax.arg, scope)
                return arg and Op(not_null(BOOLEAN), "not_null" if syntax.negated else "is_null", (arg,))
            case In():
                return self.membership(syntax, scope)
            case Between():
                return self.between(syntax, scope)
            case Case():
                return self.case(syntax, scope)
            case Call():
                return self.call(syntax, scope)

    def nodes(self, syntaxes: tuple[Syntax, ...], scope: Scope) -> list[Given] | None:
        found = [(s, self.node(s, scope)) for s in syntaxes]
        return None if any(n is None for _, n in found) else [(s, n) for s, n in found if n is not None]

    # conditions ---------------------------------------------------------------------------------------------------

    def condition(self, syntax: Syntax, scope: Scope, operator: str) -> Node | None:
        found = self.node(syntax, scope)
        if found is None:
            return None
        if found.type.kind == "null":
            return typed_null(found, BOOLEAN)
        if found.type.kind != "boolean":
            text = self.report.shown(syntax)
            hint = (
                Label(
                    "每一边都是完整的条件：`x = 'a' OR x = 'b'`，或 `x IN ('a', 'b')`",
                    "each side is a whole condition: `x = 'a' OR x = 'b'`, or `x IN ('a', 'b')`",
                )
                if operator in ("OR", "AND")
                else None
            )
            self.report.say("not-boolean", syntax.at, hint, operator=operator, text=text, type=found.type)
            return None
        return found

    def negation(self, syntax: Unary, scope: Scope) -> Node | None:
        arg = self.condition(syntax.arg, scope, "NOT")
        return arg and Op(arg.type, "not", (arg,))

    def joined(self, syntax: Many, scope: Scope) -> Node | None:
        args = [self.condition(a, scope, syntax.op) for a in syntax.args]
        known = [a for a in args if a is not None]
        if len(known) < len(args):
            return None
        return Op(replace(BOOLEAN, nullable=any(a.type.nullable for a in known)), syntax.op.lower(), tuple(known))

    def compare(self, syntax: Binary, scope: Scope) -> Node | None:
        for side, other in ((syntax.left, syntax.right), (syntax.right, syntax.left)):
            if isinstance(side, Constant) and side.word == "NULL":
                word = "IS NULL" if syntax.op == "=" else "IS NOT NULL"
                self.report.say("null-compare", syntax.op_at, fixed=f"{self.report.shown(other)} {word}")
                return None
        given = self.nodes((syntax.left, syntax.right), scope)
        if given is None or (sides := self.fitting(given, syntax.op)) is None:
            return None
        kind = sides[0].type.kind
        if syntax.op not in ("=", "<>") and kind not in _ORDERED:
            self.report.say("type", syntax.op_at, operator=f"`{syntax.op}`", got=sides[0].type)
            return None
        if kind in ("json", "rows"):
            self.report.say("type", syntax.op_at, operator=f"`{syntax.op}`", got=sides[0].type)
            return None
        return self.truth(_COMPARE[syntax.op], sides)

    def fitting(self, given: list[Given], operator: str) -> list[Node] | None:
        """The sides of a comparison as one type; a choice knows its options."""
        return unify(self.report, given, f"`{operator}`")

    def truth(self, name: str, args: list[Node], params: tuple[int, ...] = ()) -> Op:
        return Op(replace(BOOLEAN, nullable=any(a.type.nullable for a in args)), name, tuple(args), params)

    def membership(self, syntax: In, scope: Scope) -> Node | None:
        if syntax.rows is not None:
            return self.among(syntax, scope)
        given = self.nodes((syntax.arg, *syntax.items), scope)
        if given is None:
            return None
        for at, node in given[1:]:
            if node.type.kind == "null":
                self.report.say("null-compare", at.at, fixed=f"{self.report.shown(syntax.arg)} IS NULL")
                return None
        args = self.fitting(given, "IN")
        if args is None:
            return None
        found = self.truth("eq" if len(args) == 2 else "in", args)
        return Op(found.type, "not", (found,)) if syntax.negated else found

    def among(self, syntax: In, scope: Scope) -> Node | None:
        assert isinstance(syntax.rows, Name)
        arg, rows = self.node(syntax.arg, scope), self.names.value(syntax.rows, scope)
        if arg is None or rows is None:
            return None
        if rows.type.kind != "rows" or not isinstance(rows, Par):
            hint = Label(
                "集合如 `me.projects`；列表写在括号里；对行写 EXISTS(lines WHERE …)",
                "a set is `me.projects`; a list stands in parentheses; for rows write EXISTS(lines WHERE …)",
            )
            self.report.say("type", syntax.rows.at, hint, operator="IN", got=rows.type)
            return None
        if arg.type.kind != "ref" or arg.type.entity != rows.type.entity:
            self.report.say("types", syntax.at, left=arg.type, right=rows.type, operator="IN")
            return None
        args: tuple[Node, ...] = (arg, rows)
        if "." in rows.name:
            args = (*args, Par(not_null(BOOLEAN), "me", f"{rows.name.partition('.')[0]}.everywhere"))
        found = Op(replace(BOOLEAN, nullable=arg.type.nullable), "among", args)
        return Op(found.type, "not", (found,)) if syntax.negated else found

    def between(self, syntax: Between, scope: Scope) -> Node | None:
        given = self.nodes((syntax.arg, syntax.low, syntax.high), scope)
        args = given and self.fitting(given, "BETWEEN")
        if not args:
            return None
        if args[0].type.kind not in _ORDERED:
            self.report.say("type", syntax.at, operator="BETWEEN", got=args[0].type)
            return None
        found = self.truth("between", args)
        return Op(found.type, "not", (found,)) if syntax.negated else found

    def case(self, syntax: Case, scope: Scope) -> Node | None:
        conditions: list[Node | None] = []
        for when, _ in syntax.whens:
            if syntax.operand is None:
                conditions.append(self.condition(when, scope, "WHEN"))
            else:
                conditions.append(self.compare(Binary(when.at, when.end, "=", syntax.operand, when, when.at), scope))
        otherwise = (syntax.otherwise,) if syntax.otherwise is not None else ()
        given = self.nodes((*(then for _, then in syntax.whens), *otherwise), scope)
        values = given and unify(self.report, given, "CASE")
        if not values or any(c is None for c in conditions):
            return None
        type = functions.widest(values)
        args: list[Node] = []
        for condition, value in zip(conditions, values, strict=False):
            assert condition is not None
            args += [condition, value]
        args.append(values[-1] if otherwise else Lit(type, None))
        nullable = type.nullable or not otherwise
        return Op(replace(type, nullable=nullable), "case", tuple(args))

    # arithmetic ---------------------------------------------------------------------------------------------------

    def minus(self, syntax: Unary, scope: Scope) -> Node | None:
        arg = self.node(syntax.arg, scope)
        if arg is None:
            return None
        if not (arg.type.number or arg.type.kind == "duration"):
            self.report.say("type", syntax.at, operator="`-`", got=arg.type)
            return None
        if isinstance(arg, Lit) and arg.value is not None:
            return Lit(arg.type, -arg.value)
        return Op(arg.type, "neg", (arg,))

    def arithmetic(self, syntax: Binary, scope: Scope) -> Node | None:
        given = self.nodes((syntax.left, syntax.right), scope)
        if given is None:
            return None
        (_, left), (_, right) = given
        for node, other in ((left, right), (right, left)):
            if node.type.kind == "null":
                return typed_null(node, other.type)
        if syntax.op == "-" and "date" in (left.type.kind, right.type.kind):
            left, right = functions.day_literal(left) or left, functions.day_literal(right) or right
        found = self.joined_text(left, right) if syntax.op == "||" else self.computed(syntax.op, left, right)
        if found is None:
            hint = hint_for(left.type, right.type)
            if syntax.op == "+" and "text" in (left.type.kind, right.type.kind):
                hint = Label("文字用 `||` 连接", "texts are joined with `||`")
            elif syntax.op == "||":
                hint = Label("`||` 连接文字；TEXT(数值) 转为文字", "`||` joins texts; TEXT(number) makes one")
            elif left.type.kind == right.type.kind == "datetime":
                hint = Label("HOURS(起, 止) 得到间隔小时数", "HOURS(from, to) gives the hours between")
            elif "datetime" in (left.type.kind, right.type.kind):
                hint = Label(
                    "时长加在时刻上；DATE(时刻) 取日期",
                    "a duration is added to a datetime; DATE(datetime) gives the day",
                )
            elif "month" in (left.type.kind, right.type.kind):
                hint = Label("ADD_MONTHS(月份, n) 移动月份", "ADD_MONTHS(month, n) moves a month")
            self.report.say("types", syntax.op_at, hint, left=left.type, right=right.type, operator=f"`{syntax.op}`")
            return None
        if found.type.number and found.type.limit >= 10**MAX_DIGITS:
            self.report.say("overflow", syntax.op_at, max=MAX_DIGITS)
            return None
        return found

    def joined_text(self, left: Node, right: Node) -> Node | None:
        if left.type.kind != "text" or right.type.kind != "text":
            return None
        return Op(Type("text", nullable=left.type.nullable or right.type.nullable), "join", (left, right))

    def computed(self, op: str, left: Node, right: Node) -> Node | None:
        nullable = left.type.nullable or right.type.nullable
        kinds = (left.type.kind, right.type.kind)
        if left.type.number and right.type.number:
            return self.numeric(op, left, right, nullable)
        if op in "+-" and (kinds == ("duration", "duration") or self.minutes(left, right)):
            limit = left.type.limit + right.type.limit
            return Op(Type("duration", 0, limit, nullable=nullable), "add" if op == "+" else "sub", (left, right))
        if op == "*" and kinds in (("duration", "integer"), ("integer", "duration")):
            return Op(Type("duration", 0, left.type.limit * right.type.limit, nullable=nullable), "mul", (left, right))
        if op == "-" and kinds == ("date", "date"):
            return Op(Type("integer", 0, 4_000_000, nullable=nullable), "days_between", (right, left))
        if op in "+-" and kinds == ("date", "integer"):
            return functions.add_days(left, right if op == "+" else _negative(right))
        if op == "+" and kinds == ("integer", "date"):
            return functions.add_days(right, left)
        if op in "+-" and kinds == ("datetime", "duration"):
            return Op(Type("datetime"), "add_minutes", (left, right if op == "+" else _negative(right)))
        return None

    def minutes(self, left: Node, right: Node) -> bool:
        return left.type.kind == "duration" and right.type.kind == "integer" and isinstance(right, Lit)

    def numeric(self, op: str, left: Node, right: Node, nullable: bool) -> Node:
        a, b = left.type, right.type
        if op == "*":
            scale, limit = a.scale + b.scale, a.limit * b.limit
            kind = "decimal" if "decimal" in (a.kind, b.kind) else "integer"
            found: Node = Op(Type(kind, scale, limit, nullable=nullable), "mul", (left, right))  # type: ignore[arg-type]
            return down(found, MAX_SCALE) if scale > MAX_SCALE else found
        if op == "/":
            return functions.divide(left, right)
        one, other = same_scale([left, right])
        type = replace(one.type, nullable=True)
        if op == "%":
            return Op(replace(type, limit=min(one.type.limit, other.type.limit)), "mod", (one, other))
        limit = one.type.limit + other.type.limit
        return Op(replace(type, limit=limit, nullable=nullable), "add" if op == "+" else "sub", (one, other))

    # calls --------------------------------------------------------------------------------------------------------

    def call(self, syntax: Call, scope: Scope) -> Node | None:
        if syntax.name in aggregates.NAMES:
            return aggregates.aggregate(self, syntax, scope)
        if syntax.name == "FIGURE":
            return aggregates.figure(self, syntax, scope)
        function = functions.FUNCTIONS.get(syntax.name)
        if function is None:
            close = nearest(syntax.name, [*functions.FUNCTIONS, *aggregates.NAMES, "FIGURE"])
            known = functions.MEANT.get(syntax.name) or did_you_mean(close, "")
            self.report.say("unknown-function", syntax.at, known, name=syntax.name)
            return None
        if syntax.where is not None or syntax.order or syntax.distinct:
            self.report.say("no-where", syntax.at, function=syntax.name)
            return None
        if not function.least <= len(syntax.args) <= function.most:
            self.report.say(
                "arguments", syntax.at, function=syntax.name, expected=function.signature, got=len(syntax.args)
            )
            return None
        if scope.sql and not function.sql:
            self.report.say("no-sql", syntax.at, function=syntax.name)
            return None
        if scope.dimension and syntax.name == "MONTH":
            self.report.say("dimension", syntax.at)
            return None
        given = self.nodes(syntax.args, scope)
        if given is None:
            return None
        found = function.rule(self.report, syntax, given)
        if found == "refused":
            got = ", ".join(str(n.type) for _, n in given)
            self.report.say("arguments", syntax.at, function=syntax.name, expected=function.signature, got=got)
            return None
        return None if isinstance(found, str) else found


def _negative(node: Node) -> Node:
    return (
        Lit(node.type, -node.value)
        if isinstance(node, Lit) and node.value is not None
        else Op(node.type, "neg", (node,))
    )
