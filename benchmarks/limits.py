"""How near the server is to what the database alone does: our own statements, with nothing of ours around them.

On PostgreSQL by pgbench, sixteen connections, prepared; on SQLite by one thread of a process that does nothing else.
Server and database alone are asked in turns.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks import dataset, ours, report
from benchmarks.records import Found, Side, Sizes, one_round
from engine.ask import Ask
from engine.db.call import Call
from engine.plan.question import Filter, Question
from engine.serve.people import auth
from engine.serve.tenant.bind import call
from engine.studio.tenant.opening import opened

HEAD = ("what", "server, per second", "database alone", "of it")
ASKED = ("get", "list")
_FEW = 40
_SCRIPTS = 4
_SETTINGS = {"PGOPTIONS": "-c plan_cache_mode=force_generic_plan -c jit=off"}
_COLON = "'||chr(58)||'"
ENTITY = "bench.labor_entry"


async def _calls(url: str, ids: list[str]) -> dict[str, list[Call]]:
    """The statements that the server answers the clerk's requests with."""
    async with opened(ours.PACK, url, make=False) as made:
        tenant = made.tenant
        me = await auth.as_person(tenant, ours.CLERK_ID)
        assert me is not None
        moment, asker = tenant.moment(me), Ask()
        one = asker.records(tenant.app, Question(ENTITY, one=True, roles=me.roles))
        filters = (Filter("project", "eq"), Filter("status", "eq"))
        many = asker.records(tenant.app, Question(ENTITY, filters=filters, sort=("-work_date",), roles=me.roles))
        listed = [{"f0": project, "f1": "approved", "limit": 50} for project in dataset.clerks_projects()]
        return {
            "get": [call(one.statement, moment, {"id": record}) for record in ids[:: max(1, len(ids) // _FEW)][:_FEW]],
            "list": [call(many.statement, moment, given) for given in listed[:_FEW]],
        }


def compare(
    database: str, sizes: Sizes, side: Side, url: str, ids: list[str]
) -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    """The server's rate as a part of the database's."""
    if database == "postgresql" and shutil.which("pgbench") is None:
        report.say("the database alone: no pgbench here")
        return [], {}
    lines, ratios = [], {}
    calls = asyncio.run(_calls(url, ids))
    for operation in ASKED:
        alone, found = list[float](), Found()
        one_round(side, operation, 0, min(1.0, sizes.seconds), Found())
        with _ready(database, url, calls[operation]) as run:
            for n in range(sizes.rounds):
                one_round(side, operation, n, sizes.seconds, found)
                alone.append(run(sizes.seconds))
        middle, low, high = report.ratio(found.rates, alone)
        rates = [f"{statistics.median(one):,.0f}" for one in (found.rates, alone)]
        lines.append([f"{database} {operation}", *rates, f"{middle:.2f} ({low:.2f}–{high:.2f})"])
        ratios[f"{database}.limit-{operation}"] = {
            "part": round(middle, 2), "low": round(low, 2), "high": round(high, 2),
        }  # fmt: skip
    return lines, ratios


class _Sqlite:
    def __init__(self, url: str, calls: list[Call]) -> None:
        self.connection = sqlite3.connect(urlsplit(url).path)
        self.calls = calls

    def __call__(self, seconds: float) -> float:
        done, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            one = self.calls[done % len(self.calls)]
            self.connection.execute(one.sql, one.values).fetchall()
            done += 1
        return done / (time.perf_counter() - begun)


class _Pgbench:
    def __init__(self, folder: Path, url: str, calls: list[Call]) -> None:
        parts = urlsplit(url)
        host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
        self.command = ["pgbench", "-n", "-M", "prepared", "-c", "16", "-j", "1", "-P", "1"]
        self.command += ["-h", host, "-p", str(parts.port or 5432), "-U", parts.username or ""]
        for n, one in enumerate(calls[:_SCRIPTS]):
            script = folder / f"{n}.sql"
            script.write_text(f"{_told(one)};\n", encoding="utf-8")
            self.command += ["-f", str(script)]
        self.name = parts.path.lstrip("/")

    def __call__(self, seconds: float) -> float:
        command = [*self.command, "-T", str(max(1, round(seconds)) + 1), self.name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | _SETTINGS)
        rates = [float(one) for one in re.findall(r"^progress: .* s, ([\d.]+) tps", done.stderr, re.MULTILINE)]
        if done.returncode or len(rates) < 2:
            raise SystemExit(f"pgbench failed:\n{done.stderr[-2_000:]}")
        return statistics.mean(rates[1:])  # in the first second statements are planned


def _told(one: Call) -> str:
    """The statement with its values in place: pgbench knows no others, and takes a colon for one also in quotes."""
    told = re.sub(r"\$(\d+)", lambda found: _literal(one.values[int(found[1]) - 1]), " ".join(one.sql.split()))
    return re.sub(r"'[^']*'", lambda found: _apart(found[0]), told)


def _apart(quoted: str) -> str:
    return f"({quoted.replace(':', _COLON)})" if ":" in quoted else quoted


def _literal(value: object) -> str:
    if isinstance(value, bool | int):
        return str(value)
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"


@contextmanager
def _ready(database: str, url: str, calls: list[Call]) -> Iterator[_Sqlite | _Pgbench]:
    if database == "sqlite":
        run = _Sqlite(url, calls)
        yield run
        run.connection.close()
        return
    with tempfile.TemporaryDirectory() as folder:
        yield _Pgbench(Path(folder), url, calls)
