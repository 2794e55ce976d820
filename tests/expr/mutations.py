"""Mistakes an emitter could make. Each must make some expression differ from what the others say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.expr.build import Expr, forms, sql
from engine.expr.build.operators import OPERATORS
from engine.expr.run import evaluate, sqlite_functions
from engine.expr.run.types import Type
from engine.fieldtypes import storage
from tests.expr.four import Postgres, Rows, Sqlite, run_javascript, run_python

Change = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Mutation:
    """``change`` patches Python objects while a target is built and run; ``script`` (old, new) patches ``expr.js``."""

    target: str
    what: str
    change: Change = nullcontext
    script: tuple[str, str] | None = None


def _operator(name: str, **made: str) -> Change:
    return lambda: patch.dict(OPERATORS, {name: replace(OPERATORS[name], **made)})  # type: ignore[arg-type]


def _strict(**made: Callable[..., Any]) -> Change:
    return lambda: patch.dict(evaluate.STRICT, made)  # type: ignore[arg-type]


def _special(**made: Callable[..., Any]) -> Change:
    return lambda: patch.dict(evaluate._SPECIAL, made)  # type: ignore[arg-type]


def _form(dialect: str, **made: Callable[..., Any]) -> Change:
    return lambda: patch.dict(getattr(forms, dialect), made)


def _function(name: str, count: int, made: Callable[..., Any]) -> Change:
    return lambda: patch.dict(sqlite_functions._FUNCTIONS, {name: (count, made)})


def _half_even(a: int, power: int) -> int:
    whole, rest = divmod(a, 10**power)
    twice = 2 * rest - 10**power
    return whole + (twice > 0 or (twice == 0 and whole % 2 == 1))


def _max(node: Any, args: list[str]) -> str:
    return f"max({', '.join(args)})"


def _no_collation() -> AbstractContextManager[Any]:
    @contextmanager
    def patched() -> Iterator[None]:
        plain = {n: replace(o, collate=False) for n, o in OPERATORS.items()}
        text = replace(storage.KINDS["text"], postgresql_type="text")
        with patch.dict(OPERATORS, plain), patch.dict(storage.KINDS, {"text": text}):  # type: ignore[arg-type]
            inline = sql.inline
            with patch.object(sql, "inline", lambda *a: inline(*a).replace(' COLLATE "C"', "")):
                yield

    return patched()


def _edited(module: Any, name: str, old: str, new: str) -> Change:
    """The SQL a function makes, with one thing said otherwise."""
    made = getattr(module, name)
    return lambda: patch.object(module, name, lambda *a, **k: made(*a, **k).replace(old, new))


def _int4() -> AbstractContextManager[Any]:
    inline = sql.inline
    return patch.object(sql, "inline", lambda *a: re.sub(r"\((-?\d{1,9})\)::bigint", r"(\1)::int", inline(*a)))


def _quotient(cast: str, digits: str = "{0}") -> Change:
    def form(node: Any, args: list[str]) -> str:
        dividend = f"({digits.format(args[0])}){cast}"
        return f"ROUND(({dividend} / NULLIF(({args[1]}){cast}, 0))::numeric, {node.type.scale})"

    return _form("_POSTGRESQL", div=form)


def _never_wide() -> AbstractContextManager[Any]:
    return patch.object(Type, "wide", property(lambda self: False))


MUTATIONS: tuple[Mutation, ...] = (
    Mutation("python", "banker's rounding", _strict(down=_half_even)),
    Mutation("python", "% as Python has it", _strict(mod=lambda a, b: a % b if b else None)),
    Mutation("python", "Unicode UPPER", _strict(upper=str.upper)),
    Mutation("python", "TRIM of every white space", _strict(trim=str.strip)),
    Mutation("python", "division by floats", _strict(div=lambda a, b, k: round(a * 10**k / b) if b else None)),
    Mutation("python", "AND by truth", _special(**{"and": lambda p, e: all(evaluate.run(x, e) for x in p[1:])})),
    Mutation("python", "NULL in a list is not in it", _special(**{"in": lambda p, e: evaluate.run(p[1], e) in [evaluate.run(x, e) for x in p[2:]]})),
    Mutation("python", "ADD_MONTHS as 30 days", _strict(add_months=lambda d, n: evaluate.calendar.add_days(d, 30 * n))),
    Mutation("sqlite", "GREATEST as bare MAX", _form("_SQLITE", greatest=_max)),
    Mutation("sqlite", "banker's rounding", _function("down", 2, sqlite_functions._numeric(_half_even, 1))),
    Mutation("sqlite", "+N months", _operator("add_months", sqlite="date({0}, ({1}) || ' months')")),
    Mutation("sqlite", "integer division", _form("_SQLITE", div=lambda n, a: f"({a[0]} * {10 ** n.params[0]} / NULLIF({a[1]}, 0))")),
    Mutation("sqlite", "64 bits for everything", _never_wide),
    Mutation("sqlite", "cut instead of rounded", _form("_SQLITE", down=lambda n, a: f"({a[0]} / {10 ** n.params[0]})")),
    Mutation("sqlite", "CONCAT as ||", _form("_SQLITE", concat=lambda n, a: f"({' || '.join(a)})")),
    Mutation("sqlite", "LIKE for CONTAINS", _operator("contains", sqlite="({0} LIKE '%' || {1} || '%')")),
    Mutation("sqlite", "SUM of nothing is NULL", _edited(sql, "total", "COALESCE(", "IFNULL(NULL, ")),
    Mutation("sqlite", "Sunday is day 0", _operator("weekday", sqlite="CAST(strftime('%w', {0}) AS INTEGER)")),
    Mutation("postgresql", 'text without COLLATE "C"', _no_collation),
    Mutation("postgresql", "int4 literals", _int4),
    Mutation("postgresql", "ROUND(a / b, s) rounded twice", _quotient("::numeric")),
    Mutation("postgresql", "division by floats", _quotient("::double precision")),
    Mutation("postgresql", "IS NOT NULL without its NOT", _operator("not_null", postgresql="({0} IS NULL)")),
    Mutation("postgresql", "days of datetimes in UTC", _operator("local_date", postgresql="({0} AT TIME ZONE 'UTC')::date")),
    Mutation("postgresql", "CONCAT as ||", _operator("concat", postgresql="({* || })")),
    Mutation("postgresql", "NULLs first", _edited(sql, "aggregate", " NULLS LAST", " NULLS FIRST")),
    Mutation("postgresql", "ISODOW as DOW", _operator("weekday", postgresql="EXTRACT(DOW FROM {0})::bigint")),
    Mutation("postgresql", "lines of all records", _edited(sql, "aggregate", '"record" = r."id"', '"record" IS NOT NULL')),
    Mutation("javascript", "floats for numbers", script=("divideRound(a * power(by), b)]", "b === 0n ? null : BigInt(Math.round((Number(a) * 10 ** by) / Number(b)))]")),
    Mutation("javascript", "Math.round for ties", script=('["down", (a, by) => divideRound(a, power(by))]', '["down", (a, by) => floorDivide(a + power(by) / 2n, power(by))]')),
    Mutation("javascript", "truthiness &&", script=('["and", both(false)]', '["and", (p, env) => p.slice(1).map((x) => run(x, env)).reduce((a, b) => a && b)]')),
    Mutation("javascript", ".length of UTF-16", script=("BigInt(Array.from(a).length)", "BigInt(a.length)")),
    Mutation("javascript", "slices of UTF-16", script=("Array.from(a).slice(Number(from) - 1, Number(from - 1n + count)).join(\"\")", "a.slice(Number(from) - 1, Number(from - 1n + count))")),
    Mutation("javascript", "order of UTF-16", script=("if (!SURROGATE.test(a) && !SURROGATE.test(b)) return", "return")),
    Mutation("javascript", "order of locale", script=("return a < b ? -1 : a > b ? 1 : 0;", "return a.localeCompare(b);")),
    Mutation("javascript", "Unicode toUpperCase", script=("a.replace(/[a-z]+/g, (s) => s.toUpperCase())", "a.toUpperCase()")),
    Mutation("javascript", "NULL = NULL", script=("if (value === null) return null;\n    args.push", "if (value === null && name !== \"eq\") return null;\n    args.push")),
    Mutation("javascript", "GREATEST is NULL by one", script=("(program, env) => extreme(1)(known(program, env))", "(program, env) => known(program, env).length < program.length - 1 ? null : extreme(1)(known(program, env))")),
    Mutation("javascript", "months overflow into the next", script=("Math.min(date, monthLength(to, at))", "Math.min(date, 31)")),
)  # fmt: skip


def caught(
    mutation: Mutation, exprs: Sequence[Expr], wanted: Sequence[list[Any]], rows: Rows, url: str, folder: Path
) -> int:
    """How many expressions give the mutation away."""
    module = None
    if mutation.script is not None:
        source = Path(evaluate.__file__).with_name("expr.js").read_text(encoding="utf-8")
        old, new = mutation.script
        assert source.count(old) == 1, f"{mutation.what}: the script no longer says {old}"
        module = folder / "mutated.mjs"
        module.write_text(source.replace(old, new), encoding="utf-8")
    with mutation.change():
        found = _results(mutation.target, exprs, rows, url, folder, module)
    return sum(one != other for one, other in zip(found, wanted, strict=True))


def _results(target: str, exprs: Sequence[Expr], rows: Rows, url: str, folder: Path, module: Path | None) -> list[Any]:
    if target == "javascript":
        return run_javascript(exprs, rows, folder, module)
    if target == "python":
        return [_attempt(lambda e=e: run_python(e, rows)) for e in exprs]  # type: ignore[misc]
    if target == "sqlite":
        with Sqlite(rows) as sqlite:
            return [_attempt(lambda e=e: sqlite.run(e)) for e in exprs]  # type: ignore[misc]
    with Postgres(url, rows) as postgres:
        return [_attempt(lambda e=e: postgres.run(e)) for e in exprs]  # type: ignore[misc]


def _attempt(run: Callable[[], list[Any]]) -> Any:
    """An error gives a mutation away as well as a wrong value."""
    try:
        return run()
    except Exception as error:
        return str(error)
