"""SQL of one operation: the table's template, or the form that needs to know its operands."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from engine.expr.build.api import Dialect
from engine.expr.build.codes import CODES
from engine.expr.build.operators import OPERATORS
from engine.expr.build.tree import Lit, Node, Op, Path, grows
from engine.expr.run.calendar import FIRST_SECOND, LAST_SECOND
from engine.expr.run.checksums import ID_WEIGHTS, USCC_ALPHABET, USCC_WEIGHTS
from engine.expr.run.types import INT64
from engine.expr.run.words import LONGEST
from engine.problem import Problems, problem

_MARK = re.compile(r"\{(k10|k|\d\*?|\*[^}]*)\}")


def operation(node: Op, args: list[str], dialect: Dialect) -> str:
    if dialect == "sqlite":
        special = _SQLITE.get(node.name)
        if special is not None and (made := special(node, args)) is not None:
            return made
        row = OPERATORS[node.name]
        wide = row.wide and (node.type.wide or any(a.type.wide for a in node.args))
        return fill(row.wide if wide else row.sqlite, args, node.params)
    special = _POSTGRESQL.get(node.name)
    if special is not None and (made := special(node, args)) is not None:
        return made
    row = OPERATORS[node.name]
    if not row.postgresql:
        raise Problems([problem(CODES["expr.no-sql"], function=row.written)])
    if row.collate and node.args[0].type.kind == "text":
        args = [f'({a} COLLATE "C")' for a in args]
    return fill(row.postgresql, args, node.params)


def fill(template: str, args: Sequence[str], params: Sequence[int] = ()) -> str:
    """``{0}`` an argument, ``{k}`` the parameter, ``{k10}`` ten to it, ``{1*}`` the rest, ``{* AND }`` all, joined."""

    def put(found: re.Match[str]) -> str:
        mark = found[1]
        if mark == "k":
            return str(params[0])
        if mark == "k10":
            return str(10 ** params[0])
        if mark.startswith("*"):
            return mark[1:].join(args)
        if mark.endswith("*"):
            return ", ".join(args[int(mark[:-1]) :])
        return args[int(mark)]

    return _MARK.sub(put, template)


Form = Callable[[Op, list[str]], "str | None"]


def _case(node: Op, args: list[str]) -> str:
    whens = "".join(f" WHEN {args[i]} THEN {args[i + 1]}" for i in range(0, len(args) - 1, 2))
    return f"(CASE{whens} ELSE {args[-1]} END)"


def _simple(node: Node) -> bool:
    """Cheap to write twice."""
    return isinstance(node, Lit) or (isinstance(node, Path) and not node.hops and node.live is None and not node.start)


# SQLite -----------------------------------------------------------------------------------------------------------


def _sqlite_up(node: Op, args: list[str]) -> str | None:
    return args[0] if node.params[0] == 0 else None


def _sqlite_down(node: Op, args: list[str]) -> str | None:
    arg, by = node.args[0], node.params[0]
    half = 5 * 10 ** (by - 1)
    if not _simple(arg) or arg.type.limit + half > INT64:
        return None
    return f"(({args[0]} + CASE WHEN {args[0]} < 0 THEN -{half} ELSE {half} END) / {10**by})"


def _sqlite_trunc(node: Op, args: list[str]) -> str | None:
    return f"dg_trunc({args[0]}, {node.params[0]})" if node.params[0] > 18 else None


def _sqlite_extreme(function: str) -> Form:
    """SQLite's MAX(a, b) is NULL when either is; ours leaves NULLs out."""

    def form(node: Op, args: list[str]) -> str | None:
        if node.type.wide or any(a.type.wide for a in node.args):
            return None
        empty = [a for a, n in zip(args, node.args, strict=True) if n.type.nullable]
        if not empty:
            return f"{function}({', '.join(args)})"
        if len(args) == 2 and all(_simple(n) or n.type.nullable is False for n in node.args):
            sure = [a for a, n in zip(args, node.args, strict=True) if not n.type.nullable]
            return f"COALESCE({function}({', '.join(args)}), {', '.join(sure or args)})"
        if len(args) == 2 and len(empty) == 1:
            sure = [a for a in args if a not in empty]
            return f"COALESCE({function}({', '.join(args)}), {sure[0]})"
        name = "dg_greatest" if function == "max" else "dg_least"
        text = "" if node.type.number or node.type.kind in ("duration", "datetime") else "_text"
        return f"{name}{text}({', '.join(args)})"

    return form


def _sqlite_concat(node: Op, args: list[str]) -> str:
    known = [f"COALESCE({a}, '')" for a in args]
    return f"({' || '.join(known)})"


def _sqlite_contains(node: Op, args: list[str]) -> str | None:
    """The database compares at every place, which nothing interrupts; Python goes through once."""
    return None if isinstance(node.args[1], Lit) else f"dg_contains({args[0]}, {args[1]})"


def _sqlite_among(node: Op, args: list[str]) -> str | None:
    inside = f"({args[0]} IN (SELECT value FROM json_each({args[1]})))"
    return f"({inside} OR {args[2]})" if len(args) > 2 else inside


_SQLITE: dict[str, Form] = {
    "up": _sqlite_up,
    "down": _sqlite_down,
    "trunc": _sqlite_trunc,
    "case": _case,
    "greatest": _sqlite_extreme("max"),
    "least": _sqlite_extreme("min"),
    "concat": _sqlite_concat,
    "among": _sqlite_among,
    "contains": _sqlite_contains,
    "is_uscc": lambda node, args: f"dg_is_uscc({args[0]})",
    "is_id_card": lambda node, args: f"dg_is_id_card({args[0]})",
}


# PostgreSQL -------------------------------------------------------------------------------------------------------


def _numeric(sql: str, node: Node) -> str:
    """Integers are bigint until 64 bits might not do."""
    return sql if node.type.kind == "decimal" else f"({sql})::numeric"


def _pg_exact(node: Op, args: list[str]) -> str | None:
    if node.type.kind == "decimal" or not (node.type.wide or any(a.type.wide for a in node.args)):
        return None
    made = [_numeric(a, n) for a, n in zip(args, node.args, strict=True)]
    return fill(OPERATORS[node.name].postgresql, made, node.params)


def _pg_up(node: Op, args: list[str]) -> str:
    return _numeric(args[0], node.args[0])


def _pg_rounded(function: str) -> Form:
    def form(node: Op, args: list[str]) -> str:
        value = _numeric(args[0], node.args[0])
        if function in ("floor", "ceil"):
            return f"{function}({value})"
        return f"{function}({value}, {node.type.scale})"

    return form


def _pg_div(node: Op, args: list[str]) -> str:
    """The quotient is made with so many digits that rounding it once more cannot be wrong: two different results
    lie at least ``1 / (2 * 10**(scale + a's scale) * b)`` from every tie."""
    left, right = node.args
    digits = node.type.scale + left.type.scale + right.type.digits + 1
    dividend, divisor = _numeric(args[0], left), _numeric(args[1], right)
    return f"ROUND(ROUND({dividend}, {digits}) / NULLIF({divisor}, 0), {node.type.scale})"


def _pg_among(node: Op, args: list[str]) -> str:
    """An array, not a subquery: beside an OR only this can use an index."""
    ids = f"SELECT _s.value::uuid FROM jsonb_array_elements_text({args[1]}::jsonb) AS _s(value)"
    inside = f"({args[0]} = ANY (ARRAY({ids})))"
    return f"({inside} OR {args[2]})" if len(args) > 2 else inside


def _pg_number_text(node: Op, args: list[str]) -> str:
    if node.args[0].type.kind == "decimal":
        return f'(ROUND({args[0]}, {node.params[0]})::text COLLATE "C")'
    return f'(({args[0]})::text COLLATE "C")'


def _once(form: Form) -> Form:
    """Names the arguments in a subquery of their own when they are not cheap to write several times. OFFSET keeps the
    planner from writing them out again: eleven within each other would be hundreds of thousands."""

    def named(node: Op, args: list[str]) -> str | None:
        if all(_simple(a) for a in node.args):
            return form(node, args)
        names = [f"_a{at}" for at in range(len(args))]
        given = ", ".join(f"{arg} AS {name}" for arg, name in zip(args, names, strict=True))
        return f"(SELECT {form(node, names)} FROM (SELECT {given} OFFSET 0) AS _q)"

    return named


def _pg_add_days(node: Op, args: list[str]) -> str:
    """NULL where the calendar ends, as everywhere."""
    day, count = args
    return _in_calendar(f"{day} + ({count})::int", f"{count} BETWEEN -4000000 AND 4000000")


def _pg_add_months(node: Op, args: list[str]) -> str:
    day, count = args
    moved = f"({day} + make_interval(months => ({count})::int))::date"
    return _in_calendar(moved, f"{count} BETWEEN -120000 AND 120000")


def _in_calendar(moved: str, near: str) -> str:
    return (
        f"(CASE WHEN {near} THEN"
        f" CASE WHEN {moved} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN {moved} END END)"
    )


def _pg_add_minutes(node: Op, args: list[str]) -> str:
    moved = f"{args[0]} + ({args[1]}) * interval '1 minute'"
    bounds = f"BETWEEN to_timestamp({FIRST_SECOND}) AND to_timestamp({LAST_SECOND})"
    near = f"{args[1]} BETWEEN -6000000000 AND 6000000000"
    return f"(CASE WHEN {near} THEN CASE WHEN {moved} {bounds} THEN {moved} END END)"


def _pg_months_between(node: Op, args: list[str]) -> str:
    def number(sql: str) -> str:
        return f"(EXTRACT(YEAR FROM {sql}) * 12 + EXTRACT(MONTH FROM {sql}))"

    return f"({number(args[1])} - {number(args[0])})::bigint"


def _pg_workdays(node: Op, args: list[str]) -> str:
    """Weekdays before a day, counted from Monday 0001-01-01, make the difference."""

    def before(sql: str, more: int) -> str:
        days = f"({sql} - DATE '0001-01-01' + {more})"
        return f"({days} / 7 * 5 + LEAST({days} % 7, 5))"

    a, b = args
    return (
        f"(CASE WHEN {a} <= {b} THEN {before(b, 1)} - {before(a, 0)} ELSE {before(b, 0)} - {before(a, 1)} END)::bigint"
    )


def _pg_replace(node: Op, args: list[str]) -> str | None:
    return _once(_pg_grown)(node, args) if grows(node.args[1], node.args[2]) else None


def _pg_grown(node: Op, args: list[str]) -> str:
    """NULL where it would grow too long, before it does."""
    a, b, c = args
    found = f"(length({a}) - length(replace({a}, {b}, '')))::bigint / NULLIF(length({b}), 0)"
    grown = f"length({a}) + COALESCE({found}, 0) * (length({c}) - length({b}))"
    near = f"length({c}) <= length({b}) OR {grown} <= {LONGEST}"
    return f"(CASE WHEN {near} THEN replace({a}, {b}, {c}) END)"


def _pg_is_uscc(node: Op, args: list[str]) -> str:
    text = args[0]
    place = f"strpos('{USCC_ALPHABET}', substr({text}, i, 1)) - 1"
    total = f"SELECT SUM(({place}) * ({_array(USCC_WEIGHTS)})[i]) FROM generate_series(1, 17) AS _s(i)"
    check = f"strpos('{USCC_ALPHABET}', substr({text}, 18, 1)) - 1"
    return f"({text} ~ '^[{USCC_ALPHABET}]{{18}}$' AND (31 - ({total}) % 31) % 31 = {check})"


def _pg_is_id_card(node: Op, args: list[str]) -> str:
    text = args[0]

    def part(start: int, length: int) -> str:
        return f"substr({text}, {start}, {length})::int"

    year, month, day = part(7, 4), part(11, 2), part(13, 2)
    leap = f"({year} % 4 = 0 AND ({year} % 100 <> 0 OR {year} % 400 = 0))"
    last = f"CASE WHEN {month} IN (4, 6, 9, 11) THEN 30 WHEN {month} <> 2 THEN 31 WHEN {leap} THEN 29 ELSE 28 END"
    total = f"SELECT SUM(substr({text}, i, 1)::int * ({_array(ID_WEIGHTS)})[i]) FROM generate_series(1, 17) AS _s(i)"
    check = f"substr('10X98765432', (({total}) % 11)::int + 1, 1) = upper(substr({text}, 18, 1))"
    valid = f"{month} BETWEEN 1 AND 12 AND {day} BETWEEN 1 AND {last} AND {year} BETWEEN 1800 AND 2199 AND {check}"
    return f"(CASE WHEN {text} ~ '^[1-9][0-9]{{16}}[0-9Xx]$' THEN {valid} WHEN {text} IS NOT NULL THEN FALSE END)"


def _array(numbers: Sequence[int]) -> str:
    return f"ARRAY[{', '.join(map(str, numbers))}]"


_POSTGRESQL: dict[str, Form] = {
    "add": _pg_exact,
    "sub": _pg_exact,
    "mul": _pg_exact,
    "mod": _pg_exact,
    "neg": _pg_exact,
    "abs": _pg_exact,
    "up": _pg_up,
    "down": _pg_rounded("ROUND"),
    "trunc": _pg_rounded("TRUNC"),
    "floor": _pg_rounded("floor"),
    "ceil": _pg_rounded("ceil"),
    "div": _pg_div,
    "case": _case,
    "among": _pg_among,
    "number_text": _pg_number_text,
    "add_days": _once(_pg_add_days),
    "add_months": _once(_pg_add_months),
    "add_minutes": _once(_pg_add_minutes),
    "months_between": _once(_pg_months_between),
    "workdays": _once(_pg_workdays),
    "replace": _pg_replace,
    "is_uscc": _once(_pg_is_uscc),
    "is_id_card": _once(_pg_is_id_card),
}
