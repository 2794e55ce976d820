"""The command line as people meet it: what it prints, its exit codes, and that bad input leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import sqlite3
from pathlib import Path

import psycopg
import pytest
from typer.main import get_command

from engine.cli import app
from engine.paths import examples_dir
from engine.problem import Problems
from engine.studio.server.listening import bound
from engine.studio.tenant.opening import opened
from tests.typed import dougong, process

NYC = examples_dir() / "nyc-capital"
CSV = NYC / "data" / "nyc_capital_projects_20190901.csv"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


def test_every_command_and_setting_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    commands = dict(get_command(app).commands)  # type: ignore[attr-defined]
    for name, group in tuple(commands.items()):
        for inner, command in getattr(group, "commands", {}).items():
            commands[f"{name} {inner}"] = command
    assert [name for name in commands if f"`dougong {name} " not in text] == []
    options = {p.envvar for c in commands.values() for p in c.params if p.envvar}
    assert [name for name in options if f"`{name}`" not in text] == []


def test_check_says_where_and_why(tmp_path: Path) -> None:
    (tmp_path / "module.yaml").write_text(
        "module: x\ngrammar: 1\nversion: 1.0.0\ntitle: X\nentities:\n  a:\n    fields:\n      n: {type: intger}\n"
    )
    done = dougong("check", tmp_path)
    assert done.returncode == 1
    assert "module.yaml:8:17" in done.stdout
    assert "integer" in done.stdout
    rows = json.loads(dougong("check", "--json", tmp_path).stdout)
    assert [(r["line"], r["column"]) for r in rows] == [(8, 17)]


def test_check_of_good_packs_is_quiet() -> None:
    done = dougong("check", NYC)
    assert (done.returncode, done.stdout.strip()) == (0, "No problems.")


def test_a_target_that_is_not_there(tmp_path: Path) -> None:
    done = process("show", tmp_path / "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("app.missing: There is no ")
    assert "Traceback" not in done.stderr


def test_show_gives_the_same_bytes_twice() -> None:
    first, second = process("show", "--statements", NYC), process("show", "--statements", NYC)
    assert first.returncode == 0
    assert first.stdout == second.stdout
    assert "nyc_capital__report" in first.stdout


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = process("serve", NYC, "--port", port, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip() == f"port.taken: Port {port} is in use (name another with --port)"
    assert not (tmp_path / "var").exists()


def test_a_port_is_taken_before_anybody_answers() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with bound("127.0.0.1", port):
        socket.create_connection(("127.0.0.1", port), 5).close()
        with pytest.raises(Problems) as second:
            bound("127.0.0.1", port)
    assert [one.code for one in second.value.problems] == ["port.taken"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:////nowhere/at/all/x.db", "x.db cannot be opened"),
        ("postgresql://postgres@127.0.0.1:1/x", "PostgreSQL does not answer"),
        ("mysql://x", "'mysql' is not a database we speak"),
    ],
)
def test_a_database_that_is_not_there(url: str, says: str) -> None:
    done = dougong("import", NYC, "capital_projects", CSV, "--database", url, "--new")
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


MISTYPED = {
    "import": ("import", NYC, "capital_projects", CSV),
    "repost": ("repost", NYC),
    "user": ("user", "password", NYC, "admin", "--one-time"),
    "audit": ("audit", "verify", NYC),
}


@pytest.mark.parametrize("command", MISTYPED)
def test_a_mistyped_database_is_refused_and_not_made(command: str, tmp_path: Path) -> None:
    done = dougong(*MISTYPED[command], "--database", tmp_path / "typo.db", cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    assert f"There is no database {tmp_path / 'typo.db'} (check --database;" in done.stderr
    assert dougong(*MISTYPED[command], cwd=tmp_path).returncode == 1
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty.db").touch()
    done = dougong(*MISTYPED[command], "--database", tmp_path / "empty.db", cwd=tmp_path)
    assert (done.returncode, done.stderr[:13]) == (1, "tenant.empty:")
    database = sqlite3.connect(tmp_path / "empty.db")
    assert database.execute("SELECT name FROM sqlite_master").fetchall() == []
    database.close()


def test_a_mistyped_schema_is_refused_and_not_made(postgres_url: str) -> None:
    done = dougong("repost", NYC, "--database", f"{postgres_url}?schema=typo")
    assert (done.returncode, done.stderr[:45]) == (1, "There is no schema typo in the database (chec")
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'typo'").fetchone()
    assert found == (0,)


def test_a_database_of_somebody_else(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "x.db")
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    done = dougong("import", NYC, "capital_projects", CSV, "--database", tmp_path / "x.db")
    assert done.returncode == 1
    assert "tenant.foreign: The database holds tables that are not ours" in done.stderr


def count(path: Path) -> int:
    connection = sqlite3.connect(path)
    (found,) = connection.execute("SELECT count(*) FROM nyc_capital__report").fetchone()
    connection.close()
    return int(found)


def test_the_real_file_goes_in_whole_and_only_once(tmp_path: Path) -> None:
    first = dougong("import", NYC, "capital_projects", CSV, "--database", tmp_path / "n.db", "--new")
    assert first.returncode == 0, first.stderr
    assert re.search(r"2,?259 rows.*2,?259 created", first.stdout)
    assert count(tmp_path / "n.db") == 2259
    again = dougong("import", NYC, "capital_projects", CSV, "--database", tmp_path / "n.db", "--new")
    assert re.search(r"2,?259 rows.*0 created.*2,?259 there already", again.stdout)
    assert count(tmp_path / "n.db") == 2259


def test_a_dry_run_keeps_nothing(tmp_path: Path) -> None:
    done = dougong("import", NYC, "capital_projects", CSV, "--database", tmp_path / "n.db", "--dry-run", "--new")
    assert done.returncode == 0, done.stderr
    assert count(tmp_path / "n.db") == 0


def test_a_broken_row_is_named_and_nothing_is_kept(tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    shutil.copy(CSV, broken)
    lines = broken.read_text(encoding="utf-8").split("\n")
    lines[2] = lines[2].replace("168751769", "a lot")
    broken.write_text("\n".join(lines), encoding="utf-8")
    done = dougong("import", NYC, "capital_projects", broken, "--database", tmp_path / "n.db", "--new")
    assert done.returncode == 1
    assert "broken.csv:3:1: import.value: Budget Forecast: Expected a number, got a lot" in done.stderr
    assert count(tmp_path / "n.db") == 0


def test_a_mapping_that_is_not_there(tmp_path: Path) -> None:
    done = dougong("import", NYC, "capital", CSV, "--database", tmp_path / "n.db", "--new")
    assert done.returncode == 1
    assert "app.no-import: No import is called capital" in done.stderr


LEDGER = """
module: shop
grammar: 1
version: 1.0.0
title: {zh: 店, en: Shop}
entities:
  sale:
    fields: {code: {type: text, required: true}, amount: {type: money, required: true}}
    unique: {code: [code]}
  entry:
    ledger: {period: month}
    fields: {month: {type: month}, net: {type: money}}
postings:
  sold: {of: sale, while: amount > 0, into: entry, set: {month: 2026-03, net: =amount}}
seeds:
  sale:
    a: {amount: 10}
    b: {amount: 0}
    c: {amount: 5.5}
"""


async def installed(target: Path, database: Path) -> None:
    async with opened(target, str(database), make=True):
        pass


def test_a_ledger_that_lost_entries_is_told_and_mended(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "module.yaml").write_text(LEDGER, encoding="utf-8")
    asked = ("repost", tmp_path / "shop", "--database", tmp_path / "s.db")
    asyncio.run(installed(tmp_path / "shop", tmp_path / "s.db"))
    right = dougong(*asked, "--dry-run")
    assert (right.returncode, right.stdout.strip()) == (0, "Ledgers are as their documents say."), right.stderr
    database = sqlite3.connect(tmp_path / "s.db")
    entries = "SELECT net FROM shop__entry ORDER BY net"
    assert database.execute(entries).fetchall() == [(550,), (1000,)]  # nothing is posted of 0
    database.execute("DELETE FROM shop__entry")
    database.commit()
    wrong = dougong(*asked, "--dry-run")
    assert (wrong.returncode, wrong.stdout.strip()) == (1, "shop.entry: 2"), wrong.stderr
    assert database.execute(entries).fetchall() == []
    assert dougong(*asked).returncode == 0
    assert database.execute(entries).fetchall() == [(550,), (1000,)]
    assert dougong(*asked, "--dry-run").returncode == 0
    database.close()


SUMS = """module: shop
grammar: 1
version: 1.0.0
entities:
  sale:
    fields:
      place: {type: text}
      amount: {type: money}
aggregations:
  sales:
    of: sale
    by: {place: place}
    measures: {amount: SUM(amount)}
    rollups: {places: [place]}
seeds:
  sale:
    a: {place: x, amount: 10}
    b: {place: y, amount: 5.5}
"""


def test_sums_that_differ_are_told_and_counted_anew(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "module.yaml").write_text(SUMS, encoding="utf-8")
    asked = (tmp_path / "shop", "--database", tmp_path / "s.db")

    async def made() -> None:
        async with opened(tmp_path / "shop", str(tmp_path / "s.db"), make=True):
            pass

    asyncio.run(made())
    right = dougong("verify", *asked)
    assert (right.returncode, right.stdout.strip()) == (0, "1 rollups, all as the records say."), right.stderr
    database = sqlite3.connect(tmp_path / "s.db")
    table = next(r[0] for r in database.execute("SELECT name FROM _rollup WHERE name <> log"))
    sums = f'SELECT d0, n, m0 FROM "{table}" ORDER BY d0'
    assert database.execute(sums).fetchall() == [("x", 1, 1000), ("y", 1, 550)]
    database.execute(f'UPDATE "{table}" SET m0 = 999 WHERE d0 = ?', ("x",))
    database.commit()
    wrong = dougong("verify", *asked)
    assert (wrong.returncode, wrong.stdout.strip()) == (1, "shop.sales.places: 1 groups differ from the records")
    assert dougong("repair", *asked).returncode == 0
    assert database.execute(sums).fetchall() == [("x", 1, 1000), ("y", 1, 550)]
    assert dougong("verify", *asked).returncode == 0
    database.close()
