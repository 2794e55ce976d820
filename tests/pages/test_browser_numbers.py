"""The browser's figures against Python's: amounts are added and shifted exactly, moments keep their zone."""

from __future__ import annotations

import json
import random
import subprocess
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from renderer.build import WEB, BuildFailed, node_bin

LIB = WEB / "src" / "lib"
SCRIPT = """
import { fixed, grouped, shift, sum, trimmed } from "%s/numbers.js";
import { toLocal, toUtc } from "%s/zones.js";
const does = { fixed, grouped, shift, sum, trimmed, toLocal, toUtc };
let text = "";
for await (const part of process.stdin) text += part;
console.log(JSON.stringify(JSON.parse(text).map(([name, ...given]) => does[name](...given))));
"""


def in_node(cases: list[list[Any]]) -> list[Any]:
    try:
        node = node_bin() / "node"
    except BuildFailed:
        pytest.skip("no Node here")
    script = SCRIPT % (LIB.as_uri(), LIB.as_uri())
    run = subprocess.run(
        [node, "--input-type=module", "-e", script], input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    found: list[Any] = json.loads(run.stdout)
    return found


def rounded(value: Decimal, scale: int) -> str:
    made = value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    return f"{made if made else abs(made):f}"


def test_amounts() -> None:
    draw = random.Random(7)
    cases: list[list[Any]] = []
    wanted: list[Any] = []
    for _ in range(400):
        scale = draw.choice([0, 1, 2, 4, 6])
        numbers = [Decimal(draw.randint(-(10**17), 10**17)).scaleb(-scale) for _ in range(3)]
        texts = [f"{n:f}" for n in numbers]
        cases.append(["sum", texts, 2])
        wanted.append(rounded(sum((Decimal(rounded(n, 2)) for n in numbers), Decimal(0)), 2))
        cases.append(["fixed", texts[0], 2])
        wanted.append(rounded(numbers[0], 2))
        cases.append(["shift", texts[1], 4, 2])
        wanted.append(rounded(numbers[1].scaleb(-4), 2))
        cases.append(["grouped", texts[2]])
        wanted.append(f"{numbers[2]:,.{scale}f}".replace("-", "−"))
    cases += [["trimmed", "280.000000", 2], ["trimmed", "0.125000", 2], ["trimmed", "7.0000"], ["fixed", "-0.004", 2]]
    wanted += ["280.00", "0.125", "7", "0.00"]
    assert in_node(cases) == wanted


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
def test_moments(zone: str) -> None:
    draw = random.Random(11)
    seconds = [draw.randint(1_500_000_000, 1_900_000_000) // 60 * 60 for _ in range(60)]
    moments = [datetime.fromtimestamp(s, UTC) for s in seconds]
    local = [m.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M") for m in moments]
    utc = [m.strftime("%Y-%m-%dT%H:%M:%SZ") for m in moments]
    assert in_node([["toLocal", u, zone] for u in utc]) == local
    assert in_node([["toUtc", shown, zone] for shown in local]) == utc


def test_the_twin_is_what_the_browser_runs() -> None:
    assert "engine/expr/run/expr.js" in Path(LIB / "programs.js").read_text("utf-8")
