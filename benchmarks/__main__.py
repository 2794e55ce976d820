"""``python -m benchmarks NAME [--quick]``: prints a table, and ends with one line of JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import sys

NAMES = {
    "records": "our records API against a hand-written one, and what a narrow scope costs, on PostgreSQL and SQLite",
    "peers": "our records API against PocketBase, over SQLite",
    "figures": "kept sums: figures against a hand-written application's, at growing sizes, and what writers pay",
    "size": "a list, a create and a dashboard of ours, as entries grow to five million",
    "reading": "200 KB of packs with 1,500 expressions: read, checked, linked",
    "faults": "nothing acknowledged is lost while processes, database, disk and peers fail under load",
    "change": "fifty changes of a system that sixteen people work with: nothing fails, nothing is lost",
    "switch": "a module of the contractor off and on under four processes: how long, and until all of them follow",
    "adding": "kept sums added to a table that four processes write to, and what the longest of them waited",
    "tenants": "a thousand tenants on one process: memory of each, the first answer cold and warm",
    "driver": "asyncpg against psycopg 3: reads, and the LOCK + WRITE pair",
}

JUDGED = {"faults", "change", "adding"}
"""Those whose marks are promises: one that is missed is an error."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("name", choices=[*NAMES, "list"], help="; ".join(f"{k}: {v}" for k, v in NAMES.items()))
    parser.add_argument("--quick", action="store_true", help="fewer rows, shorter rounds: is it alive, not how fast")
    parser.add_argument("--only", default="", help="comma-separated parts, as the table names them")
    options = parser.parse_args()
    if options.name == "list":
        sys.stdout.write("".join(f"{name:10} {says}\n" for name, says in NAMES.items()))
        return 0
    bench = importlib.import_module(f"benchmarks.{options.name}")
    result = bench.run(quick=options.quick, only={o for o in options.only.split(",") if o})
    sys.stdout.write(json.dumps({"name": options.name, **result}, sort_keys=True) + "\n")
    return 1 if options.name in JUDGED and not result["met"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
