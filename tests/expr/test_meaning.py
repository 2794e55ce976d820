"""What operators mean, one line per decision, on all four targets at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.expr.build import Scope, parse_expression
from engine.expr.build.functions import FUNCTIONS
from engine.expr.build.operators import OPERATORS
from engine.expr.run import evaluate
from engine.expr.run.words import pinyin
from tests.expr.four import FIELDS, Postgres, Rows, Sqlite, make_world, run_javascript, run_python

SCOPE = Scope(make_world(), "t", "t.record")
LINES = [
    {"i": 1, "m": "1.00", "q": "0.5000", "s": "b", "f": True, "d": "2026-01-01"},
    {"i": 3, "m": "2.50", "q": None, "s": "a", "f": False, "d": "2026-03-01"},
    {"i": None, "m": "2.50", "q": "0.5000", "s": None, "f": True, "d": None},
]
OTHER = {"id": "00000000-0000-7000-8000-0000000000a1", "deleted_at": None, "i": 9, "m": "7.00", "p": "1.500000",
         "s": "other", "f": True, "d": "2026-01-31"}  # fmt: skip
RECORD: dict[str, Any] = {
    "id": "00000000-0000-7000-8002-000000000000", "deleted_at": None, **dict.fromkeys(FIELDS), "i": 7, "m": "12.35",
    "p": "0.333333", "q": "2.5000", "s": "Ab钢😀", "f": True, "d": "2024-02-29", "mo": "2026-03", "t": "07:30:00",
    "at": "2026-03-04T16:00:00Z", "bt": "2026-03-04T23:20:00Z", "du": 90, "tags": ["a", "钢筋"], "other": OTHER,
    "paper": {"id": "x"}, "bare": None,
    "lines": [{"id": f"00000000-0000-7000-8001-00000000000{n}", "deleted_at": None, **line} for n, line in enumerate(LINES)],
}  # fmt: skip

# numbers are written as the integer scaled by the expression's scale
MEANINGS: list[tuple[str, object]] = [
    # `/` is never integer division, has at least six digits, and is rounded once, half away from zero
    ("1 / 2", 500000), ("7 / 3", 2333333), ("2 / 3", 666667), ("-2 / 3", -666667), ("i / 2", 3500000),
    ("1 / 0", None), ("m / 0", None), ("0 / 0", None), ("1 / NULLIF(0, 0)", None),
    ("0.0000005 / 1", 5), ("1 / 3 * 3", 999999), ("ROUND(1 / 8, 2)", 13), ("ROUND(-1 / 8, 2)", -13),
    ("999999999999999 / 7", 142857142857142714286),
    # rounding is half away from zero, also where a binary float lies below the tie
    ("ROUND(0.5)", 1), ("ROUND(1.5)", 2), ("ROUND(2.5)", 3), ("ROUND(-2.5)", -3), ("ROUND(1.005, 2)", 101),
    ("ROUND(2.675, 2)", 268), ("ROUND(m, 1)", 124), ("ROUND(1250, -2)", 1300), ("ROUND(-1250, -2)", -1300),
    ("TRUNC(-2.7)", -2), ("TRUNC(2.789, 2)", 278), ("FLOOR(-2.1)", -3), ("CEIL(-2.9)", -2), ("CEIL(2.1)", 3),
    # the scale of * adds up, at most ten digits
    ("0.1 * 0.1", 1), ("m * p", 411666255), ("0.0000005 * 0.0000005", 0), ("0.00001 * 0.00001", 1),
    ("999999999999999 * 999999999999999", 999999999999998000000000000001),
    ("123456789012.34 * 1.000000 * 1.000000", 1234567890123400000000),
    ("999999999 * 999999999", 999999998000000001), ("2147483647 + 1", 2147483648),
    # % cuts towards zero and keeps the sign of the first
    ("7 % 3", 1), ("-7 % 3", -1), ("7 % -3", 1), ("7.5 % 2", 15), ("7 % 0", None), ("MOD(-7, 3)", -1),
    # NULL is three-valued
    ("j = 1", None), ("NOT (j = 1)", None), ("j = 1 OR f", True), ("j = 1 AND NOT f", False), ("j = 1 AND f", None),
    ("j IN (1, 2)", None), ("i IN (1, j)", None), ("i IN (7, j)", True), ("i NOT IN (1, j)", None), ("i NOT IN (7)", False),
    ("j BETWEEN 1 AND 2", None), ("i BETWEEN 8 AND j", False), ("j IS NULL", True), ("j IS NOT NULL", False),
    ("i + j", None), ("s || u", None), ("CONCAT(u, 'x', u)", "x"), ("CONCAT(u)", ""),
    ("GREATEST(i, j)", 7), ("LEAST(j, i, 3)", 3), ("GREATEST(j, n)", None), ("GREATEST(j, 0)", 0), ("COALESCE(j, n, 5)", 500),
    ("NULLIF(i, 7)", None), ("CASE WHEN j = 1 THEN 1 ELSE 2 END", 2), ("CASE WHEN j = 1 THEN 1 END", None),
    ("CASE i WHEN 7 THEN 'x' ELSE 'y' END", "x"), ("NOT g", None), ("f = TRUE", True), ("g = g", None),
    # text compares by code point; letters other than ASCII have no case; length counts characters
    ("'a' < 'B'", False), ("'Z' < 'a'", True), ("'é' < 'z'", False), ("'ｚ' < '😀'", True), ("GREATEST('a', 'B')", "a"),
    ("UPPER('aé钢ß')", "Aé钢ß"), ("LOWER('AÉİ')", "aÉİ"), ("TRIM('  a b  ')", "a b"), ("TRIM('　a')", "　a"),
    ("LENGTH(s)", 4), ("LENGTH('')", 0), ("SUBSTR(s, 3, 1)", "钢"), ("SUBSTR(s, 4)", "😀"), ("SUBSTR(s, 9)", ""),
    ("REPLACE('aXa', 'a', 'bb')", "bbXbb"), ("REPLACE('abc', '', 'x')", "abc"), ("CONTAINS(s, '钢')", True),
    ("CONTAINS(s, '')", True), ("CONTAINS('50%', '%')", True), ("CONTAINS('abc', 'B')", False), ("STARTS_WITH(s, 'ab')", False),
    ("STARTS_WITH(s, 'A')", True), ("ENDS_WITH(s, '😀')", True), ("CONTAINS(tags, '钢筋')", True), ("CONTAINS(tags, '钢')", False),
    ("COUNT(tags)", 2), ("COUNT(this.tags)", 2), ("COUNT(paper)", 1), ("COUNT(bare)", 0), ("bare IS NULL", True),
    ("TEXT(m)", "12.35"), ("TEXT(-0.5)", "-0.5"), ("TEXT(i)", "7"), ("TEXT(mo)", "2026-03"), ("'it''s'", "it's"),
    # the calendar
    ("d - '2024-01-31'", 29), ("ADD_MONTHS('2024-01-31', 1)", "2024-02-29"), ("ADD_MONTHS(d, 12)", "2025-02-28"),
    ("ADD_MONTHS(d, -12)", "2023-02-28"), ("ADD_MONTHS(mo, -3)", "2025-12-01"), ("TO_MONTH(d) = '2024-02'", True),
    ("d + 1", "2024-03-01"), ("d - 60", "2023-12-31"), ("ADD_DAYS('9999-12-31', 1)", None), ("ADD_DAYS('0001-01-01', -1)", None),
    ("ADD_MONTHS('9999-12-01', 1)", None), ("LAST_DAY('9999-12-05')", "9999-12-31"), ("LAST_DAY('2023-02-01')", "2023-02-28"),
    ("YEAR(d) * 10000 + MONTH(d) * 100 + DAY(d)", 20240229), ("QUARTER('2026-10-01')", 4), ("WEEKDAY('2026-03-01')", 7),
    ("WEEKDAY('2026-03-02')", 1), ("MONTHS_BETWEEN('2025-11-30', '2026-03-01')", 4),
    ("WORKDAYS('2026-03-02', '2026-03-08')", 5), ("WORKDAYS('2026-03-07', '2026-03-08')", 0), ("WORKDAYS('2026-03-08', '2026-03-02')", -5),
    ("WORKDAYS('2026-03-06', '2026-03-09')", 2),
    # parts of a datetime are those of the tenant's zone; today is bound
    ("DATE(at)", "2026-03-05"), ("DATE(at - this.du)", "2026-03-04"), ("today() = '2026-03-05'", True), ("DATE(now())", "2026-03-05"),
    ("HOURS(at, bt)", 7333333), ("HOURS(at, bt) - 0.5", 6833333), ("HOURS(t, '17:00')", 9500000), ("MINUTES(at, bt) = 440", True),
    ("YEAR(at)", 2026), ("at < bt", True), ("at = '2026-03-05T00:00:00+08:00'", True),
    # nothing is something: no rows sum to 0
    ("SUM(lines.m)", 600), ("SUM(lines.m WHERE i > 99)", 0), ("COUNT(lines WHERE i > 99)", 0), ("MAX(lines.m WHERE i > 99)", None),
    ("AVG(lines.m WHERE i > 99)", None), ("EXISTS(lines WHERE i > 99)", False), ("FIRST(lines.m WHERE i > 99 ORDER BY i)", None),
    ("COUNT(lines)", 3), ("COUNT(lines.i)", 2), ("COUNT(DISTINCT lines.m)", 2), ("SUM(DISTINCT lines.m)", 350), ("SUM(lines.q)", 10000),
    ("AVG(lines.m)", 2000000), ("AVG(lines.q)", 500000), ("MIN(lines.s)", "a"), ("MAX(lines.d)", "2026-03-01"),
    ("FIRST(lines.s WHERE f ORDER BY d)", "b"), ("FIRST(lines.i ORDER BY s)", 3), ("FIRST(lines.m ORDER BY i DESC)", 250),
    ("SUM(lines.m WHERE m < this.q)", 100), ("EXISTS(lines WHERE s = 'a')", True), ("EXISTS(lines.s WHERE m = 2.5 AND f)", False),
    # along references, live values, bound values
    ("other.m * 2", 1400), ("other.s", "other"), ("twice", 2470), ("twice + other.m", 3170), ("m > settings.limit", False),
    ("me IS NOT NULL", True), ("other IN me.others", True), ("other IN me.none", False), ("other NOT IN me.none", True), ("i + settings.days", 10), ("-9007199254740991 - 1", -9007199254740992),
    # numbers that check themselves
    ("IS_USCC('91350100M000100Y43')", True), ("IS_USCC('91350100M000100Y44')", False), ("IS_USCC('')", False),
    ("IS_ID_CARD('11010519491231002X')", True), ("IS_ID_CARD('110105194912310021')", False), ("IS_ID_CARD('11010519490231002X')", False),
    ("IS_ID_CARD(u)", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def everywhere(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """text → target → value, all computed once."""
    from tests.pg import fresh_database  # noqa: PLC0415

    rows = Rows([RECORD])
    exprs = [parse_expression(text, SCOPE) for text, _ in MEANINGS]
    found: dict[str, dict[str, object]] = {}
    with fresh_database(postgres_server) as url, Sqlite(rows) as sqlite, Postgres(url, rows) as postgres:
        browser = run_javascript(exprs, rows, tmp_path_factory.mktemp("js"))
        for (text, _), expr, (by_javascript,) in zip(MEANINGS, exprs, browser, strict=True):
            found[text] = {
                "sqlite": sqlite.run(expr)[0],
                "postgresql": postgres.run(expr)[0],
                "python": run_python(expr, rows)[0],
                "javascript": by_javascript,
            }
    return found


@pytest.mark.parametrize(("text", "wanted"), MEANINGS, ids=[text for text, _ in MEANINGS])
def test_meaning(everywhere: dict[str, dict[str, object]], text: str, wanted: object) -> None:
    assert everywhere[text] == dict.fromkeys(("sqlite", "postgresql", "python", "javascript"), wanted)


def test_every_operator_has_the_same_name_everywhere() -> None:
    script = Path(evaluate.__file__).with_name("expr.js").read_text(encoding="utf-8")
    browser = set(re.findall(r'^  \["(\w+)", ', script, re.MULTILINE)) - {"SUM", "COUNT", "EXISTS", "MIN", "MAX"}
    python = {*evaluate._SPECIAL, *evaluate.STRICT}
    leaves = {"out", "lit", "int", "get", "value", "live", "agg"}
    assert python - leaves == set(OPERATORS)
    assert python - browser == {"pinyin"}, "the browser has no dictionary of sounds: what needs it is not previewed"
    assert browser <= python


def test_every_function_is_reached() -> None:
    """Each function is met in the meanings above, or only outside the database below."""
    met = {name for text, _ in MEANINGS for name in re.findall(r"[A-Z_]+(?=\()", text.upper())}
    assert set(FUNCTIONS) - met <= {"ABS", "SIGN", "RMB_UPPER", "PINYIN", "SIMILARITY"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("RMB_UPPER(0)", "零元整"),
        ("RMB_UPPER(0.05)", "伍分"),
        ("RMB_UPPER(0.5)", "伍角整"),
        ("RMB_UPPER(1.05)", "壹元零伍分"),
        ("RMB_UPPER(10)", "壹拾元整"),
        ("RMB_UPPER(10000.00)", "壹万元整"),
        ("RMB_UPPER(12003.05)", "壹万贰仟零叁元零伍分"),
        ("RMB_UPPER(1234.56)", "壹仟贰佰叁拾肆元伍角陆分"),
        ("RMB_UPPER(10001)", "壹万零壹元整"),
        ("RMB_UPPER(100100)", "壹拾万零壹佰元整"),
        ("RMB_UPPER(1010000)", "壹佰零壹万元整"),
        ("RMB_UPPER(100000001)", "壹亿零壹元整"),
        ("RMB_UPPER(1000000000000)", "壹万亿元整"),
        ("RMB_UPPER(-12.3)", "负壹拾贰元叁角整"),
        ("SIMILARITY('中建三局', '中建三局')", 1000000),
        ("SIMILARITY('中建三局有限公司', '中建三局')", 600000),
        ("SIMILARITY('a', 'b')", 0),
    ],
)
def test_outside_the_database(text: str, wanted: object, tmp_path: Path) -> None:
    expr = parse_expression(text, Scope(SCOPE.world, "t", "t.record", sql=False))
    rows = Rows([RECORD])
    assert run_python(expr, rows) == [wanted]
    assert run_javascript([expr], rows, tmp_path) == [[wanted]]


def test_pinyin() -> None:
    assert pinyin("重庆钢筋") == "chong qing gang jin"


def test_hints_of_missing_values() -> None:
    """A row that lacks what the program looks at cannot be previewed; that is not NULL."""
    program = ["get", "row", ["other", "m"], "decimal", 2]
    assert evaluate.evaluate(program, {"other": None}) is None
    with pytest.raises(evaluate.Missing):
        evaluate.evaluate(program, {"other": "00000000-0000-7000-8000-0000000000a1"})
    with pytest.raises(evaluate.Missing):
        evaluate.evaluate(["value", "setting", "x", "integer", 0], {}, {"setting": {}})


def test_the_browser_runs_no_text_as_code() -> None:
    script = Path(evaluate.__file__).with_name("expr.js").read_text(encoding="utf-8")
    code = re.sub(r"//.*", "", script)
    assert not re.search(r"\beval\b|\bFunction\b|\bimport\b|\brequire\b|innerHTML|setTimeout", code)
