"""The one table of operators: how each is said to a database and to people.

A row's name is its name in programs too: ``engine/expr/run/evaluate.py`` and ``expr.js`` have the same names, and a
test says so. ``{0}`` is an argument's SQL, ``{k}`` a parameter, ``{*}`` all arguments. SQLite keeps decimals as scaled
integers; where a number may leave 64 bits (``wide``) an exact registered function stands in for the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Null = Literal["strict", "own", "never"]
"""What NULL does: makes the result NULL; has a meaning of its own; never comes out."""


@dataclass(frozen=True, slots=True)
class Operator:
    """``written``: as authors write it. ``wide``: SQLite's form when an argument or the result may not fit 64 bits.
    ``collate``: PostgreSQL compares these arguments by code point."""

    name: str
    written: str
    null: Null
    sqlite: str
    postgresql: str
    zh: str
    en: str
    wide: str = ""
    collate: bool = False


def _compare(name: str, sign: str, zh: str, en: str) -> Operator:
    ordered = sign not in ("=", "<>")
    wide = f"(dg_cmp({{0}}, {{1}}) {sign} 0)" if ordered else ""
    plain = f"({{0}} {sign} {{1}})"
    return Operator(name, f"a {sign} b", "strict", plain, plain, zh, en, wide, ordered)


def _held(kind: str, length: str) -> str:
    """A list in one field counts what it holds, a single thing is one."""
    return f"(CASE WHEN {{0}} IS NULL THEN 0 WHEN {kind}({{0}}) = 'array' THEN {length} ELSE 1 END)"


_TEXT_PG = "{0}"
_ROWS: tuple[Operator, ...] = (
    # numbers
    Operator("add", "a + b", "strict", "({0} + {1})", "({0} + {1})", "{0}加{1}", "{0} plus {1}", "dg_add({0}, {1})"),
    Operator("sub", "a - b", "strict", "({0} - {1})", "({0} - {1})", "{0}减{1}", "{0} minus {1}", "dg_sub({0}, {1})"),
    Operator("mul", "a * b", "strict", "({0} * {1})", "({0} * {1})", "{0}乘以{1}", "{0} times {1}", "dg_mul({0}, {1})"),
    Operator("div", "a / b", "strict", "dg_div({0}, {1}, {k})", "", "{0}除以{1}", "{0} divided by {1}", "dg_div({0}, {1}, {k})"),
    Operator("mod", "a % b", "strict", "({0} % {1})", "mod({0}, NULLIF({1}, 0))", "{0}除以{1}的余数", "what {0} / {1} leaves", "dg_mod({0}, {1})"),
    Operator("neg", "-a", "strict", "(-{0})", "(-{0})", "负{0}", "minus {0}", "dg_neg({0})"),
    Operator("abs", "ABS(a)", "strict", "abs({0})", "abs({0})", "{0}的绝对值", "{0} without its sign", "dg_abs({0})"),
    Operator("sign", "SIGN(a)", "strict", "sign({0})", "sign({0}::numeric)::bigint", "{0}的正负号", "the sign of {0}", "dg_sign({0})"),
    Operator("up", "", "strict", "({0} * {k10})", "", "{0}", "{0}", "dg_up({0}, {k})"),
    Operator("down", "ROUND(a, n)", "strict", "dg_down({0}, {k})", "", "{0}四舍五入", "{0} rounded", "dg_down({0}, {k})"),
    Operator("trunc", "TRUNC(a, n)", "strict", "({0} / {k10})", "", "{0}截断", "{0} cut", "dg_trunc({0}, {k})"),
    Operator("floor", "FLOOR(a)", "strict", "dg_floor({0}, {k})", "", "{0}向下取整", "{0} rounded down", "dg_floor({0}, {k})"),
    Operator("ceil", "CEIL(a)", "strict", "dg_ceil({0}, {k})", "", "{0}向上取整", "{0} rounded up", "dg_ceil({0}, {k})"),
    Operator("as", "", "strict", "{0}", "{0}", "{0}", "{0}"),
    # comparison
    _compare("eq", "=", "{0}等于{1}", "{0} is {1}"),
    _compare("ne", "<>", "{0}不等于{1}", "{0} is not {1}"),
    _compare("lt", "<", "{0}小于{1}", "{0} is less than {1}"),
    _compare("le", "<=", "{0}不超过{1}", "{0} is at most {1}"),
    _compare("gt", ">", "{0}大于{1}", "{0} is more than {1}"),
    _compare("ge", ">=", "{0}不少于{1}", "{0} is at least {1}"),
    Operator("between", "a BETWEEN b AND c", "strict", "({0} BETWEEN {1} AND {2})", "({0} BETWEEN {1} AND {2})", "{0}在{1}与{2}之间", "{0} is from {1} to {2}", "(dg_cmp({0}, {1}) >= 0 AND dg_cmp({0}, {2}) <= 0)", True),
    Operator("in", "a IN (b, c)", "strict", "({0} IN ({1*}))", "({0} IN ({1*}))", "{0}是{1*}之一", "{0} is one of {1*}"),
    Operator("among", "a IN me.projects", "strict", "({0} IN (SELECT value FROM json_each({1})))", "", "{0}属于{1}", "{0} is among {1}"),
    Operator("is_null", "a IS NULL", "never", "({0} IS NULL)", "({0} IS NULL)", "{0}为空", "{0} is empty"),
    Operator("not_null", "a IS NOT NULL", "never", "({0} IS NOT NULL)", "({0} IS NOT NULL)", "{0}不为空", "{0} is filled in"),
    # conditions
    Operator("and", "a AND b", "own", "({* AND })", "({* AND })", "{*且}", "{* and }"),
    Operator("or", "a OR b", "own", "({* OR })", "({* OR })", "{*或}", "{* or }"),
    Operator("not", "NOT a", "strict", "(NOT {0})", "(NOT {0})", "并非{0}", "not {0}"),
    Operator("case", "CASE WHEN a THEN b ELSE c END", "own", "", "", "分情况：{*；}", "by case: {*; }"),
    Operator("coalesce", "COALESCE(a, b)", "own", "COALESCE({*, })", "COALESCE({*, })", "{*，}中第一个非空值", "the first filled in of {*, }"),
    Operator("nullif", "NULLIF(a, b)", "own", "NULLIF({0}, {1})", "NULLIF({0}, {1})", "{0}（等于{1}时为空）", "{0} (empty when {1})"),
    Operator("greatest", "GREATEST(a, b)", "own", "", "GREATEST({*, })", "{*，}中最大者", "the largest of {*, }", "dg_greatest({*, })", True),
    Operator("least", "LEAST(a, b)", "own", "", "LEAST({*, })", "{*，}中最小者", "the smallest of {*, }", "dg_least({*, })", True),
    # text
    Operator("join", "a || b", "strict", "({0} || {1})", "({0} || {1})", "{0}接{1}", "{0} followed by {1}"),
    Operator("concat", "CONCAT(a, b)", "never", "", "CONCAT({*, })", "{*接}", "{* followed by }"),
    Operator("upper", "UPPER(a)", "strict", "upper({0})", 'upper({0} COLLATE "C")', "{0}的大写", "{0} in capitals"),
    Operator("lower", "LOWER(a)", "strict", "lower({0})", 'lower({0} COLLATE "C")', "{0}的小写", "{0} in small letters"),
    Operator("trim", "TRIM(a)", "strict", "trim({0})", "btrim({0}, ' ')", "{0}去首尾空格", "{0} without outer blanks"),
    Operator("length", "LENGTH(a)", "strict", "length({0})", "length({0})::bigint", "{0}的字符数", "the length of {0}"),
    Operator("substr", "SUBSTR(a, n, m)", "strict", "substr({0}, {1}, {2})", "substr({0}, ({1})::int, ({2})::int)", "{0}从第{1}个起的{2}个字符", "{2} characters of {0} from {1}"),
    Operator("replace", "REPLACE(a, b, c)", "strict", "dg_replace({0}, {1}, {2})", "replace({0}, {1}, {2})", "{0}中{1}换成{2}", "{0} with {2} for {1}"),
    Operator("contains", "CONTAINS(a, b)", "strict", "(instr({0}, {1}) > 0)", "(strpos({0}, {1}) > 0)", "{0}包含{1}", "{0} contains {1}"),
    Operator("starts_with", "STARTS_WITH(a, b)", "strict", "dg_starts_with({0}, {1})", "starts_with({0}, {1})", "{0}以{1}开头", "{0} begins with {1}"),
    Operator("ends_with", "ENDS_WITH(a, b)", "strict", "dg_ends_with({0}, {1})", "(right({0}, length({1})) = {1})", "{0}以{1}结尾", "{0} ends with {1}"),
    Operator("has", "CONTAINS(choices, b)", "strict", "dg_has({0}, {1})", "jsonb_exists({0}, {1})", "{0}含有{1}", "{0} has {1}"),
    Operator("how_many", "COUNT(photos)", "never", _held("json_type", "json_array_length({0})"), _held("jsonb_typeof", "jsonb_array_length({0})::bigint"), "{0}的个数", "the number of {0}"),
    Operator("number_text", "TEXT(number)", "strict", "dg_number_text({0}, {k})", "", "{0}", "{0}"),
    Operator("date_text", "TEXT(date)", "strict", "{0}", "to_char({0}, 'YYYY-MM-DD')", "{0}", "{0}"),
    Operator("month_text", "TEXT(month)", "strict", "substr({0}, 1, 7)", "to_char({0}, 'YYYY-MM')", "{0}", "{0}"),
    Operator("rmb_upper", "RMB_UPPER(a)", "strict", "dg_rmb_upper({0})", "", "{0}的大写金额", "{0} in capital numerals"),
    Operator("pinyin", "PINYIN(a)", "strict", "dg_pinyin({0})", "", "{0}的拼音", "the sound of {0}"),
    Operator("similarity", "SIMILARITY(a, b)", "strict", "dg_similarity({0}, {1})", "", "{0}与{1}的相似度", "how alike {0} and {1} are"),
    Operator("is_uscc", "IS_USCC(a)", "strict", "dg_is_uscc({0})", "", "{0}是有效的统一社会信用代码", "{0} is a valid credit code"),
    Operator("is_id_card", "IS_ID_CARD(a)", "strict", "dg_is_id_card({0})", "", "{0}是有效的身份证号", "{0} is a valid identity number"),
    # time
    Operator("add_days", "date + n", "strict", "dg_add_days({0}, {1})", "", "{0}后{1}天", "{1} days after {0}"),
    Operator("days_between", "date - date", "strict", "CAST(julianday({1}) - julianday({0}) AS INTEGER)", "({1} - {0})::bigint", "从{0}到{1}的天数", "the days from {0} to {1}"),
    Operator("add_months", "ADD_MONTHS(date, n)", "strict", "dg_add_months({0}, {1})", "", "{0}后{1}个月", "{1} months after {0}"),
    Operator("months_between", "MONTHS_BETWEEN(a, b)", "strict", "dg_months_between({0}, {1})", "", "从{0}到{1}的月数", "the months from {0} to {1}"),
    Operator("add_minutes", "datetime + duration", "strict", "dg_add_minutes({0}, {1})", "", "{0}后{1}分钟", "{1} minutes after {0}"),
    Operator("datetime_seconds", "HOURS(a, b)", "strict", "({1} - {0})", "EXTRACT(EPOCH FROM ({1} - {0}))::bigint", "从{0}到{1}的时间", "the time from {0} to {1}"),
    Operator("time_seconds", "HOURS(a, b)", "strict", "(unixepoch('2000-01-01 ' || {1}) - unixepoch('2000-01-01 ' || {0}))", "EXTRACT(EPOCH FROM ({1} - {0}))::bigint", "从{0}到{1}的时间", "the time from {0} to {1}"),
    Operator("local_date", "DATE(datetime)", "strict", "dg_local_date({0}, {1})", "({0} AT TIME ZONE {1})::date", "{0}的日期", "the day of {0}"),
    Operator("to_month", "TO_MONTH(date)", "strict", "(substr({0}, 1, 7) || '-01')", "date_trunc('month', {0}::timestamp)::date", "{0}所属月份", "the month of {0}"),
    Operator("year", "YEAR(date)", "strict", "CAST(substr({0}, 1, 4) AS INTEGER)", "EXTRACT(YEAR FROM {0})::bigint", "{0}的年份", "the year of {0}"),
    Operator("quarter", "QUARTER(date)", "strict", "((CAST(substr({0}, 6, 2) AS INTEGER) + 2) / 3)", "EXTRACT(QUARTER FROM {0})::bigint", "{0}的季度", "the quarter of {0}"),
    Operator("month", "MONTH(date)", "strict", "CAST(substr({0}, 6, 2) AS INTEGER)", "EXTRACT(MONTH FROM {0})::bigint", "{0}的月份数", "the number of the month of {0}"),
    Operator("day", "DAY(date)", "strict", "CAST(substr({0}, 9, 2) AS INTEGER)", "EXTRACT(DAY FROM {0})::bigint", "{0}的日", "the day of the month of {0}"),
    Operator("weekday", "WEEKDAY(date)", "strict", "((CAST(strftime('%w', {0}) AS INTEGER) + 6) % 7 + 1)", "EXTRACT(ISODOW FROM {0})::bigint", "{0}是星期几", "the weekday of {0}"),
    Operator("last_day", "LAST_DAY(date)", "strict", "dg_last_day({0})", "(date_trunc('month', {0}::timestamp) + interval '1 month' - interval '1 day')::date", "{0}当月最后一天", "the last day of {0}'s month"),
    Operator("workdays", "WORKDAYS(a, b)", "strict", "dg_workdays({0}, {1})", "", "从{0}到{1}的工作日数", "the workdays from {0} to {1}"),
)  # fmt: skip

OPERATORS: Mapping[str, Operator] = {o.name: o for o in _ROWS}
