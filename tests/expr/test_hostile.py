"""A thousand hostile strings: refused, or carried as plain data through every target."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from random import Random

import psycopg
import pytest

from engine.expr.build import Binder, Context, Expr, Scope, Unavailable, parse_expression, to_program, to_sql
from engine.expr.build.api import MOST_INLINED
from engine.expr.build.tree import walk
from engine.expr.build.world import Attribute
from engine.expr.run.sqlite_functions import register
from engine.expr.run.types import INTEGER
from engine.problem import Problems
from tests.expr.four import Rows, make_world, run_javascript
from tests.expr.generate import Generator

SCOPE = Scope(make_world(), "t", "t.record")

PIECES = (
    "'", "''", "\\'", '"', "`", ";", "--", "/*", "*/", "#", "\\", "\\\\", "$$", "$1", "?1", ":a", "@x", "{0}", "{{", "}}", "%s", "%(a)s",
    "%", "%%", "${x}", "$tag$", "E'", "U&'", "X'00'", "\x00", "\n", "\r", "\t", "\u2028", "\u2029", "\u200b", "\ufeff", "\ud83d\ude00",
    "</script>", "<!--", "]]>", "${alert(1)}", "`${1}`", "__proto__", "constructor", "toString", "eval(", "import(", "lambda: 0",
    "OR 1=1", "' OR '1'='1", "'; DROP TABLE t__record; --", "UNION SELECT", "pg_sleep(9)", "load_extension('x')", "ATTACH 'x' AS y",
    "COPY t TO PROGRAM 'x'", "randomblob(1000000000)", "s", "i", "m", "(", ")", ",", ".", "=", "<", ">", "+", "-", "*", "/", "AND", "OR",
    "NOT", "IN", "IS NULL", "CASE", "WHEN", "THEN", "END", "this.", "me.", "settings.", "SUM(", "lines.m", "WHERE", "9" * 30, "1e999",
    "0x7f", "NaN", "Infinity", "::text", "->>", "||", "钢筋", "（", "‘", "𠮷", "\u0130", "a" * 300, "_e1", "r.", "sqlite_master", "dg_fit(",
)  # fmt: skip


def hostile(random: Random) -> str:
    return "".join(random.choice(PIECES) + random.choice(("", "", " ")) for _ in range(random.randint(1, 8)))


def tampered(random: Random, generator: Generator) -> str:
    """A good expression with something put in, taken out or doubled."""
    text = generator.any()
    at, to = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
    forms = (text[:at] + random.choice(PIECES) + text[at:], text[:at] + text[to:], text[:to] + text[at:], text)
    return random.choice(forms)


def load(text: str) -> Expr | None:
    """The expression, or None when it is refused in order; anything else that is raised is a bug."""
    try:
        return parse_expression(text, SCOPE)
    except (Problems, Unavailable):
        return None


def test_as_expressions() -> None:
    """Whatever loads runs without an error and leaves the table alone."""
    random = Random(7)
    connection = sqlite3.connect(":memory:")
    register(connection)
    fields = ", ".join(f'"{name}"' for name in SCOPE.world.entities["t.record"].attributes)
    connection.execute(f"CREATE TABLE t__record ({fields}, position)")
    connection.execute(f"CREATE TABLE t__line ({fields}, record, position)")
    connection.execute(f"CREATE TABLE t__other ({fields})")
    loaded = 0
    generator = Generator(random)
    for at in range(2000):
        expr = load(hostile(random) if at % 2 else tampered(random, generator))
        if expr is None:
            continue
        loaded += 1
        binder = Binder("sqlite")
        sql = to_sql(expr, Context(binder))
        connection.execute(f"SELECT {sql} FROM t__record AS r", [None] * len(binder.keys)).fetchall()
        json.dumps(to_program(expr))
        to_sql(expr, Context(Binder("postgresql")))
    assert 250 < loaded < 900
    connection.close()


def test_as_text_values(postgres_url: str, tmp_path: Path) -> None:
    """Quoted, each comes out of every target as it went in; with bound literals too."""
    random = Random(8)
    texts = [t for t in dict.fromkeys(hostile(random) for _ in range(1400)) if _storable(t)][:1000]
    assert len(texts) > 900
    exprs = [parse_expression(f"'{t.replace(chr(39), chr(39) * 2)}'", SCOPE) for t in texts]
    rows = Rows([{"id": "x"}])
    assert [found[0] for found in run_javascript(exprs, rows, tmp_path)] == texts
    connection = sqlite3.connect(":memory:")
    with psycopg.connect(postgres_url) as postgres:
        for text, expr in zip(texts, exprs, strict=True):
            assert connection.execute(f"SELECT {to_sql(expr, Context(Binder('sqlite')))}").fetchone() == (text,)
            sql = to_sql(expr, Context(Binder("postgresql")))
            assert postgres.execute(sql_bytes(sql)).fetchone() == (text,)
            binder = Binder("postgresql", literals=True)
            assert to_sql(expr, Context(binder)) == '($1::text COLLATE "C")'
            assert binder.keys[0].value == text
    connection.close()


def sql_bytes(sql: str) -> bytes:
    return f"SELECT {sql}".encode()


def _storable(text: str) -> bool:
    return len(text) < 3900 and not any(c in text for c in "\x00\n\r\t\ud83d\ude00")


@pytest.mark.parametrize("text", ["'a\x00b'", "'a\nb'", "'\ud800'", "'\x1b[31m'"])
def test_characters_that_no_text_holds(text: str) -> None:
    with pytest.raises(Problems) as caught:
        parse_expression(text, SCOPE)
    assert caught.value.problems[0].code == "expr.character"


@pytest.mark.parametrize(
    "text",
    [
        "__proto__ = 1",
        "constructor = 1",
        "this.__class__ = 1",
        "me.__dict__ = 1",
        "settings.__proto__ = 1",
        "other.toString = 'x'",
    ],
)
def test_names_of_other_worlds_are_unknown(text: str) -> None:
    with pytest.raises(Problems) as caught:
        parse_expression(text, SCOPE)
    assert caught.value.problems[0].code == "expr.unknown-name"


def doubling(times: int) -> Scope:
    """Live values, each twice the one before."""
    world = make_world()
    record = world.entities["t.record"]
    live = {f"x{n}": Attribute(f"x{n}", INTEGER, None, "live", f"x{n - 1} + x{n - 1}") for n in range(1, times)}
    live["x0"] = Attribute("x0", INTEGER, None, "live", "i + 1")
    entities = {**world.entities, "t.record": replace(record, attributes={**record.attributes, **live})}
    return Scope(replace(world, entities=entities), "t", "t.record")


def test_live_values_do_not_double_each_other_without_end() -> None:
    assert sum(1 for _ in walk(parse_expression("x5 > 1", doubling(6)).tree)) < MOST_INLINED
    for text in ("x12 > 1", " + ".join(["x5"] * 100), "x5 IN (" + ", ".join(["x5"] * 100) + ")"):
        with pytest.raises(Problems) as caught:
            parse_expression(text, doubling(13))
        assert [one.code for one in caught.value.problems] == ["expr.live-size"], text


def test_names_are_quoted_in_sql() -> None:
    """A column's name comes from YAML through the world: it is quoted wherever it stands."""
    world = make_world()
    record = world.entities["t.record"]
    evil = replace(record.attributes["m"], column='m"; DROP TABLE x; --')
    world = replace(
        world, entities={**world.entities, "t.record": replace(record, attributes={**record.attributes, "m": evil})}
    )
    expr = parse_expression("m + 1", Scope(world, "t", "t.record"))
    assert to_sql(expr, Context(Binder("sqlite"))) == '(r."m""; DROP TABLE x; --" + 100)'
