"""What a narrow scope costs: the same questions of our server by an administrator, and by somebody whose role shows two
of a hundred projects, in turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping

from benchmarks import dataset, load, report
from benchmarks.records import OURS, Found, Side, Sizes, one_round

HEAD = ("what", "asked by", "per second", "p50 ms", "app CPU µs", "database CPU µs")
ASKED = ("get", "list")


def asking(ids: list[str], secret: str) -> Callable[[str, int, int], list[str]]:
    """Records of his projects one by one; fifty of whatever he sees, newest first."""
    headers = {"Authorization": f"Bearer {secret}"}

    def requests(operation: str, start: int, count: int) -> list[str]:
        if operation == "list":
            return [load.request("GET", f"{OURS}?status=approved&sort=-work_date&limit=50", headers)]
        return [load.request("GET", f"{OURS}/{ids[n % len(ids)]}", headers) for n in range(start, start + count)]

    return requests


def compare(
    database: str, sizes: Sizes, side: Side, tokens: Mapping[str, str]
) -> tuple[list[list[str]], dict[str, dict[str, float]]]:
    """Latency of the restricted to the administrator's: one is the same, more is slower."""
    mine = set(dataset.restricted_projects())
    ids = [e.id for e in dataset.entries(sizes.entries) if e.project in mine]
    people = {
        name: Side(name, side.running, asking(ids, tokens[name]), side.database_cpu)
        for name in (dataset.ADMINISTRATOR, dataset.RESTRICTED)
    }
    lines: list[list[str]] = []
    ratios: dict[str, dict[str, float]] = {}
    for operation in ASKED:
        found = {name: Found() for name in people}
        for who in people.values():
            one_round(who, operation, 0, min(0.5, sizes.seconds), Found())
        for n in range(sizes.rounds):
            for name, who in people.items():
                one_round(who, operation, n, sizes.seconds / 2, found[name])
        for name, f in found.items():
            middles = [statistics.median(each) for each in (f.rates, f.p50, f.app_us, f.database_us)]
            told = [f"{middles[0]:,.0f}", f"{middles[1]:.1f}", f"{middles[2]:,.0f}", f"{middles[3]:,.0f}"]
            lines.append([f"{database} {operation}", name, *told])
        restricted, administrator = found[dataset.RESTRICTED], found[dataset.ADMINISTRATOR]
        middle, low, high = report.ratio(restricted.p50, administrator.p50)
        cpu = statistics.median(
            (a + b) / (c + d)
            for a, b, c, d in zip(
                restricted.app_us, restricted.database_us, administrator.app_us, administrator.database_us, strict=True
            )
        )
        ratios[f"{database}.scope-{operation}"] = {
            "latency": round(middle, 2), "low": round(low, 2), "high": round(high, 2), "cpu": round(cpu, 2),
        }  # fmt: skip
    return lines, ratios
