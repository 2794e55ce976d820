"""Random expressions, and rows whose values sit where arithmetic breaks."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.expr.four import FIELDS, LINE, OTHER, Rows

_TEXTS = (
    "", " ", "a", "A", "b", "aB", "Zz", "ß", "É", "é", "钢筋", "模板工", "𠮷", "😀a", "\uff21", "ﬀ", "a b ", "  x", "01", "0102",
    "it's", "50%", "a_b", "İ", "x" * 30, "91350100M000100Y43", "11010519491231002X", "a\\b", "-", "Ａ",
)  # fmt: skip
_INTEGERS = (0, 1, -1, 2, 7, -7, 10, 100, 999, -1000, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 - 1, -(2**53) + 1)
_DATES = (
    "2026-03-05",
    "2026-01-31",
    "2024-02-29",
    "2025-12-31",
    "1999-12-31",
    "2000-02-29",
    "0001-01-01",
    "9999-12-31",
)
_MOMENTS = (
    "2026-03-04T15:59:59Z", "2026-03-04T16:00:00Z", "2025-12-31T16:30:00Z", "1986-07-01T15:30:00Z", "1969-12-31T23:59:59Z",
    "2026-03-05T07:30:00Z",
)  # fmt: skip


def value(random: Random, name: str) -> Any:
    """A value of a field in JSON form; often NULL, often at a bound."""
    type = FIELDS[name]
    if random.random() < 0.15:
        return None
    match type.kind:
        case "integer":
            return random.choice(_INTEGERS) if random.random() < 0.6 else random.randint(-500, 500)
        case "duration":
            return random.choice((0, 1, 30, 59, 60, -90, 1440, 10**6))
        case "decimal":
            return _decimal(random, type.scale, type.limit)
        case "text":
            return random.choice(_TEXTS)
        case "boolean":
            return random.random() < 0.5
        case "date":
            return (
                random.choice(_DATES)
                if random.random() < 0.5
                else f"20{random.randint(10, 40)}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}"
            )
        case "month":
            return f"20{random.randint(24, 27)}-{random.randint(1, 12):02d}"
        case "time":
            return f"{random.randint(0, 23):02d}:{random.choice((0, 15, 30, 59)):02d}:{random.choice((0, 1, 59)):02d}"
        case "datetime":
            return random.choice(_MOMENTS)
        case "json":
            return random.sample(("a", "b", "钢筋", "01"), random.randint(0, 3))
    raise AssertionError(type)


def _decimal(random: Random, scale: int, limit: int) -> str:
    pick = random.random()
    if pick < 0.15:
        scaled = limit - random.choice((0, 1, 5))
    elif pick < 0.3:  # ties, just below, just above
        scaled = random.choice((5, 15, 25, 45, 4, 6, 49, 50, 51, 149, 150, 250, 350)) * 10 ** random.randint(0, scale)
    elif pick < 0.4:
        scaled = 0
    else:
        scaled = random.randint(0, 10 ** random.randint(1, scale + 6))
    if random.random() < 0.4:
        scaled = -scaled
    digits = f"{abs(scaled):0{scale + 1}d}"
    return f"{'-' if scaled < 0 else ''}{digits[:-scale]}.{digits[-scale:]}"


def make_rows(random: Random, count: int) -> Rows:
    others = [
        {"id": f"00000000-0000-7000-8000-0000000000a{n}", "deleted_at": None, **{f: value(random, f) for f in OTHER}}
        for n in range(4)
    ]
    records = []
    for at in range(count):
        lines = [
            {
                "id": f"00000000-0000-7000-8001-{at:06d}{n:06d}",
                "deleted_at": None,
                **{f: value(random, f) for f in LINE},
            }
            for n in range(random.choice((0, 0, 1, 2, 3)))
        ]
        record = {
            "id": f"00000000-0000-7000-8002-{at:012d}",
            "deleted_at": None,
            **{f: value(random, f) for f in FIELDS},
        }
        records.append({**record, "other": random.choice([*others, None]), "lines": lines})
    return Rows(records)


class Generator:
    """Writes expressions of a kind; not all are accepted (a number may grow too large), which is fine."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.names = "record"

    def any(self) -> str:
        return self.of(
            self.random.choice(("number", "number", "number", "boolean", "boolean", "text", "date", "moment")), 4
        )

    def of(self, kind: str, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.12:
            return self.leaf(kind)
        made: str = self.random.choice(getattr(self, f"{kind}_forms"))(self, depth - 1)
        return made

    def field(self, *names: str) -> str:
        known = {"line": LINE, "other": OTHER}.get(self.names, tuple(FIELDS))
        fit = [n for n in names if n in known]
        name = self.random.choice(fit or names)
        if self.names == "record" and name in OTHER and self.random.random() < 0.15:
            return f"other.{name}"
        return name if fit else f"this.{name}"

    def leaf(self, kind: str) -> str:
        choice = self.random.random()
        match kind:
            case "number":
                if choice < 0.3:
                    return self.number_literal()
                if choice < 0.34:
                    return self.random.choice(("settings.limit", "settings.days"))
                return self.field("i", "j", "m", "m", "n", "p", "q")
            case "whole":
                return str(self.random.choice((0, 1, 2, 7, 30, 365))) if choice < 0.5 else self.field("i", "j")
            case "boolean":
                return self.random.choice(("TRUE", "FALSE")) if choice < 0.1 else self.field("f", "g")
            case "text":
                text = self.random.choice(_TEXTS).replace("'", "''")
                return f"'{text}'" if choice < 0.35 else self.field("s", "u")
            case "date":
                return (
                    "today()"
                    if choice < 0.1
                    else "DATE(mo)"
                    if choice < 0.15 and self.names == "record"
                    else self.field("d", "e")
                )
            case "moment":
                return "now()" if choice < 0.1 else self.field("at", "bt")
        raise AssertionError(kind)

    def number_literal(self) -> str:
        return self.random.choice(
            ("0", "1", "2", "3", "7", "10", "100", "0.5", "0.05", "2.50", "0.1", "1.005", "0.0000005", "12345678.9",
             "999999999999999", "2147483648", "3600", "0.09", "1.13", "24")
        )  # fmt: skip

    def arithmetic(self, depth: int) -> str:
        sign = self.random.choice("++--***//%")
        return f"({self.of('number', depth)} {sign} {self.of('number', depth)})"

    def rounded(self, depth: int) -> str:
        name = self.random.choice(("ROUND", "ROUND", "ROUND", "TRUNC", "FLOOR", "CEIL"))
        digits = (
            f", {self.random.choice((0, 1, 2, 3, 4, 6, -1, -2))}"
            if name in ("ROUND", "TRUNC") and self.random.random() < 0.8
            else ""
        )
        return f"{name}({self.of('number', depth)}{digits})"

    def one_number(self, depth: int) -> str:
        return f"{self.random.choice(('ABS', 'SIGN', '-'))}({self.of('number', depth)})"

    def chosen(self, kind: str, depth: int) -> str:
        name = self.random.choice(("GREATEST", "LEAST", "COALESCE", "NULLIF"))
        count = 2 if name == "NULLIF" else self.random.randint(2, 3)
        return f"{name}({', '.join(self.of(kind, depth) for _ in range(count))})"

    def case(self, kind: str, depth: int) -> str:
        otherwise = f" ELSE {self.of(kind, depth)}" if self.random.random() < 0.7 else ""
        return f"CASE WHEN {self.of('boolean', depth)} THEN {self.of(kind, depth)}{otherwise} END"

    def date_number(self, depth: int) -> str:
        name = self.random.choice(("YEAR", "MONTH", "DAY", "QUARTER", "WEEKDAY"))
        forms = (
            f"{name}({self.of('date', depth)})",
            f"({self.of('date', depth)} - {self.of('date', depth)})",
            f"WORKDAYS({self.leaf('date')}, {self.leaf('date')})",
            f"MONTHS_BETWEEN({self.of('date', depth)}, {self.of('date', depth)})",
            f"HOURS({self.of('moment', depth)}, {self.of('moment', depth)})",
            "HOURS(this.t, '12:30')",
            f"{name}({self.leaf('moment')})",
            f"LENGTH({self.of('text', depth)})",
        )
        return self.random.choice(forms)

    def aggregate(self, kind: str, depth: int) -> str:
        if self.names != "record":
            return self.leaf(kind)
        self.names = "line"
        where = f" WHERE {self.of('boolean', min(depth, 2))}" if self.random.random() < 0.6 else ""
        order = f" ORDER BY {self.field('i', 'm', 's', 'd')}{self.random.choice((' DESC', ''))}"
        self.names = "record"
        if kind == "boolean":
            return f"EXISTS(lines{where})"
        if kind in ("text", "date"):
            name, item = self.random.choice(("MIN", "MAX", "FIRST")), {"text": "s", "date": "d"}[kind]
            return f"{name}(lines.{item}{where}{order if name == 'FIRST' else ''})"
        name = self.random.choice(("SUM", "SUM", "COUNT", "AVG", "MIN", "MAX", "FIRST"))
        distinct = "DISTINCT " if name in ("SUM", "COUNT", "AVG") and self.random.random() < 0.3 else ""
        return f"{name}({distinct}lines.{self.random.choice('imq')}{where}{order if name == 'FIRST' else ''})"

    def compared(self, depth: int) -> str:
        kind = self.random.choice(("number", "number", "number", "text", "text", "date", "moment"))
        sign = self.random.choice(("=", "<>", "<", "<=", ">", ">="))
        return f"({self.of(kind, depth)} {sign} {self.of(kind, depth)})"

    def listed(self, depth: int) -> str:
        kind = self.random.choice(("number", "text", "date"))
        items = ", ".join(self.of(kind, depth - 1) for _ in range(self.random.randint(1, 3)))
        return f"({self.of(kind, depth)} {self.random.choice(('', 'NOT '))}IN ({items}))"

    def between(self, depth: int) -> str:
        kind = self.random.choice(("number", "text", "date"))
        low, high = self.of(kind, depth), self.of(kind, depth)
        return f"({self.of(kind, depth)} {self.random.choice(('', 'NOT '))}BETWEEN {low} AND {high})"

    def joined(self, depth: int) -> str:
        count = self.random.randint(2, 3)
        return f"({self.random.choice((' AND ', ' OR ')).join(self.of('boolean', depth) for _ in range(count))})"

    def is_null(self, depth: int) -> str:
        kind = self.random.choice(("number", "text", "boolean", "date"))
        return f"({self.of(kind, depth)} IS {self.random.choice(('', 'NOT '))}NULL)"

    def text_test(self, depth: int) -> str:
        name = self.random.choice(("CONTAINS", "STARTS_WITH", "ENDS_WITH"))
        if self.random.random() < 0.15:
            return self.random.choice(
                (
                    "IS_USCC(this.s)",
                    "IS_ID_CARD(this.s)",
                    "CONTAINS(this.tags, 'a')",
                    "(this.other IN me.others)",
                    "(this.other IN me.none)",
                )
            )
        return f"{name}({self.of('text', depth)}, {self.of('text', depth)})"

    def text(self, depth: int) -> str:
        inner = self.of("text", depth)
        forms = (
            f"{self.random.choice(('UPPER', 'LOWER', 'TRIM'))}({inner})",
            f"({inner} || {self.of('text', depth)})",
            f"CONCAT({inner}, {self.of('text', depth)})",
            f"SUBSTR({inner}, {self.random.randint(1, 4)}, {self.random.randint(0, 4)})",
            f"REPLACE({inner}, {self.leaf('text')}, {self.leaf('text')})",
            f"TEXT({self.of('number', depth)})",
            f"TEXT({self.of('date', depth)})",
        )
        return self.random.choice(forms)

    def date(self, depth: int) -> str:
        inner = self.of("date", depth)
        forms = (
            f"ADD_DAYS({inner}, {self.leaf('whole')})",
            f"ADD_MONTHS({inner}, {self.leaf('whole')})",
            f"LAST_DAY({inner})",
            f"DATE(TO_MONTH({inner}))",
            f"DATE({self.of('moment', depth)})",
        )
        return self.random.choice(forms)

    def moment(self, depth: int) -> str:
        sign = self.random.choice("+-")
        return f"({self.of('moment', depth)} {sign} {self.random.choice(('this.du', 'MINUTES(this.at, this.bt)'))})"

    number_forms = (
        arithmetic, arithmetic, arithmetic, rounded, rounded, one_number, date_number,
        lambda self, depth: self.chosen("number", depth),
        lambda self, depth: self.case("number", depth),
        lambda self, depth: self.aggregate("number", depth),
    )  # fmt: skip
    boolean_forms = (
        compared, compared, compared, listed, between, joined, is_null, text_test,
        lambda self, depth: f"(NOT {self.of('boolean', depth)})",
        lambda self, depth: f"({self.of('boolean', depth)} = {self.of('boolean', depth)})",
        lambda self, depth: self.aggregate("boolean", depth),
        lambda self, depth: self.case("boolean", depth),
    )  # fmt: skip
    text_forms = (
        text, text, text,
        lambda self, depth: self.chosen("text", depth),
        lambda self, depth: self.case("text", depth),
        lambda self, depth: self.aggregate("text", depth),
    )  # fmt: skip
    date_forms = (
        date, date,
        lambda self, depth: self.chosen("date", depth),
        lambda self, depth: self.case("date", depth),
        lambda self, depth: self.aggregate("date", depth),
    )  # fmt: skip
    moment_forms = (
        moment,
        lambda self, depth: self.chosen("moment", depth),
        lambda self, depth: self.case("moment", depth),
    )  # fmt: skip
