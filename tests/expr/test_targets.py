"""SQLite, PostgreSQL, Python and JavaScript agree to the last digit, or the expression is refused at load."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from random import Random

import psycopg
import pytest

from engine.expr.build import Expr, Scope, parse_expression
from engine.problem import Problems
from tests.expr.four import Postgres, Rows, Sqlite, make_world, run_javascript, run_python
from tests.expr.generate import Generator, make_rows

SEED = int(os.environ.get("DOUGONG_SEED", "20261123"))


def accepted(random: Random, count: int) -> list[Expr]:
    """``count`` expressions that load; at least nine of ten written ones must."""
    generator, scope = Generator(random), Scope(make_world(), "t", "t.record")
    found: list[Expr] = []
    refused = 0
    while len(found) < count:
        text = generator.any()
        try:
            found.append(parse_expression(text, scope))
        except Problems as problems:
            unexpected = {p.code for p in problems.problems} - {"expr.overflow", "expr.too-long", "expr.too-deep"}
            refused += 1 if not unexpected else pytest.fail(f"{text}\n{problems}")
    assert refused <= count // 5, f"{refused} of {count} were refused"
    return found


def disagreements(exprs: list[Expr], rows: Rows, url: str, folder: Path) -> list[str]:
    browser = run_javascript(exprs, rows, folder)
    with Sqlite(rows) as sqlite, Postgres(url, rows) as postgres:
        return [said for e, b in zip(exprs, browser, strict=True) if (said := _differs(e, rows, sqlite, postgres, b))]


def _differs(expr: Expr, rows: Rows, sqlite: Sqlite, postgres: Postgres, by_javascript: list[object]) -> str:
    by_python = run_python(expr, rows)
    results = {"python": by_python, "javascript": by_javascript}
    for target in (sqlite, postgres):
        try:
            results[target.dialect] = target.run(expr)
        except (psycopg.Error, sqlite3.Error, AssertionError) as error:
            return f"{expr.text}\n    {target.dialect}: {error}"
    for name, values in results.items():
        for at, (value, wanted) in enumerate(zip(values, by_python, strict=True)):
            if value != wanted or type(value) is not type(wanted):
                return f"{expr.text} : {expr.type}\n    row {at}: {name} {value!r}, python {wanted!r}"
    return ""


def check(count: int, rows: int, url: str, folder: Path) -> None:
    random = Random(SEED)
    found = disagreements(accepted(random, count), make_rows(random, rows), url, folder)
    assert not found, f"{len(found)} of {count} disagree\n" + "\n".join(found[:20])


def test_expressions_agree_on_all_four_targets(postgres_url: str, tmp_path: Path) -> None:
    check(400, 25, postgres_url, tmp_path)


@pytest.mark.long
def test_expressions_agree_on_all_four_targets_at_length(postgres_url: str, tmp_path: Path) -> None:
    check(20_000, 40, postgres_url, tmp_path)


def test_expressions_with_bound_literals_agree(postgres_url: str, tmp_path: Path) -> None:
    """Questions asked at run time bind their constants: the same values come out."""
    random = Random(SEED + 1)
    exprs, rows = accepted(random, 60), make_rows(random, 10)
    with Sqlite(rows) as sqlite, Postgres(postgres_url, rows) as postgres:
        for expr in exprs:
            wanted = run_python(expr, rows)
            assert sqlite.run(expr, literals=True) == wanted, expr.text
            assert postgres.run(expr, literals=True) == wanted, expr.text
