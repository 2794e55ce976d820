"""What is refused at load, with its code, column and hint: one case per trap."""

from __future__ import annotations

import pytest

from engine.expr.build import CODES, Expr, Scope, Unavailable, parse_expression
from engine.expr.run.types import BOOLEAN, DATE, INTEGER, Type
from engine.problem import Problem, Problems, Where
from tests.expr.world import MONEY, make_world, ref

WORLD = make_world()
START = Where("m.yaml", 7, 21)


def parse(text: str, entity: str = "labor.sheet", this: str = "", expect: Type | None = None, **more: object) -> Expr:
    return parse_expression(text, Scope(WORLD, "labor", entity, this, **more), expect, START)  # type: ignore[arg-type]


def refused(
    text: str, entity: str = "labor.sheet", this: str = "", expect: Type | None = None, **more: object
) -> tuple[Problem, ...]:
    with pytest.raises(Problems) as caught:
        parse(text, entity, this, expect, **more)
    return caught.value.problems


# (text, code, column from 1 inside the text, a part of the sentence or hint)
TRAPS = [
    # what the characters say
    ("", "empty", 1, ""),
    ("   ", "empty", 1, ""),
    ("amount --1", "comment", 8, "`--`"),
    ("amount /* x */ + 1", "comment", 8, "`/*`"),
    ("amount # note", "comment", 8, "`#`"),
    ("amount; DROP TABLE x", "block", 7, "`;`"),
    ("amount; note", "block", 7, "one value"),
    ("ROUND（amount, 2)", "full-width", 6, "write `(`"),
    ("ROUND(amount，2)", "full-width", 13, "write `,`"),
    ("ROUND(amount, 2）", "full-width", 16, "write `)`"),
    ("note ＝ 'a'", "full-width", 6, "write `=`"),
    ("amount ＞ 1", "full-width", 8, "write `>`"),
    ("amount ＜ 1", "full-width", 8, "write `<`"),
    ("amount；", "full-width", 7, "write `;`"),
    ("note = ‘a’", "full-width", 8, "write `'`"),
    ("note = “a”", "full-width", 8, "write `'`"),
    ("amount ＋ 1", "full-width", 8, "write `+`"),
    ("amount　> 1", "full-width", 7, ""),
    ("amount ≥ 1", "full-width", 8, "write `>=`"),
    ("ａmount > 1", "full-width", 1, "write `a`"),
    ("amount > １", "full-width", 10, "write `1`"),
    ('note = "a"', "quote", 8, "single quotes"),
    ("`note` = 'a'", "quote", 1, "single quotes"),
    ("note = 'abc", "unclosed-text", 8, "doubled"),
    ("note = 'it's'", "unclosed-text", 13, "doubled"),
    ("amount > ?", "placeholder", 10, "`?`"),
    ("amount > $1", "placeholder", 10, "`$1`"),
    ("amount > :limit", "placeholder", 10, "`:limit`"),
    ("amount > @x", "placeholder", 10, "`@x`"),
    ("amount::int > 1", "cast", 7, "ROUND"),
    ("{amount} > 1", "brace", 1, "without braces"),
    ("amount == 1", "operator", 8, "write `=`"),
    ("late && late", "operator", 6, "write `AND`"),
    ("!late", "operator", 1, "write `NOT`"),
    ("amount => 1", "operator", 8, "write `>=`"),
    ("lines[0]", "character", 6, ""),
    ("amount\u00a0> 1", "character", 7, "no-break space"),
    ("amount\u200b > 1", "character", 7, "zero width space"),
    ("note = 'a\x00b'", "character", 8, ""),
    ("amount > 24h", "number-format", 10, "units"),
    ("amount > 1e5", "number-format", 10, "all its digits"),
    ("amount > 0x1F", "number-format", 10, "all its digits"),
    ("amount > .5", "number-format", 10, "write `0.5`"),
    ("amount > 5.", "number-format", 10, "write `5`"),
    ("claimed > 90%", "number-format", 11, "0.9"),
    ("amount > 9007199254740992", "number-size", 10, "15 digits"),
    ("amount > 0.12345678901", "number-size", 10, "10 after"),
    ("amount > " + "1" * 5000, "too-long", 1, "4000"),
    ("(" * 41 + "1" + ")" * 41, "too-deep", 41, "40"),
    ("NOT " * 41 + "late", "too-deep", 161, "40"),
    ("- " * 41 + "amount", "too-deep", 81, "40"),
    ("+".join(["1"] * 200), "too-deep", 300, ""),
    # what the grammar says
    ("amount note", "alias", 1, "side by side"),
    ("amount 5", "alias", 1, "side by side"),
    ("amount AS total", "alias", 1, "side by side"),
    ("1 < amount < 3", "chained", 12, "1 < amount AND"),
    ("amount = claimed = 3", "chained", 18, "amount = claimed AND"),
    ("note LIKE '%a%'", "like", 6, "CONTAINS"),
    ("note NOT LIKE 'a'", "like", 6, "CONTAINS"),
    ("SELECT 1", "command", 1, "only look"),
    ("select * from sheet", "command", 1, "only look"),
    ("DROP TABLE sheet", "command", 1, "only look"),
    ("update sheet", "command", 1, "only look"),
    ("(SELECT 1)", "command", 2, "only look"),
    ("end > 1", "reserved-name", 1, "`ends`"),
    ("from > 1", "reserved-name", 1, "`starts`"),
    ("desc = 'a'", "reserved-name", 1, "`description`"),
    ("case = 'a'", "reserved-name", 1, "`matter`"),
    ("set = 1", "reserved-name", 1, ""),
    ("any = 1", "reserved-name", 1, ""),
    ("for = 1", "reserved-name", 1, ""),
    ("as = 1", "reserved-name", 1, ""),
    ("with = 1", "reserved-name", 1, ""),
    ("comment = 'a'", "reserved-name", 1, "`remark`"),
    ("create = 1", "reserved-name", 1, ""),
    ("project.end > 1", "reserved-name", 9, "`ends`"),
    ("COUNT(*)", "unexpected", 7, "name what is counted"),
    ("amount +", "ends", 9, "a value"),
    ("ROUND(amount, 2", "ends", 16, "`)`"),
    ("(amount", "ends", 8, "`)`"),
    ("amount)", "unexpected", 7, ""),
    ("(1, 2)", "unexpected", 3, "one value"),
    ("amount IN 5", "unexpected", 11, "a list"),
    ("amount BETWEEN 1", "ends", 17, "AND"),
    ("CASE amount END", "case", 1, "WHEN"),
    ("CASE WHEN late THEN 1", "case", 1, "END"),
    ("amount WHERE late", "unexpected", 8, "inside an aggregate"),
    ("late IS TRUE", "unexpected", 9, "itself"),
    ("project.code('x')", "unknown-function", 1, ""),
    # names
    ("amuont > 1", "unknown-name", 1, "`amount`"),
    ("project.cod = 'A'", "unknown-name", 9, "`project.code`"),
    ("settings.office_limt > 1", "unknown-name", 10, "`settings.office_limit`"),
    ("office_limit > 1", "unknown-name", 1, "`settings.office_limit`"),
    ("me.project = 1", "unknown-name", 4, "`me.projects`"),
    ("note.length > 1", "not-a-record", 1, "text"),
    ("lines > 1", "rows", 1, "SUM"),
    ("lines.amount > 1", "rows", 1, "SUM"),
    ("me.projects = project", "rows", 1, "IN me.projects"),
    ("SUM(amount)", "aggregate", 5, "lines.amount"),
    ("SUM(lnes.amount)", "unknown-entity", 5, "`lines`"),
    ("COUNT(base.workr)", "unknown-entity", 7, "`base.worker`"),
    ("SUM(lines.amonut)", "unknown-name", 11, "`amount`"),
    ("COUNT(lines WHERE workr = 1)", "unknown-name", 19, "`worker`"),
    ("COUNT(lines WHERE sheet_date = today())", "unknown-name", 19, "`this.sheet_date`"),
    ("FIGURE(cost.usd WHERE project = project)", "unknown-figure", 8, "`cost.used`"),
    ("FIGURE(cost.used WHERE projct = project)", "unknown-name", 24, "`project`"),
    ("FIGURE(cost.used WHERE project <> project)", "figure", 24, "dimension = value"),
    ("FIGURE(cost.used, 1)", "figure", 1, "dimension = value"),
    ("ROUNDUP(amount)", "unknown-function", 1, "ROUND"),
    ("IF(late, 1, 2)", "unknown-function", 1, "CASE WHEN"),
    ("AS_OF(price, today())", "unknown-function", 1, "find"),
    ("liability = 'owned'", "unknown-option", 13, "'owner'"),
    ("state IN ('draft', 'efective')", "unknown-option", 20, "'effective'"),
    ("ring_a > 1", "ring", 1, "sheet.ring_a → sheet.ring_b → sheet.ring_a"),
    # types
    ("amount = NULL", "null-compare", 8, "`amount IS NULL`"),
    ("NULL <> note", "null-compare", 6, "`note IS NOT NULL`"),
    ("note IN ('a', NULL)", "null-compare", 15, "IS NULL"),
    ("note = 'a' OR 'b'", "not-boolean", 15, "IN ('a', 'b')"),
    ("late AND amount", "not-boolean", 10, "decimal(2)"),
    ("NOT amount", "not-boolean", 5, "decimal(2)"),
    ("CASE WHEN amount THEN 1 END", "not-boolean", 11, "WHEN"),
    ("amount + sheet_date", "types", 8, "decimal(2) and date"),
    ("amount + note", "types", 8, "`||`"),
    ("amount || note", "types", 8, "TEXT(number)"),
    ("sheet_date + amount", "types", 12, ""),
    ("created_at - updated_at", "types", 12, "HOURS"),
    ("created_at + 1", "types", 12, "duration"),
    ("month + 1", "types", 7, "ADD_MONTHS"),
    ("sheet_date = month", "types", 14, "TO_MONTH"),
    ("sheet_date = created_at", "types", 14, "DATE"),
    ("project = 'A'", "types", 11, "project.code"),
    ("project = created_by", "types", 11, ""),
    ("late = 1", "types", 8, "TRUE"),
    ("late < TRUE", "type", 6, "boolean"),
    ("project > project", "type", 9, "ref"),
    ("tags = tags", "type", 6, "json"),
    ("-note", "type", 1, "text"),
    ("sheet_date > '2026-02-30'", "literal", 14, "2026-03-05"),
    ("sheet_date > '05.03.2026'", "literal", 14, "2026-03-05"),
    ("created_at > '2026-03-05 07:30'", "literal", 14, "Z"),
    ("month = '2026-13'", "literal", 9, "2026-03"),
    ("amount IN me.projects", "types", 1, "IN"),
    ("project IN lines", "rows", 12, "EXISTS"),
    ("project IN settings.office_limit", "type", 12, "me.projects"),
    ("ROUND(amount, persons)", "constant", 15, "-12 to 10"),
    ("SUBSTR(note, 0)", "constant", 14, "from 1"),
    ("ROUND(note)", "arguments", 1, "number"),
    ("ROUND(amount, 1, 2)", "arguments", 1, "number[, digits]"),
    ("COALESCE(amount)", "arguments", 1, ""),
    ("COALESCE(amount, note)", "types", 18, "decimal(2) and text"),
    ("GREATEST(late, late)", "arguments", 1, ""),
    ("MAX(amount, 1)", "arguments", 1, "GREATEST"),
    ("SUM(lines.amount * 2)", "aggregate", 5, "name a collection"),
    ("SUM(lines)", "aggregate", 1, "name a field"),
    ("SUM(lines.worker)", "type", 1, "ref"),
    ("MAX(lines.worker)", "type", 1, "ref"),
    ("MAX(DISTINCT lines.amount)", "unexpected", 1, ""),
    ("FIRST(price.price)", "needs-order", 1, "ORDER BY since DESC"),
    ("SUM(lines.amount ORDER BY hours)", "no-order", 1, "FIRST"),
    ("ROUND(amount WHERE late)", "no-where", 1, "ROUND"),
    ("RMB_UPPER(amount)", "no-sql", 1, "templates"),
    ("PINYIN(note)", "no-sql", 1, "templates"),
    ("*".join(["amount"] * 8), "overflow", 1, "round"),
]


@pytest.mark.parametrize(
    ("text", "code", "column", "says"), TRAPS, ids=[f"{c}-{n}" for n, (_, c, _, _) in enumerate(TRAPS)]
)
def test_refused_at_load(text: str, code: str, column: int, says: str) -> None:
    problems = refused(text)
    first = problems[0]
    assert first.code == f"expr.{code}", problems
    assert says in f"{first.says} {first.hint}"
    if code not in ("overflow", "ring"):
        assert (first.where.file, first.where.line, first.where.column) == ("m.yaml", 7, 20 + column), str(first)


def test_hours_plus_a_date() -> None:
    """The example of the design."""
    (problem,) = refused("hours + sheet.sheet_date", "labor.line")
    assert str(problem) == "m.yaml:7:27: expr.types: decimal(2) and date do not go together with `+`"


def test_all_problems_at_once() -> None:
    codes = [p.code for p in refused("amuont > 1 AND note = NULL AND ROUND(note) > 2")]
    assert codes == ["expr.unknown-name", "expr.null-compare", "expr.arguments"]


def test_lines_of_a_text_count() -> None:
    (problem,) = refused("amount > 1\n  AND amuont > 1")
    assert (problem.where.line, problem.where.column) == (8, 7)


def test_this_is_meant() -> None:
    (problem,) = refused("project = sheet_date", "labor.line", "labor.sheet")[:1]
    assert problem.hint.en == "did you mean `this.project`?"
    assert "a bare name is a field of line, `this.` is sheet" in problem.says


def test_slots_say_what_they_expect() -> None:
    assert refused("amount", expect=BOOLEAN)[0].says == "boolean is expected here; this is decimal(2)"
    assert "ROUND" in refused("amount", expect=INTEGER)[0].hint.en
    assert "DATE(datetime)" in refused("created_at", expect=DATE)[0].hint.en
    assert refused("created_by", expect=ref("base.project"))[0].code == "expr.expects"


def test_a_slot_rounds_to_its_scale() -> None:
    assert parse("amount / 3", expect=MONEY).type == MONEY


def test_month_is_no_dimension() -> None:
    assert "TO_MONTH" in refused("MONTH(sheet_date)", dimension=True)[0].hint.en
    assert parse("TO_MONTH(sheet_date)", dimension=True).type.kind == "month"


def test_where_the_database_is_not_needed() -> None:
    assert parse("RMB_UPPER(amount)", sql=False).type.kind == "text"


@pytest.mark.parametrize(
    "text", ["budget IS NULL", "EXISTS(cost.period WHERE x = 1)", "SUM(cost.entry.net) > 1", "cost.x = 1"]
)
def test_what_waits_for_a_pack_sleeps(text: str) -> None:
    with pytest.raises(Unavailable) as caught:
        parse(text)
    assert caught.value.waits_for == "cost"


def test_what_is_wrong_is_said_even_if_a_pack_is_absent() -> None:
    assert refused("EXISTS(cost.period WHERE x = 1) AND amuont > 1")[0].code == "expr.unknown-name"


def test_two_candidates() -> None:
    (problem,) = refused("SUM(sheet.lines.hours)", "labor.line")
    assert problem.code == "expr.ambiguous"
    assert "this.sheet.lines.hours` or `labor.sheet.lines.hours" in problem.hint.en
    assert parse("SUM(this.sheet.lines.hours)", "labor.line").reach == "form"
    assert parse("SUM(labor.sheet.lines.hours)", "labor.line").reach == "database"


def test_every_code_is_met() -> None:
    met = {f"expr.{code}" for _, code, _, _ in TRAPS}
    elsewhere = {"expr.ambiguous", "expr.expects", "expr.dimension", "expr.no-this", "expr.live-size"}
    assert set(CODES) - met <= elsewhere


def test_every_hint_is_in_both_languages() -> None:
    assert [c.code for c in CODES.values() if bool(c.hint_en) != bool(c.hint_zh) or not c.zh] == []


def test_paths_of_many_dots() -> None:
    found = parse("line.sheet.project.company.name = 'x'", "labor.part")
    assert found.reads >= {("base.company", "name"), ("base.project", "company"), ("labor.part", "line")}


def test_is_not_null_says_not() -> None:
    """An emitter that ignores the word says the opposite."""
    assert parse("note IS NOT NULL").tree != parse("note IS NULL").tree
