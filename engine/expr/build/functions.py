"""The functions people write: what they take, what they become. Their meaning is in the table of operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.expr.build.align import Given, Report, down, moment, same_scale, unify, up, whole_number
from engine.expr.build.syntax import Call
from engine.expr.build.tree import Lit, Node, Op, Par, grows
from engine.expr.run.types import BOOLEAN, DATE, DATETIME, INT64, MONTH, TEXT, Type, not_null
from engine.label import Label
from engine.problem import write_instead

Rule = Callable[[Report, Call, Sequence[Given]], "Node | str | None"]
"""Gives the core tree, None when something was said, or ``refused`` when the arguments do not fit the signature."""

REFUSED = "refused"
_DAYS = 4_000_000


@dataclass(frozen=True, slots=True)
class Function:
    """``signature`` as docs show it; ``least``..``most`` arguments; ``sql``: both databases can compute it."""

    name: str
    signature: str
    en: str
    zh: str
    rule: Rule
    least: int = 1
    most: int = 1
    sql: bool = True
    example: str = ""


def widest(nodes: Sequence[Node]) -> Type:
    """The type that holds any of these values, which are of one kind already."""
    lead = next((n.type for n in nodes if n.type.kind != "null"), nodes[0].type)
    options = lead.options if all(n.type.options == lead.options for n in nodes) else ()
    nullable = any(n.type.nullable for n in nodes)
    return replace(lead, limit=max(n.type.limit for n in nodes), nullable=nullable, options=options)


def divide(left: Node, right: Node, least: int = 6) -> Op:
    """``left / right`` with at least six digits, rounded once; by zero it is NULL."""
    a, b = left.type, right.type
    scale = max(least, a.scale, b.scale)
    power = scale - a.scale + b.scale
    return Op(Type("decimal", scale, a.limit * 10**power), "div", (left, right), (power,))


def add_days(day: Node, count: Node) -> Op:
    return Op(Type("date"), "add_days", (day, count))


def _kinds(given: Sequence[Given]) -> tuple[str, ...]:
    return tuple(n.type.kind for _, n in given)


def _nullable(given: Sequence[Given]) -> bool:
    return any(n.type.nullable for _, n in given)


def _simple(op: str, *takes: str, gives: Type) -> Rule:
    """A function of fixed kinds that gives one type; NULL in, NULL out."""

    def rule(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
        nodes = []
        for (_, node), kind in zip(given, takes, strict=False):
            if node.type.kind == "null":
                node = Lit(replace(node.type, kind=kind), None)  # type: ignore[arg-type]  # noqa: PLW2901
            if node.type.kind != kind:
                return REFUSED
            nodes.append(node)
        return Op(replace(gives, nullable=_nullable(given)), op, tuple(nodes))

    return rule


def _replace(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    made = _simple("replace", "text", "text", "text", gives=TEXT)(report, call, given)
    if isinstance(made, Op) and grows(made.args[1], made.args[2]):
        return replace(made, type=replace(made.type, nullable=True))
    return made


def _round(how: str) -> Rule:
    def rule(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
        node = given[0][1]
        if not node.type.number:
            return REFUSED
        digits = 0
        if len(given) == 2:
            wanted = given[1][1]
            if not isinstance(wanted, Lit) or wanted.type.kind != "integer" or not -12 <= wanted.value <= 10:
                report.say("constant", given[1][0].at, Label("从 -12 到 10", "from -12 to 10"),
                           what=Label(f"{call.name} 的位数", f"The number of digits of {call.name}"))
                return None
            digits = wanted.value
        if digits >= node.type.scale:
            return node
        found = down(node, digits, how)
        if digits < 0:
            back = up(replace(found, type=replace(found.type, kind="integer", scale=0)), -digits)
            return Op(replace(back.type, kind="integer", scale=0), "up", (found,), (-digits,))
        return found

    return rule


def _magnitude(op: str) -> Rule:
    def rule(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
        node = given[0][1]
        if not node.type.number and node.type.kind != "duration":
            return REFUSED
        return Op(whole_number(1, node.type.nullable) if op == "sign" else node.type, op, (node,))

    return rule


def _extreme(op: str) -> Rule:
    def rule(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
        nodes = unify(report, given, call.name)
        if nodes is None:
            return None
        if nodes[0].type.kind in ("boolean", "ref", "json", "rows", "null"):
            return REFUSED
        type = widest(nodes)
        return Op(replace(type, nullable=all(n.type.nullable for n in nodes), options=()), op, tuple(nodes))

    return rule


def _coalesce(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    nodes = unify(report, given, call.name)
    if nodes is None:
        return None
    return Op(replace(widest(nodes), nullable=all(n.type.nullable for n in nodes)), "coalesce", tuple(nodes))


def _nullif(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    nodes = unify(report, given, call.name)
    if nodes is None:
        return None
    if nodes[0].type.kind in ("json", "rows"):
        return REFUSED
    return Op(replace(nodes[0].type, nullable=True), "nullif", tuple(nodes))


def _concat(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    if any(kind not in ("text", "null") for kind in _kinds(given)):
        return REFUSED
    return Op(not_null(TEXT), "concat", tuple(Lit(TEXT, None) if n.type.kind == "null" else n for _, n in given))


def _text(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    node = given[0][1]
    if node.type.kind == "text":
        return node
    if node.type.number:
        return Op(replace(TEXT, nullable=node.type.nullable), "number_text", (node,), (node.type.scale,))
    if node.type.kind in ("date", "month"):
        op = "date_text" if node.type.kind == "date" else "month_text"
        return Op(replace(TEXT, nullable=node.type.nullable), op, (node,))
    return REFUSED


def _substr(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    if _kinds(given)[0] != "text" or any(kind != "integer" for kind in _kinds(given)[1:]):
        return REFUSED
    for (syntax, node), least in zip(given[1:], (1, 0), strict=False):
        if not isinstance(node, Lit) or not least <= node.value <= 100_000:
            report.say("constant", syntax.at, Label(f"从 {least} 起", f"from {least}"),
                       what=Label("SUBSTR 的位置或长度", "A place or length of SUBSTR"))
            return None
    nodes = [n for _, n in given]
    if len(nodes) == 2:
        nodes.append(Lit(not_null(whole_number(10**9)), 10**9))
    return Op(replace(TEXT, nullable=_nullable(given)), "substr", tuple(nodes))


def _contains(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    kinds = _kinds(given)
    if kinds[1] != "text" or kinds[0] not in ("text", "json"):
        return REFUSED
    op = "has" if kinds[0] == "json" else "contains"
    return Op(replace(BOOLEAN, nullable=_nullable(given)), op, tuple(n for _, n in given))


def as_day(node: Node) -> Node | None:
    """The day of a date, month or datetime (in the tenant's zone)."""
    if node.type.kind == "date":
        return node
    if node.type.kind == "month":
        return Op(replace(DATE, nullable=node.type.nullable), "as", (node,))
    if node.type.kind == "datetime":
        zone = Par(not_null(TEXT), "zone", "")
        return Op(replace(DATE, nullable=node.type.nullable), "local_date", (node, zone))
    if node.type.kind == "null":
        return Lit(DATE, None)
    return day_literal(node)


def day_literal(node: Node) -> Node | None:
    """A date written as text: ``'2026-03-05'``."""
    if not isinstance(node, Lit) or node.type.kind != "text":
        return None
    value = moment("date", node.value)
    return None if value is None else Lit(not_null(DATE), value)


def _of_day(op: str, gives: Type) -> Rule:
    """A function of a day."""

    def rule(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
        day = as_day(given[0][1])
        if day is None:
            return REFUSED
        return day if op == "date" else Op(replace(gives, nullable=day.type.nullable), op, (day,))

    return rule


def _add_months(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    day, count = given[0][1], given[1][1]
    day = day_literal(day) or day
    if day.type.kind not in ("date", "month") or count.type.kind != "integer":
        return REFUSED
    return Op(replace(day.type, nullable=True), "add_months", (day, count))


def _add_days(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    day, count = day_literal(given[0][1]) or given[0][1], given[1][1]
    if (day.type.kind, count.type.kind) != ("date", "integer"):
        return REFUSED
    return add_days(day, count)


def _between_moments(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    """HOURS and MINUTES: from, to."""
    nodes = unify(report, given, call.name)
    if nodes is None:
        return None
    kind = nodes[0].type.kind
    if kind not in ("datetime", "time"):
        return REFUSED
    limit = 10**12 if kind == "datetime" else 86_400
    seconds = Op(Type("integer", 0, limit, nullable=_nullable(given)), f"{kind}_seconds", tuple(nodes))
    per = 3600 if call.name == "HOURS" else 60
    found = divide(seconds, Lit(not_null(whole_number(per)), per))
    return found if call.name == "HOURS" else _truncated(found)


def _truncated(found: Op) -> Op:
    whole = down(found, 0, "trunc")
    return Op(replace(whole.type, kind="duration", limit=10**11), "as", (whole,))


def _workdays(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    days = [as_day(n) for _, n in given[:2]]
    if len(given) != 2 or any(day is None for day in days):
        return REFUSED
    return Op(whole_number(_DAYS), "workdays", tuple(day for day in days if day is not None))


def _month_count(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    days = [as_day(n) for _, n in given]
    if any(day is None for day in days):
        return REFUSED
    return Op(whole_number(200_000), "months_between", tuple(day for day in days if day is not None))


def _moment(source: str, type: Type) -> Rule:
    return lambda report, call, given: Par(not_null(type), source, "")


def _mod(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    if not all(n.type.number for _, n in given):
        return REFUSED
    one, other = same_scale([n for _, n in given])
    return Op(replace(one.type, limit=min(one.type.limit, other.type.limit), nullable=True), "mod", (one, other))


def _rmb(report: Report, call: Call, given: Sequence[Given]) -> Node | str | None:
    node = given[0][1]
    if not node.type.number:
        return REFUSED
    cents = up(node, 2) if node.type.scale <= 2 else down(node, 2)
    return Op(replace(TEXT, nullable=True), "rmb_upper", (cents,))


_INT = whole_number(_DAYS)
_ALL: tuple[Function, ...] = (
    Function("ROUND", "number[, digits] → number", "rounds half away from zero", "四舍五入（远离零）", _round("down"), 1, 2, example="ROUND(hours * price, 2)"),
    Function("TRUNC", "number[, digits] → number", "cuts towards zero", "向零截断", _round("trunc"), 1, 2, example="TRUNC(amount)"),
    Function("FLOOR", "number → integer", "the next whole number below", "向下取整", _round("floor"), example="FLOOR(days / 7)"),
    Function("CEIL", "number → integer", "the next whole number above", "向上取整", _round("ceil"), example="CEIL(quantity / 12)"),
    Function("ABS", "number → number", "without its sign", "绝对值", _magnitude("abs"), example="ABS(variance)"),
    Function("SIGN", "number → integer", "-1, 0 or 1", "正负号：-1、0、1", _magnitude("sign"), example="SIGN(variance)"),
    Function("MOD", "number, number → number", "what division leaves, with the sign of the first", "余数，符号同被除数", _mod, 2, 2, example="MOD(days, 7)"),
    Function("GREATEST", "value, value, … → value", "the largest; NULLs are left out", "最大者，忽略空值", _extreme("greatest"), 2, 20, example="GREATEST(budget - actual, 0)"),
    Function("LEAST", "value, value, … → value", "the smallest; NULLs are left out", "最小者，忽略空值", _extreme("least"), 2, 20, example="LEAST(price, price_row.cap)"),
    Function("COALESCE", "value, value, … → value", "the first that is not NULL", "第一个非空值", _coalesce, 2, 20, example="COALESCE(discount, 0)"),
    Function("NULLIF", "value, value → value", "NULL when both are equal, else the first", "相等则为空，否则取前者", _nullif, 2, 2, example="amount / NULLIF(hours, 0)"),
    Function("CONCAT", "text, text, … → text", "joins texts; NULL counts as nothing", "连接文本，空值视为空文本", _concat, 1, 20, example="CONCAT(code, ' ', name)"),
    Function("UPPER", "text → text", "ASCII letters in upper case", "英文字母转大写", _simple("upper", "text", gives=TEXT), example="UPPER(code)"),
    Function("LOWER", "text → text", "ASCII letters in lower case", "英文字母转小写", _simple("lower", "text", gives=TEXT), example="LOWER(email)"),
    Function("TRIM", "text → text", "without blanks at both ends", "去掉首尾空格", _simple("trim", "text", gives=TEXT), example="TRIM(name)"),
    Function("LENGTH", "text → integer", "how many characters", "字符数", _simple("length", "text", gives=whole_number(10**9)), example="LENGTH(code)"),
    Function("SUBSTR", "text, from[, length] → text", "a part, from the first character = 1", "截取，从1开始", _substr, 2, 3, example="SUBSTR(code, 1, 4)"),
    Function("REPLACE", "text, part, with → text", "every part replaced; NULL when it would grow past a million characters", "替换全部；若变长后超过一百万字符则为空", _replace, 3, 3, example="REPLACE(phone, '-', '')"),
    Function("CONTAINS", "text, part → boolean", "whether the part is in it; of several choices, whether it is chosen", "是否包含", _contains, 2, 2, example="CONTAINS(name, '钢筋')"),
    Function("STARTS_WITH", "text, part → boolean", "whether it begins so", "是否以其开头", _simple("starts_with", "text", "text", gives=BOOLEAN), 2, 2, example="STARTS_WITH(code, '01')"),
    Function("ENDS_WITH", "text, part → boolean", "whether it ends so", "是否以其结尾", _simple("ends_with", "text", "text", gives=BOOLEAN), 2, 2, example="ENDS_WITH(code, '00')"),
    Function("TEXT", "number, date or month → text", "as text, plainly written", "转为文本", _text, example="TEXT(amount)"),
    Function("TODAY", "→ date", "today, in the tenant's zone", "今天（租户时区）", _moment("today", DATE), 0, 0, example="today() - 3"),
    Function("NOW", "→ datetime", "this moment", "此刻", _moment("now", DATETIME), 0, 0, example="now()"),
    Function("DATE", "datetime or month → date", "the day (of a month its first)", "取日期", _of_day("date", DATE), example="DATE(starts)"),
    Function("TO_MONTH", "date → month", "the month: a dimension, comparable", "所属月份", _of_day("to_month", MONTH), example="TO_MONTH(sheet_date)"),
    Function("YEAR", "date → integer", "the year", "年", _of_day("year", _INT), example="YEAR(sheet_date)"),
    Function("QUARTER", "date → integer", "1 to 4", "季度", _of_day("quarter", _INT), example="QUARTER(sheet_date)"),
    Function("MONTH", "date → integer", "1 to 12; not a dimension, see TO_MONTH", "月份数1–12", _of_day("month", _INT), example="MONTH(sheet_date) = 12"),
    Function("DAY", "date → integer", "1 to 31", "日", _of_day("day", _INT), example="DAY(sheet_date)"),
    Function("WEEKDAY", "date → integer", "1 Monday to 7 Sunday", "星期：1周一…7周日", _of_day("weekday", _INT), example="WEEKDAY(sheet_date) >= 6"),
    Function("LAST_DAY", "date → date", "the last day of its month", "当月最后一天", _of_day("last_day", DATE), example="LAST_DAY(sheet_date)"),
    Function("ADD_MONTHS", "date or month, n → the same", "n months later; the day stays in the month", "加n个月，日期不越月", _add_months, 2, 2, example="ADD_MONTHS(signed_on, 12)"),
    Function("ADD_DAYS", "date, n → date", "n days later", "加n天", _add_days, 2, 2, example="ADD_DAYS(due, 7)"),
    Function("MONTHS_BETWEEN", "date, date → integer", "calendar months from the first to the second", "相差月数", _month_count, 2, 2, example="MONTHS_BETWEEN(signed_on, today())"),
    Function("HOURS", "from, to → decimal(6)", "hours between two datetimes or times", "相差小时", _between_moments, 2, 2, example="HOURS(starts, ends) - rest"),
    Function("MINUTES", "from, to → duration", "whole minutes between two datetimes or times", "相差整分钟", _between_moments, 2, 2, example="MINUTES(starts, ends)"),
    Function("WORKDAYS", "from, to → integer", "Mondays to Fridays, both ends counted", "工作日数（含首尾，周一至周五）", _workdays, 2, 3, example="WORKDAYS(starts_on, ends_on)"),
    Function("IS_USCC", "text → boolean", "a unified social credit code whose check digit is right", "统一社会信用代码校验", _simple("is_uscc", "text", gives=BOOLEAN), example="IS_USCC(credit_code)"),
    Function("IS_ID_CARD", "text → boolean", "a resident identity number whose date and check digit are right", "居民身份证号校验", _simple("is_id_card", "text", gives=BOOLEAN), example="IS_ID_CARD(id_number)"),
    Function("RMB_UPPER", "number → text", "an amount in capital Chinese numerals", "人民币大写", _rmb, sql=False, example="RMB_UPPER(amount)"),
    Function("PINYIN", "text → text", "its sound in Latin letters", "拼音", _simple("pinyin", "text", gives=TEXT), sql=False, example="PINYIN(name)"),
    Function("SIMILARITY", "text, text → decimal(6)", "0 to 1: shared pairs of characters", "相似度0–1", _simple("similarity", "text", "text", gives=Type("decimal", 6, 10**6)), 2, 2, sql=False, example="SIMILARITY(name, old.name)"),
)  # fmt: skip

FUNCTIONS: Mapping[str, Function] = {f.name: f for f in _ALL}

MEANT: Mapping[str, Label] = {
    "IF": write_instead("CASE WHEN … THEN … ELSE … END"), "IIF": write_instead("CASE WHEN … THEN … ELSE … END"),
    "IFNULL": write_instead("COALESCE(a, b)"), "NVL": write_instead("COALESCE(a, b)"), "ISNULL": write_instead("`a IS NULL`"),
    "LEN": write_instead("LENGTH(text)"), "SUBSTRING": write_instead("SUBSTR(text, from, length)"), "CEILING": write_instead("CEIL(number)"),
    "CURRENT_DATE": write_instead("today()"), "GETDATE": write_instead("now()"), "AVERAGE": write_instead("AVG(lines.amount)"),
    "MEAN": write_instead("AVG(lines.amount)"), "TOTAL": write_instead("SUM(lines.amount)"), "PREVIOUS": write_instead("FIRST(… WHERE … ORDER BY … DESC)"),
    "AS_OF": Label("请声明按规则查找的引用：`find:` 与 `order:`", "declare a reference found by a rule: `find:` and `order:`"), "CAST": Label("用 ROUND、TO_MONTH、TEXT 转换", "ROUND, TO_MONTH, TEXT convert"),
    "DATEDIFF": write_instead("`later - earlier`"), "DATEADD": write_instead("ADD_DAYS(date, n) or ADD_MONTHS(date, n)"),
}  # fmt: skip
"""Functions of other languages, and what to write instead."""
assert INT64
