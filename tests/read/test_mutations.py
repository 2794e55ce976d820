"""Whatever a hand slips to, reading answers with a catalog or with problems, never with a crash."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine.problem import Problems
from engine.read import read_texts

SAMPLE = Path(__file__).parent / "sample"
BASE = {"base.yaml": (SAMPLE / "base.yaml").read_text(encoding="utf-8")}
COST = {"cost-center.yaml": (SAMPLE / "cost-center.yaml").read_text(encoding="utf-8")}
REST = (SAMPLE / "day-labor" / "rest.yaml").read_text(encoding="utf-8")
MODULE = (SAMPLE / "day-labor" / "module.yaml").read_text(encoding="utf-8")
OVERLAY = (SAMPLE / "acme.yaml").read_text(encoding="utf-8")

SLIPS = [
    "", " ", ":", ",", "{", "}", "[", "]", "'", '"', "=", "null", "&a ", "*a", "!x", "#", " #", "\t", "　", "-", "（",
    "\0", "true", "a.b.c", "{}", "[]", ": {", "this.", "0", "%", "{add: [x]}", "\n", "\n  ", "退", "SUM(", ")", "\\",
    "|", ">",
]  # fmt: skip


def slip(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    kind = chance.randrange(5)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, lines[chance.randrange(len(lines))])
    elif kind == 2:
        lines[at] = lines[at].replace(": ", chance.choice(SLIPS), 1)
    elif kind == 3:
        words = lines[at].split(" ")
        words[chance.randrange(len(words))] = chance.choice(SLIPS)
        lines[at] = " ".join(words)
    else:
        place = chance.randrange(len(lines[at]) + 1)
        lines[at] = lines[at][:place] + chance.choice(SLIPS) + lines[at][place + chance.randrange(3) :]
    return "\n".join(lines)


def read(seed: int) -> str:
    """What came of one slip (or two), in pack or overlay, with or without the pack it may do without."""
    chance = random.Random(seed)
    module, rest, overlay = MODULE, REST, OVERLAY
    for _ in range(chance.choice((1, 1, 2, 5))):
        target = chance.randrange(4)
        if target == 0:
            overlay = slip(overlay, chance)
        elif target == 1:
            rest = slip(rest, chance)
        else:
            module = slip(module, chance)
    packs = [BASE, {"d/module.yaml": module, "d/rest.yaml": rest}, *([COST] if seed % 3 else [])]
    try:
        read_texts(packs, [{"acme.yaml": overlay}] if seed % 2 else [])
    except Problems as wrong:
        return "problems" if all(p.says and p.code for p in wrong.problems) else "silence"
    return "catalog"


@pytest.mark.parametrize("seed", range(120))
def test_a_slip_never_crashes(seed: int) -> None:
    assert read(seed) in ("problems", "catalog")


@pytest.mark.long
def test_thousands_of_slips() -> None:
    assert {read(seed) for seed in range(1000, 6000)} == {"problems", "catalog"}
